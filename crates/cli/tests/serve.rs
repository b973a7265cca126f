//! `jetway serve` as a process: what it announces, what it takes with it, what outlives it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use jetway_server::wire::sandbox::{
    Container, CreateSandboxRequest, ExecRequest, Sandbox, SandboxSpec, sandbox_service_client::SandboxServiceClient,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tonic::{Request, transport::Channel};

const BINARY: &str = env!("CARGO_BIN_EXE_jetway");

/// A home of its own, so that no test sees another one's server, or the developer's.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn serve(&self, arguments: &[&str]) -> Served {
        let ready = self.path("ready.json");
        let child = Command::new(BINARY)
            .args(["serve", "--listen", "127.0.0.1:0", "--ready-file"])
            .arg(&ready)
            .arg("--data-dir")
            .arg(self.path("data"))
            .args(arguments)
            .env("XDG_DATA_HOME", self.path("share"))
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut served = Served { child, url: String::new(), token: String::new() };
        let read = || serde_json::from_str::<Value>(&std::fs::read_to_string(&ready).ok()?).ok();
        let told = wait_until("the ready file", read);
        served.url = told["url"].as_str().unwrap().to_owned();
        served.token = told["token"].as_str().unwrap().to_owned();
        assert!(told["launchUrl"].as_str().unwrap().starts_with(&format!("{}/?code=", served.url)));
        assert_eq!(mode(&ready), 0o600);
        served
    }

    fn sandboxes(&self) -> usize {
        std::fs::read_dir(self.path("data/sandboxes")).unwrap().count()
    }
}

struct Served {
    child: Child,
    url: String,
    token: String,
}

impl Served {
    async fn client(&self) -> SandboxServiceClient<Channel> {
        SandboxServiceClient::connect_to(&self.url).await
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", format!("Bearer {}", self.token).parse().unwrap());
        request
    }

    async fn create(&self, command: &[&str]) -> String {
        let [executable, args @ ..] = command else { panic!("no command") };
        let container = Container {
            command: (*executable).to_owned(),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            ..Default::default()
        };
        let spec = SandboxSpec { containers: vec![container], ..Default::default() };
        let sandbox = Some(Sandbox { spec: Some(spec), ..Default::default() });
        let request = self.request(CreateSandboxRequest { sandbox, ..Default::default() });
        self.client().await.create_sandbox(request).await.unwrap().into_inner().sandbox_id
    }

    async fn sh(&self, sandbox_id: &str, script: &str) -> String {
        let command = ["sh", "-c", script].map(String::from).to_vec();
        let request = ExecRequest { sandbox_id: sandbox_id.to_owned(), command, ..Default::default() };
        let done = self.client().await.exec(self.request(request)).await.unwrap().into_inner();
        String::from_utf8(done.stdout.to_vec()).unwrap()
    }

    fn signal(mut self, signal: Signal) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // TERM, so that a test that failed leaves no sandbox behind.
        if let Ok(None) = self.child.try_wait() {
            let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
            let _ = self.child.wait();
        }
    }
}

trait ConnectTo {
    async fn connect_to(url: &str) -> Self;
}

impl ConnectTo for SandboxServiceClient<Channel> {
    async fn connect_to(url: &str) -> Self {
        Self::new(Channel::from_shared(url.to_owned()).unwrap().connect().await.unwrap())
    }
}

fn wait_until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "still waiting for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// An argument by which this run's process is told from every other one's.
fn mark(number: u32) -> String {
    format!("{}{number}", std::process::id())
}

fn runs(argument: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|process| {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|word| word == argument.as_bytes())
    })
}

#[tokio::test]
async fn a_server_announces_itself_and_takes_everything_with_it() {
    let (home, mark) = (Home::new(), mark(1));
    let served = home.serve(&[]);
    let found: Value =
        serde_json::from_str(&std::fs::read_to_string(home.path("share/jetway/serve.json")).unwrap()).unwrap();
    assert_eq!((found["url"].as_str(), found["token"].as_str()), (Some(&*served.url), Some(&*served.token)));
    assert_eq!(found["pid"], served.child.id());
    assert_eq!((mode(&home.path("share/jetway/serve.json")), mode(&home.path("data/token"))), (0o600, 0o600));
    assert_eq!(mode(&home.path("data")), 0o700);
    let id = served.create(&["sleep", &mark]).await;
    served.sh(&id, "true").await;
    wait_until("its main command", || runs(&mark).then_some(()));
    assert!(served.signal(Signal::TERM).success());
    assert!(!runs(&mark));
    assert_eq!(home.sandboxes(), 0);
    assert!(!home.path("share/jetway/serve.json").exists() && !home.path("ready.json").exists());
}

#[tokio::test]
async fn a_killed_servers_sandboxes_are_found_again() {
    let (home, mark) = (Home::new(), mark(2));
    let served = home.serve(&[]);
    let id = served.create(&["sleep", &mark]).await;
    served.sh(&id, "echo kept > /tmp/file").await;
    let token = served.token.clone();
    served.signal(Signal::KILL);
    std::fs::remove_file(home.path("ready.json")).unwrap();
    wait_until("its main command", || runs(&mark).then_some(()));
    let served = home.serve(&[]);
    assert_eq!(served.token, token);
    assert_eq!(served.sh(&id, "cat /tmp/file").await, "kept\n");
    assert!(served.signal(Signal::INT).success());
    assert!(!runs(&mark));
    assert_eq!(home.sandboxes(), 0);
}

#[tokio::test]
async fn ephemeral_sandboxes_die_with_a_killed_server() {
    let (home, mark) = (Home::new(), mark(3));
    let served = home.serve(&["--ephemeral"]);
    let id = served.create(&["sleep", &mark]).await;
    served.sh(&id, "true").await;
    wait_until("its main command", || runs(&mark).then_some(()));
    served.signal(Signal::KILL);
    wait_until("the sandbox to die", || (!runs(&mark)).then_some(()));
    // Directories cannot be removed by somebody who was killed; the next start does it.
    std::fs::remove_file(home.path("ready.json")).unwrap();
    let served = home.serve(&["--ephemeral"]);
    assert_eq!(home.sandboxes(), 0);
    assert!(served.signal(Signal::TERM).success());
}

#[test]
fn the_help_teaches() {
    let help = |arguments: &[&str]| {
        let output =
            Command::new(BINARY).args(arguments).env("COLUMNS", "100").env_remove("JETWAY_LOG").output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(help(&["--help"]).contains("jetway serve"));
    let serve = help(&["serve", "--help"]);
    for word in [
        "--listen",
        "--data-dir",
        "--token",
        "--no-auth",
        "--allow-origin",
        "--allow-host",
        "--ephemeral",
        "--keep-sandboxes",
        "--allow-unenforced-limits",
        "--runtime",
        "--image",
        "--pull",
        "--open",
        "--log",
        "--ready-file",
        "Examples:",
        "127.0.0.1:7070",
        "Ctrl-C",
    ] {
        assert!(serve.contains(word), "{word} is not explained:\n{serve}");
    }
}

#[test]
fn mistakes_are_told_with_their_fix() {
    let home = Home::new();
    let fails = |arguments: &[&str]| {
        let output = Command::new(BINARY).args(arguments).env("XDG_DATA_HOME", home.path("share")).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let _served = home.serve(&[]);
    let data = home.path("data");
    assert!(fails(&["serve", "--listen", "127.0.0.1:0", "--data-dir", data.to_str().unwrap()]).contains("--data-dir"));
    assert!(fails(&["serve", "--log", "a=b=c"]).contains("--log"));
    assert!(fails(&["serve", "--token", "x", "--no-auth"]).contains("--no-auth"));
}
