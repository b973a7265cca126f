//! What is left of a sandbox that is over: its logs, until somebody deletes it. For a server that was not there when it
//! ended, or was restarted since.
//! Must not know: how a sandbox runs.

use std::{
    fs::{self, File},
    io,
    path::Path,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use tokio::net::{TcpListener, TcpStream};

use super::{Site, clear, record::Home};
use crate::runtime::{
    ExecHandle, ExecRequest, ExitStatus, FileError, FileWriter, ImageView, Instance, LogFiles, OpenFile, RuntimeError,
    TreePlace, TreeSum, Usage,
};

/// A sandbox that is over.
pub struct Remains {
    site: Arc<Site>,
    home: Home,
    block: Option<u32>,
    containers: Vec<String>,
    view: ImageView,
}

impl Remains {
    /// Ends what still runs of a sandbox and removes all but its logs. `None` when nothing is left of it. Blocking.
    pub fn of(site: Arc<Site>, id: &str) -> io::Result<Option<Remains>> {
        let home = Home::new(&site.sandboxes, id);
        let Ok(record) = home.record() else { return Ok(None) };
        let Some(view) = record.containers.first().map(|container| container.view.clone()) else { return Ok(None) };
        clear::end(&site, &home)?;
        for entry in fs::read_dir(home.path())? {
            let path = entry?.path();
            if home.containers().iter().all(|container| container.path() != path) && !home.is_record(&path) {
                discard(&path)?;
            }
        }
        for container in home.containers() {
            let logs = container.logs();
            for entry in fs::read_dir(container.path())? {
                let path = entry?.path();
                if ![&logs.data, &logs.index, &container.exit_file()].contains(&&path) {
                    discard(&path)?;
                }
            }
        }
        site.enlist(&home);
        let containers = record.containers.iter().map(|container| container.name.clone()).collect();
        Ok(Some(Remains { block: record.block, containers, view, site, home }))
    }

    fn container(&self, name: &str) -> Option<Home> {
        let index = if name.is_empty() { 0 } else { self.containers.iter().position(|own| own == name)? };
        Some(self.home.container(index))
    }
}

fn discard(path: &Path) -> io::Result<()> {
    if path.symlink_metadata()?.is_dir() { clear::remove_tree(path) } else { fs::remove_file(path) }
}

const OVER: &str = "it is over, and only its log is left";

fn over() -> RuntimeError {
    RuntimeError::Gone(OVER.to_owned())
}

fn no_files() -> FileError {
    FileError::Gone(OVER.to_owned())
}

#[async_trait]
impl Instance for Remains {
    async fn start_main(&self, _: &str) -> Result<(), RuntimeError> {
        Err(over())
    }

    async fn exec(&self, _: ExecRequest) -> Result<ExecHandle, RuntimeError> {
        Err(over())
    }

    async fn open_file(&self, _: &str, _: &str) -> Result<OpenFile, FileError> {
        Err(no_files())
    }

    async fn create_file(&self, _: &str, _: &str) -> Result<FileWriter, FileError> {
        Err(no_files())
    }

    async fn dial(&self, _: u16) -> Result<TcpStream, RuntimeError> {
        Err(over())
    }

    async fn egress(&self) -> Result<TcpListener, RuntimeError> {
        Err(over())
    }

    async fn save_tree(&self, _: &TreePlace, _: File) -> Result<TreeSum, FileError> {
        Err(no_files())
    }

    async fn restore_tree(&self, _: &TreePlace, _: File) -> Result<TreeSum, FileError> {
        Err(no_files())
    }

    fn logs(&self, container: &str) -> Option<LogFiles> {
        self.container(container).map(|home| home.logs())
    }

    fn exit_code(&self, container: &str) -> Option<i32> {
        self.container(container)?.exit_code()
    }

    async fn main_exit(&self, container: &str) -> ExitStatus {
        match self.exit_code(container) {
            Some(code) => ExitStatus { code, lost: None },
            None => ExitStatus { code: 137, lost: Some(OVER.to_owned()) },
        }
    }

    async fn stop(&self, _: Duration) -> Result<(), RuntimeError> {
        Ok(())
    }

    async fn remove(&self) -> Result<(), RuntimeError> {
        let (site, home, block) = (self.site.clone(), self.home.clone(), self.block);
        let removed = tokio::task::spawn_blocking(move || {
            let removed = clear::remove(&site, &home, [], block);
            site.discharge(&home);
            removed
        });
        let removed = removed.await.map_err(io::Error::other).and_then(|removed| removed);
        removed.map_err(|source| RuntimeError::Io { context: "remove the sandbox's log".into(), source })
    }

    async fn gone(&self) {}

    async fn usage(&self) -> Usage {
        Usage::default()
    }

    fn view(&self) -> &ImageView {
        &self.view
    }
}
