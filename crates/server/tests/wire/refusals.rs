//! Bad input: each a typed error that names the field and the fix.

use jetway_server::wire::sandbox::{
    ConnectSandboxRequest, Container, CreateSandboxRequest, DeleteSandboxRequest, ExecRequest, GetSandboxRequest,
    ListSandboxesRequest, PurgeSandboxesRequest, ReadFileRequest, Sandbox, SandboxSpec,
};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::harness::{create, idle, server};

pub fn reason(status: &Status) -> String {
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("no details: {status:?}"));
    assert_eq!(info.domain, "cwsandbox.com");
    info.reason.clone()
}

pub fn fields(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    let bad = details.bad_request().unwrap_or_else(|| panic!("no fields: {status:?}"));
    bad.field_violations.iter().map(|violation| violation.field.clone()).collect()
}

#[tokio::test]
async fn a_bad_specification_is_refused_field_by_field() {
    let server = server().await;
    let mut client = server.client();
    let status = client.create_sandbox(CreateSandboxRequest::default()).await.unwrap_err();
    assert_eq!(fields(&status), ["sandbox"]);
    let mut request = idle();
    let spec = request.sandbox.as_mut().unwrap().spec.as_mut().unwrap();
    spec.containers[0] = Container { working_dir: "x".into(), command: "nul\0".into(), ..Default::default() };
    let status = client.create_sandbox(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(fields(&status), ["sandbox.spec.containers[0].command", "sandbox.spec.containers[0].working_dir"]);
    server.stop().await;
}

#[tokio::test]
async fn what_this_server_does_not_offer_is_refused_not_ignored() {
    let server = server().await;
    let mut client = server.client();
    let spec =
        SandboxSpec { containers: vec![Container::default()], network_ids: vec!["n".into()], ..Default::default() };
    let sandbox = Some(Sandbox { spec: Some(spec), ..Default::default() });
    let status = client.create_sandbox(CreateSandboxRequest { sandbox, ..Default::default() }).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unimplemented, "CWSANDBOX_NOT_IMPLEMENTED"));
    assert!(status.message().contains("sandbox.spec.network_ids"), "{}", status.message());

    let status = client.connect_sandbox(ConnectSandboxRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    server.stop().await;
}

#[tokio::test]
async fn an_unknown_image_is_not_found_and_says_what_there_is() {
    let server = server().await;
    let mut client = server.client();
    let mut request = idle();
    request.sandbox.as_mut().unwrap().spec.as_mut().unwrap().containers[0].image = "nowhere.example/none:1".into();
    let status = client.create_sandbox(request).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "CWSANDBOX_IMAGE_NOT_FOUND"));
    assert!(status.message().contains("nowhere.example/none:1"), "{}", status.message());
    server.stop().await;
}

#[tokio::test]
async fn an_unknown_sandbox_is_not_found() {
    let server = server().await;
    let mut client = server.client();
    let id = || "no-such-sandbox".to_owned();
    let get = client.get_sandbox(GetSandboxRequest { sandbox_id: id() }).await.unwrap_err();
    let delete = DeleteSandboxRequest { sandbox_id: id(), ..Default::default() };
    let deleted = client.delete_sandbox(delete.clone()).await.unwrap_err();
    let exec = ExecRequest { sandbox_id: id(), command: vec!["true".into()], ..Default::default() };
    let exec = client.exec(exec).await.unwrap_err();
    for status in [get, deleted, exec] {
        assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "CWSANDBOX_SANDBOX_NOT_FOUND"));
    }
    let missing = client.delete_sandbox(DeleteSandboxRequest { allow_missing: true, ..delete }).await.unwrap();
    assert!(missing.into_inner().sandbox.is_none());
    server.stop().await;
}

#[tokio::test]
async fn calls_name_the_field_that_is_wrong() {
    let server = server().await;
    let mut client = server.client();
    let id = create(&mut client, idle()).await;
    for path in ["relative", "", "/nul\0", "/tmp/"] {
        let request = ReadFileRequest { sandbox_id: id.clone(), path: path.into(), ..Default::default() };
        assert_eq!(fields(&client.read_file(request).await.unwrap_err()), ["path"], "{path:?}");
    }
    let exec = |command: &[&str]| ExecRequest {
        sandbox_id: id.clone(),
        command: command.iter().map(|word| (*word).to_owned()).collect(),
        ..Default::default()
    };
    assert_eq!(fields(&client.exec(exec(&[])).await.unwrap_err()), ["command"]);
    assert_eq!(fields(&client.exec(exec(&["echo", "a\0b"])).await.unwrap_err()), ["command[1]"]);
    let env = ExecRequest { env: [("A=".into(), String::new())].into(), ..exec(&["true"]) };
    assert_eq!(fields(&client.exec(env).await.unwrap_err()), ["env[\"A=\"]"]);
    assert_eq!(fields(&client.get_sandbox(GetSandboxRequest::default()).await.unwrap_err()), ["sandbox_id"]);
    let page = ListSandboxesRequest { page_token: "made up".into(), ..Default::default() };
    assert_eq!(fields(&client.list_sandboxes(page).await.unwrap_err()), ["page_token"]);
    let size = ListSandboxesRequest { page_size: -1, ..Default::default() };
    assert_eq!(fields(&client.list_sandboxes(size).await.unwrap_err()), ["page_size"]);
    assert_eq!(fields(&client.purge_sandboxes(PurgeSandboxesRequest::default()).await.unwrap_err()), ["tags"]);
    server.stop().await;
}
