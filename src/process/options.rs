//! What a process can be asked for, checked and turned into the wire's terms.
//! Must not know: how a sandbox is found or started.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use prost::Message;

use super::{Keep, MARK_VARIABLE, signal};
use crate::{
    client::CallHead,
    error::Error,
    wire::{
        self,
        jetway::v1::{TerminalRequest, terminal_request::Message as Frame},
    },
};

/// How much output that nobody streams is collected, each of stdout and stderr.
pub const DEFAULT_MAX_BUFFER_BYTES: usize = 64 * 1024 * 1024;

/// Changes directory, then becomes the command. `$1` is a directory and never parsed as shell text.
const IN_DIRECTORY: &str = "cd \"$1\" && shift && exec \"$@\"";

/// Options of a process. Unset ones inherit from the sandbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExecOptions {
    /// Working directory, absolute. Uses the sandbox's `/bin/sh`.
    pub cwd: Option<String>,
    /// Environment, on top of the sandbox's.
    pub env: BTreeMap<String, String>,
    /// Makes a non-zero exit an execution error that carries the result.
    pub check: bool,
    /// How long the command may run; then it is killed. Default: for ever.
    pub timeout: Option<Duration>,
    /// Whether something will be written to it. Otherwise stdin reads as end of file.
    pub stdin: bool,
    /// How much unread output to keep, each of stdout and stderr; beyond it the middle is dropped. Default: 64 MiB.
    pub max_buffer_bytes: Option<usize>,
    /// Gives it a terminal of this size; all output then comes on stdout.
    pub tty: Option<TerminalSize>,
    /// Which container of the sandbox. Default: the primary one.
    pub container: Option<String>,
    /// Keeps its terminal when the connection is lost; needs `tty`.
    pub keep: Option<Keep>,
}

/// The size of a terminal in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
}

impl Default for TerminalSize {
    fn default() -> Self {
        Self { cols: 80, rows: 24 }
    }
}

impl ExecOptions {
    /// Sets the working directory, absolute.
    pub fn cwd(mut self, cwd: impl Into<String>) -> Self {
        self.cwd = Some(cwd.into());
        self
    }

    /// Adds a variable to the environment.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Makes a non-zero exit an error.
    pub fn check(mut self, check: bool) -> Self {
        self.check = check;
        self
    }

    /// Limits how long the command may run.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Opens stdin.
    pub fn stdin(mut self, stdin: bool) -> Self {
        self.stdin = stdin;
        self
    }

    /// Limits how much unread output is kept.
    pub fn max_buffer_bytes(mut self, bytes: usize) -> Self {
        self.max_buffer_bytes = Some(bytes);
        self
    }

    /// Gives it a terminal.
    pub fn tty(mut self, size: TerminalSize) -> Self {
        self.tty = Some(size);
        self
    }

    /// Runs it in a container by name.
    pub fn container(mut self, name: impl Into<String>) -> Self {
        self.container = Some(name.into());
        self
    }

    /// Keeps its terminal when the connection is lost.
    pub fn keep(mut self, keep: Keep) -> Self {
        self.keep = Some(keep);
        self
    }
}

/// A checked command with its options: nothing about it can be refused for its form any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecPlan {
    command: Vec<String>,
    options: ExecOptions,
    mark: Option<String>,
}

impl ExecPlan {
    /// Checks a command and its options.
    ///
    /// # Errors
    /// Validation, naming `command`, `cwd`, `env`, `timeout` or `tty`.
    pub fn new(command: Vec<String>, mut options: ExecOptions) -> Result<Self, Error> {
        check_command(&command)?;
        if let Some(cwd) = &options.cwd {
            check_path("cwd", cwd)?;
        }
        check_env("env", &options.env)?;
        if options.timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Err(Error::invalid("timeout", "must be longer than zero; leave it out for no limit"));
        }
        if options.tty.is_some_and(|size| size.cols == 0 || size.rows == 0) {
            return Err(Error::invalid("tty", "columns and rows must be at least 1"));
        }
        if options.keep.is_some() && options.tty.is_none() {
            return Err(Error::invalid("keep", "only terminals are kept: set `tty`, or use `shell`"));
        }
        options.keep = options.keep.map(Keep::named).transpose()?;
        // Whoever comes back to a kept terminal finds its processes by its name. A host that marks its processes itself
        // keeps its own marks.
        let kept = options.keep.as_ref().and_then(|keep| keep.id.clone());
        let mark = options.env.get(MARK_VARIABLE).cloned().or(kept).or_else(signal::mark);
        Ok(Self { command, options, mark })
    }

    /// A command that was refused: only for its result to name.
    pub(super) fn refused(command: Vec<String>) -> Self {
        Self { command, options: ExecOptions::default(), mark: None }
    }

    /// The command as given.
    pub fn command(&self) -> &[String] {
        &self.command
    }

    /// The options as given.
    pub fn options(&self) -> &ExecOptions {
        &self.options
    }

    /// What its process can be found by, to be signalled.
    pub fn mark(&self) -> Option<&str> {
        self.mark.as_deref()
    }

    /// How much unread output to keep.
    pub fn max_buffer_bytes(&self) -> usize {
        self.options.max_buffer_bytes.unwrap_or(DEFAULT_MAX_BUFFER_BYTES)
    }

    /// Whether the way up stays open: for stdin, and for a terminal's input and resizes.
    pub fn keeps_input_open(&self) -> bool {
        self.options.stdin || self.options.tty.is_some()
    }

    /// The first frame of its stream.
    pub(crate) fn init(&self, sandbox_id: impl Into<String>) -> wire::ExecStreamInit {
        // Every option has to be dealt with here before this compiles.
        let ExecOptions { cwd, env, check: _, timeout: _, stdin: _, max_buffer_bytes: _, tty, container, keep: _ } =
            &self.options;
        let command = match cwd {
            None => self.command.clone(),
            Some(cwd) => ["/bin/sh", "-c", IN_DIRECTORY, "sh", cwd]
                .into_iter()
                .map(str::to_owned)
                .chain(self.command.iter().cloned())
                .collect(),
        };
        let mark = self.mark.clone().map(|mark| (MARK_VARIABLE.to_owned(), mark));
        wire::ExecStreamInit {
            sandbox_id: sandbox_id.into(),
            command,
            tty: tty.is_some(),
            tty_width: tty.map_or(0, |size| size.cols.into()),
            tty_height: tty.map_or(0, |size| size.rows.into()),
            env: env.clone().into_iter().chain(mark).collect(),
            container: container.clone().unwrap_or_default(),
        }
    }
}

/// A process ready to be opened on any pipe: the head of its call and its first message.
#[derive(Debug, Clone)]
pub struct PreparedExec {
    /// Path, metadata and deadline.
    pub head: CallHead,
    /// What is to run.
    pub plan: ExecPlan,
    pub(crate) first: Frame,
}

impl PreparedExec {
    /// The first message, encoded and without its gRPC envelope.
    pub fn first_message(&self) -> Bytes {
        Bytes::from(TerminalRequest { message: Some(self.first.clone()) }.encode_to_vec())
    }
}

fn check_command(command: &[String]) -> Result<(), Error> {
    match command.first() {
        None => return Err(Error::invalid("command", "must not be empty; e.g. [\"echo\", \"hi\"]")),
        Some(program) if program.is_empty() => {
            return Err(Error::invalid("command", "its first element, the program, must not be an empty string"));
        }
        Some(_) => {}
    }
    match command.iter().position(|part| part.contains('\0')) {
        Some(index) => Err(Error::invalid(format!("command[{index}]"), "must not contain a NUL character")),
        None => Ok(()),
    }
}

/// An absolute path that a process or file call can be given.
pub(crate) fn check_path(field: &str, path: &str) -> Result<(), Error> {
    if path.contains('\0') {
        return Err(Error::invalid(field, "must not contain a NUL character"));
    }
    if !path.starts_with('/') {
        return Err(Error::invalid(
            field,
            format!("must be absolute, got {path:?}; did you mean {:?}?", format!("/{path}")),
        ));
    }
    Ok(())
}

/// Variables that a process can be given.
pub(crate) fn check_env(field: &str, env: &BTreeMap<String, String>) -> Result<(), Error> {
    for (name, value) in env {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(Error::invalid(field, format!("{name:?} is no variable name: not empty, without = and NUL")));
        }
        if value.contains('\0') {
            return Err(Error::invalid(format!("{field}.{name}"), "must not contain a NUL character"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ExecOptions, ExecPlan, TerminalSize};

    fn field(command: &[&str], options: ExecOptions) -> String {
        let command = command.iter().map(|&part| part.to_owned()).collect();
        ExecPlan::new(command, options).unwrap_err().field_violations()[0].field.clone()
    }

    #[test]
    fn wrong_options_are_refused_by_name() {
        assert_eq!(field(&[], ExecOptions::default()), "command");
        assert_eq!(field(&[""], ExecOptions::default()), "command");
        assert_eq!(field(&["a", "b\0"], ExecOptions::default()), "command[1]");
        assert_eq!(field(&["a"], ExecOptions::default().cwd("src")), "cwd");
        assert_eq!(field(&["a"], ExecOptions::default().cwd("/a\0")), "cwd");
        assert_eq!(field(&["a"], ExecOptions::default().env("A=B", "")), "env");
        assert_eq!(field(&["a"], ExecOptions::default().env("A", "\0")), "env.A");
        assert_eq!(field(&["a"], ExecOptions::default().timeout(Duration::ZERO)), "timeout");
        assert_eq!(field(&["a"], ExecOptions::default().tty(TerminalSize { cols: 0, rows: 1 })), "tty");
    }

    #[test]
    fn a_working_directory_is_an_argument_and_never_shell_text() {
        let options = ExecOptions::default().cwd("/a'; rm -rf \"$HOME\" #");
        let init = ExecPlan::new(vec!["ls".into(), "$x".into()], options).unwrap().init("sb");
        assert_eq!(init.command[0..2], ["/bin/sh", "-c"]);
        assert!(!init.command[2].contains("rm"), "{:?}", init.command);
        assert_eq!(init.command[4..], ["/a'; rm -rf \"$HOME\" #", "ls", "$x"]);
    }

    #[test]
    fn without_a_directory_the_command_goes_as_it_is() {
        let init = ExecPlan::new(vec!["ls".into()], ExecOptions::default().env("A", "1")).unwrap().init("sb");
        assert_eq!(init.command, ["ls"]);
        assert_eq!(init.env["A"], "1");
        assert_eq!(init.env.len(), 2, "and its mark");
        assert!(!init.tty);
    }
}
