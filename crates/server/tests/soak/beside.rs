//! Other people's ways to a container, measured on the same machine in the same run: what is on the path and starts here.

use std::{
    fs, io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::scale::part;

const ROUNDS: usize = 30;
const HI: [&str; 3] = ["/bin/busybox", "echo", "hi"];

/// One figure each for those that start, a reason for those that do not.
pub fn measure() -> Vec<String> {
    let Ok(dir) = tempfile::tempdir() else { return Vec::new() };
    let rows = [("bwrap", bwrap as fn(&Path) -> Row), ("crun", crun), ("podman", podman), ("docker", docker)];
    let show = |(name, row): &(&str, fn(&Path) -> Row)| match row(dir.path()) {
        Ok((new, Some(later))) => format!("{name}: new to first output p50 {new:.1?}, later exec p50 {later:.1?}"),
        Ok((new, None)) => format!("{name}: new to first output p50 {new:.1?}"),
        Err(why) => format!("{name}: not measured ({why})"),
    };
    rows.iter().map(show).collect()
}

type Row = Result<(Duration, Option<Duration>), String>;

fn run(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned();
    if output.status.success() { Ok(String::from_utf8_lossy(&output.stdout).into_owned()) } else { Err(said) }
}

fn rounds(mut command: impl FnMut(usize) -> Command) -> Result<Duration, String> {
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let begun = Instant::now();
        if run(&mut command(round))? != "hi\n" {
            return Err("it printed something else".to_owned());
        }
        times.push(begun.elapsed());
    }
    Ok(part(&mut times, 50))
}

fn bwrap(_: &Path) -> Row {
    let new = rounds(|_| {
        let mut command = Command::new("bwrap");
        command.args([
            "--unshare-all",
            "--die-with-parent",
            "--ro-bind",
            "/usr",
            "/usr",
            "--symlink",
            "usr/bin",
            "/bin",
        ]);
        command.args(["--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--proc", "/proc"]);
        command.args(["--dev", "/dev", "--tmpfs", "/tmp", "/bin/echo", "hi"]);
        command
    })?;
    Ok((new, None))
}

/// A root that holds a shell and tools.
fn rootfs(dir: &Path) -> Result<PathBuf, String> {
    let root = dir.join("rootfs");
    let made = fs::create_dir_all(root.join("bin")).and_then(|()| fs::copy("/bin/busybox", root.join("bin/busybox")));
    made.map_err(|error| format!("no root could be made: {error}"))?;
    Ok(root)
}

fn crun(dir: &Path) -> Row {
    let bundle = dir.join("crun");
    rootfs(&bundle)?;
    let bundle = bundle.display().to_string();
    let state = dir.join("crun-state").display().to_string();
    let crun = |arguments: &[&str]| {
        let mut command = Command::new("crun");
        command.args(["--root", &state, "--cgroup-manager=disabled"]).args(arguments).current_dir(&bundle);
        // It refuses machines that have both versions of control groups, so it gets a view with one.
        // SAFETY: between fork and exec, system calls only.
        unsafe { command.pre_exec(only_the_new_groups) };
        command
    };
    run(&mut crun(&["spec"]))?;
    let path = Path::new(&bundle).join("config.json");
    let bundled = |words: &[&str]| {
        let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
        let mut config: serde_json::Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        config["process"]["terminal"] = false.into();
        config["process"]["args"] = words.into();
        config["process"]["rlimits"] = serde_json::json!([]);
        fs::write(&path, config.to_string()).map_err(|error| error.to_string())
    };
    bundled(&HI)?;
    let new = rounds(|round| crun(&["run", &format!("new{round}")]))?;
    bundled(&["/bin/busybox", "sleep", "600"])?;
    let mut detached = crun(&["run", "--detach", "kept"]);
    let started = detached.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !started.is_ok_and(|status| status.success()) {
        return Ok((new, None));
    }
    let later = rounds(|_| crun(&[&["exec", "kept"], &HI[..]].concat()));
    let _ = run(&mut crun(&["delete", "--force", "kept"]));
    Ok((new, later.ok()))
}

fn only_the_new_groups() -> io::Result<()> {
    let none: *const libc::c_char = std::ptr::null();
    let mount = |kind: *const libc::c_char, target: &std::ffi::CStr, flags| {
        // SAFETY: the texts live as long as the call.
        match unsafe { libc::mount(kind, target.as_ptr(), kind, flags, none.cast()) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    // SAFETY: takes no pointers.
    if unsafe { libc::unshare(libc::CLONE_NEWNS) } != 0 {
        return Err(io::Error::last_os_error());
    }
    mount(none, c"/", libc::MS_REC | libc::MS_PRIVATE)?;
    mount(c"cgroup2".as_ptr(), c"/sys/fs/cgroup", 0)
}

fn podman(dir: &Path) -> Row {
    let settings = dir.join("containers.conf");
    let text = "[containers]\ndefault_ulimits = [\"nofile=20000:20000\", \"nproc=30000:30000\"]\n\
        [engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"none\"\n";
    fs::write(&settings, text).map_err(|error| error.to_string())?;
    let mut why = String::new();
    for runtime in ["crun", "runc"] {
        let engine = |arguments: &[&str]| {
            let mut command = Command::new("podman");
            command.env("CONTAINERS_CONF", &settings).arg("--root").arg(dir.join("podman"));
            command.arg("--runroot").arg(dir.join("podman-run")).args(["--runtime", runtime]).args(arguments);
            command
        };
        match engine_rounds(dir, engine) {
            Ok(row) => return Ok(row),
            Err(error) => why = error,
        }
    }
    Err(why)
}

fn docker(dir: &Path) -> Row {
    let engine = |arguments: &[&str]| {
        let mut command = Command::new("docker");
        command.args(arguments);
        command
    };
    // Its daemon is not ours to start.
    run(&mut engine(&["info", "--format", "{{.ServerVersion}}"]))?;
    engine_rounds(dir, engine)
}

fn engine_rounds(dir: &Path, engine: impl Fn(&[&str]) -> Command) -> Row {
    const IMAGE: &str = "localhost/jetway-soak:1";
    let (root, tar) = (rootfs(&dir.join("engine"))?, dir.join("engine.tar"));
    run(Command::new("tar").arg("-C").arg(root).arg("-cf").arg(&tar).arg("."))?;
    run(&mut engine(&["import", &tar.display().to_string(), IMAGE]))?;
    let new = rounds(|_| engine(&[&["run", "--rm", "--network", "none", IMAGE], &HI[..]].concat()));
    let kept =
        ["run", "--detach", "--rm", "--network", "none", "--name", "jetway-soak", IMAGE, "/bin/busybox", "sleep"];
    let later = match run(&mut engine(&[&kept[..], &["600"]].concat())) {
        Ok(_) => rounds(|_| engine(&[&["exec", "jetway-soak"], &HI[..]].concat())).ok(),
        Err(_) => None,
    };
    let _ = run(&mut engine(&["rm", "--force", "jetway-soak"]));
    let _ = run(&mut engine(&["rmi", "--force", IMAGE]));
    Ok((new?, later))
}
