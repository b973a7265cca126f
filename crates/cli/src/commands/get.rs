//! `jetway get`: everything about one sandbox.

use anyhow::Result;
use clap::Args;
use clap_complete::ArgValueCandidates;
use jetway::{Client, Sandbox};

use crate::{candidates, listing::PrintOne};

/// Show everything about a sandbox, also about one that has ended.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  jetway get ID
  jetway get ID -o json | jq -r .status")]
pub struct Get {
    /// Sandbox
    #[arg(value_name = "ID", add = ArgValueCandidates::new(candidates::sandboxes))]
    id: String,

    #[command(flatten)]
    print: PrintOne,
}

/// Shows it.
pub async fn run(get: Get, client: Client) -> Result<u8> {
    let info = Sandbox::from_id(&client, &get.id).await?.info();
    get.print.print(&info)?;
    Ok(0)
}
