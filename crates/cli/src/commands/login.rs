//! `jetway login` and `jetway logout`: servers get names, and their tokens a place that nobody else reads.

use std::io::{IsTerminal, Read};

use anyhow::{Context, Result};
use clap::Args;
use jetway::{Client, Sandbox, sandbox::ListOptions};

use crate::{
    contexts::{Contexts, Named},
    endpoint::Endpoint,
    exit::Usage,
    output,
};

/// Give a server a name, keep its token, and use it from now on.
///
/// The token is asked for, or comes on standard input with --token-stdin: on a command line others could read it. It is
/// kept in ~/.config/jetway/config.json, which only you can read.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  jetway login https://sandboxes.example.com               asks for the token
  jetway login https://sandboxes.example.com --name work
  pass show jetway | jetway login https://sandboxes.example.com --token-stdin
  jetway config ls                                         all of them, and which is in use
  jetway --context work ls                                 one command on another server")]
pub struct Login {
    /// Where the server is, e.g. https://sandboxes.example.com
    #[arg(value_name = "URL")]
    url: String,

    /// What to call it [default: its host]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Read the token from standard input
    #[arg(long)]
    token_stdin: bool,

    /// Do not ask the server whether it takes the token
    #[arg(long)]
    no_check: bool,
}

/// Forget a server and its token.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  jetway logout            the one in use
  jetway logout work")]
pub struct Logout {
    /// Which one [default: the one in use]
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

/// Keeps it.
pub async fn login(login: Login) -> Result<u8> {
    let url = login.url.trim_end_matches('/').to_owned();
    let name = match login.name {
        Some(name) => name,
        None => host(&url)?,
    };
    Contexts::check(&name)?;
    let mut contexts = Contexts::load()?;
    let token = read_token(&url, login.token_stdin)?;
    let client = Endpoint::of(&url, Some(&token)).client()?;
    if !login.no_check {
        check(&client).await?;
    }
    contexts.contexts.insert(name.clone(), Named { url: url.clone(), token: Some(token) });
    contexts.current = Some(name.clone());
    contexts.save()?;
    output::print(&format!("{name} ({url}) is in use from now on\n"))?;
    Ok(0)
}

/// Forgets it.
pub fn logout(Logout { name }: Logout) -> Result<u8> {
    let mut contexts = Contexts::load()?;
    let none = || Usage::error("no context is in use; name one: jetway logout NAME (jetway config ls has them)");
    let name = name.or_else(|| contexts.current.clone()).ok_or_else(none)?;
    contexts.find(&name)?;
    contexts.contexts.remove(&name);
    if contexts.current.as_ref() == Some(&name) {
        contexts.current = None;
    }
    contexts.save()?;
    output::print(&format!("{name} is forgotten\n"))?;
    Ok(0)
}

async fn check(client: &Client) -> Result<()> {
    let mut list = Sandbox::list(client, ListOptions::default().page_size(1));
    match list.next_page().await {
        Some(Err(error)) => Err(anyhow::Error::from(error)),
        _ => Ok(()),
    }
}

fn read_token(url: &str, from_stdin: bool) -> Result<String> {
    let token = if from_stdin {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
        text
    } else if std::io::stdin().is_terminal() {
        let terminal = console::Term::stderr();
        terminal.write_str(&format!("Token for {url} (not shown): "))?;
        terminal.read_secure_line().context("the token cannot be read")?
    } else {
        return Err(Usage::error("there is no terminal to ask for the token at; pipe it in with --token-stdin"));
    };
    match token.trim() {
        "" => Err(Usage::error("the token is empty; nothing was changed")),
        token => Ok(token.to_owned()),
    }
}

/// What stands between the scheme and the path.
fn host(url: &str) -> Result<String> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split('/').next()).filter(|host| !host.is_empty());
    let wrong = || Usage::error(format!("{url:?} is no address of a server; e.g. https://sandboxes.example.com"));
    host.map(str::to_owned).ok_or_else(wrong)
}
