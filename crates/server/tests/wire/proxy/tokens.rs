//! Who gets tokens, and who may call with them.

use std::time::Duration;

use serde_json::{Value, json};
use tonic::Code;

use super::with_account;
use crate::harness::{create, http, idle, server};

const LIST: &str = "/coreweave.sandbox.v1.SandboxService/ListSandboxes";
const GET: &str = "/coreweave.sandbox.v1.SandboxService/GetSandbox";

#[tokio::test]
async fn only_the_operators_programs_have_tokens_made() {
    let server = server().await;
    let proxy = with_account(&server).await;
    let ask = |lines: &str| format!("POST /tokens HTTP/1.1\r\nhost: {{host}}\r\n{lines}");
    let wanted = json!({ "everything": true }).to_string();
    let (own, account) = (proxy.secret.clone(), server.token.clone());
    for (lines, status) in [
        (String::new(), 401),
        ("authorization: Bearer wrong".into(), 401),
        // Neither the account's key nor a token is the operator's secret, and no page may have it.
        (format!("authorization: Bearer {account}"), 401),
        (format!("authorization: Bearer {}", proxy.token_for_everything().await), 401),
        (format!("authorization: Bearer {own}\r\norigin: http://{}", proxy.address), 403),
        (format!("authorization: Bearer {own}"), 200),
    ] {
        assert_eq!(http(&proxy.address, &ask(&lines), wanted.as_bytes()).await.status, status, "{lines}");
    }
    proxy.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn a_wish_that_is_not_clear_gets_no_token() {
    let server = server().await;
    let proxy = with_account(&server).await;
    for (wish, word) in [
        (json!({}), "everything"),
        (json!({ "sandboxId": ["a"] }), "unknown field"),
        (json!({ "sandboxIds": "a" }), "sandboxIds"),
        (json!({ "sandboxIds": ["a"], "everything": true }), "everything"),
        (json!({ "sandboxIds": [""] }), "sandboxIds"),
        (json!({ "methods": ["Exec"] }), "full names"),
        (json!({ "tags": ["a"], "ttlSeconds": 0 }), "ttlSeconds"),
        (json!({ "tags": ["a"], "ttlSeconds": 3601 }), "ttlSeconds"),
        (json!({ "tags": vec!["a"; 257] }), "256"),
    ] {
        let answer = proxy.mint(&wish).await;
        assert_eq!(answer.status, 400, "{wish}");
        assert!(answer.text().contains(word), "{wish}: {}", answer.text());
    }
    let made: Value = serde_json::from_slice(&proxy.mint(&json!({ "tags": ["a"] })).await.body).unwrap();
    assert_eq!(made["expiresInMs"], 900_000);
    proxy.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn calls_need_a_token_of_this_proxy_that_is_not_over() {
    let server = server().await;
    let proxy = with_account(&server).await;
    let other = with_account(&server).await;
    let token = proxy.token_for_everything().await;
    assert_eq!(proxy.call(LIST, &token, b"").await.code, 0);
    let foreign = other.token_for_everything().await;
    for wrong in ["", "x", &foreign, &server.token, &proxy.secret] {
        let said = proxy.call(LIST, wrong, b"").await;
        assert_eq!(said.code, Code::Unauthenticated as i32, "{said:?}");
        assert!(!said.message.contains(&server.token) && !said.message.contains(&proxy.secret));
    }
    let short = proxy.token(json!({ "everything": true, "ttlSeconds": 1 })).await;
    let over = async {
        loop {
            let said = proxy.call(LIST, &short, b"").await;
            if said.code == Code::Unauthenticated as i32 {
                return said.message;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let said = tokio::time::timeout(Duration::from_secs(30), over).await.unwrap();
    assert!(said.contains("expired"), "{said}");
    proxy.stop().await;
    other.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_read_for_sure_is_refused() {
    let server = server().await;
    let proxy = with_account(&server).await;
    let mut client = server.client();
    let (a, b) = (create(&mut client, idle()).await, create(&mut client, idle()).await);
    let token = proxy.token(json!({ "sandboxIds": [a] })).await;
    let named = |id: &str| [&[0x0a, u8::try_from(id.len()).unwrap()], id.as_bytes()].concat();
    assert_eq!(proxy.call(GET, &token, &named(&a)).await.code, 0);
    let both = [named(&a), named(&b)].concat();
    let packed = {
        let mut bytes = super::framed(&named(&a));
        bytes[0] = 1;
        bytes
    };
    for message in [named(&b), both.clone(), Vec::new()] {
        assert_eq!(proxy.call(GET, &token, &message).await.code, Code::PermissionDenied as i32, "{message:?}");
    }
    // A message that is packed, and a second one.
    for bytes in [packed, [super::framed(&named(&a)), super::framed(&named(&b))].concat()] {
        let head = format!(
            "POST {GET} HTTP/1.1\r\nhost: {{host}}\r\ncontent-type: application/grpc-web+proto\r\n\
             authorization: Bearer {token}"
        );
        let said = super::Said::of(&http(&proxy.address, &head, &bytes).await);
        assert_ne!(said.code, 0, "{said:?}");
        assert!(said.messages.is_empty(), "{said:?}");
    }
    proxy.stop().await;
    server.stop().await;
}
