//! The main command's output on its way into the log files, and its exit code into its own file.
//!
//! The agent writes them itself, so they outlive the server.
//! Must not know: where the files lie.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::{SystemTime, UNIX_EPOCH},
};

/// One container's log.
pub struct MainLog {
    data: File,
    index: File,
    exit: File,
    offset: u64,
    pipe: Option<File>,
}

impl MainLog {
    /// Takes the three files, all empty.
    pub fn new(data: OwnedFd, index: OwnedFd, exit: OwnedFd) -> MainLog {
        MainLog { data: data.into(), index: index.into(), exit: exit.into(), offset: 0, pipe: None }
    }

    /// Makes the pipe that the main command writes to and returns its writing end.
    pub fn open_pipe(&mut self) -> io::Result<OwnedFd> {
        let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&reader, true)?;
        // A larger pipe only means fewer wake-ups; the default does as well.
        let _ = rustix::pipe::fcntl_setpipe_size(&writer, 256 * 1024);
        self.pipe = Some(reader.into());
        Ok(writer)
    }

    /// What to poll, while anything can still be written.
    pub fn source(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Moves at most `rounds` reads' worth of what is in the pipe; the caller has others to serve too.
    pub fn drain(&mut self, rounds: usize) {
        let mut bytes = [0; 64 * 1024];
        for _ in 0..rounds {
            let Some(pipe) = &mut self.pipe else { return };
            match pipe.read(&mut bytes) {
                Ok(0) => self.pipe = None,
                Ok(count) => self.append(&bytes[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.pipe = None,
            }
        }
    }

    /// A full disk costs the log's rest, never the sandbox.
    fn append(&mut self, bytes: &[u8]) {
        if self.data.write_all(bytes).is_err() {
            return;
        }
        self.offset += bytes.len() as u64;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64;
        let mut record = [0; 16];
        record[..8].copy_from_slice(&self.offset.to_le_bytes());
        record[8..].copy_from_slice(&now.to_le_bytes());
        // Without its record a piece is only untimed: the next record covers it.
        let _ = self.index.write_all(&record);
    }

    /// Keeps the exit code for a server that asks after this agent is gone.
    pub fn record_exit(&mut self, code: i32) {
        self.drain(usize::MAX);
        let _ = self.exit.write_all(format!("{code}\n").as_bytes());
    }
}
