//! The way back: a directory made to hold what a file says, and nothing else.
//! Must not know: who saved it.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom, Write},
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    fs::{
        AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags, fsetxattr, futimens, linkat,
        mkdirat, mknodat, openat, statat, symlinkat, unlinkat, utimensat,
    },
    io::Errno,
};

use super::{
    DEPTH, Sum,
    format::{self, Meta, Record, broken},
    names, open_beneath, too_deep,
};

const CHUNK: usize = 256 * 1024;

/// Empties `directory` and fills it from `from`.
pub fn restore(directory: OwnedFd, from: File) -> io::Result<Sum> {
    let mut from = BufReader::with_capacity(CHUNK, from);
    format::expect(&mut from)?;
    let Record::Root(root) = format::read(&mut from)? else { return Err(broken("it does not begin with its root")) };
    clear(&directory)?;
    let mut stack = vec![Level { directory, meta: root, name: Vec::new() }];
    let mut build = Build { from, sum: Sum::default(), known: HashMap::new(), buffer: vec![0; CHUNK] };
    while let Some(level) = stack.last() {
        match format::read(&mut build.from)? {
            Record::Enter(name, meta) => {
                if stack.len() >= DEPTH {
                    return Err(too_deep());
                }
                mkdirat(&level.directory, &name, Mode::RWXU)?;
                let directory = open_beneath(&level.directory, &name, OFlags::RDONLY | OFlags::DIRECTORY)?;
                stack.push(Level { directory, meta, name });
                build.sum.entries += 1;
            }
            Record::Leave => match stack.pop() {
                // Last, because filling a directory changes its time, and it may be closed to writers.
                Some(level) if !stack.is_empty() => dress(&level.directory, &level.meta)?,
                _ => return Err(broken("it leaves a directory that it never entered")),
            },
            Record::End(entries, bytes) => {
                if stack.len() != 1 || build.sum != (Sum { entries, bytes }) {
                    return Err(broken("its sums do not agree with its contents"));
                }
                dress(&level.directory, &level.meta)?;
                return Ok(build.sum);
            }
            record => build.entry(&stack, record)?,
        }
    }
    Err(broken("it has no end"))
}

struct Level {
    directory: OwnedFd,
    meta: Meta,
    /// In the level above.
    name: Vec<u8>,
}

struct Build {
    from: BufReader<File>,
    sum: Sum,
    /// Where files with several names got their first one: from the root down.
    known: HashMap<u32, Vec<Vec<u8>>>,
    buffer: Vec<u8>,
}

impl Build {
    fn entry(&mut self, stack: &[Level], record: Record) -> io::Result<()> {
        let Some(Level { directory, .. }) = stack.last() else { return Err(broken("it has no root")) };
        match record {
            Record::File(name, meta, number) => {
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let mut file = File::from(openat(directory, &name, flags, Mode::RUSR | Mode::WUSR)?);
                self.data(&mut file)?;
                dress(&file, &meta)?;
                if number != 0 {
                    let above = stack.iter().skip(1).map(|level| level.name.clone());
                    self.known.insert(number, above.chain([name]).collect());
                }
            }
            Record::Again(name, number) => {
                let first = self.known.get(&number).ok_or_else(|| broken("it links to a file that is not there"))?;
                let Some((last, above)) = first.split_last() else { return Err(broken("it links to nothing")) };
                let mut at = rustix::io::fcntl_dupfd_cloexec(&stack[0].directory, 3)?;
                for step in above {
                    at = open_beneath(&at, step, OFlags::PATH | OFlags::DIRECTORY)?;
                }
                linkat(&at, last, directory, &name, AtFlags::empty())?;
            }
            Record::Symlink(name, meta, target) => {
                symlinkat(target.as_slice(), directory, &name)?;
                let owner = (Some(Uid::from_raw(meta.uid)), Some(Gid::from_raw(meta.gid)));
                lenient(rustix::fs::chownat(directory, &name, owner.0, owner.1, AtFlags::SYMLINK_NOFOLLOW))?;
                lenient(utimensat(directory, &name, &times(&meta), AtFlags::SYMLINK_NOFOLLOW))?;
            }
            Record::Pipe(name, meta) => {
                mknodat(directory, &name, FileType::Fifo, Mode::from_raw_mode(meta.mode & 0o777), 0)?;
                let owner = (Some(Uid::from_raw(meta.uid)), Some(Gid::from_raw(meta.gid)));
                lenient(rustix::fs::chownat(directory, &name, owner.0, owner.1, AtFlags::SYMLINK_NOFOLLOW))?;
                lenient(utimensat(directory, &name, &times(&meta), AtFlags::SYMLINK_NOFOLLOW))?;
            }
            _ => return Err(broken("its records are out of order")),
        }
        self.sum.entries += 1;
        Ok(())
    }

    /// Fills a file up to its size; what the file does not mention stays a hole.
    fn data(&mut self, file: &mut File) -> io::Result<()> {
        loop {
            match format::read(&mut self.from)? {
                Record::Data(offset, count) => {
                    file.seek(SeekFrom::Start(offset))?;
                    let mut left = count as usize;
                    while left > 0 {
                        let part = left.min(CHUNK);
                        self.from.read_exact(&mut self.buffer[..part])?;
                        file.write_all(&self.buffer[..part])?;
                        left -= part;
                    }
                    self.sum.bytes += u64::from(count);
                }
                Record::Size(size) => return file.set_len(size),
                _ => return Err(broken("a file has no end")),
            }
        }
    }
}

/// Gives an entry its owner, mode, attributes and time, in the order in which none undoes another.
fn dress(file: impl AsFd + Copy, meta: &Meta) -> io::Result<()> {
    lenient(rustix::fs::fchown(file, Some(Uid::from_raw(meta.uid)), Some(Gid::from_raw(meta.gid))))?;
    rustix::fs::fchmod(file, Mode::from_raw_mode(meta.mode))?;
    for (name, value) in &meta.attributes {
        lenient(fsetxattr(file, name.as_slice(), value, XattrFlags::empty()))?;
    }
    Ok(futimens(file, &times(meta))?)
}

/// An id that this sandbox does not have, an attribute that this file system does not keep: the content counts more.
fn lenient(result: Result<(), Errno>) -> io::Result<()> {
    match result {
        Err(Errno::PERM | Errno::INVAL | Errno::OPNOTSUPP) => Ok(()),
        other => Ok(other?),
    }
}

fn times(meta: &Meta) -> Timestamps {
    let time = Timespec { tv_sec: meta.seconds, tv_nsec: meta.nanos.into() };
    Timestamps { last_access: time, last_modification: time }
}

/// Removes everything in a directory. Another mount in it is in the way, and said to be.
fn clear(directory: &OwnedFd) -> io::Result<()> {
    let own = rustix::io::fcntl_dupfd_cloexec(directory, 3)?;
    let mut stack = vec![(names(&own)?, own)];
    while let Some((left, current)) = stack.last_mut() {
        let Some(name) = left.pop() else {
            stack.pop();
            continue;
        };
        let kind = statat(&*current, &name, AtFlags::SYMLINK_NOFOLLOW);
        let flags = match kind.map(|stat| FileType::from_raw_mode(stat.st_mode)) {
            Ok(FileType::Directory) => AtFlags::REMOVEDIR,
            _ => AtFlags::empty(),
        };
        match unlinkat(&*current, &name, flags) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(Errno::NOTEMPTY | Errno::EXIST) => {
                let inner = open_beneath(&*current, &name, OFlags::RDONLY | OFlags::DIRECTORY)?;
                // Once it is empty it goes, too.
                left.push(name);
                if stack.len() >= DEPTH {
                    return Err(too_deep());
                }
                stack.push((names(&inner)?, inner));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
