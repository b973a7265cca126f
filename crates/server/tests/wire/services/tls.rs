//! The same port, encrypted: endpoints whose TLS ends at the server, services whose TLS ends in the sandbox.

use std::{path::Path, sync::Arc};

use futures::{SinkExt, StreamExt};
use jetway_server::wire::sandbox::{
    Container, EndpointAuth, EndpointKind, FileMount, SandboxSpec, ServiceStatus, Visibility,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};
use tokio_tungstenite::{client_async, tungstenite::Message};

use super::{asking, endpoint, get, service, serving, up};
use crate::harness::{Answer, Running, server, server_in, server_with, sh};

/// Connects to `to` and asks for `name`, trusting one certificate only.
async fn connect(trusted: &Path, to: &str, name: &str, alpn: &[&[u8]]) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(trusted).unwrap()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let stream = TcpStream::connect(to).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

async fn exchange(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin, host: &str, path: &str, more: &str) -> Answer {
    let head = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{more}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut raw = Vec::new();
    // A peer that ends without saying goodbye has still answered.
    let _ = stream.read_to_end(&mut raw).await;
    Answer::parse(&raw)
}

/// `host:port` and host of an HTTPS endpoint.
fn https(service: &ServiceStatus) -> (String, String) {
    let to = service.endpoint.as_ref().unwrap().url.trim_start_matches("https://").trim_end_matches('/').to_owned();
    let host = to.rsplit_once(':').unwrap().0.to_owned();
    (to, host)
}

/// Waits until the program in the sandbox listens.
async fn listening(server: &Running, id: &str, port: u16) {
    let script = format!(
        "until python3 -c 'import socket;socket.create_connection((\"127.0.0.1\",{port}))' 2>/dev/null; do sleep 0.05; done"
    );
    sh(&mut server.client(), id, &script).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_https_endpoint_is_trusted_through_the_local_authority() {
    let server = server().await;
    let shared = endpoint(8080, EndpointKind::Https, EndpointAuth::ShareToken);
    let open = endpoint(8081, EndpointKind::Https, EndpointAuth::Open);
    let (made, services) = up(&mut server.client(), serving(8080, vec![shared, open])).await;
    listening(&server, &made.sandbox_id, 8080).await;
    let (to, host) = https(&services[0]);
    let ask = async |path: &str, more: &str| {
        exchange(connect(&server.ca, &to, &host, &[]).await.unwrap(), &to, path, more).await
    };
    let token = &made.endpoint_share_token;
    let bare = ask("/", "").await;
    assert_eq!(bare.status, 401, "{}", bare.text());
    assert_eq!(ask("/", "x-sandbox-share-token: wrong\r\n").await.status, 401);
    assert_eq!(ask("/?share_token=wrong", "").await.status, 401);
    let by_header = ask("/", &format!("x-sandbox-share-token: {token}\r\n")).await;
    assert_eq!(by_header.status, 200, "{}", by_header.text());
    let by_query = ask(&format!("/page?a=1&share_token={token}"), "").await;
    let set =
        by_query.headers.iter().find(|(name, value)| name == "set-cookie" && value.starts_with("jetway_service="));
    let cookie = set.unwrap().1.clone();
    assert!(cookie.contains("HttpOnly"), "{cookie}");
    let told: serde_json::Value = serde_json::from_slice(&by_query.body).unwrap();
    assert_eq!((&told["path"], &told["headers"]["x-forwarded-proto"]), (&"/page?a=1".into(), &"https".into()));
    let by_cookie = ask("/style.css", &format!("cookie: {}\r\n", cookie.split(';').next().unwrap())).await;
    assert_eq!(by_cookie.status, 200);
    for answer in [by_header, by_query, by_cookie] {
        assert!(!answer.text().contains(token.as_str()), "the program was told the token: {}", answer.text());
        assert!(!answer.text().contains("jetway_service"), "{}", answer.text());
    }
    // The cookie is one service's, and in the clear there is nothing but the way to TLS.
    let (other, other_host) = https(&services[1]);
    assert_ne!(other, to);
    let plain = get(&to, "/x?y", "").await;
    assert_eq!((plain.status, plain.header("location").unwrap()), (308, format!("https://{to}/x?y").as_str()));
    assert!(connect(&server.ca, &other, &host, &[]).await.is_err(), "a certificate for another service's address");
    assert!(connect(&server.ca, &other, &other_host, &[]).await.is_ok());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn websockets_and_http2_go_over_tls_by_name_too() {
    let server = server().await;
    let open = endpoint(8080, EndpointKind::Https, EndpointAuth::Open);
    let (made, _) = up(&mut server.client(), serving(8080, vec![open])).await;
    listening(&server, &made.sandbox_id, 8080).await;
    let name = format!("8080-{}.localhost", made.sandbox_id);
    let stream = connect(&server.ca, &server.address, &name, &[b"http/1.1"]).await.unwrap();
    let (mut socket, _) = client_async(format!("wss://{name}/"), stream).await.unwrap();
    socket.send(Message::text("secret")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("secret"));

    for (name, path, holds) in [(name.as_str(), "/two", "\"path\": \"/two\""), ("localhost", "/healthz", "ok")] {
        let stream = connect(&server.ca, &server.address, name, &[b"h2", b"http/1.1"]).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let executor = hyper_util::rt::TokioExecutor::new();
        let io = hyper_util::rt::TokioIo::new(stream);
        let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
        let connection = tokio::spawn(connection);
        let request = http::Request::get(format!("https://{name}{path}")).body(String::new()).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
        assert!(String::from_utf8_lossy(&body).contains(holds), "{name}{path}: {body:?}");
        connection.abort();
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_that_ends_in_the_sandbox_passes_as_it_is() {
    const SERVE: &str = "
import http.server, ssl
server = http.server.HTTPServer(('', 8443), http.server.SimpleHTTPRequestHandler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('/tmp/own.pem', '/tmp/own.key')
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()";
    let server = server().await;
    let mut client = server.client();
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["inside.example".to_owned()]).unwrap();
    let file = |path: &str, content: String| FileMount { path: path.into(), content: content.into() };
    let container = Container {
        command: "python3".into(),
        args: vec!["-c".into(), SERVE.into()],
        working_dir: "/usr".into(),
        files: vec![file("/tmp/own.pem", cert.pem()), file("/tmp/own.key", signing_key.serialize_pem())],
        ..Default::default()
    };
    let services = vec![endpoint(8443, EndpointKind::TlsPassthrough, EndpointAuth::Unspecified)];
    let spec = SandboxSpec { containers: vec![container], services, ..Default::default() };
    let made = client.create_sandbox(asking(spec)).await.unwrap().into_inner();
    let early = made.status.unwrap().services[0].endpoint.clone().unwrap().address;
    let running =
        crate::harness::wait_for(&mut client, &made.sandbox_id, jetway_server::wire::sandbox::State::Running).await;
    assert_eq!(running.status.unwrap().services[0].endpoint.as_ref().unwrap().address, early);
    listening(&server, &made.sandbox_id, 8443).await;

    let dir = tempfile::tempdir().unwrap();
    let trusted = dir.path().join("inside.pem");
    std::fs::write(&trusted, cert.pem()).unwrap();
    // To its own address, whatever name is asked for: the certificate is the sandbox's, not ours.
    let stream = connect(&trusted, &early, "inside.example", &[]).await;
    assert!(stream.is_err(), "a name that is not the service's was passed on");
    let raw = openssl_free_handshake(&early, &format!("8443-{}.localhost", made.sandbox_id)).await;
    assert_eq!(raw, cert.der().as_ref(), "somebody else's certificate was shown");
    let raw = openssl_free_handshake(&server.address, &format!("8443-{}.localhost", made.sandbox_id)).await;
    assert_eq!(raw, cert.der().as_ref());
    assert_eq!(get(&early, "/", "").await.status, 400, "plain HTTP has nowhere to go");
    server.stop().await;
}

/// The certificate that is shown to who asks for `name`, trusted or not.
async fn openssl_free_handshake(to: &str, name: &str) -> Vec<u8> {
    use tokio_rustls::rustls::{
        DigitallySignedStruct, Error, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        pki_types::UnixTime,
    };
    #[derive(Debug)]
    struct Anybody;
    impl ServerCertVerifier for Anybody {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }
        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }
        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            ring::default_provider().signature_verification_algorithms.supported_schemes()
        }
    }
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody)).with_no_client_auth();
    let stream = TcpStream::connect(to).await.unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    let shown = stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.0 200"), "{}", String::from_utf8_lossy(&answer));
    shown
}

#[tokio::test(flavor = "multi_thread")]
async fn other_names_get_no_certificate() {
    let server = server().await;
    for name in ["evil.example", "8080-gone.localhost", "a.b.localhost"] {
        let refused = connect(&server.ca, &server.address, name, &[]).await;
        let answered = match refused {
            Err(_) => continue,
            Ok(stream) => exchange(stream, name, "/healthz", "").await,
        };
        assert_eq!(answered.status, 404, "{name}");
    }
    assert!(connect(&server.ca, &server.address, "evil.example", &[]).await.is_err());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_speaks_tls_only_says_so_and_keeps_its_authority() {
    let dir = tempfile::tempdir().unwrap();
    let server = server_in(dir.path(), |config| config.tls_only = true).await;
    let first = std::fs::read(&server.ca).unwrap();
    assert_eq!(
        std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(dir.path().join("ca.key")).unwrap()) & 0o777,
        0o600
    );
    let plain = get(&server.address, "/healthz", "").await;
    assert_eq!(plain.status, 400, "{}", plain.text());
    let stream = connect(&server.ca, &server.address, "127.0.0.1", &[]).await.unwrap();
    assert_eq!(exchange(stream, &server.address, "/healthz", "").await.text(), "ok\n");
    server.stop().await;
    let again = server_in(dir.path(), |config| config.tls_only = true).await;
    assert_eq!(std::fs::read(&again.ca).unwrap(), first);
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_of_ones_own_are_shown_for_the_servers_names_only() {
    let dir = tempfile::tempdir().unwrap();
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["box.example".to_owned()]).unwrap();
    let (chain, key) = (dir.path().join("own.pem"), dir.path().join("own.key"));
    std::fs::write(&chain, cert.pem()).unwrap();
    std::fs::write(&key, signing_key.serialize_pem()).unwrap();
    let files = Some((chain.clone(), key));
    let server = server_with(|config| {
        config.tls_files = files;
        config.allow_hosts = vec!["box.example".into()];
    })
    .await;
    let stream = connect(&chain, &server.address, "box.example", &[]).await.unwrap();
    assert_eq!(exchange(stream, "box.example", "/healthz", "").await.text(), "ok\n");
    let public = service(8080, Visibility::Public);
    let (made, _) = up(&mut server.client(), serving(8080, vec![public])).await;
    let name = format!("8080-{}.localhost", made.sandbox_id);
    assert!(connect(&server.ca, &server.address, &name, &[]).await.is_ok());
    server.stop().await;
}
