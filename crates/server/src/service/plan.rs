//! A specification from the wire, checked field by field and turned into what the runtime starts. Every fault is
//! reported at once, each with its field and its fix.

use std::time::Duration;

use tonic_types::FieldViolation;

use super::{problem::Problem, quantity, services};
use crate::{
    runtime::{Capabilities, ContainerPlan, FilePlan, Limits, NetworkPlan, ProbePlan, SandboxPlan},
    wire::sandbox::{Container, Probe, Resources, SandboxSpec},
};

const MAX_TAGS: usize = 64;
const MAX_CONTAINERS: usize = 16;
const MAX_TEXT: usize = 4096;
const MAX_ENV_BYTES: usize = 1 << 20;
/// More than any kernel takes; how much exactly depends on its stack limit, and is told by exit code 126.
const MAX_COMMAND_BYTES: usize = 5 << 19;

/// Collects what is wrong with a request.
#[derive(Default)]
pub(super) struct Faults(Vec<FieldViolation>);

impl Faults {
    /// Notes a fault unless `good`.
    pub fn check(&mut self, good: bool, field: impl Into<String>, fix: impl Into<String>) {
        if !good {
            self.0.push(FieldViolation::new(field, fix));
        }
    }

    /// Refuses when anything was noted.
    pub fn finish(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::fields(self.0)) }
    }
}

/// Fills in what the caller left to the server. The specification is echoed as it is after this.
pub(super) fn fill_in(spec: &mut SandboxSpec, capabilities: &Capabilities) {
    let only = spec.containers.len() == 1;
    for (index, container) in spec.containers.iter_mut().enumerate() {
        if container.name.is_empty() {
            container.name = if only || index == 0 { "main".to_owned() } else { format!("container-{index}") };
        }
        if container.image.is_empty()
            && let Some(image) = capabilities.images.first()
        {
            container.image.clone_from(image);
        }
    }
}

/// Checks a specification and makes the plan for it.
pub(super) fn plan(id: &str, spec: &SandboxSpec) -> Result<SandboxPlan, Problem> {
    let mut faults = Faults::default();
    faults.check(!spec.containers.is_empty(), "sandbox.spec.containers", "give at least one container");
    faults.check(
        spec.max_lifetime_seconds >= 0,
        "sandbox.spec.max_lifetime_seconds",
        "must be 0 (no limit) or a number of seconds",
    );
    faults.check(spec.tags.len() <= MAX_TAGS, "sandbox.spec.tags", format!("give at most {MAX_TAGS}"));
    for (index, tag) in spec.tags.iter().enumerate() {
        let good = !tag.is_empty() && is_text(tag) && tag.len() <= 256;
        faults.check(good, format!("sandbox.spec.tags[{index}]"), "must have 1 to 256 bytes and no control characters");
    }
    let services = services::plan(spec, &mut faults)?;
    check_names(spec, &mut faults);
    let mut containers: Vec<_> = spec
        .containers
        .iter()
        .enumerate()
        .map(|(index, container)| plan_container(index, container, &mut faults))
        .collect();
    faults.finish()?;
    containers[..=primary(spec)].rotate_right(1);
    let network = NetworkPlan { services, egress: None };
    Ok(SandboxPlan { id: id.to_owned(), containers, network, volumes: Vec::new() })
}

/// The container that calls without a container name mean: the one that is marked, else the first.
pub(super) fn primary(spec: &SandboxSpec) -> usize {
    spec.containers.iter().position(|container| container.primary == Some(true)).unwrap_or(0)
}

/// Names are how containers are told apart, so each has one, and one of them is the primary one at most.
fn check_names(spec: &SandboxSpec, faults: &mut Faults) {
    let containers = &spec.containers;
    faults.check(
        containers.len() <= MAX_CONTAINERS,
        "sandbox.spec.containers",
        format!("give at most {MAX_CONTAINERS}"),
    );
    let marked = containers.iter().filter(|container| container.primary == Some(true)).count();
    faults.check(marked <= 1, "sandbox.spec.containers", "mark at most one container as primary");
    for (index, container) in containers.iter().enumerate() {
        let again = containers[..index].iter().any(|earlier| earlier.name == container.name);
        let fix = format!("another container is named {:?} already; give each a name of its own", container.name);
        faults.check(!again, format!("sandbox.spec.containers[{index}].name"), fix);
    }
}

fn plan_container(index: usize, container: &Container, faults: &mut Faults) -> ContainerPlan {
    let field = |name: &str| format!("sandbox.spec.containers[{index}].{name}");
    let named = container.name.len() <= 63
        && container.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    faults.check(named, field("name"), "must have at most 63 letters, digits, '-', '_' or '.'");
    let image = &container.image;
    faults.check(!image.is_empty() && is_text(image) && image.len() <= MAX_TEXT, field("image"), "give an image name");
    faults.check(is_argument(&container.command), field("command"), "must not contain NUL");
    for (position, arg) in container.args.iter().enumerate() {
        faults.check(is_argument(arg), field(&format!("args[{position}]")), "must not contain NUL");
    }
    check_length(&field("args"), std::iter::once(&container.command).chain(&container.args), faults);
    check_env(&field("environment_variables"), &container.environment_variables, faults);
    let dir = &container.working_dir;
    faults.check(dir.is_empty() || is_absolute(dir), field("working_dir"), "must be an absolute path without NUL");
    for (position, file) in container.files.iter().enumerate() {
        check_file_path(&field(&format!("files[{position}].path")), &file.path, faults);
    }
    let command = Some(&container.command).filter(|command| !command.is_empty());
    let argv = command.into_iter().chain(&container.args).cloned().collect();
    ContainerPlan {
        name: container.name.clone(),
        image: container.image.clone(),
        argv,
        arguments_only: command.is_none(),
        user: user(container),
        env: container.environment_variables.clone(),
        secret_env: Default::default(),
        working_dir: container.working_dir.clone(),
        files: container
            .files
            .iter()
            .map(|file| FilePlan { path: file.path.clone(), content: file.content.to_vec() })
            .collect(),
        limits: limits(index, container, faults),
        startup_probe: container.startup_probe.as_ref().map(|probe| {
            let fields = field("startup_probe");
            check_command(&format!("{fields}.exec"), &probe.exec, faults);
            plan_probe(&fields, probe, faults)
        }),
        ..ContainerPlan::default()
    }
}

/// Defaults: an attempt each second for a minute, five seconds each.
fn plan_probe(field: &str, probe: &Probe, faults: &mut Faults) -> ProbePlan {
    let numbers = [
        ("period_seconds", probe.period_seconds, 1),
        ("timeout_seconds", probe.timeout_seconds, 5),
        ("failure_threshold", probe.failure_threshold, 60),
        ("initial_delay_seconds", probe.initial_delay_seconds, 0),
    ];
    let [period, timeout, failure_threshold, initial_delay] = numbers.map(|(name, value, default)| {
        faults.check(value >= 0, format!("{field}.{name}"), "must be 0 (the server's choice) or more");
        u32::try_from(value).ok().filter(|value| *value > 0).unwrap_or(default)
    });
    let seconds = |value: u32| Duration::from_secs(value.into());
    ProbePlan {
        argv: probe.exec.clone(),
        period: seconds(period),
        timeout: seconds(timeout),
        failure_threshold,
        initial_delay: seconds(initial_delay),
    }
}

/// Whose processes they are, where the caller says so.
fn user(container: &Container) -> String {
    let context = container.security_context.clone().unwrap_or_default();
    match (context.run_as_user, context.run_as_group) {
        (None, None) => String::new(),
        (user, None) => user.unwrap_or(0).to_string(),
        (user, Some(group)) => format!("{}:{group}", user.unwrap_or(0)),
    }
}

/// The limits to enforce. `resource_requirements` wins over `resources`; requests alone limit nothing.
fn limits(index: usize, container: &Container, faults: &mut Faults) -> Limits {
    let mut read = |name: &str, resources: &Resources| {
        let field = |part: &str| format!("sandbox.spec.containers[{index}].{name}.{part}");
        let mut limits = Limits::default();
        if !resources.cpu.is_empty() {
            match quantity::cpu_millicores(&resources.cpu) {
                Ok(value) => limits.cpu_millicores = Some(value),
                Err(error) => faults.check(false, field("cpu"), error.to_string()),
            }
        }
        if !resources.memory.is_empty() {
            match quantity::memory_bytes(&resources.memory) {
                Ok(value) => limits.memory_bytes = Some(value),
                Err(error) => faults.check(false, field("memory"), error.to_string()),
            }
        }
        limits
    };
    let plain = container.resources.as_ref().map(|resources| read("resources", resources));
    let Some(both) = &container.resource_requirements else { return plain.unwrap_or_default() };
    if let Some(requests) = &both.requests {
        // Read for its faults only.
        read("resource_requirements.requests", requests);
    }
    both.limits.as_ref().map(|limits| read("resource_requirements.limits", limits)).unwrap_or_default()
}

/// Environment variables, of a container or of one command.
pub(super) fn check_env(field: &str, env: &std::collections::BTreeMap<String, String>, faults: &mut Faults) {
    for (name, value) in env {
        let good = !name.is_empty() && !name.contains(['=', '\0']);
        faults.check(good, format!("{field}[{name:?}]"), "a variable's name must not be empty or contain '=' or NUL");
        faults.check(!value.contains('\0'), format!("{field}[{name:?}]"), "must not contain NUL");
    }
    let bytes: usize = env.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
    faults.check(bytes <= MAX_ENV_BYTES, field, format!("must not exceed {MAX_ENV_BYTES} bytes in all"));
}

/// The path of a file inside a sandbox.
pub(super) fn check_file_path(field: &str, path: &str, faults: &mut Faults) {
    let good = is_absolute(path) && path.len() <= MAX_TEXT;
    faults.check(good, field, format!("must be an absolute path of at most {MAX_TEXT} bytes without NUL"));
    faults.check(!good || !path.ends_with('/'), field, "must name a file, not a directory");
}

/// A command line.
pub(super) fn check_command(field: &str, command: &[String], faults: &mut Faults) {
    let named = command.first().is_some_and(|executable| !executable.is_empty());
    faults.check(named, field, "must name an executable, e.g. [\"echo\", \"hi\"]");
    for (index, argument) in command.iter().enumerate() {
        faults.check(is_argument(argument), format!("{field}[{index}]"), "must not contain NUL");
    }
    check_length(field, command.iter(), faults);
}

fn check_length<'a>(field: &str, words: impl Iterator<Item = &'a String>, faults: &mut Faults) {
    let bytes: usize = words.map(|word| word.len() + 1).sum();
    let text = format!("must not exceed {MAX_COMMAND_BYTES} bytes in all; pass what is longer as a file or as stdin");
    faults.check(bytes <= MAX_COMMAND_BYTES, field, text);
}

fn is_argument(text: &str) -> bool {
    !text.contains('\0')
}

fn is_absolute(path: &str) -> bool {
    path.starts_with('/') && !path.contains('\0')
}

fn is_text(text: &str) -> bool {
    !text.contains(char::is_control)
}
