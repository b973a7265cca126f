//! What the tests share: a runtime in a throw-away directory, a sandbox in it, one-line execs.

use std::{path::Path, sync::Arc, time::Duration};

use jetway_server::runtime::{
    ContainerPlan, ExecRequest, ExitStatus, Instance, Runtime, SandboxPlan,
    local::{LocalConfig, LocalRuntime, agent_exe_for_tests},
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A runtime and the directory that it goes away with.
pub struct Site {
    pub runtime: LocalRuntime,
    pub data_dir: TempDir,
}

pub fn config(data_dir: &Path) -> LocalConfig {
    let agent_exe = Some(agent_exe_for_tests().unwrap());
    LocalConfig { agent_exe, ephemeral: true, ..LocalConfig::new(data_dir) }
}

pub fn site() -> Site {
    let data_dir = tempfile::tempdir().unwrap();
    let runtime = LocalRuntime::new(config(data_dir.path())).unwrap();
    Site { runtime, data_dir }
}

/// A plan whose main command sleeps.
pub fn plan(id: &str) -> SandboxPlan {
    let main = ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait; done"];
    let container = ContainerPlan {
        name: "main".into(),
        image: "host".into(),
        argv: main.map(str::to_owned).to_vec(),
        ..ContainerPlan::default()
    };
    SandboxPlan { id: id.into(), containers: vec![container], ..SandboxPlan::default() }
}

/// A plan whose main command is a shell script.
pub fn script_plan(id: &str, script: &str) -> SandboxPlan {
    let mut plan = plan(id);
    plan.containers[0].argv = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    plan
}

pub async fn sandbox(site: &Site) -> Arc<dyn Instance> {
    site.runtime.start(plan("box")).await.unwrap()
}

/// Everything a process left.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

pub fn request(argv: &[&str]) -> ExecRequest {
    ExecRequest { argv: argv.iter().map(|word| (*word).to_owned()).collect(), ..ExecRequest::default() }
}

pub async fn run(instance: &Arc<dyn Instance>, argv: &[&str]) -> Outcome {
    run_request(instance, request(argv), b"").await
}

pub async fn sh(instance: &Arc<dyn Instance>, script: &str) -> Outcome {
    run(instance, &["/bin/sh", "-c", script]).await
}

pub async fn run_request(instance: &Arc<dyn Instance>, request: ExecRequest, input: &[u8]) -> Outcome {
    let mut handle = instance.exec(request).await.unwrap();
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let write = async {
        if let Some(mut stdin) = handle.stdin.take() {
            // A process that does not read ends the pipe early.
            let _ = stdin.write_all(input).await;
        }
    };
    let read_out = handle.stdout.read_to_end(&mut stdout);
    let read_err = async {
        match &mut handle.stderr {
            Some(pipe) => pipe.read_to_end(&mut stderr).await,
            None => Ok(0),
        }
    };
    let all = async {
        let (_, out, err, status) = tokio::join!(write, read_out, read_err, handle.control.wait());
        (out.unwrap(), err.unwrap(), status)
    };
    let (_, _, status) = tokio::time::timeout(Duration::from_secs(60), all).await.expect("the process ends in time");
    assert_eq!(status.lost, None);
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Outcome { code: status.code, stdout: text(stdout), stderr: text(stderr) }
}

pub fn ended(code: i32) -> ExitStatus {
    ExitStatus { code, lost: None }
}

/// The outcome of a process that printed `stdout` and was content.
pub fn printed(stdout: &str) -> Outcome {
    Outcome { code: 0, stdout: stdout.into(), stderr: String::new() }
}

/// Polls until a script prints `expected`.
pub async fn until_prints(instance: &Arc<dyn Instance>, script: &str, expected: &str) {
    for _ in 0..1500 {
        if sh(instance, script).await.stdout == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    panic!("{script} never printed {expected:?}");
}
