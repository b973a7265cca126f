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
    let runtime::ExecHandle { stdin, stdout, stderr, mut control } = handle;
    drop(stdin);
    let drain = Drain::default();
    let (mut out, mut err) = (Collected::new(limit), Collected::new(limit));
    let status = {
        let pumps = async {
            tokio::join!(out.fill(stdout, &drain), async {
                if let Some(stderr) = stderr {
                    err.fill(stderr, &drain).await;
                }
            })
        };
        tokio::pin!(pumps);
        tokio::select! {
            _ = &mut pumps => control.wait().await,
            status = control.wait() => {
                // Whatever the process left in its pipes still counts; a child that keeps them open does not.
                tokio::select! {
                    _ = &mut pumps => {}
                    () = drain.quiet() => {}
                }
                status
            }
        }
    };
    if let Some(why) = status.lost {
        return Err(Problem::new(
            tonic::Code::Aborted,
            "CWSANDBOX_SANDBOX_NOT_RUNNING",
            format!("the sandbox ended before the command did: {why}"),
        ));
    }
    Ok(ExecResponse {
        exit_code: status.code,
        stdout_truncated: out.truncated(),
        stderr_truncated: err.truncated(),
        stdout_bytes_produced: out.produced,
        stderr_bytes_produced: err.produced,
        stdout: out.bytes(),
        stderr: err.bytes(),
    })
}

/// One stream's beginning, and how much there was.
struct Collected {
    kept: BytesMut,
    limit: usize,
    produced: i64,
}

impl Collected {
    fn new(limit: usize) -> Self {
        Self { kept: BytesMut::new(), limit, produced: 0 }
    }

    async fn fill(&mut self, mut from: impl AsyncRead + Unpin, drain: &Drain) {
        loop {
            let before = self.kept.len();
            self.kept.reserve(CHUNK);
            // A read error is how a pseudo-terminal and a lost sandbox say end of file.
            let Ok(count @ 1..) = from.read_buf(&mut self.kept).await else { return };
            drain.moved();
            self.produced += count as i64;
            self.kept.truncate((before + count).min(self.limit));
        }
    }

    fn truncated(&self) -> bool {
        self.produced > self.kept.len() as i64
    }

    fn bytes(self) -> Bytes {
        self.kept.freeze()
    }
}
