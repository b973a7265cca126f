//! Writes into a layer's directory, none of which can leave it: every path is resolved with the directory as its root,
//! by the kernel, and nothing that exists is ever followed or written through.
//! Must not know: archive formats.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Read},
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{
        AtFlags, CWD, FileType, Gid, Mode, OFlags, ResolveFlags, Timespec, Timestamps, Uid, XattrFlags, chownat,
        fsetxattr, linkat, makedev, mkdirat, mknodat, openat, openat2, statat, symlinkat, unlinkat, utimensat,
    },
    io::Errno,
};

use super::{ImageError, reading::Budget};

/// What root owns beyond what a sandbox's id block can show.
const NOBODY: u32 = 65_534;

/// What an entry has besides its content.
#[derive(Debug, Clone, Copy, Default)]
pub struct Attributes {
    /// Permission bits.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Seconds since the epoch.
    pub modified: i64,
}

/// A layer being written.
pub struct Tree {
    root: OwnedFd,
    /// Only root may give files away; a server of an ordinary user owns them all.
    owners: bool,
    /// Directories get their bits last: one that is read-only takes no files.
    directories: Vec<(PathBuf, Attributes)>,
}

impl Tree {
    /// Writes below `path`, an empty directory.
    ///
    /// # Errors
    /// The system's.
    pub fn new(path: &Path) -> io::Result<Self> {
        let root = openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { root, owners: rustix::process::geteuid().is_root(), directories: Vec::new() })
    }

    /// A directory, new or with other attributes.
    pub fn directory(&mut self, path: &Path, attributes: Attributes, budget: &mut Budget) -> Result<(), ImageError> {
        if let Some((parent, name)) = self.place(path, budget)? {
            match mkdirat(&parent, name, Mode::from_raw_mode(0o755)) {
                Err(Errno::EXIST) if kind(&parent, name) == Some(FileType::Directory) => {}
                Err(Errno::EXIST) => {
                    self.clear(&parent, name)?;
                    mkdirat(&parent, name, Mode::from_raw_mode(0o755)).map_err(at(path))?;
                }
                made => made.map_err(at(path))?,
            }
        }
        self.directories.push((path.to_path_buf(), attributes));
        Ok(())
    }

    /// A regular file with everything that `content` gives.
    pub fn file(
        &mut self,
        path: &Path,
        attributes: Attributes,
        content: &mut impl Read,
        budget: &mut Budget,
    ) -> Result<(), ImageError> {
        let (parent, name) = self.fresh(path, budget)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&parent, name, flags, Mode::from_raw_mode(0o600)).map_err(at(path))?;
        let mut file = std::fs::File::from(file);
        io::copy(content, &mut file).map_err(ImageError::io(format!("write {}", path.display())))?;
        self.own(&parent, name, attributes).map_err(at(path))?;
        // No set-id bits: nothing inside could use them, and a file of root's on the host must not have them.
        rustix::fs::fchmod(&file, Mode::from_raw_mode(attributes.mode & 0o1777)).map_err(at(path))?;
        touch(&parent, name, attributes).map_err(at(path))
    }

    /// A symbolic link. Where it leads is for the sandbox to find out.
    pub fn symlink(
        &mut self,
        path: &Path,
        target: &OsStr,
        attributes: Attributes,
        budget: &mut Budget,
    ) -> Result<(), ImageError> {
        let (parent, name) = self.fresh(path, budget)?;
        symlinkat(target, &parent, name).map_err(at(path))?;
        self.own(&parent, name, attributes).map_err(at(path))
    }

    /// Another name for a file of this layer.
    pub fn link(&mut self, path: &Path, target: &Path, budget: &mut Budget) -> Result<(), ImageError> {
        let (parent, name) = self.fresh(path, budget)?;
        let missing =
            || hostile(path, &format!("is a hard link to {}, which the archive does not have", target.display()));
        let (from, own) = (self.resolve(target.parent().unwrap_or(Path::new(""))), target.file_name());
        let (Ok(from), Some(own)) = (from, own) else { return Err(missing()) };
        linkat(from, own, &parent, name, AtFlags::empty()).map_err(|errno| match errno {
            Errno::NOENT => missing(),
            Errno::PERM => hostile(path, "is a hard link to a directory"),
            errno => at(path)(errno),
        })
    }

    /// A named pipe.
    pub fn pipe(&mut self, path: &Path, attributes: Attributes, budget: &mut Budget) -> Result<(), ImageError> {
        let (parent, name) = self.fresh(path, budget)?;
        mknodat(&parent, name, FileType::Fifo, Mode::from_raw_mode(attributes.mode & 0o777), 0).map_err(at(path))?;
        self.own(&parent, name, attributes).map_err(at(path))
    }

    /// Hides what lower layers have under this name. What this layer has stays.
    pub fn whiteout(&mut self, path: &Path, budget: &mut Budget) -> Result<(), ImageError> {
        let Some((parent, name)) = self.place(path, budget)? else { return Ok(()) };
        match mknodat(&parent, name, FileType::CharacterDevice, Mode::empty(), makedev(0, 0)) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(errno) => Err(at(path)(errno)),
        }
    }

    /// Hides everything that lower layers have in this directory.
    pub fn opaque(&mut self, path: &Path, budget: &mut Budget) -> Result<(), ImageError> {
        let directory = self.make(path, budget)?;
        // A descriptor made for paths only takes no attributes.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = openat(&directory, c".", flags, Mode::empty()).map_err(at(path))?;
        fsetxattr(&directory, "user.overlay.opaque", b"y", XattrFlags::empty()).map_err(at(path))
    }

    /// Opens a regular file of the layer for reading.
    pub fn open(&self, path: &Path) -> io::Result<std::fs::File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = std::fs::File::from(openat2(&self.root, path, flags, Mode::empty(), INSIDE)?);
        match file.metadata()?.is_file() {
            true => Ok(file),
            false => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Gives directories their attributes. The innermost first, so that none is in the way.
    pub fn finish(mut self) -> Result<(), ImageError> {
        for (path, attributes) in std::mem::take(&mut self.directories).into_iter().rev() {
            let directory = self.resolve(&path).map_err(at(&path))?;
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            // Replaced by something else since, or closed to its owner by a later entry: nothing to do.
            let Ok(directory) = openat(&directory, c".", flags, Mode::empty()) else { continue };
            self.own(&directory, OsStr::new("."), attributes).map_err(at(&path))?;
            touch(&directory, OsStr::new("."), attributes).map_err(at(&path))?;
            rustix::fs::fchmod(&directory, Mode::from_raw_mode(attributes.mode & 0o3777)).map_err(at(&path))?;
        }
        Ok(())
    }

    /// Where an entry goes; `None` for the root itself.
    fn place<'p>(&self, path: &'p Path, budget: &mut Budget) -> Result<Option<(OwnedFd, &'p OsStr)>, ImageError> {
        budget.entry()?;
        let Some(name) = path.file_name() else { return Ok(None) };
        Ok(Some((self.make(path.parent().unwrap_or(Path::new("")), budget)?, name)))
    }

    /// The same, with nothing there any more.
    fn fresh<'p>(&self, path: &'p Path, budget: &mut Budget) -> Result<(OwnedFd, &'p OsStr), ImageError> {
        let Some((parent, name)) = self.place(path, budget)? else {
            return Err(hostile(path, "would replace the root"));
        };
        self.clear(&parent, name)?;
        Ok((parent, name))
    }

    fn clear(&self, parent: &OwnedFd, name: &OsStr) -> Result<(), ImageError> {
        match unlinkat(parent, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(Errno::ISDIR | Errno::PERM) => {
                Err(hostile(Path::new(name), "replaces a directory of the same archive"))
            }
            Err(errno) => Err(at(Path::new(name))(errno)),
        }
    }

    /// Opens a directory, and makes what is missing of it.
    fn make(&self, path: &Path, budget: &mut Budget) -> Result<OwnedFd, ImageError> {
        match self.resolve(path) {
            Err(Errno::NOENT) => {}
            opened => return opened.map_err(at(path)),
        }
        let mut done = PathBuf::new();
        for part in path.components() {
            let parent = self.resolve(&done).map_err(at(path))?;
            done.push(part);
            match mkdirat(&parent, part.as_os_str(), Mode::from_raw_mode(0o755)) {
                Ok(()) => budget.entry()?,
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(at(&done)(errno)),
            }
        }
        self.resolve(path).map_err(at(path))
    }

    fn resolve(&self, path: &Path) -> Result<OwnedFd, Errno> {
        let path = if path.as_os_str().is_empty() { OsString::from(".") } else { path.as_os_str().to_owned() };
        openat2(&self.root, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty(), INSIDE)
    }

    fn own(&self, parent: &OwnedFd, name: &OsStr, attributes: Attributes) -> Result<(), Errno> {
        if !self.owners {
            return Ok(());
        }
        let id = |id: u32| if id > NOBODY { NOBODY } else { id };
        let (uid, gid) = (Uid::from_raw(id(attributes.uid)), Gid::from_raw(id(attributes.gid)));
        chownat(parent, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
    }
}

/// Links lead nowhere but into the layer, whatever they say.
const INSIDE: ResolveFlags = ResolveFlags::IN_ROOT.union(ResolveFlags::NO_MAGICLINKS);

fn kind(parent: &OwnedFd, name: &OsStr) -> Option<FileType> {
    let found = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    Some(FileType::from_raw_mode(found.st_mode))
}

fn touch(parent: impl AsFd, name: &OsStr, attributes: Attributes) -> Result<(), Errno> {
    let time = Timespec { tv_sec: attributes.modified.clamp(0, 1 << 40), tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    utimensat(parent, name, &times, AtFlags::SYMLINK_NOFOLLOW)
}

fn hostile(path: &Path, reason: &str) -> ImageError {
    ImageError::Hostile { entry: path.display().to_string(), reason: reason.into() }
}

fn at(path: &Path) -> impl FnOnce(Errno) -> ImageError {
    let context = format!("unpack {}", path.display());
    move |errno| match errno {
        // A file where a directory should be, or links in a circle.
        Errno::NOTDIR | Errno::LOOP => ImageError::Hostile {
            entry: context.replace("unpack ", ""),
            reason: "leads through something that is no directory".into(),
        },
        errno => ImageError::Io { context, source: errno.into() },
    }
}
