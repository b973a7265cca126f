//! Remote code-execution sandboxes, driven from Rust and, compiled to WebAssembly, from anywhere JavaScript runs.
//!
//! ```text
//!  wasm/ (JavaScript)   or   your Rust
//!          │                     │
//!          ├──▶ session/ ────────┤      sandboxes that belong together
//!          ├──▶ code/ ───────────┤      interpreters in a sandbox that keep their state
//!          ├──▶ catalog/ ────────┤      templates, secret stores, runners
//!          └──▶ sandbox/ ────────┘      the noun: create, attach, list, files, stop
//!                  │
//!               process/                the verb: exec, output, stdin, result
//!                  │
//!               client/                 credentials, deadlines, retries; one place per rpc family
//!                  │
//!      transport/ ─┴─ grpc_web/         HTTP in and out; the framing, pure
//! ```
//!
//! Every failure is an [`error::Error`]. Work starts when it is asked for and ends when its future is dropped; natively
//! everything needs a tokio runtime.

#![forbid(unsafe_code)]

pub mod catalog;
pub mod client;
pub mod cloud;
pub mod code;
pub mod config;
#[cfg(not(target_arch = "wasm32"))]
mod disk;
pub mod error;
pub mod process;
pub mod sandbox;
pub mod session;

// Natively its tests are its only user.
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that meets what it does not expect must stop")]
mod engine_tests;
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, unused_imports))]
mod grpc_web;
mod platform;
mod transport;
#[cfg(target_arch = "wasm32")]
mod wasm;
mod wire;

// The boundary holds open calls for JavaScript to read; it needs their names and nothing else of the transports.
#[cfg(target_arch = "wasm32")]
pub(crate) use transport::{JsSink, PayloadCall};

pub use client::{CallHead, CallOptions, Client};
pub use config::{ClientConfig, Credentials};
#[cfg(not(target_arch = "wasm32"))]
pub use disk::{FileProgress, TransferOptions, Transferred};
pub use error::{Error, ErrorKind};
pub use process::{ExecOptions, Process, ProcessResult};
pub use sandbox::{Sandbox, SandboxOptions, SandboxStatus};
pub use session::{RemoteFunction, SandboxDefaults, Session};

/// The generated wire types, for what the nouns above do not cover.
#[cfg(not(target_arch = "wasm32"))]
pub mod proto {
    pub use crate::wire::{coreweave, jetway};
}
