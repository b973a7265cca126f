//! What a person sees: one line per step with its name, what came of it and how long it took.
//!
//! On a terminal a spinner shows the last line of the running program; elsewhere plain lines, so that a CI log stays
//! readable and shows where something hangs. Must not know what the steps do.

use crate::children;
use anyhow::Result;
use console::style;
use indicatif::{ProgressBar, ProgressStyle};
use std::cell::RefCell;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

static VERBOSE: AtomicBool = AtomicBool::new(false);

/// Shows the output of programs as it comes.
pub fn set_verbose(on: bool) {
    VERBOSE.store(on, Ordering::Relaxed);
}

/// A running step: the handle through which its work says what it is doing and what came of it.
pub struct Step {
    name: String,
    bar: Option<ProgressBar>,
    note: RefCell<String>,
}

/// The error of a task whose failure is on the screen already.
#[derive(Debug)]
pub struct Told;

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("failed, as said above")
    }
}

impl std::error::Error for Told {}

/// Runs `work` as a step called `name` and prints its closing line.
///
/// # Errors
/// What `work` returns.
pub fn run<T>(name: &str, work: impl FnOnce(&Step) -> Result<T>) -> Result<T> {
    let start = Instant::now();
    let step = Step { name: name.to_owned(), bar: spinner(name), note: RefCell::default() };
    if step.bar.is_none() {
        eprintln!(" ..  {name}");
    }
    let outcome = work(&step);
    // What fails from here on fails because we were told to stop: no news.
    children::wait_if_interrupted();
    if let Some(bar) = &step.bar {
        bar.finish_and_clear();
    }
    let mark = if outcome.is_ok() { style(" ok ").green() } else { style("FAIL").red().bold() };
    let note = step.note.into_inner();
    let colon = if note.is_empty() { "" } else { ": " };
    eprintln!("{mark} {}{colon}{note} {}", step.name, style(format!("({})", took(start.elapsed()))).dim());
    outcome
}

/// A heading above a group of steps.
pub fn heading(text: &str) {
    eprintln!("{}", style(text).bold());
}

impl Step {
    /// What the closing line says came of it.
    pub fn note(&self, text: impl Into<String>) {
        *self.note.borrow_mut() = text.into();
    }

    /// What is going on right now; seen on terminals only, or with `--verbose`.
    pub fn progress(&self, line: &str) {
        if VERBOSE.load(Ordering::Relaxed) {
            match &self.bar {
                Some(bar) => bar.println(format!("     | {line}")),
                None => eprintln!("     | {line}"),
            }
        } else if let Some(bar) = &self.bar {
            bar.set_message(line.trim().to_owned());
        }
    }

    /// Something to keep on the screen while the step goes on.
    pub fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(format!("     {line}")),
            None => eprintln!("     {line}"),
        }
    }

    /// The step's name, for log files.
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn spinner(name: &str) -> Option<ProgressBar> {
    if !std::io::stderr().is_terminal() {
        return None;
    }
    let look = ProgressStyle::with_template("{spinner:.cyan}    {prefix} {elapsed:.dim} {wide_msg:.dim}").ok()?;
    let bar = ProgressBar::new_spinner().with_style(look).with_prefix(name.to_owned());
    bar.enable_steady_tick(Duration::from_millis(120));
    Some(bar)
}

/// A duration the way people say it: `0.4 s`, `12 s`, `3 min 05 s`.
pub fn took(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        s if s < 9.95 => format!("{s:.1} s"),
        s if s < 99.5 => format!("{s:.0} s"),
        s => format!("{} min {:02} s", s as u64 / 60, s as u64 % 60),
    }
}
