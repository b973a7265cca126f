//! Whole files in one call each, whose content stays in JavaScript's memory. Must not know: what a file is.

use bytes::Bytes;
use js_sys::{Array, Uint8Array};
use wasm_bindgen::JsValue;

use super::{CallHead, Transport, payload::open, reading::shape_of};
use crate::{
    error::{Error, ErrorKind},
    grpc_web::{FrameError, HEAD_LEN, MAX_MESSAGE_LEN, Piece, envelope, frame_head},
};

impl Transport {
    /// Sends `message` (without envelope) and gives the payload of the answer as an array of `Uint8Array`s, most of them
    /// views of what the network delivered.
    ///
    /// # Errors
    /// As the transport and the server say.
    pub(crate) async fn download(&self, head: CallHead, message: &[u8]) -> Result<Array, Error> {
        let too_large = |error: FrameError| {
            Error::new(ErrorKind::SandboxResourceExhausted, error.to_string()).in_call(&head.context)
        };
        let parts = Array::of1(&Uint8Array::from(&envelope(message).map_err(too_large)?[..]));
        let shape = shape_of(head.context.operation);
        let (mut call, _) = open(self, head, &parts, false).await?;
        call.expect(shape);
        let payload = Array::new();
        loop {
            let Some(chunk) = call.reader().chunk().await.map_err(|thrown| call.error(thrown))? else { break };
            call.push(&chunk, |piece| match piece {
                Piece::View { start, end, .. } => drop(payload.push(&chunk.subarray(start as u32, end as u32))),
                Piece::Merged { data, .. } => drop(payload.push(&Uint8Array::from(data))),
                Piece::Message(_) | Piece::Block(_) => {}
            })?;
        }
        call.finish()?;
        Ok(payload)
    }

    /// Sends one message made of `prefix` and `len` bytes of `content`, a `Uint8Array` or a `Blob`. The answer has
    /// nothing to say but that it worked.
    ///
    /// # Errors
    /// As the transport and the server say; resource exhausted for more than any server takes.
    pub(crate) async fn upload(
        &self,
        head: CallHead,
        prefix: &Bytes,
        content: &JsValue,
        len: usize,
    ) -> Result<(), Error> {
        let whole = prefix.len() + len;
        let Some(announced) = u32::try_from(whole).ok().filter(|_| whole <= MAX_MESSAGE_LEN) else {
            let error = FrameError::TooLarge { len: whole, limit: MAX_MESSAGE_LEN };
            return Err(Error::new(ErrorKind::SandboxResourceExhausted, error.to_string()).in_call(&head.context));
        };
        let mut start = Vec::with_capacity(HEAD_LEN + prefix.len());
        start.extend_from_slice(&frame_head(announced));
        start.extend_from_slice(prefix);
        let parts = Array::of2(&Uint8Array::from(&start[..]), content);
        let (mut call, _) = open(self, head, &parts, false).await?;
        while let Some(chunk) = call.reader().chunk().await.map_err(|thrown| call.error(thrown))? {
            call.push(&chunk, |_| {})?;
        }
        call.finish()
    }
}
