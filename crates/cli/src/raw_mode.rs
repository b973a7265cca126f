//! The terminal that somebody sits at: its size, and raw mode that never outlives us.
//! Must not know: what is typed.

use std::sync::{Mutex, Once, PoisonError};

use anyhow::{Context, Result};
use jetway::process::TerminalSize;
use rustix::{
    stdio::{stderr, stdin, stdout},
    termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr},
};

/// How the terminal was. Global, because a panic in any place has to find it.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Raw mode, for as long as it is held.
pub struct RawMode(());

impl RawMode {
    /// Everything that is typed goes to the other end, control characters too.
    pub fn enter() -> Result<Self> {
        restore_on_panic();
        let before = tcgetattr(stdin()).context("the terminal does not say its mode")?;
        let mut raw = before.clone();
        raw.make_raw();
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        let mode = Self(());
        tcsetattr(stdin(), OptionalActions::Now, &raw).context("the terminal does not take raw mode")?;
        Ok(mode)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        restore();
    }
}

/// The terminal as it is now, for somebody else to change: as soon as this is gone, so is the change.
pub struct Remembered(());

impl Remembered {
    /// Where there is a terminal.
    pub fn now() -> Option<Self> {
        restore_on_panic();
        let before = tcgetattr(stdin()).ok()?;
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        Some(Self(()))
    }
}

impl Drop for Remembered {
    fn drop(&mut self) {
        restore();
    }
}

fn restore_on_panic() {
    static ON_PANIC: Once = Once::new();
    ON_PANIC.call_once(|| {
        let tell = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // First: what the panic says should be readable.
            restore();
            tell(panic);
        }));
    });
}

/// As it was before, if it was changed.
fn restore() {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(before) = before {
        // Waits until what was printed has left: line ends in it were made for raw mode.
        let _ = tcsetattr(stdin(), OptionalActions::Drain, &before);
    }
}

/// The size of the terminal that shows our output, or that we read from. `None` where there is none.
pub fn size() -> Option<TerminalSize> {
    let terminal = [stdout(), stdin(), stderr()].into_iter().find(|it| isatty(it))?;
    let size = tcgetwinsize(terminal).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some(TerminalSize { cols: size.ws_col, rows: size.ws_row })
}

#[cfg(test)]
mod tests {
    use rustix::{
        pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
        stdio::{dup2_stdin, stdin},
        termios::{LocalModes, tcgetattr},
    };

    use super::RawMode;

    /// The one test here that has standard input: it puts a terminal there.
    #[test]
    fn a_panic_gives_the_terminal_back_before_anything_is_unwound() {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        dup2_stdin(std::fs::File::options().read(true).write(true).open(name).unwrap()).unwrap();
        let cooked = || tcgetattr(stdin()).unwrap().local_modes.contains(LocalModes::ICANON | LocalModes::ECHO);
        assert!(cooked());
        let panicked = std::panic::catch_unwind(|| {
            // Leaked: a crash that does not unwind drops nothing either.
            std::mem::forget(RawMode::enter().unwrap());
            assert!(cooked(), "raw, so this panics");
        });
        assert!(panicked.is_err());
        assert!(cooked());

        drop(RawMode::enter().unwrap());
        assert!(cooked());
    }
}
