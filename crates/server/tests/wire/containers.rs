//! Several containers over the wire: names, the primary one, statuses, logs and files of each.

use jetway_server::wire::sandbox::{
    Container, CreateSandboxRequest, ExecRequest, ReadFileRequest, Sandbox, SandboxSpec, State, StreamLogsRequest,
    WriteFileRequest,
};
use tonic::Code;

use crate::harness::{create, server, sh, wait_for};

fn container(name: &str, script: &str, primary: Option<bool>) -> Container {
    let args = vec!["-c".to_owned(), script.to_owned()];
    Container { name: name.into(), command: "sh".into(), args, primary, ..Default::default() }
}

fn of(containers: Vec<Container>) -> CreateSandboxRequest {
    let spec = SandboxSpec { containers, ..Default::default() };
    CreateSandboxRequest { sandbox: Some(Sandbox { spec: Some(spec), ..Default::default() }), ..Default::default() }
}

#[tokio::test]
async fn calls_without_a_name_mean_the_primary_container() {
    let server = server().await;
    let mut client = server.client();
    let helper = container("helper", "echo helping; exit 4", None);
    let main = container("app", "echo up; sleep infinity", Some(true));
    let id = create(&mut client, of(vec![helper, main])).await;
    wait_for(&mut client, &id, State::Running).await;

    sh(&mut client, &id, "echo app > /tmp/who").await;
    let write = |container: &str| WriteFileRequest {
        sandbox_id: id.clone(),
        path: "/tmp/who".into(),
        content: b"helper\n".to_vec().into(),
        container: container.into(),
    };
    client.write_file(write("helper")).await.unwrap();
    let read = |container: &str| ReadFileRequest {
        sandbox_id: id.clone(),
        path: "/tmp/who".into(),
        container: container.into(),
    };
    for (container, content) in [("", "app\n"), ("app", "app\n"), ("helper", "helper\n")] {
        assert_eq!(client.read_file(read(container)).await.unwrap().into_inner().content, content);
        let exec = ExecRequest {
            sandbox_id: id.clone(),
            command: vec!["cat".into(), "/tmp/who".into()],
            container: container.into(),
            ..Default::default()
        };
        assert_eq!(client.exec(exec).await.unwrap().into_inner().stdout, content);
    }
    let unknown = client.read_file(read("nobody")).await.unwrap_err();
    assert_eq!(unknown.code(), Code::InvalidArgument);
    assert!(unknown.message().contains("app, helper"), "{}", unknown.message());

    // Followed to its end, although the sandbox runs on.
    let follow =
        StreamLogsRequest { sandbox_id: id.clone(), container: "helper".into(), follow: true, ..Default::default() };
    let mut log = client.stream_logs(follow).await.unwrap().into_inner();
    let mut text = Vec::new();
    while let Some(entry) = log.message().await.unwrap() {
        text.extend_from_slice(&entry.data);
    }
    assert_eq!(String::from_utf8_lossy(&text), "helping\n");

    let sandbox = wait_for(&mut client, &id, State::Running).await;
    let statuses = sandbox.status.unwrap().container_statuses;
    let said: Vec<_> = statuses.iter().map(|one| (one.name.as_str(), one.state(), one.exit_code)).collect();
    assert_eq!(said, [("helper", State::Completed, 4), ("app", State::Running, 0)]);
    let names: Vec<_> = sandbox.spec.unwrap().containers.into_iter().map(|container| container.name).collect();
    assert_eq!(names, ["helper", "app"], "echoed in the order in which they were given");
}

#[tokio::test]
async fn the_primary_containers_end_is_the_sandboxs() {
    let server = server().await;
    let mut client = server.client();
    let containers = vec![container("app", "exit 6", None), container("helper", "sleep infinity", None)];
    let id = create(&mut client, of(containers)).await;
    let sandbox = wait_for(&mut client, &id, State::Completed).await;
    assert_eq!(sandbox.status.unwrap().exit_code, Some(6));
}

#[tokio::test]
async fn containers_that_cannot_be_told_apart_are_refused_by_field() {
    let server = server().await;
    let mut client = server.client();
    for (containers, field) in [
        (vec![container("a", "", None), container("a", "", None)], "sandbox.spec.containers[1].name"),
        (vec![container("a", "", Some(true)), container("b", "", Some(true))], "mark at most one"),
        (vec![Container::default(); 17], "at most 16"),
        (Vec::new(), "sandbox.spec.containers"),
    ] {
        let status = client.create_sandbox(of(containers)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().contains(field), "{}", status.message());
    }
}
