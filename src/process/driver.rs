//! Runs the stream of one process: output to its readers, input after ready, the end into a result.
//! Must not know: who holds the handle.

use std::{
    pin::pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::{
    FutureExt, Stream, StreamExt,
    channel::{mpsc, oneshot},
    future::{Either, select},
    stream,
};

use super::{
    ExecEvent, ExecPlan, Keeper, OutputState, OutputStream, PING_EVERY, ProcessResult, SILENCE, StdinFrame,
    TerminalSize, streams::Outputs,
};
use crate::{
    client::{
        self, CallOptions, Client,
        exec::{ExecSender, ExecStream},
    },
    error::{Error, ErrorKind},
    platform::{BoxFuture, Instant, sleep, timeout},
};

/// How long what was typed may take to arrive once nobody holds its terminal any more.
const FAREWELL: Duration = Duration::from_secs(2);

/// A stream that is open, and on which sandbox.
pub(crate) struct OpenExec {
    pub(crate) sandbox_id: String,
    pub(crate) stream: ExecStream,
}

/// Everything that one process's stream needs.
pub(super) struct Driver {
    pub(super) client: Client,
    pub(super) plan: Arc<ExecPlan>,
    pub(super) keeper: Option<Keeper>,
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
        let Self { client, plan, keeper, outputs, sandbox_id, stdin, resizes, started } = self;
        let kept = keeper.as_ref().map(|keeper| Kept { keeper, client: &client, plan: &plan });
        let mut cancelled = false;
        let followed = {
            let (arrived, arrival) = oneshot::channel();
            let farewell = Farewell { arrived: Some(arrived), asked: &AtomicBool::new(false) };
            let mut following = pin!(follow(open, kept, &sandbox_id, &outputs, stdin, resizes, farewell));
            match select(following.as_mut(), stop).await {
                Either::Left((end, _)) => end,
                Either::Right((Ok(Stop::Detach), _)) if keeper.is_none() => following.await,
                Either::Right((Ok(Stop::Detach), _)) => {
                    let arrived = async {
                        // An error: it is over.
                        let _ = timeout(Some(FAREWELL), arrival).await;
                    };
                    match select(following, pin!(arrived)).await {
                        Either::Left((end, _)) => end,
                        Either::Right(((), _)) => Err(let_go()),
                    }
                }
                // Dropping what is followed ends the call, and the server kills the process group.
                Either::Right((stop, _)) => {
                    cancelled = matches!(stop, Ok(Stop::Cancel));
                    Err(let_go())
                }
            }
        };
        // A kept terminal outlives the call: unless it is only let go of, it has to be told.
        if let (Some(keeper), Some(id), true) = (&keeper, sandbox_id.get(), cancelled)
            && keeper.kept() == Some(true)
        {
            // One that is gone, or whose server is, ends without us.
            let _ = client::terminals::end(&client, id, &keeper.id(), &CallOptions::default()).await;
        }
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

fn let_go() -> Error {
    Error::new(ErrorKind::Cancelled, "the process was cancelled")
}

/// Tells when a terminal that is let go of has everything that was typed: its server has answered what came after that.
struct Farewell<'a> {
    arrived: Option<oneshot::Sender<()>>,
    /// Whether there is nothing more to come.
    asked: &'a AtomicBool,
}

/// What connecting again takes.
#[derive(Clone, Copy)]
struct Kept<'a> {
    keeper: &'a Keeper,
    client: &'a Client,
    plan: &'a ExecPlan,
}

impl Kept<'_> {
    /// Waits and connects until it succeeds or is of no use.
    async fn reconnect(self, sandbox_id: &str, mut error: Error) -> Result<ExecStream, Error> {
        loop {
            let Some(delay) = self.keeper.lost(&error) else { return Err(error) };
            sleep(delay).await;
            // Nothing comes back on a connection whose other end is gone.
            self.client.forget_interactive();
            let opening = self.keeper.open(self.client, self.plan, sandbox_id);
            match timeout(Some(SILENCE), opening).await.unwrap_or_else(|_| Err(Keeper::silent())) {
                Ok(stream) => return Ok(stream),
                Err(failure) => error = failure,
            }
        }
    }
}

/// What goes into a process, and what was taken and has not left.
struct Input<Frames> {
    frames: Frames,
    unsent: Option<StdinFrame>,
    /// A kept terminal's: its end is not the input's, and the server is asked whether it is there.
    kept: bool,
}

async fn follow(
    open: BoxFuture<'static, Result<OpenExec, Error>>,
    kept: Option<Kept<'_>>,
    opened: &OnceLock<String>,
    outputs: &Outputs,
    stdin: mpsc::Receiver<Bytes>,
    resizes: mpsc::Receiver<TerminalSize>,
    mut farewell: Farewell<'_>,
) -> Result<i32, Error> {
    let OpenExec { sandbox_id, mut stream } = open.await?;
    let sandbox_id = opened.get_or_init(|| sandbox_id);
    let mut state = OutputState::new(sandbox_id);
    let keeper = kept.map(|kept| kept.keeper);
    let close = stream::iter(keeper.is_none_or(|keeper| keeper.kept() == Some(false)).then_some(StdinFrame::Close));
    let frames = stream::select(stdin.map(StdinFrame::Data).chain(close), resizes.map(StdinFrame::Resize));
    let mut input = Input { frames, unsent: None, kept: keeper.is_some_and(|keeper| keeper.kept() != Some(false)) };
    loop {
        let failure = attend(stream, &mut state, keeper, outputs, &mut input, &mut farewell).await;
        let Some(kept) = kept.filter(|_| state.exit_code().is_none()) else { return state.finish(failure) };
        let Err(error) = state.finish(failure) else { return state.finish(None) };
        stream = kept.reconnect(sandbox_id, error).await?;
        state.reconnected();
    }
}

/// Follows one stream to its end; gives what broke it.
async fn attend(
    stream: ExecStream,
    state: &mut OutputState,
    keeper: Option<&Keeper>,
    outputs: &Outputs,
    typed: &mut Input<impl Stream<Item = StdinFrame> + Unpin>,
    Farewell { arrived, asked }: &mut Farewell<'_>,
) -> Option<Error> {
    let ExecStream { input, mut output } = stream;
    let asked: &AtomicBool = asked;
    let (ready, when_ready) = oneshot::channel();
    let silence = typed.kept.then_some(SILENCE);
    let reading = async {
        let mut ready = Some(ready);
        let failure = loop {
            let next = timeout(silence, output.next()).await.unwrap_or_else(|_| Some(Err(Keeper::silent())));
            let event = match next {
                Some(Ok(message)) => state.accept(message),
                Some(Err(error)) => Err(error),
                None => break None,
            };
            if let (Some(keeper), Ok(Some(event))) = (keeper, &event) {
                keeper.note(event);
            }
            match event {
                Ok(Some(ExecEvent::Ready)) => drop(ready.take().map(|ready| ready.send(()))),
                Ok(Some(ExecEvent::Output(stream, data))) => outputs.deliver(stream, data).await,
                Ok(Some(ExecEvent::Exit(_))) => break None,
                Ok(Some(ExecEvent::Pong)) if asked.load(Ordering::Relaxed) => {
                    // Nobody need wait.
                    let _ = arrived.take().map(|arrived| arrived.send(()));
                }
                Ok(_) => {}
                Err(error) => break Some(error),
            }
        };
        // Lets a call that is over end by itself instead of being reset.
        if state.exit_code().is_some() {
            let _ = output.next().now_or_never();
        }
        failure
    };
    let mut reading = pin!(reading);
    match select(reading.as_mut(), pin!(feed(input, when_ready, keeper, typed, asked))).await {
        Either::Left((end, _)) => end,
        Either::Right(((), _)) => reading.await,
    }
}

/// Sends input once the process takes it; end of file when its writer is gone.
async fn feed(
    input: Option<ExecSender>,
    when_ready: oneshot::Receiver<()>,
    keeper: Option<&Keeper>,
    typed: &mut Input<impl Stream<Item = StdinFrame> + Unpin>,
    asked: &AtomicBool,
) {
    let Some(mut input) = input else { return };
    if when_ready.await.is_err() {
        return;
    }
    loop {
        let next = match typed.unsent.take() {
            Some(frame) => Some(frame),
            None if typed.kept => match select(typed.frames.next(), pin!(sleep(PING_EVERY))).await {
                Either::Left((Some(frame), _)) => Some(frame),
                // Its writer is gone, and the terminal is not.
                Either::Left((None, rest)) => {
                    // At once the first time: somebody may wait for all of it to arrive.
                    if asked.swap(true, Ordering::Relaxed) {
                        rest.await;
                    }
                    Some(StdinFrame::Ping)
                }
                Either::Right(_) => Some(StdinFrame::Ping),
            },
            None => typed.frames.next().await,
        };
        let Some(frame) = next else { return };
        if let (Some(keeper), StdinFrame::Resize(size)) = (keeper, &frame) {
            keeper.resized(*size);
        }
        // Whatever does not leave goes over the next connection.
        typed.unsent = Some(frame.clone()).filter(|frame| *frame != StdinFrame::Ping);
        if input.send(frame.into_message()).await.is_err() {
            return;
        }
        typed.unsent = None;
    }
}
