//! What the proxy does not let through, and what every answer of it has.

use std::time::Duration;

use jetway_server::{Credentials, Proxy, ProxyConfig};
use tonic::Code;

use super::{Said, foreign::Foreign, framed, proxy};
use crate::{
    harness::http,
    websocket::{Frames, open_at, send},
};

#[tokio::test]
async fn calls_beyond_the_limit_are_refused_and_there_is_room_again() {
    let (foreign, url) = Foreign::start().await;
    let proxy = proxy(&url, |config| config.max_streams = 2).await;
    let mut sockets = Vec::new();
    for _ in 0..2 {
        let mut socket = open_at(&proxy.address, "t", "").await;
        send(&mut socket, &framed(b"x")).await;
        sockets.push(socket);
    }
    foreign.open(2).await;
    let said = proxy.call("/any.Service/Echo", "t", b"x").await;
    assert!(said.code == Code::ResourceExhausted as i32 && said.message.contains("2%20calls"), "{said:?}");
    drop(sockets.pop());
    foreign.open(1).await;
    let again = async {
        while proxy.call("/any.Service/Echo", "t", b"x").await.code != 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), again).await.expect("room");
    proxy.stop().await;
}

#[tokio::test]
async fn a_message_that_is_too_long_is_refused_by_its_head() {
    let (_, url) = Foreign::start().await;
    let proxy = proxy(&url, |config| config.max_message = 1000).await;
    assert_eq!(proxy.call("/any.Service/Echo", "t", &[7; 1000]).await.code, 0);
    let said = proxy.call("/any.Service/Echo", "t", &[7; 1001]).await;
    assert!(said.code == Code::ResourceExhausted as i32 && said.message.contains("1001"), "{said:?}");
    proxy.stop().await;
}

#[tokio::test]
async fn a_silent_call_ends_and_one_that_talks_does_not() {
    let (foreign, url) = Foreign::start().await;
    let proxy = proxy(&url, |config| config.idle = Some(Duration::from_millis(600))).await;
    let mut socket = open_at(&proxy.address, "t", "").await;
    let mut frames = Frames(&mut socket, Vec::new());
    let started = std::time::Instant::now();
    let mut beats = 0_u32;
    while started.elapsed() < Duration::from_millis(1500) {
        send(frames.0, &framed(b"beat")).await;
        beats += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut heard = 0;
    let trailers = loop {
        match frames.next().await.unwrap() {
            (0, payload) => heard += u32::from(payload == b"beat"),
            (_, text) => {
                let text = String::from_utf8(text).unwrap();
                if text.contains("grpc-status") {
                    break text;
                }
            }
        }
    };
    assert!(trailers.contains("grpc-status:14"), "{trailers}");
    assert_eq!(heard, beats, "everything that was said before passed");
    foreign.open(0).await;
    proxy.stop().await;
}

#[tokio::test]
async fn every_answer_lets_pages_read_it_and_only_welcome_ones_call() {
    let (_, url) = Foreign::start().await;
    let proxy = proxy(&url, |config| config.allow_origins = vec!["https://app.example".into()]).await;
    let call = |origin: &str, host: &str| {
        format!(
            "POST /any.Service/Echo HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/grpc-web\r\norigin: {origin}"
        )
    };
    let cases = [
        (call("https://app.example", "{host}"), 0),
        (call("https://evil.example", "{host}"), Code::PermissionDenied as i32),
        (call("https://app.example", "evil.example"), Code::PermissionDenied as i32),
    ];
    for (head, code) in cases {
        let answer = http(&proxy.address, &head, &framed(b"x")).await;
        assert_eq!(Said::of(&answer).code, code, "{head}");
        assert!(answer.header("access-control-allow-origin").unwrap().starts_with("https://"), "{head}");
        let exposed = answer.header("access-control-expose-headers").unwrap();
        assert!(exposed.contains("grpc-status-details-bin"), "{exposed}");
    }
    let preflight = "OPTIONS /any.Service/Echo HTTP/1.1\r\nhost: {host}\r\norigin: https://app.example\r\n\
        access-control-request-method: POST\r\naccess-control-request-headers: x-own-bin, x-grpc-web";
    let answer = http(&proxy.address, preflight, b"").await;
    assert_eq!(answer.status, 204);
    assert!(answer.header("access-control-allow-headers").unwrap().contains("x-own-bin"));
    let nowhere = http(&proxy.address, "GET /else HTTP/1.1\r\nhost: {host}", b"").await;
    assert_eq!(nowhere.status, 404);
    assert_eq!(http(&proxy.address, "GET /healthz HTTP/1.1\r\nhost: {host}", b"").await.text(), "ok\n");
    proxy.stop().await;
}

#[tokio::test]
async fn the_figures_are_the_operators() {
    let (_, url) = Foreign::start().await;
    let proxy = proxy(&url, |_| {}).await;
    assert_eq!(proxy.call("/any.Service/Echo", "t", b"x").await.code, 0);
    let ask = |secret: &str| format!("GET /metrics HTTP/1.1\r\nhost: {{host}}\r\nauthorization: Bearer {secret}");
    assert_eq!(http(&proxy.address, &ask("wrong"), b"").await.status, 401);
    let text = http(&proxy.address, &ask(&proxy.secret), b"").await.text();
    for line in ["jetway_proxy_calls_total 1", "jetway_proxy_connections_open 1", "jetway_proxy_calls_refused_total 1"]
    {
        assert!(text.lines().any(|known| known == line), "{line}\n{text}");
    }
    proxy.stop().await;
}

#[tokio::test]
async fn a_setup_that_makes_no_sense_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let refused = async |upstream: &str, change: fn(&mut ProxyConfig)| {
        let mut config = ProxyConfig::new(upstream, dir.path());
        change(&mut config);
        Proxy::bind(config).await.err().map(|error| error.to_string()).unwrap_or_default()
    };
    for upstream in ["nonsense", "ftp://a", "http://a/path", "https://u:p@a", "https://"] {
        let said = refused(upstream, |_| {}).await;
        assert!(said.contains("https://host") && said.contains("upstream"), "{upstream}: {said}");
    }
    let useless = refused("http://a", |config| config.credentials = Credentials::Bearer("k".into())).await;
    assert!(useless.contains("--mint-tokens"), "{useless}");
    let keyless = refused("http://a", |config| config.mint_tokens = true).await;
    assert!(keyless.contains("--upstream-key-file"), "{keyless}");
}
