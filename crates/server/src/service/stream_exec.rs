//! StreamExec: one command, its streams both ways. Output leaves as it is produced, and a reader that does not read
//! blocks the command. The command dies with the call.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use bytes::{BufMut, Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::{mpsc, oneshot},
};
use tonic::{Status, Streaming};

use super::{
    Api, Problem, Ready,
    deadline::Deadline,
    plan::{Faults, check_command, check_env},
    view::timestamp,
};
use crate::{
    runtime::{self, ExecHandle},
    wire::sandbox::{
        ExecStreamExit, ExecStreamOutput, ExecStreamReady, ExecStreamRequest, ExecStreamResponse,
        exec_stream_output::Stream, exec_stream_request, exec_stream_response,
    },
};

/// One read, and so the largest output message.
const CHUNK: usize = 64 * 1024;
/// Messages between the pipe and the connection.
const QUEUE: usize = 16;
/// As many of them may wait when somebody types: what is shown must not lag behind what is typed.
pub(super) const TERMINAL_QUEUE: usize = 2;
/// How long a call may stay without its first message.
const INIT_WITHIN: Duration = Duration::from_secs(10);
const DEFAULT_TERMINAL: (u16, u16) = (80, 24);
const END_OF_TRANSMISSION: u8 = 4;

type Item = Result<ExecStreamResponse, Status>;

impl Api {
    /// Starts serving a call. The answer begins at once; everything that may go wrong comes through it.
    pub(super) fn serve_exec(
        &self,
        requests: Streaming<ExecStreamRequest>,
        deadline: Deadline,
    ) -> mpsc::Receiver<Item> {
        let (answers, queue) = mpsc::channel(QUEUE);
        let api = self.clone();
        tokio::spawn(async move {
            let served = tokio::select! {
                served = api.exec_call(requests, deadline, &answers) => served,
                // The caller is gone. Dropping the call drops the handle, which kills the process group.
                () = answers.closed() => return,
            };
            if let Err(problem) = served {
                let _ = answers.send(Err(problem.into())).await;
            }
        });
        queue
    }

    async fn exec_call(
        &self,
        mut requests: Streaming<ExecStreamRequest>,
        deadline: Deadline,
        answers: &mpsc::Sender<Item>,
    ) -> Result<(), Problem> {
        let message = deadline.bound("waiting for the init message", first(&mut requests, "init")).await??;
        let Some(exec_stream_request::Message::Init(init)) = message.and_then(|request| request.message) else {
            return Err(Problem::field("init", "the first message must be init"));
        };
        let mut faults = Faults::default();
        check_command("init.command", &init.command, &mut faults);
        check_env("init.env", &init.env, &mut faults);
        faults.finish()?;
        let Ready { sandbox, instance, container } = self.ready(&init.sandbox_id, &init.container, deadline).await?;
        let _in_use = sandbox.activity.begin();
        let tty = init.tty.then(|| terminal_size((init.tty_width, init.tty_height)));
        let request = runtime::ExecRequest { container, argv: init.command, env: init.env, tty, stdin: true };
        let started = deadline.bound("starting the command", instance.exec(request)).await?;
        let handle = started.map_err(|error| Problem::runtime(&sandbox, error))?;
        send(
            answers,
            exec_stream_response::Message::Ready(ExecStreamReady { ready_time: Some(timestamp(SystemTime::now())) }),
        )
        .await;
        let status = tokio::select! {
            biased;
            status = attend(handle, requests, tty.is_some(), answers) => status,
            () = deadline.passed() => return Err(Problem::command_timeout()),
        };
        if let Some(why) = status.lost {
            let error = crate::wire::sandbox::ExecStreamError {
                message: format!("the sandbox ended before the command did: {why}"),
                code: "CWSANDBOX_SANDBOX_NOT_RUNNING".to_owned(),
            };
            send(answers, exec_stream_response::Message::Error(error)).await;
            return Ok(());
        }
        let completed_time = Some(timestamp(SystemTime::now()));
        send(answers, exec_stream_response::Message::Exit(ExecStreamExit { exit_code: status.code, completed_time }))
            .await;
        Ok(())
    }
}

/// A new window size, and who waits for it.
struct Resize {
    columns: u16,
    rows: u16,
    done: oneshot::Sender<()>,
}

/// What a call begins with: it comes soon, or the call is over. `None` when the caller says nothing at all.
pub(super) async fn first<T>(requests: &mut Streaming<T>, name: &str) -> Result<Option<T>, Problem> {
    match tokio::time::timeout(INIT_WITHIN, requests.message()).await {
        Ok(Ok(message)) => Ok(message),
        Ok(Err(status)) => Err(Problem::new(status.code(), "CWSANDBOX_INVALID_REQUEST", status.message())),
        Err(_) => Err(Problem::deadline(&format!("waiting for the {name} message"))),
    }
}

/// Moves bytes both ways until the process ended and its output is out.
async fn attend(
    handle: ExecHandle,
    requests: Streaming<ExecStreamRequest>,
    tty: bool,
    answers: &mpsc::Sender<Item>,
) -> runtime::ExitStatus {
    let ExecHandle { stdin, stdout, stderr, mut control } = handle;
    let drain = Drain::default();
    let (resizes, mut sizes) = mpsc::channel(4);
    let input = feed(requests, stdin, tty, resizes);
    let queue = if tty { TERMINAL_QUEUE } else { QUEUE };
    let output = async {
        tokio::join!(pump(stdout, Stream::Stdout, answers, queue, &drain), async {
            if let Some(stderr) = stderr {
                pump(stderr, Stream::Stderr, answers, queue, &drain).await;
            }
        });
    };
    tokio::pin!(input, output);
    let (mut input_open, mut output_open, mut exit) = (true, true, None);
    loop {
        tokio::select! {
            Some(Resize { columns, rows, done }) = sizes.recv() => {
                control.resize(columns, rows);
                let _ = done.send(());
            }
            () = &mut output, if output_open => output_open = false,
            status = control.wait(), if exit.is_none() => exit = Some(status),
            () = &mut input, if input_open => input_open = false,
            // Whatever the process left in its pipes still counts; a child that keeps them open does not.
            () = drain.quiet(), if exit.is_some() && output_open => output_open = false,
        }
        if !output_open && let Some(status) = exit {
            return status;
        }
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    stream: Stream,
    answers: &mpsc::Sender<Item>,
    queue: usize,
    drain: &Drain,
) {
    let mut buffer = BytesMut::new();
    loop {
        // Small outputs share one allocation; a full chunk gets, and soon gets back, one of its own.
        if buffer.capacity() == 0 || buffer.capacity() < CHUNK / 4 {
            buffer.reserve(CHUNK);
        }
        let room = buffer.capacity().min(CHUNK);
        // A read error is how a pseudo-terminal and a lost sandbox say end of file.
        let Ok(1..) = from.read_buf(&mut (&mut buffer).limit(room)).await else { return };
        let output = ExecStreamOutput { stream: stream.into(), data: buffer.split().freeze() };
        drain.blocked(true);
        // A caller that is gone is noticed by whoever started the call.
        if let Ok(mut room) = answers.reserve_many(QUEUE + 1 - queue).await
            && let Some(place) = room.next()
        {
            place.send(message(exec_stream_response::Message::Output(output)));
        }
        drain.blocked(false);
        drain.moved();
    }
}

/// Passes stdin on. A close, a half-close and a broken request are all end of file: the process must learn of it.
async fn feed(
    mut requests: Streaming<ExecStreamRequest>,
    mut stdin: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    tty: bool,
    resizes: mpsc::Sender<Resize>,
) {
    let mut line_open = false;
    while let Ok(Some(ExecStreamRequest { message: Some(message) })) = requests.message().await {
        match message {
            exec_stream_request::Message::Stdin(bytes) => {
                line_open = bytes.last().map_or(line_open, |last| *last != b'\n');
                // What a process that ended does not read is dropped without a word.
                if let Some(to) = &mut stdin
                    && write(to, bytes).await.is_err()
                {
                    stdin = None;
                }
            }
            exec_stream_request::Message::Resize(resize) => {
                let (columns, rows) = terminal_size((resize.width, resize.height));
                // What is typed after a resize is for a terminal of the new size: it waits until there is one.
                let (done, resized) = oneshot::channel();
                if resizes.send(Resize { columns, rows, done }).await.is_err() || resized.await.is_err() {
                    return;
                }
            }
            exec_stream_request::Message::Close(_) => end_input(&mut stdin, tty, line_open).await,
            // A second init is a mistake that changes nothing.
            exec_stream_request::Message::Init(_) => {}
        }
    }
    end_input(&mut stdin, tty, line_open).await;
    // A terminal's writing end must outlive the input, or the process is hung up on instead of told.
    if let Some(kept) = stdin {
        let _kept = kept;
        std::future::pending::<()>().await;
    }
}

async fn end_input(stdin: &mut Option<Box<dyn AsyncWrite + Send + Unpin>>, tty: bool, line_open: bool) {
    if !tty {
        *stdin = None;
        return;
    }
    if let Some(to) = stdin {
        let _ = write(to, end_of_input(line_open)).await;
    }
}

/// What is typed to end a terminal's input. In the middle of a line the first one only submits what is there.
pub(super) fn end_of_input(line_open: bool) -> Bytes {
    Bytes::from(vec![END_OF_TRANSMISSION; if line_open { 2 } else { 1 }])
}

async fn write(to: &mut (dyn AsyncWrite + Send + Unpin), bytes: Bytes) -> std::io::Result<()> {
    to.write_all(&bytes).await?;
    to.flush().await
}

async fn send(answers: &mpsc::Sender<Item>, say: exec_stream_response::Message) {
    // A caller that is gone is noticed by whoever started the call.
    let _ = answers.send(message(say)).await;
}

fn message(say: exec_stream_response::Message) -> Item {
    Ok(ExecStreamResponse { message: Some(say) })
}

/// Columns and rows as a caller gave them; 0 means the default.
pub(super) fn terminal_size((columns, rows): (u32, u32)) -> (u16, u16) {
    let size = |asked: u32, default| match asked {
        0 => default,
        asked => u16::try_from(asked).unwrap_or(u16::MAX),
    };
    (size(columns, DEFAULT_TERMINAL.0), size(rows, DEFAULT_TERMINAL.1))
}

/// Tells a pipe that is still being emptied from one that a background child merely keeps open.
#[derive(Default)]
pub(super) struct Drain {
    moves: AtomicU64,
    blocked: AtomicBool,
}

impl Drain {
    const QUIET: Duration = Duration::from_millis(50);

    /// Bytes came through.
    pub fn moved(&self) {
        self.moves.fetch_add(1, Ordering::Relaxed);
    }

    /// Bytes wait for the caller to read.
    fn blocked(&self, blocked: bool) {
        self.blocked.store(blocked, Ordering::Relaxed);
    }

    /// Resolves once nothing came through for a while. Starts over whenever it is called anew.
    pub async fn quiet(&self) {
        loop {
            let before = self.moves.load(Ordering::Relaxed);
            tokio::time::sleep(Self::QUIET).await;
            if !self.blocked.load(Ordering::Relaxed) && self.moves.load(Ordering::Relaxed) == before {
                return;
            }
        }
    }
}
