//! Several containers in one sandbox: what they share and what each has for itself.

use std::time::Duration;

use jetway_server::runtime::{ExecRequest, Runtime, RuntimeError, SandboxPlan, local::LocalRuntime};
use tokio::io::AsyncReadExt;

use crate::support::{config, ended, plan, printed, request, run_request, site};

fn both(id: &str) -> SandboxPlan {
    let mut both = plan(id);
    let mut helper = both.containers[0].clone();
    helper.name = "helper".into();
    both.containers.push(helper);
    both
}

fn inside(container: &str, script: &str) -> ExecRequest {
    ExecRequest { container: container.into(), ..request(&["/bin/sh", "-c", script]) }
}

#[tokio::test]
async fn containers_have_own_files_and_processes_and_share_the_network() {
    let site = site();
    let sandbox = site.runtime.start(both("box")).await.unwrap();
    let run = async |container: &str, script: &str| run_request(&sandbox, inside(container, script), b"").await;

    assert_eq!(run("", "echo mine > /tmp/file && cat /tmp/file").await, printed("mine\n"));
    assert_eq!(run("helper", "cat /tmp/file").await.code, 1);
    let processes = "readlink /proc/self/ns/pid";
    assert_ne!(run("main", processes).await.stdout, run("helper", processes).await.stdout);
    let network = "readlink /proc/self/ns/net";
    assert_eq!(run("main", network).await.stdout, run("helper", network).await.stdout);
    let names = run("main", "getent hosts helper; getent hosts main").await.stdout;
    assert_eq!(names.matches("127.0.0.1").count(), 2, "{names}");

    let serve = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); \
                 c, _ = s.accept(); c.sendall(b'hello')";
    let server = ExecRequest { container: "helper".into(), ..request(&["python3", "-c", serve]) };
    let mut server = sandbox.exec(server).await.unwrap();
    let mut port = String::new();
    while !port.ends_with('\n') {
        port.push(server.stdout.read_u8().await.unwrap().into());
    }
    let call = format!("import socket; print(socket.create_connection(('helper', {})).recv(9).decode())", port.trim());
    let answer = run_request(&sandbox, request(&["python3", "-c", &call]), b"").await;
    assert_eq!(answer, printed("hello\n"));
    let unknown = sandbox.exec(inside("nobody", "true")).await.err().unwrap();
    assert!(matches!(unknown, RuntimeError::ContainerNotFound(name) if name == "nobody"));
    sandbox.remove().await.unwrap();
}

#[tokio::test]
async fn each_container_has_its_own_log_end_and_limits() {
    let site = site();
    let mut plan = both("box");
    plan.containers[1].argv = ["/bin/sh", "-c", "echo from helper; exit 3"].map(str::to_owned).to_vec();
    let limited = site.runtime.capabilities().limits_pids;
    plan.containers[1].limits.pids = limited.then_some(3);
    let sandbox = site.runtime.start(plan).await.unwrap();
    assert_eq!(sandbox.main_exit("helper").await, ended(3));
    assert_eq!((sandbox.exit_code("helper"), sandbox.exit_code("")), (Some(3), None));
    let log = |container: &str| std::fs::read_to_string(sandbox.logs(container).unwrap().data).unwrap();
    assert_eq!((log("helper").as_str(), log("main").as_str()), ("from helper\n", ""));
    // Five at a time are too many for one and not for the other.
    let many = "for i in 1 2 3 4 5; do sleep 0.1 & done; wait; echo all";
    assert_eq!(run_request(&sandbox, inside("main", many), b"").await, printed("all\n"));
    if limited {
        assert_ne!(run_request(&sandbox, inside("helper", many), b"").await.stdout, "all\n");
    }
    sandbox.stop(Duration::ZERO).await.unwrap();
    sandbox.gone().await;
    sandbox.remove().await.unwrap();
    assert_eq!(std::fs::read_dir(site.data_dir.path().join("sandboxes")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_deferred_main_command_starts_when_it_is_told_to() {
    let site = site();
    let mut plan = both("box");
    plan.containers[0].deferred = true;
    plan.containers[0].argv = ["/bin/sh", "-c", "echo started"].map(str::to_owned).to_vec();
    let sandbox = site.runtime.start(plan).await.unwrap();
    // Everything but the main command is there already.
    assert_eq!(run_request(&sandbox, inside("main", "echo here"), b"").await, printed("here\n"));
    assert_eq!(std::fs::read(sandbox.logs("").unwrap().data).unwrap(), b"");
    sandbox.start_main("").await.unwrap();
    assert_eq!(sandbox.main_exit("").await, ended(0));
    assert_eq!(std::fs::read(sandbox.logs("").unwrap().data).unwrap(), b"started\n");
    sandbox.start_main("").await.unwrap();
    sandbox.remove().await.unwrap();
}

#[tokio::test]
async fn a_restarted_server_finds_every_container_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut durable = config(dir.path());
    durable.ephemeral = false;
    let sandbox = LocalRuntime::new(durable.clone()).unwrap().start(both("box")).await.unwrap();
    run_request(&sandbox, inside("helper", "echo kept > /tmp/file"), b"").await;
    drop(sandbox);
    let runtime = LocalRuntime::new(durable).unwrap();
    let sandbox = runtime.adopt(both("box")).await.unwrap().expect("it runs");
    assert_eq!(run_request(&sandbox, inside("helper", "cat /tmp/file"), b"").await, printed("kept\n"));
    assert_eq!(run_request(&sandbox, inside("main", "cat /tmp/file"), b"").await.code, 1);
    sandbox.remove().await.unwrap();
}

#[tokio::test]
async fn two_containers_of_one_name_are_refused() {
    let site = site();
    let mut plan = both("box");
    plan.containers[1].name = "main".into();
    let error = site.runtime.start(plan).await.err().unwrap().to_string();
    assert!(error.contains("two containers are named \"main\""), "{error}");
}
