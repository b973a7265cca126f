//! Compose files and startup probes: what starts when, and what happens when it does not.

use jetway_server::wire::sandbox::{
    Container, Control, CreateSandboxFromFileRequest, CreateSandboxRequest, ExecRequest, GetSandboxBuildLogsRequest,
    Probe, Sandbox, SandboxFileType, SandboxSpec, State,
};
use tonic::Code;

use crate::harness::{server, sh, wait_for};

/// `store` is ready once it listens; `api` asks it, and is ready once it was answered; `app` comes last.
const FILE: &str = r#"
services:
  store:
    image: host
    command: [python3, -u, -c, "import socket,time; time.sleep(.3); s=socket.create_server(('127.0.0.1', 7000))\nwhile True: c,_=s.accept(); c.sendall(b'stored'); c.close()"]
    healthcheck: { test: [CMD, python3, -c, "import socket; socket.create_connection(('store', 7000))"], interval: 1s, timeout: 20s, retries: 60 }
  api:
    image: host
    command: ["sh", "-c", "python3 -c \"import socket; print(socket.create_connection(('store', 7000)).recv(9).decode())\" > /tmp/answer && exec sleep infinity"]
    depends_on: { store: { condition: service_healthy } }
    healthcheck: { test: "test -s /tmp/answer", interval: 1s, timeout: 20s, retries: 60 }
  job:
    image: host
    command: ["true"]
  app:
    image: host
    command: sleep infinity
    environment: { WHO: app }
    depends_on:
      api: { condition: service_healthy }
      job: { condition: service_completed_successfully }
"#;

fn from(text: &str) -> CreateSandboxFromFileRequest {
    CreateSandboxFromFileRequest {
        r#type: SandboxFileType::Compose.into(),
        contents: text.as_bytes().to_vec().into(),
        primary_service: "app".into(),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_compose_file_runs_once_its_chain_of_health_checks_passed() {
    let server = server().await;
    let mut client = server.client();
    let request = CreateSandboxFromFileRequest { request_id: "one".into(), ..from(FILE) };
    let created = client.create_sandbox_from_file(request.clone()).await.unwrap().into_inner();
    assert_eq!(created.status.as_ref().unwrap().state(), State::Creating);
    let id = created.sandbox_id;
    let again = client.create_sandbox_from_file(request.clone()).await.unwrap().into_inner();
    assert_eq!(again.sandbox_id, id, "the same request is the same sandbox");
    let other = CreateSandboxFromFileRequest { tags: vec!["x".into()], ..request };
    assert_eq!(client.create_sandbox_from_file(other).await.unwrap_err().code(), Code::AlreadyExists);

    // An exec waits for the start; poll besides, as other clients do.
    assert_eq!(sh(&mut client, &id, "echo $WHO; getent hosts api | cut -d' ' -f1").await.stdout, "app\n127.0.0.1\n");
    let sandbox = wait_for(&mut client, &id, State::Running).await;
    let names: Vec<_> = sandbox.spec.unwrap().containers.into_iter().map(|container| container.name).collect();
    assert_eq!(names, ["store", "api", "job", "app"], "in the order of the file");
    let states = sandbox.status.unwrap().container_statuses;
    assert_eq!((states[2].state(), states[2].exit_code), (State::Completed, 0));
    let exec = ExecRequest {
        sandbox_id: id.clone(),
        command: vec!["cat".into(), "/tmp/answer".into()],
        container: "api".into(),
        ..Default::default()
    };
    assert_eq!(client.exec(exec).await.unwrap().into_inner().stdout, "stored\n");

    let logs = GetSandboxBuildLogsRequest { sandbox_id: id, service: "api".into() };
    let none = client.get_sandbox_build_logs(logs).await.unwrap_err();
    assert_eq!(none.code(), Code::NotFound);
    assert!(none.message().contains("nothing was built"), "{}", none.message());
}

#[tokio::test]
async fn a_file_that_this_machine_cannot_do_is_refused_by_place() {
    let server = server().await;
    let mut client = server.client();
    let build = client.create_sandbox_from_file(from("services: { app: { build: . } }")).await.unwrap_err();
    assert_eq!(build.code(), Code::Unimplemented);
    assert!(build.message().starts_with("services.app.build"), "{}", build.message());
    let engine = CreateSandboxFromFileRequest { control: Control::ContainerEngine.into(), ..from(FILE) };
    assert_eq!(client.create_sandbox_from_file(engine).await.unwrap_err().code(), Code::Unimplemented);
}

fn probed(script: &str, probe: &str) -> CreateSandboxRequest {
    let probe = Probe {
        exec: ["sh", "-c", probe].map(str::to_owned).to_vec(),
        period_seconds: 1,
        timeout_seconds: 30,
        failure_threshold: 3,
        ..Default::default()
    };
    let container = Container {
        command: "sh".into(),
        args: vec!["-c".into(), script.into()],
        startup_probe: Some(probe),
        ..Default::default()
    };
    let spec = SandboxSpec { containers: vec![container], ..Default::default() };
    CreateSandboxRequest { sandbox: Some(Sandbox { spec: Some(spec), ..Default::default() }), ..Default::default() }
}

#[tokio::test]
async fn a_sandbox_runs_when_its_probe_succeeded_and_fails_with_it() {
    let server = server().await;
    let mut client = server.client();
    let script = "sleep infinity";
    // Succeeds the second time.
    let request = probed(script, "test -e /tmp/tried || { touch /tmp/tried; exit 1; }");
    let id = client.create_sandbox(request).await.unwrap().into_inner().sandbox_id;
    let sandbox = wait_for(&mut client, &id, State::Running).await;
    assert!(sandbox.spec.unwrap().containers[0].startup_probe.is_some(), "it is echoed");

    let request = probed(script, "echo not yet >&2; exit 5");
    let id = client.create_sandbox(request).await.unwrap().into_inner().sandbox_id;
    let sandbox = wait_for(&mut client, &id, State::Failed).await;
    let reason = sandbox.status.unwrap().state_reason;
    assert!(reason.contains("startup probe of container main failed 3 times"), "{reason}");
    assert!(reason.contains("with code 5: not yet"), "{reason}");

    let mut nothing = probed(script, "");
    let spec = nothing.sandbox.as_mut().unwrap().spec.as_mut().unwrap();
    spec.containers[0].startup_probe = Some(Probe { period_seconds: -1, ..Default::default() });
    let status = client.create_sandbox(nothing).await.unwrap_err();
    assert!(
        status.message().contains("startup_probe.exec") && status.message().contains("startup_probe.period_seconds")
    );
}
