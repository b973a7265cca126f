//! `jetway code`: code in a context that remembers, typed or from a file.

use std::{
    io::{IsTerminal, Read},
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context as _, Result};
use clap::Args;
use clap_complete::ArgValueCandidates;
use jetway::{
    Client, Sandbox,
    code::{Language, RunOptions},
};

use crate::{
    candidates, duration,
    plots::Plots,
    repl, run_code,
    shape::Shape,
    signals::{Caught, Signals},
    throwaway,
};

/// Run code that remembers, in a sandbox or in a new one that is deleted afterwards.
///
/// Without -c and without a file it is a dialogue: what is typed runs in one interpreter that keeps its state, in a
/// sandbox that runs also after you have left. Plots appear in terminals of kitty's, iTerm2's and WezTerm's kind, and
/// are saved as plot-N.png elsewhere. The exit code is 1 when the code raised, 124 when its time was over.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  jetway code                                      Python in a new sandbox
  jetway code ID                                   in one that runs; come back and x is still there
  jetway code -l javascript
  jetway code -c 'import sys; sys.version'         once; the value of the last expression is printed
  jetway code -f analysis.py --plots out/          a file; plots are saved
  echo 'print(1)' | jetway code")]
pub struct Code {
    /// Sandbox; without it a new one is made, and deleted at the end
    #[arg(value_name = "ID", conflicts_with = "shape", add = ArgValueCandidates::new(candidates::sandboxes))]
    id: Option<String>,

    /// Code to run
    #[arg(short, long, value_name = "CODE")]
    code: Option<String>,

    /// File to run; - is standard input
    #[arg(short, long, value_name = "FILE", conflicts_with = "code")]
    file: Option<PathBuf>,

    /// python, javascript or bash [default: what the file's name says, else python]
    #[arg(short, long, value_name = "LANGUAGE", value_parser = parse_language)]
    language: Option<Language>,

    /// End each run after this long, e.g. 30s; what it has set so far stays
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    timeout: Option<Duration>,

    /// Save plots in this directory instead of showing them
    #[arg(long, value_name = "DIR")]
    plots: Option<PathBuf>,

    #[command(flatten)]
    shape: Shape,
}

/// Runs it, or talks.
pub async fn run(code: Code, client: Client) -> Result<u8> {
    let Code { id, code, file, language, timeout, plots, shape } = code;
    let language = language.or_else(|| of_name(file.as_deref())).unwrap_or_default();
    let source = source(code, file)?;
    let mut options = RunOptions::default();
    options.timeout = timeout;
    let plots = Plots::new(plots);
    let mut signals = Signals::listen()?;
    let Some(id) = id else {
        return throwaway::with(
            &client,
            shape.options(),
            |_| false,
            &mut signals,
            async move |sandbox, signals| go(sandbox, source, language, options, plots, signals).await,
        )
        .await;
    };
    let sandbox = tokio::select! {
        found = Sandbox::from_id(&client, &id) => found?,
        caught = signals.next() => return Ok(caught.exit_code()),
    };
    go(&sandbox, source, language, options, plots, &mut signals).await
}

async fn go(
    sandbox: &Sandbox,
    source: Option<String>,
    language: Language,
    options: RunOptions,
    mut plots: Plots,
    signals: &mut Signals,
) -> Result<u8> {
    // Before there is something to interrupt, Ctrl-C leaves.
    tokio::select! {
        running = sandbox.wait(None) => running?,
        caught = signals.next() => return Ok(Caught::exit_code(caught)),
    }
    let code = sandbox.code();
    let context = code.default_context(language)?;
    match source {
        Some(source) => run_code::run(&context, source, options, &mut plots, signals).await,
        None => repl::talk(&context, &options, &mut plots, signals).await,
    }
}

/// What is to run; `None` for a dialogue.
fn source(code: Option<String>, file: Option<PathBuf>) -> Result<Option<String>> {
    match (code, file) {
        (Some(code), _) => Ok(Some(code)),
        (None, Some(file)) if file.as_os_str() != "-" => {
            std::fs::read_to_string(&file).with_context(|| file.display().to_string()).map(Some)
        }
        (None, None) if std::io::stdin().is_terminal() => Ok(None),
        _ => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
            Ok(Some(text))
        }
    }
}

fn of_name(file: Option<&std::path::Path>) -> Option<Language> {
    match file?.extension()?.to_str()? {
        "py" => Some(Language::Python),
        "js" | "mjs" | "cjs" => Some(Language::JavaScript),
        "sh" | "bash" => Some(Language::Bash),
        _ => None,
    }
}

fn parse_language(name: &str) -> Result<Language, String> {
    Language::parse(name).map_err(|_| format!("{name:?} is none of python, javascript, bash"))
}
