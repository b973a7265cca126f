//! Services of sandboxes: reached from outside at addresses of their own, by whoever may, and by nobody else.

mod attacks;
mod reach;
mod shapes;
mod tls;

use std::time::Duration;

use jetway_server::wire::sandbox::{
    Container, CreateSandboxRequest, EndpointAuth, EndpointKind, EndpointSpec, Sandbox, SandboxSpec, Service,
    ServiceStatus, State, Visibility,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{Answer, Client, wait_for};

pub const APP: &str = include_str!("app.py");

/// A sandbox whose main command is the program of `app.py` on that port.
pub fn serving(port: u16, services: Vec<Service>) -> CreateSandboxRequest {
    let args = ["-c".to_owned(), APP.to_owned(), port.to_string()];
    let container = Container { command: "python3".into(), args: args.into(), ..Default::default() };
    asking(SandboxSpec { containers: vec![container], services, ..Default::default() })
}

pub fn asking(mut spec: SandboxSpec) -> CreateSandboxRequest {
    if spec.containers.is_empty() {
        spec.containers.push(Container::default());
    }
    CreateSandboxRequest { sandbox: Some(Sandbox { spec: Some(spec), ..Default::default() }), ..Default::default() }
}

pub fn service(port: u16, visibility: Visibility) -> Service {
    Service { port: port.into(), name: format!("s{port}"), visibility: visibility.into(), ..Default::default() }
}

pub fn endpoint(port: u16, kind: EndpointKind, auth: EndpointAuth) -> Service {
    let endpoint = EndpointSpec { kind: kind.into(), auth: auth.into(), request_timeout_seconds: 0 };
    Service { endpoint: Some(endpoint), ..service(port, Visibility::Public) }
}

/// Creates it, waits until it runs and its first service's program answers; gives the id and the services as shown.
pub async fn up(client: &mut Client, request: CreateSandboxRequest) -> (Sandbox, Vec<ServiceStatus>) {
    let made = client.create_sandbox(request).await.unwrap().into_inner();
    let running = wait_for(client, &made.sandbox_id, State::Running).await;
    let services = running.status.as_ref().unwrap().services.clone();
    (made, services)
}

/// `host:port` of a service's URL.
pub fn address(service: &ServiceStatus) -> String {
    let rest = service.url.split("://").nth(1).unwrap_or_else(|| panic!("no URL: {service:?}"));
    rest.trim_end_matches('/').to_owned()
}

/// One exchange over a connection to `to`. Tries again while nothing listens inside yet.
pub async fn http(to: &str, head: &str, body: &[u8]) -> Answer {
    for _ in 0..600 {
        let mut stream = TcpStream::connect(to).await.unwrap();
        let head = format!("{}\r\nconnection: close\r\n\r\n", head.replace("{to}", to).trim_end());
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        let mut raw = Vec::new();
        stream.read_to_end(&mut raw).await.unwrap();
        let answer = Answer::parse(&raw);
        if answer.status != 502 || !answer.text().contains("nothing listens") {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nothing ever listened at {to}");
}

pub async fn get(to: &str, path: &str, headers: &str) -> Answer {
    http(to, &format!("GET {path} HTTP/1.1\r\nhost: {{to}}\r\n{headers}"), b"").await
}
