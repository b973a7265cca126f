//! StreamLogs: the main command's output as one ordered stream of bytes, live or as it is, resumable at any byte.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use prost_types::Timestamp;
use tokio::sync::mpsc;
use tonic::Status;

use super::{
    Api, Problem, container_name,
    deadline::Deadline,
    log_format::{LogSession, Renderer},
    log_reader::LogReader,
};
use crate::{
    supervisor::{NotRunning, Sandbox},
    wire::sandbox::{LogEntry, LogStreamError, StreamLogsRequest},
};

const QUEUE: usize = 16;

type Item = Result<LogEntry, Status>;

impl Api {
    /// Starts a session or takes one up again.
    pub(super) async fn serve_logs(
        &self,
        request: StreamLogsRequest,
        deadline: Deadline,
    ) -> Result<mpsc::Receiver<Item>, Problem> {
        let sandbox = self.find(&request.sandbox_id)?;
        let container = container_name(&sandbox, &request.container)?;
        if request.tail_lines < 0 {
            return Err(Problem::field("tail_lines", "must be 0 (all) or more"));
        }
        let (entries, queue) = mpsc::channel(QUEUE);
        let resumed = if request.resume_log_session_id.is_empty() {
            None
        } else {
            let session = LogSession::from_id(&request.resume_log_session_id);
            let Some(session) = session.filter(|session| session.sandbox_id == request.sandbox_id) else {
                refuse(&entries, "SESSION_NOT_FOUND", "no such log session; start a new one without a session id");
                return Ok(queue);
            };
            Some(session)
        };
        let started = deadline.bound("waiting for the sandbox to start", sandbox.started()).await?;
        let files = started.instance.and_then(|instance| instance.logs(&container));
        let reader = LogReader::new(files.ok_or_else(|| {
            let gone = NotRunning { state: started.state, reason: format!("{}; its log is gone", started.reason) };
            Problem::not_running(&sandbox, &gone)
        })?);
        let offset = if resumed.is_some() { request.resume_log_offset } else { 0 };
        let session = match resumed {
            Some(session) => session,
            None => LogSession {
                start: start(&reader, &request).await.map_err(|error| Problem::io("reading the log", &error))?,
                timestamps: request.timestamps,
                sandbox_id: request.sandbox_id.clone(),
                container,
            },
        };
        let call = Call { sandbox, reader, session, offset, follow: request.follow, entries };
        tokio::spawn(async move {
            tokio::select! {
                () = call.run() => {}
                () = call.entries.closed() => {}
                () = deadline.passed() => {
                    let _ = call.entries.send(Err(Problem::deadline("following the log").into())).await;
                }
            }
        });
        Ok(queue)
    }
}

/// Where a new session begins: the later of what `tail_lines` and `since_time` say.
async fn start(reader: &LogReader, request: &StreamLogsRequest) -> std::io::Result<u64> {
    let tail = match u64::try_from(request.tail_lines) {
        Ok(0) | Err(_) => 0,
        Ok(lines) => reader.tail(lines).await?,
    };
    let since = match &request.since_time {
        Some(Timestamp { seconds, nanos }) => {
            let nanos = i128::from(*seconds) * 1_000_000_000 + i128::from(*nanos);
            reader.since(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX)).await?
        }
        None => 0,
    };
    Ok(tail.max(since))
}

fn refuse(entries: &mpsc::Sender<Item>, code: &str, message: &str) {
    let error = LogStreamError { message: message.to_owned(), code: code.to_owned() };
    // The queue is empty and the receiver still here.
    let _ = entries.try_send(Ok(LogEntry { error: Some(error), ..LogEntry::default() }));
}

struct Call {
    sandbox: Arc<Sandbox>,
    reader: LogReader,
    session: LogSession,
    /// Bytes of the session that the caller has already.
    offset: u64,
    follow: bool,
    entries: mpsc::Sender<Item>,
}

impl Call {
    async fn run(&self) {
        if let Err(error) = self.copy().await {
            let _ = self.entries.send(Err(Problem::io("reading the log", &error).into())).await;
        }
    }

    async fn copy(&self) -> std::io::Result<()> {
        let id = self.session.id();
        let mut renderer = Renderer::new(self.session.timestamps);
        let mut watch = self.follow.then(|| self.reader.watch());
        let (mut at, mut sent) = (self.session.start, 0);
        if !self.session.timestamps {
            // What the caller has need not be read again; with timestamps it is, to know where the lines lie.
            at = at.saturating_add(self.offset);
            sent = self.offset;
            if at > self.reader.len().await? {
                refuse(&self.entries, "INVALID_RESUME_OFFSET", "the session has fewer bytes; start a new one");
                return Ok(());
            }
        }
        loop {
            // Asked before reading: whatever was printed before the end is then still read.
            let ended = self.sandbox.snapshot().state.is_terminal()
                || self.sandbox.container_exit(&self.session.container).is_some();
            loop {
                let pieces = self.reader.read(at).await?;
                if pieces.is_empty() {
                    break;
                }
                let nanos = pieces.first().map_or(0, |piece| piece.nanos);
                let mut data = BytesMut::new();
                for piece in pieces {
                    at += piece.data.len() as u64;
                    renderer.render(&piece, &mut data);
                }
                let known = self.offset.saturating_sub(sent).min(data.len() as u64);
                sent += data.len() as u64;
                let data = data.split_off(known as usize).freeze();
                if !data.is_empty() && !self.send(&id, data, nanos, sent).await {
                    return Ok(());
                }
            }
            if sent < self.offset {
                refuse(&self.entries, "INVALID_RESUME_OFFSET", "the session has fewer bytes; start a new one");
                return Ok(());
            }
            match &mut watch {
                Some(watch) if !ended => tokio::select! {
                    () = watch.changed() => {}
                    () = self.sandbox.container_ended(&self.session.container) => {}
                },
                _ => return Ok(()),
            }
        }
    }

    async fn send(&self, id: &str, data: Bytes, nanos: u64, next_log_offset: u64) -> bool {
        let timestamp =
            Timestamp { seconds: (nanos / 1_000_000_000).cast_signed(), nanos: (nanos % 1_000_000_000) as i32 };
        let log_session_id = id.to_owned();
        let entry = LogEntry { data, timestamp: Some(timestamp), log_session_id, next_log_offset, error: None };
        self.entries.send(Ok(entry)).await.is_ok()
    }
}
