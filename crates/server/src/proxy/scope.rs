//! Which sandboxes a call touches, for tokens that are good for some only. What is not in the table here is closed to
//! such tokens: the proxy could not tell whose sandbox it would reach.
//! Must not know: connections.

use prost::Message as _;
use tonic::Code;

use super::message::{Ambiguous, only};
use crate::{
    service::Problem,
    tokens::Scope,
    wire::sandbox::{ListSandboxesRequest, PurgeSandboxesRequest, SandboxSpec, sandbox_volume},
};

/// How a request says which sandboxes it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// By `sandbox_id`, field 1.
    Sandbox,
    /// By the `sandbox_id` of the first message's `init`; no later message has one.
    Init,
    /// By tags: a listing.
    List,
    /// By tags: a purge.
    Purge,
    /// It makes one, with tags.
    Create,
}

/// What is known of an rpc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rule {
    pub names: Names,
    /// Whether a narrow token must name the rpc to use it: its effect outlasts the token.
    explicit: bool,
}

/// An rpc, how it names sandboxes, and whether it has to be named by a scope.
type Row = (&'static str, Names, bool);

const SERVICES: [(&str, &[Row]); 2] = [
    (
        "/coreweave.sandbox.v1.SandboxService/",
        &[
            ("GetSandbox", Names::Sandbox, false),
            ("GetSandboxBuildLogs", Names::Sandbox, false),
            ("DeleteSandbox", Names::Sandbox, false),
            ("Exec", Names::Sandbox, false),
            ("StreamExec", Names::Init, false),
            ("StreamLogs", Names::Sandbox, false),
            ("WriteFile", Names::Sandbox, false),
            ("ReadFile", Names::Sandbox, false),
            // A snapshot stays, and a direct connection's certificate is good without any token.
            ("CreateFileSystemSnapshot", Names::Sandbox, true),
            ("ConnectSandbox", Names::Sandbox, true),
            ("CreateSandbox", Names::Create, false),
            ("ListSandboxes", Names::List, false),
            ("PurgeSandboxes", Names::Purge, false),
        ],
    ),
    (
        "/coreweave.sandbox.v1.SandboxDataPlaneService/",
        &[
            ("Exec", Names::Sandbox, false),
            ("StreamExec", Names::Init, false),
            ("StreamLogs", Names::Sandbox, false),
            ("WriteFile", Names::Sandbox, false),
            ("ReadFile", Names::Sandbox, false),
        ],
    ),
];

/// What is known of the rpc at `path`.
pub(super) fn rule(path: &str) -> Option<Rule> {
    let (service, rpcs) = SERVICES.iter().find(|(service, _)| path.starts_with(service))?;
    let name = &path[service.len()..];
    let (_, names, explicit) = rpcs.iter().find(|(rpc, ..)| *rpc == name)?;
    Some(Rule { names: *names, explicit: *explicit })
}

/// The rule by which a token with this scope, which narrows sandboxes, may use the rpc.
///
/// # Errors
/// When it may not, whatever the request says.
pub(super) fn admit(path: &str, scope: &Scope) -> Result<Names, Problem> {
    let Some(rule) = rule(path) else {
        let text = format!(
            "this token is good for certain sandboxes only, and the proxy cannot tell which ones {path} reaches; use a \
             token without sandboxes and tags in its scope, which names this rpc"
        );
        return Err(out_of_scope(text));
    };
    if rule.explicit && scope.methods.is_empty() {
        return Err(out_of_scope(format!("the effect of {path} outlasts this token; have its scope name the rpc")));
    }
    if matches!(rule.names, Names::List | Names::Purge | Names::Create) && !scope.sandbox_ids.is_empty() {
        return Err(out_of_scope(format!("this token is good for certain sandboxes only, and {path} reaches others")));
    }
    Ok(rule.names)
}

/// What a request means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// This sandbox.
    Sandbox(String),
    /// Sandboxes with these tags, and maybe more.
    Tagged(Vec<String>),
}

/// Reads it from a call's first message.
///
/// # Errors
/// When the message does not say it, or asks for what no narrow token gives.
pub(super) fn meant(names: Names, message: &[u8]) -> Result<Meant, Problem> {
    match names {
        Names::Sandbox => id(only(message, 1)),
        Names::Init => {
            let init = only(message, 1).map_err(unreadable)?.ok_or_else(|| unreadable(Ambiguous))?;
            id(only(init, 1))
        }
        Names::List => {
            let request = ListSandboxesRequest::decode(message).map_err(|_| unreadable(Ambiguous))?;
            Ok(Meant::Tagged(request.tags))
        }
        Names::Purge => {
            let request = PurgeSandboxesRequest::decode(message).map_err(|_| unreadable(Ambiguous))?;
            if request.purge_all {
                return Err(out_of_scope("this token is good for sandboxes with certain tags only; purge by tags"));
            }
            Ok(Meant::Tagged(request.tags))
        }
        Names::Create => {
            let sandbox = only(message, 1).map_err(unreadable)?.unwrap_or_default();
            let spec = only(sandbox, 2).map_err(unreadable)?.unwrap_or_default();
            let spec = SandboxSpec::decode(spec).map_err(|_| unreadable(Ambiguous))?;
            refuse_what_is_others(&spec)?;
            Ok(Meant::Tagged(spec.tags))
        }
    }
}

/// Whether a later message of a call may pass.
pub(super) fn check_later(names: Names, message: &[u8]) -> Result<(), Problem> {
    match (names, only(message, 1)) {
        (Names::Init, Ok(None)) => Ok(()),
        (Names::Init, _) => Err(out_of_scope("only the first message of this call may name a sandbox")),
        _ => Err(out_of_scope("this call has one message, and here is another")),
    }
}

/// Whether the tags of a scope are all among those of a sandbox.
pub(super) fn has_tags(scope: &Scope, tags: &[String]) -> Result<(), Problem> {
    let missing: Vec<_> = scope.tags.iter().filter(|tag| !tags.contains(tag)).map(String::as_str).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let text = format!("this token is good for sandboxes with the tags {} only; say them", missing.join(", "));
    Err(out_of_scope(text))
}

/// Whether a sandbox is among those of a scope.
pub(super) fn has_sandbox(scope: &Scope, id: &str) -> Result<(), Problem> {
    match scope.sandbox_ids.is_empty() || scope.sandbox_ids.iter().any(|known| known == id) {
        true => Ok(()),
        false => Err(out_of_scope(format!("this token is not good for the sandbox {id:?}"))),
    }
}

/// The caller's token does not go that far.
pub(super) fn out_of_scope(text: impl Into<String>) -> Problem {
    Problem::new(Code::PermissionDenied, "CWSANDBOX_OUT_OF_SCOPE", text)
}

/// A sandbox of one's own must not be the way to what the account has besides.
fn refuse_what_is_others(spec: &SandboxSpec) -> Result<(), Problem> {
    let own_volume = |volume: &crate::wire::sandbox::SandboxVolume| match &volume.source {
        None => true,
        Some(sandbox_volume::Source::Scratch(scratch)) => scratch.restore_from_snapshot_id.is_empty(),
        Some(_) => false,
    };
    let what = if spec.containers.iter().any(|container| !container.secret_stores.is_empty()) {
        "secrets of the account"
    } else if !spec.volumes.iter().all(own_volume) {
        "volumes or snapshots of the account"
    } else if spec.object_storage_access.is_some() {
        "object storage of the account"
    } else if !spec.network_ids.is_empty() || !spec.network_config_id.is_empty() {
        "private networks of the account"
    } else {
        return Ok(());
    };
    Err(out_of_scope(format!("this token makes sandboxes with certain tags, and none that use {what}")))
}

fn id(found: Result<Option<&[u8]>, Ambiguous>) -> Result<Meant, Problem> {
    let found = found.map_err(unreadable)?.unwrap_or_default();
    let id = std::str::from_utf8(found).map_err(|_| unreadable(Ambiguous))?;
    Ok(Meant::Sandbox(id.to_owned()))
}

fn unreadable(_: Ambiguous) -> Problem {
    out_of_scope("the proxy cannot tell for sure which sandbox this request means; send each field once")
}
