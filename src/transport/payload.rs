//! The payload lane in wasm: calls that carry bytes, whose chunks never enter wasm memory unless they are small.
//!
//! [`Duplex`] is what everything above shares with the native host; `reading` has the same calls for a reader outside.
//! Must not know: what the messages mean, who reads.

use std::{collections::VecDeque, marker::PhantomData};

use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::{
    CallHead, Deadline, Transport,
    call::Call,
    guard::Guard,
    node_http2::pairs,
    pipe::JsCall,
    pipes::{Outgoing, Rung},
    websocket,
};
use crate::{
    error::{Error, ErrorKind},
    grpc_web::{Piece, envelope, grpc_timeout},
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
    let outgoing = Outgoing {
        origin_and_prefix: &root,
        path: head.path,
        metadata: &metadata,
        parts,
        keep_open,
        interactive: head.interactive,
        guard: &guard,
    };
    let opened = transport.pipes().open(&outgoing).await?;
    let rung = opened.rung;
    Ok((Call::new(opened, guard)?, rung))
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

/// Sends a frame; the last message's promise stands for all, because they queue behind one another.
pub(super) fn send(call: &JsCall, rung: Rung, frame: &[u8]) -> JsValue {
    if rung != Rung::WebSocket {
        return call.send(Uint8Array::from(frame));
    }
    websocket::messages(frame).fold(JsValue::UNDEFINED, |_, message| call.send(Uint8Array::from(&message[..])))
}

pub(super) fn close_send(call: &JsCall, rung: Rung) {
    match rung {
        Rung::WebSocket => drop(call.send(Uint8Array::from(&websocket::HALF_CLOSE[..]))),
        Rung::Fetch | Rung::Duplex | Rung::Http2 => call.close_send(),
    }
}
