//! One open call of the payload lane: its frames, its status, its end. Must not know: what the messages mean.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use js_sys::Uint8Array;
use tonic::Status;

use super::{
    guard::Guard,
    node_http2::trailer_pairs,
    pipe::{JsCall, JsReader, Thrown},
    pipes::{Opened, Rung},
};
use crate::{
    error::{CallContext, Diagnosis, Error, ErrorKind},
    grpc_web::{FrameError, Framer, PayloadShape, Piece, Trailers, WINDOW_HEADER, leading_block},
};

const STATUS_HEADERS: [&str; 3] = ["grpc-status", "grpc-message", "grpc-status-details-bin"];

/// A call between its first answer and its status. Dropping it cancels the call.
pub(super) struct Call {
    js: JsCall,
    reader: JsReader,
    rung: Rung,
    framer: Framer,
    /// Over a WebSocket the head comes in the stream.
    head_pending: bool,
    trailers: Option<Trailers>,
    guard: Guard,
}

impl Call {
    /// Judges the head of the answer.
    ///
    /// # Errors
    /// As the head says: no gRPC at all, or a status at once.
    pub(super) fn new(opened: Opened, guard: Guard) -> Result<Self, Error> {
        let Opened { call: js, rung } = opened;
        let head_pending = rung == Rung::WebSocket;
        let mut trailers = None;
        if head_pending {
            // A refusal is known before anything else is sent, so that it can be answered with fresh credentials.
            let block = js.first().and_then(|chunk| leading_block(&chunk.to_vec())).unwrap_or_default();
            if block.get("grpc-status").is_some() {
                judge(&block, guard.context())?;
            }
            if let Some(room) = block.get(WINDOW_HEADER).and_then(|room| room.parse().ok()) {
                js.count(room);
            }
        } else {
            let status: Trailers = STATUS_HEADERS.iter().filter_map(|name| Some((*name, js.header(name)?))).collect();
            let content_type = js.header("content-type");
            let immediate = status.get("grpc-status").is_some();
            Error::check_response_head(js.status(), content_type.as_deref(), immediate)
                .map_err(|error| error.in_call(guard.context()))?;
            if immediate {
                judge(&status, guard.context())?;
                trailers = Some(status);
            }
        }
        let reader = js.reader();
        let framer = framer(rung, PayloadShape::None);
        Ok(Self { js, reader, rung, framer, head_pending, trailers, guard })
    }

    /// Says where the payloads lie. Only before the first chunk.
    pub(super) fn expect(&mut self, shape: PayloadShape) {
        self.framer = framer(self.rung, shape);
    }

    pub(super) fn js(&self) -> &JsCall {
        &self.js
    }

    pub(super) fn reader(&self) -> &JsReader {
        &self.reader
    }

    pub(super) fn rung(&self) -> Rung {
        self.rung
    }

    pub(super) fn context(&self) -> &CallContext {
        self.guard.context()
    }

    pub(super) fn abort(&self) {
        self.guard.abort();
    }

    pub(super) fn error(&self, thrown: Thrown) -> Error {
        self.guard.error(thrown)
    }

    /// A message that is none of the expected type.
    pub(super) fn undecodable(&self, error: prost::DecodeError) -> Error {
        Error::new(ErrorKind::Protocol, "the server sent a message that cannot be decoded")
            .with_source(error)
            .in_call(self.context())
    }

    /// Walks a chunk; header-like blocks are kept, everything else is emitted.
    pub(super) fn push(&mut self, chunk: &Uint8Array, mut emit: impl FnMut(Piece<'_>)) -> Result<(), Error> {
        let mut blocks: Vec<Bytes> = Vec::new();
        let read = |at: usize, into: &mut [u8]| chunk.subarray(at as u32, (at + into.len()) as u32).copy_to(into);
        let outcome = self.framer.push(chunk.length() as usize, read, |piece| match piece {
            Piece::Block(block) => blocks.push(block),
            piece => emit(piece),
        });
        outcome.map_err(|error| self.frame_error(error))?;
        blocks.iter().try_for_each(|block| self.block(block))
    }

    fn block(&mut self, block: &[u8]) -> Result<(), Error> {
        let block = Trailers::parse(block);
        if self.head_pending {
            self.head_pending = false;
            let immediate = block.get("grpc-status").is_some();
            Error::check_response_head(200, block.get("content-type"), immediate)
                .map_err(|error| error.in_call(self.context()))?;
            if !immediate {
                return Ok(());
            }
        }
        self.trailers = Some(block);
        Ok(())
    }

    /// The end of the stream: what the call's status says.
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        self.framer.finish().map_err(|error| self.frame_error(error))?;
        let http = || Some(trailer_pairs(&self.js.trailers())?.into_iter().collect());
        match self.trailers.take().or_else(http) {
            Some(trailers) => judge(&trailers, self.context()),
            None => Err(self.lost()),
        }
    }

    fn lost(&self) -> Error {
        self.guard.error(Thrown::Failed(Diagnosis::ConnectionLost, "the answer ended before its trailers".to_owned()))
    }

    fn frame_error(&self, error: FrameError) -> Error {
        match error {
            FrameError::Truncated => self.lost(),
            FrameError::UnknownFlags(_) => Error::network(Diagnosis::NotGrpc, error.to_string()),
            _ => Error::new(ErrorKind::Protocol, error.to_string()),
        }
        .in_call(self.context())
    }
}

fn framer(rung: Rung, shape: PayloadShape) -> Framer {
    match rung {
        Rung::WebSocket => Framer::with_header_block(shape),
        Rung::Fetch | Rung::Duplex | Rung::Http2 => Framer::new(shape),
    }
}

/// Reads the status in a block of trailers.
fn judge(trailers: &Trailers, context: &CallContext) -> Result<(), Error> {
    let mut headers = HeaderMap::new();
    for (name, value) in trailers.iter() {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
    match Status::from_header_map(&headers) {
        Some(status) if status.code() == tonic::Code::Ok => Ok(()),
        Some(status) => Err(Error::from_status(&status, context)),
        None => Err(Error::network(Diagnosis::ConnectionLost, "the answer ended without a status").in_call(context)),
    }
}
