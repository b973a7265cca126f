//! What was being done when a call failed; the same status means different things to different calls.
//! Must not know: transports, wire types.

use std::time::Duration;

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
    CreateSandboxFromFile,
    CreateSandboxFromTemplate,
    CreateSandboxTemplate,
    GetSandboxTemplate,
    ListSandboxTemplates,
    UpdateSandboxTemplate,
    DeleteSandboxTemplate,
    CreateSecretStore,
    GetSecretStore,
    ListSecretStores,
    DeleteSecretStore,
    ListAvailableRunners,
    GetAvailableRunner,
    CreateFileSystemSnapshot,
    GetFileSystemSnapshot,
    ListFileSystemSnapshots,
    DeleteFileSystemSnapshot,
    CreateVolume,
    GetVolume,
    ListVolumes,
    UpdateVolume,
    DeleteVolume,
    ValidateVolume,
    GetToken,
    RefreshToken,
    CreateSession,
    GetSession,
    ListSessions,
    DeleteSession,
    PauseSession,
    ResumeSession,
    AcquireSandbox,
    ReleaseSandbox,
    GetPoolStats,
    AttachTerminal,
    ListTerminals,
    EndTerminal,
}

/// What kind of thing an operation can fail to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// One sandbox, named by its id.
    Sandbox,
    /// A file inside a sandbox.
    File,
    /// A machine that hosts sandboxes.
    Runner,
    /// A stored specification.
    Template,
    /// A place that secrets are taken from.
    SecretStore,
    /// What a volume held at one moment.
    Snapshot,
    /// A registered volume.
    Volume,
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
            Self::CreateSandboxFromFile => "CreateSandboxFromFile",
            Self::CreateSandboxFromTemplate => "CreateSandboxFromTemplate",
            Self::CreateSandboxTemplate => "CreateSandboxTemplate",
            Self::GetSandboxTemplate => "GetSandboxTemplate",
            Self::ListSandboxTemplates => "ListSandboxTemplates",
            Self::UpdateSandboxTemplate => "UpdateSandboxTemplate",
            Self::DeleteSandboxTemplate => "DeleteSandboxTemplate",
            Self::CreateSecretStore => "CreateSecretStore",
            Self::GetSecretStore => "GetSecretStore",
            Self::ListSecretStores => "ListSecretStores",
            Self::DeleteSecretStore => "DeleteSecretStore",
            Self::ListAvailableRunners => "ListAvailableRunners",
            Self::GetAvailableRunner => "GetAvailableRunner",
            Self::CreateFileSystemSnapshot => "CreateFileSystemSnapshot",
            Self::GetFileSystemSnapshot => "GetFileSystemSnapshot",
            Self::ListFileSystemSnapshots => "ListFileSystemSnapshots",
            Self::DeleteFileSystemSnapshot => "DeleteFileSystemSnapshot",
            Self::CreateVolume => "CreateVolume",
            Self::GetVolume => "GetVolume",
            Self::ListVolumes => "ListVolumes",
            Self::UpdateVolume => "UpdateVolume",
            Self::DeleteVolume => "DeleteVolume",
            Self::ValidateVolume => "ValidateVolume",
            Self::GetToken => "GetToken",
            Self::RefreshToken => "RefreshToken",
            Self::CreateSession => "CreateSession",
            Self::GetSession => "GetSession",
            Self::ListSessions => "ListSessions",
            Self::DeleteSession => "DeleteSession",
            Self::PauseSession => "PauseSession",
            Self::ResumeSession => "ResumeSession",
            Self::AcquireSandbox => "AcquireSandbox",
            Self::ReleaseSandbox => "ReleaseSandbox",
            Self::GetPoolStats => "GetPoolStats",
            Self::AttachTerminal => "AttachTerminal",
            Self::ListTerminals => "ListTerminals",
            Self::EndTerminal => "EndTerminal",
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
            Self::CreateSandboxFromFile => "/coreweave.sandbox.v1.SandboxService/CreateSandboxFromFile",
            Self::CreateSandboxFromTemplate => "/coreweave.sandbox.v1.SandboxService/CreateSandboxFromTemplate",
            Self::CreateSandboxTemplate => "/coreweave.sandbox.v1.SandboxTemplateService/CreateSandboxTemplate",
            Self::GetSandboxTemplate => "/coreweave.sandbox.v1.SandboxTemplateService/GetSandboxTemplate",
            Self::ListSandboxTemplates => "/coreweave.sandbox.v1.SandboxTemplateService/ListSandboxTemplates",
            Self::UpdateSandboxTemplate => "/coreweave.sandbox.v1.SandboxTemplateService/UpdateSandboxTemplate",
            Self::DeleteSandboxTemplate => "/coreweave.sandbox.v1.SandboxTemplateService/DeleteSandboxTemplate",
            Self::CreateSecretStore => "/coreweave.sandbox.v1.SettingsService/CreateSecretStore",
            Self::GetSecretStore => "/coreweave.sandbox.v1.SettingsService/GetSecretStore",
            Self::ListSecretStores => "/coreweave.sandbox.v1.SettingsService/ListSecretStores",
            Self::DeleteSecretStore => "/coreweave.sandbox.v1.SettingsService/DeleteSecretStore",
            Self::ListAvailableRunners => "/coreweave.sandbox.v1.DiscoveryService/ListAvailableRunners",
            Self::GetAvailableRunner => "/coreweave.sandbox.v1.DiscoveryService/GetAvailableRunner",
            Self::CreateFileSystemSnapshot => "/coreweave.sandbox.v1.SandboxService/CreateFileSystemSnapshot",
            Self::GetFileSystemSnapshot => "/coreweave.sandbox.v1.SandboxService/GetFileSystemSnapshot",
            Self::ListFileSystemSnapshots => "/coreweave.sandbox.v1.SandboxService/ListFileSystemSnapshots",
            Self::DeleteFileSystemSnapshot => "/coreweave.sandbox.v1.SandboxService/DeleteFileSystemSnapshot",
            Self::CreateVolume => "/coreweave.sandbox.v1.VolumeService/CreateVolume",
            Self::GetVolume => "/coreweave.sandbox.v1.VolumeService/GetVolume",
            Self::ListVolumes => "/coreweave.sandbox.v1.VolumeService/ListVolumes",
            Self::UpdateVolume => "/coreweave.sandbox.v1.VolumeService/UpdateVolume",
            Self::DeleteVolume => "/coreweave.sandbox.v1.VolumeService/DeleteVolume",
            Self::ValidateVolume => "/coreweave.sandbox.v1.VolumeService/ValidateVolume",
            Self::GetToken => "/jetway.v1.TokenService/GetToken",
            Self::RefreshToken => "/jetway.v1.TokenService/RefreshToken",
            Self::CreateSession => "/jetway.v1.SessionService/CreateSession",
            Self::GetSession => "/jetway.v1.SessionService/GetSession",
            Self::ListSessions => "/jetway.v1.SessionService/ListSessions",
            Self::DeleteSession => "/jetway.v1.SessionService/DeleteSession",
            Self::PauseSession => "/jetway.v1.SessionService/PauseSession",
            Self::ResumeSession => "/jetway.v1.SessionService/ResumeSession",
            Self::AcquireSandbox => "/jetway.v1.PoolService/AcquireSandbox",
            Self::ReleaseSandbox => "/jetway.v1.PoolService/ReleaseSandbox",
            Self::GetPoolStats => "/jetway.v1.PoolService/GetPoolStats",
            Self::AttachTerminal => "/jetway.v1.TerminalService/AttachTerminal",
            Self::ListTerminals => "/jetway.v1.TerminalService/ListTerminals",
            Self::EndTerminal => "/jetway.v1.TerminalService/EndTerminal",
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
            Self::CreateSandboxFromFile
            | Self::CreateSandboxFromTemplate
            | Self::CreateSandboxTemplate
            | Self::GetSandboxTemplate
            | Self::ListSandboxTemplates
            | Self::UpdateSandboxTemplate
            | Self::DeleteSandboxTemplate
            | Self::CreateSecretStore
            | Self::GetSecretStore
            | Self::ListSecretStores
            | Self::DeleteSecretStore
            | Self::ListAvailableRunners
            | Self::GetAvailableRunner => true,
            Self::CreateFileSystemSnapshot
            | Self::GetFileSystemSnapshot
            | Self::ListFileSystemSnapshots
            | Self::DeleteFileSystemSnapshot
            | Self::CreateVolume
            | Self::GetVolume
            | Self::ListVolumes
            | Self::UpdateVolume
            | Self::DeleteVolume
            | Self::ValidateVolume => true,
            // Of two tokens one is not used; a session is made once for its request id.
            Self::GetToken
            | Self::RefreshToken
            | Self::CreateSession
            | Self::GetSession
            | Self::ListSessions
            | Self::GetPoolStats
            | Self::ListTerminals
            | Self::EndTerminal => true,
            Self::DeleteSession
            | Self::PauseSession
            | Self::ResumeSession
            | Self::AcquireSandbox
            | Self::ReleaseSandbox => false,
            // Attaching again is for whoever knows how far the output came.
            Self::Exec | Self::StreamExec | Self::AttachTerminal | Self::StreamLogs | Self::WriteFile => false,
        }
    }

    /// How long one attempt may take of a call that may be repeated, where a server answers at once.
    pub(crate) fn attempt_limit(self) -> Option<Duration> {
        match self {
            Self::CreateSandbox | Self::CreateSandboxFromTemplate => Some(Duration::from_secs(25)),
            Self::GetSandbox => Some(Duration::from_secs(10)),
            _ => None,
        }
    }

    pub(super) fn subject(self) -> Subject {
        match self {
            Self::GetToken
            | Self::RefreshToken
            | Self::CreateSession
            | Self::GetSession
            | Self::ListSessions
            | Self::DeleteSession
            | Self::PauseSession
            | Self::ResumeSession
            | Self::AcquireSandbox
            | Self::ReleaseSandbox
            | Self::GetPoolStats
            | Self::CreateSandbox
            | Self::CreateSandboxFromFile
            | Self::ListSandboxes
            | Self::PurgeSandboxes => Subject::Collection,
            Self::ListAvailableRunners | Self::GetAvailableRunner => Subject::Runner,
            Self::CreateSandboxFromTemplate
            | Self::CreateSandboxTemplate
            | Self::GetSandboxTemplate
            | Self::ListSandboxTemplates
            | Self::UpdateSandboxTemplate
            | Self::DeleteSandboxTemplate => Subject::Template,
            Self::CreateSecretStore | Self::GetSecretStore | Self::ListSecretStores | Self::DeleteSecretStore => {
                Subject::SecretStore
            }
            Self::GetSandbox
            | Self::DeleteSandbox
            | Self::Exec
            | Self::StreamExec
            | Self::StreamLogs
            | Self::AttachTerminal
            | Self::ListTerminals
            | Self::EndTerminal => Subject::Sandbox,
            Self::ReadFile | Self::WriteFile => Subject::File,
            // A creation fails to find the sandbox.
            Self::CreateFileSystemSnapshot => Subject::Sandbox,
            Self::GetFileSystemSnapshot | Self::ListFileSystemSnapshots | Self::DeleteFileSystemSnapshot => {
                Subject::Snapshot
            }
            Self::CreateVolume
            | Self::GetVolume
            | Self::ListVolumes
            | Self::UpdateVolume
            | Self::DeleteVolume
            | Self::ValidateVolume => Subject::Volume,
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
