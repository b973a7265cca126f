//! The rows of the routes' table that neither the samples nor a session's life come by.

use jetway_server::wire::jetway::{GetTokenRequest, token_service_client::TokenServiceClient};
use serde_json::{Value, json};

use super::{User, open, open_with, read, user};

#[tokio::test]
async fn a_session_is_its_tokens_users_and_has_bounds() {
    let server = open().await;
    let ada = user(&server, "ada").await;
    let days = |count: u64| count * 24 * 3600 * 1_000_000_000;
    let made = |body: Value| async { ada.call("POST", "/api/v1/sessions", body).await };
    let (_, session) = made(json!({ "user_id": "eve" })).await;
    assert_eq!((&session["user_id"], &session["metadata"]), (&json!("ada"), &json!({})));
    assert_eq!(lasts(&session), 24 * 3600);
    assert_eq!(lasts(&made(json!({ "ttl": days(30) })).await.1), 7 * 24 * 3600, "a week at most");
    for (status, body) in [
        (404, json!({ "image": "no-such-image:1" })),
        (400, json!({ "image": 5 })),
        (400, json!({ "ttl": -1 })),
        (400, json!({ "metadata": { "k": "x".repeat(100_000) } })),
    ] {
        let (answered, refusal) = made(body.clone()).await;
        assert!(answered == status && refusal["message"].is_string(), "{body:.80}: {answered} {refusal}");
    }
    let path = format!("/api/v1/sessions/{}", session["id"].as_str().unwrap());
    assert_eq!(ada.call("GET", &path, Value::Null).await.1["id"], session["id"]);
    assert_eq!(ada.call("PUT", &path, Value::Null).await.0, 405);
    let (_, paused) = ada.call("POST", &format!("{path}/pause"), Value::Null).await;
    assert!(paused["status"] == "paused" && paused["paused_at"].is_string(), "without a sandbox too: {paused}");
    let (_, resumed) = ada.call("POST", &format!("{path}/resume"), Value::Null).await;
    assert!(resumed.get("paused_at").is_none() && resumed["expires_at"].as_str() > session["expires_at"].as_str());
    assert_eq!(ada.call("POST", &format!("{path}/resume"), Value::Null).await.0, 400, "it is active");
    assert_eq!(ada.call("POST", "/api/v1/sessions/no-such/resume", Value::Null).await.0, 404);
    server.stop().await;
}

#[tokio::test]
async fn a_sandbox_is_bound_and_let_go() {
    let server = open_with(|config| config.pool_most = 2).await;
    let (ada, bob) = (user(&server, "ada").await, user(&server, "bob").await);
    let first = ada.acquire().await;
    let (_, session) = ada.call("POST", "/api/v1/sessions", Value::Null).await;
    let path = format!("/api/v1/sessions/{}", session["id"].as_str().unwrap());
    let bind = format!("{path}/bind");
    let wanted = json!({ "sandbox_id": first });
    assert_eq!(ada.call("POST", &bind, wanted.clone()).await, (200, json!({ "success": true })));
    assert_eq!(ada.call("GET", &path, Value::Null).await.1["sandbox_id"], first.as_str());
    assert_eq!(ada.call("POST", &bind, json!({ "sandbox_id": "unknown" })).await.0, 404);
    assert_eq!(bob.call("POST", &bind, wanted.clone()).await.0, 404, "another user's session");
    assert_eq!(ada.call("DELETE", &bind, Value::Null).await, (200, json!({ "success": true })));
    assert!(ada.call("GET", &path, Value::Null).await.1.get("sandbox_id").is_none());
    // Two at most: the session's, whose turn it is, and one more.
    ada.acquire().await;
    let (status, refusal) = bob.call("POST", "/api/v1/sandbox/acquire", Value::Null).await;
    assert_eq!((status, &refusal["error"]), (503, &json!("pool_exhausted")), "{refusal}");
    assert_eq!(bob.call("POST", "/api/v1/sandbox/release", wanted.clone()).await.0, 400, "not his");
    assert_eq!(bob.call("GET", &format!("/api/v1/files?sandbox_id={first}"), Value::Null).await.0, 404);
    assert_eq!(ada.call("POST", "/api/v1/sandbox/release", wanted).await.0, 200);
    bob.acquire().await;
    server.stop().await;
}

#[tokio::test]
async fn languages_have_their_names_and_streams_their_limit() {
    let server = open().await;
    let ada = user(&server, "ada").await;
    let id = ada.acquire().await;
    let run = |language: &'static str, code: &'static str| {
        let body = json!({ "sandbox_id": id, "language": language, "code": code });
        async { ada.execute(body).await }
    };
    for language in ["python", "python3"] {
        assert_eq!(run(language, "print(6 * 7)").await["stdout"], "42\n", "{language}");
    }
    for language in ["node", "javascript", "js"] {
        assert_eq!(run(language, "console.log(6 * 7)").await["stdout"], "42\n", "{language}");
    }
    // What has no name here is the shell's.
    for language in ["bash", "sh", "shell", "tcl"] {
        assert_eq!(run(language, "echo $((6 * 7))").await["stdout"], "42\n", "{language}");
    }
    for (language, code) in [("ruby", "puts 6 * 7"), ("go", "package main\nfunc main() { println(42) }")] {
        let said = run(language, code).await;
        assert!(
            said["exit_code"] == 127 || said["exit_code"] == 0,
            "where there is one, and a shell's answer else: {said}"
        );
    }
    let flood =
        json!({ "sandbox_id": id, "command": ["sh", "-c", "head -c 11m /dev/zero | tr '\\0' y; echo end >&2"] });
    let said = ada.execute(flood).await;
    assert_eq!((said["stdout"].as_str().unwrap().len(), &said["stderr"]), (10 << 20, &json!("end\n")));
    server.stop().await;
}

#[tokio::test]
async fn tokens_of_every_kind_are_read_for_what_they_are() {
    let server = open().await;
    let mut minting = TokenServiceClient::new(server.connection());
    let soon = prost_types::Duration { seconds: 0, nanos: 1_000_000 };
    let wanted = GetTokenRequest { user_id: "ada".into(), ttl: Some(soon), ..Default::default() };
    let short = minting.get_token(wanted).await.unwrap().into_inner();
    let with = |token: &str| User { server: &server, token: token.to_owned() };
    let expired = loop {
        let (status, refusal) = with(&short.access_token).call("GET", "/api/v1/sessions", Value::Null).await;
        if status != 200 {
            break (status, refusal["message"].clone());
        }
    };
    assert_eq!(expired, (401, json!("token expired")));
    let (status, refusal) = with(&short.refresh_token).call("GET", "/api/v1/sessions", Value::Null).await;
    assert_eq!((status, &refusal["message"]), (401, &json!("invalid token")), "it is for new tokens only");
    let head = "POST /api/v1/auth/token HTTP/1.1\r\nhost: {host}";
    let (at, form) = (&server, head);
    let mint = |body: Value| async move { read(at.http(form, body.to_string().as_bytes()).await) };
    let (status, again) = mint(json!({ "refresh_token": short.refresh_token })).await;
    assert_eq!(
        (status, with(again["access_token"].as_str().unwrap()).call("GET", "/api/v1/sessions", Value::Null).await.0),
        (200, 200)
    );
    for (status, body) in [
        (400, json!({ "user_id": "" })),
        (400, json!({ "user_id": "ada", "role": "king" })),
        (403, json!({ "user_id": "ada", "role": "admin" })),
        (401, json!({ "refresh_token": again["access_token"] })),
    ] {
        assert_eq!(mint(body.clone()).await.0, status, "{body:.60}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_browser_is_told_what_it_asks() {
    let server = open_with(|config| config.allow_origins = vec!["https://app.example.com".into()]).await;
    let ask = "OPTIONS /api/v1/execute HTTP/1.1\r\nhost: {host}\r\norigin: https://app.example.com\r\n\
               access-control-request-method: POST";
    let answer = server.http(ask, b"").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, Some("https://app.example.com")));
    assert!(answer.header("access-control-allow-headers").unwrap().contains("authorization"));
    let health = server.http("GET /health HTTP/1.1\r\nhost: {host}\r\norigin: https://app.example.com", b"").await;
    assert_eq!((health.status, health.header("access-control-allow-origin")), (200, Some("https://app.example.com")));
    server.stop().await;
}

/// From its making to its end, in seconds.
fn lasts(session: &Value) -> i64 {
    let time = |name: &str| chrono::DateTime::parse_from_rfc3339(session[name].as_str().unwrap()).unwrap();
    (time("expires_at") - time("created_at")).num_seconds()
}
