//! The signals that ask this program to end. Must not know: what is under way.

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A signal that asks to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caught {
    /// Ctrl-C.
    Interrupt,
    /// What `kill` sends.
    Terminate,
    /// The terminal is gone.
    Hangup,
}

impl Caught {
    /// 128 + its number, as a shell says it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Hangup => 129,
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// Listens from its creation on; these signals no longer end the program by themselves.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    /// Listens.
    pub fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// The next one. Cancel safe.
    pub async fn next(&mut self) -> Caught {
        tokio::select! {
            Some(()) = self.interrupt.recv() => Caught::Interrupt,
            Some(()) = self.terminate.recv() => Caught::Terminate,
            Some(()) = self.hangup.recv() => Caught::Hangup,
            else => std::future::pending().await,
        }
    }
}
