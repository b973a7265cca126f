//! Options, checked and turned into the wire's request. Must not know: how it is sent.

use super::{
    DEFAULT_ARGS, DEFAULT_COMMAND, DEFAULT_IMAGE, Gpu, PlacementMode, ResourceAmounts, Resources, SandboxOptions,
};
use crate::{
    error::Error,
    process::{check_env, check_path},
    wire,
};

/// The request that creates a sandbox after `options`.
///
/// # Errors
/// Validation, naming the option.
pub(super) fn create_request(options: SandboxOptions, request_id: String) -> Result<wire::CreateSandboxRequest, Error> {
    // Every option has to be dealt with here before this compiles.
    let SandboxOptions {
        image,
        command,
        args,
        env,
        cwd,
        tags,
        resources,
        mounted_files,
        max_lifetime_seconds,
        annotations,
        display_name,
        network,
        runner_ids,
        placement_mode,
        runtime_class,
        instance_type,
        request_timeout: _,
    } = options;
    let image = image.unwrap_or_else(|| DEFAULT_IMAGE.to_owned());
    check_text("image", &image)?;
    check_env("env", &env)?;
    if let Some(cwd) = &cwd {
        check_path("cwd", cwd)?;
    }
    let (command, args) = main_command(command, args)?;
    for (index, tag) in tags.iter().enumerate() {
        check_text(&format!("tags[{index}]"), tag)?;
    }
    for (index, id) in runner_ids.iter().enumerate() {
        check_text(&format!("runnerIds[{index}]"), id)?;
    }
    for (index, file) in mounted_files.iter().enumerate() {
        check_path(&format!("mountedFiles[{index}].path"), &file.path)?;
    }
    let mode = mode(placement_mode, &runner_ids)?;
    let max_lifetime_seconds = match max_lifetime_seconds {
        Some(0) => {
            return Err(Error::invalid("maxLifetimeSeconds", "must be at least 1; leave it out for the default"));
        }
        Some(seconds) => i32::try_from(seconds)
            .map_err(|_| Error::invalid("maxLifetimeSeconds", format!("must be at most {}", i32::MAX)))?,
        None => 0,
    };
    let container = wire::Container {
        name: "main".to_owned(),
        image,
        command,
        args,
        environment_variables: env.into_iter().collect(),
        files: mounted_files
            .into_iter()
            .map(|file| wire::FileMount { path: file.path, content: file.content })
            .collect(),
        working_dir: cwd.unwrap_or_default(),
        resource_requirements: resources.map(requirements).transpose()?,
        ..Default::default()
    };
    let network = (network != super::NetworkOptions::default()).then_some(wire::NetworkOptions {
        deny_egress: network.deny_egress,
        deny_ingress: network.deny_ingress,
        ..Default::default()
    });
    let spec = wire::SandboxSpec {
        containers: vec![container],
        max_lifetime_seconds,
        tags,
        runner_ids,
        network,
        annotations: annotations.into_iter().collect(),
        instance_type: instance_type.unwrap_or_default(),
        mode: mode as i32,
        runtime_class: runtime_class.unwrap_or_default(),
        ..Default::default()
    };
    let sandbox =
        wire::Sandbox { spec: Some(spec), display_name: display_name.unwrap_or_default(), ..Default::default() };
    Ok(wire::CreateSandboxRequest { sandbox: Some(sandbox), request_id })
}

fn main_command(command: Option<String>, args: Vec<String>) -> Result<(String, Vec<String>), Error> {
    let Some(command) = command else {
        if !args.is_empty() {
            return Err(Error::invalid("args", "need a `command` to be arguments of"));
        }
        return Ok((DEFAULT_COMMAND.to_owned(), DEFAULT_ARGS.map(str::to_owned).to_vec()));
    };
    check_text("command", &command)?;
    match args.iter().position(|arg| arg.contains('\0')) {
        Some(index) => Err(Error::invalid(format!("args[{index}]"), "must not contain a NUL character")),
        None => Ok((command, args)),
    }
}

/// Naming runners is choosing one's own cluster.
fn mode(placement: Option<PlacementMode>, runner_ids: &[String]) -> Result<wire::SandboxMode, Error> {
    match placement {
        Some(PlacementMode::Serverless) if !runner_ids.is_empty() => {
            Err(Error::invalid("placementMode", "serverless sandboxes cannot choose runners; leave out `runnerIds`"))
        }
        Some(PlacementMode::Serverless) => Ok(wire::SandboxMode::Serverless),
        Some(PlacementMode::Cks) => Ok(wire::SandboxMode::Cks),
        None if !runner_ids.is_empty() => Ok(wire::SandboxMode::Cks),
        None => Ok(wire::SandboxMode::Unspecified),
    }
}

fn requirements(resources: Resources) -> Result<wire::ResourceRequirements, Error> {
    let Resources { requests, limits, gpu } = resources;
    let gpu = gpu.map(accelerators).transpose()?;
    let side = |field: &str, amounts: ResourceAmounts| -> Result<Option<wire::Resources>, Error> {
        for (name, amount) in [("cpu", &amounts.cpu), ("memory", &amounts.memory)] {
            check_quantity(&format!("resources.{field}.{name}"), amount.as_deref())?;
        }
        if amounts == ResourceAmounts::default() && gpu.is_none() {
            return Ok(None);
        }
        let (cpu, memory) = (amounts.cpu.unwrap_or_default(), amounts.memory.unwrap_or_default());
        Ok(Some(wire::Resources { cpu, memory, gpu: gpu.clone() }))
    };
    Ok(wire::ResourceRequirements { requests: side("requests", requests)?, limits: side("limits", limits)? })
}

fn accelerators(gpu: Gpu) -> Result<wire::Gpu, Error> {
    use wire::gpu::Selector;
    let selector = match (gpu.kind, gpu.memory_gb) {
        (Some(_), Some(_)) => {
            return Err(Error::invalid("resources.gpu", "choose by type or by memory, not by both"));
        }
        (Some(kind), None) => Some(Selector::Type(kind)),
        (None, Some(memory)) => Some(Selector::MemoryGb(memory.into())),
        (None, None) => None,
    };
    if gpu.count == 0 {
        return Err(Error::invalid("resources.gpu.count", "must be at least 1; leave `gpu` out for none"));
    }
    Ok(wire::Gpu { count: gpu.count.into(), selector })
}

fn check_quantity(field: &str, amount: Option<&str>) -> Result<(), Error> {
    let Some(amount) = amount else { return Ok(()) };
    let digits = amount.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit_ok = ["", "m", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti"].contains(&&amount[digits.len()..]);
    match is_number(digits) && unit_ok {
        true => Ok(()),
        false => {
            Err(Error::invalid(field, format!("{amount:?} is no quantity; e.g. \"500m\" of cpu, \"512Mi\" of memory")))
        }
    }
}

/// `2`, `0.5` or `1e3`. By hand, because parsing floats brings tables of ten kilobytes that do not compress.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let exponent_ok = matches!(exponent.len(), 1 | 2) && digits(exponent);
    digits(whole) && digits(fraction) && whole.len() + fraction.len() > 0 && exponent_ok
}

fn check_text(field: &str, text: &str) -> Result<(), Error> {
    match text {
        "" => Err(Error::invalid(field, "must not be empty")),
        text if text.contains('\0') => Err(Error::invalid(field, "must not contain a NUL character")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::create_request;
    use crate::{
        sandbox::{Gpu, NetworkOptions, PlacementMode, ResourceAmounts, Resources, SandboxOptions},
        wire,
    };

    fn spec(options: SandboxOptions) -> wire::SandboxSpec {
        create_request(options, "id".into()).unwrap().sandbox.unwrap().spec.unwrap()
    }

    fn refused(options: SandboxOptions) -> String {
        create_request(options, "id".into()).unwrap_err().field_violations()[0].field.clone()
    }

    #[test]
    fn quantities_are_numbers_with_a_unit_or_none() {
        for good in ["2", "0.5", ".5", "5.", "500m", "512Mi", "1e3", "1E-3", "0"] {
            assert!(super::check_quantity("cpu", Some(good)).is_ok(), "{good}");
        }
        for bad in ["", ".", "-1", "+1", "two", "inf", "NaN", "1e", "1e+", "1.2.3", "1 Gi", "1Qi", "e3", "1e999"] {
            assert!(super::check_quantity("cpu", Some(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn without_options_a_sandbox_waits_and_prints_nothing() {
        let spec = spec(SandboxOptions::new());
        assert_eq!(spec.containers[0].image, "python:3.11");
        assert_eq!(spec.containers[0].command, "/bin/sh");
        assert_eq!(spec.containers[0].args[0], "-c");
        assert_eq!(spec.network, None);
        assert_eq!(spec.mode, wire::SandboxMode::Unspecified as i32);
    }

    #[test]
    fn a_command_is_a_program_and_its_arguments() {
        let spec = spec(
            SandboxOptions::new().command(["echo", "a", "b"]).network(NetworkOptions::default().deny_egress(true)),
        );
        assert_eq!((spec.containers[0].command.as_str(), spec.containers[0].args.len()), ("echo", 2));
        assert_eq!(spec.network.unwrap().deny_egress, Some(true));
    }

    #[test]
    fn fixed_resources_are_requests_and_limits_and_keep_their_spelling() {
        let options = SandboxOptions::new().resources(Resources::fixed("500m", "512Mi"));
        let requirements = spec(options).containers[0].resource_requirements.clone().unwrap();
        assert_eq!(requirements.requests, requirements.limits);
        assert_eq!(requirements.limits.unwrap().cpu, "500m");
    }

    #[test]
    fn naming_runners_chooses_ones_own_cluster() {
        assert_eq!(spec(SandboxOptions::new().runner_id("r")).mode, wire::SandboxMode::Cks as i32);
        let both = SandboxOptions::new().runner_id("r").placement_mode(PlacementMode::Serverless);
        assert_eq!(refused(both), "placementMode");
    }

    #[test]
    fn wrong_options_are_refused_by_name() {
        assert_eq!(refused(SandboxOptions::new().image("")), "image");
        assert_eq!(refused(SandboxOptions::new().command([""])), "command");
        assert_eq!(refused(SandboxOptions::new().command(["a", "\0"])), "args[0]");
        assert_eq!(refused(SandboxOptions { args: vec!["a".into()], ..SandboxOptions::new() }), "args");
        assert_eq!(refused(SandboxOptions::new().cwd("a")), "cwd");
        assert_eq!(refused(SandboxOptions::new().env("", "a")), "env");
        assert_eq!(refused(SandboxOptions::new().tag("")), "tags[0]");
        assert_eq!(refused(SandboxOptions::new().mounted_file("a", "")), "mountedFiles[0].path");
        assert_eq!(refused(SandboxOptions::new().max_lifetime_seconds(0)), "maxLifetimeSeconds");
        assert_eq!(refused(SandboxOptions::new().resources(Resources::fixed("two", "1Gi"))), "resources.requests.cpu");
        assert_eq!(
            refused(SandboxOptions::new().resources(Resources::fixed("1", "1 Gi"))),
            "resources.requests.memory"
        );
        let limits = ResourceAmounts { cpu: Some("-1".into()), memory: None };
        assert_eq!(
            refused(SandboxOptions::new().resources(Resources { limits, ..Default::default() })),
            "resources.limits.cpu"
        );
        let gpu = Some(Gpu { count: 1, kind: Some("A100".into()), memory_gb: Some(40) });
        assert_eq!(refused(SandboxOptions::new().resources(Resources { gpu, ..Default::default() })), "resources.gpu");
    }
}
