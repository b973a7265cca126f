//! The rpcs that make, find and remove sandboxes. Must not know: `Sandbox`.

use super::{CallOptions, Client, call::Answering};
use crate::{
    error::{CallContext, Operation},
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
    pub(crate) fn create_sandbox(&self, creation: Creation, options: &CallOptions) -> Answering<'_, wire::Sandbox> {
        match creation {
            Creation::Specified(request) => self.unary(CallContext::new(Operation::CreateSandbox), options, *request),
            Creation::FromTemplate(request) => {
                self.unary(CallContext::new(Operation::CreateSandboxFromTemplate), options, *request)
            }
            Creation::FromFile(request) => {
                self.unary(CallContext::new(Operation::CreateSandboxFromFile), options, *request)
            }
        }
    }

    /// What the server knows about a sandbox now.
    pub(crate) fn get_sandbox(&self, sandbox_id: &str, options: &CallOptions) -> Answering<'_, wire::Sandbox> {
        let context = CallContext::on(Operation::GetSandbox, sandbox_id);
        let request = wire::GetSandboxRequest { sandbox_id: sandbox_id.to_owned() };
        self.unary(context, options, request)
    }

    /// One page of sandboxes.
    pub(crate) fn list_sandboxes(
        &self,
        request: wire::ListSandboxesRequest,
        options: &CallOptions,
    ) -> Answering<'_, wire::ListSandboxesResponse> {
        let context = CallContext::new(Operation::ListSandboxes);
        self.unary(context, options, request)
    }

    /// Asks for a sandbox to be stopped and removed. Answers before it is.
    pub(crate) fn delete_sandbox(
        &self,
        request: wire::DeleteSandboxRequest,
        options: &CallOptions,
    ) -> Answering<'_, wire::DeleteSandboxResponse> {
        let context = CallContext::on(Operation::DeleteSandbox, request.sandbox_id.clone());
        self.unary(context, options, request)
    }

    /// Removes every sandbox that a filter names.
    pub(crate) fn purge_sandboxes(
        &self,
        request: wire::PurgeSandboxesRequest,
        options: &CallOptions,
    ) -> Answering<'_, wire::PurgeSandboxesResponse> {
        let context = CallContext::new(Operation::PurgeSandboxes);
        self.unary(context, options, request)
    }
}
