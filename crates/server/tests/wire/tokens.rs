//! Users' tokens: who gets one, and what it is good for.

use jetway_server::{
    Access,
    wire::{
        jetway::{GetTokenRequest, RefreshTokenRequest, Scope, Token, token_service_client::TokenServiceClient},
        sandbox::{DeleteSandboxRequest, GetSandboxRequest, ListSandboxesRequest},
    },
};
use tonic::Code;

use crate::harness::{Running, create, idle, server, server_with, sh};

fn wanted(user: &str) -> GetTokenRequest {
    GetTokenRequest { user_id: user.into(), ..Default::default() }
}

async fn token(server: &Running, request: GetTokenRequest) -> Token {
    let mut tokens = TokenServiceClient::with_interceptor(server.channel(), server.bearer());
    tokens.get_token(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn a_user_has_what_the_user_made_and_nothing_else() {
    let server = server().await;
    let mut own = server.client();
    let ada = token(&server, wanted("ada")).await;
    let bob = token(&server, wanted("bob")).await;
    let (mut ada, mut bob) = (server.client_with(&ada.access_token), server.client_with(&bob.access_token));
    let id = create(&mut ada, idle()).await;
    let other = create(&mut own, idle()).await;
    assert_eq!(&sh(&mut ada, &id, "echo mine").await.stdout[..], b"mine\n");
    assert_eq!(&sh(&mut own, &id, "echo seen").await.stdout[..], b"seen\n", "the server's token reaches everything");
    for (client, id) in [(&mut bob, &id), (&mut ada, &other)] {
        let missing = client.get_sandbox(GetSandboxRequest { sandbox_id: id.clone() }).await.unwrap_err();
        assert_eq!(missing.code(), Code::NotFound);
        let kept = client.delete_sandbox(DeleteSandboxRequest { sandbox_id: id.clone(), ..Default::default() }).await;
        assert_eq!(kept.unwrap_err().code(), Code::NotFound);
    }
    let listed = ada.list_sandboxes(ListSandboxesRequest::default()).await.unwrap().into_inner().sandboxes;
    assert_eq!(listed.iter().map(|sandbox| &sandbox.sandbox_id).collect::<Vec<_>>(), [&id]);
    assert!(bob.list_sandboxes(ListSandboxesRequest::default()).await.unwrap().into_inner().sandboxes.is_empty());
    server.stop().await;
}

#[tokio::test]
async fn a_token_for_one_sandbox_is_good_for_that_one() {
    let server = server().await;
    let mut own = server.client();
    let (first, second) = (create(&mut own, idle()).await, create(&mut own, idle()).await);
    let scope = Scope { sandbox_ids: vec![first.clone()], ..Default::default() };
    let request = GetTokenRequest { role: "admin".into(), scope: Some(scope), ..wanted("page") };
    let narrow = token(&server, request).await;
    let mut page = server.client_with(&narrow.access_token);
    assert_eq!(&sh(&mut page, &first, "echo in").await.stdout[..], b"in\n");
    let out = page.get_sandbox(GetSandboxRequest { sandbox_id: second.clone() }).await.unwrap_err();
    assert_eq!(out.code(), Code::NotFound);
    assert_eq!(page.create_sandbox(idle()).await.unwrap_err().code(), Code::PermissionDenied);

    // Narrower still for whom it is given to, never wider.
    let mut tokens = TokenServiceClient::with_interceptor(server.channel(), server.bearer_with(&narrow.access_token));
    let methods = vec!["coreweave.sandbox.v1.SandboxService/GetSandbox".to_owned()];
    let scope = Scope { sandbox_ids: vec![first.clone()], methods, ..Default::default() };
    let request = GetTokenRequest { scope: Some(scope), ..wanted("page") };
    let look = tokens.get_token(request).await.unwrap().into_inner();
    let mut look = server.client_with(&look.access_token);
    // It is the user's by now, who made nothing.
    assert_eq!(look.get_sandbox(GetSandboxRequest { sandbox_id: first }).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(look.create_sandbox(idle()).await.unwrap_err().code(), Code::PermissionDenied);
    for wider in [wanted("page"), GetTokenRequest { role: "admin".into(), ..wanted("page") }, wanted("other")] {
        assert_eq!(tokens.get_token(wider).await.unwrap_err().code(), Code::PermissionDenied);
    }
    server.stop().await;
}

#[tokio::test]
async fn expired_forged_and_foreign_tokens_are_refused() {
    let server = server().await;
    let soon = prost_types::Duration { seconds: 0, nanos: 1_000_000 };
    let expired = token(&server, GetTokenRequest { ttl: Some(soon), ..wanted("ada") }).await.access_token;
    let good = token(&server, wanted("ada")).await;
    let forged = format!("{}x", good.access_token);
    while server.client_with(&expired).list_sandboxes(ListSandboxesRequest::default()).await.is_ok() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    for bad in [&expired, &forged, &good.refresh_token, &String::from("eyJhbGciOiJub25lIn0.e30.")] {
        let error = server.client_with(bad).list_sandboxes(ListSandboxesRequest::default()).await.unwrap_err();
        assert_eq!(error.code(), Code::Unauthenticated, "{bad}");
    }
    let mut tokens = TokenServiceClient::new(server.channel());
    let again = RefreshTokenRequest { refresh_token: good.refresh_token.clone() };
    let again = tokens.refresh_token(again).await.unwrap().into_inner();
    assert!(server.client_with(&again.access_token).list_sandboxes(ListSandboxesRequest::default()).await.is_ok());
    for bad in [good.access_token, forged] {
        let refused = tokens.refresh_token(RefreshTokenRequest { refresh_token: bad }).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
    }
    server.stop().await;
}

#[tokio::test]
async fn minting_needs_the_servers_token_or_its_consent() {
    let closed = server().await;
    let mut tokens = TokenServiceClient::new(closed.channel());
    assert_eq!(tokens.get_token(wanted("ada")).await.unwrap_err().code(), Code::Unauthenticated);
    closed.stop().await;
    let open = server_with(|config| config.open_minting = true).await;
    let mut tokens = TokenServiceClient::new(open.channel());
    let mine = tokens.get_token(wanted("ada")).await.unwrap().into_inner();
    assert!(open.client_with(&mine.access_token).list_sandboxes(ListSandboxesRequest::default()).await.is_ok());
    let admin = GetTokenRequest { role: "admin".into(), ..wanted("ada") };
    assert_eq!(tokens.get_token(admin).await.unwrap_err().code(), Code::PermissionDenied);
    for (field, request) in
        [("user_id", wanted("")), ("role", GetTokenRequest { role: "king".into(), ..wanted("ada") })]
    {
        let error = tokens.get_token(request).await.unwrap_err();
        assert!(error.code() == Code::InvalidArgument && error.message().contains(field), "{error}");
    }
    open.stop().await;
    let anybody = server_with(|config| config.access = Access::Open).await;
    let mut tokens = TokenServiceClient::new(anybody.channel());
    assert_eq!(tokens.get_token(wanted("ada")).await.unwrap().into_inner().token_type, "Bearer");
    anybody.stop().await;
}
