//! What a sandbox can be asked for. Must not know: the wire's shape of it (see `spec.rs`).

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;

use super::{
    ComposeFile, ContainerOptions, ImagePullCredentials, NetworkOptions, Probe, Resources, Service, VolumeOptions,
};

/// The image when none is given.
pub const DEFAULT_IMAGE: &str = "python:3.11";
/// The main command when none is given: waits, and ends at once when asked to.
pub const DEFAULT_COMMAND: &str = "/bin/sh";
/// Arguments of [`DEFAULT_COMMAND`].
pub const DEFAULT_ARGS: [&str; 2] = ["-c", "trap \"exit 0\" TERM INT; sleep infinity & wait"];

/// Options of a new sandbox. Unset ones are the server's defaults.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct SandboxOptions {
    /// Image. Default: [`DEFAULT_IMAGE`].
    pub image: Option<String>,
    /// Main command; its end is the sandbox's. Default: [`DEFAULT_COMMAND`] with [`DEFAULT_ARGS`], which waits.
    pub command: Option<String>,
    /// The main command's arguments.
    pub args: Vec<String>,
    /// Environment of the main command and of every process.
    pub env: BTreeMap<String, String>,
    /// Working directory of the main command and of every process, absolute.
    pub cwd: Option<String>,
    /// Tags to find it by.
    pub tags: Vec<String>,
    /// What it is promised and may use.
    pub resources: Option<Resources>,
    /// Files to write before the main command starts.
    pub mounted_files: Vec<MountedFile>,
    /// After how many seconds it ends by itself.
    pub max_lifetime_seconds: Option<u32>,
    /// Free-form facts about it.
    pub annotations: BTreeMap<String, String>,
    /// The name people see.
    pub display_name: Option<String>,
    /// What it serves.
    pub services: Vec<Service>,
    /// What may go in and out.
    pub network: NetworkOptions,
    /// Which runners may take it.
    pub runner_ids: Vec<String>,
    /// On whose machines. Default: the server's; with `runner_ids`, one's own.
    pub placement_mode: Option<PlacementMode>,
    /// What is to isolate it.
    pub runtime_class: Option<String>,
    /// Which machines it asks for.
    pub instance_type: Option<String>,
    /// Id of the template that it is made from; every other option wins over the template's, and what is not set here
    /// is the template's.
    pub template: Option<String>,
    /// Decides when it counts as running. Default: as soon as the main command runs.
    pub startup_probe: Option<Probe>,
    /// For an image of a private registry.
    pub image_pull_credentials: Option<ImagePullCredentials>,
    /// Several containers. What is one container's is then said in these, and not beside them. Default: one.
    pub containers: Vec<ContainerOptions>,
    /// The compose file that it is made from; see [`Sandbox::from_file`](super::Sandbox::from_file).
    pub compose: Option<ComposeFile>,
    /// Secrets that become environment variables.
    pub secrets: Vec<SecretMapping>,
    /// Temporary object storage credentials inside.
    pub object_storage_access: Option<ObjectStorageAccess>,
    /// Where else it may go when its placement has no room for it. Default: nowhere.
    pub placement_spillover: Option<PlacementSpillover>,
    /// For how long a creation is repeated while there is no capacity. Default: not at all.
    pub create_retry_budget: Option<Duration>,
    /// Directories beside its own file system.
    pub volumes: Vec<VolumeOptions>,
    /// How long each of its calls may take. Default: the client's.
    pub request_timeout: Option<Duration>,
}

/// A file that exists before the main command starts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MountedFile {
    /// Absolute path inside.
    pub path: String,
    /// Content.
    pub content: Bytes,
}

/// A secret of a store, and the variable that it becomes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SecretMapping {
    /// Name of the store.
    pub store: String,
    /// Name of the secret in its store.
    pub path: String,
    /// Field of a secret with several. Default: its only value.
    pub field: Option<String>,
    /// Name of the environment variable. Default: `path`.
    pub env_var: Option<String>,
}

impl SecretMapping {
    /// The secret `path` of `store`, as a variable of its own name.
    pub fn new(store: impl Into<String>, path: impl Into<String>) -> Self {
        Self { store: store.into(), path: path.into(), field: None, env_var: None }
    }

    /// Sets which field of a secret with several.
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Sets the name of the variable.
    pub fn env_var(mut self, name: impl Into<String>) -> Self {
        self.env_var = Some(name.into());
        self
    }
}

/// What object storage processes in a sandbox get credentials for. Nothing is mounted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectStorageAccess {
    /// Names of buckets.
    pub buckets: Vec<String>,
    /// What may be done with them.
    pub permission: ObjectStoragePermission,
    /// Only objects whose names start with this. Default: all.
    pub object_prefix: Option<String>,
}

impl ObjectStorageAccess {
    /// To list and get objects of these buckets.
    pub fn read<Name: Into<String>>(buckets: impl IntoIterator<Item = Name>) -> Self {
        Self { buckets: buckets.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// To put and delete as well.
    pub fn read_write<Name: Into<String>>(buckets: impl IntoIterator<Item = Name>) -> Self {
        Self { permission: ObjectStoragePermission::ReadWrite, ..Self::read(buckets) }
    }

    /// Sets what the objects' names must start with.
    pub fn object_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.object_prefix = Some(prefix.into());
        self
    }
}

/// What may be done with object storage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObjectStoragePermission {
    /// List and get.
    #[default]
    Read,
    /// Also put and delete.
    ReadWrite,
}

/// On whose machines a sandbox runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlacementMode {
    /// The service's.
    Serverless,
    /// One's own cluster.
    Cks,
}

/// Where a sandbox goes, and where when there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlacementSpillover {
    /// To the service's machines, else to one's own cluster.
    ServerlessThenCks,
    /// To one's own cluster, else to the service's machines.
    CksThenServerless,
}

impl SandboxOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the image.
    pub fn image(mut self, image: impl Into<String>) -> Self {
        self.image = Some(image.into());
        self
    }

    /// Sets the main command: a program and its arguments. An empty one keeps the default.
    pub fn command<Part: Into<String>>(mut self, command: impl IntoIterator<Item = Part>) -> Self {
        let mut parts = command.into_iter().map(Into::into);
        self.command = parts.next();
        self.args = parts.collect();
        self
    }

    /// Adds a variable to the environment.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Sets the working directory, absolute.
    pub fn cwd(mut self, cwd: impl Into<String>) -> Self {
        self.cwd = Some(cwd.into());
        self
    }

    /// Adds a tag.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Sets what it is promised and may use.
    pub fn resources(mut self, resources: Resources) -> Self {
        self.resources = Some(resources);
        self
    }

    /// Adds a file that exists before the main command starts.
    pub fn mounted_file(mut self, path: impl Into<String>, content: impl Into<Bytes>) -> Self {
        self.mounted_files.push(MountedFile { path: path.into(), content: content.into() });
        self
    }

    /// Sets after how many seconds it ends by itself.
    pub fn max_lifetime_seconds(mut self, seconds: u32) -> Self {
        self.max_lifetime_seconds = Some(seconds);
        self
    }

    /// Adds an annotation.
    pub fn annotation(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.annotations.insert(name.into(), value.into());
        self
    }

    /// Sets the name people see.
    pub fn display_name(mut self, name: impl Into<String>) -> Self {
        self.display_name = Some(name.into());
        self
    }

    /// Adds a port that it serves.
    pub fn service(mut self, service: Service) -> Self {
        self.services.push(service);
        self
    }

    /// Sets what may go in and out.
    pub fn network(mut self, network: NetworkOptions) -> Self {
        self.network = network;
        self
    }

    /// Adds a runner that may take it.
    pub fn runner_id(mut self, id: impl Into<String>) -> Self {
        self.runner_ids.push(id.into());
        self
    }

    /// Sets on whose machines it runs.
    pub fn placement_mode(mut self, mode: PlacementMode) -> Self {
        self.placement_mode = Some(mode);
        self
    }

    /// Sets where it goes, and where when there is no room.
    pub fn placement_spillover(mut self, spillover: PlacementSpillover) -> Self {
        self.placement_spillover = Some(spillover);
        self
    }

    /// Sets for how long its creation is repeated while there is no capacity.
    pub fn create_retry_budget(mut self, budget: Duration) -> Self {
        self.create_retry_budget = Some(budget);
        self
    }

    /// Sets what is to isolate it.
    pub fn runtime_class(mut self, class: impl Into<String>) -> Self {
        self.runtime_class = Some(class.into());
        self
    }

    /// Sets which machines it asks for.
    pub fn instance_type(mut self, instance_type: impl Into<String>) -> Self {
        self.instance_type = Some(instance_type.into());
        self
    }

    /// Makes it from a template.
    pub fn template(mut self, id: impl Into<String>) -> Self {
        self.template = Some(id.into());
        self
    }

    /// Sets what decides when it counts as running.
    pub fn startup_probe(mut self, probe: Probe) -> Self {
        self.startup_probe = Some(probe);
        self
    }

    /// Sets the credentials for the registry of its image.
    pub fn image_pull_credentials(mut self, credentials: ImagePullCredentials) -> Self {
        self.image_pull_credentials = Some(credentials);
        self
    }

    /// Adds a container.
    pub fn container(mut self, container: ContainerOptions) -> Self {
        self.containers.push(container);
        self
    }

    /// Adds a secret: `path` of `store` becomes the environment variable `env_var`.
    pub fn secret(mut self, store: impl Into<String>, path: impl Into<String>, env_var: impl Into<String>) -> Self {
        let (store, path, env_var) = (store.into(), path.into(), Some(env_var.into()));
        self.secrets.push(SecretMapping { store, path, field: None, env_var });
        self
    }

    /// Sets what object storage its processes get credentials for.
    pub fn object_storage_access(mut self, access: ObjectStorageAccess) -> Self {
        self.object_storage_access = Some(access);
        self
    }

    /// Adds a directory beside its own file system.
    pub fn volume(mut self, volume: VolumeOptions) -> Self {
        self.volumes.push(volume);
        self
    }

    /// Sets how long each of its calls may take.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = Some(timeout);
        self
    }
}
