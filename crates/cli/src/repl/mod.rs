//! Talking with a code context, line by line: the editor, what is whole, what to do about Ctrl-C.
//! Must not know: how a context is connected.

mod complete;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use console::style;
use jetway::code::{Context, Language, RunOptions};
use rustyline::{
    Editor, Helper,
    config::Configurer,
    error::ReadlineError,
    history::FileHistory,
    validate::{ValidationContext, ValidationResult, Validator},
};

use crate::{
    data_dir, output,
    plots::Plots,
    raw_mode, run_code,
    signals::{Caught, Signals},
};

const HELP: &str = "\
Ctrl-D leaves; Ctrl-C drops the input, or interrupts what runs. A block ends with an empty line.
  :restart   a new interpreter; what this one knows is gone
  :help      this
  :quit      leave
";
const HISTORY_LINES: usize = 10_000;

/// Decides whether Enter ends the input or goes on in the next line.
struct Whole(Language);

impl Helper for Whole {}
impl rustyline::completion::Completer for Whole {
    type Candidate = String;
}
impl rustyline::hint::Hinter for Whole {
    type Hint = String;
}
impl rustyline::highlight::Highlighter for Whole {}

impl Validator for Whole {
    fn validate(&self, input: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        match input.input().starts_with(':') || complete::is_whole(self.0, input.input()) {
            true => Ok(ValidationResult::Valid(None)),
            false => Ok(ValidationResult::Incomplete),
        }
    }
}

/// Reads and runs until the input ends, and gives the exit code.
pub async fn talk(context: &Context, options: &RunOptions, plots: &mut Plots, signals: &mut Signals) -> Result<u8> {
    // The editor's own raw mode must not outlive us either.
    let _before = raw_mode::Remembered::now();
    let history = history_of(context.language());
    let mut editor = editor(context.language(), history.as_deref())?;
    output::print(&format!(
        "{} in a sandbox. Ctrl-D leaves, :help says more.\n",
        style(context.language().name()).bold()
    ))?;
    loop {
        let (returned, line) = tokio::select! {
            read = tokio::task::spawn_blocking(move || {
                let line = editor.readline(">>> ");
                (editor, line)
            }) => read.context("the line editor failed")?,
            caught = other_than_interrupt(signals) => return Ok(caught.exit_code()),
        };
        editor = returned;
        let text = match line {
            Ok(text) => text,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(anyhow::Error::new(error).context("the terminal cannot be read")),
        };
        if text.trim().is_empty() {
            continue;
        }
        // Nothing that is typed is worth failing for.
        let _ = editor.add_history_entry(text.trim_end());
        if let Some(file) = &history {
            let _ = editor.append_history(file);
        }
        match text.trim() {
            ":quit" | ":q" | ":exit" => break,
            ":help" => output::print(HELP)?,
            ":restart" => {
                context.restart().await?;
                output::print("A new interpreter.\n")?;
            }
            _ => {
                run_code::run(context, text, options.clone(), plots, signals).await?;
            }
        }
    }
    Ok(0)
}

/// The editor takes Ctrl-C as a key; one that somebody sends while it waits is for nobody.
async fn other_than_interrupt(signals: &mut Signals) -> Caught {
    loop {
        match signals.next().await {
            Caught::Interrupt => {}
            caught => return caught,
        }
    }
}

fn editor(language: Language, history: Option<&std::path::Path>) -> Result<Editor<Whole, FileHistory>> {
    let mut editor = Editor::new().context("this terminal cannot edit lines")?;
    editor.set_helper(Some(Whole(language)));
    editor.set_auto_add_history(false);
    editor.set_max_history_size(HISTORY_LINES).context("no room for a history")?;
    if let Some(file) = history {
        // None yet.
        let _ = editor.load_history(file);
    }
    Ok(editor)
}

/// Of this user, per language; `None` where there is no place for it.
fn history_of(language: Language) -> Option<PathBuf> {
    let folder = data_dir::of_user()?.join("history");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join(language.name()))
}
