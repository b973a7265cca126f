//! Opens a log stream. Must not know: how it is resumed.

use super::{CallOptions, Client};
use crate::{
    error::{CallContext, Error, Operation},
    platform::timeout,
    transport::{CallHead, Deadline, Incoming},
    wire,
};

/// A log as it comes. Dropping it ends the call.
pub(crate) type LogEntries = Incoming<wire::LogEntry>;

/// Follows or reads what the main command printed.
///
/// # Errors
/// As the server says: not found, authentication, unavailable, network.
pub(crate) async fn open(
    client: &Client,
    request: wire::StreamLogsRequest,
    options: &CallOptions,
) -> Result<LogEntries, Error> {
    let context = CallContext::on(Operation::StreamLogs, request.sandbox_id.clone());
    let head = client.call_head(context, options).await?;
    client.refreshing(head, |head| follow(client, head, request.clone())).await
}

async fn follow(client: &Client, head: CallHead, request: wire::StreamLogsRequest) -> Result<LogEntries, Error> {
    let (context, deadline) = (head.context.clone(), Deadline::start(head.timeout));
    let mut service = client.service();
    let opening = service.stream_logs(head.into_request(request));
    let response = timeout(deadline.remaining(), opening)
        .await
        .map_err(|_| deadline.exceeded(&context))?
        .map_err(|status| Error::from_status(&status, &context))?;
    Ok(Incoming::new(response.into_inner(), deadline, context))
}
