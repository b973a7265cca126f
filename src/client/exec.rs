//! Opens the stream of a process. Must not know: what its messages do to whom.

use super::{CallOptions, Client};
use crate::{
    error::{CallContext, Error, Operation},
    transport::{CallHead, Duplex, Sender},
    wire::{
        self,
        jetway::v1::{TerminalRequest, TerminalResponse, terminal_request::Message},
    },
};

/// Both directions of a process: its frames up, its answers down. Dropping the answers kills the process group, unless it
/// runs in a kept terminal. The messages are those of kept terminals: StreamExec's, field by field, and a few more.
pub(crate) type ExecStream = Duplex<TerminalRequest, TerminalResponse>;

/// The way up alone.
pub(crate) type ExecSender = Sender<TerminalRequest>;

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
    start(client, head, Message::Init(init), keep_open).await
}

/// Opens the stream of a process with its first message.
///
/// # Errors
/// As [`open`].
pub(crate) async fn start(
    client: &Client,
    head: CallHead,
    first: Message,
    keep_open: bool,
) -> Result<ExecStream, Error> {
    let first = TerminalRequest { message: Some(first) };
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
