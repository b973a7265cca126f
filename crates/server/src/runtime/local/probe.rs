//! What this machine can do, found out by doing it: a sandbox is born, and its interpreters say their versions.
//! Must not know: tokio.

use std::{
    collections::{HashSet, hash_map::DefaultHasher},
    fs,
    hash::{Hash, Hasher},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};

use jetway_agent::{channel::Channel, protocol::Progress};

use super::{
    LocalConfig, LocalRuntime, Site,
    agent_exe::AgentExe,
    birth,
    cgroups::Cgroups,
    clear,
    embryo::Nursery,
    host_view,
    ids::Blocks,
    images::{Catalogue, Interpreter, System, minor},
    record::{Home, Record},
    roots::Root,
    serving::Serving,
};
use crate::images::Images;
use crate::runtime::{Capabilities, ContainerPlan, ImageView, RuntimeError, SandboxPlan};

/// Where interpreters are looked for: the first found is what the plain name means.
const FOLDERS: &[&str] = &["/usr/local/bin", "/usr/bin"];

/// See [`LocalRuntime::new`].
pub fn probe(config: LocalConfig) -> Result<LocalRuntime, RuntimeError> {
    let data_dir = prepare(&config.data_dir)?;
    let sandboxes = data_dir.join("sandboxes");
    let homes: Vec<Home> = fs::read_dir(&sandboxes)
        .map_err(io_at("list the sandboxes"))?
        .flatten()
        .map(|entry| Home::at(entry.path()))
        .collect();
    let records: Vec<_> = homes.iter().filter_map(|home| home.record().ok()).collect();

    let exe = match config.agent_exe {
        Some(path) => path,
        // Not its path, which a new version may have taken over by now.
        None => PathBuf::from("/proc/self/exe"),
    };
    let seed = hash(&data_dir);
    let memory = total_memory();
    let taken = records.iter().filter_map(|record| record.block);
    let cgroups = Cgroups::detect(seed as u32);
    cgroups.tidy_strangers();
    let site = Site {
        exe: AgentExe::seal(&exe).map_err(io_at("copy the agent's executable"))?,
        old_groups: cgroups.ids(),
        cgroups,
        blocks: rustix::process::geteuid().is_root().then(|| Blocks::new(taken, seed)),
        ephemeral: config.ephemeral,
        allow_unenforced_limits: config.allow_unenforced_limits,
        default_memory: memory / 4 * 3,
        default_pids: config.processes_per_sandbox,
        root_size: config.root_size,
        nursery: Nursery::default(),
        live: Mutex::new(HashSet::new()),
        sandboxes,
        kept: data_dir.join("volumes"),
    };
    let used: HashSet<&Path> = records.iter().flat_map(Record::layers).collect();
    let layers = layers(&data_dir.join("layers"), &used).map_err(io_at("build the host view"))?;
    let found = ask(&site, &layers)?;
    let in_memory = found.upper_in_memory && config.root_size.is_none();
    let catalogue = catalogue(&layers, found.interpreters).map_err(io_at("build the host view"))?;
    let capabilities = capabilities(&site, &catalogue, memory, in_memory);
    site.nursery.refill(&site.exe, &site.cgroups);
    let fixtures = layers.join("fixtures");
    host_view::fixtures(&fixtures).map_err(io_at("build the fixtures of images"))?;
    let images = Images::open(&data_dir)?;
    let (pull, docker_config) = (config.pull, config.docker_config);
    let serving = Serving { catalogue, images, pull, docker_config, fixtures, pulls: Default::default() };
    Ok(LocalRuntime { site: Arc::new(site), serving, capabilities })
}

fn prepare(data_dir: &Path) -> Result<PathBuf, RuntimeError> {
    for directory in [data_dir.join("sandboxes"), data_dir.join("layers")] {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
        made.map_err(io_at("make the data directory"))?;
    }
    data_dir.canonicalize().map_err(io_at("find the data directory"))
}

/// Builds fresh layers and removes those that no sandbox stands on.
fn layers(folder: &Path, used: &HashSet<&Path>) -> io::Result<PathBuf> {
    for entry in fs::read_dir(folder)?.flatten() {
        // A sandbox stands on a directory of one of its server's layers.
        if !used.iter().any(|used| used.starts_with(entry.path())) {
            clear::remove_tree(&entry.path())?;
        }
    }
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let layers = folder.join(format!("{nanos:x}-{}", std::process::id()));
    host_view::build(&layers.join("default"))?;
    Ok(layers)
}

struct Found {
    interpreters: Vec<(PathBuf, String)>,
    upper_in_memory: bool,
}

/// Runs every candidate in a sandbox and reads what it says about itself.
fn ask(site: &Site, layers: &Path) -> Result<Found, RuntimeError> {
    let tests: Vec<String> = candidates().iter().map(|path| format!("say {}", path.display())).collect();
    let script =
        format!("say() {{ v=$(\"$1\" --version 2>/dev/null) && echo \"$1 $v\"; }}\n{}\ntrue", tests.join("\n"));
    let container = ContainerPlan {
        name: "probe".into(),
        image: "host".into(),
        argv: vec!["/bin/sh".into(), "-c".into(), script],
        ..ContainerPlan::default()
    };
    let id = format!("probe-{}", std::process::id());
    let plan = SandboxPlan { id, containers: vec![container], ..SandboxPlan::default() };
    let view = ImageView { image: "host".into(), kind: "host".into(), description: "host view".into() };
    // A crash may have left one of the same name.
    let home = Home::new(&site.sandboxes, &plan.id);
    let _ = clear::remove(site, &home, None, None);
    let root = Root::host(&layers.join("default"), view);
    let mut born = birth::give(site, &plan, vec![root]).map_err(explain)?;
    let outcome = match born.containers.as_mut_slice() {
        [container] => wait(&mut container.control).and_then(|()| fs::read_to_string(container.home.logs().data)),
        _ => Err(io::Error::other("it has no container")),
    };
    let in_memory = born.containers.iter().any(|container| container.upper_in_memory);
    let removed = birth::undo(site, &born);
    let text = outcome.map_err(io_at("hear from a first sandbox"))?;
    removed.map_err(io_at("remove a first sandbox"))?;
    let interpreters = text.lines().filter_map(|line| {
        let (path, said) = line.split_once(' ')?;
        // `Python 3.11.2`, `v20.20.2`.
        let version = said.rsplit(' ').next()?.trim_start_matches('v');
        version.starts_with(|first: char| first.is_ascii_digit()).then(|| (PathBuf::from(path), version.to_owned()))
    });
    Ok(Found { interpreters: interpreters.collect(), upper_in_memory: in_memory })
}

fn wait(control: &mut Channel) -> io::Result<()> {
    loop {
        if let Progress::MainExited { .. } = control.receive()? {
            return Ok(());
        }
    }
}

/// `python3`, `python3.N` and `node` in the places that a sandbox has, too.
fn candidates() -> Vec<PathBuf> {
    let mut candidates = Vec::new();
    for folder in FOLDERS.iter().map(Path::new) {
        candidates.extend(["python3", "node"].map(|name| folder.join(name)));
        let names = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut versions: Vec<(u8, PathBuf)> = names
            .filter_map(|entry| {
                let minor = entry.file_name().to_str()?.strip_prefix("python3.")?.parse().ok()?;
                Some((minor, entry.path()))
            })
            .collect();
        versions.sort();
        candidates.extend(versions.into_iter().rev().map(|(_, path)| path));
    }
    // What leads out of /usr is not in a sandbox.
    let inside = |path: &PathBuf| path.canonicalize().is_ok_and(|real| real.starts_with("/usr"));
    candidates.into_iter().filter(inside).collect()
}

fn catalogue(layers: &Path, interpreters: Vec<(PathBuf, String)>) -> io::Result<Catalogue> {
    let default = layers.join("default");
    let is = |path: &Path, name: &str| path.file_name().is_some_and(|own| own.to_string_lossy().starts_with(name));
    let node = interpreters.iter().find(|(path, _)| is(path, "node"));
    let node = node.map(|(path, version)| Interpreter { path: path.clone(), version: version.clone() });
    let mut pythons: Vec<(Interpreter, PathBuf)> = Vec::new();
    for (path, version) in interpreters.into_iter().filter(|(path, _)| is(path, "python")) {
        if pythons.iter().any(|(python, _)| minor(&python.version) == minor(&version)) {
            continue;
        }
        let own = match pythons.is_empty() {
            true => default.clone(),
            false => {
                let own = layers.join(format!("python{}", minor(&version)));
                host_view::build(&own)?;
                own
            }
        };
        for command in ["python", "python3"] {
            host_view::link(&own, command, &path)?;
        }
        pythons.push((Interpreter { path, version }, own));
    }
    Ok(Catalogue { pythons, node, system: System::read(), layers: default })
}

fn capabilities(site: &Site, catalogue: &Catalogue, memory: i64, in_memory: bool) -> Capabilities {
    let (limits_memory, limits_pids, limits_cpu) = site.cgroups.limits();
    let mut notes = Vec::new();
    for (holds, name) in [(limits_memory, "memory"), (limits_pids, "process-count"), (limits_cpu, "CPU")] {
        if !holds {
            notes.push(format!(
                "{name} limits do not hold: no writable cgroup controller. Run the server as root or in a delegated cgroup."
            ));
        }
    }
    if in_memory {
        notes.push(
            "Sandboxes keep their files in memory: the data directory's file system cannot carry an overlay. Put the \
             data directory on ext4, xfs or btrfs."
                .to_owned(),
        );
    }
    if catalogue.pythons.is_empty() {
        notes.push("No python3 below /usr: python images cannot be served. Install the system's python3.".into());
    }
    if site.blocks.is_none() {
        notes
            .push("Sandboxes run under this user's own id. Run the server as root for an id range per sandbox.".into());
    }
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as i64);
    Capabilities {
        architecture: match std::env::consts::ARCH {
            "x86_64" => "amd64".into(),
            "aarch64" => "arm64".into(),
            other => other.into(),
        },
        cpu_millicores: cores * 1000,
        memory_bytes: memory,
        limits_memory,
        limits_pids,
        limits_cpu,
        images: catalogue.names(),
        notes,
    }
}

/// Why the first sandbox could not be made, in terms of what to change.
fn explain(error: RuntimeError) -> RuntimeError {
    let RuntimeError::Io { context, source } = error else { return error };
    let setting = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let fix = if context == "create the namespaces" || context == "map the own user id" {
        if setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" {
            "AppArmor restricts user namespaces: sysctl kernel.apparmor_restrict_unprivileged_userns=0, or install a profile \
             that allows `userns` for this program"
        } else if setting("/proc/sys/kernel/unprivileged_userns_clone") == "0" {
            "user namespaces are switched off: sysctl kernel.unprivileged_userns_clone=1"
        } else if setting("/proc/sys/user/max_user_namespaces") == "0" {
            "user namespaces are switched off: sysctl user.max_user_namespaces=10000"
        } else {
            "this kernel or the container around the server refuses user namespaces; start that container with fewer \
             restrictions (Docker: --security-opt seccomp=unconfined), or use a server with a container engine"
        }
    } else if context == "mount /proc" {
        "the container around the server hides parts of /proc; start it with --security-opt systempaths=unconfined"
    } else if context == "hear from the agent" {
        "the agent's executable does not become an agent: it must call jetway_agent::run_if_asked first thing in main"
    } else {
        "local sandboxes need Linux 5.11 or newer with user namespaces and overlayfs"
    };
    RuntimeError::Unsupported(format!("cannot isolate on this machine: could not {context} ({source}). {fix}"))
}

fn total_memory() -> i64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kibibytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<i64>().ok());
    kibibytes.map_or(1 << 30, |kibibytes| kibibytes * 1024)
}

fn hash(path: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}

fn io_at(what: &'static str) -> impl Fn(io::Error) -> RuntimeError + Copy {
    move |source| RuntimeError::Io { context: what.into(), source }
}
