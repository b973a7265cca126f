//! Reads the log that a sandbox keeps of its main command: bytes, and an index of when they came. Bytes count as there
//! once the index covers them. Must not know: the wire, formats.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;

use crate::runtime::LogFiles;

const RECORD: u64 = 16;
/// Small enough that something arrives also over a connection that breaks all the time.
const BLOCK: u64 = 16 * 1024;

/// An open log.
#[derive(Clone)]
pub(super) struct LogReader {
    paths: Arc<LogFiles>,
}

/// Bytes that came in one write, or a part of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// Never empty.
    pub data: Bytes,
    /// When they came, in nanoseconds since the epoch.
    pub nanos: u64,
}

impl LogReader {
    /// A reader over these files. They need not exist yet: nothing was printed then.
    pub fn new(files: LogFiles) -> Self {
        Self { paths: Arc::new(files) }
    }

    /// How many bytes there are.
    pub async fn len(&self) -> io::Result<u64> {
        self.blocking(|open| open.len()).await
    }

    /// Up to 16 KiB from `offset` on, cut where the writes were; empty at the end.
    pub async fn read(&self, offset: u64) -> io::Result<Vec<Piece>> {
        self.blocking(move |open| open.read(offset)).await
    }

    /// Where the last `lines` lines begin. An unfinished last line counts.
    pub async fn tail(&self, lines: u64) -> io::Result<u64> {
        self.blocking(move |open| open.tail(lines)).await
    }

    /// Where the first write at or after that moment begins.
    pub async fn since(&self, nanos: u64) -> io::Result<u64> {
        self.blocking(move |open| open.since(nanos)).await
    }

    /// Resolves when there may be more; also now and then for no reason.
    pub fn watch(&self) -> Watch {
        Watch::new(self.paths.index.clone())
    }

    async fn blocking<T: Default + Send + 'static>(
        &self,
        work: impl FnOnce(&mut Open) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let paths = self.paths.clone();
        let done = tokio::task::spawn_blocking(move || {
            let open = File::open(&paths.index).and_then(|index| Ok(Open { index, data: File::open(&paths.data)? }));
            match open {
                Ok(mut open) => work(&mut open),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
                Err(error) => Err(error),
            }
        });
        done.await.map_err(io::Error::other)?
    }
}

struct Open {
    index: File,
    data: File,
}

impl Open {
    fn records(&self) -> io::Result<u64> {
        Ok(self.index.metadata()?.len() / RECORD)
    }

    /// The end of record `number` and its time.
    fn record(&mut self, number: u64) -> io::Result<(u64, u64)> {
        let mut raw = [0; RECORD as usize];
        self.index.seek(SeekFrom::Start(number * RECORD))?;
        self.index.read_exact(&mut raw)?;
        let (end, nanos) = raw.split_at(8);
        let word = |half: &[u8]| half.iter().rev().fold(0_u64, |word, byte| (word << 8) | u64::from(*byte));
        Ok((word(end), word(nanos)))
    }

    /// The first record for which `past` holds. `past` must go from false to true once at most.
    fn first(&mut self, mut past: impl FnMut(u64, u64) -> bool) -> io::Result<u64> {
        let (mut low, mut high) = (0, self.records()?);
        while low < high {
            let middle = low + (high - low) / 2;
            let (end, nanos) = self.record(middle)?;
            if past(end, nanos) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Ok(low)
    }

    fn len(&mut self) -> io::Result<u64> {
        match self.records()? {
            0 => Ok(0),
            count => Ok(self.record(count - 1)?.0),
        }
    }

    fn read(&mut self, offset: u64) -> io::Result<Vec<Piece>> {
        let until = self.len()?.min(offset.saturating_add(BLOCK));
        if offset >= until {
            return Ok(Vec::new());
        }
        let mut block = Bytes::from(self.bytes(offset, until)?);
        let mut pieces = Vec::new();
        let mut at = offset;
        let mut number = self.first(|end, _| end > offset)?;
        while at < until {
            let (end, nanos) = self.record(number)?;
            let cut = end.min(until);
            if cut > at {
                pieces.push(Piece { data: block.split_to((cut - at) as usize), nanos });
                at = cut;
            }
            number += 1;
        }
        Ok(pieces)
    }

    fn bytes(&mut self, from: u64, until: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; (until - from) as usize];
        self.data.seek(SeekFrom::Start(from))?;
        self.data.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn tail(&mut self, lines: u64) -> io::Result<u64> {
        let len = self.len()?;
        let mut until = len;
        let mut found = 0;
        while until > 0 {
            let from = until.saturating_sub(BLOCK);
            let block = self.bytes(from, until)?;
            for (index, byte) in block.iter().enumerate().rev() {
                let after = from + index as u64 + 1;
                // The newline that ends the last line starts no further one.
                if *byte == b'\n' && after < len {
                    found += 1;
                    if found == lines {
                        return Ok(after);
                    }
                }
            }
            until = from;
        }
        Ok(0)
    }

    fn since(&mut self, nanos: u64) -> io::Result<u64> {
        match self.first(|_, at| at >= nanos)? {
            0 => Ok(0),
            number => Ok(self.record(number - 1)?.0),
        }
    }
}

/// Waits for a log to grow.
pub(super) struct Watch {
    #[cfg(target_os = "linux")]
    events: Option<inotify::EventStream<[u8; 1024]>>,
    poll: Duration,
}

impl Watch {
    #[cfg(target_os = "linux")]
    fn new(index: PathBuf) -> Self {
        let events = inotify::Inotify::init().and_then(|inotify| {
            inotify.watches().add(&index, inotify::WatchMask::MODIFY)?;
            inotify.into_event_stream([0; 1024])
        });
        // The system allows only so many watches; looking every now and then serves as well, only later.
        let poll = Duration::from_millis(if events.is_ok() { 1000 } else { 50 });
        Self { events: events.ok(), poll }
    }

    #[cfg(not(target_os = "linux"))]
    fn new(_index: PathBuf) -> Self {
        Self { poll: Duration::from_millis(50) }
    }

    /// Resolves when the log may have grown.
    pub async fn changed(&mut self) {
        #[cfg(target_os = "linux")]
        if let Some(events) = &mut self.events {
            let _ = tokio::time::timeout(self.poll, futures::StreamExt::next(events)).await;
            return;
        }
        tokio::time::sleep(self.poll).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(dir: &std::path::Path, writes: &[(&str, u64)]) -> LogReader {
        let (mut data, mut index) = (Vec::new(), Vec::new());
        for (text, nanos) in writes {
            data.extend_from_slice(text.as_bytes());
            index.extend_from_slice(&(data.len() as u64).to_le_bytes());
            index.extend_from_slice(&nanos.to_le_bytes());
        }
        data.extend_from_slice(b"not indexed yet");
        let files = LogFiles { data: dir.join("data"), index: dir.join("index") };
        std::fs::write(&files.data, data).unwrap();
        std::fs::write(&files.index, index).unwrap();
        LogReader::new(files)
    }

    #[tokio::test]
    async fn pieces_come_as_they_were_written_and_only_when_indexed() {
        let dir = tempfile::tempdir().unwrap();
        let reader = log(dir.path(), &[("one\n", 10), ("two", 20), ("\nthree\n", 30)]);
        assert_eq!(reader.len().await.unwrap(), 14);
        let piece = |data: &'static str, nanos| Piece { data: Bytes::from_static(data.as_bytes()), nanos };
        assert_eq!(reader.read(0).await.unwrap(), [piece("one\n", 10), piece("two", 20), piece("\nthree\n", 30)]);
        assert_eq!(reader.read(5).await.unwrap(), [piece("wo", 20), piece("\nthree\n", 30)]);
        assert_eq!(reader.read(14).await.unwrap(), []);
    }

    #[tokio::test]
    async fn tail_and_since_find_where_to_begin() {
        let dir = tempfile::tempdir().unwrap();
        let reader = log(dir.path(), &[("one\n", 10), ("two", 20), ("\nthree\n", 30)]);
        for (lines, offset) in [(1, 8), (2, 4), (3, 0), (9, 0)] {
            assert_eq!(reader.tail(lines).await.unwrap(), offset, "{lines} lines");
        }
        for (nanos, offset) in [(0, 0), (10, 0), (11, 4), (20, 4), (30, 7), (31, 14)] {
            assert_eq!(reader.since(nanos).await.unwrap(), offset, "since {nanos}");
        }
    }

    #[tokio::test]
    async fn a_log_that_does_not_exist_is_empty() {
        let dir = tempfile::tempdir().unwrap();
        let reader = LogReader::new(LogFiles { data: dir.path().join("d"), index: dir.path().join("i") });
        assert_eq!((reader.len().await.unwrap(), reader.tail(3).await.unwrap()), (0, 0));
    }
}
