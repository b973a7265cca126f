//! `jetway secrets`: the stores that sandboxes take secrets from. Values never come here.

use anyhow::Result;
use clap::{Args, Subcommand};
use jetway::{
    Client,
    catalog::{SecretStore, SecretStoreOptions},
};
use serde_json::{Value, json};

use crate::{
    exit,
    show::{self, Format},
};

/// Manage the stores that sandboxes take secrets from.
///
/// A store has names of secrets; their values stay with the server and never come here. `jetway serve --secret-store`
/// gives a local server some.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  jetway secrets ls
  jetway run --secret mystore/API_KEY -- printenv API_KEY
  jetway run --secret mystore/api-key=API_KEY -- printenv API_KEY     under another name
  jetway secrets create team --wandb-team my-team
  jetway secrets delete team")]
pub struct Secrets {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the stores
    #[command(visible_alias = "list")]
    Ls {
        /// How to print them
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Show one store
    Get {
        /// Store
        #[arg(value_name = "STORE")]
        name: String,
        /// How to print it
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Register a store
    Create {
        /// What to call it
        #[arg(value_name = "STORE")]
        name: String,
        /// Take the secrets of this Weights and Biases team [default: the server's own files]
        #[arg(long, value_name = "TEAM")]
        wandb_team: Option<String>,
        /// That team's service, unless it is the public one
        #[arg(long, value_name = "URL", requires = "wandb_team")]
        wandb_api_url: Option<String>,
        /// How to print it
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Forget stores; sandboxes keep the values that they got
    #[command(visible_alias = "rm")]
    Delete {
        /// Stores
        #[arg(value_name = "STORE", required = true)]
        names: Vec<String>,
        /// Stores that do not exist are fine
        #[arg(long)]
        missing_ok: bool,
        /// Do not print the names of those that were forgotten
        #[arg(short, long)]
        quiet: bool,
    },
}

/// Does it.
pub async fn run(Secrets { action }: Secrets, client: Client) -> Result<u8> {
    match action {
        Action::Ls { output } => {
            let found = SecretStore::list(&client).await?;
            let table = || show::table(&["STORE", "SOURCE", "AGE"], &found.iter().map(row).collect::<Vec<_>>());
            show::print(output, || Value::Array(found.iter().map(json).collect()), table)?;
        }
        Action::Get { name, output } => one(&SecretStore::get(&client, &name).await?, output)?,
        Action::Create { name, wandb_team, wandb_api_url, output } => {
            let mut options = SecretStoreOptions::default();
            (options.wandb_team, options.wandb_api_url) = (wandb_team, wandb_api_url);
            one(&SecretStore::create(&client, &name, options).await?, output)?;
        }
        Action::Delete { names, missing_ok, quiet } => {
            return exit::each(&names, quiet, async |name| SecretStore::delete(&client, name, missing_ok).await).await;
        }
    }
    Ok(0)
}

fn one(store: &SecretStore, format: Format) -> Result<()> {
    show::print(format, || json(store), || details(store))
}

fn source(it: &SecretStore) -> String {
    it.wandb_team.as_ref().map_or_else(|| "the server".to_owned(), |team| format!("wandb:{team}"))
}

fn row(it: &SecretStore) -> Vec<String> {
    vec![it.name.clone(), source(it), show::age(it.created_at)]
}

fn details(it: &SecretStore) -> String {
    show::lines(&[
        ("Store", Some(it.name.clone())),
        ("Source", Some(source(it))),
        ("Service", it.wandb_api_url.clone()),
        ("Created", it.created_at.map(show::moment)),
        ("Updated", it.updated_at.map(show::moment)),
    ])
}

fn json(it: &SecretStore) -> Value {
    json!({
        "name": it.name,
        "wandbTeam": it.wandb_team,
        "wandbApiUrl": it.wandb_api_url,
        "createdAt": it.created_at.map(show::moment),
        "updatedAt": it.updated_at.map(show::moment),
    })
}
