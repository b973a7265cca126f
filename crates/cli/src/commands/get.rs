//! `jetway get`: everything about one sandbox.

use anyhow::Result;
use clap::Args;
use jetway::{Client, Sandbox};

use crate::{
    output,
    show::{self, Format},
};

/// Show everything about a sandbox, also about one that has ended.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  jetway get ID
  jetway get ID -o json | jq -r .status")]
pub struct Get {
    /// Sandbox
    #[arg(value_name = "ID")]
    id: String,

    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Shows it.
pub async fn run(get: Get, client: Client) -> Result<u8> {
    let info = Sandbox::from_id(&client, &get.id).await?.info();
    match get.output {
        Format::Table => output::print(&show::details(&info))?,
        Format::Json => output::print_json(&show::json(&info))?,
    }
    Ok(0)
}
