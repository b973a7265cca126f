//! The way out of a sandbox: what its rules and the server's owner allow, and nothing else, however it is asked for.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use jetway_server::{
    ServerConfig,
    wire::sandbox::{
        CidrBlock, CreateSandboxRequest, DnsEgressMode, EgressRule, IngressRule, NetworkOptions, PortRange,
        SandboxSpec, SelectorBlock, State, TenantScope, egress_rule::Destination,
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::AbortHandle,
};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{
    harness::{Client, Running, create, server, server_in, server_with, sh, wait_for},
    services::asking,
};

fn any() -> EgressRule {
    EgressRule { destination: Some(Destination::Any(true)), ..Default::default() }
}

fn cidr(text: &str) -> EgressRule {
    let block = CidrBlock { cidr: text.into(), ..Default::default() };
    EgressRule { destination: Some(Destination::Cidr(block)), ..Default::default() }
}

fn name(text: &str, port: u16) -> EgressRule {
    let ports = vec![PortRange { port: port.into(), ..Default::default() }];
    EgressRule { destination: Some(Destination::HttpsHostname(text.into())), ports, ..Default::default() }
}

fn ruled(network: NetworkOptions) -> CreateSandboxRequest {
    asking(SandboxSpec { network: Some(network), ..Default::default() })
}

fn egress(rules: Vec<EgressRule>) -> CreateSandboxRequest {
    ruled(NetworkOptions { egress: rules, ..Default::default() })
}

/// Lets sandboxes reach this machine, which is all that tests have, and knows a few names.
fn lets_in(config: &mut ServerConfig) {
    let here: Vec<IpAddr> = vec!["127.0.0.1".parse().unwrap()];
    config.egress_allowed = vec!["127.0.0.1/32".parse().unwrap()];
    config.egress_hosts =
        ["good.example", "other.example", "a.good.example"].map(|name| (name.to_owned(), here.clone())).into();
}

/// An HTTP server outside: says which host it was asked for, or sends elsewhere.
async fn outside(to: Option<String>) -> (u16, AbortHandle) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let to = to.clone();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await?);
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let body = format!("outside saw {head}");
                let status = match to {
                    Some(to) => format!("302 Found\r\nlocation: {to}"),
                    None => "200 OK".to_owned(),
                };
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).await
            });
        }
    });
    (port, serving.abort_handle())
}

/// What a program inside gets for a URL, through the proxy that its environment names.
async fn fetch(client: &mut Client, id: &str, url: &str) -> String {
    const FETCH: &str = "import sys,urllib.request as r,urllib.error as e\n\
        try: print(r.urlopen(sys.argv[1],timeout=30).read().decode())\n\
        except e.HTTPError as x: print(x.code, x.read().decode())\n\
        except Exception as x: print('failed', x)\n";
    let out = sh(client, id, &format!("python3 - '{url}' <<'END'\n{FETCH}END")).await;
    String::from_utf8_lossy(&out.stdout).trim().to_owned() + &String::from_utf8_lossy(&out.stderr)
}

/// Asks the proxy for a tunnel, says something, and tells what came back.
async fn tunnel(client: &mut Client, id: &str, to: &str, say: &str) -> String {
    const TUNNEL: &str = "import sys,socket\n\
        s=socket.create_connection(('127.0.0.1',61080)); s.settimeout(60)\n\
        s.sendall(b'CONNECT '+sys.argv[1].encode()+b' HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n')\n\
        h=b''\n\
        while not h.endswith(b'\\r\\n\\r\\n'):\n\
        \tc=s.recv(1)\n\
        \tif not c: break\n\
        \th+=c\n\
        print(h.split(b'\\r\\n')[0].decode())\n\
        if b' 200' in h[:20]:\n\
        \ts.sendall(sys.argv[2].encode().decode('unicode_escape').encode())\n\
        \ttry: print(s.recv(4096).decode())\n\
        \texcept OSError as e: print(e)\n";
    let out = sh(client, id, &format!("python3 - '{to}' '{say}' <<'END'\n{TUNNEL}END")).await;
    String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr)
}

async fn up(server: &Running, request: CreateSandboxRequest) -> String {
    let mut client = server.client();
    let id = create(&mut client, request).await;
    wait_for(&mut client, &id, State::Running).await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn without_rules_nothing_is_reached() {
    let server = server_with(lets_in).await;
    let mut client = server.client();
    let (port, outside) = outside(None).await;
    let denied = ruled(NetworkOptions { egress: vec![any()], deny_egress: Some(true), ..Default::default() });
    for request in [asking(SandboxSpec::default()), denied] {
        let id = up(&server, request).await;
        let env = sh(&mut client, &id, "env | grep -ci proxy").await;
        assert_eq!(String::from_utf8_lossy(&env.stdout).trim(), "0");
        for url in [format!("http://127.0.0.1:{port}/"), "http://1.1.1.1/".to_owned()] {
            let got = fetch(&mut client, &id, &url).await;
            assert!(got.starts_with("failed"), "{url}: {got}");
        }
    }
    outside.abort();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_rules_and_the_owner_allow_is_reached_by_address_and_name() {
    let server = server_with(lets_in).await;
    let mut client = server.client();
    let (port, outside) = outside(None).await;
    let id = up(&server, egress(vec![any()])).await;
    for host in ["127.0.0.2:1@good.example", "good.example", "GOOD.example."] {
        let url = format!("http://{host}:{port}/path?q=1");
        let got = fetch(&mut client, &id, &url).await;
        assert!(got.contains("GET /path?q=1 HTTP/1.1"), "{url}: {got}");
    }
    // Programs leave loopback out of their proxies by custom; the proxy itself does not.
    let got = tunnel(&mut client, &id, &format!("127.0.0.1:{port}"), "GET /t HTTP/1.1\\r\\n\\r\\n").await;
    assert!(got.starts_with("HTTP/1.1 200") && got.contains("outside saw GET /t"), "{got}");

    // What is asked for is what the other side is told.
    let lie = format!(
        "import socket;s=socket.create_connection((\"127.0.0.1\",61080));\
         s.sendall(b\"GET http://good.example:{port}/ HTTP/1.1\\r\\nhost: other.example\\r\\nproxy-authorization: x\\r\\n\\r\\n\");\
         print(s.recv(4096).decode())"
    );
    let got = sh(&mut client, &id, &format!("python3 -c '{lie}'")).await;
    let got = String::from_utf8_lossy(&got.stdout).into_owned();
    assert!(got.contains(&format!("host: good.example:{port}")) && !got.contains("proxy-auth"), "{got}");
    outside.abort();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn this_machine_and_its_network_are_not_reached_without_the_owners_word() {
    let server = server_with(|config| {
        config.egress_hosts = BTreeMap::from([
            ("rebind.example".to_owned(), vec!["127.0.0.1".parse().unwrap()]),
            ("mapped.example".to_owned(), vec!["::ffff:127.0.0.1".parse().unwrap()]),
            ("meta.example".to_owned(), vec!["169.254.169.254".parse().unwrap(), "fd00:ec2::254".parse().unwrap()]),
        ]);
    })
    .await;
    let mut client = server.client();
    let (port, outside) = outside(None).await;
    let own = server.address.rsplit(':').next().unwrap();
    let id = up(&server, egress(vec![any()])).await;
    let hosts = [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0.0.0.0",
        "localhost",
        "127.64.1.2",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "169.254.169.254",
        "10.0.0.1",
        "192.168.0.1",
        "172.16.0.1",
        "100.64.0.1",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "rebind.example",
        "mapped.example",
        "meta.example",
    ];
    let ports = [port.to_string(), own.to_owned(), "80".to_owned()];
    let asked: Vec<_> = hosts.iter().flat_map(|host| ports.iter().map(move |port| format!("{host}:{port}"))).collect();
    let ask = "import sys,socket\nfor to in sys.argv[1:]:\n\ts=socket.create_connection(('127.0.0.1',61080))\n\t\
        s.sendall(b'CONNECT '+to.encode()+b' HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n')\n\tprint(to, s.recv(12).decode())\n";
    let out = sh(&mut client, &id, &format!("python3 - '{}' <<'END'\n{ask}END", asked.join("' '"))).await;
    let out = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.lines().count(), asked.len(), "{out}");
    for line in out.lines() {
        assert!(line.ends_with("HTTP/1.1 403") || line.ends_with("HTTP/1.1 400"), "{line}");
    }
    outside.abort();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_itself_is_never_reached() {
    let server = server_with(lets_in).await;
    let mut client = server.client();
    let own = server.address.rsplit(':').next().unwrap();
    let id = up(&server, egress(vec![any(), cidr("127.0.0.1/32")])).await;
    for host in ["127.0.0.1", "good.example", "[::ffff:127.0.0.1]"] {
        let got = tunnel(&mut client, &id, &format!("{host}:{own}"), "").await;
        assert!(got.starts_with("HTTP/1.1 403"), "{host}: {got}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_checked_like_any_other_request() {
    let server = server_with(lets_in).await;
    let mut client = server.client();
    let (inner, hidden) = outside(None).await;
    let (port, sending) = outside(Some(format!("http://hidden.example:{inner}/"))).await;
    let (far, sending_away) = outside(Some("http://169.254.169.254/latest/meta-data".to_owned())).await;
    let id = up(&server, egress(vec![any()])).await;
    for port in [port, far] {
        let got = fetch(&mut client, &id, &format!("http://good.example:{port}/")).await;
        assert!(got.starts_with("403") || got.starts_with("502"), "{got}");
    }
    [hidden, sending, sending_away].iter().for_each(AbortHandle::abort);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_granted_for_tls_to_that_name_only() {
    use tokio_rustls::{
        TlsAcceptor,
        rustls::{ServerConfig, crypto::ring},
    };
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["good.example".to_owned(), "a.good.example".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let outside = tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await?;
                let _request = stream.read(&mut [0; 1024]).await?;
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret").await?;
                stream.shutdown().await
            });
        }
    });
    let server = server_with(lets_in).await;
    let mut client = server.client();
    let id = up(&server, egress(vec![name("good.example", port), name("*.good.example", port)])).await;
    let script = |connect: &str, sni: &str| {
        format!(
            "python3 - <<'END'\nimport http.client,ssl\nc=http.client.HTTPSConnection('127.0.0.1',61080,context=ssl._create_unverified_context(),timeout=60)\n\
             c.set_tunnel('{connect}',{port})\n\
             c._context.wrap_socket=(lambda w:lambda s,server_hostname=None:w(s,server_hostname='{sni}' or None))(c._context.wrap_socket)\n\
             c._context.check_hostname=False\n\
             try:\n  c.request('GET','/'); print(c.getresponse().read().decode())\nexcept Exception as e: print('failed',e)\nEND"
        )
    };
    for (connect, sni, good) in [
        ("good.example", "good.example", true),
        ("a.good.example", "a.good.example", true),
        ("good.example", "other.example", false),
        ("good.example", "", false),
        ("other.example", "good.example", false),
        ("127.0.0.1", "good.example", false),
    ] {
        let out = sh(&mut client, &id, &script(connect, sni)).await;
        let got = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
        assert_eq!(got.trim() == "secret", good, "{connect} {sni}: {got}");
        assert!(good || got.starts_with("failed"), "{connect} {sni}: {got}");
    }
    let plain = tunnel(&mut client, &id, &format!("good.example:{port}"), "GET / HTTP/1.1\\r\\n\\r\\n").await;
    assert!(plain.starts_with("HTTP/1.1 200") && !plain.contains("secret"), "{plain}");
    let http = fetch(&mut client, &id, &format!("http://good.example:{port}/")).await;
    assert!(http.starts_with("403") && http.contains("https only"), "{http}");
    outside.abort();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_out_is_there_again_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let keep = |config: &mut ServerConfig| {
        lets_in(config);
        config.keep_sandboxes = true;
    };
    let first = server_in(dir.path(), keep).await;
    let id = up(&first, egress(vec![any()])).await;
    first.stop().await;
    let again = server_in(dir.path(), lets_in).await;
    let mut client = again.client();
    let (port, outside) = outside(None).await;
    let got = fetch(&mut client, &id, &format!("http://good.example:{port}/")).await;
    assert!(got.contains("outside saw"), "{got}");
    outside.abort();
    again.stop().await;
}

#[tokio::test]
async fn rules_are_shown_and_wrong_ones_refused_by_field() {
    let server = server().await;
    let mut client = server.client();
    let rules = vec![any(), EgressRule { ports: Vec::new(), ..name("*.pypi.org", 1) }, cidr("203.0.113.0/24")];
    let made = client.create_sandbox(egress(rules.clone())).await.unwrap().into_inner();
    let status = made.status.unwrap();
    assert_eq!(status.effective_egress, rules);
    assert_eq!(status.effective_dns_egress(), DnsEgressMode::Deny);

    let field = |status: &Status| -> String {
        let details = status.get_error_details();
        details.bad_request().map(|bad| bad.field_violations[0].field.clone()).unwrap_or_default()
    };
    let at = |rest: &str| format!("sandbox.spec.network.egress[0]{rest}");
    let ports = |port, end_port| vec![PortRange { port, end_port, ..Default::default() }];
    for (rule, wrong) in [
        (EgressRule::default(), at("")),
        (EgressRule { destination: Some(Destination::Any(false)), ..Default::default() }, at("")),
        (cidr("300.0.0.0/8"), at(".cidr.cidr")),
        (name("not a name", 1), at(".https_hostname")),
        (name("*", 1), at(".https_hostname")),
        (EgressRule { ports: ports(0, 0), ..any() }, at(".ports[0].port")),
        (EgressRule { ports: ports(80, 79), ..any() }, at(".ports[0].end_port")),
        (EgressRule { https_hostname_except: vec!["a.b".into()], ..any() }, at(".https_hostname_except")),
    ] {
        let status = client.create_sandbox(egress(vec![rule])).await.unwrap_err();
        assert_eq!((status.code(), field(&status)), (Code::InvalidArgument, wrong));
    }
    let tenant = Destination::Tenant(TenantScope::SameOrg.into());
    let udp = PortRange { protocol: "UDP".into(), port: 53, ..Default::default() };
    let denied =
        NetworkOptions { dns_egress: DnsEgressMode::Deny.into(), egress: vec![name("a.b", 1)], ..Default::default() };
    let status = client.create_sandbox(ruled(denied)).await.unwrap_err();
    assert_eq!(field(&status), at(".https_hostname"));
    for network in [
        NetworkOptions {
            egress: vec![EgressRule { destination: Some(tenant), ..Default::default() }],
            ..Default::default()
        },
        NetworkOptions {
            egress: vec![EgressRule {
                destination: Some(Destination::Selector(SelectorBlock::default())),
                ..Default::default()
            }],
            ..Default::default()
        },
        NetworkOptions { egress: vec![EgressRule { ports: vec![udp], ..any() }], ..Default::default() },
        NetworkOptions { ingress: vec![IngressRule::default()], ..Default::default() },
        NetworkOptions { dns_egress: DnsEgressMode::Allow.into(), ..Default::default() },
    ] {
        let status = client.create_sandbox(ruled(network)).await.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented, "{status:?}");
    }
    let status = client.create_sandbox(egress(vec![cidr("10.0.0.0/8")])).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().contains("--allow-egress-to 10.0.0.0/8"), "{}", status.message());
    server.stop().await;
}
