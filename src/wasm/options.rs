//! JavaScript's options as the core's. The keys are the public names; `options.js` refuses unknown ones earlier, this is
//! the place where they end.

use std::time::Duration;

use wasm_bindgen::JsValue;

use super::{
    Answer, container,
    error::{js_error, type_error},
    network,
    reader::{Reader, strings},
    storage::volumes,
    terminal,
};
use crate::{
    config::RetryPolicy,
    error::Error,
    process::{ExecOptions, TerminalSize},
    sandbox::{
        DeleteOptions, ListOptions, ObjectStorageAccess, ObjectStoragePermission, PlacementMode, PlacementSpillover,
        SandboxOptions, ShellOptions, StopOptions,
    },
};

const RUN: &[&str] = &[
    "image",
    "env",
    "cwd",
    "tags",
    "resources",
    "mountedFiles",
    "maxLifetimeSeconds",
    "annotations",
    "runnerIds",
    "displayName",
    "placementMode",
    "placementSpillover",
    "createRetryBudgetMs",
    "runtimeClass",
    "instanceType",
    "template",
    "secrets",
    "services",
    "ports",
    "network",
    "objectStorageAccess",
    "volumes",
    "startupProbe",
    "imagePullCredentials",
    "containers",
    "requestTimeoutMs",
];
const EXEC: &[&str] = &["cwd", "env", "timeoutMs", "stdin", "container", "tty", "signal"];
const SHELL: &[&str] = &["cwd", "env", "cols", "rows", "container", "timeoutMs", "keep", "signal"];
const STOP: &[&str] =
    &["gracefulShutdownSeconds", "snapshotOnStop", "snapshotVolumes", "missingOk", "timeoutMs", "signal"];
const DELETE: &[&str] = &["missingOk", "timeoutMs", "signal"];
const LIST: &[&str] =
    &["tags", "status", "runnerIds", "volumeIds", "showTerminated", "pageSize", "timeoutMs", "signal"];

/// A signal, a limit, and the options that are the call's own.
type Call<T> = (Option<JsValue>, Option<Duration>, T);

/// Options of `Sandbox.run`.
pub(super) fn run_options(command: &JsValue, options: &JsValue) -> Answer<SandboxOptions> {
    let reader = Reader::new("Sandbox.run", options, RUN)?;
    let mut made = SandboxOptions::new().command(argv(command)?);
    let only = container::read(&reader)?;
    (made.image, made.env, made.cwd) = (only.image, only.env, only.cwd);
    (made.resources, made.secrets, made.mounted_files) = (only.resources, only.secrets, only.mounted_files);
    (made.startup_probe, made.image_pull_credentials) = (only.startup_probe, only.image_pull_credentials);
    made.containers = container::several(&reader)?;
    made.tags = reader.strings("tags")?.unwrap_or_default();
    made.max_lifetime_seconds = reader.number("maxLifetimeSeconds")?;
    made.annotations = reader.map("annotations")?.unwrap_or_default();
    made.runner_ids = reader.strings("runnerIds")?.unwrap_or_default();
    made.display_name = reader.string("displayName")?;
    made.placement_mode = placement(&reader)?;
    made.placement_spillover = spillover(&reader)?;
    made.create_retry_budget = reader.millis("createRetryBudgetMs")?;
    made.runtime_class = reader.string("runtimeClass")?;
    made.instance_type = reader.string("instanceType")?;
    made.template = reader.string("template")?;
    made.object_storage_access = object_storage(&reader)?;
    network::read(&reader, &mut made)?;
    made.volumes = volumes(&reader)?;
    made.request_timeout = reader.millis("requestTimeoutMs")?;
    Ok(made)
}

/// Options of `exec`.
pub(super) fn exec_options(options: &JsValue) -> Answer<(Option<JsValue>, ExecOptions)> {
    let reader = Reader::new("exec", options, EXEC)?;
    let mut made = ExecOptions { cwd: reader.string("cwd")?, ..Default::default() };
    made.env = reader.map("env")?.unwrap_or_default();
    made.timeout = reader.millis("timeoutMs")?;
    made.stdin = reader.bool("stdin")?.unwrap_or(false);
    made.container = reader.string("container")?;
    made.tty = match reader.raw("tty") {
        None => None,
        Some(value) => match value.as_bool() {
            Some(tty) => tty.then(TerminalSize::default),
            None => Some(size(&Reader::new("tty", &value, &["cols", "rows"])?)?),
        },
    };
    Ok((reader.raw("signal"), made))
}

/// Options of `shell`.
pub(super) fn shell_options(command: &JsValue, options: &JsValue) -> Answer<(Option<JsValue>, ShellOptions)> {
    let reader = Reader::new("shell", options, SHELL)?;
    let mut made = ShellOptions::default();
    if !command.is_undefined() {
        made.command = argv(command)?;
        if made.command.is_empty() {
            return Err(js_error(Error::invalid("command", "must not be empty; leave it out for a shell")));
        }
    }
    made.size = size(&reader)?;
    made.keep = terminal::keep(&reader)?;
    made.timeout = reader.millis("timeoutMs")?;
    made.cwd = reader.string("cwd")?;
    made.env = reader.map("env")?.unwrap_or_default();
    made.container = reader.string("container")?;
    Ok((reader.raw("signal"), made))
}

/// Options of `stop`.
pub(super) fn stop_options(options: &JsValue) -> Answer<Call<StopOptions>> {
    let reader = Reader::new("stop", options, STOP)?;
    let mut made = StopOptions::default();
    if let Some(grace) = reader.seconds("gracefulShutdownSeconds")? {
        made.graceful_shutdown = grace;
    }
    made.missing_ok = reader.bool("missingOk")?.unwrap_or(false);
    made.snapshot_on_stop = reader.bool("snapshotOnStop")?.unwrap_or(false);
    made.snapshot_volumes = reader.strings("snapshotVolumes")?.unwrap_or_default();
    Ok((reader.raw("signal"), reader.millis("timeoutMs")?, made))
}

/// Options of `delete`.
pub(super) fn delete_options(options: &JsValue) -> Answer<Call<DeleteOptions>> {
    let reader = Reader::new("delete", options, DELETE)?;
    let made = DeleteOptions::default().missing_ok(reader.bool("missingOk")?.unwrap_or(false));
    Ok((reader.raw("signal"), reader.millis("timeoutMs")?, made))
}

/// Options of `Sandbox.list`.
pub(super) fn list_options(options: &JsValue) -> Answer<Call<ListOptions>> {
    let reader = Reader::new("Sandbox.list", options, LIST)?;
    let mut made = ListOptions { tags: reader.strings("tags")?.unwrap_or_default(), ..Default::default() };
    made.status = reader.string("status")?.map(|name| name.parse()).transpose().map_err(js_error)?;
    made.runner_ids = reader.strings("runnerIds")?.unwrap_or_default();
    made.volume_ids = reader.strings("volumeIds")?.unwrap_or_default();
    made.show_terminated = reader.bool("showTerminated")?.unwrap_or(false);
    made.page_size = reader.number("pageSize")?;
    Ok((reader.raw("signal"), reader.millis("timeoutMs")?, made))
}

/// A command: an array of strings.
pub(super) fn argv(command: &JsValue) -> Answer<Vec<String>> {
    strings(command).ok_or_else(|| type_error("the command must be an array of strings"))
}

/// A terminal's size; 80 by 24 unless given.
fn size(reader: &Reader) -> Answer<TerminalSize> {
    let read = |key: &str, default: u16| -> Answer<u16> {
        let Some(number) = reader.number(key)? else { return Ok(default) };
        u16::try_from(number).map_err(|_| js_error(Error::invalid(key, "must be at most 65535")))
    };
    let default = TerminalSize::default();
    Ok(TerminalSize { cols: read("cols", default.cols)?, rows: read("rows", default.rows)? })
}

/// `false`, or `{ attempts, budgetMs, firstDelayMs, maxDelayMs }`.
pub(super) fn retry_policy(value: &JsValue) -> Answer<RetryPolicy> {
    if let Some(wanted) = value.as_bool() {
        return Ok(if wanted { RetryPolicy::default() } else { RetryPolicy::none() });
    }
    let reader = Reader::new("retry", value, &["attempts", "budgetMs", "firstDelayMs", "maxDelayMs"])?;
    let mut policy = RetryPolicy::default();
    policy.attempts = reader.number("attempts")?.unwrap_or(policy.attempts);
    policy.budget = reader.millis("budgetMs")?.unwrap_or(policy.budget);
    policy.first_delay = reader.millis("firstDelayMs")?.unwrap_or(policy.first_delay);
    policy.max_delay = reader.millis("maxDelayMs")?.unwrap_or(policy.max_delay);
    Ok(policy)
}

fn spillover(reader: &Reader) -> Answer<Option<PlacementSpillover>> {
    Ok(match reader.string("placementSpillover")?.as_deref() {
        None => None,
        Some("serverless_then_cks") => Some(PlacementSpillover::ServerlessThenCks),
        Some("cks_then_serverless") => Some(PlacementSpillover::CksThenServerless),
        Some(other) => {
            let text = format!("must be \"serverless_then_cks\" or \"cks_then_serverless\", got {other:?}");
            return Err(js_error(Error::invalid("placementSpillover", text)));
        }
    })
}

fn placement(reader: &Reader) -> Answer<Option<PlacementMode>> {
    Ok(match reader.string("placementMode")?.as_deref() {
        None => None,
        Some("serverless") => Some(PlacementMode::Serverless),
        Some("cks") => Some(PlacementMode::Cks),
        Some(other) => {
            let text = format!("must be \"serverless\" or \"cks\", got {other:?}");
            return Err(js_error(Error::invalid("placementMode", text)));
        }
    })
}

/// `{ buckets, permission?, objectPrefix? }`
fn object_storage(reader: &Reader) -> Answer<Option<ObjectStorageAccess>> {
    let keys = &["buckets", "permission", "objectPrefix"];
    let Some(nested) = reader.nested("objectStorageAccess", keys)? else { return Ok(None) };
    let permission = match nested.string("permission")?.as_deref() {
        None | Some("read") => ObjectStoragePermission::Read,
        Some("readWrite") => ObjectStoragePermission::ReadWrite,
        Some(other) => {
            let text = format!("must be \"read\" or \"readWrite\", got {other:?}");
            return Err(js_error(Error::invalid("objectStorageAccess.permission", text)));
        }
    };
    let buckets = nested.strings("buckets")?.unwrap_or_default();
    Ok(Some(ObjectStorageAccess { buckets, permission, object_prefix: nested.string("objectPrefix")? }))
}
