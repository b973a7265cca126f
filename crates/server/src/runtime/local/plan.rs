//! A plan on its way to the agent: refused where it makes no sense, completed where it says nothing, its files written.
//! Must not know: how the sandbox comes to be.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Write},
    os::{fd::OwnedFd, unix::net::UnixStream},
};

use jetway_agent::{
    channel::Channel,
    protocol::{Nudge, Reply, Request},
};

use super::{birth::context, file_calls, host_view, link::socket_path, network::EGRESS_PORT};
use crate::runtime::{ContainerPlan, FileError, FilePlan, RuntimeError, SandboxPlan};

/// Refuses what no sandbox can be.
pub fn check(plan: &SandboxPlan) -> Result<(), RuntimeError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if plan.id.is_empty() || plan.id.len() > 128 || !plan.id.bytes().all(plain) {
        return refuse(format!("id {:?} must be 1 to 128 letters, digits, '-' or '_'", plan.id));
    }
    if plan.containers.is_empty() {
        return refuse("a sandbox needs a container".into());
    }
    for (index, container) in plan.containers.iter().enumerate() {
        if plan.containers[..index].iter().any(|other| other.name == container.name) {
            return refuse(format!("two containers are named {:?}; give each a name of its own", container.name));
        }
        check_container(container)?;
    }
    Ok(())
}

fn refuse(text: String) -> Result<(), RuntimeError> {
    let source = io::Error::new(io::ErrorKind::InvalidInput, text);
    Err(RuntimeError::Io { context: "start the sandbox".into(), source })
}

fn check_container(container: &ContainerPlan) -> Result<(), RuntimeError> {
    if container.argv.first().is_none_or(String::is_empty) {
        return refuse("the main command is empty; give at least a program name".into());
    }
    let secrets = &container.secret_env.0;
    let words = container.argv.iter().chain(container.env.values()).chain(secrets.values());
    let words = words.chain([&container.working_dir]);
    if words.into_iter().any(|word| word.contains('\0')) {
        return refuse("the command, the environment and working_dir must not contain NUL".into());
    }
    if container.env.keys().chain(secrets.keys()).any(|name| name.is_empty() || name.contains(['=', '\0'])) {
        return refuse("an environment variable's name must not be empty nor contain '=' or NUL".into());
    }
    if !container.working_dir.is_empty() && !container.working_dir.starts_with('/') {
        return refuse(format!("working_dir {:?} is relative; start it with '/'", container.working_dir));
    }
    Ok(())
}

/// The container's variables on top of what every program expects.
pub fn environment(container: &ContainerPlan, egress: bool) -> BTreeMap<String, String> {
    let defaults = [
        ("HOSTNAME", host_view::HOSTNAME),
        ("LANG", "C.UTF-8"),
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ];
    let mut environment: BTreeMap<_, _> =
        defaults.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    if egress {
        let proxy = format!("http://127.0.0.1:{EGRESS_PORT}");
        // Programs disagree about the case; curl takes the lower one only for plain HTTP. The last is Node's switch.
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
            environment.insert(name.to_owned(), proxy.clone());
        }
        for name in ["NO_PROXY", "no_proxy"] {
            environment.insert(name.to_owned(), "localhost,127.0.0.1,::1".to_owned());
        }
        environment.insert("NODE_USE_ENV_PROXY".to_owned(), "1".to_owned());
    }
    environment.extend(container.env.clone());
    environment.extend(container.secret_env.0.clone());
    environment
}

/// Where its commands start.
pub fn working_dir(container: &ContainerPlan) -> String {
    match container.working_dir.as_str() {
        "" => "/workspace".into(),
        directory => directory.into(),
    }
}

/// Writes the planned files through the agent, inside the sandbox's own root.
pub fn write_files(home: &OwnedFd, files: &[FilePlan]) -> Result<(), RuntimeError> {
    for file in files {
        let failed = |error: FileError| RuntimeError::Io {
            context: format!("write the file {:?} before start", file.path),
            source: io::Error::other(error.to_string()),
        };
        file_calls::check(&file.path).map_err(failed)?;
        let silent = context("talk to the agent");
        let mut channel = Channel::new(UnixStream::connect(socket_path(home)).map_err(silent)?.into());
        let request = Request::CreateFile { path: file.path.clone() };
        channel.send(&request, &[]).map_err(silent)?;
        match channel.receive().map_err(silent)? {
            Reply::Opened { .. } => {}
            other => return Err(failed(file_calls::refused(other, &file.path))),
        }
        let opened = channel.take_descriptor().ok_or_else(|| RuntimeError::Gone("it sent no descriptor".into()))?;
        File::from(opened).write_all(&file.content).map_err(context("write a file before start"))?;
        channel.send(&Nudge::Commit, &[]).map_err(silent)?;
        match channel.receive().map_err(silent)? {
            Reply::Done => {}
            other => return Err(failed(file_calls::refused(other, &file.path))),
        }
    }
    Ok(())
}
