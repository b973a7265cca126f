//! CreateSandboxFromFile: a compose file becomes a specification, as far as one machine with one sandbox can do what it
//! says. The rest is refused by name and place; nothing is accepted and ignored.
//!
//! Services are containers of one sandbox, with the service's name. Their names resolve to the sandbox itself, so one
//! service reaches another at its name. A health check decides when a service counts as started.

mod amounts;
mod document;
mod service;

use std::{collections::BTreeMap, fmt::Formatter};

use prost::Message;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Api, Problem};
use crate::{
    images::{registry_of, same_registry},
    runtime::After,
    wire::sandbox::{
        Control, CreateSandboxFromFileRequest, CreateSandboxRequest, ImagePullCredentials, Sandbox, SandboxFileType,
        SandboxSpec, SandboxVolume, ScratchVolume, sandbox_volume::Source,
    },
};
use document::{Findings, Table, interpolate};

/// What the public service takes, too.
const MAX_FILE: usize = 256 * 1024;

/// Which containers wait for which.
pub(super) type Dependencies = BTreeMap<String, Vec<After>>;

impl Api {
    /// Accepts the sandbox that a file describes.
    pub(super) async fn accept_from_file(&self, request: CreateSandboxFromFileRequest) -> Result<Sandbox, Problem> {
        let same = CreateSandboxFromFileRequest { request_id: String::new(), ..request.clone() };
        let digest = Sha256::digest(same.encode_to_vec()).to_vec();
        let request_id = request.request_id.clone();
        let (sandbox, after) = translate(request)?;
        let request = CreateSandboxRequest { sandbox: Some(sandbox), request_id };
        self.accept_in_order(request, Some(digest), &after).await
    }
}

fn translate(request: CreateSandboxFromFileRequest) -> Result<(Sandbox, Dependencies), Problem> {
    refuse(&request)?;
    let mut findings = Findings::default();
    let mut file = read(&request.contents)?;
    interpolate("", &mut file, &mut findings);
    let mut file = Table::new("", file, &mut findings);
    // Older files say which version of the format they are in; today's have none.
    let _ = (file.take("version"), file.take("name"));
    let services = file.take("services");
    let volumes = volumes(&mut file);
    file.finish(|key| match key {
        "networks" => "leave it out: services of a sandbox share one network",
        "secrets" | "configs" => "leave it out, and pass the content in the environment or as a file of the image",
        _ => "leave it out",
    });
    let listed = match services {
        Some(Value::Object(services)) if !services.is_empty() => services,
        _ => {
            findings.fault("services", "must name at least one service");
            serde_json::Map::new()
        }
    };
    let mut listed: Vec<(String, Value)> = listed.into_iter().collect();
    let order = service_order(&request.contents);
    listed.sort_by_key(|(name, _)| order.iter().position(|other| other == name));
    let names: Vec<String> = listed.iter().map(|(name, _)| name.clone()).collect();
    for name in request.image_overrides.keys().filter(|name| !names.contains(name)) {
        findings.fault(format!("image_overrides[{name:?}]"), "is no service of the file");
    }
    let primary = match request.primary_service.as_str() {
        "" => names.first().cloned().unwrap_or_default(),
        name => name.to_owned(),
    };
    if !names.contains(&primary) {
        findings.fault("primary_service", format!("{primary:?} is no service of the file"));
    }
    let (mut containers, mut after, mut services) = (Vec::new(), Dependencies::new(), Vec::new());
    for (name, value) in listed {
        let image = request.image_overrides.get(&name).cloned();
        let read = service::read(&name, value, image, &volumes, &mut findings);
        let mut container = read.container;
        let registry = registry_of(&container.image).unwrap_or_default();
        let meant = |one: &&ImagePullCredentials| same_registry(&one.registry, &registry);
        container.image_pull_credentials = request.image_pull_credentials.iter().find(meant).cloned();
        container.primary = Some(name == primary);
        if container.resource_requirements.is_none() {
            container.resource_requirements.clone_from(&request.default_resources);
        }
        containers.push(container);
        services.extend(read.services);
        after.insert(name, read.after);
    }
    check_order(&after, &mut findings);
    findings.finish()?;
    let spec = SandboxSpec {
        containers,
        volumes: volumes.into_iter().map(scratch).collect(),
        services,
        max_lifetime_seconds: request.max_lifetime_seconds,
        tags: request.tags,
        network: request.network,
        network_ids: request.network_ids,
        object_storage_access: request.object_storage_access,
        annotations: request.annotations,
        runner_ids: request.runner_ids,
        mode: request.mode,
        ..SandboxSpec::default()
    };
    let sandbox = Sandbox {
        spec: Some(spec),
        display_name: request.display_name,
        control: Control::Platform.into(),
        ..Sandbox::default()
    };
    Ok((sandbox, after))
}

/// Parts of the request itself that this server cannot honour.
fn refuse(request: &CreateSandboxFromFileRequest) -> Result<(), Problem> {
    if request.r#type() != SandboxFileType::Compose {
        return Err(Problem::cannot_honour("type", "use SANDBOX_FILE_TYPE_COMPOSE"));
    }
    if request.control() == Control::ContainerEngine {
        let fix =
            "leave it unset: a container engine does not run inside a sandbox here, the services become containers";
        return Err(Problem::cannot_honour("control", fix));
    }
    let built = !request.build_contexts.is_empty()
        || !request.build_context_objects.is_empty()
        || !request.builder_sizes.is_empty();
    if built {
        return Err(Problem::cannot_honour("build_contexts", "build the image, bring it in, and name it in `image`"));
    }
    if request.contents.len() > MAX_FILE {
        return Err(Problem::field("contents", format!("must have at most {MAX_FILE} bytes")));
    }
    Ok(())
}

fn read(contents: &[u8]) -> Result<Value, Problem> {
    let text = std::str::from_utf8(contents).map_err(|_| Problem::field("contents", "must be UTF-8 text"))?;
    serde_saphyr::from_str(text).map_err(|error| {
        let said = error.to_string();
        Problem::field("contents", format!("is no YAML: {}", said.lines().next().unwrap_or_default()))
    })
}

/// The services in the order in which the file has them, which the values above do not keep.
fn service_order(contents: &[u8]) -> Vec<String> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct File {
        services: Keys,
    }
    #[derive(Default)]
    struct Keys(Vec<String>);
    impl<'de> Deserialize<'de> for Keys {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            from.deserialize_map(Keys::default())
        }
    }
    impl<'de> Visitor<'de> for Keys {
        type Value = Self;
        fn expecting(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("services")
        }
        fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
            while let Some((key, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
                self.0.push(key);
            }
            Ok(self)
        }
    }
    // It was read as a whole before.
    let text = std::str::from_utf8(contents).unwrap_or_default();
    serde_saphyr::from_str::<File>(text).map(|file| file.services.0).unwrap_or_default()
}

/// Names of the file's volumes; each becomes a scratch volume.
fn volumes(file: &mut Table<'_>) -> Vec<String> {
    let mut names = Vec::new();
    let Some(value) = file.take("volumes") else { return names };
    let Value::Object(volumes) = value else {
        file.findings().fault("volumes", "must be a mapping");
        return names;
    };
    for (name, value) in volumes {
        let mut volume = Table::new(format!("volumes.{name}"), value, file.findings());
        if volume.text("driver").is_some_and(|driver| driver != "local") {
            let path = volume.at("driver");
            volume.findings().unsupported(path, "leave it out");
        }
        let _ = (volume.take("name"), volume.take("labels"));
        volume.finish(|_| "leave it out: volumes here are scratch volumes of the sandbox");
        names.push(name);
    }
    names
}

fn scratch(name: String) -> SandboxVolume {
    SandboxVolume { name, source: Some(Source::Scratch(ScratchVolume::default())) }
}

/// Who waits must not wait for itself.
fn check_order(after: &Dependencies, findings: &mut Findings) {
    let mut left: BTreeMap<&str, &Vec<After>> = after.iter().map(|(name, after)| (name.as_str(), after)).collect();
    for (name, after) in after {
        for other in after.iter().map(|one| &one.container).filter(|other| !left.contains_key(other.as_str())) {
            findings.fault(format!("services.{name}.depends_on.{other}"), "is no service of the file");
        }
    }
    loop {
        let free: Vec<&str> = left
            .iter()
            .filter(|(_, after)| !after.iter().any(|one| left.contains_key(one.container.as_str())))
            .map(|(name, _)| *name)
            .collect();
        if free.is_empty() {
            break;
        }
        for name in free {
            left.remove(name);
        }
    }
    for name in left.keys() {
        findings.fault(format!("services.{name}.depends_on"), "waits for itself in the end; break the circle");
    }
}

#[cfg(test)]
mod tests;
