//! The handle of a process. Must not know: the wire, which transport carries it.

use std::{
    future::IntoFuture,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use futures::{
    FutureExt,
    channel::{mpsc, oneshot},
    future::Shared,
};

use super::{
    ExecPlan, Keeper, Lines, OutputStream, ProcessOutput, ProcessResult, StdinWriter, TerminalSize,
    driver::{Driver, OpenExec, Stop},
    signal::{self, signal_name},
    streams::Outputs,
};
use crate::{
    client::Client,
    error::{Error, ErrorKind},
    platform::{BoxFuture, now, spawn},
};

/// How a process ended, for everybody who asks.
pub(super) type Ending = Shared<BoxFuture<'static, Result<ProcessResult, Error>>>;

/// A process in a sandbox. It runs already; await it for its [`ProcessResult`].
///
/// Output that is not streamed by [`stdout`](Self::stdout) and [`stderr`](Self::stderr) is collected for the result, up
/// to `max_buffer_bytes` each. Reading and awaiting work in any order, but a stream that is held and not read holds up
/// the process. Dropping the handle and all of its output streams cancels the process and the server kills its group;
/// [`detach`](Self::detach) does not.
pub struct Process {
    client: Client,
    plan: Arc<ExecPlan>,
    keeper: Option<Keeper>,
    /// Known once the stream is open.
    sandbox_id: Arc<OnceLock<String>>,
    ending: Ending,
    outputs: Arc<Outputs>,
    guard: Arc<KillGuard>,
    stdin: Option<StdinWriter>,
    resizes: Option<mpsc::Sender<TerminalSize>>,
}

/// Cancels the process when the last holder is gone.
pub(super) struct KillGuard(Mutex<Option<oneshot::Sender<Stop>>>);

impl KillGuard {
    fn send(&self, stop: Stop) {
        if let Some(sender) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // An ended process listens no more.
            let _ = sender.send(stop);
        }
    }
}

impl Process {
    /// Follows a process in the background from the moment that `open` opens its stream.
    pub(crate) fn follow(
        client: &Client,
        plan: ExecPlan,
        keeper: Option<Keeper>,
        open: BoxFuture<'static, Result<OpenExec, Error>>,
    ) -> Self {
        let plan = Arc::new(plan);
        let sandbox_id = Arc::new(OnceLock::new());
        let outputs = Arc::new(Outputs::new(plan.max_buffer_bytes()));
        let (writer, stdin) = StdinWriter::new();
        let (resizer, resizes) = mpsc::channel(1);
        let (stop, stopped) = oneshot::channel();
        let driver = Driver {
            client: client.clone(),
            keeper: keeper.clone(),
            plan: Arc::clone(&plan),
            outputs: Arc::clone(&outputs),
            sandbox_id: Arc::clone(&sandbox_id),
            stdin,
            resizes,
            started: now(),
        };
        let ending: BoxFuture<'static, _> = Box::pin(driver.run(open, stopped));
        let ending = ending.shared();
        // Without a runtime whoever awaits drives it.
        spawn(ending.clone().map(drop));
        let options = plan.options();
        Self {
            stdin: plan.keeps_input_open().then_some(writer),
            resizes: options.tty.is_some().then_some(resizer),
            client: client.clone(),
            plan,
            keeper,
            sandbox_id,
            ending,
            outputs,
            guard: Arc::new(KillGuard(Mutex::new(Some(stop)))),
        }
    }

    /// A process that cannot be started: its result is `error`.
    pub(crate) fn refused(client: &Client, command: Vec<String>, error: Error) -> Self {
        Self::follow(client, ExecPlan::refused(command), None, Box::pin(std::future::ready(Err(error))))
    }

    /// How it ended, once it has. Waiting for it keeps nothing alive.
    pub(crate) fn ending(&self) -> impl Future<Output = Result<ProcessResult, Error>> + use<> {
        self.ending.clone()
    }

    /// The command as given.
    pub fn command(&self) -> &[String] {
        self.plan.command()
    }

    /// Its live stdout, from the start. `None` when it was taken before.
    pub fn stdout(&self) -> Option<ProcessOutput> {
        self.outputs.read(OutputStream::Stdout, self.ending.clone(), Arc::clone(&self.guard))
    }

    /// Its live stderr, from the start. `None` when it was taken before.
    pub fn stderr(&self) -> Option<ProcessOutput> {
        self.outputs.read(OutputStream::Stderr, self.ending.clone(), Arc::clone(&self.guard))
    }

    /// The lines of its stdout. `None` when stdout was taken before.
    pub fn lines(&self) -> Option<Lines> {
        self.stdout().map(Lines::new)
    }

    /// Its stdin. `None` unless the options asked for it, and when it was taken before.
    pub fn stdin(&mut self) -> Option<StdinWriter> {
        self.stdin.take()
    }

    pub(super) fn resizes(&mut self) -> Option<mpsc::Sender<TerminalSize>> {
        self.resizes.take()
    }

    /// Its terminal, if that was to be kept.
    pub(super) fn keeper(&self) -> Option<&Keeper> {
        self.keeper.as_ref()
    }

    /// Its exit code, if it has one already.
    pub fn exit_code(&self) -> Option<i32> {
        self.ending.peek()?.as_ref().ok().map(|result| result.exit_code)
    }

    /// Waits for its exit code; `check` does not apply.
    ///
    /// # Errors
    /// Whatever kept it from being followed to its end.
    pub async fn wait(&self) -> Result<i32, Error> {
        self.ending.clone().await.map(|result| result.exit_code)
    }

    /// Waits for its result.
    ///
    /// # Errors
    /// Validation for a command or options that cannot be run; whatever kept the sandbox from starting; command timeout;
    /// cancelled; execution for a non-zero exit under `check`. See [`ProcessResult::of`] for what came until then.
    pub async fn result(&self) -> Result<ProcessResult, Error> {
        self.ending.clone().await?.checked(&self.plan)
    }

    /// Sends a signal to the process and what it started; says whether there was something to signal. `KILL` ends it as
    /// [`cancel`](Self::cancel) does; any other needs `/proc` and a shell in the sandbox.
    ///
    /// # Errors
    /// Validation for what is no signal; not supported where the process could not be marked; as any call.
    pub async fn kill(&self, signal: &str) -> Result<bool, Error> {
        let name = signal_name(signal)?;
        if self.ending.peek().is_some() {
            return Ok(false);
        }
        if name == "KILL" || name == "9" {
            self.cancel();
            return Ok(self.ending.clone().await.is_err());
        }
        let Some(sandbox_id) = self.sandbox_id.get() else { return Ok(false) };
        let unmarked = || Error::new(ErrorKind::NotSupported, "the process carries no mark to find it by");
        let mark = self.plan.mark().ok_or_else(unmarked)?;
        signal::send(&self.client, sandbox_id, self.plan.options().container.clone(), mark, &name).await
    }

    /// Ends the call; the server kills the process group, also in a kept terminal. Its result is then a cancelled error.
    pub fn cancel(&self) {
        self.guard.send(Stop::Cancel);
    }

    /// Lets it run to its end although nobody holds it any more. A kept terminal stays as long as it waits for somebody.
    pub fn detach(self) {
        self.guard.send(Stop::Detach);
    }

    /// The same; resolves when it is let go of.
    pub(super) async fn detached(self) {
        let ending = self.ending();
        self.detach();
        // How that went is nobody's any more.
        let _ = ending.await;
    }
}

impl IntoFuture for Process {
    type Output = Result<ProcessResult, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(mut self) -> Self::IntoFuture {
        // Nobody can write any more: without this a process that reads to the end of its input would never end.
        self.stdin = None;
        Box::pin(async move { self.result().await })
    }
}
