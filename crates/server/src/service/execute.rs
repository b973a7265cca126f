//! Code and commands that are run to their end, with what they printed. Code in a language that has an interpreter to keep
//! runs in the sandbox's default context of that language, the same that other clients use: what it leaves is remembered.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bytes::Bytes;
use serde_json::Value;

use super::{
    Api, Problem, Ready,
    deadline::Deadline,
    exec::{Collected, collect_until},
    kept::{self, Kept},
    plan::{Faults, check_command, check_env},
};
use crate::runtime::{ExecRequest, Instance};

/// Kept of each stream.
const MOST_OUTPUT: usize = 10 * 1024 * 1024;
/// Said when the time limit ended it.
pub(super) const TIMED_OUT: i32 = 124;

/// Something to run.
pub(crate) enum What {
    /// Source code.
    Code {
        /// Of this language.
        language: String,
        /// The source.
        code: String,
    },
    /// A command line.
    Command(Vec<String>),
}

/// Something to run, and how.
pub(crate) struct Execute {
    /// Where.
    pub sandbox_id: String,
    /// What.
    pub what: What,
    /// Empty for the sandbox's own.
    pub work_dir: String,
    /// On top of the sandbox's own.
    pub env: BTreeMap<String, String>,
    /// How long it may run.
    pub limit: Duration,
}

/// What it did.
#[derive(Debug, Default)]
pub(crate) struct Executed {
    /// -1 when it could not be run.
    pub exit_code: i32,
    /// Its beginning, should it be long.
    pub stdout: Bytes,
    /// Its beginning, should it be long; the traceback of code included.
    pub stderr: Bytes,
    /// How long it took.
    pub duration: Duration,
    /// Whether the limit ended it.
    pub timed_out: bool,
    /// Why it could not be run.
    pub error: Option<String>,
    /// What the code showed, by MIME type; binary forms in Base64.
    pub results: Vec<Value>,
}

impl Api {
    /// Runs something in a sandbox.
    pub(crate) async fn execute(&self, asked: Execute) -> Result<Executed, Problem> {
        let Execute { sandbox_id, what, work_dir, env, limit } = asked;
        let mut faults = Faults::default();
        check_env("env", &env, &mut faults);
        let absolute = work_dir.is_empty() || (work_dir.starts_with('/') && !work_dir.contains('\0'));
        faults.check(absolute, "work_dir", "must be an absolute path without NUL");
        if let What::Command(command) = &what {
            check_command("command", command, &mut faults);
        }
        faults.finish()?;
        let Ready { sandbox, instance, container } = self.ready(&sandbox_id, "", Deadline::none()).await?;
        let _in_use = sandbox.activity.begin();
        let begun = Instant::now();
        let argv = match what {
            What::Command(command) => command,
            What::Code { language, code } => {
                // A directory or an environment of its own is not the context's: then it runs by itself.
                if let Some(language) = Kept::of(&language)
                    && work_dir.is_empty()
                    && env.is_empty()
                    && let Some(done) = kept::run(&*instance, &container, language, &code, limit).await?
                {
                    return Ok(Executed { duration: begun.elapsed(), ..done });
                }
                self.by_itself(&*instance, &container, &language, code).await?
            }
        };
        let argv = if work_dir.is_empty() { argv } else { within(&work_dir, argv) };
        let request = ExecRequest { container, argv, env, tty: None, stdin: false };
        let handle = match instance.exec(request).await {
            Ok(handle) => handle,
            Err(error) => {
                return Ok(Executed { exit_code: -1, error: Some(error.to_string()), ..Executed::default() });
            }
        };
        let (collected, timed_out) = collect_until(handle, MOST_OUTPUT, tokio::time::sleep(limit)).await;
        let (exit_code, error) = match (collected.exit, timed_out) {
            (_, true) => (TIMED_OUT, None),
            (Ok(code), false) => (code, None),
            (Err(lost), false) => (-1, Some(lost)),
        };
        let Collected { stdout, stderr, .. } = collected;
        let duration = begun.elapsed();
        Ok(Executed { exit_code, stdout, stderr, duration, timed_out, error, results: Vec::new() })
    }

    /// The command that runs code in a process of its own. Long code must not be an argument, so it becomes a file.
    async fn by_itself(
        &self,
        instance: &dyn Instance,
        container: &str,
        language: &str,
        code: String,
    ) -> Result<Vec<String>, Problem> {
        let (command, ending): (&[&str], &str) = match language.to_ascii_lowercase().as_str() {
            "python" | "python3" | "py" => (&["python3"], "py"),
            "node" | "javascript" | "js" | "nodejs" => (&["node"], "mjs"),
            "ruby" => (&["ruby"], "rb"),
            "go" | "golang" => (&["go", "run"], "go"),
            _ => (&["bash"], "sh"),
        };
        let name = crate::identity::random_text(12).map_err(|error| Problem::io("making a name", &error))?;
        let path = format!("{}/code-{name}.{ending}", kept::ROOT);
        kept::put(instance, container, &path, code.as_bytes()).await?;
        Ok(command.iter().map(|part| (*part).to_owned()).chain([path]).collect())
    }
}

/// The same command in another directory.
fn within(directory: &str, argv: Vec<String>) -> Vec<String> {
    let script = "cd \"$0\" && exec \"$@\"";
    ["sh", "-c", script, directory].into_iter().map(str::to_owned).chain(argv).collect()
}
