//! A process in a sandbox: its options, its streams, its end.
//! Must not know: `Sandbox`, JavaScript, which transport carries it.
//!
//! [`OutputState`] and [`MiddleBuffer`] are pure and shared with the web host, whose streams are JavaScript's own.

mod buffer;
mod driver;
mod handle;
mod io;
mod keep;
mod lines;
mod options;
mod output;
mod result;
mod signal;
mod stdin;
mod streams;
mod terminal;

pub use buffer::MiddleBuffer;
pub(crate) use driver::OpenExec;
pub use handle::Process;
pub use keep::{Keep, Keeper, MAX_KEEP, PING_EVERY, SILENCE, TerminalState};
pub use lines::{LineSplitter, Lines};
pub use options::{DEFAULT_MAX_BUFFER_BYTES, ExecOptions, ExecPlan, PreparedExec, TerminalSize};
pub(crate) use options::{check_env, check_path};
pub use output::{Attached, ExecEvent, OutputState, OutputStream};
pub use result::ProcessResult;
pub use signal::{MARK_VARIABLE, signal_command, signal_name};
pub use stdin::{STDIN_CHUNK_BYTES, StdinFrame, StdinWriter};
pub use streams::ProcessOutput;
pub use terminal::TerminalSession;
