//! What a new sandbox is like, as the command line says it. Must not know: what it is for.

use clap::Args;
use jetway::{
    SandboxOptions,
    sandbox::{DEFAULT_IMAGE, Resources, SecretMapping, Service, VolumeOptions},
};

use crate::{duration, process_options::parse_variable};

/// The options that every command which makes a sandbox, or a template of one, shares.
#[derive(Debug, Args)]
#[group(id = "shape", multiple = true)]
pub struct Shape {
    /// Image of the sandbox [default: python:3.11, or the template's]
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,

    /// Variable for everything in it, NAME=VALUE, or NAME for the value it has here; may be given several times
    #[arg(short, long = "env", value_name = "NAME=VALUE", value_parser = parse_variable)]
    env: Vec<(String, String)>,

    /// Working directory of everything in it
    #[arg(long, value_name = "DIR")]
    cwd: Option<String>,

    /// Tag to find it by; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,

    /// Name that people see
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// End it by itself after this long, e.g. 90s, 10m or 2h
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_seconds)]
    max_lifetime: Option<u32>,

    /// Cores that it may use, e.g. 2 or 500m
    #[arg(long, value_name = "CORES")]
    cpu: Option<String>,

    /// Memory that it may use, e.g. 512Mi or 2Gi
    #[arg(long, value_name = "BYTES")]
    memory: Option<String>,

    /// Directory beside its own file system: a new one, or a registered volume by its id; may be given several times
    #[arg(long = "volume", value_name = "[VOLUME:]PATH[:ro]", value_parser = parse_volume)]
    volumes: Vec<VolumeOptions>,

    /// Directory that begins as a snapshot was; may be given several times
    #[arg(long = "snapshot", value_name = "SNAPSHOT:PATH", value_parser = parse_snapshot)]
    snapshots: Vec<VolumeOptions>,

    /// Secret that becomes a variable; may be given several times
    #[arg(long = "secret", value_name = "STORE/NAME[=VARIABLE]", value_parser = parse_secret)]
    secrets: Vec<SecretMapping>,

    /// Port that everybody reaches who reaches the server; `jetway get` says where; may be given several times
    #[arg(long = "publish", value_name = "PORT")]
    ports: Vec<u16>,

    /// Template that it is made from; what is said here wins over the template
    #[arg(long, value_name = "TEMPLATE")]
    template: Option<String>,
}

impl Shape {
    /// As the client takes it.
    pub fn options(self) -> SandboxOptions {
        let mut options = SandboxOptions::new();
        options.image = self.image.or_else(|| self.template.is_none().then(|| DEFAULT_IMAGE.to_owned()));
        options.env = self.env.into_iter().collect();
        options.cwd = self.cwd;
        options.tags = self.tags;
        options.display_name = self.name;
        options.max_lifetime_seconds = self.max_lifetime;
        if self.cpu.is_some() || self.memory.is_some() {
            let mut resources = Resources::default();
            (resources.limits.cpu, resources.limits.memory) = (self.cpu, self.memory);
            options.resources = Some(resources.clone().requests(resources.limits));
        }
        options.volumes = self.volumes.into_iter().chain(self.snapshots).collect();
        options.secrets = self.secrets;
        options.services = self.ports.into_iter().map(Service::public).collect();
        options.template = self.template;
        options
    }
}

fn parse_volume(text: &str) -> Result<VolumeOptions, String> {
    let (rest, read_only) = text.strip_suffix(":ro").map_or((text, false), |rest| (rest, true));
    let volume = match rest.split_once(':') {
        Some((id, path)) if path.starts_with('/') && !id.is_empty() => VolumeOptions::registered(path, id),
        None if rest.starts_with('/') => VolumeOptions::scratch(rest),
        _ => return Err(format!("{text:?} names no directory; e.g. /work, or VOLUME:/data:ro")),
    };
    Ok(volume.read_only(read_only))
}

fn parse_snapshot(text: &str) -> Result<VolumeOptions, String> {
    match text.split_once(':') {
        Some((id, path)) if path.starts_with('/') && !id.is_empty() => Ok(VolumeOptions::scratch(path).snapshot(id)),
        _ => Err(format!("{text:?} needs a snapshot and a directory; e.g. SNAPSHOT:/work")),
    }
}

fn parse_secret(text: &str) -> Result<SecretMapping, String> {
    let wrong = || format!("{text:?} needs a store and a name; e.g. STORE/NAME, or STORE/NAME=VARIABLE");
    let (place, variable) = text.split_once('=').map_or((text, None), |(place, name)| (place, Some(name)));
    let (store, path) = place.split_once('/').ok_or_else(wrong)?;
    if store.is_empty() || path.is_empty() || variable == Some("") {
        return Err(wrong());
    }
    let mut secret = SecretMapping::new(store, path);
    secret.env_var = variable.map(Into::into);
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::{parse_secret, parse_snapshot, parse_volume};

    #[test]
    fn volumes_are_new_registered_or_restored() {
        let volume = parse_volume("/work").unwrap();
        assert_eq!((&*volume.mount_path, volume.volume_id, volume.read_only), ("/work", None, false));
        let volume = parse_volume("vol-1:/data:ro").unwrap();
        assert_eq!(
            (&*volume.mount_path, volume.volume_id.as_deref(), volume.read_only),
            ("/data", Some("vol-1"), true)
        );
        let volume = parse_snapshot("s1:/work").unwrap();
        assert_eq!((&*volume.mount_path, volume.snapshot_id.as_deref()), ("/work", Some("s1")));
        for wrong in ["", "work", ":/a", "a:b", "ro"] {
            assert!(parse_volume(wrong).is_err() && parse_snapshot(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn secrets_have_a_store_a_name_and_a_variable() {
        let secret = parse_secret("team/a/b=TOKEN").unwrap();
        assert_eq!((&*secret.store, &*secret.path, secret.env_var.as_deref()), ("team", "a/b", Some("TOKEN")));
        assert_eq!(parse_secret("team/KEY").unwrap().env_var, None);
        for wrong in ["team", "/x", "team/", "team/x="] {
            assert!(parse_secret(wrong).is_err(), "{wrong}");
        }
    }
}
