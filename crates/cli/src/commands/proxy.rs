//! `jetway proxy`: the way from a browser to a gRPC server that browsers cannot reach, until it is told to stop.

use std::{fs, io::Write, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use jetway_server::{Credentials, Proxy as Server, ProxyConfig};
use serde_json::json;

use crate::{
    announcement::SharedFile,
    data_dir, duration,
    exit::Usage,
    serving::{self, Doors, Logging},
};

const KEY: &str = "JETWAY_UPSTREAM_KEY";
const SECRET: &str = "JETWAY_OPERATOR_SECRET";

/// Let browsers call a gRPC server: the hosted service, or any other.
///
/// Takes gRPC-web and grpc-websockets (and plain gRPC) and speaks HTTP/2 gRPC to the upstream. It passes frames on and
/// needs to know nothing of the service: metadata, trailers, error details, deadlines, cancellation and half-close arrive.
///
/// As whom calls go upstream is one of two things. Without a key the callers' own credentials pass through. With
/// --upstream-key-file (or JETWAY_UPSTREAM_KEY) the proxy adds the key of an account, which callers never see; they need
/// a token of the proxy's instead. With --mint-tokens a server of yours gets such tokens from POST /tokens, shows the
/// operator's secret for it, and hands each to one browser. A token lasts minutes and is good for certain sandboxes, tags
/// or rpcs. docs/guides/hosted-service.md shows all of it.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  jetway proxy --upstream https://api.cwsandbox.com --upstream-key-file key --mint-tokens \\
      --allow-origin https://app.example        pages of that site call the hosted service, with tokens
  jetway proxy --upstream http://127.0.0.1:50051
                                                any gRPC server of yours, with callers' own credentials
  curl -d '{\"sandboxIds\": [\"sb-1\"]}' -H \"authorization: Bearer $SECRET\" http://127.0.0.1:7071/tokens
                                                a token for one sandbox

Routes: gRPC at its own paths, POST /tokens and GET /metrics for the operator, GET /healthz.")]
pub struct Proxy {
    /// The gRPC server: https://host[:port], or http://host:port for HTTP/2 in the clear
    #[arg(long, value_name = "URL")]
    upstream: String,

    /// Certificates (PEM) to trust for the upstream beside the system's
    #[arg(long, value_name = "FILE")]
    upstream_ca: Option<PathBuf>,

    /// File with the account's key, which the proxy adds to every call [env: JETWAY_UPSTREAM_KEY holds the key itself]
    #[arg(long, value_name = "FILE")]
    upstream_key_file: Option<PathBuf>,

    /// How the key is sent
    #[arg(long, value_enum, default_value = "bearer")]
    upstream_auth: Scheme,

    /// User or team of a W&B key
    #[arg(long, value_name = "NAME")]
    entity: Option<String>,

    /// Project of a W&B key
    #[arg(long, value_name = "NAME")]
    project: Option<String>,

    /// Make tokens at POST /tokens for whoever shows the operator's secret
    #[arg(long)]
    mint_tokens: bool,

    /// File with the operator's secret; without it one is made at first start and kept in the data directory [env:
    /// JETWAY_OPERATOR_SECRET holds the secret itself]
    #[arg(long, value_name = "FILE")]
    operator_secret_file: Option<PathBuf>,

    /// Longest life of a token
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration::parse)]
    max_token_ttl: Duration,

    /// Let everybody call who reaches the port, with the account's key
    #[arg(long, conflicts_with = "mint_tokens")]
    no_auth: bool,

    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7071")]
    listen: SocketAddr,

    /// Where keys and the operator's secret live [default: $XDG_DATA_HOME/jetway/proxy or ~/.local/share/jetway/proxy]
    #[arg(long, value_name = "DIR", env = "JETWAY_PROXY_DATA_DIR")]
    data_dir: Option<PathBuf>,

    #[command(flatten)]
    doors: Doors,

    /// Calls that may be open at a time
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    max_streams: usize,

    /// Longest message of a caller, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1024))]
    max_message: u32,

    /// End calls that carry nothing for so long; 0s lets them be
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration::parse)]
    idle: Duration,

    #[command(flatten)]
    logging: Logging,

    /// Write {"url", "operatorSecretFile", "authority"} to this file once the proxy listens
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Scheme {
    /// authorization: Bearer
    Bearer,
    /// x-wandb-api-key, with --entity and --project
    Wandb,
}

/// Serves until a signal says stop.
pub fn run(arguments: Proxy) -> Result<()> {
    serving::run(&arguments.logging.clone(), serve(arguments))
}

async fn serve(arguments: Proxy) -> Result<()> {
    let told_to_stop = serving::told_to_stop()?;
    let ready_file = arguments.ready_file.clone();
    let server = Server::bind(config(arguments)?).await?;
    let secret_file = server.operator_secret_file();
    let ready = json!({ "url": server.url(), "operatorSecretFile": secret_file, "authority": server.authority(),
        "pid": std::process::id() });
    let _ready = ready_file.map(|path| SharedFile::write(path, &ready)).transpose();
    let _ready = _ready.context("--ready-file cannot be written")?;
    println!("{}", server.url());
    // Whoever reads through a pipe waits for this; a reader that is gone is no reason to stop.
    let _ = std::io::stdout().flush();
    server.serve(told_to_stop).await;
    Ok(())
}

fn config(arguments: Proxy) -> Result<ProxyConfig> {
    let key = secret("--upstream-key-file", arguments.upstream_key_file, KEY)?;
    let data_dir = arguments.data_dir.or_else(|| Some(data_dir::of_user()?.join("proxy")));
    let data_dir = data_dir.context("no home directory is known; say where to keep keys with --data-dir DIR")?;
    let mut config = ProxyConfig::new(arguments.upstream, data_dir);
    let wandb = matches!(arguments.upstream_auth, Scheme::Wandb);
    if !wandb && (arguments.entity.is_some() || arguments.project.is_some()) {
        return Err(Usage::error("--entity and --project go with --upstream-auth wandb"));
    }
    config.credentials = match (key, arguments.upstream_auth) {
        (Some(key), Scheme::Bearer) => Credentials::Bearer(key),
        (Some(api_key), Scheme::Wandb) => {
            Credentials::Wandb { api_key, entity: arguments.entity, project: arguments.project }
        }
        (None, Scheme::Bearer) => Credentials::Forward,
        (None, Scheme::Wandb) => {
            return Err(Usage::error(format!("--upstream-auth wandb needs a key: --upstream-key-file FILE or {KEY}")));
        }
    };
    config.upstream_ca = arguments.upstream_ca;
    config.operator_secret = secret("--operator-secret-file", arguments.operator_secret_file, SECRET)?;
    config.mint_tokens = arguments.mint_tokens;
    config.longest_token_life = arguments.max_token_ttl;
    config.open = arguments.no_auth;
    config.listen = arguments.listen;
    config.tls_only = arguments.doors.tls;
    config.tls_files = arguments.doors.tls_files();
    config.allow_origins = arguments.doors.allow_origins;
    config.allow_hosts = arguments.doors.allow_hosts;
    config.max_streams = arguments.max_streams;
    config.max_message = (arguments.max_message as usize) << 20;
    config.idle = Some(arguments.idle).filter(|idle| !idle.is_zero());
    Ok(config)
}

/// From a file, else from a variable: on the command line every user of the machine could read it.
fn secret(option: &str, file: Option<PathBuf>, variable: &str) -> Result<Option<String>> {
    let (text, place) = match file {
        Some(path) => {
            let text = fs::read_to_string(&path);
            (text.with_context(|| format!("{option} {} cannot be read", path.display()))?, path.display().to_string())
        }
        None => match std::env::var(variable) {
            Ok(text) => (text, variable.to_owned()),
            Err(_) => return Ok(None),
        },
    };
    match text.trim() {
        "" => Err(Usage::error(format!("{place} is empty"))),
        text => Ok(Some(text.to_owned())),
    }
}
