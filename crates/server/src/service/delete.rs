//! DeleteSandbox and PurgeSandboxes: the order is taken at once, the draining goes on behind the answer.

use std::{sync::Arc, time::Duration};

use tonic::Code;

use super::{Api, Problem, view};
use crate::{
    supervisor::{DEFAULT_GRACE, Sandbox},
    wire::sandbox::{DeleteSandboxRequest, DeleteSandboxResponse, PurgeSandboxesRequest, PurgeSandboxesResponse},
};

impl Api {
    /// Orders one sandbox to stop, once the volumes that are to be saved are.
    pub(super) async fn remove(&self, request: DeleteSandboxRequest) -> Result<DeleteSandboxResponse, Problem> {
        let saves = !request.snapshot_volumes.is_empty();
        if saves && request.allow_missing {
            let text = "allow_missing and snapshot_volumes exclude each other; leave one out";
            return Err(Problem::new(Code::InvalidArgument, "CWSANDBOX_INVALID_REQUEST", text));
        }
        let grace = match u64::try_from(request.grace_period_seconds) {
            Ok(0) => DEFAULT_GRACE,
            Ok(seconds) => Duration::from_secs(seconds),
            Err(_) => return Err(Problem::field("grace_period_seconds", "must be 0 (the server's choice) or more")),
        };
        let sandbox = match self.find(&request.sandbox_id) {
            Ok(sandbox) => sandbox,
            Err(_) if request.allow_missing && !request.sandbox_id.is_empty() => {
                return Ok(DeleteSandboxResponse::default());
            }
            Err(problem) => return Err(problem),
        };
        let mut file_system_snapshot_ids = Vec::new();
        if saves {
            let (api, sandbox) = (self.clone(), sandbox.clone());
            // On its own, so that a caller who goes away in between leaves neither half a snapshot nor half a deletion.
            let saved = tokio::spawn(async move {
                let volumes = &request.snapshot_volumes;
                let ids = api.snapshot_before_delete(sandbox.clone(), volumes, &request.request_id).await?;
                api.order(std::slice::from_ref(&sandbox), grace, "deleted").await?;
                Ok::<_, Problem>(ids)
            });
            let saved =
                saved.await.map_err(|error| Problem::io("saving the volumes", &std::io::Error::other(error)))?;
            file_system_snapshot_ids = saved?;
        }
        self.order(std::slice::from_ref(&sandbox), grace, "deleted").await?;
        let shown = view::sandbox(self, &sandbox);
        Ok(DeleteSandboxResponse { sandbox: Some(shown), file_system_snapshot_ids })
    }

    /// Orders many sandboxes to stop.
    pub(super) async fn purge(&self, request: &PurgeSandboxesRequest) -> Result<PurgeSandboxesResponse, Problem> {
        if request.tags.is_empty() != request.purge_all {
            return Err(Problem::field("tags", "give tags, or set purge_all, and not both"));
        }
        let chosen = self.tagged(&request.tags);
        if !request.dry_run {
            self.order(&chosen, DEFAULT_GRACE, "purged").await?;
        }
        Ok(PurgeSandboxesResponse {
            purge_count: i32::try_from(chosen.len()).unwrap_or(i32::MAX),
            ..Default::default()
        })
    }
}

impl Api {
    /// An answer means that the order survives the server.
    async fn order(&self, sandboxes: &[Arc<Sandbox>], grace: Duration, reason: &str) -> Result<(), Problem> {
        self.supervisor().order(sandboxes, grace, reason).await.map_err(|error| {
            let text = format!("the order could not be kept: {error}; the sandbox is being stopped all the same");
            Problem::new(Code::Unavailable, "CWSANDBOX_BACKEND_UNAVAILABLE", text).retry_after(Duration::from_secs(1))
        })
    }
}
