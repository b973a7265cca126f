//! What a sandbox serves, and what may go in and out of it.

use std::time::Duration;

use jetway::{
    ErrorKind, ExecOptions, Sandbox, SandboxOptions,
    sandbox::{Destination, Endpoint, NetworkOptions, OlderNetwork, Ports, Service},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Site, field};

const SERVE: &str = "
import http.server
class App(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'from inside ' + self.path.encode())
http.server.HTTPServer(('', 8080), App).serve_forever()";

/// Its program takes a moment to listen; until then the server says that nothing does.
async fn eventually(url: &str, path: &str) -> String {
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let mut last = String::new();
    for _ in 0..600 {
        let mut stream = TcpStream::connect(host).await.unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        if answer.starts_with("HTTP/1.1 200") {
            return answer;
        }
        last = answer;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{url} never answered but with {last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_reached_at_its_url() {
    let site = Site::open().await;
    let options = SandboxOptions::new()
        .command(["python3", "-c", SERVE])
        .service(Service::public(8080).name("web"))
        .service(Service::new(9090));
    let sandbox = Sandbox::run(&site.client, options);
    let url = sandbox.url(8080).await.unwrap();
    assert!(eventually(&url, "/path?q=1").await.contains("from inside /path?q=1"));
    let found = Sandbox::from_id(&site.client, &sandbox.id().unwrap()).await.unwrap();
    assert_eq!(found.info().services[0].url.as_deref(), Some(url.as_str()));
    assert_eq!(found.info().services[1].url, None);
    let missing = sandbox.url(9090).await.unwrap_err();
    assert_eq!(field(&missing), "port");
    assert!(missing.to_string().contains("8080, 9090"), "{missing}");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_token_is_told_to_who_created_the_sandbox_and_fronts_are_told_apart() {
    let site = Site::open().await;
    let https = Endpoint::Https { share_token: true, request_timeout_seconds: None };
    let options = SandboxOptions::new()
        .service(Service::new(8080).endpoint(https))
        .service(Service::new(8443).name("tls").endpoint(Endpoint::TlsPassthrough));
    let sandbox = Sandbox::create(&site.client, options).await.unwrap();
    let info = sandbox.info();
    let token = info.share_token.clone().unwrap();
    assert!(token.secret().len() >= 32);
    assert!(!format!("{info:?}").contains(token.secret()));
    let found = Sandbox::from_id(&site.client, &sandbox.id().unwrap()).await.unwrap();
    assert_eq!(found.info().share_token, None);
    let front = info.services[0].endpoint.as_ref().unwrap();
    assert!(info.services[0].url.as_ref().unwrap().starts_with("https://"));
    assert!(front.share_token && front.request_timeout_seconds.unwrap() > 0);
    let passed = info.services[1].endpoint.as_ref().unwrap();
    assert!(passed.tls_passthrough && passed.address.as_ref().unwrap().contains(':'));
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_rule_nothing_is_reached_and_with_one_not_what_is_internal() {
    let site = Site::open().await;
    let proxied = async |sandbox: &Sandbox| {
        let command = ["sh", "-c", "env | grep -c -i https_proxy"];
        let result = sandbox.exec(command, ExecOptions::default()).await.unwrap();
        result.stdout_text().trim().to_owned()
    };
    let shut = site.sandbox();
    assert_eq!(proxied(&shut).await, "0");
    let rules = NetworkOptions::default().allow(Destination::Any, [Ports::from(443), Ports::from(80)]);
    let open = Sandbox::run(&site.client, SandboxOptions::new().network(rules));
    assert_ne!(proxied(&open).await, "0");
    let ask = "import socket; s = socket.create_connection((\"127.0.0.1\", 61080)); \
        s.sendall(b\"CONNECT 169.254.169.254:80 HTTP/1.1\\r\\n\\r\\n\"); print(s.recv(12).decode())";
    let asked = open.exec(["python3", "-c", ask], ExecOptions::default()).await.unwrap();
    assert!(asked.stdout_text().contains("403"), "{asked:?}");
    let unknown =
        SandboxOptions::new().network(NetworkOptions::default().allow(Destination::Cidr("10.0.0.0/8".into()), []));
    let refused = Sandbox::create(&site.client, unknown).await.unwrap_err();
    assert!(refused.to_string().contains("--allow-egress-to"), "{refused}");
    assert_ne!(refused.kind(), ErrorKind::Validation);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_words_of_older_sdks_mean_services_and_rules() {
    let site = Site::open().await;
    let older = OlderNetwork {
        ingress_mode: Some("public".into()),
        exposed_ports: vec![Service::new(8080), Service::new(8081).name("b")],
        egress_mode: Some("isolated".into()),
    };
    let (mut services, mut network) = (vec![Service::new(8080).name("a")], NetworkOptions::default());
    older.apply(&mut services, &mut network).unwrap();
    let mut options = SandboxOptions::new().network(network);
    options.services = services;
    let sandbox = Sandbox::create(&site.client, options).await.unwrap();
    let reached: Vec<_> =
        sandbox.info().services.iter().map(|it| (it.port, it.name.clone(), it.url.is_some())).collect();
    assert_eq!(reached, [(8080, "a".to_owned(), true), (8081, "b".to_owned(), true)]);
    let without = OlderNetwork { ingress_mode: Some("public".into()), ..Default::default() };
    let refused = without.apply(&mut Vec::new(), &mut NetworkOptions::default()).unwrap_err();
    assert_eq!(field(&refused), "network.exposedPorts");
    site.close().await;
}
