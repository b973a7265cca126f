//! The benchmark's server: `SandboxService` with nothing behind it, so that what is measured is the client.
//!
//! `StreamExec` with the command `source BYTES CHUNK` answers with that many bytes from memory, in output frames of that
//! size, over gRPC and gRPC-web. `GET /descriptors` gives the wire as a descriptor set, for clients that are generated.
//! Prints `{"url": …}` and serves until its standard input ends. Must not know which client asks.

use axum::{Router, routing::get, serve::ListenerExt};
use bytes::Bytes;
use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use http::{HeaderName, Method};
use jetway_server::wire::sandbox::{
    CreateSandboxRequest, DeleteSandboxRequest, DeleteSandboxResponse, ExecStreamExit, ExecStreamInit,
    ExecStreamOutput, ExecStreamReady, ExecStreamRequest, ExecStreamResponse, GetSandboxRequest, Sandbox,
    SandboxStatus, State, exec_stream_output::Stream as Source, exec_stream_request, exec_stream_response::Message,
};
use prost::Message as _;
use std::{convert::Infallible, time::Duration};
use tokio::io::AsyncReadExt;
use tonic::{Request, Response, Status, Streaming, body::Body, server::Grpc, server::NamedService, service::Routes};
use tonic_prost::ProstCodec;
use tower_http::cors::{Any, CorsLayer};

const PROTO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto");
/// The byte at offset n is n modulo this; a prime, so that no chunk looks like the one before.
const PERIOD: usize = 251;
const LARGEST_CHUNK: usize = 16 << 20;

type Answers = stream::BoxStream<'static, Result<ExecStreamResponse, Status>>;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let descriptors = protox::compile(["coreweave/sandbox/v1/sandbox.proto"], [PROTO])?.encode_to_vec();
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_headers(Any)
        .allow_methods([Method::POST])
        .expose_headers(["grpc-status", "grpc-message", "grpc-status-details-bin"].map(HeaderName::from_static))
        .max_age(Duration::from_secs(600));
    let grpc = Routes::new(InMemory).into_axum_router().layer(tonic_web::GrpcWebLayer::new());
    let app = Router::new().route("/descriptors", get(async || descriptors)).merge(grpc).layer(cors);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", serde_json::json!({ "url": format!("http://{}", listener.local_addr()?) }));
    let listener = listener.tap_io(|connection| {
        let _ = connection.set_nodelay(true);
    });
    tokio::select! {
        served = axum::serve(listener, app) => served?,
        // Our parent holds the other end: it ends with the benchmark, however that ends.
        read = async { tokio::io::stdin().read_to_end(&mut Vec::new()).await } => { read?; }
    }
    Ok(())
}

/// Dispatches by hand: four of eighteen methods are enough, and the rest must say UNIMPLEMENTED.
#[derive(Clone)]
struct InMemory;

impl NamedService for InMemory {
    const NAME: &'static str = "coreweave.sandbox.v1.SandboxService";
}

impl tower::Service<http::Request<Body>> for InMemory {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        async move {
            Ok(match request.uri().path().rsplit('/').next() {
                Some("CreateSandbox") => {
                    let create = tower::service_fn(|_: Request<CreateSandboxRequest>| async { running("bench") });
                    Grpc::new(ProstCodec::default()).unary(create, request).await
                }
                Some("GetSandbox") => {
                    let get = tower::service_fn(|asked: Request<GetSandboxRequest>| async move {
                        running(&asked.into_inner().sandbox_id)
                    });
                    Grpc::new(ProstCodec::default()).unary(get, request).await
                }
                Some("DeleteSandbox") => {
                    let delete = tower::service_fn(|_: Request<DeleteSandboxRequest>| async {
                        Ok::<_, Status>(Response::new(DeleteSandboxResponse::default()))
                    });
                    Grpc::new(ProstCodec::default()).unary(delete, request).await
                }
                Some("StreamExec") => {
                    let exec = tower::service_fn(|asked: Request<Streaming<ExecStreamRequest>>| async move {
                        answers(asked.into_inner()).await.map(Response::new)
                    });
                    Grpc::new(ProstCodec::default()).streaming(exec, request).await
                }
                _ => Status::unimplemented("the benchmark's server has no such call").into_http(),
            })
        }
        .boxed()
    }
}

fn running(id: &str) -> Result<Response<Sandbox>, Status> {
    let status = SandboxStatus { state: State::Running.into(), runner_id: "bench".into(), ..SandboxStatus::default() };
    Ok(Response::new(Sandbox { sandbox_id: id.into(), status: Some(status), ..Sandbox::default() }))
}

async fn answers(mut requests: Streaming<ExecStreamRequest>) -> Result<Answers, Status> {
    let first = requests.message().await?.and_then(|request| request.message);
    let Some(exec_stream_request::Message::Init(init)) = first else {
        return Err(Status::invalid_argument("the first message must be init"));
    };
    let (total, chunk) = source_command(&init)?;
    let pattern = Bytes::from_iter((0..chunk + PERIOD).map(|index| (index % PERIOD) as u8));
    let output = stream::iter((0..total).step_by(chunk)).map(move |offset| {
        let (phase, length) = (offset % PERIOD, chunk.min(total - offset));
        let data = pattern.slice(phase..phase + length);
        Message::Output(ExecStreamOutput { stream: Source::Stdout.into(), data })
    });
    let ready = stream::iter([Message::Ready(ExecStreamReady::default())]);
    let exit = stream::iter([Message::Exit(ExecStreamExit::default())]);
    let messages = ready.chain(output).chain(exit);
    Ok(messages.map(|message| Ok(ExecStreamResponse { message: Some(message) })).boxed())
}

fn source_command(init: &ExecStreamInit) -> Result<(usize, usize), Status> {
    let refuse = || Status::invalid_argument("command: expected source BYTES CHUNK with a chunk of 1 byte to 16 MiB");
    let [name, total, chunk] = init.command.as_slice() else { return Err(refuse()) };
    let total = total.parse().map_err(|_| refuse())?;
    let chunk = chunk.parse().map_err(|_| refuse())?;
    if name != "source" || !(1..=LARGEST_CHUNK).contains(&chunk) {
        return Err(refuse());
    }
    Ok((total, chunk))
}
