//! Whole files of a sandbox. Must not know: which transport carries them.

use bytes::{BufMut, Bytes, BytesMut};
use prost::{Message, encoding};

use super::Sandbox;
use crate::{
    client::{self, CallHead},
    error::{CallContext, Error, ErrorKind, Operation},
    process::check_path,
    wire,
};

/// The largest file that one call carries, either way.
pub const MAX_FILE_BYTES: usize = 32 * 1024 * 1024;

/// A file call ready to be made on any pipe.
#[derive(Debug, Clone)]
pub struct PreparedRead {
    /// Path, metadata and deadline.
    pub head: CallHead,
    /// The request, encoded and without its gRPC envelope.
    pub message: Bytes,
}

/// A write ready to be made on any pipe, without its content having been copied.
#[derive(Debug, Clone)]
pub struct PreparedWrite {
    /// Path, metadata and deadline.
    pub head: CallHead,
    /// The encoded request up to its content, without its gRPC envelope: exactly the announced number of bytes follows.
    pub prefix: Bytes,
}

impl Sandbox {
    /// Reads a whole file; one that is too large for one call comes as a stream, up to
    /// [`MAX_COLLECTED_BYTES`](super::MAX_COLLECTED_BYTES).
    ///
    /// # Errors
    /// Validation for a path that is not absolute or has a NUL; file, with `filepath` in its metadata; not running.
    pub async fn read_file(&self, path: &str) -> Result<Bytes, Error> {
        self.files().read(path).await
    }

    /// Creates or replaces a file, its directories included. One over [`MAX_FILE_BYTES`] goes as a stream.
    ///
    /// # Errors
    /// Validation for a path that is not absolute or has a NUL; file, with `filepath` in its metadata; not running.
    pub async fn write_file(&self, path: &str, content: impl Into<Bytes>) -> Result<(), Error> {
        self.files().write(path, content).await
    }

    pub(super) async fn read_in_one_call(&self, path: &str, container: &str) -> Result<Bytes, Error> {
        check_path("path", path)?;
        let sandbox_id = self.ready_for_work().await?;
        let request = wire::ReadFileRequest { sandbox_id, path: path.to_owned(), container: container.to_owned() };
        client::files::read(&self.inner.client, request, &self.inner.calls).await
    }

    pub(super) async fn write_in_one_call(&self, path: &str, content: Bytes, container: &str) -> Result<(), Error> {
        check_path("path", path)?;
        let sandbox_id = self.ready_for_work().await?;
        let (path, container) = (path.to_owned(), container.to_owned());
        let request = wire::WriteFileRequest { sandbox_id, path, content, container };
        client::files::write(&self.inner.client, request, &self.inner.calls).await
    }

    /// Everything that reading a file in one call takes, for hosts with their own pipes.
    ///
    /// # Errors
    /// As [`read_file`](Self::read_file) before its call.
    pub async fn prepare_read(&self, path: &str, container: &str) -> Result<PreparedRead, Error> {
        check_path("path", path)?;
        let sandbox_id = self.ready_for_work().await?;
        let head = self.file_head(Operation::ReadFile, &sandbox_id).await?;
        let request = wire::ReadFileRequest { sandbox_id, path: path.to_owned(), container: container.to_owned() };
        Ok(PreparedRead { head, message: request.encode_to_vec().into() })
    }

    /// Everything that writing `len` bytes in one call takes, for hosts with their own pipes.
    ///
    /// # Errors
    /// As [`write_file`](Self::write_file) before its call; file, for more than [`MAX_FILE_BYTES`].
    pub async fn prepare_write(&self, path: &str, len: usize, container: &str) -> Result<PreparedWrite, Error> {
        check_path("path", path)?;
        check_size(path, len)?;
        let sandbox_id = self.ready_for_work().await?;
        let head = self.file_head(Operation::WriteFile, &sandbox_id).await?;
        Ok(PreparedWrite { head, prefix: write_prefix(sandbox_id, path, len, container) })
    }

    async fn file_head(&self, operation: Operation, sandbox_id: &str) -> Result<CallHead, Error> {
        self.inner.client.call_head(CallContext::on(operation, sandbox_id), &self.inner.calls).await
    }
}

/// The content goes last, whatever its number: a protobuf message may have its fields in any order.
fn write_prefix(sandbox_id: String, path: &str, len: usize, container: &str) -> Bytes {
    const CONTENT: u32 = 3;
    let request = wire::WriteFileRequest {
        sandbox_id,
        path: path.to_owned(),
        content: Bytes::new(),
        container: container.to_owned(),
    };
    let mut prefix = BytesMut::with_capacity(request.encoded_len() + 8);
    prefix.put_slice(&request.encode_to_vec());
    if len > 0 {
        encoding::encode_key(CONTENT, encoding::WireType::LengthDelimited, &mut prefix);
        encoding::encode_varint(len as u64, &mut prefix);
    }
    prefix.freeze()
}

fn check_size(path: &str, len: usize) -> Result<(), Error> {
    if len <= MAX_FILE_BYTES {
        return Ok(());
    }
    let message =
        format!("content: {len} bytes for {path} are more than the {MAX_FILE_BYTES} that one write may carry");
    Err(Error::new(ErrorKind::SandboxFile, message)
        .with_reason("CWSANDBOX_FILE_TOO_LARGE")
        .with_metadata("filepath", path)
        .with_metadata("operation", "write")
        .with_metadata("size_bytes", len.to_string())
        .with_metadata("max_size_bytes", MAX_FILE_BYTES.to_string())
        .with_hint("Write it as a stream"))
}

#[cfg(test)]
mod tests {
    use bytes::{Bytes, BytesMut};
    use prost::Message;

    use super::{MAX_FILE_BYTES, check_size, write_prefix};
    use crate::{error::ErrorKind, wire};

    #[test]
    fn a_prefix_and_its_content_are_the_request() {
        for content in [&b""[..], b"x", &[7; 300]] {
            let mut message = BytesMut::from(&write_prefix("sb".into(), "/a", content.len(), "box")[..]);
            message.extend_from_slice(content);
            let request = wire::WriteFileRequest::decode(message.freeze()).unwrap();
            assert_eq!((request.sandbox_id.as_str(), request.path.as_str()), ("sb", "/a"));
            assert_eq!(request.container, "box");
            assert_eq!(request.content, Bytes::copy_from_slice(content));
        }
    }

    #[test]
    fn content_over_the_limit_is_refused_with_its_size() {
        assert!(check_size("/a", MAX_FILE_BYTES).is_ok());
        let error = check_size("/a", MAX_FILE_BYTES + 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SandboxFile);
        assert_eq!(error.metadata()["size_bytes"], (MAX_FILE_BYTES + 1).to_string());
        assert!(error.hint().is_some());
    }
}
