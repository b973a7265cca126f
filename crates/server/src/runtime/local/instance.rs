//! One live sandbox: its agent, watched, behind the runtime's trait.
//! Must not know: images, how it was born.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use jetway_agent::protocol::{self, Progress, Reply, Request, Status};
use rustix::process::{Signal, pidfd_send_signal};
use tokio::{io::unix::AsyncFd, sync::watch, time::timeout};

use super::{
    Site,
    birth::Born,
    cgroups::Group,
    clear, exec, file_calls,
    link::Link,
    readiness,
    record::{Home, Record},
};
use crate::runtime::{
    ExecHandle, ExecRequest, ExitStatus, FileError, FileWriter, ImageView, Instance, LogFiles, OpenFile, RuntimeError,
    Usage,
};

/// Longest wait for killed processes: one may hang in the kernel, on a network file system for instance.
const LAST_WAIT: Duration = Duration::from_secs(30);

/// A sandbox of the local runtime.
pub struct LocalInstance {
    site: Arc<Site>,
    home: Home,
    descriptor: OwnedFd,
    process: Arc<OwnedFd>,
    record: Record,
    group: Group,
    exits: watch::Receiver<Vec<Option<i32>>>,
    gone: watch::Receiver<bool>,
    sample: Mutex<Option<(Instant, u64)>>,
}

impl LocalInstance {
    /// Watches a sandbox that was just born.
    pub fn begin(site: Arc<Site>, born: Born) -> io::Result<LocalInstance> {
        let exits = vec![None; born.record.containers.len()];
        let Born { home, descriptor, record, control, process, group, .. } = born;
        Self::watched(site, (home, descriptor, record, group), process, Link::over(control)?, exits)
    }

    /// Finds a sandbox again. `None` when it is gone.
    pub async fn adopt(site: Arc<Site>, id: &str) -> Result<Option<LocalInstance>, RuntimeError> {
        let home = Home::new(&site.sandboxes, id);
        let (Ok(record), Some(process), Ok(descriptor)) = (home.record(), clear::find(&home), home.open()) else {
            return Ok(None);
        };
        let group = site.cgroups.group(&record.group);
        let Ok(mut control) = Link::open(&descriptor, &Request::Attach { version: protocol::VERSION }, &[]).await
        else {
            return Ok(None);
        };
        let failed = RuntimeError::starting("find the sandbox again");
        match timeout(Duration::from_secs(5), control.receive::<Reply>()).await {
            Ok(Ok(Reply::Attached { exits })) => {
                Self::watched(site, (home, descriptor, record, group), process, control, exits)
                    .map(Some)
                    .map_err(failed)
            }
            Ok(Ok(Reply::Refused(reason))) => Err(RuntimeError::Unsupported(reason)),
            Ok(Ok(_)) | Ok(Err(_)) => Ok(None),
            Err(_) => Err(RuntimeError::Gone("its agent does not answer".into())),
        }
    }

    fn watched(
        site: Arc<Site>,
        (home, descriptor, record, group): (Home, OwnedFd, Record, Group),
        process: OwnedFd,
        control: Link,
        exits: Vec<Option<i32>>,
    ) -> io::Result<LocalInstance> {
        let process = Arc::new(process);
        let (exited, exits) = watch::channel(exits);
        let (left, gone) = watch::channel(false);
        let watched = readiness::watch(process.clone())?;
        let last = home.clone();
        tokio::spawn(async move {
            observe(control, &watched, &exited).await;
            clear::reap(watched.get_ref());
            // The agent writes the exit file before it reports, so a report that was lost is still there.
            if let Some(code) = last.exit_code() {
                exited.send_modify(|exits| exits.iter_mut().take(1).for_each(|exit| *exit = exit.or(Some(code))));
            }
            left.send_replace(true);
        });
        site.enlist(&home);
        Ok(LocalInstance { site, home, descriptor, process, record, group, exits, gone, sample: Mutex::new(None) })
    }

    fn index(&self, container: &str) -> Option<usize> {
        match container {
            "" => Some(0),
            name => self.record.containers.iter().position(|own| own == name),
        }
    }

    fn container(&self, container: &str) -> Result<usize, RuntimeError> {
        self.index(container).ok_or_else(|| RuntimeError::ContainerNotFound(container.to_owned()))
    }

    fn file_container(&self, container: &str, path: &str) -> Result<usize, FileError> {
        let reason = format!("sandbox has no container named {container:?}");
        self.index(container).ok_or_else(|| FileError::Io { path: path.to_owned(), reason })
    }

    /// Waits for the end of processes that were killed.
    async fn ended(&self) -> Result<(), RuntimeError> {
        timeout(LAST_WAIT, self.gone()).await.map_err(|_| RuntimeError::Io {
            context: "end the sandbox".into(),
            source: io::Error::new(io::ErrorKind::TimedOut, "the kernel does not let its processes go"),
        })
    }

    async fn ask(&self, request: &Request) -> io::Result<Reply> {
        Link::open(&self.descriptor, request, &[]).await?.receive().await
    }
}

/// Passes main commands' ends on until process one is gone.
async fn observe(mut control: Link, process: &AsyncFd<Arc<OwnedFd>>, exited: &watch::Sender<Vec<Option<i32>>>) {
    let mut connected = true;
    loop {
        tokio::select! {
            biased;
            progress = control.receive::<Progress>(), if connected => match progress {
                Ok(Progress::MainExited { container, code }) => exited.send_modify(|exits| {
                    if let Some(exit) = exits.get_mut(container) {
                        *exit = Some(code);
                    }
                }),
                Ok(_) => {}
                Err(_) => connected = false,
            },
            _ = process.readable() => return,
        }
    }
}

#[async_trait]
impl Instance for LocalInstance {
    async fn exec(&self, request: ExecRequest) -> Result<ExecHandle, RuntimeError> {
        let container = self.container(&request.container)?;
        exec::start(self.descriptor.as_fd(), container, request).await
    }

    async fn open_file(&self, container: &str, path: &str) -> Result<OpenFile, FileError> {
        file_calls::open(self.descriptor.as_fd(), self.file_container(container, path)?, path).await
    }

    async fn create_file(&self, container: &str, path: &str) -> Result<FileWriter, FileError> {
        file_calls::create(self.descriptor.as_fd(), self.file_container(container, path)?, path).await
    }

    fn logs(&self, container: &str) -> Option<LogFiles> {
        self.index(container).map(|_| self.home.logs())
    }

    async fn main_exit(&self, container: &str) -> ExitStatus {
        let Some(index) = self.index(container) else {
            return ExitStatus { code: 127, lost: Some(format!("sandbox has no container named {container:?}")) };
        };
        let (mut exits, mut gone) = (self.exits.clone(), self.gone.clone());
        loop {
            if let Some(Some(code)) = exits.borrow_and_update().get(index).copied() {
                return ExitStatus { code, lost: None };
            }
            if *gone.borrow_and_update() {
                return ExitStatus {
                    code: 137,
                    lost: Some("the sandbox ended before its main command reported".into()),
                };
            }
            tokio::select! {
                Ok(()) = exits.changed() => {}
                Ok(()) = gone.changed() => {}
                else => return ExitStatus { code: 137, lost: Some("the server is shutting down".into()) },
            }
        }
    }

    async fn stop(&self, grace: Duration) -> Result<(), RuntimeError> {
        let grace_ms = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        // Killed processes end at once unless the kernel holds them; then the whole namespace goes.
        let patience = grace.saturating_add(Duration::from_secs(5));
        let stopped = timeout(patience, self.ask(&Request::Stop { grace_ms })).await;
        if !matches!(stopped, Ok(Ok(Reply::Done))) {
            // Gone already is stopped, too.
            let _ = pidfd_send_signal(&*self.process, Signal::KILL);
        }
        self.ended().await?;
        let group = self.group.clone();
        // The files stay until removal, the groups have nobody left to limit.
        let emptied = tokio::task::spawn_blocking(move || group.remove()).await;
        let emptied = emptied.map_err(io::Error::other).and_then(|emptied| emptied);
        emptied.map_err(|source| RuntimeError::Io { context: "remove the sandbox's control groups".into(), source })
    }

    async fn remove(&self) -> Result<(), RuntimeError> {
        let _ = pidfd_send_signal(&*self.process, Signal::KILL);
        self.ended().await?;
        let (site, home, group, block) = (self.site.clone(), self.home.clone(), self.group.clone(), self.record.block);
        let removed = tokio::task::spawn_blocking(move || {
            let removed = clear::remove(&site, &home, Some(&group), block);
            site.discharge(&home);
            removed
        });
        let removed = removed.await.map_err(io::Error::other).and_then(|removed| removed);
        removed.map_err(|source| RuntimeError::Io { context: "remove the sandbox".into(), source })
    }

    async fn gone(&self) {
        // An error means that the task which watches ended with the server's own runtime.
        let _ = self.gone.clone().wait_for(|gone| *gone).await;
    }

    async fn usage(&self) -> Usage {
        let Ok(Reply::Status(Status { cpu_micros, memory_bytes, .. })) = self.ask(&Request::Status).await else {
            return Usage::default();
        };
        let now = Instant::now();
        let mut sample = self.sample.lock().unwrap_or_else(PoisonError::into_inner);
        let cpu_millicores = match sample.replace((now, cpu_micros)) {
            Some((then, before)) if now > then => {
                let passed = now.duration_since(then).as_micros().max(1);
                i64::try_from(u128::from(cpu_micros.saturating_sub(before)) * 1000 / passed).unwrap_or(i64::MAX)
            }
            _ => 0,
        };
        let resident = i64::try_from(memory_bytes).unwrap_or(i64::MAX);
        Usage { cpu_millicores, memory_bytes: self.group.memory_bytes().unwrap_or(resident) }
    }

    fn view(&self) -> &ImageView {
        &self.record.view
    }
}
