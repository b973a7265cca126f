//! Unary calls natively: through tonic, whose machinery exists once because it sees messages that write themselves and
//! answers that are read later. Must not know: which rpc it is.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use http::uri::PathAndQuery;
use prost::Message;
use tonic::{
    Request, Response, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::MetadataMap,
};

use super::{Answered, CallHead, Deadline, MAX_MESSAGE_BYTES, START_HEADER, Transport};
use crate::{error::Error, platform::timeout};

/// A message of any type, encoded straight into the buffer that is sent. Shared by the attempts of a call.
pub(crate) type Outgoing = Arc<dyn Encode>;

/// A message to be sent.
pub(crate) fn outgoing<M: Message + 'static>(message: M) -> Outgoing {
    Arc::new(message)
}

impl Transport {
    /// Sends `message` and waits for its answer, no longer than the head says.
    pub(crate) async fn unary(&self, head: CallHead, message: Outgoing) -> Answered {
        let (path, context, deadline) = (head.path, head.context.clone(), Deadline::start(head.timeout));
        match timeout(head.timeout, self.send(path, head.into_request(message))).await {
            Ok(Ok(response)) => {
                let waits_for_start = waits_for_start(response.metadata());
                Answered { waits_for_start, message: Ok(response.into_inner()) }
            }
            Ok(Err(status)) => {
                let waits_for_start = waits_for_start(status.metadata());
                Answered { waits_for_start, message: Err(Error::from_status(&status, &context)) }
            }
            Err(_) => Answered { waits_for_start: false, message: Err(deadline.exceeded(&context)) },
        }
    }

    async fn send(&self, path: &'static str, request: Request<Outgoing>) -> Result<Response<Bytes>, Status> {
        let mut grpc = Grpc::new(self.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        grpc.ready().await.map_err(Error::into_status)?;
        grpc.unary(request, PathAndQuery::from_static(path), RawCodec).await
    }
}

fn waits_for_start(metadata: &MetadataMap) -> bool {
    metadata.get(START_HEADER).is_some_and(|value| value == "waits")
}

/// What can write itself.
pub(crate) trait Encode: Send + Sync {
    /// Appends the encoded message.
    fn encode_into(&self, buffer: &mut EncodeBuf<'_>);
}

impl<M: Message> Encode for M {
    fn encode_into(&self, buffer: &mut EncodeBuf<'_>) {
        // Infallible: the buffer grows.
        let _ = self.encode(buffer);
    }
}

/// Writes [`Outgoing`] messages and leaves answers as they came.
#[derive(Clone, Copy)]
struct RawCodec;

impl Codec for RawCodec {
    type Encode = Outgoing;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for RawCodec {
    type Item = Outgoing;
    type Error = Status;

    fn encode(&mut self, message: Outgoing, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        message.encode_into(buffer);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
