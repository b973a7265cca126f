//! The only network I/O of the client: HTTP in, messages out.
//! Must not know: sandboxes, sessions, what a message means.
//!
//! Both hosts give the same names, so that everything above compiles once:
//!
//! | name | natively | in wasm |
//! |---|---|---|
//! | [`Transport`] | `channel`: a lazily connected HTTP/2 channel | `web`: what the host has |
//! | [`Transport::unary`] | `unary_channel`: through tonic | `unary`: over fetch, or Node's http2 |
//! | [`Duplex`] | `duplex`: a tonic bidirectional stream | `payload`: the transport ladder |
//!
//! Failures are [`Error`](crate::error::Error)s; natively the transport is a tower service under tonic's client, and they
//! are typed before tonic flattens them. [`CallHead`] is all that a call needs from above.

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
mod request;
#[cfg(not(target_arch = "wasm32"))]
mod unary_channel;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use {
    channel::Transport,
    duplex::{Duplex, Sender},
    unary_channel::{Outgoing, outgoing},
};

#[cfg(target_arch = "wasm32")]
mod bulk;
#[cfg(target_arch = "wasm32")]
mod call;
#[cfg(target_arch = "wasm32")]
mod guard;
#[cfg(target_arch = "wasm32")]
mod payload;
#[cfg(target_arch = "wasm32")]
mod pipe;
#[cfg(target_arch = "wasm32")]
mod pipes;
#[cfg(target_arch = "wasm32")]
mod reading;
#[cfg(target_arch = "wasm32")]
mod unary;
#[cfg(target_arch = "wasm32")]
mod web;
#[cfg(target_arch = "wasm32")]
mod websocket;
#[cfg(target_arch = "wasm32")]
pub(crate) use {
    payload::{Duplex, Sender},
    reading::{JsSink, PayloadCall},
    unary::{Outgoing, outgoing},
    web::Transport,
};

pub(crate) use base_url::BaseUrl;
use deadline::Deadline;
pub use head::CallHead;
use head::START_HEADER;
pub(crate) use head::{Aftermaths, Answered};

/// What client and server allow a message to be, both ways.
#[cfg(not(target_arch = "wasm32"))]
pub const MAX_MESSAGE_BYTES: usize = 100 * 1024 * 1024;
