//! Who may not: callers without the token, pages of hostile programs, names that lead here by rebinding.

use jetway_server::{
    Access,
    wire::sandbox::{EndpointAuth, EndpointKind, GetSandboxRequest, Visibility},
};

use super::{address, asking, endpoint, get, http, service, serving, up};
use crate::harness::{server, server_with};

#[tokio::test(flavor = "multi_thread")]
async fn a_private_service_wants_the_servers_token_and_never_sees_it() {
    let server = server().await;
    let mut client = server.client();
    let (_, services) = up(&mut client, serving(8080, vec![service(8080, Visibility::Private)])).await;
    let to = address(&services[0]);
    for headers in ["", "authorization: Bearer wrong", "x-sandbox-share-token: x", "cookie: jetway_service=x"] {
        assert_eq!(get(&to, "/", headers).await.status, 401, "{headers}");
    }
    for name in ["authorization: Bearer", "x-wandb-api-key:"] {
        let answer = get(&to, "/", &format!("{name} {}", server.token)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(!answer.text().contains(&server.token), "the program was told the server's token");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_sandbox_cannot_call_the_server() {
    let server = server_with(|config| config.access = Access::Open).await;
    let mut client = server.client();
    let (made, services) = up(&mut client, serving(8080, vec![service(8080, Visibility::Public)])).await;
    let to = address(&services[0]);
    let port = to.rsplit(':').next().unwrap();
    let name = format!("8080-{}.localhost:{port}", made.sandbox_id);
    let list = "POST /coreweave.sandbox.v1.SandboxService/ListSandboxes HTTP/1.1\r\n\
        content-type: application/grpc-web+proto\r\ncontent-length: 5\r\nhost: ";

    // From its own origin to the server: refused, although this server asks nobody for a token.
    for origin in [format!("http://{to}"), format!("http://{name}"), "null".to_owned()] {
        let head = format!("{list}{}\r\norigin: {origin}", server.address);
        let answer = http(&server.address, &head, &[0; 5]).await;
        assert_eq!(answer.header("grpc-status"), Some("7"), "{origin}: {}", answer.text());
        let token =
            format!("POST /page/token HTTP/1.1\r\ncontent-length: 0\r\nhost: {}\r\norigin: {origin}", server.address);
        assert_eq!(http(&server.address, &token, b"").await.status, 403, "{origin}");
    }
    // To its own host: that is the program's, whatever path it names and however it got there.
    for (at, host) in [(&to, to.as_str()), (&server.address, to.as_str()), (&server.address, name.as_str())] {
        for path in ["/page/token", "/coreweave.sandbox.v1.SandboxService/ListSandboxes"] {
            let head = format!(
                "POST {path} HTTP/1.1\r\ncontent-type: application/grpc-web+proto\r\n\
                content-length: 5\r\norigin: http://{host}\r\nhost: {host}"
            );
            let answer = http(at, &head, &[0; 5]).await;
            assert!(answer.text().contains("\"size\": 5"), "{host}{path} got {}: {}", answer.status, answer.text());
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_or_name_of_services_is_never_the_servers() {
    let server = server_with(|config| config.access = Access::Open).await;
    let port = server.address.rsplit(':').next().unwrap();
    // A page that stayed open after its sandbox ended must not find the server in its place.
    for (at, host) in [
        (format!("127.99.1.2:{port}"), format!("127.99.1.2:{port}")),
        (server.address.clone(), format!("127.99.1.2:{port}")),
        (server.address.clone(), format!("8080-gone.localhost:{port}")),
        (server.address.clone(), format!("anything.localhost:{port}")),
    ] {
        for head in ["POST /page/token", "GET /healthz", "GET /"] {
            let request = format!("{head} HTTP/1.1\r\ncontent-length: 0\r\norigin: http://{host}\r\nhost: {host}");
            let answer = http(&at, &request, b"").await;
            assert_eq!(answer.status, 404, "{head} {host}: {}", answer.text());
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_name_that_leads_to_a_service_is_refused() {
    let server = server().await;
    let mut client = server.client();
    let (_, services) = up(&mut client, serving(8080, vec![service(8080, Visibility::Public)])).await;
    let to = address(&services[0]);
    assert_eq!(get(&to, "/", "").await.status, 200);
    for host in ["evil.example", "127.0.0.1", "localhost", "8080-other.localhost", ""] {
        let answer = http(&to, &format!("GET / HTTP/1.1\r\nhost: {host}"), b"").await;
        assert_eq!(answer.status, 404, "{host}: {}", answer.text());
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_of_the_server_do_not_reach_a_program() {
    let server = server().await;
    let mut client = server.client();
    let (_, services) = up(&mut client, serving(8080, vec![service(8080, Visibility::Public)])).await;
    let answer = get(&address(&services[0]), "/", "cookie: a=1; jetway_page_7070=secret; b=2").await;
    let told: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(told["headers"]["cookie"], "a=1; b=2");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_was_not_declared_open_is_not_reached() {
    let server = server().await;
    let mut client = server.client();
    let inside = vec![service(8080, Visibility::Unspecified), service(9090, Visibility::Public)];
    let (made, services) = up(&mut client, serving(8080, inside)).await;
    assert_eq!(services[0].url, "");
    let port = server.address.rsplit(':').next().unwrap();
    for inside in [8080, 22, 0, 65536, 61080] {
        let head = format!("GET / HTTP/1.1\r\nhost: {inside}-{}.localhost:{port}", made.sandbox_id);
        assert_eq!(http(&server.address, &head, b"").await.status, 404, "{inside}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_that_denies_ingress_is_not_reached_at_all() {
    let server = server().await;
    let mut client = server.client();
    let mut request = serving(8080, vec![service(8080, Visibility::Public)]);
    let spec = request.sandbox.as_mut().unwrap().spec.as_mut().unwrap();
    spec.network =
        Some(jetway_server::wire::sandbox::NetworkOptions { deny_ingress: Some(true), ..Default::default() });
    let (made, services) = up(&mut client, request).await;
    assert_eq!(services[0].url, "");
    let port = server.address.rsplit(':').next().unwrap();
    let head = format!("GET / HTTP/1.1\r\nhost: 8080-{}.localhost:{port}", made.sandbox_id);
    assert_eq!(http(&server.address, &head, b"").await.status, 404);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_token_is_told_once_and_asked_for_again() {
    let server = server().await;
    let mut client = server.client();
    let shared = endpoint(8080, EndpointKind::Https, EndpointAuth::ShareToken);
    let mut request =
        asking(jetway_server::wire::sandbox::SandboxSpec { services: vec![shared], ..Default::default() });
    request.request_id = "once".into();
    let made = client.create_sandbox(request.clone()).await.unwrap().into_inner();
    assert!(made.endpoint_share_token.len() >= 32);
    let again = client.create_sandbox(request).await.unwrap().into_inner();
    assert_eq!(
        (again.sandbox_id.as_str(), &again.endpoint_share_token),
        (made.sandbox_id.as_str(), &made.endpoint_share_token)
    );
    let other = endpoint(8080, EndpointKind::Https, EndpointAuth::ShareToken);
    let other = asking(jetway_server::wire::sandbox::SandboxSpec { services: vec![other], ..Default::default() });
    let other = client.create_sandbox(other).await.unwrap().into_inner();
    assert_ne!(other.endpoint_share_token, made.endpoint_share_token);
    let got = client.get_sandbox(GetSandboxRequest { sandbox_id: made.sandbox_id }).await.unwrap().into_inner();
    assert_eq!(got.endpoint_share_token, "");
    server.stop().await;
}
