//! A sandbox that is ours alone, and goes when we do. Must not know: what it is used for.

use std::time::Duration;

use jetway::{Client, Sandbox, SandboxOptions, sandbox::DeleteOptions};

use crate::{output, signals::Signals};

/// How long its removal may take before we leave it to its server, and before we say what takes so long.
const LIMIT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(1);

/// Starts one, at once, and uses it; then it is removed, unless what came of it says to keep it.
pub async fn with<T>(
    client: &Client,
    options: SandboxOptions,
    keep: impl FnOnce(&T) -> bool,
    signals: &mut Signals,
    using: impl AsyncFnOnce(&Sandbox, &mut Signals) -> T,
) -> T {
    let sandbox = Sandbox::run(client, options);
    let used = using(&sandbox, signals).await;
    if keep(&used) {
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
