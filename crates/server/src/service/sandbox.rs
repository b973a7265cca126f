//! SandboxService: which method goes where. Each family's work is in its own file.

use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status, Streaming};

use super::{Api, Problem, deadline::Deadline, view};
use crate::wire::sandbox::{self as wire, sandbox_service_server::SandboxService};

/// Tells a client that exec and file calls on a sandbox that is starting wait here, so it need not poll first.
const START_HEADER: &str = "x-jetway-start";

fn waits<T>(message: T) -> Response<T> {
    let mut response = Response::new(message);
    response.metadata_mut().insert(START_HEADER, tonic::metadata::MetadataValue::from_static("waits"));
    response
}

#[tonic::async_trait]
impl SandboxService for Api {
    type StreamExecStream = ReceiverStream<Result<wire::ExecStreamResponse, Status>>;
    type StreamLogsStream = ReceiverStream<Result<wire::LogEntry, Status>>;

    async fn create_sandbox(
        &self,
        request: Request<wire::CreateSandboxRequest>,
    ) -> Result<Response<wire::Sandbox>, Status> {
        Ok(waits(self.by(&request).accept(request.into_inner()).await?))
    }

    async fn get_sandbox(&self, request: Request<wire::GetSandboxRequest>) -> Result<Response<wire::Sandbox>, Status> {
        let sandbox = self.by(&request).find(&request.get_ref().sandbox_id)?;
        let mut shown = view::sandbox(self, &sandbox);
        if let Some(status) = &mut shown.status {
            status.resource_usage = view::usage(&sandbox).await;
        }
        Ok(waits(shown))
    }

    async fn list_sandboxes(
        &self,
        request: Request<wire::ListSandboxesRequest>,
    ) -> Result<Response<wire::ListSandboxesResponse>, Status> {
        Ok(Response::new(self.by(&request).page(request.get_ref())?))
    }

    async fn delete_sandbox(
        &self,
        request: Request<wire::DeleteSandboxRequest>,
    ) -> Result<Response<wire::DeleteSandboxResponse>, Status> {
        let api = self.by(&request);
        Ok(Response::new(api.remove(request.into_inner()).await?))
    }

    async fn purge_sandboxes(
        &self,
        request: Request<wire::PurgeSandboxesRequest>,
    ) -> Result<Response<wire::PurgeSandboxesResponse>, Status> {
        Ok(Response::new(self.by(&request).purge(request.get_ref()).await?))
    }

    async fn exec(&self, request: Request<wire::ExecRequest>) -> Result<Response<wire::ExecResponse>, Status> {
        let deadline = Deadline::of(request.metadata());
        Ok(Response::new(self.by(&request).run(request.into_inner(), deadline).await?))
    }

    async fn stream_exec(
        &self,
        request: Request<Streaming<wire::ExecStreamRequest>>,
    ) -> Result<Response<Self::StreamExecStream>, Status> {
        let deadline = Deadline::of(request.metadata());
        Ok(Response::new(ReceiverStream::new(self.by(&request).serve_exec(request.into_inner(), deadline))))
    }

    async fn stream_logs(
        &self,
        request: Request<wire::StreamLogsRequest>,
    ) -> Result<Response<Self::StreamLogsStream>, Status> {
        let deadline = Deadline::of(request.metadata());
        Ok(Response::new(ReceiverStream::new(self.by(&request).serve_logs(request.into_inner(), deadline).await?)))
    }

    async fn write_file(
        &self,
        request: Request<wire::WriteFileRequest>,
    ) -> Result<Response<wire::WriteFileResponse>, Status> {
        let deadline = Deadline::of(request.metadata());
        Ok(Response::new(self.by(&request).write(request.into_inner(), deadline).await?))
    }

    async fn read_file(
        &self,
        request: Request<wire::ReadFileRequest>,
    ) -> Result<Response<wire::ReadFileResponse>, Status> {
        let deadline = Deadline::of(request.metadata());
        Ok(Response::new(self.by(&request).read(request.into_inner(), deadline).await?))
    }

    async fn connect_sandbox(
        &self,
        _: Request<wire::ConnectSandboxRequest>,
    ) -> Result<Response<wire::SandboxConnection>, Status> {
        // Clients try this first and fall back to the calls above; the answer must come at once.
        Err(Problem::not_implemented("direct connections to a sandbox are not offered; call through this server")
            .into())
    }

    async fn create_sandbox_from_template(
        &self,
        request: Request<wire::CreateSandboxFromTemplateRequest>,
    ) -> Result<Response<wire::Sandbox>, Status> {
        Ok(waits(self.accept_from_template(request.into_inner()).await?))
    }

    async fn create_sandbox_from_file(
        &self,
        request: Request<wire::CreateSandboxFromFileRequest>,
    ) -> Result<Response<wire::Sandbox>, Status> {
        Ok(waits(self.by(&request).accept_from_file(request.into_inner()).await?))
    }

    async fn get_sandbox_build_logs(
        &self,
        request: Request<wire::GetSandboxBuildLogsRequest>,
    ) -> Result<Response<wire::GetSandboxBuildLogsResponse>, Status> {
        let wire::GetSandboxBuildLogsRequest { sandbox_id, service } = request.get_ref();
        let sandbox = self.by(&request).find(sandbox_id)?;
        super::container_name(&sandbox, service)?;
        let text = "nothing was built for this sandbox, so there is no log of it: this server uses images as they are";
        Err(Problem::new(Code::NotFound, "CWSANDBOX_BUILD_LOGS_NOT_FOUND", text).with("sandbox_id", sandbox_id).into())
    }

    async fn create_file_system_snapshot(
        &self,
        request: Request<wire::CreateFileSystemSnapshotRequest>,
    ) -> Result<Response<wire::FileSystemSnapshot>, Status> {
        let deadline = Deadline::of(request.metadata());
        Ok(Response::new(self.create_snapshot(request.into_inner(), deadline).await?))
    }

    async fn get_file_system_snapshot(
        &self,
        request: Request<wire::GetFileSystemSnapshotRequest>,
    ) -> Result<Response<wire::FileSystemSnapshot>, Status> {
        Ok(Response::new(self.snapshot(&request.get_ref().file_system_snapshot_id).await?))
    }

    async fn list_file_system_snapshots(
        &self,
        request: Request<wire::ListFileSystemSnapshotsRequest>,
    ) -> Result<Response<wire::ListFileSystemSnapshotsResponse>, Status> {
        Ok(Response::new(self.list_snapshots(request.get_ref()).await?))
    }

    async fn delete_file_system_snapshot(
        &self,
        request: Request<wire::DeleteFileSystemSnapshotRequest>,
    ) -> Result<Response<wire::FileSystemSnapshot>, Status> {
        Ok(Response::new(self.delete_snapshot(request.get_ref()).await?))
    }
}
