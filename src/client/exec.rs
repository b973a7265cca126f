//! Opens the stream of a process. Must not know: what its messages do to whom.

use super::{CallOptions, Client};
use crate::{
    error::{CallContext, Error, Operation},
    transport::{CallHead, Duplex, Sender},
    wire,
};

/// Both directions of a process: its frames up, its answers down. Dropping the answers kills the process group.
pub(crate) type ExecStream = Duplex<wire::ExecStreamRequest, wire::ExecStreamResponse>;

/// The way up alone.
pub(crate) type ExecSender = Sender<wire::ExecStreamRequest>;

/// Starts a process and opens its stream. Without `keep_open` the way up closes after `init`, which is end of file.
///
/// # Errors
/// As the server says: not found, not running, authentication, command timeout, unavailable, network.
pub(crate) async fn open(
    client: &Client,
    head: CallHead,
    init: wire::ExecStreamInit,
    keep_open: bool,
) -> Result<ExecStream, Error> {
    let message = Some(wire::exec_stream_request::Message::Init(init));
    let first = wire::ExecStreamRequest { message };
    client.refreshing(head, |head| Duplex::open(client.transport(), head, first.clone(), keep_open)).await
}

/// Runs a command to its end, its output collected by the server.
///
/// # Errors
/// As any call.
pub(crate) async fn run(
    client: &Client,
    request: wire::ExecRequest,
    options: &CallOptions,
) -> Result<wire::ExecResponse, Error> {
    let context = CallContext::on(Operation::Exec, request.sandbox_id.clone());
    client.unary(context, options, request).await
}
