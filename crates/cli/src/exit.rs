//! How the command ends: the exit codes that are not a remote command's, and what is said about a failure.
//! Must not know: what failed.

use std::{error::Error as StdError, fmt};

use anyhow::Result;
use futures::future::join_all;
use jetway::ErrorKind;

use crate::output;

/// Something failed; standard error says what.
pub const FAILED: u8 = 1;
/// The command line is wrong.
pub const USAGE: u8 = 2;
/// The command's own `--timeout` ended it, as timeout(1) says it.
pub const TIMED_OUT: u8 = 124;
/// Whoever read our output is gone: 128 + SIGPIPE, as for any program in a pipeline.
pub const OUTPUT_GONE: u8 = 141;

/// The command line asks for what makes no sense.
#[derive(Debug)]
pub struct Usage(String);

impl Usage {
    /// Says what is wrong and how it is meant.
    pub fn error(message: impl Into<String>) -> anyhow::Error {
        anyhow::Error::new(Self(message.into()))
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Usage {}

/// Nobody reads standard output any more.
#[derive(Debug)]
pub struct OutputGone;

impl fmt::Display for OutputGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nobody reads the output any more")
    }
}

impl StdError for OutputGone {}

/// Says what failed, and gives the exit code for it.
pub fn report(error: &anyhow::Error) -> u8 {
    if error.is::<OutputGone>() {
        return OUTPUT_GONE;
    }
    let Some(refused) = error.downcast_ref::<jetway::Error>() else {
        output::tell(&format!("{error:#}"));
        return if error.is::<Usage>() { USAGE } else { FAILED };
    };
    output::tell(&refused.to_string());
    if refused.reason() == Some("CWSANDBOX_IMAGE_NOT_FOUND") {
        output::tell("choose an image with --image");
    }
    if refused.reason() == Some("CWSANDBOX_TERMINAL_NOT_FOUND")
        && let Some(id) = refused.sandbox_id()
    {
        output::tell(&format!("look which there are with: jetway sh {id} --list"));
    }
    match refused.kind() {
        ErrorKind::Validation => USAGE,
        ErrorKind::SandboxCommandTimeout => TIMED_OUT,
        _ => FAILED,
    }
}

/// Does something to each, whatever becomes of the others; prints those that it was done to, and gives the exit code.
pub async fn each(names: &[String], quiet: bool, one: impl AsyncFn(&str) -> Result<(), jetway::Error>) -> Result<u8> {
    let mut code = 0;
    for (name, done) in names.iter().zip(join_all(names.iter().map(|name| one(name))).await) {
        match done {
            Ok(()) if quiet => {}
            Ok(()) => output::print(&format!("{name}\n"))?,
            Err(error) => code = report(&error.into()),
        }
    }
    Ok(code)
}

/// A remote command's exit code as ours.
pub fn of_remote(code: i32) -> u8 {
    u8::try_from(code).unwrap_or(u8::MAX)
}
