//! Spans reach a collector that the environment names, over both protocols of OTLP, in the caller's own trace; and nobody
//! is told anything where none is named.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use jetway_server::wire::sandbox::{
    Container, CreateSandboxRequest, ExecRequest, GetSandboxRequest, Sandbox, SandboxSpec,
    sandbox_service_client::SandboxServiceClient,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use prost::Message;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tonic::{Request, Response, Status, transport::Channel};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// What a collector was sent.
#[derive(Clone, Default)]
struct Collected(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

#[tonic::async_trait]
impl TraceService for Collected {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collected {
    async fn by_grpc(self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        let server = tonic::transport::Server::builder().add_service(TraceServiceServer::new(self));
        tokio::spawn(server.serve_with_incoming(incoming));
        address
    }

    async fn by_http(self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(self.clone().post(stream));
            }
        });
        address
    }

    /// One exchange at a time, as long as the connection lasts.
    async fn post(self, mut stream: TcpStream) {
        let mut read = Vec::new();
        loop {
            let end = loop {
                if let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                    break end + 4;
                }
                if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
                    return;
                }
            };
            let head = String::from_utf8(read[..end].to_vec()).unwrap().to_ascii_lowercase();
            assert!(head.starts_with("post /v1/traces "), "{head}");
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).unwrap();
            let whole = end + length.trim().parse::<usize>().unwrap();
            while read.len() < whole {
                assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0);
            }
            let sent = ExportTraceServiceRequest::decode(&read[end..whole]).unwrap();
            self.0.lock().unwrap().push(sent);
            read.drain(..whole);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
        }
    }

    fn spans(&self) -> Vec<Span> {
        let sent = self.0.lock().unwrap();
        let resources = sent.iter().flat_map(|request| &request.resource_spans);
        for resource in resources.clone() {
            assert_eq!(text(&resource.resource.as_ref().unwrap().attributes, "service.name"), "jetway");
        }
        resources.flat_map(|resource| &resource.scope_spans).flat_map(|scope| &scope.spans).cloned().collect()
    }
}

fn value(attributes: &[KeyValue], key: &str) -> Option<Value> {
    attributes.iter().find(|one| one.key == key)?.value.clone()?.value
}

fn text(attributes: &[KeyValue], key: &str) -> String {
    match value(attributes, key) {
        Some(Value::StringValue(text)) => text,
        other => panic!("{key} is {other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Served {
    child: Child,
    url: String,
    token: String,
    _home: TempDir,
}

impl Served {
    fn start(environment: &[(&str, String)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let ready = home.path().join("ready.json");
        let mut command = Command::new(env!("CARGO_BIN_EXE_jetway"));
        command.args(["serve", "--ephemeral", "--listen", "127.0.0.1:0", "--ready-file"]).arg(&ready);
        command.arg("--data-dir").arg(home.path().join("data")).env("XDG_DATA_HOME", home.path());
        command.envs(environment.iter().map(|(name, value)| (name, value))).stdout(Stdio::null());
        let child = command.spawn().unwrap();
        let mut served = Self { child, url: String::new(), token: String::new(), _home: home };
        let begun = Instant::now();
        loop {
            let read = std::fs::read_to_string(&ready).ok();
            if let Some(told) = read.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok()) {
                let part = |name: &str| told[name].as_str().unwrap().to_owned();
                (served.url, served.token) = (part("url"), part("token"));
                return served;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "the server does not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let metadata = request.metadata_mut();
        metadata.insert("authorization", format!("Bearer {}", self.token).parse().unwrap());
        metadata.insert("traceparent", format!("00-{TRACE}-{CALLER}-01").parse().unwrap());
        request
    }

    /// Creates a sandbox, runs something in it, asks for one that is not there; the sandbox's id.
    async fn work(&self) -> String {
        let endpoint = Channel::from_shared(self.url.clone()).unwrap();
        let mut client = SandboxServiceClient::new(endpoint.connect().await.unwrap());
        let spec = SandboxSpec { containers: vec![Container::default()], ..Default::default() };
        let sandbox = Some(Sandbox { spec: Some(spec), ..Default::default() });
        let create = self.request(CreateSandboxRequest { sandbox, ..Default::default() });
        let id = client.create_sandbox(create).await.unwrap().into_inner().sandbox_id;
        let command = vec!["true".to_owned()];
        let exec = self.request(ExecRequest { sandbox_id: id.clone(), command, ..Default::default() });
        client.exec(exec).await.unwrap();
        let none = self.request(GetSandboxRequest { sandbox_id: "nobody".into() });
        client.get_sandbox(none).await.unwrap_err();
        id
    }

    /// Ends it; what was not sent yet is sent then.
    fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Stopped already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_spans_of_the_callers_trace() {
    for protocol in ["grpc", "http/protobuf"] {
        let collected = Collected::default();
        let address = match protocol {
            "grpc" => collected.clone().by_grpc().await,
            _ => collected.clone().by_http().await,
        };
        let served = Served::start(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}")),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol.to_owned()),
        ]);
        let id = served.work().await;
        let token = served.token.clone();
        tokio::task::spawn_blocking(move || served.stop()).await.unwrap();

        let spans = collected.spans();
        let named = |name: &str| {
            let found = spans.iter().find(|span| span.name == name);
            found.unwrap_or_else(|| panic!("{protocol}: no {name} among {spans:?}")).clone()
        };
        let rpc = |method: &str| named(&format!("coreweave.sandbox.v1.SandboxService/{method}"));
        let (create, exec, get) = (rpc("CreateSandbox"), rpc("Exec"), rpc("GetSandbox"));
        for (span, code) in [(&create, 0), (&exec, 0), (&get, 5)] {
            assert_eq!((hex(&span.trace_id), hex(&span.parent_span_id)), (TRACE.into(), CALLER.into()));
            assert_eq!(span.kind, SpanKind::Server as i32);
            assert_eq!(value(&span.attributes, "rpc.grpc.status_code"), Some(Value::IntValue(code)));
            assert!(span.end_time_unix_nano > span.start_time_unix_nano);
            let status = span.status.clone().unwrap_or_default();
            assert_ne!(status.code, StatusCode::Error as i32, "a caller's mistake is no error: {span:?}");
        }
        assert_eq!(text(&exec.attributes, "jetway.sandbox"), id);
        // The start goes on behind the answer, in the same trace.
        let start = named("start sandbox");
        assert_eq!((start.trace_id, start.parent_span_id), (create.trace_id, create.span_id));
        assert_eq!(text(&start.attributes, "jetway.sandbox"), id);
        assert!(!format!("{:?}", collected.0.lock().unwrap()).contains(&token), "a span holds the token");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_where_it_is_switched_off() {
    let collected = Collected::default();
    let address = collected.clone().by_http().await;
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}"));
    let served = Served::start(&[endpoint, ("OTEL_SDK_DISABLED", "true".into())]);
    served.work().await;
    tokio::task::spawn_blocking(move || served.stop()).await.unwrap();
    assert!(collected.spans().is_empty());
}
