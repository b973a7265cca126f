//! What many sandboxes have in common. Must not know: how a sandbox is made of it.

use std::collections::BTreeMap;

use crate::sandbox::SandboxOptions;

/// Where short-lived files in a sandbox belong.
pub const DEFAULT_TEMP_DIR: &str = "/tmp";

/// What many sandboxes have in common: options that count where a sandbox's own say nothing.
///
/// ```
/// use jetway::{SandboxOptions, session::SandboxDefaults};
/// let defaults = SandboxDefaults::new(SandboxOptions::new().image("node:22").tag("batch"));
/// let options = defaults.apply(SandboxOptions::new().tag("first"));
/// assert_eq!((options.image.as_deref(), options.tags), (Some("node:22"), vec!["batch".to_owned(), "first".to_owned()]));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SandboxDefaults {
    options: SandboxOptions,
}

impl SandboxDefaults {
    /// These options are the defaults. What is a single sandbox's own, its files, its name and its compose file, is left
    /// out.
    pub fn new(mut options: SandboxOptions) -> Self {
        options.mounted_files = Vec::new();
        options.display_name = None;
        options.compose = None;
        Self { options }
    }

    /// The options a sandbox starts from.
    pub fn options(&self) -> &SandboxOptions {
        &self.options
    }

    /// The default tags, then those of `additional` that they lack.
    pub fn merge_tags(&self, additional: impl IntoIterator<Item = String>) -> Vec<String> {
        let mut tags = self.options.tags.clone();
        for tag in additional {
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        tags
    }

    /// The default environment with `additional` on top.
    pub fn merge_environment_variables(&self, additional: BTreeMap<String, String>) -> BTreeMap<String, String> {
        merged(&self.options.env, additional)
    }

    /// The default annotations with `additional` on top.
    pub fn merge_annotations(&self, additional: BTreeMap<String, String>) -> BTreeMap<String, String> {
        merged(&self.options.annotations, additional)
    }

    /// These defaults with some changed. Also the way to clear one.
    pub fn with_overrides(&self, change: impl FnOnce(&mut SandboxOptions)) -> Self {
        let mut options = self.options.clone();
        change(&mut options);
        Self::new(options)
    }

    /// A sandbox's options: its own where it has any, these where not. Tags, environment and annotations are added up.
    /// Whoever has containers of its own, or a compose file, takes nothing from these that is about the only container.
    pub fn apply(&self, own: SandboxOptions) -> SandboxOptions {
        let mut defaults = self.options.clone();
        if !own.containers.is_empty() || own.compose.is_some() {
            drop(defaults.take_container());
            (defaults.services, defaults.volumes) = match own.compose {
                Some(_) => (Vec::new(), Vec::new()),
                None => (defaults.services, defaults.volumes),
            };
        }
        SandboxOptions {
            // A command and its arguments go together.
            args: if own.command.is_some() { own.args } else { defaults.args },
            command: own.command.or(defaults.command),
            image: own.image.or(defaults.image),
            env: merged(&defaults.env, own.env),
            cwd: own.cwd.or(defaults.cwd),
            tags: self.merge_tags(own.tags),
            resources: own.resources.or(defaults.resources),
            mounted_files: own.mounted_files,
            max_lifetime_seconds: own.max_lifetime_seconds.or(defaults.max_lifetime_seconds),
            annotations: self.merge_annotations(own.annotations),
            display_name: own.display_name,
            startup_probe: own.startup_probe.or(defaults.startup_probe),
            image_pull_credentials: own.image_pull_credentials.or(defaults.image_pull_credentials),
            containers: either(own.containers, defaults.containers),
            compose: own.compose,
            services: either(own.services, defaults.services),
            network: if own.network == Default::default() { defaults.network } else { own.network },
            runner_ids: either(own.runner_ids, defaults.runner_ids),
            placement_mode: own.placement_mode.or(defaults.placement_mode),
            placement_spillover: own.placement_spillover.or(defaults.placement_spillover),
            create_retry_budget: own.create_retry_budget.or(defaults.create_retry_budget),
            runtime_class: own.runtime_class.or(defaults.runtime_class),
            instance_type: own.instance_type.or(defaults.instance_type),
            template: own.template.or(defaults.template),
            secrets: either(own.secrets, defaults.secrets),
            object_storage_access: own.object_storage_access.or(defaults.object_storage_access),
            volumes: either(own.volumes, defaults.volumes),
            request_timeout: own.request_timeout.or(defaults.request_timeout),
        }
    }

    /// These without the option of this name, as JavaScript spells it: what `null` and `[]` ask for.
    pub fn without(&self, name: &str) -> Self {
        let blank = SandboxOptions::default();
        self.with_overrides(|options| match name {
            "image" => options.image = None,
            "command" | "args" => (options.command, options.args) = (None, Vec::new()),
            "env" => options.env = blank.env,
            "cwd" => options.cwd = None,
            "tags" => options.tags = blank.tags,
            "resources" => options.resources = None,
            "startupProbe" => options.startup_probe = None,
            "imagePullCredentials" => options.image_pull_credentials = None,
            "containers" => options.containers = blank.containers,
            "maxLifetimeSeconds" => options.max_lifetime_seconds = None,
            "annotations" => options.annotations = blank.annotations,
            "services" | "ports" => options.services = blank.services,
            "network" => options.network = blank.network,
            "runnerIds" => options.runner_ids = blank.runner_ids,
            "placementMode" => options.placement_mode = None,
            "placementSpillover" => options.placement_spillover = None,
            "createRetryBudgetMs" => options.create_retry_budget = None,
            "runtimeClass" => options.runtime_class = None,
            "instanceType" => options.instance_type = None,
            "template" => options.template = None,
            "secrets" => options.secrets = blank.secrets,
            "objectStorageAccess" => options.object_storage_access = None,
            "volumes" => options.volumes = blank.volumes,
            "requestTimeoutMs" => options.request_timeout = None,
            _ => {}
        })
    }
}

impl From<SandboxOptions> for SandboxDefaults {
    fn from(options: SandboxOptions) -> Self {
        Self::new(options)
    }
}

fn merged(defaults: &BTreeMap<String, String>, additional: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut merged = defaults.clone();
    merged.extend(additional);
    merged
}

fn either<T>(own: Vec<T>, default: Vec<T>) -> Vec<T> {
    if own.is_empty() { default } else { own }
}

#[cfg(test)]
mod tests {
    use super::SandboxDefaults;
    use crate::sandbox::{ContainerOptions, NetworkOptions, PlacementMode, Probe, Resources, SandboxOptions, Service};

    fn full() -> SandboxOptions {
        let mut options = SandboxOptions::new()
            .image("node:22")
            .command(["sleep", "1"])
            .env("A", "1")
            .cwd("/tmp")
            .tag("t")
            .resources(Resources::fixed("1", "1Gi"))
            .startup_probe(Probe::new(["true"]))
            .max_lifetime_seconds(5)
            .annotation("a", "b")
            .service(Service::public(8080))
            .network(NetworkOptions::default().deny_egress(true))
            .runner_id("r")
            .placement_mode(PlacementMode::Cks)
            .runtime_class("c")
            .instance_type("i")
            .request_timeout(std::time::Duration::from_secs(1));
        options.display_name = None;
        options
    }

    #[test]
    fn what_a_sandbox_does_not_say_is_the_default() {
        assert_eq!(SandboxDefaults::new(full()).apply(SandboxOptions::new()), full());
        assert_eq!(SandboxDefaults::default().apply(full()), full());
    }

    #[test]
    fn what_a_sandbox_says_wins_and_lists_of_facts_add_up() {
        let own = SandboxOptions::new().image("python:3.11").command(["true"]).env("B", "2").tag("t").tag("u");
        let options = SandboxDefaults::new(full()).apply(own);
        assert_eq!(options.image.as_deref(), Some("python:3.11"));
        assert_eq!((options.command.as_deref(), options.args.len()), (Some("true"), 0));
        assert_eq!(options.env.len(), 2);
        assert_eq!(options.tags, ["t", "u"]);
        assert_eq!(options.cwd.as_deref(), Some("/tmp"));
    }

    #[test]
    fn containers_of_its_own_take_nothing_that_is_about_the_only_one() {
        let own = SandboxOptions::new().container(ContainerOptions::new("a"));
        let options = SandboxDefaults::new(full()).apply(own.clone());
        assert_eq!((options.image, options.env.len(), options.startup_probe), (None, 0, None));
        assert_eq!((options.containers, options.tags), (own.containers, vec!["t".to_owned()]));
    }

    #[test]
    fn every_default_can_be_cleared_by_its_name() {
        let names = [
            "image",
            "command",
            "env",
            "cwd",
            "tags",
            "resources",
            "startupProbe",
            "maxLifetimeSeconds",
            "annotations",
            "services",
            "network",
            "runnerIds",
            "placementMode",
            "runtimeClass",
            "instanceType",
            "requestTimeoutMs",
        ];
        let cleared = names.iter().fold(SandboxDefaults::new(full()), |defaults, name| defaults.without(name));
        assert_eq!(cleared, SandboxDefaults::default());
    }

    #[test]
    fn what_is_one_sandboxs_own_is_no_default() {
        let options = SandboxOptions::new().mounted_file("/a", "x").display_name("one");
        assert_eq!(SandboxDefaults::new(options), SandboxDefaults::default());
    }
}
