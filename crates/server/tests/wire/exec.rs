//! Exec: one command, its collected output.

use std::time::Duration;

use jetway_server::wire::sandbox::{ExecRequest, State};
use prost::Message;
use tonic::Code;
use tonic_types::StatusExt;

use crate::harness::{create, idle, script, server, sh, wait_for};

#[tokio::test]
async fn a_command_waits_for_the_start_by_itself() {
    let server = server().await;
    let mut client = server.client();
    let id = create(&mut client, idle()).await;
    let done = sh(&mut client, &id, "echo out; echo err >&2; exit 7").await;
    assert_eq!((&done.stdout[..], &done.stderr[..], done.exit_code), (&b"out\n"[..], &b"err\n"[..], 7));
    assert_eq!((done.stdout_bytes_produced, done.stderr_bytes_produced), (4, 4));
    server.stop().await;
}

#[tokio::test]
async fn environment_working_directory_and_exit_codes_are_as_asked() {
    let server = server().await;
    let mut client = server.client();
    let mut request = idle();
    let container = &mut request.sandbox.as_mut().unwrap().spec.as_mut().unwrap().containers[0];
    container.environment_variables = [("A".into(), "container".into()), ("B".into(), "kept".into())].into();
    container.working_dir = "/tmp".into();
    let id = create(&mut client, request).await;
    let request = ExecRequest {
        sandbox_id: id.clone(),
        command: ["sh", "-c", "echo $A $B; pwd; cat; kill -9 $$"].map(String::from).to_vec(),
        env: [("A".into(), "call".into())].into(),
        ..Default::default()
    };
    let done = client.exec(request).await.unwrap().into_inner();
    assert_eq!(&done.stdout[..], b"call kept\n/tmp\n");
    assert_eq!(done.exit_code, 137);
    let missing = ExecRequest { sandbox_id: id, command: vec!["/no/such/command".into()], ..Default::default() };
    assert_eq!(client.exec(missing).await.unwrap().into_inner().exit_code, 127);
    server.stop().await;
}

#[tokio::test]
async fn output_over_the_limit_is_counted_and_cut() {
    let server = server().await;
    let mut client = server.client();
    let id = create(&mut client, idle()).await;
    let command = ["sh", "-c", "head -c 300000 /dev/zero"].map(String::from).to_vec();
    let request = ExecRequest { sandbox_id: id, command, max_output_bytes: 1000, ..Default::default() };
    let done = client.exec(request).await.unwrap().into_inner();
    assert_eq!((done.stdout.len(), done.stdout_truncated, done.stdout_bytes_produced), (1000, true, 300_000));
    assert!(!done.stderr_truncated);
    server.stop().await;
}

#[tokio::test]
async fn a_deadline_kills_the_command_and_spares_the_sandbox() {
    let server = server().await;
    let mut client = server.client();
    let id = create(&mut client, idle()).await;
    sh(&mut client, &id, "true").await;
    let command = ["sh", "-c", "while :; do date >> /tmp/beat; sleep 0.05; done"].map(String::from).to_vec();
    let message = ExecRequest { sandbox_id: id.clone(), command, ..Default::default() }.encode_to_vec();
    let mut body = vec![0];
    body.extend_from_slice(&(message.len() as u32).to_be_bytes());
    body.extend(message);
    // By hand: a gRPC client would end the call itself before the server's answer comes.
    let head = "POST /coreweave.sandbox.v1.SandboxService/Exec HTTP/1.1\r\nhost: {host}\r\ngrpc-timeout: 300m\r\n\
                content-type: application/grpc-web+proto\r\nauthorization: Bearer {token}";
    let answer = server.http(head, &body).await;
    let headers = answer.headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    let status = tonic::Status::from_header_map(&headers.collect()).unwrap();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "CWSANDBOX_COMMAND_TIMEOUT");
    let size = sh(&mut client, &id, "wc -c < /tmp/beat").await.stdout;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(sh(&mut client, &id, "wc -c < /tmp/beat").await.stdout, size, "the command still runs");
    server.stop().await;
}

#[tokio::test]
async fn a_call_that_is_dropped_kills_its_command() {
    let server = server().await;
    let mut client = server.client();
    let id = create(&mut client, idle()).await;
    sh(&mut client, &id, "true").await;
    let mut other = server.client();
    let on = id.clone();
    let call =
        tokio::spawn(async move { sh(&mut other, &on, "while :; do date >> /tmp/beat; sleep 0.05; done").await });
    tokio::time::sleep(Duration::from_millis(400)).await;
    call.abort();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let size = sh(&mut client, &id, "wc -c < /tmp/beat").await.stdout;
    assert_ne!(&size[..], b"0\n");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(sh(&mut client, &id, "wc -c < /tmp/beat").await.stdout, size, "the command still runs");
    server.stop().await;
}

#[tokio::test]
async fn a_background_child_does_not_hold_up_the_answer_and_lives_on() {
    let server = server().await;
    let mut client = server.client();
    let id = create(&mut client, idle()).await;
    // The child goes on only once the answer is here and has asked it to.
    let child = "(until [ -e /tmp/go ]; do sleep 0.02; done; echo late > /tmp/part; mv /tmp/part /tmp/late) &";
    let done = sh(&mut client, &id, &format!("echo started; {child}")).await;
    assert_eq!(&done.stdout[..], b"started\n");
    let late = sh(&mut client, &id, "touch /tmp/go; until [ -e /tmp/late ]; do sleep 0.02; done; cat /tmp/late").await;
    assert_eq!(&late.stdout[..], b"late\n");
    server.stop().await;
}

#[tokio::test]
async fn a_sandbox_that_is_over_takes_no_commands() {
    let server = server().await;
    let mut client = server.client();
    let id = create(&mut client, script("exit 0")).await;
    wait_for(&mut client, &id, State::Completed).await;
    let request = ExecRequest { sandbox_id: id.clone(), command: vec!["true".into()], ..Default::default() };
    let status = client.exec(request).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!(info.reason, "CWSANDBOX_SANDBOX_NOT_RUNNING");
    assert_eq!((info.metadata["sandbox_id"].as_str(), info.metadata["state"].as_str()), (id.as_str(), "COMPLETED"));
    server.stop().await;
}
