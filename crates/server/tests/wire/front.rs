//! What every request meets first: CORS, Host, Origin, credentials; and the page.

use jetway_server::Access;
use jetway_server::wire::sandbox::{
    ExecStreamInit, ExecStreamRequest, ListSandboxesRequest, ListSandboxesResponse, exec_stream_request,
};
use prost::Message;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tonic::Code;
use tonic_types::StatusExt;

use crate::harness::{server, server_with};

const LIST: &str = "/coreweave.sandbox.v1.SandboxService/ListSandboxes";
const EMPTY: [u8; 5] = [0; 5];

fn web(headers: &str) -> String {
    format!("POST {LIST} HTTP/1.1\r\nhost: {{host}}\r\ncontent-type: application/grpc-web+proto\r\n{headers}")
}

#[tokio::test]
async fn native_calls_need_the_token() {
    let server = server().await;
    assert!(server.client().list_sandboxes(ListSandboxesRequest::default()).await.is_ok());
    let wrong = server.client_with("wrong").list_sandboxes(ListSandboxesRequest::default()).await.unwrap_err();
    let none = server.anonymous().list_sandboxes(ListSandboxesRequest::default()).await.unwrap_err();
    for status in [wrong, none] {
        assert_eq!(status.code(), Code::Unauthenticated);
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().domain, "cwsandbox.com");
        assert!(status.message().contains("jetway serve"), "{}", status.message());
        assert!(!status.message().contains(&server.token));
    }
    server.stop().await;
}

#[tokio::test]
async fn an_open_server_takes_everybody() {
    let server = server_with(|config| config.access = Access::Open).await;
    assert!(server.anonymous().list_sandboxes(ListSandboxesRequest::default()).await.is_ok());
    server.stop().await;
}

#[tokio::test]
async fn grpc_web_is_answered_with_a_message_and_trailers() {
    let server = server().await;
    let answer = server.http(&web("authorization: Bearer {token}"), &EMPTY).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/grpc-web+proto")));
    let length = u32::from_be_bytes(answer.body[1..5].try_into().unwrap()) as usize;
    assert!(ListSandboxesResponse::decode(&answer.body[5..5 + length]).is_ok());
    let trailers = &answer.body[5 + length..];
    assert_eq!(trailers[0], 0x80);
    assert!(String::from_utf8_lossy(&trailers[5..]).contains("grpc-status:0"), "{trailers:?}");
    let by_key = server.http(&web("x-wandb-api-key: {token}"), &EMPTY).await;
    assert_eq!(by_key.body, answer.body);

    let refused = server.http(&web(""), &EMPTY).await;
    assert_eq!((refused.status, refused.header("grpc-status")), (200, Some("16")));
    assert!(refused.header("grpc-status-details-bin").is_some());
    server.stop().await;
}

#[tokio::test]
async fn every_answer_lets_browsers_read_it() {
    let server = server_with(|config| config.allow_origins = vec!["https://app.example".into()]).await;
    let cases = [
        (web("origin: https://app.example\r\nauthorization: Bearer {token}"), 200),
        (web("origin: https://app.example"), 200),
        ("GET /no-such HTTP/1.1\r\nhost: {host}\r\norigin: https://app.example".to_owned(), 404),
        ("GET /healthz HTTP/1.1\r\nhost: {host}\r\norigin: https://app.example".to_owned(), 200),
    ];
    for (head, status) in cases {
        let answer = server.http(&head, &EMPTY).await;
        assert_eq!(answer.status, status, "{head}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example"), "{head}");
        let exposed = answer.header("access-control-expose-headers").unwrap();
        for name in ["grpc-status", "grpc-message", "grpc-status-details-bin", "x-jetway-start"] {
            assert!(exposed.contains(name), "{exposed}");
        }
    }
    let preflight = format!(
        "OPTIONS {LIST} HTTP/1.1\r\nhost: {{host}}\r\norigin: https://app.example\r\n\
         access-control-request-method: POST\r\naccess-control-request-headers: x-grpc-web,x-jetway-client"
    );
    let answer = server.http(&preflight, b"").await;
    assert_eq!(answer.status, 204);
    let allowed = answer.header("access-control-allow-headers").unwrap();
    for name in ["authorization", "content-type", "x-grpc-web", "grpc-timeout", "traceparent", "x-jetway-client"] {
        assert!(allowed.contains(name), "{allowed}");
    }
    server.stop().await;
}

#[tokio::test]
async fn other_hosts_and_other_peoples_pages_are_turned_away() {
    let server = server().await;
    let rebound = web("authorization: Bearer {token}").replace("{host}", "evil.example");
    let answer = server.http(&rebound, &EMPTY).await;
    assert_eq!(answer.header("grpc-status"), Some("7"));
    let page = server.http(&web("origin: https://evil.example\r\nauthorization: Bearer {token}"), &EMPTY).await;
    assert_eq!(page.header("grpc-status"), Some("7"));
    assert!(page.header("grpc-message").unwrap().contains("--allow-origin"));
    let form = "POST /page/token HTTP/1.1\r\nhost: {host}\r\norigin: null";
    assert_eq!(server.http(form, b"").await.status, 403);
    let own = web("origin: http://{host}\r\nauthorization: Bearer {token}");
    assert_eq!(server.http(&own, &EMPTY).await.header("grpc-status"), None);
    server.stop().await;
}

#[tokio::test]
async fn the_printed_link_lets_a_page_in_and_nothing_else_does() {
    let server = server().await;
    let token =
        |cookie: &str| format!("POST /page/token HTTP/1.1\r\nhost: {{host}}\r\norigin: http://{{host}}\r\n{cookie}");
    let refused = server.http(&token(""), b"").await;
    assert_eq!((refused.status, refused.header("content-type")), (401, Some("application/json")));
    assert!(refused.text().contains("link"), "{}", refused.text());
    assert_eq!(server.http("GET /?code=guess HTTP/1.1\r\nhost: {host}", b"").await.status, 403);

    let path = server.launch_url.split_once(&server.address).unwrap().1;
    let entered = server.http(&format!("GET {path} HTTP/1.1\r\nhost: {{host}}"), b"").await;
    assert_eq!((entered.status, entered.header("location")), (303, Some("/")));
    let cookie = entered.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = format!("cookie: {}", cookie.split(';').next().unwrap());

    let old_link = format!("GET /?code=old HTTP/1.1\r\nhost: {{host}}\r\n{cookie}");
    assert_eq!(server.http(&old_link, b"").await.status, 303, "whoever was let in may come by an old link");

    let given = server.http(&token(&cookie), b"").await;
    assert_eq!(given.status, 200);
    let given: serde_json::Value = serde_json::from_slice(&given.body).unwrap();
    assert!(given["expiresInMs"].as_u64().unwrap() <= 3_600_000);
    assert_eq!(given["defaultImage"], given["images"][0]);
    let page_token = given["token"].as_str().unwrap();
    assert!(server.client_with(page_token).list_sandboxes(ListSandboxesRequest::default()).await.is_ok());
    // The cookie itself is no credential for calls, and no page token buys another one.
    let value = cookie.split_once('=').unwrap().1;
    assert!(server.client_with(value).list_sandboxes(ListSandboxesRequest::default()).await.is_err());
    let name = cookie.split_once('=').unwrap().0;
    assert_eq!(server.http(&token(&format!("{name}={page_token}")), b"").await.status, 401);
    // Another origin's page gets nothing, cookie or not.
    let foreign = format!("POST /page/token HTTP/1.1\r\nhost: {{host}}\r\n{cookie}");
    assert_eq!(server.http(&foreign, b"").await.status, 403);
    server.stop().await;
}

#[tokio::test]
async fn the_page_comes_with_a_strict_policy() {
    let server = server().await;
    let page = server.http("GET / HTTP/1.1\r\nhost: {host}", b"").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'self'; script-src 'self' 'wasm-unsafe-eval'"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(server.http("GET /../Cargo.toml HTTP/1.1\r\nhost: {host}", b"").await.status, 404);
    let health = server.http("GET /healthz HTTP/1.1\r\nhost: {host}", b"").await;
    assert_eq!((health.status, health.text().as_str()), (200, "ok\n"));
    server.stop().await;
}

#[tokio::test]
async fn an_unknown_method_is_unimplemented() {
    let server = server().await;
    let head = web("authorization: Bearer {token}").replace("ListSandboxes", "Nope");
    let answer = server.http(&head, &EMPTY).await;
    let status = answer.header("grpc-status").map(str::to_owned);
    assert!(
        status.as_deref() == Some("12") || answer.text().contains("grpc-status:12"),
        "{status:?} {}",
        answer.text()
    );
    server.stop().await;
}

#[tokio::test]
async fn numbers_are_for_whoever_has_the_token() {
    let server = server().await;
    assert_eq!(server.http("GET /metrics HTTP/1.1\r\nhost: {host}", b"").await.status, 401);
    let numbers = server.http("GET /metrics HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}", b"").await;
    assert_eq!(
        (numbers.status, numbers.header("content-type")),
        (200, Some("text/plain; version=0.0.4; charset=utf-8"))
    );
    let text = numbers.text();
    assert!(text.contains("jetway_sandboxes{state=\"running\"} 0\n"), "{text}");
    assert!(text.contains("\nprocess_resident_memory_bytes "), "{text}");
    server.stop().await;
}

/// Over HTTP/1 a connection that is closed on unread bytes is reset, and the answer is lost with it.
#[tokio::test]
async fn a_caller_that_is_refused_while_it_sends_reads_why() {
    let server = server().await;
    let piece = vec![7; 256 * 1024];
    // Without credentials, and with them but for a sandbox that is not there.
    for (credentials, code) in
        [(String::new(), "grpc-status: 16"), (format!("authorization: Bearer {}\r\n", server.token), "grpc-status: 5")]
    {
        let mut stream = TcpStream::connect(&server.address).await.unwrap();
        let head = format!(
            "POST /coreweave.sandbox.v1.SandboxService/StreamExec HTTP/1.1\r\nhost: {}\r\n{credentials}\
             content-type: application/grpc-web+proto\r\ntransfer-encoding: chunked\r\n\r\n",
            server.address
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let init = ExecStreamInit { sandbox_id: "no-such".into(), command: vec!["cat".into()], ..Default::default() };
        let init = ExecStreamRequest { message: Some(exec_stream_request::Message::Init(init)) }.encode_to_vec();
        let mut first = vec![0];
        first.extend_from_slice(&(init.len() as u32).to_be_bytes());
        first.extend_from_slice(&init);
        chunk(&mut stream, &first).await;
        // More than all buffers on the way hold: whoever is not read cannot send it.
        for _ in 0..64 {
            let mut frame = vec![0];
            frame.extend_from_slice(&(piece.len() as u32).to_be_bytes());
            frame.extend_from_slice(&piece);
            chunk(&mut stream, &frame).await;
        }
        stream.write_all(b"0\r\n\r\n").await.unwrap();
        // The connection lives on: the next request is answered on it.
        let next = format!("GET /healthz HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", server.address);
        stream.write_all(next.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let text = String::from_utf8_lossy(&answer).to_lowercase();
        assert!(text.contains(code) || text.contains(&code.replace(": ", ":")), "{text}");
        assert!(text.ends_with("ok\n"), "{text}");
    }
    server.stop().await;
}

async fn chunk(stream: &mut TcpStream, data: &[u8]) {
    stream.write_all(format!("{:x}\r\n", data.len()).as_bytes()).await.unwrap();
    stream.write_all(data).await.unwrap();
    stream.write_all(b"\r\n").await.unwrap();
}
