//! One container of a sandbox with several, and what only containers have. Must not know: the wire's shape of it (see
//! `container_spec.rs`).

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{MountedFile, Resources, SandboxOptions, SecretMapping};

/// One container of a sandbox with several. They have file systems of their own and share one network: they reach each
/// other at `127.0.0.1`.
///
/// ```
/// use jetway::{SandboxOptions, sandbox::{ContainerOptions, Probe}};
/// let options = SandboxOptions::new()
///     .container(ContainerOptions::new("app").primary(true))
///     .container(ContainerOptions::new("db").image("redis:7").startup_probe(Probe::new(["redis-cli", "ping"])));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ContainerOptions {
    /// By which it is told apart: what `container` of a process, a file or a log names.
    pub name: String,
    /// Image. Default: [`DEFAULT_IMAGE`](super::DEFAULT_IMAGE), which then waits.
    pub image: Option<String>,
    /// Main command. Default: the image's own.
    pub command: Option<String>,
    /// The main command's arguments.
    pub args: Vec<String>,
    /// Environment of the main command and of every process in it.
    pub env: BTreeMap<String, String>,
    /// Working directory of the main command and of every process in it, absolute.
    pub cwd: Option<String>,
    /// What it is promised and may use.
    pub resources: Option<Resources>,
    /// Files to write before the main command starts.
    pub mounted_files: Vec<MountedFile>,
    /// Secrets that become environment variables.
    pub secrets: Vec<SecretMapping>,
    /// Where it sees volumes of the sandbox. One that is not named here is seen at the volume's own path.
    pub volume_mounts: Vec<VolumeMount>,
    /// Decides when it counts as started.
    pub startup_probe: Option<Probe>,
    /// For an image of a private registry.
    pub image_pull_credentials: Option<ImagePullCredentials>,
    /// What calls mean that name no container; its end is the sandbox's. Default: the first.
    pub primary: bool,
}

/// A command that is repeated until it exits with 0: only then the container counts as started, and the sandbox as
/// running.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Probe {
    /// Command and arguments, run without a shell.
    pub exec: Vec<String>,
    /// Seconds between two attempts. Default: the server's.
    pub period_seconds: Option<u32>,
    /// How many seconds one attempt may take. Default: the server's.
    pub timeout_seconds: Option<u32>,
    /// After how many failures in a row the sandbox has failed. Default: the server's.
    pub failure_threshold: Option<u32>,
    /// Seconds before the first attempt. Default: none.
    pub initial_delay_seconds: Option<u32>,
}

/// Credentials for the registry of an image, kept in a secret store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImagePullCredentials {
    /// Host name of the registry, e.g. `ghcr.io`.
    pub registry: String,
    /// Name of the secret store.
    pub store: String,
    /// Name of the secret in it.
    pub path: String,
    /// Field of a secret with several. Default: its only value.
    pub field: Option<String>,
}

/// Where one container sees a volume of the sandbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VolumeMount {
    /// Name of the volume.
    pub volume: String,
    /// Absolute path inside; made when missing.
    pub mount_path: String,
    /// Nothing can be changed in it.
    pub read_only: bool,
    /// The directory of the volume that is meant, relative. Default: all of it.
    pub sub_path: Option<String>,
}

impl ContainerOptions {
    /// One with this name and the defaults.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
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

    /// Adds a place where it sees a volume of the sandbox.
    pub fn volume_mount(mut self, volume: impl Into<String>, mount_path: impl Into<String>) -> Self {
        let (volume, mount_path) = (volume.into(), mount_path.into());
        self.volume_mounts.push(VolumeMount { volume, mount_path, ..VolumeMount::default() });
        self
    }

    /// Sets what decides when it counts as started.
    pub fn startup_probe(mut self, probe: Probe) -> Self {
        self.startup_probe = Some(probe);
        self
    }

    /// Sets whether it is what calls mean that name no container.
    pub fn primary(mut self, primary: bool) -> Self {
        self.primary = primary;
        self
    }

    /// Whether nothing is said but a name.
    pub(super) fn is_blank(&self) -> bool {
        let lists = [self.args.len(), self.env.len(), self.mounted_files.len(), self.secrets.len()];
        let texts = [&self.image, &self.command, &self.cwd];
        lists.iter().sum::<usize>() == 0
            && texts.iter().all(|text| text.is_none())
            && self.resources.is_none()
            && self.startup_probe.is_none()
            && self.image_pull_credentials.is_none()
    }
}

impl Probe {
    /// This command, as often and as long as the server sees fit.
    pub fn new<Part: Into<String>>(exec: impl IntoIterator<Item = Part>) -> Self {
        Self { exec: exec.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Sets the seconds between two attempts.
    pub fn period_seconds(mut self, seconds: u32) -> Self {
        self.period_seconds = Some(seconds);
        self
    }

    /// Sets how many seconds one attempt may take.
    pub fn timeout_seconds(mut self, seconds: u32) -> Self {
        self.timeout_seconds = Some(seconds);
        self
    }

    /// Sets after how many failures in a row the sandbox has failed.
    pub fn failure_threshold(mut self, failures: u32) -> Self {
        self.failure_threshold = Some(failures);
        self
    }

    /// Sets the seconds before the first attempt.
    pub fn initial_delay_seconds(mut self, seconds: u32) -> Self {
        self.initial_delay_seconds = Some(seconds);
        self
    }
}

impl SandboxOptions {
    /// Takes out what is said about the only container; what is left is about the sandbox.
    pub(crate) fn take_container(&mut self) -> ContainerOptions {
        ContainerOptions {
            image: self.image.take(),
            command: self.command.take(),
            args: std::mem::take(&mut self.args),
            env: std::mem::take(&mut self.env),
            cwd: self.cwd.take(),
            resources: self.resources.take(),
            mounted_files: std::mem::take(&mut self.mounted_files),
            secrets: std::mem::take(&mut self.secrets),
            startup_probe: self.startup_probe.take(),
            image_pull_credentials: self.image_pull_credentials.take(),
            ..ContainerOptions::default()
        }
    }
}
