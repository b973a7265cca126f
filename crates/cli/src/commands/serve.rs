//! `jetway serve`: the local sandbox server, until it is told to stop.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use ipnet::IpNet;
use jetway_server::{
    Access, ImageSource, Pull, RuntimeChoice, SecretSource, Server, ServerConfig, ServiceUrls, is_secret_store_name,
};

use crate::{
    announcement::{Announcement, SharedFile},
    data_dir, duration,
    serving::{self, Doors, Logging},
};

/// Serve sandboxes from this machine.
///
/// Speaks gRPC, gRPC-web and grpc-websockets on one port, and serves a page to try things in. Nothing leaves the
/// machine: the default address is loopback, and every call needs the token that is printed at the start. Clients of
/// the same user find the server by themselves.
///
/// Ctrl-C or SIGTERM stops every sandbox and removes what it used. After a crash (or kill -9) the next start finds the
/// sandboxes running and takes them over.
///
/// With OTEL_EXPORTER_OTLP_ENDPOINT each call's trace is sent there by OTLP (OTEL_EXPORTER_OTLP_PROTOCOL: http/protobuf or
/// grpc), as part of the trace that the caller's `traceparent` names.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  jetway serve                                       try it: prints a link to open
  jetway serve --open                                the same, and opens the link
  jetway serve --ephemeral --listen 127.0.0.1:0      for a test: a free port, nothing kept
  jetway serve --allow-origin https://app.example    let pages of that site call, with a token of yours")]
pub struct Serve {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7070")]
    listen: SocketAddr,

    /// Where state, credentials and sandboxes live [default: $XDG_DATA_HOME/jetway or ~/.local/share/jetway]
    #[arg(long, value_name = "DIR", env = "JETWAY_DATA_DIR")]
    data_dir: Option<PathBuf>,

    /// Token that callers must send; without it one is made at first start and kept in the data directory
    #[arg(long, value_name = "TOKEN", env = "JETWAY_TOKEN", hide_env_values = true, conflicts_with = "no_auth")]
    token: Option<String>,

    /// Let everybody call who reaches the port
    #[arg(long)]
    no_auth: bool,

    #[command(flatten)]
    doors: Doors,

    /// Let sandboxes whose rules allow it reach these addresses too, e.g. 10.1.0.0/16; without it only the internet's. May
    /// be given several times
    #[arg(long = "allow-egress-to", value_name = "CIDR")]
    egress_allowed: Vec<IpNet>,

    /// Address of a name that is not to be looked up when sandboxes connect to it; may be given several times
    #[arg(long = "egress-host", value_name = "NAME=ADDR", value_parser = named_address)]
    egress_hosts: Vec<(String, IpAddr)>,

    /// How the URLs of sandboxes' services look; names are answered in any case
    #[arg(long, value_enum, default_value = "auto")]
    service_urls: Urls,

    /// Domain below which services have their names
    #[arg(long, value_name = "DOMAIN", default_value = "localhost")]
    service_domain: String,

    /// Keep nothing: state in memory, and sandboxes die with the server even when it is killed
    #[arg(long, conflicts_with = "keep_sandboxes")]
    ephemeral: bool,

    /// Leave sandboxes running when the server stops; the next start takes them over
    #[arg(long)]
    keep_sandboxes: bool,

    /// Offer a store of secrets: NAME=FILE (JSON, or lines NAME=value) or NAME=env:PREFIX; may be given several times
    ///
    /// Sandboxes name the secrets that they want, and get them as environment variables. Stores that a client registers
    /// by name have their values in secrets/NAME.json or NAME.env in the data directory. Files must be readable by their
    /// owner only.
    #[arg(long = "secret-store", value_name = "NAME=SOURCE", value_parser = secret_store)]
    secret_stores: Vec<(String, SecretSource)>,

    /// Let everybody who reaches the port have a user's token made, as the Cloud Sandbox SDK asks for one; for development
    #[arg(long)]
    dev_tokens: bool,

    /// Keep so many sandboxes waiting in the pool, to be handed out in milliseconds
    #[arg(long, value_name = "N", default_value_t = 0)]
    warm: usize,

    /// Sandboxes of the pool at a time, waiting and taken
    #[arg(long, value_name = "N", default_value_t = 50)]
    pool_max: usize,

    /// Pause sessions that nobody uses for so long, e.g. 30m; 0s lets them run
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = duration::parse)]
    session_idle: Duration,

    /// Start sandboxes although this machine cannot enforce the limits they ask for
    #[arg(long)]
    allow_unenforced_limits: bool,

    /// Sandboxes that may be live at a time
    #[arg(long, value_name = "N", default_value_t = 1000)]
    max_sandboxes: usize,

    /// Processes and threads that one sandbox may have
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(i64).range(8..))]
    processes_per_sandbox: i64,

    /// Hold what each container changes of its files to a size, e.g. 2Gi: it is then kept in memory, and so are scratch
    /// volumes without a size. Without this it is kept on disk, where nothing bounds it
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    root_size: Option<u64>,

    /// What sandboxes run in
    #[arg(long, value_enum, default_value = "auto")]
    runtime: Runtime,

    /// Bring an image in at the start: from a directory, a tar file, an OCI layout or what `docker save` wrote, or from
    /// its registry with oci:REF; may be given several times
    #[arg(long = "image", value_name = "NAME=SOURCE", value_parser = image)]
    images: Vec<(String, ImageSource)>,

    /// Whether images that are not here are fetched from their registries
    #[arg(long, value_enum, default_value = "missing")]
    pull: PullWhen,

    /// Open the page in a browser
    #[arg(long)]
    open: bool,

    #[command(flatten)]
    logging: Logging,

    /// Write {"url", "token", "launchUrl", "authority"} to this file once the server listens (only you can read it)
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Runtime {
    /// The best that this machine has
    Auto,
    /// Linux namespaces
    Local,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Urls {
    /// Addresses of this machine's loopback, which every program finds; names where the server listens elsewhere
    Auto,
    /// http://8080-<sandbox>.localhost:7070/
    Names,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PullWhen {
    /// When they are asked for and the host view does not serve them
    Missing,
    /// Never
    Never,
}

/// Serves until a signal says stop.
pub fn run(arguments: Serve) -> Result<()> {
    serving::run(&arguments.logging.clone(), serve(arguments))
}

async fn serve(arguments: Serve) -> Result<()> {
    let told_to_stop = serving::told_to_stop()?;
    let default_dir = data_dir::of_user();
    let data_dir = arguments.data_dir.clone().or_else(|| default_dir.clone());
    let data_dir = data_dir.context("no home directory is known; say where to keep state with --data-dir DIR")?;
    let server = Server::bind(config(&arguments, data_dir)).await?;

    let announcement = Announcement::of(&server);
    // Always in the default place, whatever --data-dir says: it is where clients of the same user look.
    let found_by = default_dir.map(|dir| SharedFile::write(dir.join("serve.json"), &announcement.for_clients()));
    let _found_by = found_by.transpose().unwrap_or_else(|error| {
        tracing::warn!(%error, "clients cannot find this server by themselves");
        None
    });
    let _ready = arguments
        .ready_file
        .as_ref()
        .map(|path| SharedFile::write(path.clone(), &announcement.for_starter()))
        .transpose()
        .context("--ready-file cannot be written")?;
    announcement.print(arguments.no_auth);
    if arguments.open {
        open(&announcement.launch_url);
    }
    server.serve(told_to_stop).await;
    Ok(())
}

fn image(text: &str) -> Result<(String, ImageSource), String> {
    // The first sign: image names have none.
    let (name, source) = text.split_once('=').ok_or("write NAME=PATH or NAME=oci:REF, e.g. redis:7=redis.tar")?;
    if name.is_empty() || source.is_empty() {
        return Err("neither the name nor the source may be empty".into());
    }
    Ok((name.to_owned(), source.into()))
}

fn secret_store(text: &str) -> Result<(String, SecretSource), String> {
    let (name, source) = text.split_once('=').ok_or("write NAME=FILE or NAME=env:PREFIX")?;
    if !is_secret_store_name(name) {
        return Err(format!("the name {name:?} must have 1 to 63 of a-z, 0-9, '-' and '_'"));
    }
    Ok((name.to_owned(), source.parse()?))
}

fn config(arguments: &Serve, data_dir: PathBuf) -> ServerConfig {
    let mut config = ServerConfig::new(data_dir);
    config.listen = arguments.listen;
    config.secret_stores = arguments.secret_stores.iter().cloned().collect();
    config.access = match &arguments.token {
        Some(token) => Access::Token(token.clone()),
        None if arguments.no_auth => Access::Open,
        None => Access::TokenFile,
    };
    config.allow_origins.clone_from(&arguments.doors.allow_origins);
    config.allow_hosts.clone_from(&arguments.doors.allow_hosts);
    config.egress_allowed.clone_from(&arguments.egress_allowed);
    for (name, address) in &arguments.egress_hosts {
        config.egress_hosts.entry(name.to_ascii_lowercase()).or_default().push(*address);
    }
    config.tls_only = arguments.doors.tls;
    config.tls_files = arguments.doors.tls_files();
    config.service_urls = match arguments.service_urls {
        Urls::Auto => ServiceUrls::Auto,
        Urls::Names => ServiceUrls::Names,
    };
    config.service_domain.clone_from(&arguments.service_domain);
    config.ephemeral = arguments.ephemeral;
    config.open_minting = arguments.dev_tokens;
    config.pool_warm = arguments.warm;
    config.pool_most = arguments.pool_max;
    config.session_idle = Some(arguments.session_idle).filter(|idle| !idle.is_zero());
    config.keep_sandboxes = arguments.keep_sandboxes;
    config.allow_unenforced_limits = arguments.allow_unenforced_limits;
    config.max_sandboxes = arguments.max_sandboxes;
    config.processes_per_sandbox = arguments.processes_per_sandbox;
    config.root_size = arguments.root_size;
    config.images.clone_from(&arguments.images);
    config.docker_config = data_dir::docker_config();
    config.pull = match arguments.pull {
        PullWhen::Missing => Pull::Missing,
        PullWhen::Never => Pull::Never,
    };
    config.runtime = match arguments.runtime {
        Runtime::Auto => RuntimeChoice::Auto,
        Runtime::Local => RuntimeChoice::Local,
    };
    config
}

/// A number of bytes as resources are written: `512Mi`, `2Gi`, `1G`.
fn bytes(text: &str) -> Result<u64, String> {
    let units = [("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1_u64 << 30), ("Ti", 1 << 40)];
    let units = units.into_iter().chain([("k", 1000), ("M", 1_000_000), ("G", 1_000_000_000), ("", 1)]);
    let read = |(unit, size)| text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(size);
    let found = units.into_iter().find_map(read).filter(|bytes| *bytes >= 1 << 20);
    found.ok_or_else(|| format!("{text:?} is no size of a megabyte or more, e.g. 512Mi or 2Gi"))
}

fn named_address(text: &str) -> Result<(String, IpAddr), String> {
    let (name, address) = text.split_once('=').ok_or("write it as NAME=ADDR, e.g. mirror.example=10.1.2.3")?;
    let address = address.parse().map_err(|_| format!("{address:?} is no IP address"))?;
    Ok((name.to_owned(), address))
}

fn open(url: &str) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let started = std::process::Command::new(opener).arg(url).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    if let Err(error) = started {
        eprintln!("jetway: no browser could be opened ({opener}: {error}); open the link yourself");
    }
}
