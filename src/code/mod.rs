//! Code that remembers: interpreters in a sandbox whose state outlives calls, connections and page loads.
//! Must not know: JavaScript, the wire.
//!
//! ```text
//!  Context::run ──▶ connection.rs ──▶ exec: driver attach ──▶ unix socket ──▶ driver serve ──▶ interpreter
//!                       │                  (relay)                         (supervisor)     (worker)
//!                  exchange.rs      decides what to send, what came, what to do when the relay ends; pure
//!                  protocol.rs      the frames
//!                  language.rs      the drivers and their commands
//! ```
//!
//! Everything goes through exec and file writes, so it works with every backend that has those. The web host drives the
//! same [`Exchange`] with streams of its own.

mod connection;
mod context;
mod exchange;
mod language;
mod outcome;
mod protocol;
mod run;

pub use context::{Code, Context, ContextInfo, ContextOptions};
pub use exchange::{Exchange, Next, RunOptions};
pub use language::Language;
pub use outcome::{CodeError, CodeResult, Execution, RunStatus};
pub use protocol::{CallId, EventKind, Received};
pub use run::{Run, RunEvent};
