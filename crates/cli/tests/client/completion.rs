//! What shells and man(1) are given.

use std::process::Command;

use crate::harness::{BINARY, Said, Site};

/// Asks as the script of a shell does, with the cursor at the last word.
fn complete(site: &Site, words: &[&str]) -> String {
    let mut command = site.command(&["--"]);
    command.args(words).env("COMPLETE", "zsh").env("_CLAP_IFS", "\n");
    command.env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string());
    let said = Said::of(command.output().unwrap());
    assert_eq!((said.code, &*said.stderr), (0, ""));
    said.stdout
}

#[test]
fn every_shell_gets_a_script_that_asks_us() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = Command::new(BINARY).args(["completion", shell]).output().unwrap();
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && script.contains("COMPLETE") && script.contains("jetway"),
            "{shell}: {script}"
        );
    }
}

#[test]
fn bash_runs_its_script() {
    let script = format!("source <({BINARY} completion bash) && complete -p jetway");
    let output = Command::new("bash").args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn commands_options_and_ids_are_offered() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    let commands = complete(&site, &["jetway", ""]);
    for word in ["run", "port-forward", "snapshots"] {
        assert!(commands.contains(word), "{commands}");
    }
    assert!(complete(&site, &["jetway", "run", "--im"]).contains("--image"));
    assert!(complete(&site, &["jetway", "exec", ""]).contains(&id));
    assert!(complete(&site, &["jetway", "files", &id[..4]]).contains(&id));
    assert!(complete(&site, &["jetway", "--context", ""]).contains("local"));
    // Without a server nothing is offered, and nothing said.
    let mut command = site.command(&["--", "jetway", "exec", ""]);
    command.env("COMPLETE", "zsh").env("_CLAP_COMPLETE_INDEX", "2").env("XDG_DATA_HOME", site.path("elsewhere"));
    let said = Said::of(command.output().unwrap());
    assert_eq!((said.code, &*said.stderr), (0, ""));
}

#[test]
fn there_is_a_manual_page_for_each_command() {
    let site = Site::new();
    site.jetway(&["man", "pages"]).is(0, "", "");
    for page in ["jetway", "jetway-run", "jetway-snapshots-create", "jetway-mcp"] {
        let text = std::fs::read_to_string(site.path(&format!("pages/{page}.1"))).unwrap();
        assert!(text.contains(".TH"), "{page}");
    }
    let run = std::fs::read_to_string(site.path("pages/jetway-run.1")).unwrap();
    assert!(run.contains("Examples:"), "{run}");
}
