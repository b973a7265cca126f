//! One terminal: what runs in it, what it printed last, who is connected. It runs on while nobody is, and ends by itself
//! when nobody comes back. Must not know: the wire, which other terminals there are.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use tokio::{
    io::AsyncReadExt,
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    history::History,
    keyboard::{self, Input},
};
use crate::runtime::{ExecHandle, ExitStatus};

/// Printed and not yet taken: beyond it what runs has to wait. What is shown must not lag behind what is typed.
const WINDOW: u64 = 64 * 1024;
/// One read, and so the largest output message.
const CHUNK: usize = 32 * 1024;
/// Whoever is not heard of for so long is not waited for. A page that is not looked at says something once a minute.
const PATIENCE: Duration = Duration::from_secs(90);
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// What the process left behind still counts; a child that keeps the terminal open does not.
const QUIET: Duration = Duration::from_millis(50);
/// How long an end that was told is remembered, for a caller whose connection broke on the word.
const REMEMBERED: Duration = Duration::from_secs(30);

/// What a terminal is and stays.
pub(super) struct Facts {
    pub id: String,
    pub sandbox_id: String,
    pub container: String,
    pub command: Vec<String>,
    pub created: SystemTime,
}

/// A terminal that outlives its connections.
pub(super) struct Terminal {
    pub facts: Facts,
    state: Mutex<State>,
    /// Rings when there is more to read.
    printed: watch::Sender<()>,
    /// Rings when somebody read, came, went or was heard of.
    moved: watch::Sender<()>,
    keyboard: mpsc::Sender<Input>,
    kill: CancellationToken,
}

struct State {
    history: History,
    readers: BTreeMap<u64, Reader>,
    next: u64,
    ended: Option<ExitStatus>,
    told: Option<Told>,
    size: (u16, u16),
    keep: Duration,
    deserted: Instant,
}

struct Reader {
    client: String,
    position: u64,
    heard: Instant,
}

struct Told {
    client: String,
    at: Instant,
}

/// What a terminal shows of itself.
pub(super) struct Shown {
    pub connected: usize,
    /// In what time it ends unless somebody connects.
    pub expires: Option<Duration>,
    pub offset: u64,
    pub exit_code: Option<i32>,
    pub size: (u16, u16),
    pub keep: Duration,
}

impl Terminal {
    /// Follows what was started until it ends or nobody comes back for `keep`, then calls `over`.
    pub fn follow(
        facts: Facts,
        handle: ExecHandle,
        size: (u16, u16),
        keep: Duration,
        over: impl FnOnce(&Arc<Self>) + Send + 'static,
    ) -> Arc<Self> {
        let (keyboard, inputs) = mpsc::channel(keyboard::QUEUE);
        let state = State {
            history: History::default(),
            readers: BTreeMap::new(),
            next: 0,
            ended: None,
            told: None,
            size,
            keep,
            deserted: Instant::now(),
        };
        let terminal = Arc::new(Self {
            facts,
            state: Mutex::new(state),
            printed: watch::Sender::new(()),
            moved: watch::Sender::new(()),
            keyboard,
            kill: CancellationToken::new(),
        });
        let followed = terminal.clone();
        tokio::spawn(async move {
            followed.run(handle, inputs).await;
            followed.linger().await;
            over(&followed);
        });
        terminal
    }

    /// Kills what runs in it; it is over as soon as that ended.
    pub fn end(&self) {
        self.kill.cancel();
    }

    /// What it shows of itself.
    pub fn shown(&self) -> Shown {
        let state = self.lock();
        Shown {
            connected: state.readers.len(),
            expires: state.expires().map(|at| at.saturating_duration_since(Instant::now())),
            offset: state.history.end(),
            exit_code: state.ended.as_ref().map(|status| status.code),
            size: state.size,
            keep: state.keep,
        }
    }

    /// Connects `client`, from a byte of the output on or from the oldest that is kept. `None` for a terminal that is over:
    /// its end was told, and not to this client.
    pub fn attach(self: &Arc<Self>, client: &str, from: Option<u64>, keep: Option<Duration>) -> Option<Attachment> {
        let printed = self.printed.subscribe();
        let mut state = self.lock();
        let over = self.kill.is_cancelled()
            || state.told.as_ref().is_some_and(|told| client.is_empty() || told.client != client);
        if over {
            return None;
        }
        if !client.is_empty() {
            // Its earlier connection is dead, whether or not that has been noticed.
            state.readers.retain(|_, reader| reader.client != client);
        }
        state.keep = keep.unwrap_or(state.keep);
        let (start, end) = (state.history.start(), state.history.end());
        // Somebody who claims to have seen more than was printed means another terminal: show what there is.
        let wanted = from.filter(|from| *from <= end).unwrap_or(start);
        let key = state.next;
        state.next += 1;
        let reader = Reader { client: client.to_owned(), position: wanted, heard: Instant::now() };
        state.readers.insert(key, reader);
        drop(state);
        self.printed.send_replace(());
        self.moved.send_replace(());
        Some(Attachment { terminal: self.clone(), key, offset: wanted, printed })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(&self, handle: ExecHandle, inputs: mpsc::Receiver<Input>) {
        let ExecHandle { stdin, mut stdout, mut control, .. } = handle;
        let (resizes, mut sizes) = mpsc::channel(4);
        let typing = keyboard::pass_on(inputs, stdin, resizes);
        tokio::pin!(typing);
        let mut moved = self.moved.subscribe();
        let mut buffer = vec![0; CHUNK];
        let (mut exit, mut output_open, mut typing_open, mut killed) = (None, true, true, false);
        let status = loop {
            moved.borrow_and_update();
            let (room, expires) = {
                let state = self.lock();
                (state.has_room() && output_open, state.expires())
            };
            if expires.is_some_and(|at| at <= Instant::now()) {
                self.end();
            }
            tokio::select! {
                // In this order: output without end must not hold up what is typed, and no clock is faster than output.
                biased;
                () = self.kill.cancelled(), if !killed => { killed = true; control.kill(); }
                Some((size, done)) = sizes.recv() => {
                    control.resize(size.0, size.1);
                    self.lock().size = size;
                    // Whoever waited for it may be gone.
                    let _: Result<(), ()> = done.send(());
                }
                () = &mut typing, if typing_open => typing_open = false,
                status = control.wait(), if exit.is_none() => exit = Some(status),
                read = stdout.read(&mut buffer), if room => match read {
                    Ok(count @ 1..) => self.print(&buffer[..count]),
                    // A read error is how a pseudo-terminal and a lost sandbox say end of file.
                    _ => output_open = false,
                },
                _ = moved.changed() => {}
                () = sleep(LOOK_AGAIN), if output_open && !room => {}
                () = sleep(QUIET), if exit.is_some() && room => output_open = false,
                () = sleep_until(expires.unwrap_or_else(Instant::now)), if expires.is_some() && !killed => {}
            }
            if (!output_open || killed)
                && let Some(status) = exit.take()
            {
                break status;
            }
        };
        self.lock().ended = Some(status);
        self.printed.send_replace(());
    }

    fn print(&self, data: &[u8]) {
        self.lock().history.push(data);
        self.printed.send_replace(());
    }

    /// Waits until its end was told, or there is nobody to tell.
    async fn linger(&self) {
        let mut moved = self.moved.subscribe();
        loop {
            moved.borrow_and_update();
            let until = {
                let state = self.lock();
                let lost = state.ended.as_ref().is_some_and(|status| status.lost.is_some());
                if lost || self.kill.is_cancelled() {
                    return;
                }
                state.told.as_ref().map(|told| told.at + REMEMBERED).or(state.expires())
            };
            tokio::select! {
                _ = moved.changed() => {}
                () = self.kill.cancelled() => return,
                () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => return,
            }
        }
    }
}

impl State {
    /// Whether everybody who is waited for has seen enough of what was printed.
    fn has_room(&self) -> bool {
        let mut waited_for = self.readers.values().filter(|reader| reader.heard.elapsed() < PATIENCE);
        waited_for.all(|reader| self.history.end() - reader.position.min(self.history.end()) < WINDOW)
    }

    /// When it is ended; nothing while somebody is connected.
    fn expires(&self) -> Option<Instant> {
        self.readers.is_empty().then(|| self.deserted + self.keep)
    }
}

/// What comes next for somebody who is connected.
pub(super) enum Next {
    /// Output.
    Output(Bytes),
    /// So many bytes are gone.
    Dropped(u64),
    /// What ran in it has ended.
    Ended(ExitStatus),
    /// The same client connected anew.
    Replaced,
}

/// Somebody who is connected.
pub(super) struct Attachment {
    terminal: Arc<Terminal>,
    key: u64,
    /// Where its output begins.
    pub offset: u64,
    printed: watch::Receiver<()>,
}

impl Attachment {
    /// Waits for what comes next. Cancel-safe: what was not returned comes again.
    pub async fn next(&mut self) -> Next {
        loop {
            self.printed.borrow_and_update();
            if let Some(next) = self.take() {
                return next;
            }
            // The terminal is ours: its end of the channel cannot be gone.
            if self.printed.changed().await.is_err() {
                return Next::Replaced;
            }
        }
    }

    fn take(&self) -> Option<Next> {
        let mut guard = self.terminal.lock();
        let state = &mut *guard;
        let Some(reader) = state.readers.get_mut(&self.key) else { return Some(Next::Replaced) };
        let missed = state.history.start().saturating_sub(reader.position);
        if missed > 0 {
            reader.position += missed;
            return Some(Next::Dropped(missed));
        }
        let data = state.history.read(reader.position, CHUNK);
        if data.is_empty() {
            let ended = state.ended.clone()?;
            state.told = Some(Told { client: reader.client.clone(), at: Instant::now() });
            drop(guard);
            self.terminal.moved.send_replace(());
            return Some(Next::Ended(ended));
        }
        reader.position += data.len() as u64;
        reader.heard = Instant::now();
        drop(guard);
        self.terminal.moved.send_replace(());
        Some(Next::Output(data))
    }

    /// For whoever listens to the client.
    pub fn hearing(&self) -> Hearing {
        Hearing { terminal: self.terminal.clone(), key: self.key }
    }

    /// Types, or gives the terminal another size; waits while it takes nothing.
    pub fn input(&self) -> mpsc::Sender<Input> {
        self.terminal.keyboard.clone()
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        let mut state = self.terminal.lock();
        state.readers.remove(&self.key);
        if state.readers.is_empty() {
            state.deserted = Instant::now();
        }
        drop(state);
        self.terminal.moved.send_replace(());
    }
}

/// Notes when a client was heard of.
pub(super) struct Hearing {
    terminal: Arc<Terminal>,
    key: u64,
}

impl Hearing {
    /// It is there.
    pub fn note(&self) {
        if let Some(reader) = self.terminal.lock().readers.get_mut(&self.key) {
            reader.heard = Instant::now();
        }
        self.terminal.moved.send_replace(());
    }
}
