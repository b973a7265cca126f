//! A terminal that a test sits at.

use std::{
    fs::File,
    io::{Read, Write},
    os::{
        fd::OwnedFd,
        unix::process::{CommandExt, ExitStatusExt},
    },
    process::{Child, Command},
    sync::{Arc, Mutex},
};

use rustix::{
    process::{ioctl_tiocsctty, setsid},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Termios, Winsize, tcgetattr, tcsetwinsize},
};

use crate::harness::wait_for;

/// A program, alone in a terminal of its own.
pub struct Terminal {
    keyboard: File,
    screen: Arc<Mutex<String>>,
    // Held, so that the terminal can be looked at after the program has ended.
    inside: File,
    child: Child,
    initial_mode: String,
}

impl Terminal {
    pub fn start(mut command: Command, cols: u16, rows: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let inside = File::options().read(true).write(true).open(name).unwrap();
        let stream = || OwnedFd::from(inside.try_clone().unwrap());
        command.stdin(stream()).stdout(stream()).stderr(stream()).env("TERM", "xterm");
        // SAFETY: both are plain system calls, which is all that may happen between fork and exec.
        unsafe {
            command.pre_exec(|| {
                setsid()?;
                ioctl_tiocsctty(rustix::stdio::stdin())?;
                Ok(())
            });
        }
        let keyboard = File::from(master);
        set_size(&keyboard, cols, rows);
        // Before anybody else can change it.
        let initial_mode = mode_of(&inside);
        let child = command.spawn().unwrap();
        let screen = Arc::new(Mutex::new(String::new()));
        let (mut shown, seen) = (keyboard.try_clone().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = shown.read(&mut buffer) {
                seen.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
        });
        Self { keyboard, screen, inside, child, initial_mode }
    }

    pub fn type_keys(&self, keys: &str) {
        (&self.keyboard).write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until it shows this, and forgets everything up to there.
    pub fn expect(&self, text: &str) -> String {
        wait_for(&format!("{text:?} on the screen"), || {
            let mut screen = self.screen.lock().unwrap();
            let end = screen.find(text)? + text.len();
            Some(screen.drain(..end).collect())
        })
    }

    pub fn resize(&self, cols: u16, rows: u16) {
        set_size(&self.keyboard, cols, rows);
    }

    /// How the terminal is set, in a form that can be compared.
    pub fn mode(&self) -> String {
        mode_of(&self.inside)
    }

    /// How it was set before the program started.
    pub fn initial_mode(&self) -> String {
        self.initial_mode.clone()
    }

    pub fn child(&self) -> &Child {
        &self.child
    }

    /// Waits for its end; as a shell says it: 128 and the signal that ended it.
    pub fn exit_code(&mut self) -> i32 {
        let child = &mut self.child;
        let status = wait_for("the program to end", || child.try_wait().unwrap());
        status.code().or(status.signal().map(|signal| 128 + signal)).unwrap()
    }

    /// Everything that is on the screen now.
    pub fn screen(&self) -> String {
        self.screen.lock().unwrap().clone()
    }
}

fn mode_of(terminal: &File) -> String {
    let Termios { input_modes, output_modes, control_modes, local_modes, .. } = tcgetattr(terminal).unwrap();
    format!("{input_modes:?} {output_modes:?} {control_modes:?} {local_modes:?}")
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn set_size(terminal: &File, cols: u16, rows: u16) {
    tcsetwinsize(terminal, Winsize { ws_col: cols, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
}
