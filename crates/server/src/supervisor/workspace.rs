//! The files of a session: saved beside the server before its processes are frozen, put back into a new sandbox should
//! those be lost. Must not know: how a backend reads its files.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use super::{Sandbox, Supervisor};
use crate::{
    identity::create_private_dir,
    runtime::{ExecHandle, ExecRequest, FileError, Instance, TreePlace},
};

/// Where users work when nothing else was said.
const WORKSPACE: &str = "/workspace";

impl Supervisor {
    /// Saves what lies in a sandbox's workspace, whole or not at all. `false` when it has none.
    pub(super) async fn save_workspace(&self, sandbox: &Sandbox, session: &str) -> Result<bool, String> {
        let Some(instance) = sandbox.snapshot().instance else { return Ok(false) };
        let (path, draft) = (self.workspace(session), self.workspace(&format!("{session}.part")));
        create_private_dir(&self.0.options.workspaces).map_err(|error| error.to_string())?;
        let saved = save(&*instance, &place(sandbox), &draft).await;
        let kept = match saved {
            Ok(()) => tokio::fs::rename(&draft, &path).await.map(|()| true).map_err(|error| error.to_string()),
            Err(FileError::NotFound(_)) => Ok(false),
            Err(error) => Err(error.to_string()),
        };
        if !matches!(kept, Ok(true)) {
            // Left over, it is written over by the next one.
            let _ = tokio::fs::remove_file(&draft).await;
        }
        kept
    }

    /// Puts a saved workspace into a sandbox that runs.
    pub async fn restore_workspace(&self, sandbox: &Sandbox, session: &str) -> Result<(), String> {
        let instance = sandbox.snapshot().instance.ok_or("the sandbox does not run")?;
        let file = match File::open(self.workspace(session)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened.map_err(|error| error.to_string())?,
        };
        let place = place(sandbox);
        make(&*instance, &place).await?;
        instance.restore_tree(&place, file).await.map(drop).map_err(|error| error.to_string())
    }

    /// Removes what was saved.
    pub(super) async fn forget_workspace(&self, session: &str) {
        if let Err(error) = tokio::fs::remove_file(self.workspace(session)).await
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(session, %error, "a saved workspace could not be removed");
        }
    }

    /// Session ids are the server's own: no path is made of what a caller said.
    fn workspace(&self, session: &str) -> PathBuf {
        self.0.options.workspaces.join(format!("{session}.tar"))
    }
}

fn place(sandbox: &Sandbox) -> TreePlace {
    let own = sandbox.draft.plan.containers.first().map_or("", |container| container.working_dir.as_str());
    let path = if own.is_empty() { WORKSPACE } else { own };
    TreePlace::Directory { container: sandbox.primary().to_owned(), path: path.to_owned() }
}

async fn save(instance: &dyn Instance, place: &TreePlace, into: &Path) -> Result<(), FileError> {
    let failed = |error: io::Error| FileError::Io { path: into.display().to_string(), reason: error.to_string() };
    let file = File::create(into).map_err(failed)?;
    let kept = file.try_clone().map_err(failed)?;
    instance.save_tree(place, file).await?;
    let synced = tokio::task::spawn_blocking(move || kept.sync_all()).await;
    synced.map_err(io::Error::other).and_then(|synced| synced).map_err(failed)
}

/// Makes the workspace's directory where an image has none.
async fn make(instance: &dyn Instance, place: &TreePlace) -> Result<(), String> {
    let TreePlace::Directory { container, path } = place else { return Ok(()) };
    let argv = ["mkdir", "-p", "--", path].map(str::to_owned).to_vec();
    let request = ExecRequest { container: container.clone(), argv, ..ExecRequest::default() };
    let ExecHandle { mut control, .. } = instance.exec(request).await.map_err(|error| error.to_string())?;
    let status = control.wait().await;
    match (status.code, status.lost) {
        (_, Some(lost)) => Err(lost),
        (0, None) => Ok(()),
        (code, None) => Err(format!("{path} could not be made in the new sandbox: mkdir exited with code {code}")),
    }
}
