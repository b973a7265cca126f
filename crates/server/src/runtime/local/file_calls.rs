//! File calls: the agent opens inside the sandbox's own root and passes the descriptor.
//! Must not know: how the sandbox came to be.

use std::{fs, io, os::fd::BorrowedFd};

use jetway_agent::protocol::{Failure, Nudge, Reply, Request};
use tokio::fs::File;

use super::link::Link;
use crate::runtime::{FileError, FileWriter, OpenFile};

/// Opens for reading.
pub async fn open(home: BorrowedFd<'_>, path: &str) -> Result<OpenFile, FileError> {
    check(path)?;
    let request = Request::OpenFile { path: path.to_owned() };
    let (_, file, size) = call(home, &request, path).await?;
    Ok(OpenFile { file, size })
}

/// Opens for writing.
pub async fn create(home: BorrowedFd<'_>, path: &str) -> Result<FileWriter, FileError> {
    check(path)?;
    let request = Request::CreateFile { path: path.to_owned() };
    let (mut link, file, _) = call(home, &request, path).await?;
    let path = path.to_owned();
    let commit = async move {
        let answer = async {
            link.send(&Nudge::Commit).await?;
            link.receive::<Reply>().await
        };
        match answer.await {
            Ok(Reply::Done) => Ok(()),
            Ok(other) => Err(refused(other, &path)),
            Err(error) => Err(gone(&error)),
        }
    };
    Ok(FileWriter { file, commit: Box::new(move || Box::pin(commit)) })
}

async fn call(home: BorrowedFd<'_>, request: &Request, path: &str) -> Result<(Link, File, u64), FileError> {
    let answer = async {
        let mut link = Link::open(home, request, &[]).await?;
        let reply = link.receive::<Reply>().await?;
        let descriptor = match &reply {
            Reply::Opened { .. } => Some(link.take_descriptor()?),
            _ => None,
        };
        io::Result::Ok((link, reply, descriptor))
    };
    match answer.await {
        Ok((link, Reply::Opened { size }, Some(file))) => Ok((link, File::from_std(fs::File::from(file)), size)),
        Ok((_, other, _)) => Err(refused(other, path)),
        Err(error) => Err(gone(&error)),
    }
}

/// Why a path is refused before anybody is asked.
pub fn check(path: &str) -> Result<(), FileError> {
    let refuse = |reason: &str| Err(FileError::Io { path: path.to_owned(), reason: reason.to_owned() });
    match path {
        path if path.contains('\0') => refuse("the path contains a NUL character; remove it"),
        path if !path.starts_with('/') => refuse("the path is relative; start it with '/'"),
        path if path.ends_with('/') => Err(FileError::IsDirectory(path.to_owned())),
        _ => Ok(()),
    }
}

/// What the agent's refusal means.
pub fn refused(reply: Reply, path: &str) -> FileError {
    let path = path.to_owned();
    match reply {
        Reply::NotRegular => FileError::IsDirectory(path),
        Reply::Refused(reason) => FileError::Gone(reason),
        Reply::Failed(failure) => match failure.errno {
            libc::ENOENT | libc::ENOTDIR => FileError::NotFound(path),
            libc::EACCES | libc::EPERM | libc::EROFS => FileError::PermissionDenied(path),
            libc::EISDIR => FileError::IsDirectory(path),
            _ => FileError::Io { path, reason: reason(&failure) },
        },
        other => FileError::Io { path, reason: format!("unexpected answer {other:?}") },
    }
}

fn reason(failure: &Failure) -> String {
    failure.reason().to_string()
}

fn gone(error: &io::Error) -> FileError {
    FileError::Gone(format!("its agent does not answer ({error})"))
}
