//! TerminalService: the wire's words for kept terminals.

use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::{Api, deadline::Deadline};
use crate::wire::jetway::{self as wire, terminal_service_server::TerminalService};

#[tonic::async_trait]
impl TerminalService for Api {
    type AttachTerminalStream = ReceiverStream<Result<wire::TerminalResponse, Status>>;

    async fn attach_terminal(
        &self,
        request: Request<Streaming<wire::TerminalRequest>>,
    ) -> Result<Response<Self::AttachTerminalStream>, Status> {
        let deadline = Deadline::of(request.metadata());
        Ok(Response::new(ReceiverStream::new(self.by(&request).serve_terminal(request.into_inner(), deadline))))
    }

    async fn list_terminals(
        &self,
        request: Request<wire::ListTerminalsRequest>,
    ) -> Result<Response<wire::ListTerminalsResponse>, Status> {
        let terminals = self.by(&request).terminals_of(&request.get_ref().sandbox_id)?;
        Ok(Response::new(wire::ListTerminalsResponse { terminals }))
    }

    async fn end_terminal(
        &self,
        request: Request<wire::EndTerminalRequest>,
    ) -> Result<Response<wire::EndTerminalResponse>, Status> {
        let api = self.by(&request);
        let wire::EndTerminalRequest { sandbox_id, terminal_id } = request.into_inner();
        Ok(Response::new(wire::EndTerminalResponse { ended: api.end_terminal(&sandbox_id, &terminal_id)? }))
    }
}
