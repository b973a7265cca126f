//! The rpcs that make, find and remove sandboxes. Must not know: `Sandbox`.

use super::{CallOptions, Client};
use crate::{
    error::{CallContext, Error, Operation},
    wire,
};

/// The ways to ask for a sandbox. The request id must be set and stay the same over repetitions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Creation {
    /// With everything said.
    Specified(Box<wire::CreateSandboxRequest>),
    /// On top of a template.
    FromTemplate(Box<wire::CreateSandboxFromTemplateRequest>),
    /// After a file.
    FromFile(Box<wire::CreateSandboxFromFileRequest>),
}

impl Client {
    /// Creates a sandbox, most likely not running yet; see [`Client::waits_for_start`].
    pub(crate) async fn create_sandbox(
        &self,
        creation: Creation,
        options: &CallOptions,
    ) -> Result<wire::Sandbox, Error> {
        match creation {
            Creation::Specified(request) => {
                self.unary(CallContext::new(Operation::CreateSandbox), options, *request).await
            }
            Creation::FromTemplate(request) => {
                self.unary(CallContext::new(Operation::CreateSandboxFromTemplate), options, *request).await
            }
            Creation::FromFile(request) => {
                self.unary(CallContext::new(Operation::CreateSandboxFromFile), options, *request).await
            }
        }
    }

    /// What the server knows about a sandbox now.
    pub(crate) async fn get_sandbox(&self, sandbox_id: &str, options: &CallOptions) -> Result<wire::Sandbox, Error> {
        let context = CallContext::on(Operation::GetSandbox, sandbox_id);
        let request = wire::GetSandboxRequest { sandbox_id: sandbox_id.to_owned() };
        self.unary(context, options, request).await
    }

    /// One page of sandboxes.
    pub(crate) async fn list_sandboxes(
        &self,
        request: wire::ListSandboxesRequest,
        options: &CallOptions,
    ) -> Result<wire::ListSandboxesResponse, Error> {
        let context = CallContext::new(Operation::ListSandboxes);
        self.unary(context, options, request).await
    }

    /// Asks for a sandbox to be stopped and removed. Answers before it is.
    pub(crate) async fn delete_sandbox(
        &self,
        request: wire::DeleteSandboxRequest,
        options: &CallOptions,
    ) -> Result<wire::DeleteSandboxResponse, Error> {
        let context = CallContext::on(Operation::DeleteSandbox, request.sandbox_id.clone());
        self.unary(context, options, request).await
    }

    /// Removes every sandbox that a filter names.
    pub(crate) async fn purge_sandboxes(
        &self,
        request: wire::PurgeSandboxesRequest,
        options: &CallOptions,
    ) -> Result<wire::PurgeSandboxesResponse, Error> {
        let context = CallContext::new(Operation::PurgeSandboxes);
        self.unary(context, options, request).await
    }
}
