//! Calls whose chunks somebody else reads: JavaScript's read loop takes a chunk from the pipe and pushes it through
//! [`PayloadCall::push`], which looks at message heads only; payloads go to a [`JsSink`] as offsets into the chunk.
//! Must not know: what the messages mean.

use bytes::Bytes;
use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use super::{
    CallHead, Transport,
    call::Call,
    payload::{close_send, open, send},
    pipe::{JsReader, Thrown},
};
use crate::{
    error::{Error, ErrorKind, Operation},
    grpc_web::{FrameError, PayloadShape, Piece, envelope},
};

/// Where the bytes lie in the answers of a call.
pub(super) fn shape_of(operation: Operation) -> PayloadShape {
    match operation {
        Operation::StreamExec | Operation::AttachTerminal => PayloadShape::Nested { outer: 2, tag: 1, data: 2 },
        Operation::StreamLogs | Operation::ReadFile => PayloadShape::Flat { data: 1 },
        _ => PayloadShape::None,
    }
}

#[wasm_bindgen]
extern "C" {
    /// Where payloads go.
    pub type JsSink;
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
        Ok(PayloadCall { call, sending: keep_open, seen: 0 })
    }
}

/// A call whose chunks are read outside. Dropping it cancels the call.
pub(crate) struct PayloadCall {
    call: Call,
    sending: bool,
    seen: usize,
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
        let seen = &mut self.seen;
        self.call.push(chunk, |piece| match piece {
            Piece::View { tag, start, end } => {
                *seen += end - start;
                sink.view(tag, start as u32, end as u32);
            }
            Piece::Merged { tag, data } => {
                *seen += data.len();
                sink.bytes(tag, Uint8Array::from(data));
            }
            Piece::Message(bytes) => message(bytes),
            Piece::Block(_) => {}
        })
    }

    /// How much payload went to sinks since this was last asked.
    pub(crate) fn take_seen(&mut self) -> usize {
        std::mem::take(&mut self.seen)
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
