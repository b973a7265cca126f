//! Runs the stream of one process: output to its readers, input after ready, the end into a result.
//! Must not know: who holds the handle.

use std::{
    pin::pin,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use futures::{
    FutureExt, StreamExt,
    channel::{mpsc, oneshot},
    future::{Either, select},
    stream,
};

use super::{
    ExecEvent, ExecPlan, OutputState, OutputStream, ProcessResult, StdinFrame, TerminalSize, streams::Outputs,
};
use crate::{
    client::exec::{ExecSender, ExecStream},
    error::{Error, ErrorKind},
    platform::{BoxFuture, Instant},
};

/// A stream that is open, and on which sandbox.
pub(crate) struct OpenExec {
    pub(crate) sandbox_id: String,
    pub(crate) stream: ExecStream,
}

/// Everything that one process's stream needs.
pub(super) struct Driver {
    pub(super) plan: Arc<ExecPlan>,
    pub(super) outputs: Arc<Outputs>,
    pub(super) sandbox_id: Arc<OnceLock<String>>,
    pub(super) stdin: mpsc::Receiver<Bytes>,
    pub(super) resizes: mpsc::Receiver<TerminalSize>,
    pub(super) started: Instant,
}

/// Why a driver should stop following.
pub(super) enum Stop {
    /// End the process.
    Cancel,
    /// Nobody holds the process any more, and that is meant.
    Detach,
}

impl Driver {
    /// Opens the stream and follows it to its end.
    pub(super) async fn run(
        self,
        open: BoxFuture<'static, Result<OpenExec, Error>>,
        stop: oneshot::Receiver<Stop>,
    ) -> Result<ProcessResult, Error> {
        let Self { plan, outputs, sandbox_id, stdin, resizes, started } = self;
        let followed = {
            let mut following = pin!(follow(open, &sandbox_id, &outputs, stdin, resizes));
            match select(following.as_mut(), stop).await {
                Either::Left((end, _)) => end,
                Either::Right((Ok(Stop::Detach), _)) => following.await,
                // Dropping what is followed ends the call, and the server kills the process group.
                Either::Right((Ok(Stop::Cancel) | Err(_), _)) => {
                    Err(Error::new(ErrorKind::Cancelled, "the process was cancelled"))
                }
            }
        };
        let (stdout, dropped_stdout) = outputs.end(OutputStream::Stdout);
        let (stderr, dropped_stderr) = outputs.end(OutputStream::Stderr);
        let timed_out = matches!(&followed, Err(error) if error.kind() == ErrorKind::SandboxCommandTimeout);
        let result = ProcessResult {
            command: plan.command().to_vec(),
            exit_code: *followed.as_ref().unwrap_or(&-1),
            stdout,
            stderr,
            truncated: dropped_stdout || dropped_stderr,
            timed_out,
            duration: started.elapsed(),
        };
        match followed {
            Ok(_) => Ok(result),
            Err(error) => Err(error.with_payload(result)),
        }
    }
}

async fn follow(
    open: BoxFuture<'static, Result<OpenExec, Error>>,
    opened: &OnceLock<String>,
    outputs: &Outputs,
    stdin: mpsc::Receiver<Bytes>,
    resizes: mpsc::Receiver<TerminalSize>,
) -> Result<i32, Error> {
    let OpenExec { sandbox_id, stream: ExecStream { input, mut output } } = open.await?;
    let (ready, when_ready) = oneshot::channel();
    let mut state = OutputState::new(opened.get_or_init(|| sandbox_id));
    let reading = async {
        let mut ready = Some(ready);
        let failure = loop {
            let event = match output.next().await {
                Some(Ok(message)) => state.accept(message),
                Some(Err(error)) => Err(error),
                None => break None,
            };
            match event {
                Ok(Some(ExecEvent::Ready)) => drop(ready.take().map(|ready| ready.send(()))),
                Ok(Some(ExecEvent::Output(stream, data))) => outputs.deliver(stream, data).await,
                Ok(Some(ExecEvent::Exit(_))) => break None,
                Ok(None) => {}
                Err(error) => break Some(error),
            }
        };
        // Lets a call that is over end by itself instead of being reset.
        if state.exit_code().is_some() {
            let _ = output.next().now_or_never();
        }
        state.finish(failure)
    };
    let mut reading = pin!(reading);
    match select(reading.as_mut(), pin!(feed(input, when_ready, stdin, resizes))).await {
        Either::Left((end, _)) => end,
        Either::Right(((), _)) => reading.await,
    }
}

/// Sends input once the process takes it; end of file when its writer is gone.
async fn feed(
    input: Option<ExecSender>,
    when_ready: oneshot::Receiver<()>,
    stdin: mpsc::Receiver<Bytes>,
    resizes: mpsc::Receiver<TerminalSize>,
) {
    let Some(mut input) = input else { return };
    if when_ready.await.is_err() {
        return;
    }
    let data = stdin.map(StdinFrame::Data).chain(stream::iter([StdinFrame::Close]));
    let mut frames = stream::select(data, resizes.map(StdinFrame::Resize));
    while let Some(frame) = frames.next().await {
        if input.send(frame.into_message()).await.is_err() {
            return;
        }
    }
}
