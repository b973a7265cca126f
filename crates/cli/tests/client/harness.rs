//! A server of the test's own, and the command in an environment of its own.

use std::{
    io::Write,
    process::{Child, Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

pub const BINARY: &str = env!("CARGO_BIN_EXE_jetway");
const PATIENCE: Duration = Duration::from_secs(30);

/// A home with a server that its commands find by themselves.
pub struct Site {
    home: TempDir,
    server: Child,
    pub url: String,
    pub token: String,
}

impl Site {
    pub fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let ready = home.path().join("ready.json");
        let server = command(&home)
            .args(["serve", "--ephemeral", "--listen", "127.0.0.1:0", "--ready-file"])
            .arg(&ready)
            .arg("--data-dir")
            .arg(home.path().join("data"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut site = Self { home, server, url: String::new(), token: String::new() };
        let told: Value = wait_for("the server", || serde_json::from_str(&std::fs::read_to_string(&ready).ok()?).ok());
        site.url = told["url"].as_str().unwrap().to_owned();
        site.token = told["token"].as_str().unwrap().to_owned();
        site
    }

    pub fn path(&self, name: &str) -> String {
        self.home.path().join(name).to_str().unwrap().to_owned()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(&self.home);
        command.args(arguments);
        command
    }

    /// Runs it with nothing on its standard input.
    pub fn jetway(&self, arguments: &[&str]) -> Said {
        Said::of(self.command(arguments).stdin(Stdio::null()).output().unwrap())
    }

    /// Runs it with this on its standard input.
    pub fn jetway_with(&self, arguments: &[&str], input: &[u8]) -> Said {
        let mut child = self.command(arguments).piped().spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || {
            // A command that has ended reads no more.
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        Said::of(output)
    }

    /// A sandbox whose own command this is; none: it waits.
    pub fn sandbox(&self, command: &[&str]) -> String {
        let said = self.jetway(&[&["run", "--detach", "--"], command].concat());
        assert_eq!(said.code, 0, "{}", said.stderr);
        said.stdout.trim().to_owned()
    }

    /// The ids of sandboxes that have not ended.
    pub fn running(&self) -> Vec<String> {
        self.jetway(&["ls", "-q"]).stdout.lines().map(str::to_owned).collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // TERM, so that a test that failed leaves no sandbox behind.
        let _ = kill_process(Pid::from_child(&self.server), Signal::TERM);
        let _ = self.server.wait();
    }
}

fn command(home: &TempDir) -> Command {
    let mut command = Command::new(BINARY);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("COLUMNS", "100");
    command.env("HOME", home.path()).env("XDG_DATA_HOME", home.path().join("share")).current_dir(home.path());
    command
}

pub trait Piped {
    /// All three standard streams through pipes.
    fn piped(&mut self) -> &mut Self;
}

impl Piped for Command {
    fn piped(&mut self) -> &mut Self {
        self.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped())
    }
}

/// What a command printed, and its exit code.
#[derive(Debug, PartialEq)]
pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// What a child that is about to end has printed, which must fit into the pipes.
    pub fn at_the_end_of(mut child: Child) -> Self {
        let begun = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if begun.elapsed() > PATIENCE {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("it does not end");
            }
            sleep(Duration::from_millis(20));
        }
        Self::of(child.wait_with_output().unwrap())
    }

    /// For comparing all of it with what it should be.
    pub fn is(&self, code: i32, stdout: &str, stderr: &str) {
        assert_eq!((self.code, &*self.stdout, &*self.stderr), (code, stdout, stderr));
    }
}

pub fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Looks again and again until there is something.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "still waiting for {what}");
        sleep(Duration::from_millis(20));
    }
}
