//! ReadFile and WriteFile.

use jetway_server::wire::sandbox::{ReadFileRequest, WriteFileRequest};
use tonic::Code;
use tonic_types::StatusExt;

use crate::harness::{create, idle, server, sh};

fn get(sandbox_id: &str, path: &str) -> ReadFileRequest {
    ReadFileRequest { sandbox_id: sandbox_id.into(), path: path.into(), ..Default::default() }
}

fn put(sandbox_id: &str, path: &str, content: Vec<u8>) -> WriteFileRequest {
    WriteFileRequest { sandbox_id: sandbox_id.into(), path: path.into(), content: content.into(), ..Default::default() }
}

#[tokio::test]
async fn files_of_any_bytes_go_in_and_come_out() {
    let server = server().await;
    let mut client = server.client();
    let id = create(&mut client, idle()).await;
    for size in [0, 5, 5 << 20, 32 << 20] {
        let content: Vec<u8> = (0..size).map(|index: usize| (index * 31 % 251) as u8).collect();
        let path = format!("/workspace/a/b c/{size}.bin");
        client.write_file(put(&id, &path, content.clone())).await.unwrap();
        let read = client.read_file(get(&id, &path)).await.unwrap().into_inner().content;
        assert!(read == content, "{size} bytes");
    }
    let done = sh(&mut client, &id, "stat -c %s '/workspace/a/b c/5.bin'; echo x > /tmp/f; cat /tmp/f").await;
    assert_eq!(&done.stdout[..], b"5\nx\n");
    assert_eq!(&client.read_file(get(&id, "/tmp/f")).await.unwrap().into_inner().content[..], b"x\n");
    client.write_file(put(&id, "/tmp/f", b"shorter".to_vec())).await.unwrap();
    assert_eq!(&client.read_file(get(&id, "/tmp/f")).await.unwrap().into_inner().content[..], b"shorter");
    server.stop().await;
}

#[tokio::test]
async fn a_failure_names_the_file_and_the_reason() {
    let server = server().await;
    let mut client = server.client();
    let id = create(&mut client, idle()).await;
    for (path, reason, code) in [
        ("/tmp/none", "CWSANDBOX_FILE_NOT_FOUND", Code::NotFound),
        ("/tmp", "CWSANDBOX_FILE_IS_DIRECTORY", Code::FailedPrecondition),
    ] {
        let status = client.read_file(get(&id, path)).await.unwrap_err();
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.metadata["filepath"].as_str(), status.code()), (reason, path, code));
    }
    let status = client.write_file(put(&id, "/tmp", vec![1])).await.unwrap_err();
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "CWSANDBOX_FILE_IS_DIRECTORY");
    server.stop().await;
}

#[tokio::test]
async fn files_over_the_cap_are_refused_with_the_cap() {
    let server = server().await;
    let mut client = server.client();
    let id = create(&mut client, idle()).await;
    let size = 33 << 20;
    let status = client.write_file(put(&id, "/tmp/big", vec![0; size])).await.unwrap_err();
    sh(&mut client, &id, &format!("head -c {size} /dev/zero > /tmp/big")).await;
    let other = client.read_file(get(&id, "/tmp/big")).await.unwrap_err();
    for (status, operation) in [(status, "write"), (other, "read")] {
        assert_eq!(status.code(), Code::ResourceExhausted);
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!(info.reason, "CWSANDBOX_FILE_TOO_LARGE");
        assert_eq!(info.metadata["size_bytes"], size.to_string());
        assert_eq!(info.metadata["max_size_bytes"], (32 << 20).to_string());
        assert_eq!((info.metadata["operation"].as_str(), info.metadata["filepath"].as_str()), (operation, "/tmp/big"));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_as_such() {
    let server = server().await;
    let mut client = server.client();
    let status = client.write_file(put("any", "/tmp/huge", vec![0; 101 << 20])).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{}", status.message());
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "CWSANDBOX_MESSAGE_TOO_LARGE");
    server.stop().await;
}
