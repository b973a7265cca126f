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

/// Longest log. More would fill the host's disk, which every sandbox shares.
const LIMIT: u64 = 1 << 30;

/// What a log ends with when it reached its limit.
const CUT: &[u8] = b"\n[jetway: the log is full; further output is dropped]\n";

/// One container's log.
pub struct MainLog {
    data: File,
    index: File,
    exit: File,
    offset: u64,
    limit: u64,
    pipe: Option<File>,
}

impl MainLog {
    /// Takes the three files, all empty.
    pub fn new(data: OwnedFd, index: OwnedFd, exit: OwnedFd) -> MainLog {
        MainLog { data: data.into(), index: index.into(), exit: exit.into(), offset: 0, limit: LIMIT, pipe: None }
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
        if self.offset >= self.limit {
            return;
        }
        let left = usize::try_from(self.limit - self.offset).unwrap_or(usize::MAX);
        match bytes.get(..left) {
            Some(part) if part.len() < bytes.len() => {
                self.write(part);
                self.write(CUT);
            }
            _ => self.write(bytes),
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        if bytes.is_empty() || self.data.write_all(bytes).is_err() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_log_says_where_it_was_cut_and_takes_no_more() {
        let folder = std::env::temp_dir().join(format!("jetway-log-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let open = |name: &str| OwnedFd::from(File::create(folder.join(name)).unwrap());
        let mut log = MainLog::new(open("data"), open("index"), open("exit"));
        log.limit = 10;
        for part in ["12345", "678", "90abc", "def"] {
            log.append(part.as_bytes());
        }
        log.record_exit(3);
        let text = fs::read_to_string(folder.join("data")).unwrap();
        assert_eq!(text, format!("1234567890{}", String::from_utf8_lossy(CUT)));
        let index = fs::read(folder.join("index")).unwrap();
        let offsets: Vec<u8> = index.chunks(16).map(|record| record[0]).collect();
        assert_eq!(offsets, [5, 8, 10, text.len() as u8]);
        assert_eq!(fs::read_to_string(folder.join("exit")).unwrap(), "3\n");
        fs::remove_dir_all(&folder).unwrap();
    }
}
