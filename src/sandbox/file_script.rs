//! File work as small shell scripts, and what their ends mean: works on any backend whose sandboxes have a shell.
//! Pure: no calls. Paths are arguments and never parsed as shell text.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::{Error, ErrorKind};

const NOT_FOUND: i32 = 65;
const IS_DIRECTORY: i32 = 66;
const NOT_A_DIRECTORY: i32 = 67;
const DENIED: i32 = 68;
const EXISTS: i32 = 69;
const TRUNCATED: i32 = 74;
const NOTHING_TO_WATCH: i32 = 73;
const NO_PROGRAM: i32 = 127;

const THERE: &str = r#"[ -e "$1" ] || [ -L "$1" ] || exit 65; "#;
/// Names end with NUL where stat can write one; elsewhere a name with a line end is cut at it.
const LIST: &str = r#"[ -d "$1" ] || exit 67; cd -- "$1" || exit 68; s='%f %s %Y %n'
if stat --printf= / 2>/dev/null
then find . -mindepth 1 -maxdepth "$2" -exec stat --printf="$s\0" -- {} +
else find . -mindepth 1 -maxdepth "$2" -exec stat -c "$s" -- {} + | tr '\n' '\0'; fi"#;
const STAT: &str = r#"[ -e "$1" ] && l=-L; exec stat $l -c '%f %s %Y %n' -- "$1""#;
const MAKE_DIRS: &str = r#"[ -e "$1" ] && { [ -d "$1" ] && exit 0; exit 69; }; exec mkdir -p -- "$1""#;
const MAKE_DIR: &str = r#"[ -e "$1" ] || [ -L "$1" ] && exit 69; exec mkdir -- "$1""#;
const RENAME: &str = r#"[ -d "$2" ] && exit 66; exec mv -f -- "$1" "$2""#;
const COPY: &str = r#"[ -d "$2" ] && exit 66; exec cp -Rp -- "$1" "$2""#;
const REMOVE: &str = r#"if [ -d "$1" ] && ! [ -L "$1" ]; then exec rmdir -- "$1"; else exec rm -f -- "$1"; fi"#;
const REMOVE_ALL: &str = r#"exec rm -rf -- "$1""#;
const COMMIT: &str = r#"trap 'rm -f -- "$1"' EXIT; [ -d "$2" ] && exit 66
[ "$(wc -c <"$1")" -eq "$3" ] || exit 74; mv -f -- "$1" "$2""#;
/// The size goes first, to stderr, to be compared with what came.
const READ: &str = r#"[ -d "$1" ] && exit 66; [ -r "$1" ] || exit 68; stat -L -c %s -- "$1" >&2; exec cat -- "$1""#;
const UPLOAD: &str = r#"mkdir -p -- "$1" && exec tar -x -f - -C "$1""#;
const DOWNLOAD: &str = r#"[ -d "$1" ] || exit 67; exec tar -c -f - -C "$1" ."#;
const WRITE: &str = r#"d=${1%/*}; mkdir -p -- "${d:-/}" && exec cat >"$1""#;

/// Something to do with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileOperation {
    /// What lies in a directory, that many levels deep.
    List {
        /// 1 is the directory itself.
        depth: u32,
    },
    /// What it is; links are followed.
    Stat,
    /// Makes a directory.
    MakeDir {
        /// Those above it, too; one that is there is fine.
        parents: bool,
    },
    /// Gives it another path; a file that is there is replaced.
    Rename {
        /// The new path.
        to: String,
    },
    /// Copies it, a directory with all that is in it.
    Copy {
        /// The path of the copy.
        to: String,
    },
    /// Removes it.
    Remove {
        /// A directory with all that is in it.
        recursive: bool,
    },
    /// Gives a file that was written whole its place.
    Commit {
        /// Its place.
        to: String,
        /// How long it must be.
        size: u64,
    },
    /// Prints its bytes.
    Read,
    /// Takes its bytes from stdin.
    Write,
    /// Takes what a directory is to hold from stdin, as a tar archive.
    Upload,
    /// Prints what a directory holds, as a tar archive.
    Download,
}

impl FileOperation {
    /// The command that does it to `path`.
    #[must_use]
    pub fn command(&self, path: &str) -> Vec<String> {
        let depth;
        let length;
        let (script, there, more): (&str, bool, Vec<&str>) = match self {
            Self::List { depth: levels } => {
                depth = levels.to_string();
                (LIST, true, vec![&depth])
            }
            Self::Stat => (STAT, true, vec![]),
            Self::MakeDir { parents: true } => (MAKE_DIRS, false, vec![]),
            Self::MakeDir { parents: false } => (MAKE_DIR, false, vec![]),
            Self::Rename { to } => (RENAME, true, vec![to]),
            Self::Copy { to } => (COPY, true, vec![to]),
            Self::Remove { recursive: true } => (REMOVE_ALL, true, vec![]),
            Self::Remove { recursive: false } => (REMOVE, true, vec![]),
            Self::Commit { to, size } => {
                length = size.to_string();
                (COMMIT, true, vec![to, &length])
            }
            Self::Read => (READ, true, vec![]),
            Self::Write => (WRITE, false, vec![]),
            Self::Upload => (UPLOAD, false, vec![]),
            Self::Download => (DOWNLOAD, true, vec![]),
        };
        let script = if there { format!("{THERE}{script}") } else { script.to_owned() };
        let mut command = ["/bin/sh", "-c", &script, "sh", path].map(str::to_owned).to_vec();
        command.extend(more.into_iter().map(str::to_owned));
        command
    }

    fn name(&self) -> &'static str {
        match self {
            Self::List { .. } => "list",
            Self::Stat => "stat",
            Self::MakeDir { .. } => "mkdir",
            Self::Rename { .. } => "rename",
            Self::Copy { .. } => "copy",
            Self::Remove { .. } => "remove",
            Self::Commit { .. } | Self::Write => "write",
            Self::Read => "read",
            Self::Upload => "upload",
            Self::Download => "download",
        }
    }

    /// What its end means for `path`.
    ///
    /// # Errors
    /// File, with `filepath` in its metadata; not supported, where the sandbox lacks a program.
    pub fn check(&self, path: &str, exit_code: i32, stderr: &str) -> Result<(), Error> {
        // A rename says what is wrong with its target.
        let path = match self {
            Self::Rename { to } | Self::Copy { to } | Self::Commit { to, .. } if exit_code == IS_DIRECTORY => to,
            _ => path,
        };
        outcome(self.name(), path, exit_code, stderr)
    }

    /// What came of [`Read`](Self::Read): its end, and whether all of the file was there.
    ///
    /// # Errors
    /// As [`check`](Self::check); truncated.
    pub fn check_read(&self, path: &str, exit_code: i32, stderr: &str, received: u64) -> Result<(), Error> {
        self.check(path, exit_code, stderr)?;
        let expected = stderr.lines().next().and_then(|size| size.trim().parse::<u64>().ok()).unwrap_or(0);
        if received >= expected {
            return Ok(());
        }
        let message = format!("{received} of {expected} bytes of {path} arrived");
        Err(failed(self.name(), path, "FILE_TRUNCATED", message).with_metadata("size_bytes", expected.to_string()))
    }
}

/// What the end of something that was done to `path` means; `operation` is its name.
///
/// # Errors
/// File, with `filepath` in its metadata; not supported, where the sandbox lacks a program.
pub(crate) fn outcome(operation: &str, path: &str, exit_code: i32, stderr: &str) -> Result<(), Error> {
    let lacking = |message: String| Error::new(ErrorKind::NotSupported, message).with_metadata("filepath", path);
    let (reason, what) = match exit_code {
        0 => return Ok(()),
        NOT_FOUND => ("FILE_NOT_FOUND", "does not exist"),
        IS_DIRECTORY => ("FILE_IS_DIRECTORY", "is a directory"),
        NOT_A_DIRECTORY => ("FILE_NOT_A_DIRECTORY", "is no directory"),
        EXISTS => ("FILE_EXISTS", "exists already"),
        TRUNCATED => ("FILE_TRUNCATED", "arrived only in part; what was there before is unchanged"),
        DENIED => ("FILE_PERMISSION_DENIED", "may not be opened"),
        NOTHING_TO_WATCH => {
            let message = "the sandbox has nothing to watch files with: neither python3 nor find, stat and diff";
            return Err(lacking(message.to_owned()));
        }
        _ if stderr.contains("ermission denied") => ("FILE_PERMISSION_DENIED", "may not be changed"),
        NO_PROGRAM => {
            return Err(lacking(format!("the sandbox lacks a program for this: {}", last_line(stderr))));
        }
        _ => ("FILE_IO_FAILED", ""),
    };
    let message = match what {
        "" => format!("{operation} failed for {path}: {}", last_line(stderr)),
        what => format!("{path} {what}"),
    };
    Err(failed(operation, path, reason, message))
}

fn failed(operation: &str, path: &str, reason: &str, message: String) -> Error {
    Error::new(ErrorKind::SandboxFile, message)
        .with_reason(format!("CWSANDBOX_{reason}"))
        .with_metadata("filepath", path)
        .with_metadata("operation", operation)
}

fn last_line(stderr: &str) -> &str {
    stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no reason was given").trim()
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A link, not followed.
    Symlink,
    /// A device, a pipe or a socket.
    Other,
}

impl FileKind {
    /// How JavaScript spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Symlink => "symlink",
            Self::Other => "other",
        }
    }
}

/// What is known about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileEntry {
    /// Its path.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
    /// Bytes.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// When its content last changed, to the second.
    pub modified: SystemTime,
}

impl FileEntry {
    /// The last part of its path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// Reads what a list printed of `directory`. What cannot be read is left out.
#[must_use]
pub fn entries(directory: &str, printed: &str) -> Vec<FileEntry> {
    let root = directory.trim_end_matches('/');
    let place = |mut entry: FileEntry| {
        entry.path = format!("{root}/{}", entry.path.strip_prefix("./").unwrap_or(&entry.path));
        entry
    };
    let mut found: Vec<_> = printed.split('\0').filter_map(entry).map(place).collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Reads one line of stat.
#[must_use]
pub fn entry(printed: &str) -> Option<FileEntry> {
    let mut fields = printed.splitn(4, ' ');
    let raw = u32::from_str_radix(fields.next()?, 16).ok()?;
    let size = fields.next()?.parse().ok()?;
    let seconds: i64 = fields.next()?.parse().ok()?;
    let path = fields.next()?.trim_end_matches('\n').to_owned();
    let kind = match raw & 0o170_000 {
        0o100_000 => FileKind::File,
        0o040_000 => FileKind::Directory,
        0o120_000 => FileKind::Symlink,
        _ => FileKind::Other,
    };
    let modified = UNIX_EPOCH + Duration::from_secs(seconds.max(0).unsigned_abs());
    Some(FileEntry { path, kind, size, mode: raw & 0o7777, modified })
}

#[cfg(test)]
mod tests {
    use super::{FileKind, FileOperation, entries, entry};
    use crate::error::ErrorKind;

    #[test]
    fn a_listing_is_read_whatever_the_names() {
        let found = entries(
            "/tmp/",
            "81a4 5 1700000000 ./b\nc\u{0}41ed 4096 1700000000 ./a dir\u{0}a1ff 3 0 ./z\u{0}nonsense\u{0}",
        );
        let seen: Vec<_> = found.iter().map(|it| (it.path.as_str(), it.kind, it.size, it.mode)).collect();
        assert_eq!(
            seen,
            [
                ("/tmp/a dir", FileKind::Directory, 4096, 0o755),
                ("/tmp/b\nc", FileKind::File, 5, 0o644),
                ("/tmp/z", FileKind::Symlink, 3, 0o777)
            ]
        );
        assert_eq!(found[1].name(), "b\nc");
        assert_eq!(entry("81a4 5 1700000000 /x y\n").unwrap().path, "/x y");
    }

    #[test]
    fn paths_are_arguments_and_never_shell_text() {
        let command = FileOperation::Rename { to: "/b'$(reboot)".into() }.command("/a;rm");
        assert_eq!(command[..2], ["/bin/sh", "-c"]);
        assert!(!command[2].contains("reboot") && !command[2].contains("/a;rm"));
        assert_eq!(command[4..], ["/a;rm", "/b'$(reboot)"]);
    }

    #[test]
    fn ends_are_typed() {
        let check = |code, stderr: &str| FileOperation::Stat.check("/a", code, stderr).unwrap_err();
        let missing = check(65, "");
        assert_eq!((missing.kind(), missing.reason()), (ErrorKind::SandboxFile, Some("CWSANDBOX_FILE_NOT_FOUND")));
        assert_eq!(missing.metadata()["filepath"], "/a");
        assert_eq!(check(1, "rm: /a: Permission denied\n").reason(), Some("CWSANDBOX_FILE_PERMISSION_DENIED"));
        assert_eq!(check(1, "x: No space left\n").message(), "stat failed for /a: x: No space left");
        assert_eq!(check(127, "sh: stat: not found").kind(), ErrorKind::NotSupported);
        let target = FileOperation::Rename { to: "/b".into() }.check("/a", 66, "").unwrap_err();
        assert_eq!(target.metadata()["filepath"], "/b");
    }

    #[test]
    fn a_file_that_did_not_arrive_whole_is_truncated() {
        assert!(FileOperation::Read.check_read("/a", 0, "10\n", 10).is_ok());
        assert!(FileOperation::Read.check_read("/a", 0, "10\n", 12).is_ok(), "it grew");
        let error = FileOperation::Read.check_read("/a", 0, "10\n", 9).unwrap_err();
        assert_eq!(error.reason(), Some("CWSANDBOX_FILE_TRUNCATED"));
    }
}
