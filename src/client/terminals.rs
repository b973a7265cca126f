//! Kept terminals, as far as they are no streams: listing and ending them. Must not know: who is connected to one.

use super::{CallOptions, Client};
use crate::{
    error::{CallContext, Error, Operation},
    wire::jetway::v1 as wire,
};

/// The terminals that are kept of a sandbox.
///
/// # Errors
/// As any call; not supported by servers that keep none.
pub(crate) async fn list(
    client: &Client,
    sandbox_id: &str,
    options: &CallOptions,
) -> Result<Vec<wire::Terminal>, Error> {
    let request = wire::ListTerminalsRequest { sandbox_id: sandbox_id.to_owned() };
    let context = CallContext::on(Operation::ListTerminals, sandbox_id);
    let answer: wire::ListTerminalsResponse = client.unary(context, options, request).await?;
    Ok(answer.terminals)
}

/// Ends a terminal; whether there was one.
///
/// # Errors
/// As any call.
pub(crate) async fn end(
    client: &Client,
    sandbox_id: &str,
    terminal_id: &str,
    options: &CallOptions,
) -> Result<bool, Error> {
    let (sandbox_id, terminal_id) = (sandbox_id.to_owned(), terminal_id.to_owned());
    let context = CallContext::on(Operation::EndTerminal, sandbox_id.as_str());
    let request = wire::EndTerminalRequest { sandbox_id, terminal_id };
    let answer: wire::EndTerminalResponse = client.unary(context, options, request).await?;
    Ok(answer.ended)
}
