//! What a shell offers when somebody asks it to complete a word: ids of sandboxes, names of contexts.
//! Must not know: which command is being typed. Whatever fails here offers nothing and says nothing.

use std::time::Duration;

use clap_complete::CompletionCandidate;
use jetway::{Client, Sandbox, sandbox::ListOptions};

use crate::{
    contexts::{Contexts, LOCAL},
    endpoint::Endpoint,
};

/// Nobody waits for longer at a Tab key.
const PATIENCE: Duration = Duration::from_secs(2);

/// The sandboxes that have not ended, of the server that a command without options talks to.
pub fn sandboxes() -> Vec<CompletionCandidate> {
    let Ok(client) = Endpoint::default().client() else { return Vec::new() };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return Vec::new() };
    let found = runtime.block_on(async { tokio::time::timeout(PATIENCE, list(&client)).await });
    runtime.shutdown_background();
    found.unwrap_or_default()
}

async fn list(client: &Client) -> Vec<CompletionCandidate> {
    let found = Sandbox::list(client, ListOptions::default()).all().await.unwrap_or_default();
    let one = |sandbox: Sandbox| {
        let info = sandbox.info();
        let about = [info.image.unwrap_or_default(), info.tags.join(",")];
        let about = about.iter().filter(|text| !text.is_empty()).cloned().collect::<Vec<_>>().join(" ");
        CompletionCandidate::new(info.id).help(Some(about.into()))
    };
    found.into_iter().map(one).collect()
}

/// The names of contexts.
pub fn contexts() -> Vec<CompletionCandidate> {
    let known = Contexts::load().unwrap_or_default();
    known.contexts.keys().map(String::as_str).chain([LOCAL]).map(CompletionCandidate::new).collect()
}
