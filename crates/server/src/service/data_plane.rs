//! SandboxDataPlaneService: the calls that carry bytes, under their second name.

use tonic::{Request, Response, Status, Streaming};

use super::Api;
use crate::wire::sandbox::{
    self as wire, sandbox_data_plane_service_server::SandboxDataPlaneService, sandbox_service_server::SandboxService,
};

#[tonic::async_trait]
impl SandboxDataPlaneService for Api {
    type StreamExecStream = <Self as SandboxService>::StreamExecStream;
    type StreamLogsStream = <Self as SandboxService>::StreamLogsStream;

    async fn exec(&self, request: Request<wire::ExecRequest>) -> Result<Response<wire::ExecResponse>, Status> {
        SandboxService::exec(self, request).await
    }

    async fn stream_exec(
        &self,
        request: Request<Streaming<wire::ExecStreamRequest>>,
    ) -> Result<Response<Self::StreamExecStream>, Status> {
        SandboxService::stream_exec(self, request).await
    }

    async fn stream_logs(
        &self,
        request: Request<wire::StreamLogsRequest>,
    ) -> Result<Response<Self::StreamLogsStream>, Status> {
        SandboxService::stream_logs(self, request).await
    }

    async fn write_file(
        &self,
        request: Request<wire::WriteFileRequest>,
    ) -> Result<Response<wire::WriteFileResponse>, Status> {
        SandboxService::write_file(self, request).await
    }

    async fn read_file(
        &self,
        request: Request<wire::ReadFileRequest>,
    ) -> Result<Response<wire::ReadFileResponse>, Status> {
        SandboxService::read_file(self, request).await
    }
}
