//! What goes wrong in code that is run over REST, and what is left after it.

use serde_json::{Value, json};

use super::{User, open, read, user};

async fn survives(ada: &User<'_>, id: &str, after: &str) {
    let said = ada.run(id, "print(x)").await;
    assert_eq!((&said["stdout"], &said["exit_code"]), (&json!("42\n"), &json!(0)), "after {after}: {said}");
}

#[tokio::test]
async fn code_that_is_wrong_costs_no_state() {
    let server = open().await;
    let ada = user(&server, "ada").await;
    let id = ada.acquire().await;
    ada.run(&id, "x = 42").await;

    let syntax = ada.run(&id, "def f(:").await;
    assert_eq!(syntax["exit_code"], 1);
    assert!(syntax["stderr"].as_str().unwrap().contains("SyntaxError"), "{syntax}");
    survives(&ada, &id, "a syntax error").await;

    let limited = |code: &'static str| json!({ "sandbox_id": id, "code": code, "timeout": 1 });
    let endless = ada.execute(limited("while True: pass")).await;
    assert_eq!((&endless["timed_out"], &endless["exit_code"]), (&json!(true), &json!(124)));
    survives(&ada, &id, "a loop without end").await;

    let flood = ada.execute(limited("while True: print('y' * 1000)")).await;
    assert_eq!((&flood["timed_out"], &flood["exit_code"]), (&json!(true), &json!(124)));
    assert!((1..=10 << 20).contains(&flood["stdout"].as_str().unwrap().len()));
    survives(&ada, &id, "output without end").await;

    let long = format!("text = '{}'\nprint(len(text))", "x".repeat(10_000_000));
    assert_eq!(ada.run(&id, &long).await["stdout"], "10000000\n");
    survives(&ada, &id, "a source of 10 MB").await;

    let driver = json!({ "sandbox_id": id, "command": ["sh", "-c", "rm /tmp/.jetway/*/driver.py"] });
    assert_eq!(ada.execute(driver).await["exit_code"], 0);
    survives(&ada, &id, "the driver was deleted").await;

    let ended = ada.run(&id, "print('bye')\nimport os; os._exit(3)").await;
    assert_eq!((&ended["exit_code"], &ended["stdout"]), (&json!(3), &json!("bye\n")));
    assert!(ended["stderr"].as_str().unwrap().contains("its state is gone"), "it says what that cost: {ended}");
    assert_eq!(ada.run(&id, "print(x)").await["exit_code"], 1);
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_is_none_is_refused() {
    let server = open().await;
    let ada = user(&server, "ada").await;
    let id = ada.acquire().await;
    let head = format!(
        "POST /api/v1/execute HTTP/1.1\r\nhost: {{host}}\r\nauthorization: Bearer {}\r\ncontent-type: application/json",
        ada.token
    );
    let mut invalid = json!({ "sandbox_id": id, "code": "print('?')" }).to_string().into_bytes();
    let at = invalid.iter().position(|byte| *byte == b'?').unwrap();
    invalid[at] = 0xff;
    for (what, body) in [("no UTF-8", &invalid[..]), ("no JSON", b"{"), ("no object", b"[1, 2]")] {
        let (status, refusal) = read(server.http(&head, body).await);
        assert_eq!((status, &refusal["error"]), (400, &json!("invalid_request")), "{what}: {refusal}");
    }
    let (status, refusal) = ada.call("PUT", "/api/v1/files", json!({ "sandbox_id": id, "path": "no/root" })).await;
    assert!(status == 400 && refusal["message"].as_str().unwrap().contains("path"), "{status} {refusal}");
    assert_eq!(ada.call("GET", "/api/v1/files", Value::Null).await.0, 400);
    server.stop().await;
}
