//! ReadFile and WriteFile: whole files in one message, up to a cap that clients know.

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    Api, Problem, Ready,
    deadline::Deadline,
    plan::{Faults, check_file_path},
};
use crate::{
    runtime::FileError,
    wire::sandbox::{ReadFileRequest, ReadFileResponse, WriteFileRequest, WriteFileResponse},
};

/// What one call carries. Both public clients check against the same number before they write.
const CAP: u64 = 32 * 1024 * 1024;

impl Api {
    /// A whole file.
    pub(super) async fn read(&self, request: ReadFileRequest, deadline: Deadline) -> Result<ReadFileResponse, Problem> {
        let ReadFileRequest { sandbox_id, path, container } = request;
        check(&path)?;
        let Ready { instance, container, .. } = self.ready(&sandbox_id, &container, deadline).await?;
        let reading = async {
            let opened = instance.open_file(&container, &path).await.map_err(|error| Problem::file(&path, error))?;
            if opened.size > CAP {
                return Err(Problem::file_too_large(&path, "read", opened.size, CAP));
            }
            let mut content = Vec::with_capacity(usize::try_from(opened.size).unwrap_or(0).saturating_add(1));
            let mut file = opened.file.take(CAP + 1);
            file.read_to_end(&mut content).await.map_err(|error| io(&path, &error))?;
            // It may have grown since it was opened, and /proc files have no size at all.
            if content.len() as u64 > CAP {
                return Err(Problem::file_too_large(&path, "read", content.len() as u64, CAP));
            }
            Ok(Bytes::from(content))
        };
        let content = deadline.bound("reading the file", reading).await??;
        Ok(ReadFileResponse { content })
    }

    /// Creates or replaces a file; it appears whole or not at all.
    pub(super) async fn write(
        &self,
        request: WriteFileRequest,
        deadline: Deadline,
    ) -> Result<WriteFileResponse, Problem> {
        let WriteFileRequest { sandbox_id, path, content, container } = request;
        check(&path)?;
        // Known before anything starts: an unknown sandbox is the better answer than a size.
        self.find(&sandbox_id)?;
        if content.len() as u64 > CAP {
            return Err(Problem::file_too_large(&path, "write", content.len() as u64, CAP));
        }
        let Ready { instance, container, .. } = self.ready(&sandbox_id, &container, deadline).await?;
        let writing = async {
            let mut writer =
                instance.create_file(&container, &path).await.map_err(|error| Problem::file(&path, error))?;
            writer.file.write_all(&content).await.map_err(|error| io(&path, &error))?;
            writer.file.flush().await.map_err(|error| io(&path, &error))?;
            (writer.commit)().await.map_err(|error| Problem::file(&path, error))
        };
        deadline.bound("writing the file", writing).await??;
        Ok(WriteFileResponse {})
    }
}

fn check(path: &str) -> Result<(), Problem> {
    let mut faults = Faults::default();
    check_file_path("path", path, &mut faults);
    faults.finish()
}

fn io(path: &str, error: &std::io::Error) -> Problem {
    Problem::file(path, FileError::Io { path: path.to_owned(), reason: error.to_string() })
}
