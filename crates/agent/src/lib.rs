//! Process one of a local sandbox, and the protocol it speaks with its server.
//!
//! The binary that serves sandboxes is also the one that becomes their first process: it starts a copy of itself, and
//! [`run_if_asked`] turns that copy into the agent before anything else of the program runs.
//! Must not know: the server, its wire, tokio.

pub mod frame;
pub mod protocol;

/// Becomes the agent, and never returns, when this process was started as one. Call it first thing in `main`, before any
/// thread exists.
pub fn run_if_asked() {
    let mut arguments = std::env::args_os();
    if protocol::ARGV.iter().any(|expected| arguments.next().is_none_or(|argument| argument != *expected)) {
        return;
    }
    eprintln!("jetway: a sandbox's first process needs Linux");
    std::process::exit(1);
}
