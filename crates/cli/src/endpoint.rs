//! Which server a command talks to, and as whom: options, then the environment, then the context that is in use, then the
//! local server of this user.
//! Must not know: what is asked of it.

use std::path::Path;

use anyhow::Result;
use clap::Args;
use clap_complete::ArgValueCandidates;
use jetway::{Client, ClientConfig, Credentials, config::DEFAULT_BASE_URL};
use serde::Deserialize;

use crate::{
    candidates,
    contexts::{Contexts, Named},
    data_dir,
    exit::Usage,
};

/// Which server, as far as the command line says.
#[derive(Debug, Clone, Default, Args)]
pub struct Endpoint {
    /// Server to talk to [env: CWSANDBOX_BASE_URL] [default: the context in use, or the `jetway serve` of this user]
    #[arg(long, value_name = "URL", help_heading = "Server", conflicts_with = "context")]
    url: Option<String>,

    /// Token to send [env: CWSANDBOX_API_KEY] [default: the one of that server]
    #[arg(long, value_name = "TOKEN", help_heading = "Server", conflicts_with = "context")]
    token: Option<String>,

    /// Server by the name that `jetway login` gave it [env: JETWAY_CONTEXT]
    #[arg(long, value_name = "NAME", help_heading = "Server", add = ArgValueCandidates::new(candidates::contexts))]
    context: Option<String>,
}

/// What a running `jetway serve` tells its user's clients.
#[derive(Deserialize)]
struct LocalServer {
    url: String,
    token: Option<String>,
    pid: i32,
}

impl Endpoint {
    /// These, or options that were given before the subcommand where these say nothing of that server.
    pub fn or(self, before: Self) -> Self {
        if self.context.is_some() || (before.context.is_some() && self.url.is_none() && self.token.is_none()) {
            return Self { context: self.context.or(before.context), ..Self::default() };
        }
        Self { url: self.url.or(before.url), token: self.token.or(before.token), context: None }
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.url.is_none() && self.token.is_none() && self.context.is_none()
    }

    /// One server and nothing else.
    pub fn of(url: &str, token: Option<&str>) -> Self {
        Self { url: Some(url.to_owned()), token: token.map(str::to_owned), context: None }
    }

    /// A client for it; nothing is connected yet.
    pub fn client(self) -> Result<Client> {
        let (url, token) = self.resolve()?;
        let config = ClientConfig::new(url);
        Ok(Client::new(match token {
            Some(token) => config.credentials(Credentials::bearer(token)),
            None => config,
        })?)
    }

    fn resolve(self) -> Result<(String, Option<String>)> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let either = |first: &str, second: &str| variable(first).or_else(|| variable(second));
        let local = || LocalServer::find(&data_dir::of_user()?.join("serve.json"));
        let asked = self.url.is_some() || self.token.is_some();
        let name = self.context.or_else(|| variable("JETWAY_CONTEXT").filter(|_| !asked));
        if let Some(name) = name {
            return named(&Contexts::load()?, &name, local);
        }
        let url = self.url.or_else(|| either("CWSANDBOX_BASE_URL", "AVIATO_BASE_URL"));
        let token = self.token.or_else(|| either("CWSANDBOX_API_KEY", "AVIATO_API_KEY"));
        if url.is_none() && token.is_none() {
            let contexts = Contexts::load()?;
            if let Some(name) = &contexts.current {
                return named(&contexts, name, local);
            }
        }
        resolve(url, token, local)
    }
}

fn named(
    contexts: &Contexts,
    name: &str,
    local: impl FnOnce() -> Option<LocalServer>,
) -> Result<(String, Option<String>)> {
    match contexts.find(name)? {
        Some(Named { url, token }) => Ok((url.clone(), token.clone())),
        None => resolve(None, None, local),
    }
}

fn resolve(
    url: Option<String>,
    token: Option<String>,
    local: impl FnOnce() -> Option<LocalServer>,
) -> Result<(String, Option<String>)> {
    match (url, token) {
        (Some(url), Some(token)) => Ok((url, Some(token))),
        // An account's key is for the account's service: it is not sent to whatever happens to run on this machine.
        (None, Some(token)) => Ok((DEFAULT_BASE_URL.to_owned(), Some(token))),
        (Some(url), None) => {
            let token = local().filter(|local| same(&local.url, &url)).and_then(|local| local.token);
            Ok((url, token))
        }
        (None, None) => match local() {
            Some(local) => Ok((local.url, local.token)),
            None => Err(Usage::error(
                "no server is known: start one with `jetway serve`, log in to one with `jetway login URL`, or name one \
                 with --url and --token (or CWSANDBOX_BASE_URL and CWSANDBOX_API_KEY)",
            )),
        },
    }
}

fn same(one: &str, other: &str) -> bool {
    one.trim_end_matches('/').eq_ignore_ascii_case(other.trim_end_matches('/'))
}

impl LocalServer {
    /// `None` for a file that is not there or not ours to understand, and for a server that was killed.
    fn find(file: &Path) -> Option<Self> {
        let server: Self = serde_json::from_str(&std::fs::read_to_string(file).ok()?).ok()?;
        let pid = rustix::process::Pid::from_raw(server.pid)?;
        match rustix::process::test_kill_process(pid) {
            Err(rustix::io::Errno::SRCH) => None,
            _ => Some(server),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DEFAULT_BASE_URL, LocalServer, resolve};

    fn resolved(url: Option<&str>, token: Option<&str>, running: bool) -> (String, Option<String>) {
        let local = || running.then(|| LocalServer { url: "http://l:1".into(), token: Some("own".into()), pid: 1 });
        resolve(url.map(Into::into), token.map(Into::into), local).unwrap()
    }

    #[test]
    fn the_local_server_is_found_and_its_token_goes_to_no_other() {
        assert_eq!(resolved(None, None, true), ("http://l:1".into(), Some("own".into())));
        assert_eq!(resolved(Some("http://l:1/"), None, true), ("http://l:1/".into(), Some("own".into())));
        assert_eq!(resolved(Some("http://other"), None, true), ("http://other".into(), None));
        assert!(resolve(None, None, || None).is_err());
    }

    #[test]
    fn an_accounts_key_does_not_go_to_the_local_server() {
        assert_eq!(resolved(None, Some("key"), true), (DEFAULT_BASE_URL.into(), Some("key".into())));
        assert_eq!(resolved(Some("http://l:1"), Some("key"), true), ("http://l:1".into(), Some("key".into())));
    }

    #[test]
    fn a_server_that_was_killed_is_no_server() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("serve.json");
        let find = |pid: u32| {
            std::fs::write(&file, format!(r#"{{"url":"http://l","token":null,"pid":{pid}}}"#)).unwrap();
            LocalServer::find(&file).is_some()
        };
        assert!(find(std::process::id()));
        assert!(!find(i32::MAX as u32));
        assert!(!find(0));
    }
}
