//! The rpcs that make, find and remove sandboxes, and the buffered exec. Must not know: `Sandbox`.

use super::{CallOptions, Client};
use crate::{
    error::{CallContext, Error, Operation},
    wire,
};

/// What a creation answers.
pub(crate) struct Created {
    /// The sandbox, most likely not running yet.
    pub(crate) sandbox: wire::Sandbox,
    /// Whether the server holds calls on it until it runs.
    pub(crate) server_waits: bool,
}

impl Client {
    /// Creates a sandbox. `request.request_id` must be set and stay the same over repetitions.
    pub(crate) async fn create_sandbox(
        &self,
        request: wire::CreateSandboxRequest,
        options: &CallOptions,
    ) -> Result<Created, Error> {
        let context = CallContext::new(Operation::CreateSandbox);
        let sandbox =
            self.unary(context, options, request, |mut service, request| async move {
                service.create_sandbox(request).await
            })
            .await?;
        Ok(Created { sandbox, server_waits: self.waits_for_start() })
    }

    /// What the server knows about a sandbox now.
    pub(crate) async fn get_sandbox(&self, sandbox_id: &str, options: &CallOptions) -> Result<wire::Sandbox, Error> {
        let context = CallContext::on(Operation::GetSandbox, sandbox_id);
        let request = wire::GetSandboxRequest { sandbox_id: sandbox_id.to_owned() };
        self.unary(context, options, request, |mut service, request| async move { service.get_sandbox(request).await })
            .await
    }

    /// One page of sandboxes.
    pub(crate) async fn list_sandboxes(
        &self,
        request: wire::ListSandboxesRequest,
        options: &CallOptions,
    ) -> Result<wire::ListSandboxesResponse, Error> {
        let context = CallContext::new(Operation::ListSandboxes);
        self.unary(
            context,
            options,
            request,
            |mut service, request| async move { service.list_sandboxes(request).await },
        )
        .await
    }

    /// Asks for a sandbox to be stopped and removed. Answers before it is.
    pub(crate) async fn delete_sandbox(
        &self,
        request: wire::DeleteSandboxRequest,
        options: &CallOptions,
    ) -> Result<wire::DeleteSandboxResponse, Error> {
        let context = CallContext::on(Operation::DeleteSandbox, request.sandbox_id.clone());
        self.unary(
            context,
            options,
            request,
            |mut service, request| async move { service.delete_sandbox(request).await },
        )
        .await
    }

    /// Removes every sandbox that a filter names.
    pub(crate) async fn purge_sandboxes(
        &self,
        request: wire::PurgeSandboxesRequest,
        options: &CallOptions,
    ) -> Result<wire::PurgeSandboxesResponse, Error> {
        let context = CallContext::new(Operation::PurgeSandboxes);
        self.unary(
            context,
            options,
            request,
            |mut service, request| async move { service.purge_sandboxes(request).await },
        )
        .await
    }

    /// Runs a command to its end and answers with all of its output at once.
    pub(crate) async fn exec(
        &self,
        request: wire::ExecRequest,
        options: &CallOptions,
    ) -> Result<wire::ExecResponse, Error> {
        let context = CallContext::on(Operation::Exec, request.sandbox_id.clone());
        self.unary(context, options, request, |mut service, request| async move { service.exec(request).await }).await
    }
}
