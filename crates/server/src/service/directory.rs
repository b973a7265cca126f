//! What lies in a directory of a sandbox, and removing it: by the sandbox's own programs, so its own rules hold.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::{Api, Problem, Ready, deadline::Deadline, exec::collect_until, plan::Faults};
use crate::{
    runtime::{ExecRequest, FileError},
    wire::sandbox::{ReadFileRequest, WriteFileRequest},
};

const MOST_LISTING: usize = 32 * 1024 * 1024;
const WITHIN: Duration = Duration::from_secs(60);
const MISSING: i32 = 65;
const NOT_A_DIRECTORY: i32 = 66;

/// One record each, its fields and itself ended by NUL: size, seconds, kind, name. Where `find` is no GNU one, a loop.
const LIST: &str = r#"[ -e "$0" ] || exit 65; [ -d "$0" ] || exit 66; cd -- "$0" || exit 1
find . -mindepth 1 -maxdepth 1 -printf '%s\0%T@\0%y\0%f\0' 2>/dev/null && exit
for f in * .[!.]* ..?*; do [ -e "$f" ] || [ -L "$f" ] || continue
if [ -d "$f" ] && [ ! -L "$f" ]; then kind=d; else kind=f; fi
stat -c '%s %Y' -- "$f" | { read -r size time; printf '%s\0%s\0%s\0%s\0' "$size" "$time" "$kind" "$f"; }; done"#;

/// Something in a directory.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// Its name there.
    pub name: String,
    /// Absolute.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Whether it is a directory itself; a link to one is not.
    pub is_directory: bool,
    /// When it was written last.
    pub modified: SystemTime,
}

impl Api {
    /// What lies in a directory, by name.
    pub(crate) async fn list_directory(&self, sandbox_id: &str, path: &str) -> Result<Vec<Entry>, Problem> {
        let (code, stdout, said) = self.ask(sandbox_id, path, LIST).await?;
        match code {
            0 => {
                let mut entries = entries(path, &stdout);
                entries.sort_by(|a, b| a.name.cmp(&b.name));
                Ok(entries)
            }
            MISSING => Err(Problem::file(path, FileError::NotFound(path.to_owned()))),
            NOT_A_DIRECTORY => Err(Problem::field("path", format!("{path} is not a directory"))),
            _ => Err(refused(path, said)),
        }
    }

    /// Removes a file, or a directory with everything in it. What is not there is removed.
    pub(crate) async fn delete_path(&self, sandbox_id: &str, path: &str) -> Result<(), Problem> {
        match self.ask(sandbox_id, path, "exec rm -rf -- \"$0\"").await? {
            (0, ..) => Ok(()),
            (_, _, said) => Err(refused(path, said)),
        }
    }

    /// Creates or replaces a file, its directories included.
    pub(crate) async fn put_file(&self, sandbox_id: &str, path: &str, content: Bytes) -> Result<(), Problem> {
        let (sandbox_id, path) = (sandbox_id.to_owned(), path.to_owned());
        let request = WriteFileRequest { sandbox_id, path, content, container: String::new() };
        self.write(request, Deadline::none()).await.map(drop)
    }

    /// A whole file.
    pub(crate) async fn get_file(&self, sandbox_id: &str, path: &str) -> Result<Bytes, Problem> {
        let (sandbox_id, path) = (sandbox_id.to_owned(), path.to_owned());
        let request = ReadFileRequest { sandbox_id, path, container: String::new() };
        Ok(self.read(request, Deadline::none()).await?.content)
    }

    async fn ask(&self, sandbox_id: &str, path: &str, script: &str) -> Result<(i32, Bytes, String), Problem> {
        let mut faults = Faults::default();
        let good = path.starts_with('/') && !path.contains('\0') && path.len() <= 4096;
        faults.check(good, "path", "must be an absolute path of at most 4096 bytes without NUL");
        faults.check(!path.trim_matches('/').is_empty() || script == LIST, "path", "must not be the root");
        faults.finish()?;
        let Ready { sandbox, instance, container } = self.ready(sandbox_id, "", Deadline::none()).await?;
        let _in_use = sandbox.activity.begin();
        let argv = ["sh", "-c", script, path].map(str::to_owned).to_vec();
        let request = ExecRequest { container, argv, ..ExecRequest::default() };
        let handle = instance.exec(request).await.map_err(|error| Problem::runtime(&sandbox, error))?;
        let (collected, late) = collect_until(handle, MOST_LISTING, tokio::time::sleep(WITHIN)).await;
        if late {
            return Err(Problem::deadline("looking at the sandbox's files"));
        }
        let said = String::from_utf8_lossy(&collected.stderr).trim_end().to_owned();
        let code = collected.exit.map_err(|lost| Problem::file(path, FileError::Gone(lost)))?;
        Ok((code, collected.stdout, said))
    }
}

fn refused(path: &str, said: String) -> Problem {
    if said.contains("ermission denied") {
        return Problem::file(path, FileError::PermissionDenied(path.to_owned()));
    }
    Problem::file(path, FileError::Io { path: path.to_owned(), reason: said })
}

fn entries(directory: &str, listing: &[u8]) -> Vec<Entry> {
    let fields: Vec<String> =
        listing.split(|byte| *byte == 0).map(|field| String::from_utf8_lossy(field).into_owned()).collect();
    let records = fields.chunks_exact(4);
    records
        .map(|record| {
            let seconds = record[1].parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            Entry {
                name: record[3].clone(),
                path: format!("{}/{}", directory.trim_end_matches('/'), record[3]),
                size: record[0].parse().unwrap_or_default(),
                is_directory: record[2] == "d",
                modified: UNIX_EPOCH + seconds.unwrap_or_default(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_hold_anything() {
        let listed = entries("/a/", b"3\x001.5\0f\0two words\nand a line\x000\x000\0d\0.hidden\0");
        assert_eq!(listed.len(), 2);
        assert_eq!(
            (listed[0].path.as_str(), listed[0].size, listed[0].is_directory),
            ("/a/two words\nand a line", 3, false)
        );
        assert_eq!(listed[0].modified, UNIX_EPOCH + Duration::from_millis(1500));
        assert!(listed[1].is_directory && listed[1].name == ".hidden");
        assert!(entries("/", b"").is_empty());
    }
}
