//! The way out: a walk over a tree, written down.
//! Must not know: how the file is read.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufWriter, Read, Seek, SeekFrom, Write},
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    fs::{AtFlags, FileType, OFlags, SeekFrom as Position, Stat, fgetxattr, flistxattr, readlinkat, statat},
    io::Errno,
};

use super::{
    DEPTH, Sum,
    format::{self, Meta, Record},
    names, open_beneath, too_deep,
};

/// Bytes moved at a time.
const CHUNK: usize = 256 * 1024;

/// Attributes worth keeping; others belong to the system that the tree happens to lie on.
const KEPT: [&[u8]; 3] = [b"user.", b"security.capability", b"system.posix_acl_"];

/// Writes the tree below `directory` to `to`. What changes meanwhile is saved as it was met.
pub fn save(directory: OwnedFd, to: File) -> io::Result<Sum> {
    let mut walk = Walk {
        to: BufWriter::with_capacity(CHUNK, to),
        sum: Sum::default(),
        known: HashMap::new(),
        buffer: vec![0; CHUNK],
    };
    format::begin(&mut walk.to)?;
    let root = meta(&directory, &rustix::fs::fstat(&directory)?)?;
    format::write(&mut walk.to, &Record::Root(root))?;
    walk.run(directory)?;
    let Sum { entries, bytes } = walk.sum;
    format::write(&mut walk.to, &Record::End(entries, bytes))?;
    walk.to.flush()?;
    Ok(walk.sum)
}

struct Walk {
    to: BufWriter<File>,
    sum: Sum,
    /// Files with several names, by device and inode.
    known: HashMap<(u64, u64), u32>,
    buffer: Vec<u8>,
}

impl Walk {
    fn run(&mut self, directory: OwnedFd) -> io::Result<()> {
        let mut stack = vec![(names(&directory)?, directory)];
        while let Some((left, directory)) = stack.last_mut() {
            let Some(name) = left.pop() else {
                stack.pop();
                if !stack.is_empty() {
                    format::write(&mut self.to, &Record::Leave)?;
                }
                continue;
            };
            if let Some(inner) = self.entry(directory, &name)? {
                if stack.len() >= DEPTH {
                    return Err(too_deep());
                }
                stack.push((names(&inner)?, inner));
            }
        }
        Ok(())
    }

    /// Writes one entry; a directory comes back to be walked.
    fn entry(&mut self, directory: &OwnedFd, name: &[u8]) -> io::Result<Option<OwnedFd>> {
        // Gone since its directory was read is as good as never there.
        let Some(stat) = found(statat(directory, name, AtFlags::SYMLINK_NOFOLLOW))? else { return Ok(None) };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                let opened = found(open_beneath(directory, name, OFlags::RDONLY | OFlags::DIRECTORY))?;
                let Some(inner) = opened else { return Ok(None) };
                let meta = meta(&inner, &rustix::fs::fstat(&inner)?)?;
                self.write(&Record::Enter(name.to_vec(), meta))?;
                return Ok(Some(inner));
            }
            FileType::RegularFile => {
                let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
                if let Some(file) = found(open_beneath(directory, name, flags))? {
                    self.file(name, file)?;
                }
            }
            FileType::Symlink => {
                if let Some(target) = found(readlinkat(directory, name, Vec::new()))? {
                    self.write(&Record::Symlink(name.to_vec(), plain(&stat), target.into_bytes()))?;
                }
            }
            FileType::Fifo => self.write(&Record::Pipe(name.to_vec(), plain(&stat)))?,
            _ => {}
        }
        Ok(None)
    }

    fn file(&mut self, name: &[u8], file: OwnedFd) -> io::Result<()> {
        let stat = rustix::fs::fstat(&file)?;
        // It may have become something else since it was looked at.
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Ok(());
        }
        let mut number = 0;
        if stat.st_nlink > 1 {
            let next = u32::try_from(self.known.len() + 1).map_err(|_| io::Error::other("too many linked files"))?;
            match self.known.entry((stat.st_dev, stat.st_ino)) {
                std::collections::hash_map::Entry::Occupied(known) => {
                    let record = Record::Again(name.to_vec(), *known.get());
                    return self.write(&record);
                }
                std::collections::hash_map::Entry::Vacant(free) => number = *free.insert(next),
            }
        }
        let meta = meta(&file, &stat)?;
        self.write(&Record::File(name.to_vec(), meta, number))?;
        let size = self.data(File::from(file), stat.st_size as u64)?;
        format::write(&mut self.to, &Record::Size(size))
    }

    /// Everything but the holes. Returns the size, which is smaller than expected when the file was cut meanwhile.
    fn data(&mut self, mut file: File, expected: u64) -> io::Result<u64> {
        let mut at = 0;
        while at < expected {
            // A file system that knows no holes says that everything is data.
            let start = match rustix::fs::seek(&file, Position::Data(at)) {
                Ok(start) => start.min(expected),
                Err(Errno::NXIO) => expected,
                Err(Errno::INVAL | Errno::OPNOTSUPP) => at,
                Err(error) => return Err(error.into()),
            };
            let end = match rustix::fs::seek(&file, Position::Hole(start)) {
                Ok(end) => end.min(expected),
                Err(Errno::NXIO) => break,
                Err(_) => expected,
            };
            file.seek(SeekFrom::Start(start))?;
            at = start;
            while at < end {
                let most = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
                let count = match file.read(&mut self.buffer[..most]) {
                    Ok(0) => return Ok(at),
                    Ok(count) => count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(error),
                };
                format::write(&mut self.to, &Record::Data(at, count as u32))?;
                self.to.write_all(&self.buffer[..count])?;
                at += count as u64;
                self.sum.bytes += count as u64;
            }
            if start >= expected {
                break;
            }
        }
        Ok(expected)
    }

    fn write(&mut self, record: &Record) -> io::Result<()> {
        self.sum.entries += 1;
        format::write(&mut self.to, record)
    }
}

/// `None` for what is gone, turned into a link, or lies on another mount.
fn found<T>(result: Result<T, Errno>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::XDEV | Errno::NXIO) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn plain(stat: &Stat) -> Meta {
    Meta {
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        seconds: stat.st_mtime,
        nanos: stat.st_mtime_nsec as u32,
        attributes: Vec::new(),
    }
}

fn meta(file: impl AsFd + Copy, stat: &Stat) -> io::Result<Meta> {
    let mut meta = plain(stat);
    // Most entries have none, and a small list shows that without room for a large one. (Not an empty list: the length
    // that comes back is cut to it.)
    if matches!(flistxattr(file, &mut [0_u8; 256]), Ok(0) | Err(Errno::OPNOTSUPP)) {
        return Ok(meta);
    }
    let mut list = vec![0; 64 * 1024];
    let length = match flistxattr(file, &mut list) {
        Ok(length) => length,
        Err(Errno::OPNOTSUPP) => 0,
        Err(error) => return Err(error.into()),
    };
    for name in list[..length].split(|byte| *byte == 0) {
        if KEPT.iter().any(|kept| name.starts_with(kept)) {
            let mut value = vec![0; 64 * 1024];
            if let Ok(length) = fgetxattr(file, name, &mut value) {
                value.truncate(length);
                meta.attributes.push((name.to_vec(), value));
            }
        }
    }
    Ok(meta)
}
