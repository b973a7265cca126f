//! A sandbox that is ours alone, and goes when we do. Must not know: what it is used for.

use std::time::Duration;

use clap::Args;
use jetway::{
    Client, Sandbox, SandboxOptions,
    sandbox::{DEFAULT_IMAGE, DeleteOptions},
};

use crate::{duration, output, process_options::parse_variable, signals::Signals};

/// How long its removal may take before we leave it to its server, and before we say what takes so long.
const LIMIT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(1);

/// What a new sandbox is like.
#[derive(Debug, Args)]
pub struct Shape {
    /// Image of the sandbox
    #[arg(long, value_name = "IMAGE", default_value = DEFAULT_IMAGE)]
    image: String,

    /// Variable for everything in it, NAME=VALUE, or NAME for the value it has here; may be given several times
    #[arg(short, long = "env", value_name = "NAME=VALUE", value_parser = parse_variable)]
    env: Vec<(String, String)>,

    /// Working directory of everything in it
    #[arg(long, value_name = "DIR")]
    cwd: Option<String>,

    /// Tag to find it by; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,

    /// End it by itself after this long, e.g. 90s, 10m or 2h
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_seconds)]
    max_lifetime: Option<u32>,
}

impl Shape {
    /// As the client takes it.
    pub fn options(self) -> SandboxOptions {
        let mut options = SandboxOptions::new().image(self.image);
        options.env = self.env.into_iter().collect();
        options.cwd = self.cwd;
        options.tags = self.tags;
        options.max_lifetime_seconds = self.max_lifetime;
        options
    }
}

/// Starts one, at once, and uses it; then it is removed, whatever came of it.
pub async fn with<T>(
    client: &Client,
    options: SandboxOptions,
    keep: bool,
    signals: &mut Signals,
    using: impl AsyncFnOnce(&Sandbox, &mut Signals) -> T,
) -> T {
    let sandbox = Sandbox::run(client, options);
    let used = using(&sandbox, signals).await;
    if keep {
        if let Some(id) = sandbox.id() {
            output::tell(&format!("kept sandbox {id}"));
        }
    } else {
        remove(&sandbox, signals).await;
    }
    used
}

async fn remove(sandbox: &Sandbox, signals: &mut Signals) {
    let removing = async {
        // Without an id there is none: its creation failed, which was told already.
        let Ok(_) = sandbox.start().await else { return Ok(()) };
        sandbox.delete(DeleteOptions::default().graceful_shutdown(Duration::ZERO).missing_ok(true)).await
    };
    let saying = async {
        tokio::time::sleep(SILENCE).await;
        output::tell("deleting the sandbox; Ctrl-C leaves it");
        std::future::pending::<()>().await;
    };
    let removed = tokio::select! {
        removed = tokio::time::timeout(LIMIT, removing) => removed,
        () = saying => return,
        _ = signals.next() => return output::tell(&left(sandbox, "interrupted")),
    };
    let why = match removed {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {LIMIT:?}"),
    };
    output::tell(&left(sandbox, &why));
}

fn left(sandbox: &Sandbox, why: &str) -> String {
    match sandbox.id() {
        Some(id) => format!("sandbox {id} was not deleted ({why}); do it with: jetway delete {id}"),
        None => format!("a sandbox may have been created and not deleted ({why}); look with: jetway ls"),
    }
}
