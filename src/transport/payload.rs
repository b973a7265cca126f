//! The payload lane in wasm: calls that carry bytes, whose chunks never enter wasm memory unless they are small.
//!
//! [`Duplex`] is what everything above shares with the native host. [`PayloadCall`] is the same call for a reader outside:
//! JavaScript reads the chunks and pushes them through [`PayloadCall::push`], which looks at message heads only.
//! Must not know: what the messages mean, who reads.

use std::{collections::VecDeque, marker::PhantomData};

use bytes::Bytes;
use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;

use super::{
    CallHead, Deadline, Transport,
    call::Call,
    guard::Guard,
    node_http2::pairs,
    pipe::{JsCall, JsReader, Thrown},
    pipes::{Outgoing, Rung},
    websocket,
};
use crate::{
    error::{Error, ErrorKind, Operation},
    grpc_web::{FrameError, PayloadShape, Piece, envelope, grpc_timeout},
};

/// Both directions of a call. Dropping the answers cancels the call.
pub(crate) struct Duplex<Req, Res> {
    /// The way up; `None` when nothing more may be sent.
    pub(crate) input: Option<Sender<Req>>,
    /// The way down.
    pub(crate) output: Answers<Res>,
}

impl<Req, Res> Duplex<Req, Res>
where
    Req: prost::Message + 'static,
    Res: prost::Message + Default + 'static,
{
    /// Opens the call and sends `first`; `keep_open` leaves the way up open after it.
    ///
    /// # Errors
    /// As the transport and the server say; not supported when `keep_open` and no transport can send later.
    pub(crate) async fn open(
        transport: &Transport,
        head: CallHead,
        first: Req,
        keep_open: bool,
    ) -> Result<Self, Error> {
        let parts = Array::of1(&Uint8Array::from(&frame(&first, &head)?[..]));
        let (call, rung) = open(transport, head, &parts, keep_open).await?;
        let sender = Sender { call: call.js().clone(), rung, request: PhantomData };
        Ok(Self { input: keep_open.then_some(sender), output: Answers { call, ready: VecDeque::new() } })
    }
}

/// Opens a call whose body starts with, or is, `parts`.
pub(super) async fn open(
    transport: &Transport,
    head: CallHead,
    parts: &Array,
    keep_open: bool,
) -> Result<(Call, Rung), Error> {
    let guard = Guard::new(Deadline::start(head.timeout), head.context.clone())?;
    let mut metadata: Vec<_> = pairs(&head.metadata).collect();
    if let Some(timeout) = head.timeout {
        metadata.push(("grpc-timeout".to_owned(), grpc_timeout(timeout)));
    }
    let root = transport.base_url().as_url();
    let outgoing =
        Outgoing { origin_and_prefix: &root, path: head.path, metadata: &metadata, parts, keep_open, guard: &guard };
    let opened = transport.pipes().open(&outgoing).await?;
    let rung = opened.rung;
    Ok((Call::new(opened, guard)?, rung))
}

/// Where the bytes lie in the answers of a call.
fn shape_of(operation: Operation) -> PayloadShape {
    match operation {
        Operation::StreamExec => PayloadShape::Nested { outer: 2, tag: 1, data: 2 },
        Operation::StreamLogs | Operation::ReadFile => PayloadShape::Flat { data: 1 },
        _ => PayloadShape::None,
    }
}

fn frame<Req: prost::Message>(message: &Req, head: &CallHead) -> Result<Vec<u8>, Error> {
    envelope(&message.encode_to_vec())
        .map_err(|error| Error::new(ErrorKind::SandboxResourceExhausted, error.to_string()).in_call(&head.context))
}

/// The way up of a call. Dropping it half-closes.
pub(crate) struct Sender<Req> {
    call: JsCall,
    rung: Rung,
    request: PhantomData<Req>,
}

impl<Req: prost::Message> Sender<Req> {
    /// Sends a message; waits while too many are under way. What is sent after the call's end goes nowhere: why it
    /// ended shows on the way down.
    ///
    /// # Errors
    /// Resource exhausted, when the message is larger than any server takes.
    pub(crate) async fn send(&mut self, message: Req) -> Result<(), Error> {
        let frame = envelope(&message.encode_to_vec())
            .map_err(|error| Error::new(ErrorKind::SandboxResourceExhausted, error.to_string()))?;
        if let Ok(room) = send(&self.call, self.rung, &frame).dyn_into::<Promise>() {
            let _ = JsFuture::from(room).await;
        }
        Ok(())
    }
}

impl<Req> Drop for Sender<Req> {
    fn drop(&mut self) {
        close_send(&self.call, self.rung);
    }
}

/// The answers of a call, decoded one by one. Dropping it cancels the call.
pub(crate) struct Answers<Res> {
    call: Call,
    ready: VecDeque<Res>,
}

impl<Res: prost::Message + Default> Answers<Res> {
    /// The next answer; `None` after a call that ended well.
    pub(crate) async fn next(&mut self) -> Option<Result<Res, Error>> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Some(Ok(message));
            }
            let chunk = match self.call.reader().chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return self.call.finish().err().map(Err),
                Err(thrown) => return Some(Err(self.call.error(thrown))),
            };
            if let Err(error) = self.decode(&chunk) {
                return Some(Err(error));
            }
        }
    }

    fn decode(&mut self, chunk: &Uint8Array) -> Result<(), Error> {
        let mut undecodable = None;
        let ready = &mut self.ready;
        self.call.push(chunk, |piece| {
            if let Piece::Message(bytes) = piece {
                match Res::decode(bytes) {
                    Ok(message) => ready.push_back(message),
                    Err(error) => undecodable = Some(error),
                }
            }
        })?;
        match undecodable {
            None => Ok(()),
            Some(error) => Err(self.call.undecodable(error)),
        }
    }
}

#[wasm_bindgen]
extern "C" {
    /// Where payloads go.
    pub(crate) type JsSink;
    /// Bytes `start..end` of the chunk that was just pushed.
    #[wasm_bindgen(method)]
    fn view(this: &JsSink, tag: u32, start: u32, end: u32);
    /// Bytes that were copied.
    #[wasm_bindgen(method)]
    pub(crate) fn bytes(this: &JsSink, tag: u32, bytes: Uint8Array);
}

impl Transport {
    /// Opens a call whose chunks are read outside. `first` is its first message, without envelope.
    ///
    /// # Errors
    /// As the transport and the server say; not supported when `keep_open` and no transport can send later.
    pub(crate) async fn open_payload(
        &self,
        head: CallHead,
        first: &[u8],
        keep_open: bool,
    ) -> Result<PayloadCall, Error> {
        let too_large = |error: FrameError| {
            Error::new(ErrorKind::SandboxResourceExhausted, error.to_string()).in_call(&head.context)
        };
        let parts = Array::of1(&Uint8Array::from(&envelope(first).map_err(too_large)?[..]));
        let shape = shape_of(head.context.operation);
        let (mut call, _) = open(self, head, &parts, keep_open).await?;
        call.expect(shape);
        Ok(PayloadCall { call, sending: keep_open })
    }
}

/// A call whose chunks are read outside. Dropping it cancels the call.
pub(crate) struct PayloadCall {
    call: Call,
    sending: bool,
}

impl PayloadCall {
    /// Where the chunks come from.
    pub(crate) fn reader(&self) -> JsReader {
        self.call.reader().clone()
    }

    /// How the call is connected: `fetch`, `duplex`, `websocket` or `http2`.
    pub(crate) fn transport(&self) -> &'static str {
        self.call.rung().name()
    }

    /// Takes the next chunk, synchronously: payloads go to `sink`, everything else to `message`, in order.
    ///
    /// # Errors
    /// Network or protocol, when the bytes are no gRPC; the call is then over.
    pub(crate) fn push(
        &mut self,
        chunk: &Uint8Array,
        sink: &JsSink,
        mut message: impl FnMut(Bytes),
    ) -> Result<(), Error> {
        self.call.push(chunk, |piece| match piece {
            Piece::View { tag, start, end } => sink.view(tag, start as u32, end as u32),
            Piece::Merged { tag, data } => sink.bytes(tag, Uint8Array::from(data)),
            Piece::Message(bytes) => message(bytes),
            Piece::Block(_) => {}
        })
    }

    /// The end of the chunks.
    ///
    /// # Errors
    /// What the server's status says; network, when it ended without one.
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        self.call.finish()
    }

    /// What the reader threw, as the error that it means to this call.
    pub(crate) fn failure(&self, thrown: JsValue) -> Error {
        self.call.error(Thrown::from(thrown))
    }

    /// Sends a message (without envelope). A promise when the server is slower than the writer.
    ///
    /// # Errors
    /// Resource exhausted, when the message is larger than any server takes.
    pub(crate) fn send(&self, message: &[u8]) -> Result<JsValue, Error> {
        if !self.sending {
            return Ok(JsValue::UNDEFINED);
        }
        let frame = envelope(message).map_err(|error| {
            Error::new(ErrorKind::SandboxResourceExhausted, error.to_string()).in_call(self.call.context())
        })?;
        Ok(send(self.call.js(), self.call.rung(), &frame))
    }

    /// Nothing more is to be sent.
    pub(crate) fn close_send(&mut self) {
        if std::mem::take(&mut self.sending) {
            close_send(self.call.js(), self.call.rung());
        }
    }

    /// Ends the call now.
    pub(crate) fn abort(&self) {
        self.call.abort();
    }
}

/// Sends a frame; the last message's promise stands for all, because they queue behind one another.
fn send(call: &JsCall, rung: Rung, frame: &[u8]) -> JsValue {
    if rung != Rung::WebSocket {
        return call.send(Uint8Array::from(frame));
    }
    websocket::messages(frame).fold(JsValue::UNDEFINED, |_, message| call.send(Uint8Array::from(&message[..])))
}

fn close_send(call: &JsCall, rung: Rung) {
    match rung {
        Rung::WebSocket => drop(call.send(Uint8Array::from(&websocket::HALF_CLOSE[..]))),
        Rung::Fetch | Rung::Duplex | Rung::Http2 => call.close_send(),
    }
}
