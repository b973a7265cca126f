//! `jetway mcp`: sandboxes as tools of a model, over standard input and output.

use anyhow::{Context, Result};
use clap::Args;
use clap_complete::ArgValueCandidates;
use jetway::{Client, Sandbox};
use rmcp::{ServiceExt, transport};

use crate::{
    candidates,
    mcp::{House, Tools},
    output,
    shape::Shape,
    signals::Signals,
};

/// Be a Model Context Protocol server on standard input and output: sandboxes as tools of a model.
///
/// Its tools run commands and code, read and write files, and make and delete sandboxes. One sandbox is the
/// conversation's own: it is made when it is first needed, and deleted at the end with all others that were made.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  claude mcp add sandbox -- jetway mcp
  jetway mcp --image node:22 --max-lifetime 2h     what the conversation's own sandbox is like
  jetway mcp --in ID                               one that runs is the conversation's own; it is not deleted

In the settings of most programs:
  { \"mcpServers\": { \"sandbox\": { \"command\": \"jetway\", \"args\": [\"mcp\"] } } }")]
pub struct Mcp {
    /// Sandbox that is the conversation's own, instead of a new one
    #[arg(long = "in", value_name = "ID", conflicts_with = "shape", add = ArgValueCandidates::new(candidates::sandboxes))]
    id: Option<String>,

    #[command(flatten)]
    shape: Shape,
}

/// Serves until standard input ends.
pub async fn run(Mcp { id, shape }: Mcp, client: Client) -> Result<u8> {
    let existing = match &id {
        Some(id) => Some(Sandbox::from_id(&client, id).await?),
        None => None,
    };
    let house = House::new(&client, shape.options(), existing)?;
    let mut signals = Signals::listen()?;
    let serving = async {
        let service = Tools::new(house.clone()).serve(transport::stdio()).await;
        let service = service.context("this is a server for programs: it waits for the Model Context Protocol")?;
        service.waiting().await.context("the protocol broke off")
    };
    let code = tokio::select! {
        served = serving => served.map(|_| 0),
        caught = signals.next() => Ok(caught.exit_code()),
    };
    // Whatever came of it, nothing is left behind.
    if let Err(error) = house.close().await {
        output::tell(&error.to_string());
    }
    code
}
