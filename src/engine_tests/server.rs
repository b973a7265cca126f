//! A scripted server: real HTTP/2 over memory, real messages, and for each call an act that a seed chose. Time is
//! stopped and jumps to the next timer when nobody has anything to do, so a minute of waiting takes none.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use h2::{Reason, RecvStream, server::SendResponse};
use hyper_util::rt::TokioIo;
use prost::Message;
use tokio::time::{Instant, sleep};
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint, Uri},
};
use tonic_types::{ErrorDetails, StatusExt};

use crate::wire;

/// What happens to one call.
#[derive(Debug, Clone)]
pub enum Act {
    /// The work is done and the answer sent.
    Answer,
    /// As `Answer`, after a while.
    Late(Duration),
    /// Refused for now, with or without a time to come back. No work is done.
    Unavailable(Option<Duration>),
    /// The work is done; its answer is not.
    LostAnswer,
    /// The stream ends before any work.
    LostCall,
    /// The whole connection breaks after the work.
    Hangup,
    /// The answer comes twice.
    Twice,
    /// The work is done and nobody ever answers.
    Silence,
    /// Refused for good.
    Refuse(&'static str),
    /// No room, for now.
    NoCapacity,
    /// Not known, or not any more.
    NotFound,
}

/// What the server knows and has seen.
#[derive(Default)]
pub struct Truth {
    /// Request id to sandbox id.
    pub created: HashMap<String, String>,
    pub states: HashMap<String, Life>,
    /// Each call and its act, in order.
    pub calls: Vec<(&'static str, Act)>,
    /// The bodies of creations, by their request ids.
    pub bodies: HashMap<String, Vec<Bytes>>,
    /// The states that were sent in answers that arrived.
    pub told: Vec<(&'static str, i32)>,
    pub deleted: u32,
}

/// When a sandbox is in which state.
#[derive(Debug, Clone)]
pub struct Life {
    pub accepted: Instant,
    pub ended: Option<Instant>,
}

/// How long things take, and what becomes of what has ended.
#[derive(Debug, Clone, Copy)]
pub struct Course {
    pub starts_after: Duration,
    pub ends_after: Duration,
    /// Whether a sandbox that has ended is not known any more.
    pub forgets: bool,
}

pub type Script = Box<dyn FnMut(&'static str) -> Act + Send>;

#[derive(Clone)]
pub struct Server {
    inner: Arc<Inner>,
}

struct Inner {
    truth: Mutex<Truth>,
    script: Mutex<Script>,
    course: Course,
}

impl Server {
    pub fn new(course: Course, script: Script) -> Self {
        Self { inner: Arc::new(Inner { truth: Mutex::default(), script: Mutex::new(script), course }) }
    }

    pub fn truth(&self) -> MutexGuard<'_, Truth> {
        self.inner.truth.lock().unwrap()
    }

    /// A channel to it that connects over memory, and again after a hangup.
    pub fn channel(&self) -> Channel {
        let server = self.clone();
        let connect = tower::service_fn(move |_: Uri| {
            let (near, far) = tokio::io::duplex(256 * 1024);
            tokio::spawn(server.clone().serve(far));
            std::future::ready(Ok::<_, std::io::Error>(TokioIo::new(near)))
        });
        Endpoint::from_static("http://scripted").connect_with_connector_lazy(connect)
    }

    async fn serve(self, socket: tokio::io::DuplexStream) {
        let Ok(mut connection) = h2::server::handshake(socket).await else { return };
        let (hangup, mut hung_up) = tokio::sync::mpsc::channel::<()>(1);
        loop {
            tokio::select! {
                accepted = connection.accept() => {
                    let Some(Ok((request, respond))) = accepted else { return };
                    tokio::spawn(self.clone().call(request, respond, hangup.clone()));
                }
                _ = hung_up.recv() => return,
            }
        }
    }

    async fn call(
        self,
        request: http::Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
        hangup: tokio::sync::mpsc::Sender<()>,
    ) {
        let rpc = rpc(request.uri().path());
        let Some(body) = read(request.into_body()).await else { return };
        let act = (self.inner.script.lock().unwrap())(rpc);
        self.truth().calls.push((rpc, act.clone()));
        match act {
            Act::Answer => answer(&mut respond, &self.work(rpc, body), 1),
            Act::Twice => answer(&mut respond, &self.work(rpc, body), 2),
            Act::Late(after) => {
                // A caller that gave up is not served any more, as by any server.
                tokio::select! {
                    () = sleep(after) => answer(&mut respond, &self.work(rpc, body), 1),
                    _ = std::future::poll_fn(|cx| respond.poll_reset(cx)) => {}
                }
            }
            Act::Unavailable(delay) => {
                let details = delay.map(|delay| ErrorDetails::with_retry_info(Some(delay))).unwrap_or_default();
                refuse(&mut respond, Status::with_error_details(Code::Unavailable, "come back", details));
            }
            Act::NotFound => refuse(&mut respond, Status::not_found("no such sandbox")),
            Act::Refuse(why) => refuse(&mut respond, Status::internal(why)),
            Act::NoCapacity => {
                let reason = "CWSANDBOX_RUNNER_CAPACITY_EXHAUSTED";
                let details = ErrorDetails::with_error_info(reason, "cwsandbox.com", HashMap::new());
                refuse(&mut respond, Status::with_error_details(Code::ResourceExhausted, "full", details));
            }
            Act::LostAnswer => {
                let _ = self.work(rpc, body);
                respond.send_reset(Reason::INTERNAL_ERROR);
            }
            Act::LostCall => respond.send_reset(Reason::REFUSED_STREAM),
            Act::Hangup => {
                let _ = self.work(rpc, body);
                let _ = hangup.send(()).await;
            }
            Act::Silence => {
                let _ = self.work(rpc, body);
                let _ = std::future::poll_fn(|cx| respond.poll_reset(cx)).await;
            }
        }
    }

    /// Does what a call asks for.
    fn work(&self, rpc: &'static str, body: Bytes) -> Result<(Vec<u8>, i32), Status> {
        let mut truth = self.truth();
        let now = Instant::now();
        match rpc {
            "CreateSandbox" => {
                let request = wire::CreateSandboxRequest::decode(&body[..]).map_err(|_| Status::internal("garbage"))?;
                truth.bodies.entry(request.request_id.clone()).or_default().push(body);
                let next = format!("sb-{}", truth.created.len());
                let id = truth.created.entry(request.request_id).or_insert(next).clone();
                truth.states.entry(id.clone()).or_insert(Life { accepted: now, ended: None });
                Ok(self.sandbox(&mut truth, rpc, &id, now))
            }
            "GetSandbox" => {
                let request = wire::GetSandboxRequest::decode(&body[..]).map_err(|_| Status::internal("garbage"))?;
                let life = truth.states.get(&request.sandbox_id).cloned();
                let gone =
                    life.and_then(|life| life.ended).is_some_and(|ended| now >= ended + self.inner.course.ends_after);
                match truth.states.contains_key(&request.sandbox_id) && !(gone && self.inner.course.forgets) {
                    true => Ok(self.sandbox(&mut truth, rpc, &request.sandbox_id, now)),
                    false => Err(Status::not_found("no such sandbox")),
                }
            }
            "DeleteSandbox" => {
                let request = wire::DeleteSandboxRequest::decode(&body[..]).map_err(|_| Status::internal("garbage"))?;
                truth.deleted += 1;
                let Some(life) = truth.states.get_mut(&request.sandbox_id) else {
                    return Err(Status::not_found("no such sandbox"));
                };
                life.ended.get_or_insert(now);
                let (sandbox, state) = self.sandbox(&mut truth, rpc, &request.sandbox_id, now);
                let sandbox = wire::Sandbox::decode(&sandbox[..]).map_err(|_| Status::internal("garbage"))?;
                let answer = wire::DeleteSandboxResponse { sandbox: Some(sandbox), ..Default::default() };
                Ok((answer.encode_to_vec(), state))
            }
            _ => Err(Status::unimplemented(rpc)),
        }
    }

    fn sandbox(&self, truth: &mut Truth, rpc: &'static str, id: &str, now: Instant) -> (Vec<u8>, i32) {
        let life = &truth.states[id];
        let state = match life.ended {
            Some(ended) if now >= ended + self.inner.course.ends_after => wire::State::Terminated,
            Some(_) => wire::State::Terminating,
            None if now >= life.accepted + self.inner.course.starts_after => wire::State::Running,
            None => wire::State::Creating,
        } as i32;
        truth.told.push((rpc, state));
        let status = Some(wire::SandboxStatus { state, ..Default::default() });
        (wire::Sandbox { sandbox_id: id.to_owned(), status, ..Default::default() }.encode_to_vec(), state)
    }
}

fn rpc(path: &str) -> &'static str {
    match path.rsplit('/').next() {
        Some("CreateSandbox") => "CreateSandbox",
        Some("GetSandbox") => "GetSandbox",
        Some("DeleteSandbox") => "DeleteSandbox",
        _ => "other",
    }
}

/// The message in a request's one frame. `None`: the caller went away.
async fn read(mut body: RecvStream) -> Option<Bytes> {
    let mut whole = BytesMut::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk.ok()?;
        body.flow_control().release_capacity(chunk.len()).ok()?;
        whole.extend_from_slice(&chunk);
    }
    (whole.len() >= 5).then(|| whole.freeze().slice(5..))
}

fn answer(respond: &mut SendResponse<Bytes>, outcome: &Result<(Vec<u8>, i32), Status>, times: usize) {
    let (message, _) = match outcome {
        Ok(answer) => answer,
        Err(status) => return refuse(respond, status.clone()),
    };
    let head = http::Response::builder().header("content-type", "application/grpc").body(()).unwrap();
    // Whoever went away gets nothing.
    let Ok(mut stream) = respond.send_response(head, false) else { return };
    let mut framed = vec![0];
    framed.extend_from_slice(&(message.len() as u32).to_be_bytes());
    framed.extend_from_slice(message);
    for _ in 0..times {
        let _ = stream.send_data(Bytes::from(framed.clone()), false);
    }
    let _ = stream.send_trailers(http::HeaderMap::from_iter([("grpc-status".parse().unwrap(), "0".parse().unwrap())]));
}

fn refuse(respond: &mut SendResponse<Bytes>, status: Status) {
    let head = status.into_http::<()>();
    let _ = respond.send_response(head, true);
}
