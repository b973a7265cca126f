//! One call: what its token's scope allows, on its way up and back.
//! Must not know: gRPC-web, sockets, how tokens are read.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::{BufMut, Bytes, BytesMut};
use futures::{future::BoxFuture, stream};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version, header, uri::PathAndQuery};
use http_body_util::{BodyExt, Full};
use prost::Message as _;
use tokio::sync::Semaphore;
use tonic::{Code, Status, body::Body};
use tower::Service;

use super::{
    answer::{Answer, Watch},
    config::ProxyConfig,
    headers::{Account, keep_metadata},
    message::{self, Message, Messages},
    scope::{self, Meant, Names},
    tally::Tally,
    upstream::{Upstream, unavailable},
};
use crate::{
    front::websocket::Interactive,
    service::{Problem, parse_timeout},
    tokens::{Caller, Scope},
    wire::sandbox::{GetSandboxRequest, Sandbox},
};

const GET: &str = "/coreweave.sandbox.v1.SandboxService/GetSandbox";
/// The proxy's own question, while a caller waits.
const ASK_WITHIN: Duration = Duration::from_secs(15);
/// Of so many sandboxes the tags are remembered; they never change.
const MOST_KNOWN: usize = 4096;
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The content type for the upstream, of a call whose messages are not protobuf.
#[derive(Clone)]
pub(super) struct OtherCodec(pub HeaderValue);

/// Passes calls on. Clones share.
#[derive(Clone)]
pub(super) struct Relay(Arc<Parts>);

struct Parts {
    upstream: Upstream,
    account: Account,
    idle: Option<Duration>,
    room: Arc<Semaphore>,
    most: usize,
    known: Mutex<HashMap<String, Arc<[String]>>>,
    tally: Tally,
}

impl Relay {
    /// To this upstream, within the configuration's limits.
    pub fn new(upstream: Upstream, config: &ProxyConfig, tally: Tally) -> Result<Self, String> {
        let account = Account::new(&config.credentials)?;
        let most = config.max_streams.clamp(1, Semaphore::MAX_PERMITS);
        let room = Arc::new(Semaphore::new(most));
        Ok(Self(Arc::new(Parts { upstream, account, idle: config.idle, room, most, known: Mutex::default(), tally })))
    }

    async fn pass(self, mut request: Request<Body>) -> Result<Response<Body>, Status> {
        let parts = &self.0;
        let permit = parts.room.clone().try_acquire_owned().map_err(|_| {
            parts.tally.refused();
            let text = format!("the proxy has {} calls under way, which is its limit; repeat this one", parts.most);
            Problem::new(Code::ResourceExhausted, "CWSANDBOX_BACKEND_UNAVAILABLE", text).retry_after(RETRY_AFTER)
        })?;
        let caller = request.extensions_mut().remove::<Caller>().unwrap_or_else(Caller::anonymous);
        if caller.scope().narrows_sandboxes() {
            request = self.narrowed(request, caller.scope()).await.inspect_err(|_| parts.tally.refused())?;
        }
        let (mut head, body) = request.into_parts();
        let timeout = head.headers.get("grpc-timeout").and_then(|value| parse_timeout(value.to_str().ok()?));
        let path = head.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        head.uri = parts.upstream.address(path);
        head.version = Version::HTTP_2;
        let interactive = head.extensions.get::<Interactive>().is_some();
        if let Some(OtherCodec(codec)) = head.extensions.remove() {
            head.headers.insert(header::CONTENT_TYPE, codec);
        }
        head.extensions = http::Extensions::default();
        parts.account.prepare(&mut head.headers);

        let (mut watch, gauge) = Watch::new(timeout, parts.idle, parts.tally.clone());
        let request = Request::from_parts(head, gauge.through(body));
        let present = parts.tally.call();
        let (response, seat) = watch.bound(parts.upstream.send(request, interactive)).await?;
        let (mut head, body) = response.into_parts();
        refuse_other_than_grpc(head.status, &head.headers)?;
        keep_metadata(&mut head.headers);
        let answer = Answer::new(body, &head.headers, watch, (seat, permit, present));
        Ok(Response::from_parts(head, Body::new(answer)))
    }

    /// The request, once it is known to touch only what the scope covers.
    async fn narrowed(&self, request: Request<Body>, scope: &Scope) -> Result<Request<Body>, Status> {
        let (head, body) = request.into_parts();
        let names = scope::admit(head.uri.path(), scope)?;
        let mut messages = Messages::new(body);
        let first = messages.next().await?;
        let first = first.ok_or_else(|| Status::invalid_argument("the request has no message"))?;
        match scope::meant(names, &readable(&first)?)? {
            Meant::Sandbox(id) => {
                scope::has_sandbox(scope, &id)?;
                if !scope.tags.is_empty() {
                    scope::has_tags(scope, &self.tags(&id).await?)?;
                }
            }
            Meant::Tagged(tags) => scope::has_tags(scope, &tags)?,
        }
        let rest = stream::try_unfold(messages, move |mut messages| async move {
            let Some(next) = messages.next().await? else { return Ok(None) };
            check_later(names, &next)?;
            Ok(Some((next, messages)))
        });
        Ok(Request::from_parts(head, message::body(first, rest)))
    }

    /// A sandbox's tags, as the upstream has them.
    async fn tags(&self, id: &str) -> Result<Arc<[String]>, Status> {
        let parts = &self.0;
        let known = || parts.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tags) = known().get(id) {
            return Ok(tags.clone());
        }
        let asked = tokio::time::timeout(ASK_WITHIN, self.ask(id)).await;
        let sandbox =
            asked.map_err(|_| unavailable("the server behind this proxy does not say what the sandbox is"))??;
        let tags: Arc<[String]> = sandbox.spec.unwrap_or_default().tags.into();
        let mut known = known();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(id.to_owned(), tags.clone());
        Ok(tags)
    }

    async fn ask(&self, id: &str) -> Result<Sandbox, Status> {
        let parts = &self.0;
        let message = GetSandboxRequest { sandbox_id: id.to_owned() }.encode_to_vec();
        let mut framed = BytesMut::with_capacity(message.len() + 5);
        framed.put_u8(0);
        framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
        framed.put_slice(&message);
        let address = parts.upstream.address(PathAndQuery::from_static(GET));
        let request = parts.account.request(address, Body::new(Full::new(framed.freeze())));
        let (response, _seat) = parts.upstream.send(request, false).await?;
        let (head, body) = response.into_parts();
        refuse_other_than_grpc(head.status, &head.headers)?;
        let body = body.collect().await.map_err(super::upstream::broken)?;
        let trailers = body.trailers().unwrap_or(&head.headers);
        match Status::from_header_map(trailers) {
            Some(status) if status.code() != Code::Ok => return Err(status),
            _ => {}
        }
        let bytes = body.to_bytes();
        let message = bytes.get(5..).unwrap_or_default();
        Sandbox::decode(message).map_err(|_| Status::internal("the server behind this proxy described no sandbox"))
    }
}

impl Service<Request<Body>> for Relay {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let relay = self.clone();
        Box::pin(async move { Ok(relay.pass(request).await.unwrap_or_else(Status::into_http)) })
    }
}

fn check_later(names: Names, message: &Message) -> Result<(), Status> {
    Ok(scope::check_later(names, &readable(message)?)?)
}

fn readable(message: &Message) -> Result<Bytes, Problem> {
    match message.is_compressed() {
        false => Ok(message.payload()),
        true => Err(scope::out_of_scope("with this token the proxy has to read requests; send them uncompressed")),
    }
}

/// Something that speaks HTTP and not gRPC: a load balancer, a login page.
fn refuse_other_than_grpc(status: StatusCode, headers: &HeaderMap) -> Result<(), Status> {
    let kind = headers.get(header::CONTENT_TYPE).map(|kind| String::from_utf8_lossy(kind.as_bytes()).into_owned());
    let is_grpc = kind.as_deref().is_some_and(|kind| kind.starts_with("application/grpc"));
    // A status among the headers is an answer, whatever else is there.
    if (status == StatusCode::OK && is_grpc) || headers.contains_key("grpc-status") {
        return Ok(());
    }
    let kind = kind.unwrap_or_else(|| "nothing".to_owned());
    let text = format!("the server behind this proxy answered with HTTP {} and {kind}, not gRPC", status.as_u16());
    Err(match status.as_u16() {
        401 => Status::unauthenticated(text),
        403 => Status::permission_denied(text),
        404 => Status::unimplemented(text),
        400 => Status::internal(text),
        429 | 502..=504 => unavailable(text),
        _ => Status::unknown(text),
    })
}
