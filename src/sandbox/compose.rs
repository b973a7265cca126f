//! Sandboxes from a compose file: the server reads it, and its services become containers. Must not know: what is in it.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{ImagePullCredentials, Sandbox, SandboxOptions, container_spec::pull_credentials};
use crate::{
    client::{Client, Creation},
    error::Error,
    wire,
};

/// A compose file, and what is said about its services from outside.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ComposeFile {
    /// The file itself, in YAML.
    pub contents: Bytes,
    /// The service that calls mean that name no container. Default: the first.
    pub primary_service: Option<String>,
    /// Images by service; they win over the file's.
    pub image_overrides: BTreeMap<String, String>,
    /// What services are built from.
    pub build_contexts: Vec<BuildContext>,
    /// Sizes of the machines that build, by service.
    pub builder_sizes: BTreeMap<String, String>,
    /// For images of private registries, one per registry.
    pub image_pull_credentials: Vec<ImagePullCredentials>,
}

/// What a service is built from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildContext {
    /// The service.
    pub service: String,
    /// A tar archive.
    pub archive: Bytes,
}

impl ComposeFile {
    /// This file, with nothing said about it.
    pub fn new(contents: impl Into<Bytes>) -> Self {
        Self { contents: contents.into(), ..Self::default() }
    }

    /// Sets the service that calls mean that name no container.
    pub fn primary_service(mut self, name: impl Into<String>) -> Self {
        self.primary_service = Some(name.into());
        self
    }

    /// Sets the image of a service.
    pub fn image_override(mut self, service: impl Into<String>, image: impl Into<String>) -> Self {
        self.image_overrides.insert(service.into(), image.into());
        self
    }
}

impl Sandbox {
    /// A new sandbox after a compose file, at once, as [`run`](Self::run). Of the options it takes those of the sandbox
    /// and, as what services get that say nothing themselves, `resources`; the file says the rest.
    pub fn from_file(client: &Client, file: ComposeFile, options: SandboxOptions) -> Self {
        Self::run(client, SandboxOptions { compose: Some(file), ..options })
    }
}

/// The request that creates a sandbox after a file; `spec` is what the options came to, of which only the resources may
/// be a container's: with others they are not `blank`.
///
/// # Errors
/// Validation, naming the option.
pub(super) fn creation(
    file: ComposeFile,
    blank: bool,
    spec: wire::SandboxSpec,
    display_name: String,
    request_id: String,
) -> Result<Creation, Error> {
    if file.contents.is_empty() {
        return Err(Error::invalid("compose", "must be the content of a compose file"));
    }
    let elsewhere = spec.containers.len() + spec.services.len() + spec.volumes.len() > 1
        || !spec.instance_type.is_empty()
        || !spec.runtime_class.is_empty();
    if elsewhere || !blank {
        let fix = "says what its services are: leave out image, command, env, cwd, mountedFiles, secrets, services, \
                   volumes, containers, startupProbe, instanceType and runtimeClass beside it";
        return Err(Error::invalid("compose", fix));
    }
    let default_resources = spec.containers.into_iter().find_map(|container| container.resource_requirements);
    let credentials = file.image_pull_credentials.into_iter().enumerate();
    let image_pull_credentials =
        credentials.map(|(index, it)| pull_credentials(&format!("imagePullCredentials[{index}]"), it));
    Ok(Creation::FromFile(Box::new(wire::CreateSandboxFromFileRequest {
        r#type: wire::SandboxFileType::Compose as i32,
        contents: file.contents,
        primary_service: file.primary_service.unwrap_or_default(),
        image_overrides: file.image_overrides.into_iter().collect(),
        build_contexts: file.build_contexts.into_iter().map(pair).collect(),
        builder_sizes: file.builder_sizes.into_iter().collect(),
        image_pull_credentials: image_pull_credentials.collect::<Result<_, _>>()?,
        default_resources,
        mode: spec.mode,
        max_lifetime_seconds: spec.max_lifetime_seconds,
        tags: spec.tags,
        network: spec.network,
        object_storage_access: spec.object_storage_access,
        annotations: spec.annotations,
        runner_ids: spec.runner_ids,
        display_name,
        request_id,
        ..Default::default()
    })))
}

fn pair(context: BuildContext) -> wire::create_sandbox_from_file_request::BuildContextsEntry {
    wire::create_sandbox_from_file_request::BuildContextsEntry { key: context.service, value: context.archive }
}

#[cfg(test)]
mod tests {
    use super::{BuildContext, ComposeFile};
    use crate::{
        client::Creation,
        sandbox::{Resources, SandboxOptions, Service, spec::creation},
    };

    const FILE: &str = "services: {}";

    fn options() -> SandboxOptions {
        SandboxOptions { compose: Some(ComposeFile::new(FILE)), ..SandboxOptions::new() }
    }

    #[test]
    fn a_file_goes_as_it_is_with_what_is_the_sandboxs() {
        let mut file = ComposeFile::new(FILE);
        file.build_contexts = vec![BuildContext { service: "web".into(), archive: "tar".into() }];
        let options = SandboxOptions { compose: Some(file), ..SandboxOptions::new() };
        let options = options.tag("t").display_name("d").max_lifetime_seconds(5).annotation("a", "b").runner_id("r");
        let made = creation(options.resources(Resources::fixed("1", "1Gi")), "id".into()).unwrap();
        let Creation::FromFile(request) = made else { panic!("{made:?}") };
        assert_eq!((request.contents.as_ref(), request.request_id.as_str()), (FILE.as_bytes(), "id"));
        assert_eq!((request.tags.len(), request.max_lifetime_seconds, request.runner_ids.len()), (1, 5, 1));
        assert_eq!((request.display_name.as_str(), request.annotations.len()), ("d", 1));
        assert_eq!((request.build_contexts[0].key.as_str(), request.build_contexts.len()), ("web", 1));
        assert_eq!(request.default_resources.unwrap().limits.unwrap().memory, "1Gi");
    }

    #[test]
    fn what_the_file_says_is_not_said_beside_it() {
        let field = |options| creation(options, "id".into()).unwrap_err().field_violations()[0].field.clone();
        for options in [
            options().image("a"),
            options().env("A", "1"),
            options().service(Service::public(80)),
            options().runtime_class("r"),
            SandboxOptions { compose: Some(ComposeFile::default()), ..SandboxOptions::new() },
        ] {
            assert_eq!(field(options), "compose");
        }
        assert_eq!(field(options().template("t")), "template");
    }
}
