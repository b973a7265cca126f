//! Containers, checked and turned into the wire's. Must not know: what else a sandbox has.

use super::{
    ContainerOptions, DEFAULT_ARGS, DEFAULT_COMMAND, DEFAULT_IMAGE, ImagePullCredentials, Probe, SecretMapping,
    VolumeMount, resources::requirements, spec::check_text,
};
use crate::{
    error::Error,
    process::{check_env, check_path},
    wire,
};

/// The container of those who have one.
pub(super) const MAIN: &str = "main";

/// The wire's containers: `only`, unless there are `several`. They see `mounts`, but for the volumes that they mount
/// themselves. With `whole`, defaults stand in for what is not said.
///
/// # Errors
/// Validation, naming the option.
pub(super) fn containers(
    only: ContainerOptions,
    several: Vec<ContainerOptions>,
    mounts: Vec<wire::VolumeMount>,
    whole: bool,
) -> Result<Vec<wire::Container>, Error> {
    if several.is_empty() {
        let mut made = container("", only, whole, whole)?;
        (made.name, made.volume_mounts) = (MAIN.to_owned(), mounts);
        return Ok(vec![made]);
    }
    if !only.is_blank() {
        let fix = "leave out image, command, args, env, cwd, resources, mountedFiles, secrets, startupProbe and \
                   imagePullCredentials beside it; say them in the container that they are meant for";
        return Err(Error::invalid("containers", fix));
    }
    let mut made: Vec<wire::Container> = Vec::new();
    for (index, options) in several.into_iter().enumerate() {
        let prefix = format!("containers[{index}].");
        let name = format!("{prefix}name");
        check_text(&name, &options.name)?;
        if made.iter().any(|other| other.name == options.name) {
            return Err(Error::invalid(name, format!("{:?} is taken; give each a name of its own", options.name)));
        }
        if options.primary && made.iter().any(|other| other.primary.is_some()) {
            return Err(Error::invalid(format!("{prefix}primary"), "another one is; mark one at most"));
        }
        let own = own_mounts(&prefix, &options.volume_mounts, &mounts)?;
        // Whoever names an image means what it runs; who does not gets ours, which would end at once.
        let waits = whole && options.image.is_none();
        let mut container = container(&prefix, options, whole, waits)?;
        let shared = mounts.iter().filter(|shared| !own.iter().any(|mount| mount.volume == shared.volume));
        container.volume_mounts = own.iter().chain(shared).cloned().collect();
        made.push(container);
    }
    Ok(made)
}

/// `prefix` goes before the names of the options in errors.
fn container(prefix: &str, options: ContainerOptions, whole: bool, waits: bool) -> Result<wire::Container, Error> {
    let field = |name: &str| format!("{prefix}{name}");
    let image = match options.image {
        Some(image) => check_text(&field("image"), &image).map(|()| image)?,
        None if whole => DEFAULT_IMAGE.to_owned(),
        None => String::new(),
    };
    check_env(&field("env"), &options.env)?;
    if let Some(cwd) = &options.cwd {
        check_path(&field("cwd"), cwd)?;
    }
    let (command, args) = main_command(prefix, options.command, options.args, waits)?;
    for (index, file) in options.mounted_files.iter().enumerate() {
        check_path(&format!("{prefix}mountedFiles[{index}].path"), &file.path)?;
    }
    let files = options.mounted_files.into_iter();
    Ok(wire::Container {
        name: options.name,
        image,
        command,
        args,
        environment_variables: options.env.into_iter().collect(),
        files: files.map(|file| wire::FileMount { path: file.path, content: file.content }).collect(),
        working_dir: options.cwd.unwrap_or_default(),
        resource_requirements: options.resources.map(|it| requirements(&field("resources"), it)).transpose()?,
        secret_stores: secret_stores(prefix, options.secrets)?,
        startup_probe: options.startup_probe.map(|it| probe(&field("startupProbe"), it)).transpose()?,
        image_pull_credentials: options
            .image_pull_credentials
            .map(|it| pull_credentials(&field("imagePullCredentials"), it))
            .transpose()?,
        primary: options.primary.then_some(true),
        ..Default::default()
    })
}

fn main_command(
    prefix: &str,
    command: Option<String>,
    args: Vec<String>,
    waits: bool,
) -> Result<(String, Vec<String>), Error> {
    let Some(command) = command else {
        if !args.is_empty() {
            return Err(Error::invalid(format!("{prefix}args"), "need a `command` to be arguments of"));
        }
        if !waits {
            return Ok(Default::default());
        }
        return Ok((DEFAULT_COMMAND.to_owned(), DEFAULT_ARGS.map(str::to_owned).to_vec()));
    };
    check_text(&format!("{prefix}command"), &command)?;
    check_args(&format!("{prefix}args"), &args)?;
    Ok((command, args))
}

fn check_args(field: &str, args: &[String]) -> Result<(), Error> {
    match args.iter().position(|arg| arg.contains('\0')) {
        Some(index) => Err(Error::invalid(format!("{field}[{index}]"), "must not contain a NUL character")),
        None => Ok(()),
    }
}

fn own_mounts(
    prefix: &str,
    asked: &[VolumeMount],
    volumes: &[wire::VolumeMount],
) -> Result<Vec<wire::VolumeMount>, Error> {
    let mount = |(index, mount): (usize, &VolumeMount)| {
        let field = |name: &str| format!("{prefix}volumeMounts[{index}].{name}");
        check_path(&field("mountPath"), &mount.mount_path)?;
        let VolumeMount { volume, mount_path, read_only, sub_path } = mount.clone();
        if !volumes.iter().any(|known| known.volume == volume) {
            return Err(Error::invalid(field("volume"), format!("{volume:?} is none of `volumes`")));
        }
        Ok(wire::VolumeMount { volume, mount_path, read_only, sub_path: sub_path.unwrap_or_default() })
    };
    asked.iter().enumerate().map(mount).collect()
}

fn probe(field: &str, probe: Probe) -> Result<wire::Probe, Error> {
    check_text(&format!("{field}.exec"), probe.exec.first().map_or("", String::as_str))?;
    check_args(&format!("{field}.exec"), &probe.exec)?;
    // The wire has no more than 31 bits, and says "the server's choice" with 0.
    let number = |number: Option<u32>| number.map_or(0, |it| i32::try_from(it).unwrap_or(i32::MAX));
    Ok(wire::Probe {
        exec: probe.exec,
        period_seconds: number(probe.period_seconds),
        timeout_seconds: number(probe.timeout_seconds),
        failure_threshold: number(probe.failure_threshold),
        initial_delay_seconds: number(probe.initial_delay_seconds),
    })
}

pub(super) fn pull_credentials(
    field: &str,
    credentials: ImagePullCredentials,
) -> Result<wire::ImagePullCredentials, Error> {
    let ImagePullCredentials { registry, store, path, field: part } = credentials;
    for (name, text) in [("registry", &registry), ("store", &store), ("path", &path)] {
        check_text(&format!("{field}.{name}"), text)?;
    }
    let credentials = wire::SecretSource { store_name: store, path, field: part.unwrap_or_default() };
    Ok(wire::ImagePullCredentials { registry, credentials: Some(credentials) })
}

/// One reference per store, in the order of their first mention.
fn secret_stores(prefix: &str, secrets: Vec<SecretMapping>) -> Result<Vec<wire::SecretStoreReference>, Error> {
    let mut stores: Vec<wire::SecretStoreReference> = Vec::new();
    for (index, secret) in secrets.into_iter().enumerate() {
        let at = |name: &str| format!("{prefix}secrets[{index}].{name}");
        let SecretMapping { store, path, field, env_var } = secret;
        check_text(&at("store"), &store)?;
        check_text(&at("path"), &path)?;
        let env_var = env_var.unwrap_or_else(|| path.clone());
        if env_var.is_empty() || env_var.contains(['=', '\0']) {
            return Err(Error::invalid(at("envVar"), "must name an environment variable"));
        }
        let mapping = wire::SecretMapping { path, field: field.unwrap_or_default(), env_var };
        match stores.iter_mut().find(|known| known.store_name == store) {
            Some(known) => known.secrets.push(mapping),
            None => stores.push(wire::SecretStoreReference { store_name: store, secrets: vec![mapping] }),
        }
    }
    Ok(stores)
}

#[cfg(test)]
mod tests {
    use crate::{
        sandbox::{ContainerOptions, ImagePullCredentials, Probe, Resources, SandboxOptions, VolumeOptions, spec},
        wire,
    };

    fn made(options: SandboxOptions) -> Vec<wire::Container> {
        spec::template_spec(options).unwrap().containers
    }

    fn refused(options: SandboxOptions) -> String {
        spec::template_spec(options).unwrap_err().field_violations()[0].field.clone()
    }

    fn two() -> [ContainerOptions; 2] {
        [ContainerOptions::new("app"), ContainerOptions::new("db").image("redis:7")]
    }

    fn with(containers: impl IntoIterator<Item = ContainerOptions>) -> SandboxOptions {
        containers.into_iter().fold(SandboxOptions::new(), SandboxOptions::container)
    }

    #[test]
    fn whoever_names_an_image_gets_what_it_runs_and_who_does_not_gets_one_that_waits() {
        let wire = spec::creation(with(two()), "id".into()).unwrap();
        let crate::client::Creation::Specified(request) = wire else { panic!("{wire:?}") };
        let containers = request.sandbox.unwrap().spec.unwrap().containers;
        assert_eq!((containers[0].name.as_str(), containers[0].image.as_str()), ("app", "python:3.11"));
        assert_eq!((containers[0].command.as_str(), containers[1].command.as_str()), ("/bin/sh", ""));
    }

    #[test]
    fn volumes_are_seen_by_all_at_their_path_unless_one_says_another() {
        let [app, db] = two();
        let options = with([app, db.volume_mount("shared", "/other")]);
        let options =
            options.volume(VolumeOptions::scratch("/data").name("shared")).volume(VolumeOptions::scratch("/b"));
        let paths = |container: &wire::Container| {
            container.volume_mounts.iter().map(|mount| mount.mount_path.clone()).collect::<Vec<_>>()
        };
        let containers = made(options);
        assert_eq!(
            (paths(&containers[0]), paths(&containers[1])),
            (vec!["/data".into(), "/b".into()], vec!["/other".into(), "/b".into()])
        );
    }

    #[test]
    fn a_probe_and_credentials_reach_the_wire_from_the_only_container_and_from_one_of_several() {
        let probe = Probe { period_seconds: Some(2), ..Probe::new(["true"]) };
        let credentials =
            ImagePullCredentials { registry: "ghcr.io".into(), store: "s".into(), path: "p".into(), field: None };
        let only = SandboxOptions::new().startup_probe(probe.clone()).image_pull_credentials(credentials.clone());
        let mut one = ContainerOptions::new("main").startup_probe(probe).primary(true);
        one.image_pull_credentials = Some(credentials);
        let [mut single, several] = [only, with([one])].map(|options| made(options).remove(0));
        assert_eq!(single.startup_probe.as_ref().unwrap().period_seconds, 2);
        single.primary = Some(true);
        assert_eq!(single, several);
    }

    #[test]
    fn wrong_containers_are_refused_by_name() {
        let [app, db] = two();
        assert_eq!(refused(with([app.clone(), db.clone()]).image("a")), "containers");
        assert_eq!(refused(with([ContainerOptions::default()])), "containers[0].name");
        assert_eq!(refused(with([app.clone(), app.clone()])), "containers[1].name");
        let both = [app.clone().primary(true), db.clone().primary(true)];
        assert_eq!(refused(with(both)), "containers[1].primary");
        assert_eq!(refused(with([app.clone().image("")])), "containers[0].image");
        assert_eq!(refused(with([app.clone(), db.clone().cwd("x")])), "containers[1].cwd");
        assert_eq!(refused(with([app.clone().volume_mount("none", "/a")])), "containers[0].volumeMounts[0].volume");
        assert_eq!(refused(with([app.clone().volume_mount("none", "a")])), "containers[0].volumeMounts[0].mountPath");
        assert_eq!(
            refused(with([app.clone().resources(Resources::fixed("x", "1"))])),
            "containers[0].resources.requests.cpu"
        );
        assert_eq!(refused(with([app.startup_probe(Probe::default())])), "containers[0].startupProbe.exec");
        assert_eq!(refused(SandboxOptions::new().startup_probe(Probe::new(["a", "\0"]))), "startupProbe.exec[1]");
        let credentials = ImagePullCredentials::default();
        assert_eq!(refused(SandboxOptions::new().image_pull_credentials(credentials)), "imagePullCredentials.registry");
    }
}
