//! What a server keeps a list of: the options that say how to print it, and the printing.
//! Must not know: what is listed.

use anyhow::Result;
use clap::Args;
use jetway::sandbox::SandboxInfo;
use serde_json::Value;

use crate::{
    output,
    show::{self, Format},
};

/// A thing of which there is a list.
pub trait Listed {
    /// The names of a row's cells.
    const COLUMNS: &'static [&'static str];

    /// What it is called by.
    fn name(&self) -> &str;
    /// It in a list.
    fn row(&self) -> Vec<String>;
    /// Everything about it, for people.
    fn details(&self) -> String;
    /// Everything about it, for programs.
    fn json(&self) -> Value;
}

impl Listed for SandboxInfo {
    const COLUMNS: &'static [&'static str] = &show::COLUMNS;

    fn name(&self) -> &str {
        &self.id
    }

    fn row(&self) -> Vec<String> {
        show::row(self)
    }

    fn details(&self) -> String {
        show::details(self)
    }

    fn json(&self) -> Value {
        show::json(self)
    }
}

/// How to print a list.
#[derive(Debug, Args)]
pub struct PrintAll {
    /// Print ids only
    #[arg(short, long)]
    quiet: bool,

    /// How to print them
    #[arg(short, long, value_enum, default_value_t, conflicts_with = "quiet")]
    output: Format,
}

impl PrintAll {
    /// Prints it.
    pub fn print<T: Listed>(&self, all: &[T]) -> Result<()> {
        if self.quiet {
            return output::print(&all.iter().map(|it| format!("{}\n", it.name())).collect::<String>());
        }
        let table = || show::table(T::COLUMNS, &all.iter().map(T::row).collect::<Vec<_>>());
        show::print(self.output, || Value::Array(all.iter().map(T::json).collect()), table)
    }
}

/// How to print what was made.
#[derive(Debug, Args)]
pub struct PrintMade {
    /// Print its id only
    #[arg(short, long)]
    quiet: bool,

    /// How to print it
    #[arg(short, long, value_enum, default_value_t, conflicts_with = "quiet")]
    output: Format,
}

impl PrintMade {
    /// Prints it.
    pub fn print(&self, made: &impl Listed) -> Result<()> {
        match self.quiet {
            true => output::print(&format!("{}\n", made.name())),
            false => one(made, self.output),
        }
    }
}

/// How to print one that was there.
#[derive(Debug, Args)]
pub struct PrintOne {
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

impl PrintOne {
    /// Prints it.
    pub fn print(&self, it: &impl Listed) -> Result<()> {
        one(it, self.output)
    }
}

/// Prints everything about one.
pub fn one(it: &impl Listed, format: Format) -> Result<()> {
    show::print(format, || it.json(), || it.details())
}
