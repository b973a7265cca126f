//! The Cloud Sandbox REST routes, as its SDK and its own tests use them.

mod bad_input;
mod rows;
mod sdk;

use jetway_server::ServerConfig;
use serde_json::{Value, json};

use crate::harness::{Answer, Running, server_with};

async fn open() -> Running {
    open_with(|_| {}).await
}

async fn open_with(change: impl FnOnce(&mut ServerConfig)) -> Running {
    server_with(|config| {
        config.open_minting = true;
        config.pool_warm = 1;
        change(config);
    })
    .await
}

struct User<'a> {
    server: &'a Running,
    token: String,
}

impl User<'_> {
    async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {{host}}\r\nauthorization: Bearer {}\r\ncontent-type: application/json",
            self.token
        );
        let body = if body.is_null() { String::new() } else { body.to_string() };
        read(self.server.http(&head, body.as_bytes()).await)
    }

    async fn run(&self, id: &str, code: &str) -> Value {
        self.execute(json!({ "sandbox_id": id, "code": code })).await
    }

    async fn execute(&self, body: Value) -> Value {
        let (status, done) = self.call("POST", "/api/v1/execute", body).await;
        assert_eq!(status, 200, "{done}");
        done
    }

    async fn acquire(&self) -> String {
        let (status, taken) = self.call("POST", "/api/v1/sandbox/acquire", Value::Null).await;
        assert_eq!(status, 200, "{taken}");
        taken["sandbox_id"].as_str().unwrap().to_owned()
    }
}

fn read(answer: Answer) -> (u16, Value) {
    assert!(
        answer.header("content-type").is_some_and(|kind| kind.starts_with("application/json")),
        "{}",
        answer.text()
    );
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

async fn user<'a>(server: &'a Running, name: &str) -> User<'a> {
    let head = "POST /api/v1/auth/token HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json";
    let (status, token) = read(server.http(head, json!({ "user_id": name }).to_string().as_bytes()).await);
    assert_eq!((status, &token["token_type"], &token["expires_in"]), (200, &json!("Bearer"), &json!("86400")));
    User { server, token: token["access_token"].as_str().unwrap().to_owned() }
}

#[tokio::test]
async fn a_session_goes_its_way_over_rest() {
    let server = open().await;
    let ada = user(&server, "ada").await;
    let made = json!({ "ttl": 3_600_000_000_000_u64, "metadata": { "k": "v" } });
    let (status, session) = ada.call("POST", "/api/v1/sessions", made).await;
    assert_eq!((status, &session["status"], &session["user_id"]), (201, &json!("active"), &json!("ada")));
    let id = session["id"].as_str().unwrap();
    let (status, taken) = ada.call("POST", "/api/v1/sandbox/acquire", Value::Null).await;
    assert_eq!((status, &taken["status"], &taken["session_id"]), (200, &json!("running"), &json!(id)));
    let sandbox = taken["sandbox_id"].as_str().unwrap();
    assert_eq!(ada.run(sandbox, "x = 42").await["exit_code"], 0);
    let failed = ada.run(sandbox, "import nothing_of_that_name").await;
    assert!(failed["exit_code"] == 1 && failed["stderr"].as_str().unwrap().contains("ModuleNotFoundError"), "{failed}");

    let (status, paused) = ada.call("POST", &format!("/api/v1/sessions/{id}/pause"), Value::Null).await;
    assert_eq!((status, &paused["status"]), (200, &json!("paused")));
    // The SDK releases after it paused; the session keeps what it has.
    let released = json!({ "sandbox_id": sandbox });
    assert_eq!(ada.call("POST", "/api/v1/sandbox/release", released.clone()).await, (200, json!({ "success": true })));
    assert_eq!(ada.call("POST", &format!("/api/v1/sessions/{id}/pause"), Value::Null).await.0, 400);
    let (status, resumed) = ada.call("POST", &format!("/api/v1/sessions/{id}/resume"), Value::Null).await;
    assert_eq!((status, &resumed["status"], &resumed["resumed"]), (200, &json!("active"), &json!("thawed")));
    let (_, again) = ada.call("POST", "/api/v1/sandbox/acquire", Value::Null).await;
    assert_eq!(again["sandbox_id"], sandbox);
    assert_eq!(ada.run(sandbox, "print(x)").await["stdout"], "42\n");

    assert_eq!(ada.call("POST", &format!("/api/v1/sessions/{id}/touch"), Value::Null).await.0, 200);
    assert_eq!(ada.call("POST", &format!("/api/v1/sessions/{id}/dance"), Value::Null).await.0, 400);
    assert_eq!(ada.call("GET", "/api/v1/sessions", Value::Null).await.1["sessions"].as_array().unwrap().len(), 1);
    for _ in 0..2 {
        assert_eq!(ada.call("DELETE", &format!("/api/v1/sessions/{id}"), Value::Null).await.0, 200);
    }
    assert_eq!(ada.call("GET", &format!("/api/v1/sessions/{id}"), Value::Null).await.0, 404);
    server.stop().await;
}

#[tokio::test]
async fn files_commands_and_time_limits_over_rest() {
    let server = open().await;
    let ada = user(&server, "ada").await;
    let (_, taken) = ada.call("POST", "/api/v1/sandbox/acquire", Value::Null).await;
    let id = taken["sandbox_id"].as_str().unwrap();
    let list = format!("/api/v1/files?sandbox_id={id}");
    assert_eq!(ada.call("GET", &list, Value::Null).await, (200, json!({ "files": [] })));
    let file = json!({ "sandbox_id": id, "path": "/workspace/d/a b.txt", "content": "é\n" });
    assert_eq!(ada.call("PUT", "/api/v1/files", file).await, (200, json!({ "success": true })));
    let (_, listed) = ada.call("GET", &format!("{list}&path=/workspace/d"), Value::Null).await;
    let entry = &listed["files"][0];
    assert_eq!((&entry["name"], &entry["size"], &entry["is_dir"]), (&json!("a b.txt"), &json!(3), &json!(false)));
    assert_eq!(ada.call("GET", &format!("{list}&path=/no/such"), Value::Null).await.0, 404);
    assert_eq!(ada.call("DELETE", &format!("{list}&path=/workspace/d"), Value::Null).await.0, 200);
    assert_eq!(ada.call("GET", &list, Value::Null).await, (200, json!({ "files": [] })));

    let run = |body: Value| async { ada.call("POST", "/api/v1/execute", body).await };
    let command =
        json!({ "sandbox_id": id, "command": ["sh", "-c", "pwd; echo $A"], "work_dir": "/usr", "env": { "A": "b" } });
    assert_eq!(run(command).await.1["stdout"], "/usr\nb\n");
    let (_, late) =
        run(json!({ "sandbox_id": id, "command": ["sh", "-c", "echo begun; sleep 1000"], "timeout": 1 })).await;
    assert_eq!(
        (&late["timed_out"], &late["exit_code"], &late["stdout"]),
        (&json!(true), &json!(124), &json!("begun\n"))
    );
    let (_, late) = run(json!({ "sandbox_id": id, "code": "while True: pass", "timeout": 1 })).await;
    assert_eq!((&late["timed_out"], &late["exit_code"]), (&json!(true), &json!(124)));
    let (_, shell) = run(json!({ "sandbox_id": id, "code": "cd /usr; exit 5", "language": "bash" })).await;
    assert_eq!((&shell["exit_code"], &shell["stderr"]), (&json!(5), &json!("")));
    let (_, missing) = run(json!({ "sandbox_id": id, "command": ["no-such-program"] })).await;
    assert_eq!(missing["exit_code"], 127);
    for (status, body) in [
        (404, json!({ "sandbox_id": "unknown", "code": "1" })),
        (400, json!({ "sandbox_id": id })),
        (400, json!({ "sandbox_id": id, "code": "1", "timeout": -1 })),
        (400, json!({ "sandbox_id": id, "command": 5 })),
    ] {
        let (answered, refusal) = run(body).await;
        assert!(answered == status && refusal["message"].is_string(), "{answered} {refusal}");
    }
    let (_, stats) = ada.call("GET", "/api/v1/sandbox/stats", Value::Null).await;
    assert!(stats["in_use"] == 1 && stats["active"] == 1 && stats["max"] == 50 && stats["total"].is_u64(), "{stats}");
    assert_eq!(ada.call("POST", "/api/v1/sandbox/release", json!({ "sandbox_id": "unknown" })).await.0, 400);
    server.stop().await;
}

#[tokio::test]
async fn who_may_not_is_told_in_json() {
    let server = open().await;
    let (ada, bob) = (user(&server, "ada").await, user(&server, "bob").await);
    let (_, session) = ada.call("POST", "/api/v1/sessions", Value::Null).await;
    let path = format!("/api/v1/sessions/{}", session["id"].as_str().unwrap());
    assert_eq!(bob.call("GET", &path, Value::Null).await.0, 404);
    assert_eq!(bob.call("POST", &format!("{path}/pause"), Value::Null).await.0, 404);
    let plain = |head: &'static str| async { read(server.http(head, b"").await) };
    let (status, refusal) = plain("GET /api/v1/sessions HTTP/1.1\r\nhost: {host}").await;
    let message = "missing or invalid authorization header";
    assert_eq!((status, refusal), (401, json!({ "error": "unauthorized", "message": message })));
    let forged = User { server: &server, token: format!("{}x", ada.token) };
    let (status, refusal) = forged.call("GET", "/api/v1/sessions", Value::Null).await;
    assert_eq!((status, refusal), (401, json!({ "error": "unauthorized", "message": "invalid token" })));
    assert_eq!(plain("POST /api/v1/auth/token HTTP/1.1\r\nhost: {host}").await.0, 400);
    assert_eq!(plain("GET /api/v1/auth/token HTTP/1.1\r\nhost: {host}").await.0, 405);
    assert_eq!(
        plain("GET /health HTTP/1.1\r\nhost: {host}").await,
        (200, json!({ "status": "ok", "service": "gateway" }))
    );
    assert_eq!(ada.call("GET", "/api/v1/nothing", Value::Null).await.0, 404);
    server.stop().await;

    let closed = server_with(|config| (config.rest_burst, config.rest_per_second) = (3, 1)).await;
    let mint = "POST /api/v1/auth/token HTTP/1.1\r\nhost: {host}";
    let (status, refusal) = read(closed.http(mint, br#"{"user_id":"ada"}"#).await);
    assert_eq!((status, &refusal["error"]), (401, &json!("unauthorized")), "minting is not open");
    let limited = loop {
        let answer = closed.http("GET /api/v1/sessions HTTP/1.1\r\nhost: {host}", b"").await;
        if answer.status != 401 {
            break answer;
        }
    };
    assert!(limited.status == 429 && limited.header("retry-after").is_some());
    assert_eq!(read(limited).1["error"], "rate_limit_exceeded");
    closed.stop().await;
}
