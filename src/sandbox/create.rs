//! How a handle comes to be: by creating a sandbox, or by finding one.
//! Must not know: what is done with it.

use std::{future::ready, sync::Arc};

use futures::FutureExt;

use super::{
    Answer, Beginning, Inner, Sandbox, SandboxInfo, SandboxOptions, knowledge::Knowledge, placing::Placing,
    poller::Poller, together::Together,
};
use crate::{
    client::{CallOptions, Client, Creation},
    error::{Error, ErrorKind},
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
        // It is asked for now, even if nobody has got round to it yet.
        sandbox.inner.beginning.begin();
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
        // Made once: however often it is asked for or repeated, the same request id creates one sandbox.
        Self::placed(client, calls, Placing::new(options))
    }

    /// A sandbox by a request that is made already.
    pub(super) fn from_creation(client: &Client, request: Creation) -> Self {
        Self::placed(client, CallOptions::default(), Ok(Placing::of(request)))
    }

    fn placed(client: &Client, calls: CallOptions, placing: Result<Placing, Error>) -> Self {
        let knowledge = Arc::new(Knowledge::default());
        let beginning = Arc::new(Beginning::default());
        let creation = create(client.clone(), placing, calls.clone(), Arc::clone(&knowledge), Arc::clone(&beginning));
        Self::new(client, calls, knowledge, (Box::pin(creation) as BoxFuture<'static, _>).shared(), beginning)
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
        let beginning = Beginning::default();
        beginning.begin();
        let knowledge = Arc::new(Knowledge::of(info));
        Self::new(client, CallOptions::default(), knowledge, created.shared(), Arc::new(beginning))
    }

    fn new(
        client: &Client,
        calls: CallOptions,
        knowledge: Arc<Knowledge>,
        created: Answer<String>,
        beginning: Arc<Beginning>,
    ) -> Self {
        let inner = Inner {
            client: client.clone(),
            calls,
            created,
            beginning,
            knowledge,
            poller: Poller::default(),
            stopping: Together::default(),
            tally: Default::default(),
            snapshots: Default::default(),
            saving: Default::default(),
        };
        Self { inner: Arc::new(inner) }
    }
}

async fn create(
    client: Client,
    placing: Result<Placing, Error>,
    calls: CallOptions,
    knowledge: Arc<Knowledge>,
    beginning: Arc<Beginning>,
) -> Result<String, Error> {
    if !beginning.begin() {
        return Err(Error::new(ErrorKind::SandboxNotRunning, "the sandbox was stopped before it was started"));
    }
    let ticket = knowledge.ask();
    let created = SandboxInfo::from_wire(placing?.run(&client, &calls).await?);
    let id = created.id.clone();
    knowledge.accepted(ticket, created);
    Ok(id)
}
