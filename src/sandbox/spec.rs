//! Options, checked and turned into the wire's request. Must not know: how it is sent.

use super::{
    ContainerOptions, ObjectStorageAccess, ObjectStoragePermission, PlacementMode, SandboxOptions, compose,
    container_spec::{MAIN, containers},
    network_spec,
};
use crate::{client::Creation, error::Error, wire};

/// The request that creates a sandbox after `options`.
///
/// # Errors
/// Validation, naming the option.
pub(super) fn creation(mut options: SandboxOptions, request_id: String) -> Result<Creation, Error> {
    let display_name = options.display_name.take().unwrap_or_default();
    let template = options.template.take();
    if let Some(file) = options.compose.take() {
        if template.is_some() {
            return Err(Error::invalid("template", "a sandbox is made from one or from a compose file, not from both"));
        }
        let mut only = options.take_container();
        // Of services that say nothing themselves.
        options.resources = only.resources.take();
        let blank = only.is_blank();
        return compose::creation(file, blank, specification(options, false)?, display_name, request_id);
    }
    let Some(template_id) = template else {
        let sandbox = wire::Sandbox { spec: Some(specification(options, true)?), display_name, ..Default::default() };
        return Ok(Creation::Specified(Box::new(wire::CreateSandboxRequest { sandbox: Some(sandbox), request_id })));
    };
    check_text("template", &template_id)?;
    let mut spec = specification(options, false)?;
    // A container that says nothing would still be one: it must not be added to the template's.
    spec.containers.retain(|container| *container != wire::Container { name: MAIN.to_owned(), ..Default::default() });
    let overrides = Some(spec);
    let request = wire::CreateSandboxFromTemplateRequest { template_id, overrides, request_id, display_name };
    Ok(Creation::FromTemplate(Box::new(request)))
}

/// The specification that a template keeps: what is not said stays open.
///
/// # Errors
/// Validation, naming the option.
pub(crate) fn template_spec(options: SandboxOptions) -> Result<wire::SandboxSpec, Error> {
    match (&options.template, &options.compose) {
        (None, None) => specification(options, false),
        (Some(_), _) => Err(Error::invalid("template", "a template is not made from another; leave it out")),
        (None, Some(_)) => Err(Error::invalid("compose", "a template is not made from a file; use `containers`")),
    }
}

/// With `whole`, defaults stand in for what is not said.
fn specification(mut options: SandboxOptions, whole: bool) -> Result<wire::SandboxSpec, Error> {
    let only = ContainerOptions { name: MAIN.to_owned(), ..options.take_container() };
    // Every option has to be dealt with here, or in `take_container`, before this compiles.
    let SandboxOptions {
        image: _,
        command: _,
        args: _,
        env: _,
        cwd: _,
        resources: _,
        mounted_files: _,
        secrets: _,
        startup_probe: _,
        image_pull_credentials: _,
        containers: several,
        tags,
        max_lifetime_seconds,
        annotations,
        services,
        network,
        runner_ids,
        placement_mode,
        runtime_class,
        instance_type,
        object_storage_access,
        volumes,
        // Of the request around it: see `creation`.
        display_name: _,
        template: _,
        compose: _,
        // Of the creation's own course: see `placing.rs`.
        placement_spillover: _,
        create_retry_budget: _,
        request_timeout: _,
    } = options;
    for (index, tag) in tags.iter().enumerate() {
        check_text(&format!("tags[{index}]"), tag)?;
    }
    for (index, id) in runner_ids.iter().enumerate() {
        check_text(&format!("runnerIds[{index}]"), id)?;
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
    let (volumes, mounts) = super::volumes::volumes(volumes)?;
    Ok(wire::SandboxSpec {
        containers: containers(only, several, mounts, whole)?,
        volumes,
        max_lifetime_seconds,
        tags,
        runner_ids,
        services: network_spec::services(services)?,
        network: network_spec::network(network)?,
        annotations: annotations.into_iter().collect(),
        instance_type: instance_type.unwrap_or_default(),
        mode: mode as i32,
        runtime_class: runtime_class.unwrap_or_default(),
        object_storage_access: object_storage_access.map(storage_access).transpose()?,
        ..Default::default()
    })
}

fn storage_access(access: ObjectStorageAccess) -> Result<wire::ObjectStorageAccess, Error> {
    let ObjectStorageAccess { buckets, permission, object_prefix } = access;
    if buckets.is_empty() {
        return Err(Error::invalid("objectStorageAccess.buckets", "must name at least one bucket"));
    }
    for (index, bucket) in buckets.iter().enumerate() {
        check_text(&format!("objectStorageAccess.buckets[{index}]"), bucket)?;
    }
    let permission = match permission {
        ObjectStoragePermission::Read => wire::ObjectStoragePermission::Read,
        ObjectStoragePermission::ReadWrite => wire::ObjectStoragePermission::ReadWrite,
    };
    let object_prefix = object_prefix.unwrap_or_default();
    Ok(wire::ObjectStorageAccess { buckets, permission: permission as i32, object_prefix })
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

pub(super) fn check_text(field: &str, text: &str) -> Result<(), Error> {
    match text {
        "" => Err(Error::invalid(field, "must not be empty")),
        text if text.contains('\0') => Err(Error::invalid(field, "must not contain a NUL character")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::creation;
    use crate::{
        client::Creation,
        sandbox::{
            Gpu, NetworkOptions, ObjectStorageAccess, PlacementMode, ResourceAmounts, Resources, SandboxOptions,
        },
        wire,
    };

    fn spec(options: SandboxOptions) -> wire::SandboxSpec {
        match creation(options, "id".into()).unwrap() {
            Creation::Specified(request) => request.sandbox.unwrap().spec.unwrap(),
            Creation::FromTemplate(request) => request.overrides.unwrap(),
            Creation::FromFile(request) => panic!("{request:?}"),
        }
    }

    fn refused(options: SandboxOptions) -> String {
        creation(options, "id".into()).unwrap_err().field_violations()[0].field.clone()
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
    fn on_top_of_a_template_only_what_is_said_is_sent() {
        assert_eq!(spec(SandboxOptions::new().template("t")), wire::SandboxSpec::default());
        let over = spec(SandboxOptions::new().template("t").env("A", "1").tag("x"));
        assert_eq!((over.containers[0].image.as_str(), over.containers[0].command.as_str()), ("", ""));
        assert_eq!((over.containers[0].environment_variables.len(), over.tags.len()), (1, 1));
    }

    #[test]
    fn secrets_are_grouped_by_store_and_are_variables_of_their_own_name() {
        let mut options = SandboxOptions::new().secret("a", "k", "K").secret("b", "k2", "K2").secret("a", "k3", "K3");
        options.secrets[0].env_var = None;
        let stores = spec(options).containers[0].secret_stores.clone();
        assert_eq!(stores.len(), 2);
        assert_eq!((stores[0].secrets[0].env_var.as_str(), stores[0].secrets[1].path.as_str()), ("k", "k3"));
    }

    #[test]
    fn wrong_options_are_refused_by_name() {
        assert_eq!(refused(SandboxOptions::new().template("")), "template");
        assert_eq!(refused(SandboxOptions::new().secret("s", "", "V")), "secrets[0].path");
        assert_eq!(refused(SandboxOptions::new().secret("s", "p", "A=")), "secrets[0].envVar");
        let access = ObjectStorageAccess::default();
        assert_eq!(refused(SandboxOptions::new().object_storage_access(access)), "objectStorageAccess.buckets");
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
