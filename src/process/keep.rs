//! Terminals that outlive their connections: how one is asked for, how far its output came, when to connect again.
//! Pure but for the clock, and shared with the web host. Must not know: who reads the output, what carries it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::channel::mpsc;

use super::{ExecEvent, ExecPlan, TerminalSize};
use crate::{
    client::{self, Backoff, CallHead, CallOptions, Client, exec::ExecStream},
    error::{CallContext, Diagnosis, Error, ErrorKind, Operation},
    platform::{Instant, now, random_bytes},
    wire::jetway::v1::{TerminalAttach, terminal_request::Message},
};

/// The longest that a terminal is kept while nobody is connected.
pub const MAX_KEEP: Duration = Duration::from_secs(24 * 3600);
/// How often a server is asked whether it is there.
pub const PING_EVERY: Duration = Duration::from_secs(10);
/// A server that says nothing for so long is not: it has been asked at least once.
pub const SILENCE: Duration = Duration::from_secs(25);
const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(5);
const LONGEST_ID: usize = 64;

/// Keeps a terminal on the server when its connection is lost: it runs on, its last mebibyte of output is kept, and the
/// session connects again by itself. Servers that cannot keep terminals open a plain one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Keep {
    /// Its name: one of that name is connected to, otherwise it is started. Unique in the sandbox; 1 to 64 letters, digits,
    /// `-`, `_` and `.`. Default: a new one.
    pub id: Option<String>,
    /// From which byte of its output on to show it, as an earlier session's `offset` said. Default: all that is kept.
    pub from: Option<u64>,
    /// How long it waits for somebody to come back, up to [`MAX_KEEP`]. Default: the server's, 10 minutes.
    pub keep_for: Option<Duration>,
    /// Fails with `CWSANDBOX_TERMINAL_NOT_FOUND` instead of starting one. Needs `id`.
    pub attach_only: bool,
}

impl Keep {
    /// A new one under a new name.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets its name: one of that name is connected to, otherwise it is started.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets from which byte of its output on to show it.
    pub fn from(mut self, offset: u64) -> Self {
        self.from = Some(offset);
        self
    }

    /// Sets how long it waits for somebody to come back.
    pub fn keep_for(mut self, limit: Duration) -> Self {
        self.keep_for = Some(limit);
        self
    }

    /// Fails when there is none of that name.
    pub fn attach_only(mut self) -> Self {
        self.attach_only = true;
        self
    }

    /// This, checked, and with a name.
    pub(super) fn named(mut self) -> Result<Self, Error> {
        if self.keep_for.is_some_and(|limit| limit.is_zero() || limit > MAX_KEEP) {
            return Err(Error::invalid("keep.for", "must be longer than zero and at most 24 hours"));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        match &self.id {
            Some(id) if id.is_empty() || id.len() > LONGEST_ID || !id.chars().all(plain) => {
                let text = format!("must be 1 to {LONGEST_ID} letters, digits, \"-\", \"_\" and \".\", got {id:?}");
                return Err(Error::invalid("keep.id", text));
            }
            None if self.attach_only => return Err(Error::invalid("keep.id", "must say which terminal to attach to")),
            Some(_) => {}
            None => self.id = Some(random_name()?),
        }
        Ok(self)
    }
}

fn random_name() -> Result<String, Error> {
    let bytes = random_bytes::<9>().ok_or_else(|| {
        Error::new(ErrorKind::Configuration, "this host has no randomness to name a terminal: give `keep.id`")
    })?;
    Ok(format!("t-{}", bytes.map(|byte| format!("{byte:02x}")).concat()))
}

/// What a terminal's connection is doing.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TerminalState {
    /// What is typed arrives, and what is printed is shown.
    Open {
        /// Whether it outlives its connection.
        kept: bool,
        /// Whether it was there before.
        resumed: bool,
    },
    /// The connection was lost; the next attempt follows.
    Reconnecting {
        /// Which attempt it is, from 1.
        attempt: u32,
        /// In what time it is made.
        delay: Duration,
        /// What happened to the connection, or to the attempt before.
        error: Error,
    },
    /// So many bytes that it printed meanwhile are gone: more than what is kept of them.
    Dropped(u64),
}

/// A kept terminal as its session knows it. Clones are the same one.
#[derive(Clone)]
pub struct Keeper(Arc<Mutex<Inner>>);

struct Inner {
    keep: Keep,
    /// Tells the server that a new connection takes the place of this session's earlier one.
    client: String,
    started: Instant,
    size: Option<TerminalSize>,
    kept: Option<bool>,
    resumed: bool,
    offset: Option<u64>,
    first: Option<u64>,
    dropped: u64,
    patience: Duration,
    lost: Option<Loss>,
    states: mpsc::UnboundedSender<TerminalState>,
    watching: Option<mpsc::UnboundedReceiver<TerminalState>>,
}

struct Loss {
    since: Instant,
    attempts: u32,
    backoff: Backoff,
}

impl Keeper {
    /// Nothing is connected yet. `keep` is a plan's.
    pub(crate) fn new(keep: Keep) -> Self {
        let (states, watching) = mpsc::unbounded();
        let client = random_bytes::<9>().map(|bytes| bytes.map(|byte| format!("{byte:02x}")).concat());
        let inner = Inner {
            offset: keep.from,
            keep,
            client: client.unwrap_or_default(),
            started: now(),
            size: None,
            kept: None,
            resumed: false,
            first: None,
            dropped: 0,
            patience: Duration::ZERO,
            lost: None,
            states,
            watching: Some(watching),
        };
        Self(Arc::new(Mutex::new(inner)))
    }

    /// Its name.
    pub fn id(&self) -> String {
        self.lock().keep.id.clone().unwrap_or_default()
    }

    /// Whether it outlives its connection; `None` until that is known.
    pub fn kept(&self) -> Option<bool> {
        self.lock().kept
    }

    /// Whether it was there before.
    pub fn resumed(&self) -> bool {
        self.lock().resumed
    }

    /// How much of its output came, in bytes from its start.
    pub fn offset(&self) -> u64 {
        self.lock().offset.unwrap_or_default()
    }

    /// Where the output that it showed began.
    pub fn first(&self) -> u64 {
        self.lock().first.unwrap_or_default()
    }

    /// How many bytes of it are missing.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// What its connection does from now on. `None` when that was taken before.
    pub fn states(&self) -> Option<mpsc::UnboundedReceiver<TerminalState>> {
        self.lock().watching.take()
    }

    /// Everything but the body of the call that connects it, and its first message.
    ///
    /// # Errors
    /// As [`Client::call_head`].
    pub(crate) async fn prepare(
        &self,
        client: &Client,
        plan: &ExecPlan,
        sandbox_id: &str,
    ) -> Result<(CallHead, Message), Error> {
        let plain = self.kept() == Some(false);
        let operation = if plain { Operation::StreamExec } else { Operation::AttachTerminal };
        let started = self.lock().started;
        let timeout = plan.options().timeout.map(|limit| started.remaining(limit));
        let context = CallContext::on(operation, sandbox_id);
        let mut head = client.call_head(context, &CallOptions { timeout }).await?;
        head.interactive = true;
        let mut init = plan.init(sandbox_id);
        if plain {
            return Ok((head, Message::Init(init)));
        }
        let inner = self.lock();
        if let Some(size) = inner.size {
            (init.tty_width, init.tty_height) = (size.cols.into(), size.rows.into());
        }
        let attach = TerminalAttach {
            terminal_id: inner.keep.id.clone().unwrap_or_default(),
            init: Some(init),
            client_id: inner.client.clone(),
            from: inner.offset,
            keep: inner.keep.keep_for.and_then(|limit| limit.try_into().ok()),
            // One that was there and is gone must not turn into another one unnoticed.
            must_exist: inner.keep.attach_only || inner.kept == Some(true),
        };
        Ok((head, Message::Attach(attach)))
    }

    /// Connects it, or opens a plain one where none are kept.
    ///
    /// # Errors
    /// As `client::exec::open`.
    pub(crate) async fn open(&self, client: &Client, plan: &ExecPlan, sandbox_id: &str) -> Result<ExecStream, Error> {
        loop {
            let (head, first) = self.prepare(client, plan, sandbox_id).await?;
            match client::exec::start(client, head, first, true).await {
                Err(error) if self.falls_back(&error) => {}
                opened => return opened,
            }
        }
    }

    /// Whether a failed attempt means that this server keeps no terminals, so that a plain one is to be opened.
    pub(crate) fn falls_back(&self, error: &Error) -> bool {
        let mut inner = self.lock();
        let unknown = error.metadata().get("http_status").is_some_and(|status| status == "404");
        let out_of_scope = error.reason() == Some("CWSANDBOX_OUT_OF_SCOPE");
        let cannot = error.kind() == ErrorKind::NotSupported || unknown || out_of_scope;
        let plain = cannot && inner.kept.is_none() && !inner.keep.attach_only;
        if plain {
            inner.kept = Some(false);
        }
        plain
    }

    /// Takes note of what the server said.
    pub(crate) fn note(&self, event: &ExecEvent) {
        let mut inner = self.lock();
        match event {
            ExecEvent::Attached(attached) => {
                inner.kept = Some(true);
                inner.resumed = !attached.started;
                inner.offset = Some(attached.offset);
                inner.first.get_or_insert(attached.offset);
                inner.patience = attached.keep;
                inner.lost = None;
            }
            ExecEvent::Dropped(bytes) => {
                inner.dropped += bytes;
                inner.offset = inner.offset.map(|offset| offset + bytes);
                inner.tell(TerminalState::Dropped(*bytes));
            }
            ExecEvent::Ready => {
                let (kept, resumed) = (inner.kept == Some(true), inner.resumed);
                inner.tell(TerminalState::Open { kept, resumed });
            }
            ExecEvent::Output(_, data) => inner.advance(data.len()),
            ExecEvent::Exit(_) | ExecEvent::Pong => {}
        }
    }

    /// Output that was not seen as an event.
    pub fn advance(&self, bytes: usize) {
        self.lock().advance(bytes);
    }

    /// The terminal has another size, to be told to whoever is connected next.
    pub(crate) fn resized(&self, size: TerminalSize) {
        self.lock().size = Some(size);
    }

    /// The connection, or an attempt to connect again, failed: how long to wait before the next. `None` when that is of
    /// no use.
    pub(crate) fn lost(&self, error: &Error) -> Option<Duration> {
        let mut inner = self.lock();
        if inner.kept != Some(true) || !passes(error) {
            return None;
        }
        let patience = inner.patience;
        let loss = inner.lost.get_or_insert_with(|| Loss {
            since: now(),
            attempts: 0,
            backoff: Backoff::new(FIRST_DELAY, LONGEST_DELAY),
        });
        if loss.since.elapsed() >= patience {
            return None;
        }
        loss.attempts += 1;
        let (attempt, delay) = (loss.attempts, loss.backoff.next());
        inner.tell(TerminalState::Reconnecting { attempt, delay, error: error.clone() });
        Some(delay)
    }

    /// A server that should have said something and did not.
    pub(crate) fn silent() -> Error {
        Error::network(Diagnosis::ConnectionLost, "the server has not answered for a while")
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn advance(&mut self, bytes: usize) {
        self.offset = Some(self.offset.unwrap_or_default() + bytes as u64);
    }

    fn tell(&self, state: TerminalState) {
        // Nobody need watch.
        let _ = self.states.unbounded_send(state);
    }
}

/// Whether a connection that failed so may stand later. A stream that ends without an exit is one whose server went.
fn passes(error: &Error) -> bool {
    error.retryable() && (error.kind().is(ErrorKind::Network) || error.kind().is(ErrorKind::SandboxUnavailable))
        || error.kind() == ErrorKind::Protocol && error.reason().is_none()
}
