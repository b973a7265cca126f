//! Starts one process: fork, descriptors, terminal, confinement, exec.
//!
//! The agent has one thread, so the child of a fork may allocate and log like any program.
//! Must not know: connections.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    ffi::CString,
    io::{self, Write},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    fs::{Mode, OFlags},
    process::{Pid, Signal},
    pty::OpenptFlags,
    termios::Winsize,
};

use crate::{confine::Confinement, user::User};

/// Where commands are looked for when the environment does not say.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A process to start. The environment is complete.
pub struct Launch<'a> {
    /// Never empty.
    pub argv: &'a [String],
    /// All of it.
    pub env: BTreeMap<String, String>,
    /// Absolute.
    pub working_dir: &'a str,
    /// Who it is to be.
    pub user: &'a User,
    /// Its three standard descriptors.
    pub stdio: Stdio<'a>,
}

/// Standard descriptors.
pub enum Stdio<'a> {
    /// In, out, error.
    Pipes(BorrowedFd<'a>, BorrowedFd<'a>, BorrowedFd<'a>),
    /// The inner end of a pseudo-terminal.
    Terminal(OwnedFd),
}

/// Starts it. It leads a session of its own, so its group id is its process id.
pub fn launch(launch: Launch<'_>, confinement: &Confinement) -> io::Result<Pid> {
    let argv = c_strings(launch.argv.iter().cloned())?;
    let env = c_strings(launch.env.iter().map(|(name, value)| format!("{name}={value}")))?;
    if argv.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "empty command"));
    }
    // SAFETY: this process has one thread, so the child finds every lock free and may go on as an ordinary program.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            let (code, text) = match run(&launch, &argv, &env, confinement) {
                Ok(never) => match never {},
                Err(end) => end,
            };
            let _ = writeln!(io::stderr(), "{text}");
            // SAFETY: `_exit` ends the child without running what the agent registered.
            unsafe { libc::_exit(code) }
        }
        child => Pid::from_raw(child).ok_or_else(|| io::ErrorKind::InvalidData.into()),
    }
}

/// The child. Returns only what a shell would: exit code and message.
fn run(
    launch: &Launch<'_>,
    argv: &[CString],
    env: &[CString],
    confinement: &Confinement,
) -> Result<Infallible, (i32, String)> {
    let name = &launch.argv[0];
    let at = |what: &'static str| move |error: io::Error| (126, format!("{name}: {what}: {}", reason(&error)));
    set_up(launch).map_err(at("cannot set up its descriptors"))?;
    rustix::process::chdir(launch.working_dir)
        .map_err(|error| (126, format!("{name}: cannot enter {}: {}", launch.working_dir, reason(&error.into()))))?;
    confinement.apply(launch.user).map_err(at("cannot confine it"))?;

    let path = launch.env.get("PATH").map_or(DEFAULT_PATH, String::as_str);
    let mut worst = io::Error::from_raw_os_error(libc::ENOENT);
    for file in candidates(name, path) {
        let error = exec(&file, argv, env);
        // The search goes on, as a shell's does, but the most telling reason stays.
        if !matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR)) {
            worst = error;
        }
    }
    Err(match worst.raw_os_error() {
        Some(libc::ENOENT) if !name.contains('/') => (127, format!("{name}: command not found")),
        Some(libc::ENOENT) => (127, format!("{name}: no such file or directory")),
        _ => (126, format!("{name}: {}", reason(&worst))),
    })
}

fn set_up(launch: &Launch<'_>) -> io::Result<()> {
    rustix::process::setsid()?;
    match &launch.stdio {
        Stdio::Pipes(stdin, stdout, stderr) => redirect([*stdin, *stdout, *stderr])?,
        Stdio::Terminal(terminal) => {
            redirect([terminal.as_fd(); 3])?;
            // Also makes this session's first group the foreground one, without which shells refuse job control.
            rustix::process::ioctl_tiocsctty(terminal)?;
        }
    }
    // SAFETY: plain calls on this process; the set lives on this stack, and both dispositions are the defaults that
    // programs expect after exec (the Rust runtime ignores SIGPIPE).
    unsafe {
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        // Everything else of the agent's is close-on-exec already; this is for what a bug might forget.
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
    }
    rustix::process::umask(Mode::from_raw_mode(0o022));
    Ok(())
}

fn redirect([stdin, stdout, stderr]: [BorrowedFd<'_>; 3]) -> io::Result<()> {
    rustix::stdio::dup2_stdin(stdin)?;
    rustix::stdio::dup2_stdout(stdout)?;
    Ok(rustix::stdio::dup2_stderr(stderr)?)
}

fn candidates<'a>(name: &'a str, path: &'a str) -> impl Iterator<Item = String> + 'a {
    let direct = name.contains('/').then(|| name.to_owned());
    let searched = (!name.contains('/')).then(|| {
        path.split(':').map(move |directory| match directory {
            "" => name.to_owned(),
            directory => format!("{directory}/{name}"),
        })
    });
    direct.into_iter().chain(searched.into_iter().flatten())
}

fn exec(file: &str, argv: &[CString], env: &[CString]) -> io::Error {
    let Ok(file) = CString::new(file) else { return io::ErrorKind::InvalidInput.into() };
    let pointers = |strings: &[CString]| -> Vec<*const libc::c_char> {
        strings.iter().map(|string| string.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (argv, env) = (pointers(argv), pointers(env));
    // SAFETY: both arrays end with a null pointer and their strings outlive the call.
    unsafe { libc::execve(file.as_ptr(), argv.as_ptr(), env.as_ptr()) };
    io::Error::last_os_error()
}

fn c_strings(strings: impl Iterator<Item = String>) -> io::Result<Vec<CString>> {
    strings.map(|string| Ok(CString::new(string)?)).collect()
}

/// The system's words without Rust's `(os error n)`.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

/// Opens a pseudo-terminal of the sandbox's own: outer end, inner end.
pub fn open_terminal(columns: u16, rows: u16) -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let outer = rustix::fs::open("/dev/pts/ptmx", OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::pty::unlockpt(&outer)?;
    let inner = rustix::pty::ioctl_tiocgptpeer(&outer, flags)?;
    let size = Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&outer, size)?;
    Ok((outer, inner))
}

/// Exit code in a shell's terms.
pub fn exit_code(status: rustix::process::WaitStatus) -> i32 {
    status.exit_status().or_else(|| status.terminating_signal().map(|signal| 128 + signal)).unwrap_or(255)
}

/// Sends a signal to every process of the sandbox but the agent.
pub fn signal_all(signal: Signal) {
    // SAFETY: a plain system call; from process one, -1 means every other process of its own pid namespace.
    unsafe { libc::kill(-1, signal.as_raw()) };
}
