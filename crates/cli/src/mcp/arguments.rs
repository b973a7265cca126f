//! What the tools take, as their schemas say it to a model. Must not know: what the tools do.

use std::collections::BTreeMap;

use rmcp::schemars::{self, JsonSchema};
use serde::Deserialize;

/// A new sandbox.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// Container image, for example python:3.11 or node:22. Leave it out for the default.
    pub image: Option<String>,
    /// Environment variables of everything in it.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Absolute working directory of everything in it.
    pub cwd: Option<String>,
    /// Tags to find it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// After how many seconds it ends by itself.
    pub max_lifetime_seconds: Option<u32>,
}

/// Which sandboxes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// Only those with all of these tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Also those that have ended.
    #[serde(default)]
    pub all: bool,
}

/// One sandbox.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// Id of the sandbox.
    pub sandbox_id: String,
}

/// A shell command.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exec {
    /// Shell command line, run by /bin/sh -c.
    pub command: String,
    /// Id of a sandbox. Leave it out for this conversation's own, which is created when it is first needed.
    pub sandbox_id: Option<String>,
    /// Absolute working directory.
    pub cwd: Option<String>,
    /// Environment variables of the command.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// What the command reads on standard input.
    pub stdin: Option<String>,
    /// After how many seconds it is killed. Default: 120.
    pub timeout_seconds: Option<u32>,
}

/// Code in an interpreter that keeps its state.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunCode {
    /// The code. The value of its last expression is part of the answer.
    pub code: String,
    /// python (default), javascript or bash. Variables stay between calls, per sandbox and language.
    pub language: Option<String>,
    /// Id of a sandbox. Leave it out for this conversation's own, which is created when it is first needed.
    pub sandbox_id: Option<String>,
    /// After how many seconds the code is interrupted. Default: 120.
    pub timeout_seconds: Option<u32>,
}

/// A file or directory.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Path {
    /// Absolute path in the sandbox.
    pub path: String,
    /// Id of a sandbox. Leave it out for this conversation's own, which is created when it is first needed.
    pub sandbox_id: Option<String>,
}

/// A file's new content.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Write {
    /// Absolute path in the sandbox. Directories above it are made.
    pub path: String,
    /// The whole content. Text, unless base64 is true.
    pub content: String,
    /// Whether the content is base64, for what is no text.
    #[serde(default)]
    pub base64: bool,
    /// Id of a sandbox. Leave it out for this conversation's own, which is created when it is first needed.
    pub sandbox_id: Option<String>,
}

/// What to remove.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Remove {
    /// Absolute path in the sandbox.
    pub path: String,
    /// A directory with all that is in it.
    #[serde(default)]
    pub recursive: bool,
    /// Id of a sandbox. Leave it out for this conversation's own, which is created when it is first needed.
    pub sandbox_id: Option<String>,
}
