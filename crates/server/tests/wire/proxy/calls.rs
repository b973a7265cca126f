//! What arrives, in both directions: metadata, trailers, details, deadlines, cancellation, half-close.

use std::time::Duration;

use futures::SinkExt;
use jetway_server::{
    Credentials,
    wire::sandbox::{
        GetSandboxRequest, exec_stream_request::Message as Ask, exec_stream_response::Message as Say,
        sandbox_service_client::SandboxServiceClient,
    },
};
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;
use tonic::{Code, Request, transport::Endpoint};
use tonic_types::StatusExt;

use super::{Proxied, Said, foreign::Foreign, framed, proxy};
use crate::{
    harness::{bearer, command, create, http, idle, server},
    websocket::{Frames, frame, open_at, send, shell},
};

fn head(path: &str, kind: &str, more: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: {{host}}\r\ncontent-type: {kind}\r\nx-grpc-web: 1\r\n{more}")
}

#[tokio::test]
async fn frames_metadata_and_trailers_pass_whatever_the_service() {
    let (foreign, url) = Foreign::start().await;
    let proxy = proxy(&url, |_| {}).await;
    let bytes = [framed(b"\xff\x00 no protobuf"), framed(b"two")].concat();
    let more = "x-own-bin: AAEC\r\nx-own: a b\r\ngrpc-timeout: 29S\r\ncookie: a=1";
    let answer = http(&proxy.address, &head("/any.Service/Echo", "application/grpc-web+proto", more), &bytes).await;
    let said = Said::of(&answer);
    assert_eq!((answer.status, said.code), (200, 0));
    assert_eq!(said.messages, [&b"\xff\x00 no protobuf"[..], b"two"]);
    assert_eq!((answer.header("x-initial-bin"), answer.header("x-initial")), (Some("AAEC"), Some("two words")));
    assert!(answer.header("access-control-expose-headers").unwrap().contains("x-initial-bin"));
    for line in ["x-final-bin:AwQF", "x-final:a", "x-final:b"] {
        assert!(said.trailers.lines().any(|known| known == line), "{}", said.trailers);
    }
    let up = foreign.head();
    assert!(up["x-own-bin"] == "AAEC" && up["x-own"] == "a b" && up["grpc-timeout"] == "29S", "{up:?}");
    assert!(up.get("cookie").is_none() && up.get("x-grpc-web").is_none());
    assert_eq!((up["content-type"].to_str().unwrap(), up["te"].to_str().unwrap()), ("application/grpc", "trailers"));

    // Another codec in the same frames.
    let answer =
        http(&proxy.address, &head("/any.Service/Echo", "application/grpc-web+json", ""), &framed(b"{}")).await;
    assert_eq!(answer.header("content-type"), Some("application/grpc-web+json"));
    assert_eq!(foreign.head()["content-type"], "application/grpc+json");
    assert_eq!(Said::of(&answer).messages, [b"{}"]);
    proxy.stop().await;
}

#[tokio::test]
async fn text_is_the_same_in_base64() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let (_, url) = Foreign::start().await;
    let proxy = proxy(&url, |_| {}).await;
    let body = STANDARD.encode(framed(b"text"));
    let kind = "application/grpc-web-text\r\naccept: application/grpc-web-text";
    let answer = http(&proxy.address, &head("/any.Service/Echo", kind, ""), body.as_bytes()).await;
    assert!(answer.header("content-type").unwrap().starts_with("application/grpc-web-text"));
    // Each chunk is encoded by itself.
    let text = answer.text();
    let (message, trailers) = text.split_at(STANDARD.encode(framed(b"text")).len());
    assert_eq!(STANDARD.decode(message).unwrap(), framed(b"text"));
    let trailers = STANDARD.decode(trailers).unwrap();
    assert!(String::from_utf8_lossy(&trailers).contains("grpc-status:0"), "{trailers:?}");
    proxy.stop().await;
}

#[tokio::test]
async fn an_answer_of_trailers_only_stays_one_and_no_grpc_is_told() {
    let (_, url) = Foreign::start().await;
    let proxy = proxy(&url, |_| {}).await;
    let refused = proxy.call("/any.Service/Refuse", "t", b"").await;
    let answer = http(&proxy.address, &head("/any.Service/Refuse", "application/grpc-web", ""), &framed(b"")).await;
    assert_eq!((answer.header("grpc-status"), answer.header("grpc-message")), (Some("9"), Some("not%20now")));
    assert_eq!(answer.header("grpc-status-details-bin"), Some("CAkSB25vdCBub3c"));
    assert_eq!((refused.code, answer.body.len()), (9, 0));
    let page = proxy.call("/any.Service/Page", "t", b"").await;
    assert!(page.code == 14 && page.message.contains("502"), "{page:?}");
    proxy.stop().await;
}

#[tokio::test]
async fn whoever_goes_away_is_gone_upstream_too() {
    let (foreign, url) = Foreign::start().await;
    let proxy = proxy(&url, |_| {}).await;
    // A page that closes its fetch: the request was sent whole.
    let body = framed(b"x");
    let whole = head("/any.Service/Stay", "application/grpc-web+proto", "").replace("{host}", &proxy.address);
    let mut stream = tokio::net::TcpStream::connect(&proxy.address).await.unwrap();
    let text = format!("{}\r\ncontent-length: {}\r\n\r\n", whole.trim_end(), body.len());
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    foreign.open(1).await;
    drop(stream);
    foreign.open(0).await;
    // A program that was still talking.
    let mut stream = tokio::net::TcpStream::connect(&proxy.address).await.unwrap();
    let text = format!("{}\r\ntransfer-encoding: chunked\r\n\r\n6\r\n\0\0\0\0\x01x\r\n", whole.trim_end());
    stream.write_all(text.as_bytes()).await.unwrap();
    foreign.open(1).await;
    drop(stream);
    foreign.open(0).await;
    // A socket, closed and broken.
    for polite in [true, false] {
        let mut socket = open_at(&proxy.address, "t", "").await;
        send(&mut socket, &framed(b"x")).await;
        foreign.open(1).await;
        if polite {
            socket.close(None).await.unwrap();
        }
        drop(socket);
        foreign.open(0).await;
    }
    proxy.stop().await;
}

#[tokio::test]
async fn a_deadline_that_the_upstream_forgets_is_kept_here() {
    let (foreign, url) = Foreign::start().await;
    let proxy = proxy(&url, |_| {}).await;
    let head = head("/any.Service/Stay", "application/grpc-web+proto", "grpc-timeout: 200m");
    let said = Said::of(&http(&proxy.address, &head, &framed(b"x")).await);
    assert_eq!((said.code, said.messages), (Code::DeadlineExceeded as i32, vec![b"x".to_vec()]), "{}", said.message);
    foreign.open(0).await;
    proxy.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_said_with_a_retry_hint() {
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}", port.local_addr().unwrap());
    drop(port);
    let proxy = proxy(&nobody, |_| {}).await;
    let channel = Endpoint::from_shared(format!("http://{}", proxy.address)).unwrap().connect_lazy();
    let status = SandboxServiceClient::new(channel).get_sandbox(GetSandboxRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let details = status.get_error_details();
    assert!(details.retry_info().is_some());
    assert_eq!(details.error_info().unwrap().reason, "CWSANDBOX_BACKEND_UNAVAILABLE");
    proxy.stop().await;
}

async fn native(proxy: &Proxied, token: &str) -> crate::harness::Client {
    let channel = Endpoint::from_shared(format!("http://{}", proxy.address)).unwrap().connect().await.unwrap();
    SandboxServiceClient::with_interceptor(channel, bearer(token))
}

#[tokio::test]
async fn a_real_server_works_through_it_and_details_stay() {
    let server = server().await;
    let url = format!("http://{}", server.address);
    let proxy = proxy(&url, |_| {}).await;
    // Everybody's own credentials pass through.
    let mut client = native(&proxy, &server.token).await;
    let id = create(&mut client, idle()).await;
    let done = client.exec(command(&id, "echo out; exit 3")).await.unwrap().into_inner();
    assert_eq!((&done.stdout[..], done.exit_code), (&b"out\n"[..], 3));
    let none = client.get_sandbox(GetSandboxRequest { sandbox_id: "none".into() }).await.unwrap_err();
    assert_eq!(none.get_error_details().error_info().unwrap().reason, "CWSANDBOX_SANDBOX_NOT_FOUND");
    let wrong = native(&proxy, "wrong").await.get_sandbox(GetSandboxRequest::default()).await.unwrap_err();
    assert_eq!(wrong.code(), Code::Unauthenticated);
    let mut late = Request::new(command(&id, "sleep 60"));
    late.set_timeout(Duration::from_millis(300));
    let late = client.exec(late).await.unwrap_err();
    assert!(matches!(late.code(), Code::DeadlineExceeded | Code::Cancelled), "{late:?}");

    let mut socket = open_at(&proxy.address, &server.token, "").await;
    send(&mut socket, &frame(shell(&id, "while read x; do echo got $x; done; echo bye"))).await;
    let mut frames = Frames(&mut socket, Vec::new());
    assert_eq!(frames.next().await.unwrap().0, 0x80);
    assert!(matches!(frames.say().await, Say::Ready(_)));
    for word in ["one", "two"] {
        send(frames.0, &frame(Ask::Stdin(format!("{word}\n").into()))).await;
        frames.until(&format!("got {word}\n")).await;
    }
    frames.0.send(Message::binary(vec![1])).await.unwrap();
    frames.until("bye\n").await;
    assert!(matches!(frames.say().await, Say::Exit(exit) if exit.exit_code == 0));
    assert!(String::from_utf8(frames.next().await.unwrap().1).unwrap().contains("grpc-status:0"));
    assert_eq!(frames.next().await, None);
    proxy.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn the_upstream_may_speak_tls_and_so_may_the_proxy() {
    let server = crate::harness::server_with(|config| config.tls_only = true).await;
    let (ca, key) = (server.ca.clone(), server.token.clone());
    let proxy = proxy(&format!("https://{}", server.address), |config| {
        config.upstream_ca = Some(ca);
        config.credentials = Credentials::Bearer(key);
        config.open = true;
    })
    .await;
    let list = "/coreweave.sandbox.v1.SandboxService/ListSandboxes";
    assert_eq!(proxy.call(list, "any", b"").await.code, 0);
    proxy.stop().await;
    // Nobody vouches for it: no call gets there.
    let distrusting = super::proxy(&format!("https://{}", server.address), |_| {}).await;
    let said = distrusting.call(list, &server.token, b"").await;
    assert!(said.code == 14 && said.message.contains("certificate"), "{said:?}");
    distrusting.stop().await;
    server.stop().await;
}
