//! Process one of a local sandbox, and the protocol it speaks with its server.
//!
//! The binary that serves sandboxes is also the one that becomes their first process: it starts a copy of itself, and
//! [`run_if_asked`] turns that copy into the agent before anything else of the program runs.
//!
//! ```text
//! server ──spawn──▶ stage 0 (birth.rs): namespaces, id maps ──clone──▶ process one
//!                    process one: root.rs (mounts, pivot) ─▶ serve.rs (poll loop)
//!                                  serve.rs ─▶ operation.rs ─▶ launch.rs + confine.rs | files.rs | survey.rs
//! ```
//! Must not know: the server, its wire, tokio.

pub mod frame;
pub mod protocol;

#[cfg(target_os = "linux")]
mod birth;
#[cfg(target_os = "linux")]
pub mod channel;
#[cfg(target_os = "linux")]
mod confine;
#[cfg(target_os = "linux")]
mod errand;
#[cfg(target_os = "linux")]
mod fence;
#[cfg(target_os = "linux")]
mod files;
#[cfg(target_os = "linux")]
pub mod idmap;
#[cfg(target_os = "linux")]
mod launch;
#[cfg(target_os = "linux")]
mod main_log;
#[cfg(target_os = "linux")]
mod network;
#[cfg(target_os = "linux")]
mod operation;
#[cfg(target_os = "linux")]
mod root;
#[cfg(target_os = "linux")]
mod serve;
#[cfg(target_os = "linux")]
mod survey;
#[cfg(target_os = "linux")]
mod tree;
#[cfg(target_os = "linux")]
mod user;
#[cfg(target_os = "linux")]
mod volumes;

/// Becomes the agent, and never returns, when this process was started as one. Call it first thing in `main`, before any
/// thread exists.
pub fn run_if_asked() {
    let mut arguments = std::env::args_os();
    if protocol::ARGV.iter().any(|expected| arguments.next().is_none_or(|argument| argument != *expected)) {
        return;
    }
    #[cfg(target_os = "linux")]
    birth::become_agent();
    #[cfg(not(target_os = "linux"))]
    {
        eprintln!("jetway: a sandbox's first process needs Linux");
        std::process::exit(1);
    }
}
