//! The host view: a root made of the host's `/usr`, an allow-list of its `/etc`, and otherwise nothing of the host.
//!
//! What is not the host's own lies in a *layer* directory, built once per server start and shared read-only by every
//! sandbox: the root's skeleton (`root/`) and a `/usr/local` that the sandbox's root owns (`usr/`).
//! Must not know: images' names, the agent.

use std::{
    fs, io,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

/// Directories of the root that start empty, and their modes.
const DIRECTORIES: &[(&str, u32)] = &[
    ("dev/pts", 0o755),
    ("dev/shm", 0o755),
    ("etc", 0o755),
    ("home", 0o755),
    ("media", 0o755),
    ("mnt", 0o755),
    ("opt", 0o755),
    ("proc", 0o755),
    ("root", 0o700),
    ("run/lock", 0o755),
    ("srv", 0o755),
    ("sys", 0o755),
    ("tmp", 0o1777),
    ("usr", 0o755),
    ("var/cache", 0o755),
    ("var/lib", 0o755),
    ("var/log", 0o755),
    ("var/tmp", 0o1777),
    ("workspace", 0o755),
];

/// Those that an image gets, too.
const FIXED: &[&str] = &["dev/pts", "dev/shm", "etc", "proc", "sys", "tmp"];

/// Files that devices are mounted on.
const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom", "tty"];

/// Links of the root.
const LINKS: &[(&str, &str)] = &[
    ("dev/fd", "/proc/self/fd"),
    ("dev/stdin", "/proc/self/fd/0"),
    ("dev/stdout", "/proc/self/fd/1"),
    ("dev/stderr", "/proc/self/fd/2"),
    ("dev/ptmx", "pts/ptmx"),
    ("etc/mtab", "/proc/self/mounts"),
    ("var/run", "/run"),
    ("var/lock", "/run/lock"),
];

/// Names directly below `/` that are part of `/usr` on a merged system; on others they are layers of their own.
pub const SYSTEM: &[&str] = &["bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/// What of the host's `/etc` programs need and nobody minds. Directories count with everything below.
const ETC: &[&str] = &[
    "alternatives",
    "ca-certificates.conf",
    "debian_version",
    "fonts",
    "inputrc",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "magic",
    "mime.types",
    "os-release",
    "pki/ca-trust",
    "pki/tls/certs",
    "pki/tls/openssl.cnf",
    "protocols",
    "python3",
    "rpc",
    "services",
    "shells",
    "ssl/cert.pem",
    "ssl/certs",
    "ssl/openssl.cnf",
    "timezone",
];

/// Files of `/etc` that are ours.
const SYNTHESISED: &[(&str, &str)] = &[
    ("bash.bashrc", "case $- in *i*) PS1='\\u@\\h:\\w\\$ ' ;; esac\n"),
    (
        "group",
        "root:x:0:\ndaemon:x:1:\nbin:x:2:\nsys:x:3:\ntty:x:5:\ndisk:x:6:\nmail:x:8:\nstaff:x:50:\nusers:x:100:\nnogroup:x:65534:\n",
    ),
    ("hostname", "sandbox\n"),
    ("hosts", HOSTS),
    (
        "nsswitch.conf",
        "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\nprotocols: files\n",
    ),
    (
        "passwd",
        "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n\
         bin:x:2:2:bin:/bin:/usr/sbin/nologin\nmail:x:8:8:mail:/var/mail:/usr/sbin/nologin\n\
         nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    ),
    (
        "profile",
        "PATH=\"${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}\"\nexport PATH\n\
         if [ -n \"${BASH:-}\" ] && [ \"$BASH\" != /bin/sh ] && [ -r /etc/bash.bashrc ]; then . /etc/bash.bashrc; fi\n",
    ),
    ("resolv.conf", "# This sandbox has a loopback network only.\n"),
];

/// The two parts of a view's directory: what lies on the root and what lies on `/usr`.
pub const LAYERS: [&str; 2] = ["root", "usr"];

/// `/etc/hosts` of a sandbox with one container.
pub const HOSTS: &str = "127.0.0.1 localhost sandbox\n::1 localhost ip6-localhost ip6-loopback\n";

/// Host name inside every sandbox; `/etc/hosts` above knows it.
pub const HOSTNAME: &str = "sandbox";

/// Builds the layer directories below `path`.
pub fn build(path: &Path) -> io::Result<()> {
    let root = path.join("root");
    for (name, mode) in DIRECTORIES {
        fs::create_dir_all(root.join(name))?;
        fs::set_permissions(root.join(name), fs::Permissions::from_mode(*mode))?;
    }
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755))?;
    for name in DEVICES {
        fs::write(root.join("dev").join(name), "")?;
    }
    for (name, target) in LINKS {
        symlink(target, root.join(name))?;
    }
    for name in SYSTEM {
        match fs::read_link(Path::new("/").join(name)) {
            Ok(target) => symlink(target, root.join(name))?,
            Err(_) if Path::new("/").join(name).is_dir() => fs::create_dir(root.join(name))?,
            Err(_) => {}
        }
    }
    for name in ETC.iter().map(|name| (*name).to_owned()).chain(versioned_python()) {
        copy(&Path::new("/etc").join(&name), &root.join("etc").join(&name))?;
    }
    for (name, text) in SYNTHESISED {
        let file = root.join("etc").join(name);
        fs::write(&file, text)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644))?;
    }
    for name in ["bin", "etc", "include", "lib", "lib/node_modules", "sbin", "share", "src"] {
        fs::create_dir_all(path.join("usr/local").join(name))?;
    }
    for name in versioned_python() {
        fs::create_dir_all(path.join("usr/local/lib").join(name).join("dist-packages"))?;
    }
    open_up(path)
}

/// Builds what lies on top of every image below `path`: directories and files to mount on, and network names. An image's
/// own links and files of these names are hidden by it, so nothing of an image decides what is mounted where.
pub fn fixtures(path: &Path) -> io::Result<()> {
    for (name, mode) in DIRECTORIES.iter().filter(|(name, _)| FIXED.contains(name)) {
        fs::create_dir_all(path.join(name))?;
        fs::set_permissions(path.join(name), fs::Permissions::from_mode(*mode))?;
    }
    for name in DEVICES {
        fs::write(path.join("dev").join(name), "")?;
    }
    for (name, target) in LINKS.iter().filter(|(name, _)| name.starts_with("dev/")) {
        symlink(target, path.join(name))?;
    }
    for (name, text) in SYNTHESISED.iter().filter(|(name, _)| ["hostname", "hosts", "resolv.conf"].contains(name)) {
        fs::write(path.join("etc").join(name), text)?;
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    open_up(path)
}

/// Makes a command resolve to an interpreter of the host.
pub fn link(path: &Path, command: &str, interpreter: &Path) -> io::Result<()> {
    let link = path.join("usr/local/bin").join(command);
    match link == path.join(interpreter.strip_prefix("/").unwrap_or(interpreter)) {
        // It is that very file already, in the host's layer below.
        true => Ok(()),
        false => symlink(interpreter, link),
    }
}

/// `python3.11` and the like, as far as the host's `/etc` has them: Debian keeps interpreter settings there.
fn versioned_python() -> Vec<String> {
    let names =
        fs::read_dir("/etc").into_iter().flatten().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.strip_prefix("python3.").is_some_and(|minor| minor.parse::<u8>().is_ok())).collect()
}

/// Copies what everybody may read; leaves out the rest, and what is not there.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let Ok(found) = fs::symlink_metadata(from) else { return Ok(()) };
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    if found.is_symlink() {
        return symlink(fs::read_link(from)?, to);
    }
    if found.permissions().mode() & 0o004 == 0 {
        return Ok(());
    }
    if found.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)?.flatten() {
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
    } else if found.is_file() {
        fs::copy(from, to)?;
    }
    Ok(())
}

/// Layers are looked at by other user ids than the server's, whatever its umask.
fn open_up(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path: PathBuf = entry?.path();
        let found = fs::symlink_metadata(&path)?;
        let mode = found.permissions().mode();
        if found.is_dir() {
            open_up(&path)?;
            if mode & 0o5055 == 0 && !path.ends_with("root/root") {
                fs::set_permissions(&path, fs::Permissions::from_mode(mode | 0o055))?;
            }
        } else if found.is_file() && mode & 0o044 != 0o044 {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode | 0o644))?;
        }
    }
    Ok(())
}
