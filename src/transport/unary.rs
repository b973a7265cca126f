//! Unary calls in wasm: the same pipes and frames as every other call, with one message each way. A page that downloads
//! the client downloads one way to call. Must not know: which rpc it is.

use bytes::Bytes;
use js_sys::{Array, Uint8Array};
use prost::Message;

use super::{Answered, CallHead, START_HEADER, Transport, payload::open_unary};
use crate::{
    error::{Error, ErrorKind},
    grpc_web::{FrameError, Piece, envelope},
};

/// An encoded message. Shared by the attempts of a call.
pub(crate) type Outgoing = Bytes;

/// A message to be sent.
pub(crate) fn outgoing<M: Message>(message: M) -> Outgoing {
    message.encode_to_vec().into()
}

impl Transport {
    /// Sends `message` and waits for its answer, no longer than the head says.
    pub(crate) async fn unary(&self, head: CallHead, message: Outgoing) -> Answered {
        let mut waits_for_start = false;
        let message = self.exchange(head, &message, &mut waits_for_start).await;
        Answered { waits_for_start, message }
    }

    async fn exchange(&self, head: CallHead, message: &[u8], waits_for_start: &mut bool) -> Result<Bytes, Error> {
        let context = head.context.clone();
        let too_large =
            |error: FrameError| Error::new(ErrorKind::SandboxResourceExhausted, error.to_string()).in_call(&context);
        let parts = Array::of1(&Uint8Array::from(&envelope(message).map_err(too_large)?[..]));
        let mut call = open_unary(self, head, &parts).await?;
        *waits_for_start = call.js().header(START_HEADER).is_some_and(|value| value == "waits");
        let mut answer = None;
        while let Some(chunk) = call.reader().chunk().await.map_err(|thrown| call.error(thrown))? {
            call.push(&chunk, |piece| {
                if let Piece::Message(message) = piece {
                    answer = Some(message);
                }
            })?;
        }
        call.finish()?;
        answer.ok_or_else(|| Error::new(ErrorKind::Protocol, "the server answered without a message").in_call(&context))
    }
}
