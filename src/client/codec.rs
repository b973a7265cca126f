//! Messages as tonic sees them on unary calls: something that writes itself, and bytes that are read later. So tonic's
//! machinery exists once instead of once for every pair of types. Must not know: which rpc it is.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use prost::Message;
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

/// A message of any type, encoded straight into the buffer that is sent. Shared by the attempts of a call.
pub(super) type Outgoing = Arc<dyn Encode>;

/// What can write itself.
pub(super) trait Encode: Send + Sync {
    /// Appends the encoded message.
    fn encode_into(&self, buffer: &mut EncodeBuf<'_>);
}

impl<M: Message> Encode for M {
    fn encode_into(&self, buffer: &mut EncodeBuf<'_>) {
        // Infallible: the buffer grows.
        let _ = self.encode(buffer);
    }
}

/// Reads an answer, as tonic's own codec would.
pub(super) fn decode<M: Message + Default>(bytes: Bytes) -> Result<M, Status> {
    M::decode(bytes).map_err(undecodable)
}

fn undecodable(error: prost::DecodeError) -> Status {
    Status::internal(error.to_string())
}

/// Writes [`Outgoing`] messages and leaves answers as they came.
#[derive(Clone, Copy)]
pub(super) struct RawCodec;

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
