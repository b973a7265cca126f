//! One live container of a sandbox: its agent, watched.
//! Must not know: the other containers, images, how it was born.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use jetway_agent::protocol::{self, Birth, Progress, Reply, Request, Status};
use rustix::process::{Signal, pidfd_send_signal};
use tokio::{
    io::unix::AsyncFd,
    sync::{mpsc, watch},
    time::timeout,
};

use super::{
    Site,
    cgroups::Group,
    clear, container,
    link::Link,
    readiness,
    record::{ContainerRecord, Home},
};
use crate::runtime::{ExitStatus, Freezing, LogFiles, RuntimeError, Usage};

/// Longest wait for killed processes: one may hang in the kernel, on a network file system for instance.
const LAST_WAIT: Duration = Duration::from_secs(30);

/// What is known of a main command.
#[derive(Debug, Clone, Default)]
struct Main {
    started: bool,
    failed: Option<String>,
    exit: Option<i32>,
}

/// A container with its agent.
pub struct Member {
    home: Home,
    descriptor: OwnedFd,
    process: Arc<OwnedFd>,
    record: ContainerRecord,
    group: Group,
    main: watch::Receiver<Main>,
    /// Orders to start the main command.
    starts: mpsc::UnboundedSender<()>,
    gone: watch::Receiver<bool>,
    sample: Mutex<Option<(Instant, u64)>>,
}

impl Member {
    /// Watches a container that was just born; `deferred` says that its main command was not started yet.
    pub fn begin(born: container::Born, deferred: bool) -> io::Result<Member> {
        let container::Born { home, descriptor, record, control, process, group, .. } = born;
        let main = Main { started: !deferred, ..Main::default() };
        Self::watched((home, descriptor, record, group), process, Link::over(control)?, main)
    }

    /// Finds a container again. `None` when it is gone.
    pub async fn adopt(site: &Site, home: Home, record: ContainerRecord) -> Result<Option<Member>, RuntimeError> {
        let (Some(process), Ok(descriptor)) = (clear::find(&home, Some(&record)), home.open()) else {
            return Ok(None);
        };
        let group = site.cgroups.group(&record.group);
        // Its agent answers when it runs; whoever wants it frozen freezes it again.
        if let Some(freezer) = group.freezer() {
            let _ = tokio::task::spawn_blocking(move || freezer.thaw()).await;
        }
        let Ok(mut control) = Link::open(&descriptor, &Request::Attach { version: protocol::VERSION }, &[]).await
        else {
            return Ok(None);
        };
        let failed = RuntimeError::starting("find the sandbox again");
        match timeout(Duration::from_secs(5), control.receive::<Reply>()).await {
            Ok(Ok(Reply::Attached { exit })) => {
                let main = Main { started: true, failed: None, exit };
                Self::watched((home, descriptor, record, group), process, control, main).map(Some).map_err(failed)
            }
            Ok(Ok(Reply::Refused(reason))) => Err(RuntimeError::Unsupported(reason)),
            Ok(Ok(_)) | Ok(Err(_)) => Ok(None),
            Err(_) => Err(RuntimeError::Gone("its agent does not answer".into())),
        }
    }

    fn watched(
        (home, descriptor, record, group): (Home, OwnedFd, ContainerRecord, Group),
        process: OwnedFd,
        control: Link,
        main: Main,
    ) -> io::Result<Member> {
        let process = Arc::new(process);
        let (reported, main) = watch::channel(main);
        let (left, gone) = watch::channel(false);
        let (starts, ordered) = mpsc::unbounded_channel();
        let watched = readiness::watch(process.clone())?;
        let last = home.clone();
        tokio::spawn(async move {
            observe(control, &watched, &reported, ordered).await;
            clear::reap(watched.get_ref());
            // The agent writes the exit file before it reports, so a report that was lost is still there.
            if let Some(code) = last.exit_code() {
                reported.send_modify(|main| main.exit = main.exit.or(Some(code)));
            }
            left.send_replace(true);
        });
        Ok(Member { home, descriptor, process, record, group, main, starts, gone, sample: Mutex::new(None) })
    }

    /// What its sandbox's directory says about it.
    pub fn record(&self) -> &ContainerRecord {
        &self.record
    }

    /// Its own directory, open: the way to its agent.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    /// Its control groups.
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// Where the main command's output lies.
    pub fn logs(&self) -> LogFiles {
        self.home.logs()
    }

    /// Starts a main command that was deferred; nothing happens when it runs already.
    pub async fn start_main(&self) -> Result<(), RuntimeError> {
        // Fails only when the container is gone, which the wait below finds.
        let _ = self.starts.send(());
        let (mut main, mut gone) = (self.main.clone(), self.gone.clone());
        loop {
            let Main { started, failed, .. } = main.borrow_and_update().clone();
            match failed {
                Some(reason) => return Err(RuntimeError::Unsupported(reason)),
                None if started => return Ok(()),
                None => {}
            }
            tokio::select! {
                Ok(()) = main.changed() => {}
                _ = gone.wait_for(|gone| *gone) => {
                    return Err(RuntimeError::Gone("its container ended before its main command started".into()));
                }
            }
        }
    }

    /// The main command's exit code if it ended.
    pub fn exit_code(&self) -> Option<i32> {
        self.main.borrow().exit
    }

    /// Waits until the main command ended.
    pub async fn main_exit(&self) -> ExitStatus {
        let (mut main, mut gone) = (self.main.clone(), self.gone.clone());
        loop {
            if let Some(code) = main.borrow_and_update().exit {
                return ExitStatus { code, lost: None };
            }
            if *gone.borrow_and_update() {
                let why = "the sandbox ended before its main command reported";
                return ExitStatus { code: 137, lost: Some(why.into()) };
            }
            tokio::select! {
                Ok(()) = main.changed() => {}
                Ok(()) = gone.changed() => {}
                else => return ExitStatus { code: 137, lost: Some("the server is shutting down".into()) },
            }
        }
    }

    /// Stops every process where it stands.
    pub async fn freeze(&self) -> Result<Freezing, RuntimeError> {
        let failed = |source| RuntimeError::Io { context: "freeze the sandbox".into(), source };
        let Some(freezer) = self.group.freezer() else {
            return match self.ask(&Request::Suspend { suspended: true }).await.map_err(failed)? {
                Reply::Done => Ok(Freezing::Signal),
                _ => Err(RuntimeError::Unsupported("this sandbox's agent cannot stop its processes".into())),
            };
        };
        let frozen = tokio::task::spawn_blocking(move || freezer.freeze()).await;
        frozen.map_err(io::Error::other).and_then(|frozen| frozen).map_err(failed)?;
        Ok(Freezing::ControlGroup)
    }

    /// Lets every process go on.
    pub async fn thaw(&self) -> Result<(), RuntimeError> {
        let failed = |source| RuntimeError::Io { context: "thaw the sandbox".into(), source };
        match self.group.freezer() {
            Some(_) => self.unfreeze().await.map_err(failed),
            None => self.ask(&Request::Suspend { suspended: false }).await.map(drop).map_err(failed),
        }
    }

    /// Undoes what a control group did to it, without its agent's help.
    pub async fn unfreeze(&self) -> io::Result<()> {
        let Some(freezer) = self.group.freezer() else { return Ok(()) };
        tokio::task::spawn_blocking(move || freezer.thaw()).await.map_err(io::Error::other)?
    }

    /// TERM, KILL after the grace; then nothing runs in it any more.
    pub async fn stop(&self, grace: Duration) -> Result<(), RuntimeError> {
        let grace_ms = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        // Killed processes end at once unless the kernel holds them; then the whole namespace goes.
        let patience = grace.saturating_add(Duration::from_secs(5));
        let stopped = timeout(patience, self.ask(&Request::Stop { grace_ms })).await;
        if !matches!(stopped, Ok(Ok(Reply::Done))) {
            self.kill();
        }
        self.ended().await?;
        let group = self.group.clone();
        // The files stay until removal, the groups have nobody left to limit.
        let emptied = tokio::task::spawn_blocking(move || group.remove()).await;
        let emptied = emptied.map_err(io::Error::other).and_then(|emptied| emptied);
        emptied.map_err(|source| RuntimeError::Io { context: "remove the sandbox's control groups".into(), source })
    }

    /// Kills everything in it. One that is gone already is as good.
    pub fn kill(&self) {
        let _ = pidfd_send_signal(&*self.process, Signal::KILL);
    }

    /// Waits for the end of processes that were killed.
    pub async fn ended(&self) -> Result<(), RuntimeError> {
        timeout(LAST_WAIT, self.gone()).await.map_err(|_| RuntimeError::Io {
            context: "end the sandbox".into(),
            source: io::Error::new(io::ErrorKind::TimedOut, "the kernel does not let its processes go"),
        })
    }

    /// Resolves once its agent is gone.
    pub async fn gone(&self) {
        // An error means that the task which watches ended with the server's own runtime.
        let _ = self.gone.clone().wait_for(|gone| *gone).await;
    }

    /// What it uses right now.
    pub async fn usage(&self) -> Usage {
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

    async fn ask(&self, request: &Request) -> io::Result<Reply> {
        Link::open(&self.descriptor, request, &[]).await?.receive().await
    }
}

/// Passes on what the agent says of its main command, and orders to start it, until process one is gone.
async fn observe(
    mut control: Link,
    process: &AsyncFd<Arc<OwnedFd>>,
    reported: &watch::Sender<Main>,
    mut ordered: mpsc::UnboundedReceiver<()>,
) {
    let mut connected = true;
    loop {
        tokio::select! {
            biased;
            progress = control.receive::<Progress>(), if connected => match progress {
                Ok(Progress::MainStarted) => reported.send_modify(|main| main.started = true),
                Ok(Progress::MainExited { code }) => reported.send_modify(|main| main.exit = Some(code)),
                Ok(Progress::Failed(failure)) => {
                    let reason = format!("{}: {}", failure.step, failure.reason());
                    reported.send_modify(|main| main.failed = Some(reason));
                }
                Ok(_) => {}
                Err(_) => connected = false,
            },
            Some(()) = ordered.recv() => {
                // A second order is ignored over there; a broken link shows as the end above.
                let _ = control.send(&Birth::StartMain).await;
            }
            _ = process.readable() => return,
        }
    }
}
