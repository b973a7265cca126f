//! Exec: one command, its collected output. The command dies with the call.

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::{
    Api, Problem, Ready,
    deadline::Deadline,
    plan::{Faults, check_command, check_env},
    stream_exec::Drain,
};
use crate::{
    runtime,
    wire::sandbox::{ExecRequest, ExecResponse},
};

/// Kept of each stream when the caller names no limit.
const DEFAULT_MAX_OUTPUT: usize = 32 * 1024 * 1024;
/// Two streams must fit one message.
const MAX_OUTPUT: usize = 48 * 1024 * 1024;
const CHUNK: usize = 64 * 1024;

impl Api {
    /// Runs a command to its end.
    pub(super) async fn run(&self, request: ExecRequest, deadline: Deadline) -> Result<ExecResponse, Problem> {
        let ExecRequest { sandbox_id, command, env, max_output_bytes, container } = request;
        let mut faults = Faults::default();
        check_command("command", &command, &mut faults);
        check_env("env", &env, &mut faults);
        faults.check(max_output_bytes >= 0, "max_output_bytes", "must be 0 (the server's choice) or more");
        faults.finish()?;
        let limit = match usize::try_from(max_output_bytes) {
            Ok(0) | Err(_) => DEFAULT_MAX_OUTPUT,
            Ok(limit) => limit.min(MAX_OUTPUT),
        };
        let Ready { sandbox, instance, container } = self.ready(&sandbox_id, &container, deadline).await?;
        let _in_use = sandbox.activity.begin();
        let request = runtime::ExecRequest { container, argv: command, env, tty: None, stdin: false };
        let collected = async {
            let handle = instance.exec(request).await.map_err(|error| Problem::runtime(&sandbox, error))?;
            collect(handle, limit).await
        };
        tokio::select! {
            biased;
            answer = collected => answer,
            // Dropping the collection drops the handle, which kills the process group.
            () = deadline.passed() => Err(Problem::command_timeout()),
        }
    }
}

async fn collect(handle: runtime::ExecHandle, limit: usize) -> Result<ExecResponse, Problem> {
    let (collected, _) = collect_until(handle, limit, std::future::pending()).await;
    let Collected { exit, stdout, stderr, produced: (out, err) } = collected;
    let exit_code = exit.map_err(|why| {
        let text = format!("the sandbox ended before the command did: {why}");
        Problem::new(tonic::Code::Aborted, "CWSANDBOX_SANDBOX_NOT_RUNNING", text)
    })?;
    Ok(ExecResponse {
        exit_code,
        stdout_truncated: out > stdout.len() as i64,
        stderr_truncated: err > stderr.len() as i64,
        stdout_bytes_produced: out,
        stderr_bytes_produced: err,
        stdout,
        stderr,
    })
}

/// What a command printed, and how it ended.
pub(super) struct Collected {
    /// The exit code, or why the sandbox was lost.
    pub exit: Result<i32, String>,
    /// Its beginning.
    pub stdout: Bytes,
    /// Its beginning.
    pub stderr: Bytes,
    /// How much there was of each.
    produced: (i64, i64),
}

/// Runs a command to its end, or kills it when `over` resolves; says whether it did.
pub(super) async fn collect_until(
    handle: runtime::ExecHandle,
    limit: usize,
    over: impl Future<Output = ()>,
) -> (Collected, bool) {
    collect_thinned(handle, limit, over, |_| {}).await
}

/// The same; what was read of stdout so far passes through `thin`, which may take something out before the limit counts.
pub(super) async fn collect_thinned(
    handle: runtime::ExecHandle,
    limit: usize,
    over: impl Future<Output = ()>,
    thin: impl FnMut(&mut BytesMut),
) -> (Collected, bool) {
    let runtime::ExecHandle { stdin, stdout, stderr, mut control } = handle;
    drop(stdin);
    let drain = Drain::default();
    let (mut out, mut err) = (Stream::new(limit), Stream::new(limit));
    let mut killed = false;
    let status = {
        let pumps = async {
            tokio::join!(out.fill(stdout, &drain, thin), async {
                if let Some(stderr) = stderr {
                    err.fill(stderr, &drain, |_| {}).await;
                }
            })
        };
        tokio::pin!(pumps, over);
        let mut pumped = false;
        loop {
            tokio::select! {
                _ = &mut pumps, if !pumped => pumped = true,
                status = control.wait() => {
                    // Whatever the process left in its pipes still counts; a child that keeps them open does not.
                    if !pumped {
                        tokio::select! {
                            _ = &mut pumps => {}
                            () = drain.quiet() => {}
                        }
                    }
                    break status;
                }
                () = &mut over, if !killed => {
                    control.kill();
                    killed = true;
                }
            }
        }
    };
    let exit = status.lost.map_or(Ok(status.code), Err);
    (Collected { exit, produced: (out.produced, err.produced), stdout: out.bytes(), stderr: err.bytes() }, killed)
}

/// One stream's beginning, and how much there was.
struct Stream {
    kept: BytesMut,
    limit: usize,
    produced: i64,
}

impl Stream {
    fn new(limit: usize) -> Self {
        Self { kept: BytesMut::new(), limit, produced: 0 }
    }

    async fn fill(&mut self, mut from: impl AsyncRead + Unpin, drain: &Drain, mut thin: impl FnMut(&mut BytesMut)) {
        loop {
            self.kept.reserve(CHUNK);
            // A read error is how a pseudo-terminal and a lost sandbox say end of file.
            let Ok(count @ 1..) = from.read_buf(&mut self.kept).await else { return };
            drain.moved();
            self.produced += count as i64;
            thin(&mut self.kept);
            self.kept.truncate(self.limit);
        }
    }

    fn bytes(self) -> Bytes {
        self.kept.freeze()
    }
}
