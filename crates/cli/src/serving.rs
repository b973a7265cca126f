//! What every command does that serves until it is told to stop: who may come in, its log, its open files, its
//! signals.
//! Must not know: what is served.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

use crate::telemetry;

/// Whose pages may call, under which names, and with TLS or without.
#[derive(Debug, Clone, Args)]
pub struct Doors {
    /// Let pages of this origin call, e.g. https://app.example.com; may be given several times
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    pub allow_origins: Vec<String>,

    /// Answer for this host name too, beside localhost and IP addresses; may be given several times
    #[arg(long = "allow-host", value_name = "NAME")]
    pub allow_hosts: Vec<String>,

    /// Turn callers without TLS away. Without this the port speaks both
    #[arg(long)]
    pub tls: bool,

    /// Certificate chain to show for its own names, PEM; without it a local authority makes one
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// Its key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

impl Doors {
    /// The certificate chain and its key, where they were given.
    pub fn tls_files(&self) -> Option<(PathBuf, PathBuf)> {
        self.tls_cert.clone().zip(self.tls_key.clone())
    }
}

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
