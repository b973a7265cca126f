//! Trees: a child of the agent writes a directory to a file of ours, or makes a directory from one.
//! Must not know: what the file looks like.

use std::{
    fs::File,
    os::fd::{AsFd, BorrowedFd},
};

use jetway_agent::protocol::{Reply, Request, Tree};

use super::{file_calls::refused, link::Link};
use crate::runtime::{FileError, TreeSum};

/// The agent's word for a directory that could not be had; other steps say themselves what went wrong.
const OPEN: &str = "open the tree";

/// Writes a tree to `file`. Dropping the future ends the work.
pub async fn save(home: BorrowedFd<'_>, tree: Tree, name: &str, file: &File) -> Result<TreeSum, FileError> {
    call(home, &Request::SaveTree(tree), name, file).await
}

/// Makes a directory what `file` says. Dropping the future ends the work in the middle.
pub async fn restore(home: BorrowedFd<'_>, tree: Tree, name: &str, file: &File) -> Result<TreeSum, FileError> {
    call(home, &Request::RestoreTree(tree), name, file).await
}

async fn call(home: BorrowedFd<'_>, request: &Request, name: &str, file: &File) -> Result<TreeSum, FileError> {
    let answer = async {
        let mut link = Link::open(home, request, &[file.as_fd()]).await?;
        link.receive::<Reply>().await
    };
    match answer.await {
        Ok(Reply::Tree { entries, bytes }) => Ok(TreeSum { entries, bytes }),
        // The child ended without a word: it was killed, for want of memory or by the sandbox itself.
        Ok(Reply::Exited { code }) => Err(FileError::Io {
            path: name.to_owned(),
            reason: format!("the process that did the work was killed (exit code {code})"),
        }),
        Ok(Reply::Failed(failure)) if failure.step != OPEN => {
            Err(FileError::Io { path: name.to_owned(), reason: failure.step })
        }
        Ok(other) => Err(refused(other, name)),
        Err(error) => Err(FileError::Gone(format!("its agent does not answer ({error})"))),
    }
}
