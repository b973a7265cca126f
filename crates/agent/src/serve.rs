//! Process one's poll loop: accepts connections, reaps every process of the sandbox, moves the main command's output.
//!
//! One thread, nothing blocks except a disk. Must not know: mounts, namespaces.

use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    io,
    os::fd::{AsFd, FromRawFd, OwnedFd},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{Mode, OFlags},
    net::SocketFlags,
    process::{Pid, Signal, WaitOptions},
};

use crate::{
    birth::set_nonblocking,
    channel::Channel,
    confine::Confinement,
    errand::{self, Errand},
    launch::{Launch, Stdio, exit_code, launch, open_terminal, signal_all},
    main_log::MainLog,
    network,
    operation::{Connection, Role},
    protocol::{Birth, Exec, Failure, Progress, Reply, Request, Setup, Tree, VERSION},
    survey,
    user::{self, User},
    volumes::Staged,
};

/// Who waits for a process.
enum Waiter {
    Main,
    Connection(u64),
}

/// A stop under way.
struct Stop {
    kill_at: Instant,
    /// When to look for processes that missed being asked.
    ask_at: Instant,
    killed: bool,
}

/// How often those are looked for.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Everything process one knows.
pub struct Server {
    setup: Setup,
    listener: OwnedFd,
    children: OwnedFd,
    null: OwnedFd,
    /// See [`Setup::egress_port`].
    egress: Option<OwnedFd>,
    confinement: Confinement,
    user: User,
    log: MainLog,
    volumes: Vec<Staged>,
    exit: Option<i32>,
    waiters: HashMap<Pid, Waiter>,
    connections: BTreeMap<u64, Connection>,
    /// The connection the sandbox was born on, until its main command started: a sandbox that nobody will start ends.
    birth: Option<u64>,
    stop: Option<Stop>,
    /// Others have ended besides those whose status was taken so far.
    ended_more: bool,
}

impl Server {
    /// Prepares what needs preparing once.
    pub fn new(mut setup: Setup, listener: OwnedFd, log: MainLog, volumes: Vec<Staged>) -> Result<Server, Failure> {
        set_nonblocking(&listener).map_err(Failure::at("prepare the socket"))?;
        let user = user::of(&mut setup)?;
        let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
            .map_err(io::Error::from)
            .map_err(Failure::at("open /dev/null"))?;
        Ok(Server {
            children: child_signals().map_err(Failure::at("watch for children"))?,
            confinement: Confinement::compile(setup.container.processes)?,
            user,
            exit: None,
            egress: setup
                .egress_port
                .map(network::listen)
                .transpose()
                .map_err(Failure::at("listen for connections to the outside"))?,
            waiters: HashMap::new(),
            connections: BTreeMap::new(),
            birth: Some(0),
            stop: None,
            ended_more: false,
            setup,
            listener,
            null,
            log,
            volumes,
        })
    }

    /// What lies beside the root.
    pub fn volumes(&self) -> &[Staged] {
        &self.volumes
    }

    /// Serves until the sandbox is stopped, or its server is gone when it is an ephemeral one.
    pub fn run(mut self, control: Channel) -> Result<Infallible, i32> {
        set_nonblocking(&control).map_err(|_| 1)?;
        self.connections.insert(0, Connection::control(control));
        // What came along with earlier frames is buffered already.
        self.hear(0);
        let mut next_id = 1;
        loop {
            let ready = self.wait().map_err(|_| 1)?;
            if ready.accept {
                while let Ok(socket) =
                    rustix::net::accept_with(&self.listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)
                {
                    self.connections.insert(next_id, Connection::new(socket, Role::Fresh));
                    next_id += 1;
                }
            }
            if ready.log {
                self.log.drain(8);
            }
            for id in ready.connections {
                let open = self.connections.get_mut(&id).is_some_and(Connection::fill);
                self.hear(id);
                if !open {
                    self.close(id)?;
                }
            }
            if ready.children {
                // Only a wake-up: which child it was, `wait` says.
                let _ = rustix::io::read(&self.children, &mut [0; 1024]);
            }
            self.reap()?;
        }
    }

    fn wait(&self) -> io::Result<Readiness> {
        let left = match &self.stop {
            _ if self.ended_more => Some(Duration::ZERO),
            Some(stop) if !stop.killed => Some(stop.kill_at.min(stop.ask_at).saturating_duration_since(Instant::now())),
            _ => None,
        };
        let timeout = left.map(|left| Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() });
        let mut polled = vec![PollFd::new(&self.listener, PollFlags::IN), PollFd::new(&self.children, PollFlags::IN)];
        let source = self.log.source();
        polled.extend(source.map(|source| PollFd::from_borrowed_fd(source, PollFlags::IN)));
        polled.extend(self.connections.values().map(|connection| PollFd::new(connection, PollFlags::IN)));
        match poll(&mut polled, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut ready = polled.iter().map(|one| !one.revents().is_empty());
        Ok(Readiness {
            accept: ready.next() == Some(true),
            children: ready.next() == Some(true),
            log: source.is_some() && ready.next() == Some(true),
            connections: self.connections.keys().copied().filter(|_| ready.next() == Some(true)).collect(),
        })
    }

    /// Acts on every whole frame of a connection.
    fn hear(&mut self, id: u64) {
        loop {
            let Some(connection) = self.connections.get_mut(&id) else { return };
            let heard = match connection.role {
                Role::Fresh => connection.take::<Request>().map(|frame| frame.map(|request| self.request(id, request))),
                Role::Control => connection.take::<Birth>().map(|frame| frame.map(|birth| self.start_main(&birth))),
                _ => connection.take().map(|frame| frame.map(|nudge| connection.nudge(nudge))),
            };
            match heard {
                Ok(Some(())) => {}
                Ok(None) => return,
                Err(_) => {
                    // Not our protocol; the next read finds the end.
                    if let Some(connection) = self.connections.get(&id) {
                        let _ = rustix::net::shutdown(connection, rustix::net::Shutdown::Both);
                    }
                    return;
                }
            }
        }
    }

    fn request(&mut self, id: u64, request: Request) {
        let exit = self.exit;
        let Some(connection) = self.connections.get_mut(&id) else { return };
        match request {
            Request::Attach { version: VERSION } => {
                connection.role = Role::Control;
                connection.send(&Reply::Attached { exit }, &[]);
            }
            Request::Attach { version } => {
                let text = format!("this sandbox's agent speaks protocol {VERSION}, the server {version}");
                connection.send(&Reply::Refused(text), &[]);
            }
            Request::Exec(_) if self.stop.is_some() => {
                connection.send(&Reply::Refused("the sandbox is being stopped".into()), &[]);
            }
            Request::Exec(exec) => self.exec(id, exec),
            Request::OpenFile { .. } | Request::CreateFile { .. } => connection.serve_file(&request),
            Request::Dial { port, v6 } => connection.dial(port, v6),
            Request::Egress => match &self.egress {
                Some(listener) => connection.send(&Reply::Connected, &[listener.as_fd()]),
                None => connection.send(&Reply::Refused("this sandbox has no way out".into()), &[]),
            },
            Request::SaveTree(tree) => self.tree(id, &tree, Errand::Save),
            Request::RestoreTree(tree) => self.tree(id, &tree, Errand::Restore),
            Request::Status => connection.send(&Reply::Status(survey::status()), &[]),
            Request::Suspend { suspended } => {
                signal_all(if suspended { Signal::STOP } else { Signal::CONT });
                connection.send(&Reply::Done, &[]);
            }
            Request::Stop { grace_ms } => {
                connection.role = Role::Stop;
                let kill_at = Instant::now() + Duration::from_millis(grace_ms.min(24 * 3_600_000));
                // The shortest of several requests holds.
                let kill_at = self.stop.as_ref().map_or(kill_at, |stop| stop.kill_at.min(kill_at));
                self.stop = Some(Stop { kill_at, ask_at: Instant::now() + ASK_EVERY, killed: false });
                signal_all(Signal::TERM);
            }
        }
    }

    fn exec(&mut self, id: u64, exec: Exec) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let container = &self.setup.container;
        let mut env = container.env.clone();
        env.extend(exec.env);
        if exec.tty.is_some() {
            env.entry("TERM".into()).or_insert_with(|| "xterm-256color".into());
        }
        let started = (|| {
            let mut given = || connection.take_descriptor().ok_or(io::Error::from_raw_os_error(libc::EBADF));
            let (terminal, stdin, stdout, stderr);
            let (stdio, outer) = match exec.tty {
                Some((columns, rows)) => {
                    let (outer, inner) = open_terminal(columns, rows)?;
                    terminal = outer;
                    (Stdio::Terminal(inner), Some(terminal.as_fd()))
                }
                None => {
                    stdin = if exec.stdin { given()? } else { rustix::io::fcntl_dupfd_cloexec(&self.null, 3)? };
                    (stdout, stderr) = (given()?, given()?);
                    (Stdio::Pipes(stdin.as_fd(), stdout.as_fd(), stderr.as_fd()), None)
                }
            };
            let working_dir = &container.working_dir;
            let pid =
                launch(Launch { argv: &exec.argv, env, working_dir, user: &self.user, stdio }, &self.confinement)?;
            connection.role = Role::Exec(Some(pid));
            connection.send(&Reply::Started, outer.as_slice());
            Ok(pid)
        })();
        match started {
            Ok(pid) => drop(self.waiters.insert(pid, Waiter::Connection(id))),
            Err(error) => connection.send(&Reply::Failed(Failure::at("start the process")(error)), &[]),
        }
    }

    /// A child does the work: the sandbox goes on meanwhile.
    fn tree(&mut self, id: u64, tree: &Tree, errand: Errand) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let started = connection
            .take_descriptor()
            .ok_or(io::Error::from_raw_os_error(libc::EBADF))
            .and_then(|file| Ok((file, errand::place(tree, &self.volumes)?)))
            .and_then(|(file, directory)| errand::start(errand, connection, &directory, &file));
        match started {
            Ok(pid) => {
                connection.role = Role::Exec(Some(pid));
                self.waiters.insert(pid, Waiter::Connection(id));
            }
            Err(error) => connection.send(&Reply::Failed(Failure::at("open the tree")(error)), &[]),
        }
    }

    fn start_main(&mut self, birth: &Birth) {
        if !matches!(birth, Birth::StartMain) || self.birth.take().is_none() {
            return;
        }
        let container = &self.setup.container;
        let started = self.log.open_pipe().and_then(|output| {
            let stdio = Stdio::Pipes(self.null.as_fd(), output.as_fd(), output.as_fd());
            let (argv, env, working_dir) = (&container.argv, container.env.clone(), &container.working_dir);
            launch(Launch { argv, env, working_dir, user: &self.user, stdio }, &self.confinement)
        });
        match started {
            Ok(pid) => {
                self.waiters.insert(pid, Waiter::Main);
                self.tell(&Progress::MainStarted);
            }
            Err(error) => self.tell(&Progress::Failed(Failure::at("start the main command")(error))),
        }
    }

    fn reap(&mut self) -> Result<(), i32> {
        // Few at a time: processes that end faster than they are counted must not keep a stop from its deadline.
        self.ended_more = true;
        for _ in 0..64 {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => self.ended(pid, exit_code(status)),
                Err(rustix::io::Errno::INTR) => {}
                // Nobody is left at all: a stop is complete.
                Err(_) if self.stop.is_some() => return self.finish(),
                Ok(None) | Err(_) => {
                    self.ended_more = false;
                    break;
                }
            }
        }
        if let Some(stop) = self.stop.as_mut().filter(|stop| !stop.killed) {
            let now = Instant::now();
            if now >= stop.kill_at {
                stop.killed = true;
                signal_all(Signal::KILL);
            } else if now >= stop.ask_at {
                stop.ask_at = now + ASK_EVERY;
                survey::terminate_unasked();
            }
        }
        Ok(())
    }

    fn ended(&mut self, pid: Pid, code: i32) {
        match self.waiters.remove(&pid) {
            Some(Waiter::Main) => {
                self.log.record_exit(code);
                self.exit = Some(code);
                self.tell(&Progress::MainExited { code });
            }
            Some(Waiter::Connection(id)) => {
                if let Some(connection) = self.connections.get_mut(&id) {
                    connection.role = Role::Exec(None);
                    connection.send(&Reply::Exited { code }, &[]);
                }
            }
            // An orphan that fell to process one.
            None => {}
        }
    }

    fn finish(&mut self) -> Result<(), i32> {
        self.log.drain(usize::MAX);
        for connection in self.connections.values().filter(|connection| matches!(connection.role, Role::Stop)) {
            connection.send(&Reply::Done, &[]);
        }
        Err(0)
    }

    fn tell(&self, progress: &Progress) {
        for connection in self.connections.values().filter(|connection| matches!(connection.role, Role::Control)) {
            connection.send(progress, &[]);
        }
    }

    fn close(&mut self, id: u64) -> Result<(), i32> {
        if let Some(connection) = self.connections.remove(&id) {
            let control = matches!(connection.role, Role::Control);
            let orphaned = control && (self.setup.ephemeral || self.birth == Some(id));
            connection.close();
            if orphaned {
                return Err(0);
            }
        }
        Ok(())
    }
}

/// What a round of polling found.
struct Readiness {
    accept: bool,
    children: bool,
    log: bool,
    connections: Vec<u64>,
}

/// A descriptor that becomes readable when a child ends.
fn child_signals() -> io::Result<OwnedFd> {
    // SAFETY: the set lives on this stack and is initialised before use; the new descriptor belongs to nobody else.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGCHLD);
        if libc::sigprocmask(libc::SIG_BLOCK, &set, std::ptr::null_mut()) != 0 {
            return Err(io::Error::last_os_error());
        }
        match libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) {
            -1 => Err(io::Error::last_os_error()),
            descriptor => Ok(OwnedFd::from_raw_fd(descriptor)),
        }
    }
}
