//! The handles: the contexts of a sandbox, and one of them. Must not know: how they are connected.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use futures::channel::mpsc;
use serde::Deserialize;

use super::{
    Language,
    connection::{self, Command, Place, answer, listen},
    exchange::{Exchange, RunOptions},
    outcome::{self, Execution},
    run::{Interrupter, Run},
};
use crate::{
    error::{Error, ErrorKind},
    process::ExecOptions,
    sandbox::Sandbox,
};

/// Options of a new context.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContextOptions {
    /// Its language. Default: Python.
    pub language: Language,
    /// Where it begins, absolute. Default: the sandbox's working directory.
    pub cwd: Option<String>,
    /// Environment, on top of the sandbox's.
    pub env: BTreeMap<String, String>,
}

impl ContextOptions {
    /// A context in `language`.
    pub fn new(language: Language) -> Self {
        Self { language, ..Self::default() }
    }

    /// Sets where it begins, absolute.
    pub fn cwd(mut self, cwd: impl Into<String>) -> Self {
        self.cwd = Some(cwd.into());
        self
    }

    /// Adds a variable to the environment.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }
}

/// What a sandbox tells about one of its contexts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ContextInfo {
    /// Its id.
    pub id: String,
    /// Its language by name.
    pub language: String,
    /// The version of its interpreter.
    pub version: String,
    /// Where it began.
    pub cwd: String,
    /// Whether it still has its interpreter; otherwise the next run gets a new one and says so.
    pub alive: bool,
    /// When its interpreter was started, in milliseconds since 1970 by the sandbox's clock.
    pub started_at_ms: u64,
}

/// The code contexts of a sandbox. Cheap to clone. Keep it: it holds the connections, and a second one has its own.
#[derive(Clone)]
pub struct Code {
    sandbox: Sandbox,
    contexts: Arc<Mutex<HashMap<String, Context>>>,
}

impl Sandbox {
    /// Its code contexts.
    ///
    /// ```no_run
    /// # async fn example(sandbox: jetway::Sandbox) -> Result<(), jetway::Error> {
    /// let code = sandbox.code();
    /// code.run("x = 42", Default::default()).await?;
    /// assert_eq!(code.run("x + 1", Default::default()).await?.text(), Some("43"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn code(&self) -> Code {
        Code { sandbox: self.clone(), contexts: Arc::default() }
    }
}

impl Code {
    /// Runs Python in the sandbox's default context.
    ///
    /// # Errors
    /// As [`Context::run`].
    pub async fn run(&self, source: impl Into<Bytes>, options: RunOptions) -> Result<Execution, Error> {
        self.default_context(Language::Python)?.run(source, options).await
    }

    /// The context of a language that every caller shares; it is started by its first run.
    ///
    /// # Errors
    /// None as of now; a language may come that has no such context.
    pub fn default_context(&self, language: Language) -> Result<Context, Error> {
        self.open(language.name(), true, Place::default())
    }

    /// Starts a context of its own.
    ///
    /// # Errors
    /// Not supported when the sandbox has no such interpreter; validation, execution or file for a `cwd` that cannot be;
    /// whatever kept the sandbox from starting.
    pub async fn create_context(&self, options: ContextOptions) -> Result<Context, Error> {
        let ContextOptions { language, cwd, env } = options;
        let id = language.new_context()?;
        let context = self.open(&id, true, Place { cwd, env })?;
        let (listener, greeting) = listen();
        context.tell(Command::Greet(listener))?;
        answer(greeting).await?;
        Ok(context)
    }

    /// A context by its id, as a page that was loaded again has it. Whether it is there shows when it is used.
    ///
    /// # Errors
    /// Validation for what is no id.
    pub fn context(&self, id: &str) -> Result<Context, Error> {
        let is_default = Language::ALL.iter().any(|language| language.name() == id);
        self.open(id, is_default, Place::default())
    }

    fn open(&self, id: &str, create: bool, place: Place) -> Result<Context, Error> {
        let mut contexts = self.contexts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(context) = contexts.get(id) {
            return Ok(context.clone());
        }
        let exchange = Exchange::new(id, create)?;
        let language = exchange.language();
        let commands = connection::open(self.sandbox.clone(), exchange, place);
        let context = Context { id: id.into(), language, commands, keys: Arc::default() };
        contexts.insert(id.to_owned(), context.clone());
        Ok(context)
    }

    /// All contexts of the sandbox, whoever started them.
    ///
    /// # Errors
    /// Not supported when the sandbox has no interpreter that keeps contexts; whatever kept the sandbox from starting.
    pub async fn list(&self) -> Result<Vec<ContextInfo>, Error> {
        for language in Language::ALL {
            for put in [false, true] {
                if put {
                    let driver = Bytes::from_static(language.driver().as_bytes());
                    self.sandbox.write_file(&language.driver_path(), driver).await?;
                }
                let listed = self.sandbox.exec(language.list(), ExecOptions::default()).await?;
                match listed.exit_code {
                    0 => return outcome::read(&listed.stdout),
                    126 | 127 => break,
                    _ => {}
                }
            }
        }
        Err(Error::new(ErrorKind::NotSupported, "this sandbox has no interpreter that keeps code contexts")
            .with_hint("Use an image that has python3 or node"))
    }
}

/// An interpreter that keeps its state. Cheap to clone. Runs are done one after another, in the order they were asked for.
///
/// Dropping it ends nothing: the context stays until [`delete`](Self::delete) or the end of the sandbox.
#[derive(Clone)]
pub struct Context {
    id: Arc<str>,
    language: Language,
    commands: mpsc::UnboundedSender<Command>,
    keys: Arc<AtomicU64>,
}

impl Context {
    /// Its id: enough to find it again from anywhere.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its language.
    pub fn language(&self) -> Language {
        self.language
    }

    /// Runs code and waits for its end. An exception of the code is in the execution, not an error.
    ///
    /// # Errors
    /// Validation for a time limit of zero or a source over 64 MiB; not supported when the sandbox has no such
    /// interpreter; execution with the reason `CODE_CONTEXT_NOT_FOUND` for a context that is not there; whatever keeps
    /// the sandbox from being called.
    pub async fn run(&self, source: impl Into<Bytes>, options: RunOptions) -> Result<Execution, Error> {
        self.start(source, options)?.finish().await
    }

    /// Runs code and gives what it does as it comes.
    ///
    /// # Errors
    /// Cancelled without a runtime; everything else comes from the run.
    pub fn start(&self, source: impl Into<Bytes>, options: RunOptions) -> Result<Run, Error> {
        let (listener, events) = listen();
        let key = self.keys.fetch_add(1, Ordering::Relaxed);
        self.tell(Command::Run { key, source: source.into(), options, listener })?;
        let interrupter = Interrupter { commands: self.commands.clone(), key, armed: true };
        Ok(Run { events, interrupter, done: None })
    }

    /// Interrupts whatever runs in it, whoever asked for it. Its state stays.
    ///
    /// # Errors
    /// Cancelled without a runtime.
    pub fn interrupt(&self) -> Result<(), Error> {
        self.tell(Command::InterruptRunning)
    }

    /// Gives it a new interpreter; what runs ends, what waits goes on in the new one.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn restart(&self) -> Result<(), Error> {
        let (listener, events) = listen();
        self.tell(Command::Restart(listener))?;
        answer(events).await.map(drop)
    }

    /// Ends it with everything in it.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn delete(&self) -> Result<(), Error> {
        let (listener, events) = listen();
        self.tell(Command::Shutdown(listener))?;
        match answer(events).await {
            // It may be gone before it can say so.
            Err(error) if error.kind() != ErrorKind::Cancelled => Err(error),
            _ => Ok(()),
        }
    }

    fn tell(&self, command: Command) -> Result<(), Error> {
        let closed = |_| Error::new(ErrorKind::Cancelled, "code contexts need a runtime to be connected by");
        self.commands.unbounded_send(command).map_err(closed)
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("id", &self.id).finish_non_exhaustive()
    }
}
