//! What was being done when a call failed; the same status means different things to different calls.
//! Must not know: transports, wire types.

/// A remote call of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each variant is the rpc of that name")]
pub enum Operation {
    CreateSandbox,
    GetSandbox,
    ListSandboxes,
    DeleteSandbox,
    PurgeSandboxes,
    Exec,
    StreamExec,
    StreamLogs,
    ReadFile,
    WriteFile,
}

/// What kind of thing an operation can fail to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// One sandbox, named by its id.
    Sandbox,
    /// A file inside a sandbox.
    File,
    /// Nothing in particular: a creation or a listing.
    Collection,
}

impl Operation {
    /// The rpc's name as the wire spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::CreateSandbox => "CreateSandbox",
            Self::GetSandbox => "GetSandbox",
            Self::ListSandboxes => "ListSandboxes",
            Self::DeleteSandbox => "DeleteSandbox",
            Self::PurgeSandboxes => "PurgeSandboxes",
            Self::Exec => "Exec",
            Self::StreamExec => "StreamExec",
            Self::StreamLogs => "StreamLogs",
            Self::ReadFile => "ReadFile",
            Self::WriteFile => "WriteFile",
        }
    }

    /// The full request path.
    pub fn path(self) -> &'static str {
        match self {
            Self::CreateSandbox => "/coreweave.sandbox.v1.SandboxService/CreateSandbox",
            Self::GetSandbox => "/coreweave.sandbox.v1.SandboxService/GetSandbox",
            Self::ListSandboxes => "/coreweave.sandbox.v1.SandboxService/ListSandboxes",
            Self::DeleteSandbox => "/coreweave.sandbox.v1.SandboxService/DeleteSandbox",
            Self::PurgeSandboxes => "/coreweave.sandbox.v1.SandboxService/PurgeSandboxes",
            Self::Exec => "/coreweave.sandbox.v1.SandboxService/Exec",
            Self::StreamExec => "/coreweave.sandbox.v1.SandboxService/StreamExec",
            Self::StreamLogs => "/coreweave.sandbox.v1.SandboxService/StreamLogs",
            Self::ReadFile => "/coreweave.sandbox.v1.SandboxService/ReadFile",
            Self::WriteFile => "/coreweave.sandbox.v1.SandboxService/WriteFile",
        }
    }

    /// Whether repeating the call cannot do its work twice. Creation and deletion qualify by their request id.
    pub fn is_idempotent(self) -> bool {
        match self {
            Self::CreateSandbox
            | Self::GetSandbox
            | Self::ListSandboxes
            | Self::DeleteSandbox
            | Self::PurgeSandboxes
            | Self::ReadFile => true,
            Self::Exec | Self::StreamExec | Self::StreamLogs | Self::WriteFile => false,
        }
    }

    pub(super) fn subject(self) -> Subject {
        match self {
            Self::CreateSandbox | Self::ListSandboxes | Self::PurgeSandboxes => Subject::Collection,
            Self::GetSandbox | Self::DeleteSandbox | Self::Exec | Self::StreamExec | Self::StreamLogs => {
                Subject::Sandbox
            }
            Self::ReadFile | Self::WriteFile => Subject::File,
        }
    }
}

/// Which call, on which sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallContext {
    /// The rpc.
    pub operation: Operation,
    /// The sandbox it concerns, where it concerns one.
    pub sandbox_id: Option<String>,
}

impl CallContext {
    /// A call that concerns no single sandbox.
    pub fn new(operation: Operation) -> Self {
        Self { operation, sandbox_id: None }
    }

    /// A call on a sandbox.
    pub fn on(operation: Operation, sandbox_id: impl Into<String>) -> Self {
        Self { operation, sandbox_id: Some(sandbox_id.into()) }
    }
}
