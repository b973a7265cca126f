//! What the Cloud Sandbox Python SDK sends for the three samples of its README, request by request, and what it reads of
//! the answers. `tests/peers/test_cloud_sandbox.py` runs the SDK itself, where it is at hand; it is on no registry.

use serde_json::{Value, json};

use super::{User, open, user};

#[tokio::test]
async fn the_sample_of_basic_usage() {
    let server = open().await;
    let sdk = user(&server, "my-user-id").await;
    // Sandbox.create(base_url, user_id, image="python:3.11-slim")
    let (status, session) = sdk.call("POST", "/api/v1/sessions", json!({ "image": "python:3.11-slim" })).await;
    assert_eq!((status, &session["image"]), (201, &json!("python:3.11-slim")));
    let id = sdk.acquire().await;
    // sandbox.run_code("…")
    let code = "\nimport sys\nprint(f\"Python version: {sys.version}\")\nprint(\"Hello from sandbox!\")\n";
    let ran = json!({ "sandbox_id": id, "code": code, "language": "python", "timeout": 300 });
    let said = sdk.execute(ran).await;
    let lines: Vec<&str> = said["stdout"].as_str().unwrap().lines().collect();
    assert!(lines[0].starts_with("Python version: 3."), "{said}");
    assert_eq!(
        (lines.last(), &said["exit_code"], &said["stderr"]),
        (Some(&"Hello from sandbox!"), &json!(0), &json!(""))
    );
    assert!(said["duration_ms"].is_u64() && said["timed_out"] == false && said.get("error").is_none(), "{said}");
    // sandbox.run_command("ls -la /workspace")
    let command = json!({ "sandbox_id": id, "command": ["bash", "-c", "ls -la /workspace"], "timeout": 300 });
    assert!(sdk.execute(command).await["stdout"].as_str().unwrap().starts_with("total "));
    // sandbox.write_file("/workspace/test.py", "print('Hello!')")
    let file = json!({ "sandbox_id": id, "path": "/workspace/test.py", "content": "print('Hello!')" });
    assert_eq!(sdk.call("PUT", "/api/v1/files", file).await, (200, json!({ "success": true })));
    // sandbox.list_files("/workspace")
    let list = format!("/api/v1/files?sandbox_id={id}&path=%2Fworkspace");
    let (_, listed) = sdk.call("GET", &list, Value::Null).await;
    let [file] = &listed["files"].as_array().unwrap()[..] else { panic!("{listed}") };
    assert_eq!((&file["name"], &file["size"]), (&json!("test.py"), &json!(15)));
    assert_time(&file["mod_time"]);
    // `with` ends: the sandbox is released, the session stays.
    release(&sdk, &id).await;
    let (_, sessions) = sdk.call("GET", "/api/v1/sessions", Value::Null).await;
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn the_sample_of_session_management() {
    let server = open().await;
    let sdk = user(&server, "user123").await;
    let (_, session) = sdk.call("POST", "/api/v1/sessions", json!({})).await;
    let session_id = session["id"].as_str().unwrap();
    let id = sdk.acquire().await;
    run(&sdk, &id, "x = 42").await;
    // sandbox.pause(): the session is paused first, then its sandbox released.
    let (status, paused) = sdk.call("POST", &format!("/api/v1/sessions/{session_id}/pause"), Value::Null).await;
    assert_eq!((status, &paused["id"]), (200, &json!(session_id)));
    release(&sdk, &id).await;
    // Sandbox.resume(session_id, base_url, user_id): a token of its own, and no word of the session in the acquisition.
    let later = user(&server, "user123").await;
    let (status, _) = later.call("POST", &format!("/api/v1/sessions/{session_id}/resume"), Value::Null).await;
    assert_eq!(status, 200);
    let id = later.acquire().await;
    assert_eq!(run(&later, &id, "print(x)").await["stdout"], "42\n");
    // sandbox.destroy()
    release(&later, &id).await;
    let (status, deleted) = later.call("DELETE", &format!("/api/v1/sessions/{session_id}"), Value::Null).await;
    assert_eq!((status, deleted), (200, json!({ "success": true })));
    server.stop().await;
}

#[tokio::test]
async fn the_sample_of_the_low_level_client() {
    let server = open().await;
    // client.get_token(user_id="my-user", role="user"); client.set_token(…)
    let sdk = user(&server, "my-user").await;
    // client.create_session(image, cpu_count=2, memory_mb=2048, ttl_hours=24)
    let ttl = 24 * 3600 * 1_000_000_000_u64;
    let wanted = json!({ "image": "python:3.11-slim", "cpu_count": 2, "memory_mb": 2048, "ttl": ttl });
    let (status, session) = sdk.call("POST", "/api/v1/sessions", wanted).await;
    assert_eq!((status, &session["cpu_count"], &session["memory_mb"]), (201, &json!(2), &json!(2048)));
    for time in ["created_at", "updated_at", "last_active_at", "expires_at"] {
        assert_time(&session[time]);
    }
    let (status, taken) = sdk.call("POST", "/api/v1/sandbox/acquire", Value::Null).await;
    assert_eq!((status, &taken["status"]), (200, &json!("running")), "{taken}");
    let id = taken["sandbox_id"].as_str().unwrap();
    assert!(taken["container_id"].is_string());
    let asked = json!({ "sandbox_id": id, "code": "print('Hello!')", "language": "python", "timeout": 30 });
    let said = sdk.execute(asked).await;
    assert_eq!((&said["exit_code"], &said["stdout"]), (&json!(0), &json!("Hello!\n")));
    release(&sdk, id).await;
    let path = format!("/api/v1/sessions/{}", session["id"].as_str().unwrap());
    assert_eq!(sdk.call("DELETE", &path, Value::Null).await, (200, json!({ "success": true })));
    server.stop().await;
}

async fn run(sdk: &User<'_>, id: &str, code: &str) -> Value {
    sdk.execute(json!({ "sandbox_id": id, "code": code, "language": "python", "timeout": 300 })).await
}

async fn release(sdk: &User<'_>, id: &str) {
    let released = sdk.call("POST", "/api/v1/sandbox/release", json!({ "sandbox_id": id })).await;
    assert_eq!(released, (200, json!({ "success": true })));
}

/// As `datetime.fromisoformat` reads it once `Z` is replaced by an offset: no more than microseconds.
fn assert_time(value: &Value) {
    let text = value.as_str().unwrap();
    let (_, fraction) = text.split_once('.').unwrap();
    assert!(text.contains('T') && fraction.len() == 7 && fraction.ends_with('Z'), "{text}");
}
