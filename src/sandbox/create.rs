//! How a handle comes to be: by creating a sandbox, or by finding one.
//! Must not know: what is done with it.

use std::{
    future::ready,
    sync::{Arc, Mutex, PoisonError},
};

use futures::FutureExt;

use super::{Answer, Inner, Sandbox, SandboxInfo, SandboxOptions, spec::create_request, together::Together};
use crate::{
    client::{self, CallOptions, Client},
    error::Error,
    platform::{BoxFuture, spawn},
    wire,
};

impl Sandbox {
    /// A new sandbox, at once: it is created in the background. Every call on it waits for what it needs.
    ///
    /// Natively there must be a tokio runtime; without one the creation begins with the first call that is awaited.
    /// What is wrong with the options, or with the server, is the error of the first call.
    pub fn run(client: &Client, options: SandboxOptions) -> Self {
        let sandbox = Self::prepare(client, options);
        spawn(sandbox.inner.created.clone().map(drop));
        sandbox
    }

    /// A new sandbox, once it runs.
    ///
    /// # Errors
    /// Validation for wrong options; authentication; resource exhausted; sandbox failed; as any call.
    pub async fn create(client: &Client, options: SandboxOptions) -> Result<Self, Error> {
        let sandbox = Self::run(client, options);
        sandbox.wait(None).await?;
        Ok(sandbox)
    }

    /// A handle whose sandbox is not created before [`start`](Self::start) or the first call on it.
    pub fn prepare(client: &Client, options: SandboxOptions) -> Self {
        let calls = CallOptions { timeout: options.request_timeout };
        let info = Arc::new(Mutex::new(SandboxInfo::default()));
        // Made once: however often it is asked for or repeated, the same request id creates one sandbox.
        let request = client::request_id().and_then(|id| create_request(options, id));
        let creation = create(client.clone(), request, calls.clone(), Arc::clone(&info));
        Self::new(client, calls, info, (Box::pin(creation) as BoxFuture<'static, _>).shared())
    }

    /// The sandbox with this id, also one that has ended.
    ///
    /// # Errors
    /// Validation for an empty id; sandbox not found; as any call.
    pub async fn from_id(client: &Client, id: &str) -> Result<Self, Error> {
        if id.is_empty() || id.contains('\0') {
            return Err(Error::invalid("sandboxId", "must be the id of a sandbox"));
        }
        let sandbox = client.get_sandbox(id, &CallOptions::default()).await?;
        Ok(Self::known(client, sandbox))
    }

    /// Waits until the server has accepted the creation, and has it created if nobody did yet. Gives the id.
    ///
    /// # Errors
    /// Validation for wrong options; authentication; resource exhausted; as any call. Asking again gives the same answer.
    pub async fn start(&self) -> Result<String, Error> {
        self.inner.created.clone().await
    }

    /// A handle of what a server just described.
    pub(super) fn known(client: &Client, sandbox: wire::Sandbox) -> Self {
        let info = SandboxInfo::from_wire(sandbox);
        let created: BoxFuture<'static, _> = Box::pin(ready(Ok(info.id.clone())));
        Self::new(client, CallOptions::default(), Arc::new(Mutex::new(info)), created.shared())
    }

    fn new(client: &Client, calls: CallOptions, info: Arc<Mutex<SandboxInfo>>, created: Answer<String>) -> Self {
        let inner = Inner {
            client: client.clone(),
            calls,
            created,
            info,
            running: Together::default(),
            stopping: Together::default(),
        };
        Self { inner: Arc::new(inner) }
    }
}

async fn create(
    client: Client,
    request: Result<wire::CreateSandboxRequest, Error>,
    calls: CallOptions,
    info: Arc<Mutex<SandboxInfo>>,
) -> Result<String, Error> {
    let created = SandboxInfo::from_wire(client.create_sandbox(request?, &calls).await?);
    let id = created.id.clone();
    *info.lock().unwrap_or_else(PoisonError::into_inner) = created;
    Ok(id)
}
