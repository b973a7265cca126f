//! The only network I/O of the client: HTTP in, messages out.
//! Must not know: sandboxes, sessions, what a message means.
//!
//! Both hosts give the same names, so that everything above compiles once:
//!
//! | name | natively | in wasm |
//! |---|---|---|
//! | [`Transport`] | `channel`: a lazily connected HTTP/2 channel | `control`: fetch, or Node's http2 |
//! | [`Duplex`] | `duplex`: a tonic bidirectional stream | `payload`: the transport ladder |
//!
//! [`Transport`] is a tower service that tonic's generated clients take; its failures are [`Error`](crate::error::Error)s,
//! typed before tonic flattens them. [`CallHead`] is all that the payload lane of the web host needs from above.

mod base_url;
mod deadline;
mod head;

#[cfg(not(target_arch = "wasm32"))]
mod channel;
#[cfg(not(target_arch = "wasm32"))]
mod duplex;
#[cfg(not(target_arch = "wasm32"))]
mod probe;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use {channel::Transport, duplex::Duplex, duplex::Sender};

#[cfg(target_arch = "wasm32")]
mod bulk;
#[cfg(target_arch = "wasm32")]
mod call;
#[cfg(target_arch = "wasm32")]
mod control;
#[cfg(target_arch = "wasm32")]
mod guard;
#[cfg(target_arch = "wasm32")]
mod node_http2;
#[cfg(target_arch = "wasm32")]
mod payload;
#[cfg(target_arch = "wasm32")]
mod pipe;
#[cfg(target_arch = "wasm32")]
mod pipes;
#[cfg(target_arch = "wasm32")]
mod reading;
#[cfg(target_arch = "wasm32")]
mod websocket;
#[cfg(target_arch = "wasm32")]
pub(crate) use {
    control::Transport,
    payload::{Duplex, Sender},
    reading::{JsSink, PayloadCall},
};

pub(crate) use base_url::BaseUrl;
use deadline::Deadline;
pub(crate) use head::Aftermaths;
pub use head::CallHead;

/// What client and server allow a message to be, both ways.
pub const MAX_MESSAGE_BYTES: usize = 100 * 1024 * 1024;
