//! What passes through: requests, large bodies, WebSockets, over addresses and names.

use futures::{SinkExt, StreamExt};
use jetway_server::{
    ServiceUrls,
    wire::sandbox::{GetSandboxRequest, State, Visibility},
};
use sha2::{Digest, Sha256};
use tokio_tungstenite::{connect_async, tungstenite::Message};

use super::{address, get, http, service, serving, up};
use crate::harness::{server, server_in, server_with, sh, wait_for};

#[tokio::test(flavor = "multi_thread")]
async fn a_public_service_is_reached_at_its_address_and_by_its_name() {
    let server = server().await;
    let mut client = server.client();
    let (made, services) = up(&mut client, serving(8080, vec![service(8080, Visibility::Public)])).await;
    let to = address(&services[0]);
    let answer = get(&to, "/a/b?c=d", "x-mine: 1").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let told: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(told["path"], "/a/b?c=d");
    assert_eq!((&told["headers"]["x-mine"], &told["headers"]["host"]), (&"1".into(), &to.as_str().into()));
    assert_eq!(answer.header("set-cookie"), Some("app=1; Path=/"), "a cookie must stay with its host");
    assert_eq!(answer.header("access-control-allow-origin"), None, "CORS is the program's own business");

    let name = format!("8080-{}.localhost:{}", made.sandbox_id, to.rsplit(':').next().unwrap());
    for at in [&server.address, &to] {
        let named = http(at, &format!("GET /named HTTP/1.1\r\nhost: {name}"), b"").await;
        assert_eq!(named.status, 200, "{}", named.text());
        assert!(named.text().contains(&name));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_stream_both_ways() {
    const SIZE: usize = 24 << 20;
    let server = server().await;
    let mut client = server.client();
    let (_, services) = up(&mut client, serving(80, vec![service(80, Visibility::Public)])).await;
    let to = address(&services[0]);
    let down = get(&to, &format!("/big/{SIZE}"), "").await;
    assert_eq!(down.body.len(), SIZE);
    let body = vec![7; SIZE];
    let head = format!("POST / HTTP/1.1\r\nhost: {{to}}\r\ncontent-length: {SIZE}");
    let up: serde_json::Value = serde_json::from_slice(&http(&to, &head, &body).await.body).unwrap();
    assert_eq!(up["size"], SIZE);
    let digest: String = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(up["sha256"], digest);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_goes_through() {
    let server = server().await;
    let mut client = server.client();
    let (_, services) = up(&mut client, serving(8080, vec![service(8080, Visibility::Public)])).await;
    let to = address(&services[0]);
    assert_eq!(get(&to, "/", "").await.status, 200);
    let (mut socket, _) = connect_async(format!("ws://{to}/socket")).await.unwrap();
    for text in ["one", "two"] {
        socket.send(Message::text(text)).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(text));
    }
    socket.close(None).await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_listens_on_ipv6_only_is_found_and_one_that_is_not_there_is_said_to_be_missing() {
    let server = server().await;
    let mut client = server.client();
    let (made, services) = up(
        &mut client,
        super::asking(jetway_server::wire::sandbox::SandboxSpec {
            services: vec![service(80, Visibility::Public)],
            ..Default::default()
        }),
    )
    .await;
    let to = address(&services[0]);
    let mut raw = tokio::net::TcpStream::connect(&to).await.unwrap();
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    raw.write_all(format!("GET / HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    raw.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    assert!(answer.contains("nothing listens on port 80"), "{answer}");

    sh(&mut client, &made.sandbox_id, &format!("cat > /tmp/app.py <<'END'\n{}\nEND\n", super::APP)).await;
    let six = sh(&mut client, &made.sandbox_id, "cat /proc/net/if_inet6").await;
    if six.stdout.is_empty() {
        eprintln!("skipped: this machine has no IPv6");
    } else {
        let start = "import socket;s=socket.socket(socket.AF_INET6);s.setsockopt(41,26,1);s.bind(('::1',80));s.listen();c=s.accept()[0];c.recv(9999);c.sendall(b'HTTP/1.1 200 OK\\r\\ncontent-length: 3\\r\\n\\r\\nsix')";
        sh(&mut client, &made.sandbox_id, &format!("setsid python3 -c \"{start}\" >/dev/null 2>&1 &")).await;
        assert_eq!(get(&to, "/", "").await.text(), "six");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_are_the_same_after_a_restart_and_end_with_the_sandbox() {
    let dir = tempfile::tempdir().unwrap();
    let first = server_in(dir.path(), |config| config.keep_sandboxes = true).await;
    let mut client = first.client();
    let (made, services) = up(&mut client, serving(8080, vec![service(8080, Visibility::Public)])).await;
    let port = first.address.rsplit(':').next().unwrap().parse().unwrap();
    drop(client);
    first.stop().await;

    let again = server_in(dir.path(), |config| config.listen.set_port(port)).await;
    let mut client = again.client();
    let found = client.get_sandbox(GetSandboxRequest { sandbox_id: made.sandbox_id.clone() }).await.unwrap();
    assert_eq!(found.into_inner().status.unwrap().services, services);
    let to = address(&services[0]);
    assert_eq!(get(&to, "/", "").await.status, 200);
    let delete = jetway_server::wire::sandbox::DeleteSandboxRequest {
        sandbox_id: made.sandbox_id.clone(),
        grace_period_seconds: 1,
        ..Default::default()
    };
    client.delete_sandbox(delete).await.unwrap();
    let ended = wait_for(&mut client, &made.sandbox_id, State::Terminated).await;
    assert_eq!(ended.status.unwrap().services[0].url, "");
    let gone = get(&to, "/", "").await;
    assert_eq!(gone.status, 503, "{}", gone.text());
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_what_a_server_says_that_was_told_so() {
    let server = server_with(|config| config.service_urls = ServiceUrls::Names).await;
    let mut client = server.client();
    let (made, services) = up(&mut client, serving(8080, vec![service(8080, Visibility::Public)])).await;
    let port = server.address.rsplit(':').next().unwrap();
    let host = format!("8080-{}.localhost:{port}", made.sandbox_id);
    assert_eq!(services[0].url, format!("http://{host}/"));
    let answer = http(&server.address, &format!("GET / HTTP/1.1\r\nhost: {host}"), b"").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    server.stop().await;
}
