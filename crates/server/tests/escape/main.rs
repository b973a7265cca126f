//! The escape and abuse suite: hostile programs in real sandboxes of real servers, one as root and one under an ordinary
//! user, and what stopped each of them. `docs/security.md` shows the same table, and a test keeps the two equal.
//!
//! This program is all three parts: the suite, the servers that it starts, and the agents that those start.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod case;
mod doors;
mod files;
mod floods;
mod host;
mod http;
mod kernel;
mod neighbours;
mod network;
mod privileges;
mod processes;
mod proxy;
mod server;
mod site;
mod snapshots;
mod table;

use std::{process::ExitCode, sync::Arc};

use libtest_mimic::{Arguments, Failed, Trial};

use case::Case;
use site::{Mode, Sites};

/// Everything that is tried, by subject, in the order in which the table shows it.
pub fn subjects() -> Vec<(&'static str, &'static str, Vec<Case>)> {
    vec![
        ("host", "The host's files and devices", host::cases()),
        ("processes", "Processes, the agent, its memory and its socket", processes::cases()),
        ("kernel", "System calls", kernel::cases()),
        ("privileges", "Privileges and limits of one's own", privileges::cases()),
        ("neighbours", "Other sandboxes", neighbours::cases()),
        ("network", "The network", network::cases()),
        ("proxy", "The way out, where rules allow everything", proxy::cases()),
        ("files", "File calls on what a sandbox prepared", files::cases()),
        ("snapshots", "Trees that are saved and restored", snapshots::cases()),
        ("floods", "Floods", floods::cases()),
        ("doors", "The server's port, from a page or a neighbour program", doors::cases()),
    ]
}

fn main() -> ExitCode {
    jetway_agent::run_if_asked();
    if let Some(data_dir) = std::env::var_os(server::ROLE) {
        server::serve(data_dir.into());
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::from_args();
    let runtime = Arc::new(tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap());
    let sites = Arc::new(Sites::default());
    let mut trials = table::trials();
    for mode in Mode::available() {
        for (subject, _, cases) in subjects() {
            for case in cases.into_iter().filter(|case| mode != Mode::Delegated || case.is_about_limits()) {
                let (runtime, sites) = (runtime.clone(), sites.clone());
                let name = format!("{}::{subject}::{}", mode.name(), case.name);
                trials.push(Trial::test(name, move || {
                    runtime.block_on(async { case.run(sites.get(mode).await?).await }).map_err(Failed::from)
                }));
            }
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    runtime.block_on(sites.stop());
    conclusion.exit_code()
}
