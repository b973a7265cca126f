//! A server in this process, and the ways to talk to it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use jetway_server::{
    Server, ServerConfig,
    runtime::local::agent_exe_for_tests,
    wire::sandbox::{
        Container, CreateSandboxRequest, ExecRequest, ExecResponse, GetSandboxRequest, Sandbox, SandboxSpec, State,
        discovery_service_client::DiscoveryServiceClient, sandbox_service_client::SandboxServiceClient,
    },
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};

const MAX_MESSAGE: usize = 200 << 20;

pub type Client = SandboxServiceClient<InterceptedService<Channel, Bearer>>;

#[derive(Clone)]
pub struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

pub struct Running {
    pub address: String,
    pub token: String,
    pub launch_url: String,
    pub ca: PathBuf,
    channel: Channel,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<()>,
    _dir: Option<TempDir>,
}

/// A server that keeps nothing.
pub async fn server() -> Running {
    server_with(|_| {}).await
}

pub async fn server_with(change: impl FnOnce(&mut ServerConfig)) -> Running {
    let dir = tempfile::tempdir().unwrap();
    let mut running = server_in(dir.path(), |config| {
        config.ephemeral = true;
        change(config);
    })
    .await;
    running._dir = Some(dir);
    running
}

pub async fn server_in(dir: &Path, change: impl FnOnce(&mut ServerConfig)) -> Running {
    let mut config = ServerConfig::new(dir);
    config.agent_exe = Some(tokio::task::spawn_blocking(agent_exe_for_tests).await.unwrap().unwrap());
    change(&mut config);
    let server = Server::bind(config).await.unwrap();
    let (url, token, launch_url) = (server.url(), server.token().unwrap_or("none").to_owned(), server.launch_url());
    let (ca, tls) = (server.authority().to_owned(), url.starts_with("https"));
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(server.serve(async {
        let _ = stopped.await;
    }));
    let endpoint = Endpoint::from_shared(url.replace("https", "http")).unwrap();
    // Tests of TLS make connections of their own.
    let channel = if tls { endpoint.connect_lazy() } else { endpoint.connect().await.unwrap() };
    let address = url.split("://").nth(1).unwrap().to_owned();
    Running { address, token, launch_url, ca, channel, stop: Some(stop), served, _dir: None }
}

impl Running {
    pub fn client(&self) -> Client {
        self.client_with(&self.token)
    }

    pub fn client_with(&self, token: &str) -> Client {
        SandboxServiceClient::with_interceptor(self.channel.clone(), bearer(token))
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE)
    }

    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub fn bearer(&self) -> Bearer {
        bearer(&self.token)
    }

    pub fn bearer_with(&self, token: &str) -> Bearer {
        bearer(token)
    }

    pub fn anonymous(&self) -> SandboxServiceClient<Channel> {
        SandboxServiceClient::new(self.channel.clone())
    }

    /// A channel and what adds the token to calls on it, for any service.
    pub fn connection(&self) -> InterceptedService<Channel, Bearer> {
        InterceptedService::new(self.channel.clone(), bearer(&self.token))
    }

    pub fn discovery(&self) -> DiscoveryServiceClient<InterceptedService<Channel, Bearer>> {
        DiscoveryServiceClient::with_interceptor(self.channel.clone(), bearer(&self.token))
    }

    /// Stops it as SIGTERM would, and waits until it is down.
    pub async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        let Self { channel, served, .. } = self;
        drop(channel);
        served.await.unwrap();
    }

    /// One HTTP/1.1 exchange, whole.
    pub async fn http(&self, head: &str, body: &[u8]) -> Answer {
        http(&self.address, &head.replace("{token}", &self.token), body).await
    }
}

/// One HTTP/1.1 exchange with what listens at that address, whole.
pub async fn http(address: &str, head: &str, body: &[u8]) -> Answer {
    let head = head.replace("{host}", address);
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("{}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", head.trim_end(), body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw).await.unwrap();
    Answer::parse(&raw)
}

pub fn bearer(token: &str) -> Bearer {
    Bearer(format!("Bearer {token}").parse().unwrap())
}

pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn parse(raw: &[u8]) -> Self {
        let end = raw.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8(raw[..end].to_vec()).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<_> = lines
            .map(|line| line.split_once(':').unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut answer = Self { status, headers, body: raw[end + 4..].to_vec() };
        if answer.header("transfer-encoding") == Some("chunked") {
            answer.body = unchunk(&answer.body);
        }
        answer
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn unchunk(mut raw: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = raw.windows(2).position(|window| window == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&raw[..line]).unwrap(), 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&raw[line + 2..line + 2 + size]);
        raw = &raw[line + 2 + size + 2..];
    }
}

/// A sandbox that runs `sh -c script`.
pub fn script(script: &str) -> CreateSandboxRequest {
    let container = Container { command: "sh".into(), args: vec!["-c".into(), script.into()], ..Default::default() };
    CreateSandboxRequest {
        sandbox: Some(Sandbox {
            spec: Some(SandboxSpec { containers: vec![container], ..Default::default() }),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// A sandbox that waits.
pub fn idle() -> CreateSandboxRequest {
    let mut request = script("");
    request.sandbox.as_mut().unwrap().spec.as_mut().unwrap().containers = vec![Container::default()];
    request
}

pub async fn create(client: &mut Client, request: CreateSandboxRequest) -> String {
    client.create_sandbox(request).await.unwrap().into_inner().sandbox_id
}

pub fn command(sandbox_id: &str, script: &str) -> ExecRequest {
    let command = vec!["sh".into(), "-c".into(), script.into()];
    ExecRequest { sandbox_id: sandbox_id.into(), command, ..Default::default() }
}

pub async fn sh(client: &mut Client, sandbox_id: &str, script: &str) -> ExecResponse {
    client.exec(command(sandbox_id, script)).await.unwrap().into_inner()
}

/// Polls as clients do.
pub async fn wait_for(client: &mut Client, sandbox_id: &str, state: State) -> Sandbox {
    for _ in 0..3000 {
        let sandbox =
            client.get_sandbox(GetSandboxRequest { sandbox_id: sandbox_id.into() }).await.unwrap().into_inner();
        if sandbox.status.as_ref().unwrap().state() == state {
            return sandbox;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{sandbox_id} never became {state:?}");
}
