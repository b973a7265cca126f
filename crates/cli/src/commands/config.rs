//! `jetway config`: the servers that have names, and which is in use.

use anyhow::Result;
use clap::{Args, Subcommand};
use clap_complete::ArgValueCandidates;
use console::style;
use serde_json::{Value, json};

use crate::{
    candidates,
    contexts::{Contexts, LOCAL},
    output,
    show::{self, Format},
};

/// Manage the servers that `jetway login` gave names.
///
/// A command takes --context NAME, or the variable JETWAY_CONTEXT, or the one in use. `local` is the `jetway serve` of
/// this user. CWSANDBOX_BASE_URL and CWSANDBOX_API_KEY win over the one in use.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  jetway config ls
  jetway config use work
  jetway config use local            the `jetway serve` of this user again
  jetway config rename work office
  jetway config path                 the file")]
pub struct Config {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List them, never their tokens
    #[command(visible_alias = "list")]
    Ls {
        /// How to print them
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Use this one from now on
    Use {
        /// Which one
        #[arg(add = ArgValueCandidates::new(candidates::contexts))]
        name: String,
    },
    /// Print the name of the one in use
    Current,
    /// Give one another name
    Rename {
        /// Which one
        #[arg(add = ArgValueCandidates::new(candidates::contexts))]
        name: String,
        /// Its new name
        new_name: String,
    },
    /// Print where they are kept
    Path,
}

/// Does it.
pub fn run(Config { action }: Config) -> Result<u8> {
    let mut contexts = Contexts::load()?;
    match action {
        Action::Ls { output } => list(&contexts, output)?,
        Action::Use { name } => {
            contexts.find(&name)?;
            contexts.current = (name != LOCAL).then(|| name.clone());
            contexts.save()?;
            output::print(&format!("{name} is in use from now on\n"))?;
        }
        Action::Current => output::print(&format!("{}\n", contexts.current.as_deref().unwrap_or(LOCAL)))?,
        Action::Rename { name, new_name } => {
            Contexts::check(&name)?;
            Contexts::check(&new_name)?;
            contexts.find(&name)?;
            if let Some(context) = contexts.contexts.remove(&name) {
                contexts.contexts.insert(new_name.clone(), context);
            }
            if contexts.current.as_ref() == Some(&name) {
                contexts.current = Some(new_name);
            }
            contexts.save()?;
        }
        Action::Path => output::print(&format!("{}\n", Contexts::file()?.display()))?,
    }
    Ok(0)
}

fn list(contexts: &Contexts, format: Format) -> Result<()> {
    let current = contexts.current.as_deref().unwrap_or(LOCAL);
    let named = || contexts.contexts.iter().map(|(name, it)| (&**name, &*it.url, it.token.is_some()));
    let all = || named().chain([(LOCAL, "the `jetway serve` of this user", true)]);
    let value = || {
        let one = |(name, url, token): (&str, &str, bool)| {
            let url = (name != LOCAL).then_some(url);
            json!({ "name": name, "url": url, "hasToken": token, "current": name == current })
        };
        Value::Array(all().map(one).collect())
    };
    let table = || {
        let row = |(name, url, token): (&str, &str, bool)| {
            let mark = if name == current { style("*").green().to_string() } else { String::new() };
            vec![mark, name.to_owned(), url.to_owned(), if token { "kept" } else { show::NONE }.to_owned()]
        };
        show::table(&["", "NAME", "SERVER", "TOKEN"], &all().map(row).collect::<Vec<_>>())
    };
    show::print(format, value, table)
}
