//! What the command says about itself, word for word: `JETWAY_UPDATE_HELP=1 cargo test -p jetway-cli help` rewrites the
//! files in `help/` after a change that was meant.

use std::{fs, path::PathBuf, process::Command};

use crate::harness::BINARY;

const COMMANDS: [&str; 28] = [
    "image",
    "run",
    "exec",
    "sh",
    "ls",
    "get",
    "logs",
    "cp",
    "files",
    "code",
    "top",
    "port-forward",
    "stop",
    "delete",
    "purge",
    "proxy",
    "snapshots",
    "templates",
    "volumes",
    "secrets",
    "runners",
    "mcp",
    "login",
    "logout",
    "config",
    "doctor",
    "completion",
    "man",
];

fn say(arguments: &[&str]) -> String {
    let output = Command::new(BINARY).args(arguments).env("COLUMNS", "100").output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_help_says_what_it_should() {
    let update = std::env::var_os("JETWAY_UPDATE_HELP").is_some();
    let top = ("jetway", say(&["--help"]));
    for (name, help) in COMMANDS.map(|name| (name, say(&[name, "--help"]))).into_iter().chain([top]) {
        assert!(name == "jetway" || help.contains("Examples:\n"), "{name} has no examples");
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/client/help/{name}.txt"));
        if update {
            fs::write(&file, &help).unwrap();
        }
        assert_eq!(fs::read_to_string(&file).unwrap_or_default(), help, "{}", file.display());
    }
}

#[test]
fn no_command_is_without_a_snapshot() {
    let help = say(&["--help"]);
    let listed = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    // What is indented further goes on with the line before.
    let lines = listed.lines().filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    for name in lines.filter_map(|line| line.split_whitespace().next()) {
        // The server's own are in its tests; and clap's.
        assert!(COMMANDS.contains(&name) || ["serve", "help"].contains(&name), "{name}");
    }
}
