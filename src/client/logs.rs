//! Opens a log stream. Must not know: how it is resumed.

use super::{CallOptions, Client};
use crate::{
    error::{CallContext, Error, Operation},
    transport::Duplex,
    wire,
};

/// A log as it comes; nothing goes up. Dropping it ends the call.
pub(crate) type LogCall = Duplex<wire::StreamLogsRequest, wire::LogEntry>;

/// Follows or reads what the main command printed.
///
/// # Errors
/// As the server says: not found, authentication, unavailable, network.
pub(crate) async fn open(
    client: &Client,
    request: wire::StreamLogsRequest,
    options: &CallOptions,
) -> Result<LogCall, Error> {
    let context = CallContext::on(Operation::StreamLogs, request.sandbox_id.clone());
    let head = client.call_head(context, options).await?;
    client.refreshing(head, |head| Duplex::open(client.transport(), head, request.clone(), false)).await
}
