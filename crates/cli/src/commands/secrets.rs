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
    listing::{Listed, PrintAll, PrintOne},
    show,
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
        #[command(flatten)]
        print: PrintAll,
    },
    /// Show one store
    Get {
        /// Store
        #[arg(value_name = "STORE")]
        name: String,
        #[command(flatten)]
        print: PrintOne,
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
        #[command(flatten)]
        print: PrintOne,
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
        Action::Ls { print } => {
            let found = SecretStore::list(&client).await?;
            print.print(&found)?;
        }
        Action::Get { name, print } => print.print(&SecretStore::get(&client, &name).await?)?,
        Action::Create { name, wandb_team, wandb_api_url, print } => {
            let mut options = SecretStoreOptions::default();
            (options.wandb_team, options.wandb_api_url) = (wandb_team, wandb_api_url);
            print.print(&SecretStore::create(&client, &name, options).await?)?;
        }
        Action::Delete { names, missing_ok, quiet } => {
            return exit::each(&names, quiet, async |name| SecretStore::delete(&client, name, missing_ok).await).await;
        }
    }
    Ok(0)
}

fn source(it: &SecretStore) -> String {
    it.wandb_team.as_ref().map_or_else(|| "the server".to_owned(), |team| format!("wandb:{team}"))
}

impl Listed for SecretStore {
    const COLUMNS: &'static [&'static str] = &["STORE", "SOURCE", "AGE"];

    fn name(&self) -> &str {
        &self.name
    }

    fn row(&self) -> Vec<String> {
        vec![self.name.clone(), source(self), show::age(self.created_at)]
    }

    fn details(&self) -> String {
        show::lines(&[
            ("Store", Some(self.name.clone())),
            ("Source", Some(source(self))),
            ("Service", self.wandb_api_url.clone()),
            ("Created", self.created_at.map(show::moment)),
            ("Updated", self.updated_at.map(show::moment)),
        ])
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "wandbTeam": self.wandb_team,
            "wandbApiUrl": self.wandb_api_url,
            "createdAt": self.created_at.map(show::moment),
            "updatedAt": self.updated_at.map(show::moment),
        })
    }
}
