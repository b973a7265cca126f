//! What a template and the overrides of a request come to. The overrides win field by field: a scalar or message that is
//! set replaces the template's, a list that is not empty too; variables, annotations and containers go by their names.

use super::Problem;
use crate::wire::sandbox::{Container, PartialContainer, PartialSandboxSpec, SandboxSpec};

/// `over` on top of `base`.
pub(super) fn merge(base: PartialSandboxSpec, over: PartialSandboxSpec) -> Result<PartialSandboxSpec, Problem> {
    Ok(PartialSandboxSpec {
        containers: merge_containers(base.containers, over.containers)?,
        volumes: list(base.volumes, over.volumes),
        services: list(base.services, over.services),
        max_lifetime_seconds: scalar(base.max_lifetime_seconds, over.max_lifetime_seconds),
        network_ids: list(base.network_ids, over.network_ids),
        object_storage_access: over.object_storage_access.or(base.object_storage_access),
        tags: list(base.tags, over.tags),
        runner_ids: list(base.runner_ids, over.runner_ids),
        network: over.network.or(base.network),
        annotations: base.annotations.into_iter().chain(over.annotations).collect(),
        instance_type: scalar(base.instance_type, over.instance_type),
        mode: scalar(base.mode, over.mode),
        runtime_class: scalar(base.runtime_class, over.runtime_class),
        network_config_id: scalar(base.network_config_id, over.network_config_id),
        runtime_class_selection: over.runtime_class_selection.or(base.runtime_class_selection),
    })
}

/// The whole specification that a partial one stands for; what is still missing is checked where it is used.
pub(super) fn complete(partial: PartialSandboxSpec) -> SandboxSpec {
    let PartialSandboxSpec {
        containers,
        volumes,
        services,
        max_lifetime_seconds,
        network_ids,
        object_storage_access,
        tags,
        runner_ids,
        network,
        annotations,
        instance_type,
        mode,
        runtime_class,
        network_config_id,
        runtime_class_selection,
    } = partial;
    SandboxSpec {
        containers: containers.into_iter().map(complete_container).collect(),
        volumes,
        services,
        max_lifetime_seconds,
        network_ids,
        object_storage_access,
        tags,
        runner_ids,
        network,
        annotations,
        instance_type,
        mode,
        runtime_class,
        network_config_id,
        runtime_class_selection: runtime_class_selection.unwrap_or_default(),
    }
}

fn merge_containers(
    mut all: Vec<PartialContainer>,
    over: Vec<PartialContainer>,
) -> Result<Vec<PartialContainer>, Problem> {
    for (index, change) in over.into_iter().enumerate() {
        let place = match (change.name.as_str(), all.len()) {
            // A change without a name means the only container there is.
            ("", 0) => None,
            ("", 1) => Some(0),
            ("", _) => {
                let names: Vec<_> = all.iter().map(|container| container.name.as_str()).collect();
                let field = format!("overrides.containers[{index}].name");
                return Err(Problem::field(field, format!("say which one is meant: {}", names.join(", "))));
            }
            (name, _) => all.iter().position(|container| container.name == name),
        };
        match place {
            Some(place) => {
                let base = std::mem::take(&mut all[place]);
                all[place] = merge_container(base, change);
            }
            None => all.push(change),
        }
    }
    Ok(all)
}

fn merge_container(base: PartialContainer, over: PartialContainer) -> PartialContainer {
    // A new command comes with its own arguments, or with none.
    let args = if over.command.is_empty() { list(base.args, over.args) } else { over.args };
    PartialContainer {
        name: scalar(base.name, over.name),
        image: scalar(base.image, over.image),
        command: scalar(base.command, over.command),
        args,
        environment_variables: base.environment_variables.into_iter().chain(over.environment_variables).collect(),
        resources: over.resources.or(base.resources),
        files: list(base.files, over.files),
        volume_mounts: list(base.volume_mounts, over.volume_mounts),
        secret_stores: list(base.secret_stores, over.secret_stores),
        working_dir: scalar(base.working_dir, over.working_dir),
        resource_requirements: over.resource_requirements.or(base.resource_requirements),
        security_context: over.security_context.or(base.security_context),
        image_pull_credentials: over.image_pull_credentials.or(base.image_pull_credentials),
        primary: over.primary.or(base.primary),
        startup_probe: over.startup_probe.or(base.startup_probe),
    }
}

fn complete_container(partial: PartialContainer) -> Container {
    let PartialContainer {
        name,
        image,
        command,
        args,
        environment_variables,
        resources,
        files,
        volume_mounts,
        secret_stores,
        working_dir,
        resource_requirements,
        security_context,
        image_pull_credentials,
        primary,
        startup_probe,
    } = partial;
    Container {
        name,
        image,
        command,
        args,
        environment_variables,
        resources,
        files,
        volume_mounts,
        secret_stores,
        working_dir,
        resource_requirements,
        security_context,
        image_pull_credentials,
        primary,
        startup_probe,
    }
}

fn scalar<T: Default + PartialEq>(base: T, over: T) -> T {
    if over == T::default() { base } else { over }
}

fn list<T>(base: Vec<T>, over: Vec<T>) -> Vec<T> {
    if over.is_empty() { base } else { over }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(name: &str, image: &str) -> PartialContainer {
        PartialContainer { name: name.into(), image: image.into(), ..Default::default() }
    }

    fn spec(containers: Vec<PartialContainer>) -> PartialSandboxSpec {
        PartialSandboxSpec { containers, ..Default::default() }
    }

    #[test]
    fn overrides_win_field_by_field_and_variables_by_name() {
        let mut base = container("main", "python:3.11");
        base.environment_variables = [("A".into(), "1".into()), ("B".into(), "1".into())].into();
        let mut over = container("main", "");
        over.environment_variables = [("B".into(), "2".into())].into();
        over.working_dir = "/w".into();
        let mut base = spec(vec![base]);
        base.tags = vec!["t".into()];
        let Ok(merged) = merge(base, spec(vec![over])) else { panic!("merged") };
        assert_eq!(merged.tags, ["t"]);
        let main = &merged.containers[0];
        assert_eq!((main.image.as_str(), main.working_dir.as_str()), ("python:3.11", "/w"));
        assert_eq!(main.environment_variables, [("A".into(), "1".into()), ("B".into(), "2".into())].into());
    }

    #[test]
    fn a_new_command_does_not_inherit_arguments() {
        let mut base = container("main", "i");
        (base.command, base.args) = ("sleep".into(), vec!["1".into()]);
        let mut over = container("", "");
        over.command = "true".into();
        let Ok(merged) = merge(spec(vec![base]), spec(vec![over])) else { panic!("merged") };
        assert_eq!((merged.containers[0].command.as_str(), merged.containers[0].args.len()), ("true", 0));
    }

    #[test]
    fn a_nameless_change_is_refused_where_several_could_be_meant() {
        let base = spec(vec![container("a", ""), container("b", "")]);
        assert!(merge(base.clone(), spec(vec![container("", "x")])).is_err());
        let Ok(merged) = merge(base, spec(vec![container("c", "x")])) else { panic!("merged") };
        assert_eq!(merged.containers.len(), 3);
    }
}
