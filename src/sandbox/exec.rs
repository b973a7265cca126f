//! Starting processes in a sandbox. Must not know: how their streams are followed.

use std::{collections::BTreeMap, time::Duration};

use super::{ExecOutcome, Sandbox};
use crate::{
    client::{self, CallOptions},
    error::{CallContext, Error, Operation},
    platform::spawn,
    process::{
        ExecOptions, ExecPlan, Keep, Keeper, OpenExec, PreparedExec, Process, ProcessResult, TerminalSession,
        TerminalSize,
    },
    wire::jetway::v1::terminal_request::Message,
};

/// Becomes bash where there is one.
const DEFAULT_SHELL: [&str; 3] = ["/bin/sh", "-c", "command -v bash >/dev/null 2>&1 && exec bash; exec sh"];

/// Options of a shell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShellOptions {
    /// What to run. Default: bash where there is one, else sh.
    pub command: Vec<String>,
    /// The terminal's size. Default: 80 by 24.
    pub size: TerminalSize,
    /// Working directory, absolute.
    pub cwd: Option<String>,
    /// Environment, on top of the sandbox's. `TERM` is `xterm-256color` unless given.
    pub env: BTreeMap<String, String>,
    /// Which container of the sandbox. Default: the primary one.
    pub container: Option<String>,
    /// How long it may run; then it is killed. Default: for ever.
    pub timeout: Option<Duration>,
    /// Keeps it on the server when the connection is lost. Default: it ends with its connection.
    pub keep: Option<Keep>,
}

impl ShellOptions {
    /// Sets what to run.
    pub fn command<Part: Into<String>>(mut self, command: impl IntoIterator<Item = Part>) -> Self {
        self.command = command.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the terminal's size.
    pub fn size(mut self, cols: u16, rows: u16) -> Self {
        self.size = TerminalSize { cols, rows };
        self
    }

    /// Sets the working directory, absolute.
    pub fn cwd(mut self, cwd: impl Into<String>) -> Self {
        self.cwd = Some(cwd.into());
        self
    }

    /// Adds a variable to the environment.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Sets which container it runs in.
    pub fn container(mut self, name: impl Into<String>) -> Self {
        self.container = Some(name.into());
        self
    }

    /// Limits how long it may run.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Keeps it on the server when the connection is lost, and connects again by itself.
    ///
    /// ```no_run
    /// # async fn example(sandbox: jetway::Sandbox) -> Result<(), jetway::Error> {
    /// use jetway::{process::Keep, sandbox::ShellOptions};
    ///
    /// let shell = sandbox.shell(ShellOptions::default().keep(Keep::new()));
    /// let (id, seen) = (shell.id().unwrap_or_default(), shell.offset());
    /// shell.detach();
    /// // Later, or elsewhere: what was printed meanwhile, and nothing twice.
    /// let shell = sandbox.shell(ShellOptions::default().keep(Keep::new().id(id).from(seen)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn keep(mut self, keep: Keep) -> Self {
        self.keep = Some(keep);
        self
    }

    /// The command and options that make a shell of these.
    pub fn into_exec(self) -> (Vec<String>, ExecOptions) {
        let Self { command, size, cwd, mut env, container, timeout, keep } = self;
        let command = match command.is_empty() {
            true => DEFAULT_SHELL.map(str::to_owned).to_vec(),
            false => command,
        };
        env.entry("TERM".to_owned()).or_insert_with(|| "xterm-256color".to_owned());
        let mut options = ExecOptions::default().stdin(true).tty(size);
        (options.cwd, options.env, options.container, options.timeout) = (cwd, env, container, timeout);
        options.keep = keep;
        (command, options)
    }
}

impl Sandbox {
    /// Starts a process, at once; it waits for the sandbox by itself. What is wrong with the command or its options is
    /// the error of its result.
    ///
    /// ```no_run
    /// # async fn example(sandbox: jetway::Sandbox) -> Result<(), jetway::Error> {
    /// let result = sandbox.exec(["echo", "hi"], Default::default()).await?;
    /// assert_eq!(result.stdout_text(), "hi\n");
    /// # Ok(())
    /// # }
    /// ```
    pub fn exec<Part: Into<String>>(&self, command: impl IntoIterator<Item = Part>, options: ExecOptions) -> Process {
        let command: Vec<String> = command.into_iter().map(Into::into).collect();
        let plan = match ExecPlan::new(command.clone(), options) {
            Ok(plan) => plan,
            Err(error) => return Process::refused(&self.inner.client, command, error),
        };
        let keeper = plan.options().keep.clone().map(Keeper::new);
        let (sandbox, planned, kept) = (self.clone(), plan.clone(), keeper.clone());
        let process = Process::follow(
            &self.inner.client,
            plan,
            keeper,
            Box::pin(async move {
                let sandbox_id = sandbox.ready_for_work().await?;
                let client = &sandbox.inner.client;
                let stream = match kept {
                    Some(keeper) => keeper.open(client, &planned, &sandbox_id).await?,
                    None => {
                        let PreparedExec { head, plan, first } = sandbox.prepare_on(planned, &sandbox_id).await?;
                        client::exec::start(client, head, first, plan.keeps_input_open()).await?
                    }
                };
                Ok(OpenExec { sandbox_id, stream })
            }),
        );
        if self.is_counted() {
            let sandbox = self.clone();
            let ending = process.ending();
            spawn(async move { sandbox.executed(outcome(&ending.await)) });
        }
        process
    }

    /// Starts a shell in a terminal, at once.
    pub fn shell(&self, options: ShellOptions) -> TerminalSession {
        let (command, options) = options.into_exec();
        TerminalSession::new(self.exec(command, options))
    }

    /// Everything that opening a process's stream takes, once the sandbox can be given work: for hosts with their own
    /// pipes.
    ///
    /// # Errors
    /// Validation, naming the option; whatever kept the sandbox from starting; not running; authentication.
    pub async fn prepare_exec(&self, command: Vec<String>, options: ExecOptions) -> Result<PreparedExec, Error> {
        let plan = ExecPlan::new(command, options)?;
        let id = self.ready_for_work().await?;
        self.prepare_on(plan, &id).await
    }

    async fn prepare_on(&self, plan: ExecPlan, id: &str) -> Result<PreparedExec, Error> {
        let context = CallContext::on(Operation::StreamExec, id);
        let calls = CallOptions { timeout: plan.options().timeout };
        let mut head = self.inner.client.call_head(context, &calls).await?;
        head.interactive = plan.options().tty.is_some();
        Ok(PreparedExec { head, first: Message::Init(plan.init(id)), plan })
    }
}

/// A check that failed has an exit code too; a process whose end is not known has none.
fn outcome(result: &Result<ProcessResult, Error>) -> ExecOutcome {
    let ended = match result {
        Ok(result) => Some(result),
        Err(error) => error.payload::<ProcessResult>().filter(|result| result.exit_code >= 0),
    };
    ended.map_or(ExecOutcome::Failed, |result| ExecOutcome::Exited(result.exit_code))
}
