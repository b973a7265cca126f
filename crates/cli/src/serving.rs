//! What every command does that serves until it is told to stop: its log, its open files, its signals.
//! Must not know: what is served.

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

use crate::telemetry;

/// What is logged, and how.
#[derive(Debug, Clone, Args)]
pub struct Logging {
    /// What to log to standard error, e.g. info or jetway_server=debug
    #[arg(long, value_name = "FILTER", env = "JETWAY_LOG", default_value = "warn")]
    log: String,

    /// How to log: for people, or a JSON object a line
    #[arg(long, value_enum, default_value = "text")]
    log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    /// Lines for people
    Text,
    /// A JSON object a line
    Json,
}

/// Serves until `serve` is done.
pub fn run(logging: &Logging, serve: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    let spans = {
        let _entered = runtime.enter();
        telemetry::begin(&logging.log, matches!(logging.log_format, LogFormat::Json))?
    };
    raise_open_files();
    let served = runtime.block_on(serve);
    spans.end();
    served
}

/// Listens for SIGINT and SIGTERM from now on; call it before anything is printed, for whoever starts us may stop us at
/// once. What it gives resolves with the first signal; a second one ends the process.
pub fn told_to_stop() -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        // Whoever asks twice means now. The next start takes over what is still running.
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            std::process::exit(130);
        });
    })
}

/// Every sandbox, command and connection costs a few descriptors; the usual soft limit of 1024 is for programs that use
/// `select`. What runs in sandboxes gets a limit of its own.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, "the limit on open files could not be raised");
    }
}
