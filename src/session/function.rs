//! Functions by their source, which run in sandboxes: what of remote functions both hosts share. The programs that run
//! there are in `runner/`; the package sends the same ones. Must not know: the wire, how a source was found.

use std::time::Duration;

use futures::future::try_join_all;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::Session;
use crate::{
    error::{Error, ErrorKind},
    platform,
    process::{ExecOptions, ProcessResult},
    sandbox::{Sandbox, SandboxOptions, StopOptions},
};

const JAVASCRIPT: &str = concat!(include_str!("runner/json.mjs"), "\n", include_str!("runner/javascript.mjs"));
const PYTHON: &str = include_str!("runner/python.py");
/// What has Node, when neither the session nor the call names an image.
const NODE_IMAGE: &str = "node:22";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    JavaScript,
    Python,
}

/// A function by its source, to be called in sandboxes. Values travel as JSON.
#[derive(Debug, Clone)]
pub struct RemoteFunction {
    language: Language,
    source: String,
    bind: Map<String, Value>,
    timeout: Option<Duration>,
    temp_dir: String,
}

impl RemoteFunction {
    /// A JavaScript function: an expression such as `(x, y) => x + y`. It needs `node` in the sandbox.
    pub fn javascript(source: impl Into<String>) -> Self {
        Self::new(Language::JavaScript, source.into())
    }

    /// A Python function: the last one that `source` defines. It needs `python3` in the sandbox.
    pub fn python(source: impl Into<String>) -> Self {
        Self::new(Language::Python, source.into())
    }

    fn new(language: Language, source: String) -> Self {
        let temp_dir = super::DEFAULT_TEMP_DIR.to_owned();
        Self { language, source, bind: Map::new(), timeout: None, temp_dir }
    }

    /// Gives a name that the source refers to its value.
    ///
    /// # Errors
    /// Function serialization, for a value that is no JSON.
    pub fn bind(mut self, name: impl Into<String>, value: impl Serialize) -> Result<Self, Error> {
        let name = name.into();
        let value = to_json(&value, &format!("bind.{name}"))?;
        self.bind.insert(name, value);
        Ok(self)
    }

    /// How long one call may run in its sandbox.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Where its files lie while it runs, absolute. Default: `/tmp`.
    pub fn temp_dir(mut self, folder: impl Into<String>) -> Self {
        self.temp_dir = folder.into();
        self
    }

    /// Calls it in this sandbox, with the elements of a tuple or a sequence as its arguments.
    ///
    /// # Errors
    /// Sandbox execution, for what it throws there: metadata has `exceptionType`, `exceptionMessage` and `remoteStack`.
    /// Function serialization, for values that are no JSON or of another type. Function, without its interpreter. And
    /// those of files and processes.
    pub async fn call<R: DeserializeOwned>(&self, sandbox: &Sandbox, args: impl Serialize) -> Result<R, Error> {
        let files = self.files(&args)?;
        let random = platform::random_bytes::<16>()
            .ok_or_else(|| Error::new(ErrorKind::Configuration, "this host has no source of randomness"))?;
        let folder = format!("{}/sandbox_payload_{:032x}", self.temp_dir, u128::from_le_bytes(random));
        let called = self.run::<R>(sandbox, &folder, files).await;
        // The sandbox lives on; what could not be removed does no harm to the answer.
        let _ = sandbox.exec(["rm", "-rf", folder.as_str()], ExecOptions::default()).await;
        called
    }

    async fn run<R: DeserializeOwned>(&self, sandbox: &Sandbox, folder: &str, files: Files) -> Result<R, Error> {
        let write = async |name: &str, text: String| sandbox.write_file(&format!("{folder}/{name}"), text).await;
        try_join_all(files.into_iter().map(|(name, text)| write(name, text))).await?;
        let (interpreter, program) = match self.language {
            Language::JavaScript => ("node", "run.mjs"),
            Language::Python => ("python3", "run.py"),
        };
        let mut options = ExecOptions::default();
        if let Some(timeout) = self.timeout {
            options = options.timeout(timeout);
        }
        let result = sandbox.exec([interpreter.to_owned(), format!("{folder}/{program}")], options).await?;
        if !result.ok() {
            return Err(died(interpreter, result));
        }
        let answer = match sandbox.read_file(&format!("{folder}/result.json")).await {
            Err(error) if error.reason() == Some("CWSANDBOX_FILE_NOT_FOUND") => return Err(died(interpreter, result)),
            answer => answer?,
        };
        read(&answer, result)
    }

    fn files(&self, args: &impl Serialize) -> Result<Files, Error> {
        let args = match to_json(args, "arguments")? {
            Value::Array(args) => Value::Array(args),
            Value::Null => Value::Array(Vec::new()),
            _ => return Err(unserializable("arguments: give them as a tuple or a sequence")),
        };
        let bind = Value::Object(self.bind.clone()).to_string();
        let mut call = json!({ "serialization": "json", "bind": bind, "args": args.to_string() });
        Ok(match self.language {
            Language::JavaScript => {
                let names: Vec<&str> = self.bind.keys().map(String::as_str).collect();
                let module = format!(
                    "export default ({{ {} }}, require) => (\n{}\n);\n",
                    names.join(", "),
                    self.source.trim_end_matches([';', ' ', '\n'])
                );
                vec![("run.mjs", JAVASCRIPT.to_owned()), ("function.mjs", module), ("call.json", call.to_string())]
            }
            Language::Python => {
                call["source"] = Value::String(self.source.clone());
                vec![("run.py", PYTHON.to_owned()), ("call.json", call.to_string())]
            }
        })
    }
}

type Files = Vec<(&'static str, String)>;

impl Session {
    /// Calls a function in a sandbox of its own, which ends with the call. `options` win over the session's defaults.
    ///
    /// # Errors
    /// Those of [`RemoteFunction::call`]; sandbox, for a session that is closed.
    pub async fn call<R: DeserializeOwned>(
        &self,
        function: &RemoteFunction,
        args: impl Serialize,
        mut options: SandboxOptions,
    ) -> Result<R, Error> {
        let image = self.defaults().apply(options.clone()).image;
        if function.language == Language::JavaScript && image.is_none() {
            options.image = Some(NODE_IMAGE.to_owned());
        }
        let sandbox = self.sandbox(options)?;
        let called = function.call(&sandbox, args).await;
        // One that cannot be stopped is the session's still, which tells of it when it is closed.
        let _ = sandbox.stop(StopOptions::default().graceful_shutdown(Duration::ZERO).missing_ok(true)).await;
        called
    }
}

fn to_json(value: &impl Serialize, path: &str) -> Result<Value, Error> {
    serde_json::to_value(value).map_err(|error| unserializable(&format!("{path}: {error}")).with_source(error))
}

fn unserializable(message: &str) -> Error {
    Error::new(ErrorKind::FunctionSerialization, message)
}

fn died(interpreter: &str, result: ProcessResult) -> Error {
    let code = result.exit_code;
    if code == 126 || code == 127 {
        let error = Error::new(ErrorKind::Function, format!("the sandbox has no {interpreter}"));
        return error.with_hint(format!("Use an image with {interpreter}"));
    }
    let text = format!("the function's process ended with exit code {code} before it returned");
    Error::new(ErrorKind::SandboxExecution, text).with_payload(result)
}

/// What the runner wrote: a value, what cannot be one, or what was thrown.
fn read<R: DeserializeOwned>(answer: &[u8], result: ProcessResult) -> Result<R, Error> {
    let answer: Value = serde_json::from_slice(answer)
        .map_err(|error| Error::new(ErrorKind::Protocol, "the function's answer is no JSON").with_source(error))?;
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    if let Some(what) = answer.get("unserializable") {
        return Err(unserializable(&format!("the result: {}: {}", text(what, "path"), text(what, "what"))));
    }
    if let Some(thrown) = answer.get("error") {
        let (kind, message) = (text(thrown, "type"), text(thrown, "message"));
        let error = Error::new(ErrorKind::SandboxExecution, format!("the function threw {kind}: {message}"));
        let error = error.with_metadata("exceptionType", kind).with_metadata("exceptionMessage", message);
        return Err(error.with_metadata("remoteStack", text(thrown, "stack")).with_payload(result));
    }
    let value = text(&answer, "value");
    let value = if value.is_empty() { "null" } else { &value };
    serde_json::from_str(value).map_err(|error| unserializable(&format!("the result: {error}")).with_source(error))
}
