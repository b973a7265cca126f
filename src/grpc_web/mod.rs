//! The gRPC-web protocol as pure functions and state machines: bytes in, values out.
//!
//! Must not know: I/O, async, the generated protobuf types, the platform. Everything here runs the same natively and in
//! wasm, and is tested natively with recorded bytes at every split position.
//!
//! - [`frame`]: envelopes (`flag + length + message`) and the incremental [`Framer`].
//! - [`payload`]: where in a message its one big `bytes` field lies, found without decoding the message.
//! - [`trailer`]: the header-like block that ends a call.
//! - [`timeout`]: the `grpc-timeout` header.
//! - [`websocket`]: the `grpc-websockets` framing around the same bytes.

mod frame;
mod framer;
mod payload;
mod timeout;
mod trailer;
mod websocket;

pub use frame::{FrameError, HEAD_LEN, MAX_MESSAGE_LEN, envelope, frame_head};
pub use framer::{Framer, Piece};
pub use payload::PayloadShape;
pub use timeout::grpc_timeout;
pub use trailer::{Trailers, leading_block};
pub use websocket::{HALF_CLOSE, KEEPALIVE, SUBPROTOCOL, WINDOW_HEADER, data_messages, header_block};
