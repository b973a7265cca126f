//! Sandboxes as tools of a Model Context Protocol server. A tool that fails says why to the model, which may try otherwise;
//! the protocol's own errors are for calls that make no sense. Must not know: how the client is connected.

mod answer;
mod arguments;
mod house;

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use jetway::{
    ExecOptions, Sandbox, SandboxOptions,
    code::{Language, RunOptions},
    sandbox::{FileOperation, ListOptions},
};
use rmcp::{
    ErrorData, ServerHandler,
    handler::server::{router::tool::ToolRouter, wrapper::Parameters},
    model::{CallToolResult, ContentBlock, Implementation, ServerCapabilities, ServerConfig},
    tool, tool_handler, tool_router,
};

pub use self::house::House;
use self::{
    answer::{MAX_TEXT, clipped, failed, refused, said, told},
    arguments as take,
};

/// How long a command or code may run when the model does not say.
const DEFAULT_TIMEOUT: u32 = 120;

const INSTRUCTIONS: &str = "Runs code and commands in isolated sandboxes. Without a sandbox_id, tools use one sandbox of \
    this conversation, created when it is first needed and deleted at the end. Files and interpreters' variables stay \
    between calls.";

type Answer = Result<CallToolResult, ErrorData>;

/// The tools.
#[derive(Clone)]
pub struct Tools {
    house: House,
    tool_router: ToolRouter<Self>,
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("jetway", env!("CARGO_PKG_VERSION")).with_title("Jetway sandboxes"))
            .with_instructions(INSTRUCTIONS)
    }
}

#[tool_router]
impl Tools {
    /// Tools over a client's server.
    pub fn new(house: House) -> Self {
        Self { house, tool_router: Self::tool_router() }
    }

    /// Create a sandbox and wait until it runs. It is deleted at the end of this conversation.
    #[tool(annotations(title = "Create a sandbox", read_only_hint = false, open_world_hint = false))]
    async fn create_sandbox(&self, Parameters(asked): Parameters<take::Create>) -> Answer {
        let take::Create { image, env, cwd, tags, max_lifetime_seconds } = asked;
        let mut options = SandboxOptions::new();
        (options.image, options.env, options.cwd, options.tags) = (image, env, cwd, tags);
        options.max_lifetime_seconds = max_lifetime_seconds;
        match self.house.create(options).await {
            Ok(sandbox) => told(answer::of_sandbox(&sandbox.info())),
            Err(error) => failed(&error),
        }
    }

    /// List sandboxes with their ids and states.
    #[tool(annotations(title = "List sandboxes", read_only_hint = true, open_world_hint = false))]
    async fn list_sandboxes(&self, Parameters(asked): Parameters<take::List>) -> Answer {
        let mut options = ListOptions::default().show_terminated(asked.all);
        options.tags = asked.tags;
        match Sandbox::list(self.house.client(), options).all().await {
            Ok(found) => told(serde_json::json!({
                "sandboxes": found.iter().map(|it| answer::of_sandbox(&it.info())).collect::<Vec<_>>(),
            })),
            Err(error) => failed(&error),
        }
    }

    /// Delete a sandbox with everything in it.
    #[tool(annotations(title = "Delete a sandbox", destructive_hint = true, open_world_hint = false))]
    async fn delete_sandbox(&self, Parameters(asked): Parameters<take::Which>) -> Answer {
        match self.house.delete(&asked.sandbox_id).await {
            Ok(()) => said(format!("sandbox {} is deleted", asked.sandbox_id)),
            Err(error) => failed(&error),
        }
    }

    /// Run a shell command in a sandbox and wait for its end. Gives its exit code, stdout and stderr.
    #[tool(annotations(title = "Run a command", destructive_hint = true))]
    async fn exec(&self, Parameters(asked): Parameters<take::Exec>) -> Answer {
        let take::Exec { command, sandbox_id, cwd, env, stdin, timeout_seconds } = asked;
        let Some(limit) = limit(timeout_seconds) else { return refused("timeout_seconds must be at least 1") };
        let sandbox = match self.house.find(sandbox_id.as_deref()).await {
            Ok(sandbox) => sandbox,
            Err(error) => return failed(&error),
        };
        let mut options = ExecOptions::default().timeout(limit).stdin(stdin.is_some()).max_buffer_bytes(MAX_TEXT);
        (options.cwd, options.env) = (cwd, env);
        let mut process = sandbox.exec(["/bin/sh", "-c", &command], options);
        if let (Some(mut writer), Some(text)) = (process.stdin(), stdin) {
            // A command that reads no more is no failure; its exit code says how it went.
            let _ = writer.write(text).await;
        }
        match process.await {
            Ok(result) => told(serde_json::json!({
                "exit_code": result.exit_code,
                "stdout": result.stdout_text(),
                "stderr": result.stderr_text(),
                "truncated": result.truncated,
            })),
            Err(error) => failed(&error),
        }
    }

    /// Run code in an interpreter that remembers variables between calls. Gives output, values, images and exceptions.
    #[tool(annotations(title = "Run code", destructive_hint = true))]
    async fn run_code(&self, Parameters(asked): Parameters<take::RunCode>) -> Answer {
        let take::RunCode { code, language, sandbox_id, timeout_seconds } = asked;
        let language = match language.as_deref().map(Language::parse).transpose() {
            Ok(language) => language.unwrap_or_default(),
            Err(error) => return failed(&error),
        };
        let Some(limit) = limit(timeout_seconds) else { return refused("timeout_seconds must be at least 1") };
        let ran = async {
            let context = self.house.code(sandbox_id.as_deref()).await?.default_context(language)?;
            context.run(code, RunOptions::default().timeout(limit)).await
        };
        match ran.await {
            Ok(ran) => Ok(answer::of_execution(&ran)),
            Err(error) => failed(&error),
        }
    }

    /// Read a file of a sandbox: text as it is, images as images, anything else as base64.
    #[tool(annotations(title = "Read a file", read_only_hint = true))]
    async fn read_file(&self, Parameters(asked): Parameters<take::Path>) -> Answer {
        let read = async { self.house.find(asked.sandbox_id.as_deref()).await?.read_file(&asked.path).await };
        let bytes = match read.await {
            Ok(bytes) => bytes,
            Err(error) => return failed(&error),
        };
        if let Some(kind) = answer::image_kind(&bytes) {
            return Ok(CallToolResult::success(vec![ContentBlock::image(STANDARD.encode(&bytes), kind)]));
        }
        match std::str::from_utf8(&bytes) {
            Ok(text) => said(clipped(text)),
            Err(_) => said(clipped(&STANDARD.encode(&bytes))),
        }
    }

    /// Create or replace a file of a sandbox.
    #[tool(annotations(title = "Write a file", destructive_hint = true))]
    async fn write_file(&self, Parameters(asked): Parameters<take::Write>) -> Answer {
        let take::Write { path, content, base64, sandbox_id } = asked;
        let content = match base64 {
            false => content.into_bytes(),
            true => match STANDARD.decode(content.trim()) {
                Ok(bytes) => bytes,
                Err(error) => return refused(&format!("content is no base64: {error}")),
            },
        };
        let size = content.len();
        let written = async { self.house.find(sandbox_id.as_deref()).await?.write_file(&path, content).await };
        match written.await {
            Ok(()) => said(format!("{size} bytes written to {path}")),
            Err(error) => failed(&error),
        }
    }

    /// List what is in a directory of a sandbox.
    #[tool(annotations(title = "List a directory", read_only_hint = true))]
    async fn list_files(&self, Parameters(asked): Parameters<take::Path>) -> Answer {
        let listed = async { self.house.find(asked.sandbox_id.as_deref()).await?.files().list(&asked.path, 1).await };
        match listed.await {
            Ok(found) => told(serde_json::json!({
                "entries": found.iter().map(|it| serde_json::json!({
                    "path": it.path, "kind": it.kind.name(), "size_bytes": it.size,
                })).collect::<Vec<_>>(),
            })),
            Err(error) => failed(&error),
        }
    }

    /// Remove a file or directory of a sandbox.
    #[tool(annotations(title = "Remove a file", destructive_hint = true))]
    async fn remove_file(&self, Parameters(asked): Parameters<take::Remove>) -> Answer {
        let take::Remove { path, recursive, sandbox_id } = asked;
        let operation = FileOperation::Remove { recursive };
        let removed = async { self.house.find(sandbox_id.as_deref()).await?.files().apply(&path, &operation).await };
        match removed.await {
            Ok(()) => said(format!("{path} is removed")),
            Err(error) => failed(&error),
        }
    }
}

fn limit(seconds: Option<u32>) -> Option<Duration> {
    let seconds = seconds.unwrap_or(DEFAULT_TIMEOUT);
    (seconds > 0).then(|| Duration::from_secs(seconds.into()))
}
