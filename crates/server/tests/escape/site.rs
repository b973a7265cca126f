//! The servers under attack, and the sandboxes that attacks run in.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::{
        fd::AsRawFd,
        unix::{fs::chown, process::CommandExt},
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use jetway_server::wire::sandbox::{
    Container, CreateSandboxRequest, DeleteSandboxRequest, ExecRequest, GetSandboxRequest, ReadFileRequest, Resources,
    Sandbox, SandboxSpec, State, WriteFileRequest, sandbox_service_client::SandboxServiceClient,
};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tonic::{
    Code, Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};

use crate::server::{ROLE, SECRET};

/// Whom the ordinary user's server runs as. Nobody has this id.
const USER: u32 = 54_321;

/// The kinds of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Root: id ranges, control groups.
    Root,
    /// An ordinary user: one id, no control groups.
    User,
    /// An ordinary user to whom root gave control groups.
    Delegated,
}

impl Mode {
    /// What this machine and this user can try.
    pub fn available() -> Vec<Mode> {
        if !rustix::process::geteuid().is_root() {
            return vec![Mode::User];
        }
        let mut modes = vec![Mode::Root, Mode::User];
        if legacy_group("memory").is_some() && legacy_group("pids").is_some() {
            modes.push(Mode::Delegated);
        }
        modes
    }

    /// Begins tests' names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::User => "user",
            Self::Delegated => "delegated",
        }
    }
}

/// A group below this process's own in a version 1 hierarchy.
fn legacy_group(controller: &str) -> Option<PathBuf> {
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = own.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        controllers.split(',').any(|one| one == controller).then_some(path)
    })?;
    let group = Path::new("/sys/fs/cgroup").join(controller).join(path.trim_start_matches('/'));
    group.is_dir().then(|| group.join(format!("escape-{}", std::process::id())))
}

/// Every server, started when it is first asked for.
#[derive(Default)]
pub struct Sites {
    root: OnceCell<Arc<Site>>,
    user: OnceCell<Arc<Site>>,
    delegated: OnceCell<Arc<Site>>,
}

impl Sites {
    /// The server of that kind.
    pub async fn get(&self, mode: Mode) -> Result<Arc<Site>, String> {
        let cell = match mode {
            Mode::Root => &self.root,
            Mode::User => &self.user,
            Mode::Delegated => &self.delegated,
        };
        cell.get_or_try_init(|| Site::start(mode)).await.cloned()
    }

    /// Ends them all.
    pub async fn stop(&self) {
        for site in [&self.root, &self.user, &self.delegated].into_iter().filter_map(OnceCell::get) {
            site.stop();
        }
    }
}

/// A server under attack.
pub struct Site {
    pub mode: Mode,
    /// `host:port`.
    pub address: String,
    pub token: String,
    /// The page's link.
    pub link: String,
    /// The server's process.
    pub pid: u32,
    pub data_dir: TempDir,
    groups: Vec<PathBuf>,
    child: std::sync::Mutex<Option<Child>>,
    client: Client,
}

/// A client with the token.
pub type Client = SandboxServiceClient<InterceptedService<Channel, Bearer>>;

/// Adds the token to every call.
#[derive(Clone)]
pub struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

impl Site {
    async fn start(mode: Mode) -> Result<Arc<Site>, String> {
        let failed = |error: std::io::Error| format!("cannot start the server under attack: {error}");
        let data_dir = tempfile::tempdir().map_err(failed)?;
        // By descriptor: another user may not reach the path.
        let program = fs::File::open("/proc/self/exe").map_err(failed)?;
        let mut command = Command::new(format!("/proc/self/fd/{}", program.as_raw_fd()));
        command.env(ROLE, data_dir.path()).env(SECRET.0, SECRET.1);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut groups = Vec::new();
        if mode != Mode::Root && rustix::process::geteuid().is_root() {
            chown(data_dir.path(), Some(USER), Some(USER)).map_err(failed)?;
            command.uid(USER).gid(USER).current_dir("/");
        }
        if mode == Mode::Delegated {
            for group in ["memory", "pids", "cpu"].into_iter().filter_map(legacy_group) {
                fs::create_dir(&group).map_err(failed)?;
                chown(&group, Some(USER), Some(USER)).map_err(failed)?;
                chown(group.join("cgroup.procs"), Some(USER), Some(USER)).map_err(failed)?;
                groups.push(group);
            }
        }
        let mut child = command.spawn().map_err(failed)?;
        for group in &groups {
            fs::write(group.join("cgroup.procs"), child.id().to_string()).map_err(failed)?;
        }
        child.stdin.as_mut().unwrap().write_all(b"\n").map_err(failed)?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).map_err(failed)?;
        let [url, token, link] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            return Err(format!("the server under attack did not come up: {line:?}"));
        };
        let channel = Endpoint::from_shared(url.to_owned()).unwrap().connect().await.map_err(|e| e.to_string())?;
        let bearer = Bearer(format!("Bearer {token}").parse().unwrap());
        let client = SandboxServiceClient::with_interceptor(channel, bearer);
        Ok(Arc::new(Site {
            mode,
            address: url.trim_start_matches("http://").to_owned(),
            token: token.to_owned(),
            link: link.to_owned(),
            pid: child.id(),
            data_dir,
            groups,
            child: std::sync::Mutex::new(Some(child)),
            client: client.max_decoding_message_size(100 << 20),
        }))
    }

    fn stop(&self) {
        let Some(mut child) = self.child.lock().unwrap().take() else { return };
        drop(child.stdin.take());
        let _ = child.wait();
        for group in &self.groups {
            let _ = fs::remove_dir(group);
        }
    }

    /// A client of this server.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// A fresh sandbox that waits.
    pub async fn sandbox(&self) -> Result<Box, String> {
        self.admitted(Container::default()).await.map_err(|status| format!("no sandbox: {status:?}"))
    }

    /// A fresh sandbox whose memory is limited. `None` where limits cannot be enforced, and so are refused.
    pub async fn sandbox_with_memory(&self, memory: &str) -> Result<Option<Box>, String> {
        let resources = Some(Resources { memory: memory.into(), ..Resources::default() });
        match self.admitted(Container { resources, ..Container::default() }).await {
            Ok(sandbox) => Ok(Some(sandbox)),
            Err(status) if status.code() == Code::FailedPrecondition && self.mode != Mode::Delegated => Ok(None),
            Err(status) => Err(format!("no sandbox: {status:?}")),
        }
    }

    /// Tries again while the server is full, as its answer says to.
    async fn admitted(&self, container: Container) -> Result<Box, Status> {
        for _ in 0..200 {
            match self.create(container.clone()).await {
                Err(status) if status.code() == Code::ResourceExhausted => {
                    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
                }
                other => return other,
            }
        }
        self.create(container).await
    }

    /// A fresh sandbox that runs.
    pub async fn create(&self, container: Container) -> Result<Box, Status> {
        self.create_from(SandboxSpec { containers: vec![container], ..SandboxSpec::default() }).await
    }

    /// A fresh sandbox of this specification.
    pub async fn create_from(&self, spec: SandboxSpec) -> Result<Box, Status> {
        let sandbox = Some(Sandbox { spec: Some(spec), ..Sandbox::default() });
        let request = CreateSandboxRequest { sandbox, ..CreateSandboxRequest::default() };
        let id = self.client().create_sandbox(request).await?.into_inner().sandbox_id;
        Ok(Box { id, client: self.client() })
    }
}

/// A sandbox under attack from inside.
pub struct Box {
    pub id: String,
    client: Client,
}

/// What a program left.
#[derive(Debug)]
pub struct Seen {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Box {
    /// Runs a program to its end.
    pub async fn exec(&self, argv: &[impl AsRef<str>]) -> Result<Seen, String> {
        let command = argv.iter().map(|word| word.as_ref().to_owned()).collect();
        let request = ExecRequest { sandbox_id: self.id.clone(), command, ..ExecRequest::default() };
        let answer =
            self.client.clone().exec(request).await.map_err(|status| format!("exec: {status:?}"))?.into_inner();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Seen { code: answer.exit_code, stdout: text(&answer.stdout), stderr: text(&answer.stderr) })
    }

    /// Runs a shell script; what it printed.
    pub async fn sh(&self, script: &str) -> Result<String, String> {
        self.exec(&["sh", "-c", script]).await.map(|seen| seen.stdout.trim().to_owned())
    }

    /// Runs a Python program; what it printed.
    pub async fn python(&self, program: &str) -> Result<String, String> {
        let seen = self.exec(&["python3", "-c", program]).await?;
        let stdout = seen.stdout.trim().to_owned();
        if seen.code == 0 { Ok(stdout) } else { Err(format!("{seen:?}")) }
    }

    /// A whole file, by a file call.
    pub async fn read(&self, path: &str) -> Result<Vec<u8>, Status> {
        let request = ReadFileRequest { sandbox_id: self.id.clone(), path: path.into(), ..Default::default() };
        Ok(self.client.clone().read_file(request).await?.into_inner().content.to_vec())
    }

    /// Writes a whole file, by a file call.
    pub async fn write(&self, path: &str, content: &'static [u8]) -> Result<(), Status> {
        let sandbox_id = self.id.clone();
        let request = WriteFileRequest { sandbox_id, path: path.into(), content: content.into(), ..Default::default() };
        self.client.clone().write_file(request).await.map(drop)
    }

    /// Where it is in its life.
    pub async fn state(&self) -> Result<State, Status> {
        let request = GetSandboxRequest { sandbox_id: self.id.clone() };
        Ok(self.client.clone().get_sandbox(request).await?.into_inner().status.unwrap_or_default().state())
    }

    /// Orders its end.
    pub async fn delete(self) {
        let request = DeleteSandboxRequest { sandbox_id: self.id, grace_period_seconds: 1, ..Default::default() };
        let _ = self.client.clone().delete_sandbox(request).await;
    }
}

impl Box {
    /// One that need not exist.
    pub fn named(site: &Site, id: &str) -> Box {
        Box { id: id.to_owned(), client: site.client() }
    }
}
