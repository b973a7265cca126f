//! The soak: a server under load is killed with SIGKILL at moments that nobody chose, again and again. What it had
//! acknowledged must be there when it comes back, and in the end nothing may be left.
//!
//! As a test it kills three times with eight sandboxes; `cargo xtask soak --kills 50 --sandboxes 100` is the long one.
//! `--scale 1000` and `--storage` measure instead.
//! This program is all parts: the load, the servers, and the agents that those start.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod beside;
mod check;
mod ledger;
mod leftovers;
mod load;
mod scale;
mod server;
mod storage;

use std::{process::ExitCode, sync::Arc, time::Duration};

use ledger::Ledger;
use leftovers::Leftovers;
use server::Server;

/// What can be chosen.
struct Options {
    kills: u32,
    sandboxes: usize,
}

fn main() -> ExitCode {
    jetway_agent::run_if_asked();
    if let Some(data_dir) = std::env::var_os(server::ROLE) {
        server::serve(data_dir.into());
        return ExitCode::SUCCESS;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)?.parse().ok()
    };
    let options = Options {
        kills: number("--kills").unwrap_or(3),
        sandboxes: number("--sandboxes").map_or(8, |count| count as usize),
    };
    // What the test runner passes: a filter, or a wish for a list.
    let value = |argument: &&String| !argument.starts_with('-') && argument.parse::<u32>().is_err();
    let filtered = arguments.iter().filter(value).any(|filter| !"soak".contains(filter.as_str()));
    if arguments.iter().any(|argument| argument == "--list") || filtered {
        println!("\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 1 filtered out");
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let what = match number("--scale") {
        Some(count) => Some(Measure::Scale(count as usize)),
        None => arguments.iter().any(|argument| argument == "--storage").then_some(Measure::Storage),
    };
    if let Some(what) = what {
        let measured = runtime.block_on(measure(&what));
        println!("  {}", measured.as_ref().unwrap_or_else(|error| error));
        return if measured.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    println!("running 1 test ({} kills, {} sandboxes)", options.kills, options.sandboxes);
    let outcome = runtime.block_on(soak(&options));
    match &outcome {
        Ok(summary) => println!("test soak ... ok\n  {summary}"),
        Err(wrong) => println!("test soak ... FAILED\n  {}", wrong.join("\n  ")),
    }
    let (word, passed, failed) = if outcome.is_ok() { ("ok", 1, 0) } else { ("FAILED", 0, 1) };
    println!("\ntest result: {word}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out");
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn soak(options: &Options) -> Result<String, Vec<String>> {
    let data_dir = tempfile::tempdir().unwrap();
    let mut leftovers = Leftovers::before(data_dir.path());
    let ledger = Arc::new(Ledger::default());
    let mut wrong = Vec::new();
    let mut server = Server::start(data_dir.path()).await.map_err(|error| vec![error])?;
    load::populate(&server, &ledger, options.sandboxes).await.map_err(|error| vec![error])?;
    for kill in 1..=options.kills {
        let load = load::Load::begin(&server, &ledger);
        tokio::time::sleep(Duration::from_millis(random(50, 1500))).await;
        leftovers.note();
        server.kill();
        load.end().await;
        server = Server::start(data_dir.path()).await.map_err(|error| vec![format!("after kill {kill}: {error}")])?;
        leftovers.note();
        let found = check::everything(&server, &ledger).await;
        wrong.extend(found.into_iter().map(|what| format!("after kill {kill}: {what}")));
        println!("  kill {kill}: {}", ledger.summary());
        if wrong.len() > 20 {
            break;
        }
        load::populate(&server, &ledger, options.sandboxes).await.map_err(|error| vec![error])?;
    }
    leftovers.note();
    server.stop();
    wrong.extend(leftovers.after().await);
    if wrong.is_empty() { Ok(ledger.summary()) } else { Err(wrong) }
}

/// What is measured instead.
enum Measure {
    /// So many sandboxes at a time.
    Scale(usize),
    /// Snapshots and large streams.
    Storage,
}

async fn measure(what: &Measure) -> Result<String, String> {
    let data_dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let server = Server::start(data_dir.path()).await?;
    let figures = match what {
        Measure::Scale(count) => scale::measure(&server, *count).await,
        Measure::Storage => storage::measure(&server).await,
    };
    server.stop();
    figures
}

/// A number that nobody chose.
pub fn random(from: u64, to: u64) -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    from + RandomState::new().build_hasher().finish() % (to - from)
}
