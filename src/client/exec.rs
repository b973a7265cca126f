//! Opens the stream of a process. Must not know: what its messages do to whom.

use super::{CallOptions, Client};
use crate::{
    error::{CallContext, Error, Operation},
    transport::Duplex,
    wire,
};

/// Both directions of a process: its frames up, its answers down. Dropping the answers kills the process group.
pub(crate) type ExecStream = Duplex<wire::ExecStreamRequest, wire::ExecStreamResponse>;

/// Starts a process and opens its stream. Without `stdin` the way up closes after `init`, which is end of file.
///
/// # Errors
/// As the server says: not found, not running, authentication, command timeout, unavailable, network.
pub(crate) async fn open(
    client: &Client,
    init: wire::ExecStreamInit,
    stdin: bool,
    options: &CallOptions,
) -> Result<ExecStream, Error> {
    let context = CallContext::on(Operation::StreamExec, init.sandbox_id.clone());
    let head = client.call_head(context, options).await?;
    let message = Some(wire::exec_stream_request::Message::Init(init));
    Duplex::open(client.transport(), head, wire::ExecStreamRequest { message }, stdin).await
}
