//! The options that every command which starts a process shares. Must not know: where the process runs.

use clap::Args;
use jetway::ExecOptions;

use crate::input;

/// How a process is connected to this terminal.
#[derive(Debug, Args)]
pub struct Connection {
    /// Give the command a terminal
    #[arg(short, long)]
    pub tty: bool,

    /// Pass standard input on also when it is a terminal; what comes through a pipe is always passed on
    #[arg(short, long)]
    pub interactive: bool,
}

impl Connection {
    /// Options of a process without a terminal.
    pub fn exec_options(&self) -> ExecOptions {
        ExecOptions::default().stdin(self.interactive || !input::is_terminal())
    }
}

/// `NAME=VALUE`, or `NAME` for the value that it has here.
pub fn parse_variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some(("", _)) => Err("the name before = is empty; e.g. --env NAME=value".to_owned()),
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => match std::env::var(text) {
            Ok(value) => Ok((text.to_owned(), value)),
            Err(_) => Err(format!("{text} is not set here; give its value: --env {text}=value")),
        },
    }
}
