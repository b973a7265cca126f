//! A remote terminal in this one: keys, output, size, and everything as it was afterwards.
//! Must not know: which subcommand started it.

use std::{
    convert::Infallible,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use futures::{
    StreamExt,
    future::{Either, select},
    stream,
};
use jetway::{
    Sandbox,
    process::{TerminalSession, TerminalState},
    sandbox::ShellOptions,
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    task::JoinSet,
};

use crate::{
    detach_keys::{DetachKeys, Watch},
    exit, input,
    kept_terminals::NOT_KEPT,
    keyboard::{INTERRUPT_KEY, Keyboard, Leave},
    output,
    raw_mode::{self, RawMode},
    signals::{Caught, Signals},
};

/// How long the server may take to end what nobody wants any more.
const ENDING_LIMIT: Duration = Duration::from_secs(2);

/// How a terminal was left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    /// It ended, or was ended; the exit code to end with.
    Ended(u8),
    /// By its keys: it runs on under this name.
    Detached(String),
    /// Whoever sat here is gone, or gave up a lost connection: it runs on under this name if it still can.
    Abandoned(String, u8),
}

/// Shows a command of a sandbox here until it ends, and gives the exit code to end with. The terminal is as before then.
pub async fn attach(sandbox: &Sandbox, options: ShellOptions, signals: &mut Signals) -> Result<u8> {
    match attach_kept(sandbox, options, DetachKeys::none(), signals).await? {
        Left::Ended(code) | Left::Abandoned(_, code) => Ok(code),
        Left::Detached(_) => Ok(0),
    }
}

/// The same for a terminal that may be kept, until it ends or somebody leaves it.
pub async fn attach_kept(
    sandbox: &Sandbox,
    mut options: ShellOptions,
    keys: DetachKeys,
    signals: &mut Signals,
) -> Result<Left> {
    // Before raw mode: until there is something to type at, Ctrl-C should leave.
    tokio::select! {
        running = sandbox.wait(None) => running?,
        caught = signals.next() => return Ok(Left::Ended(caught.exit_code())),
    }
    if let Some(size) = raw_mode::size() {
        options.size = size;
    }
    if let Some(term) = std::env::var("TERM").ok().filter(|term| !term.is_empty()) {
        options.env.entry("TERM".to_owned()).or_insert(term);
    }
    // Who says for how long means that it is kept.
    let insists = options.keep.as_ref().is_some_and(|keep| keep.keep_for.is_some());
    show(sandbox.shell(options), keys, insists, signals).await
}

enum Event {
    Shown(Result<()>),
    Caught(Caught),
    Wish(Leave),
    State(TerminalState),
}

async fn show(mut session: TerminalSession, keys: DetachKeys, insists: bool, signals: &mut Signals) -> Result<Left> {
    let mut resized = signal(SignalKind::window_change()).context("cannot listen for the terminal's size")?;
    let _raw = input::is_terminal().then(RawMode::enter).transpose()?;
    let id = session.id().unwrap_or_default();
    let output = session.output();
    let mut states = pin!(stream::iter(session.states()).flatten());
    let (more_keys, more) = mpsc::channel(1);
    let (leave, mut wishes) = mpsc::channel(1);
    let lost = Arc::new(AtomicBool::new(false));
    // Ends with this.
    let mut feeding = JoinSet::new();
    if let Some(writer) = session.input() {
        let keyboard = Keyboard { writer, more, watch: Watch::new(keys), lost: Arc::clone(&lost), leave };
        feeding.spawn(keyboard.feed());
    }
    let mut showing = pin!(async {
        match output {
            Some(output) => output::copy(output, tokio::io::stdout()).await,
            None => Ok(()),
        }
    });
    let mut interrupted = false;
    loop {
        let event = tokio::select! {
            shown = &mut showing => Event::Shown(shown),
            never = follow_size(&mut session, &mut resized) => match never {},
            caught = signals.next() => Event::Caught(caught),
            Some(wish) = wishes.recv() => Event::Wish(wish),
            Some(state) = states.next() => Event::State(state),
        };
        let kept = session.kept();
        match event {
            Event::Shown(shown) => {
                shown?;
                return Ok(Left::Ended(exit::of_remote(session.result().await?.exit_code)));
            }
            // In raw mode Ctrl-C is a key. Without it, or sent by somebody, it becomes one.
            Event::Caught(Caught::Interrupt) if !interrupted => {
                interrupted = true;
                let _ = more_keys.try_send(Bytes::from_static(&[INTERRUPT_KEY]));
            }
            Event::Caught(caught @ Caught::Hangup) if kept == Some(true) => {
                session.detach();
                return Ok(Left::Abandoned(id, caught.exit_code()));
            }
            Event::Caught(caught) => {
                session.cancel();
                // A kept one only ends when its server is told.
                let _ = tokio::time::timeout(ENDING_LIMIT, session.result()).await;
                return Ok(Left::Ended(caught.exit_code()));
            }
            Event::Wish(Leave::GiveUp) => {
                session.detach();
                return Ok(Left::Abandoned(id, Caught::Interrupt.exit_code()));
            }
            Event::Wish(Leave::Detach) => match kept {
                Some(true) => {
                    feeding.shutdown().await;
                    // What is shown meanwhile is read on, or the way would be blocked.
                    if let Either::Right((_, leaving)) = select(pin!(session.leave()), showing.as_mut()).await {
                        leaving.await;
                    }
                    return Ok(Left::Detached(id));
                }
                Some(false) => output::tell_amid(NOT_KEPT),
                None => output::tell_amid("there is nothing to detach from yet"),
            },
            Event::State(TerminalState::Open { kept: false, .. }) if insists => {
                session.cancel();
                return Err(anyhow!(NOT_KEPT));
            }
            Event::State(state) => tell(&state, &lost),
        }
    }
}

/// Gives the session the size of this terminal whenever that changes.
async fn follow_size(session: &mut TerminalSession, resized: &mut Signal) -> Infallible {
    loop {
        // At first too: it may have changed since the session was started.
        if let Some(size) = raw_mode::size()
            && session.resize(size).await.is_err()
        {
            return std::future::pending().await;
        }
        resized.recv().await;
    }
}

/// Says what happened to the connection, where that is not what one expects.
fn tell(state: &TerminalState, lost: &AtomicBool) {
    match state {
        TerminalState::Open { .. } => {
            let was_lost = lost.swap(false, Ordering::Relaxed);
            if was_lost {
                output::tell_amid("connected again");
            }
        }
        TerminalState::Reconnecting { error, .. } => {
            // Once: the attempts after it say nothing new.
            let was_lost = lost.swap(true, Ordering::Relaxed);
            if !was_lost {
                output::tell_amid(&format!("{error}; connecting again, Ctrl-C leaves it"));
            }
        }
        TerminalState::Dropped(bytes) => {
            output::tell_amid(&format!("{bytes} bytes of output are missing here: more than what is kept"));
        }
        _ => {}
    }
}
