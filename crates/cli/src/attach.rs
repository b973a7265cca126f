//! A remote terminal in this one: keys, output, size, and everything as it was afterwards.
//! Must not know: which subcommand started it.

use std::pin::pin;

use anyhow::{Context, Result};
use jetway::{Sandbox, process::TerminalSession, sandbox::ShellOptions};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};

use crate::{
    exit, input, output,
    raw_mode::{self, RawMode},
    signals::{Caught, Signals},
};

/// What Ctrl-C types.
const INTERRUPT_KEY: &[u8] = b"\x03";

/// Shows a shell (or another command) of a sandbox here until it ends, and gives the exit code to end with. The terminal
/// is as before then.
pub async fn attach(sandbox: &Sandbox, mut options: ShellOptions, signals: &mut Signals) -> Result<u8> {
    // Before raw mode: until there is something to type at, Ctrl-C should leave.
    tokio::select! {
        running = sandbox.wait(None) => running?,
        caught = signals.next() => return Ok(caught.exit_code()),
    }
    if let Some(size) = raw_mode::size() {
        options.size = size;
    }
    if let Some(term) = std::env::var("TERM").ok().filter(|term| !term.is_empty()) {
        options.env.entry("TERM".to_owned()).or_insert(term);
    }
    show(sandbox.shell(options), signals).await
}

async fn show(mut session: TerminalSession, signals: &mut Signals) -> Result<u8> {
    let resized = signal(SignalKind::window_change()).context("cannot listen for the terminal's size")?;
    let raw = input::is_terminal().then(RawMode::enter).transpose()?;
    let (output, writer) = (session.output(), session.input());
    let (keys, typed) = mpsc::channel(1);
    let feeding = writer.map(|writer| tokio::spawn(input::feed_with(writer, typed)));
    let mut interrupted = false;
    let shown = {
        let mut showing = pin!(async {
            match output {
                Some(output) => output::copy(output, tokio::io::stdout()).await,
                None => Ok(()),
            }
        });
        let mut resizing = pin!(follow_size(&mut session, resized));
        loop {
            tokio::select! {
                shown = &mut showing => break shown,
                () = &mut resizing => {}
                caught = signals.next() => {
                    // In raw mode Ctrl-C is a key. Without it, or sent by somebody, it becomes one.
                    if caught != Caught::Interrupt || interrupted {
                        return Ok(caught.exit_code());
                    }
                    interrupted = true;
                    let _ = keys.try_send(bytes::Bytes::from_static(INTERRUPT_KEY));
                }
            }
        }
    };
    if let Some(feeding) = feeding {
        feeding.abort();
    }
    let ended = match shown {
        Ok(()) => session.result().await.map_err(Into::into),
        Err(error) => Err(error),
    };
    drop(raw);
    ended.map(|result| exit::of_remote(result.exit_code))
}

/// Gives the session the size of this terminal whenever that changes. Never returns.
async fn follow_size(session: &mut TerminalSession, mut resized: Signal) {
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
