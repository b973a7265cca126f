//! CreateSandbox: checks, plans, accepts. The start itself goes on behind the answer.

use std::time::{Duration, SystemTime};

use prost::Message;
use sha2::{Digest, Sha256};
use tonic::Code;

use super::{Api, Problem, compose::Dependencies, network, plan, unsupported, view};
use crate::{
    identity,
    runtime::{Capabilities, Limits, RuntimeError, SandboxPlan},
    supervisor::{Draft, Holder},
    wire::sandbox::{CreateSandboxRequest, Sandbox, SandboxMode, SandboxSpec},
};

/// Annotation that says how a container's image is served; the container's name follows.
const VIEW: &str = "jetway.dev/image.";

impl Api {
    /// Accepts a sandbox.
    pub(super) async fn accept(&self, request: CreateSandboxRequest) -> Result<Sandbox, Problem> {
        self.accept_in_order(request, None, &Dependencies::new()).await
    }

    /// Accepts a sandbox whose containers wait for one another. `digest` recognises the request it was made from.
    pub(super) async fn accept_in_order(
        &self,
        request: CreateSandboxRequest,
        digest: Option<Vec<u8>>,
        after: &Dependencies,
    ) -> Result<Sandbox, Problem> {
        let draft = self.draft_in_order(request, digest, after).await?;
        let scope = self.caller().scope();
        if !scope.sandbox_ids.is_empty() || !scope.tags.iter().all(|tag| draft.tags.contains(tag)) {
            let text = "this token is good for certain sandboxes only and makes no others; use one with a wider scope";
            return Err(Problem::new(Code::PermissionDenied, "CWSANDBOX_OUT_OF_SCOPE", text));
        }
        let holder = Holder::of(self.caller().user());
        let accepted = self.supervisor().create_for(draft, holder).await?;
        let endpoint_share_token = self.0.services.share_token(&accepted).unwrap_or_default();
        Ok(Sandbox { endpoint_share_token, ..view::sandbox(self, &accepted) })
    }

    /// A sandbox that could be made, by a request that was checked.
    pub(super) async fn draft(&self, request: CreateSandboxRequest) -> Result<Draft, Problem> {
        self.draft_in_order(request, None, &Dependencies::new()).await
    }

    async fn draft_in_order(
        &self,
        request: CreateSandboxRequest,
        digest: Option<Vec<u8>>,
        after: &Dependencies,
    ) -> Result<Draft, Problem> {
        let CreateSandboxRequest { sandbox, request_id } = request;
        let sandbox = sandbox.ok_or_else(|| Problem::field("sandbox", "must be set"))?;
        let request_digest = digest.unwrap_or_else(|| Sha256::digest(sandbox.encode_to_vec()).to_vec());
        let mut spec = sandbox.spec.ok_or_else(|| Problem::field("sandbox.spec", "must be set"))?;
        unsupported::refuse(&spec)?;
        let capabilities = self.supervisor().runtime().capabilities();
        plan::fill_in(&mut spec, capabilities);
        let id = identity::uuid_text().map_err(|error| Problem::io("making an id", &error))?;
        let mut plan = plan::plan(&id, &spec)?;
        plan.network.egress = network::plan(&spec, self.supervisor().egress().owner())?;
        for container in &mut plan.containers {
            container.after = after.get(&container.name).cloned().unwrap_or_default();
            container.deferred = !container.after.is_empty();
        }
        self.place(&spec)?;
        self.limit(&mut plan, capabilities)?;
        self.plan_volumes(&spec, &mut plan).await?;
        self.inject_secrets(&spec, &mut plan).await?;
        self.inject_logins(&spec, &mut plan).await?;
        let runtime_class = self.runtime_class(&mut spec, &plan).await?;
        Ok(Draft {
            id,
            request_id,
            request_digest,
            display_name: sandbox.display_name,
            tags: spec.tags.clone(),
            max_lifetime: u64::try_from(spec.max_lifetime_seconds)
                .ok()
                .filter(|seconds| *seconds > 0)
                .map(Duration::from_secs),
            spec: spec.encode_to_vec().into(),
            plan,
            runtime_class,
            created: SystemTime::now(),
        })
    }

    /// There is one runner. Whoever asks for another one is told so.
    fn place(&self, spec: &SandboxSpec) -> Result<(), Problem> {
        if spec.mode() == SandboxMode::Serverless && !spec.runner_ids.is_empty() {
            return Err(Problem::field("sandbox.spec.runner_ids", "must be empty with SANDBOX_MODE_SERVERLESS"));
        }
        if spec.runner_ids.is_empty() || spec.runner_ids.contains(&self.0.runner_id) {
            return Ok(());
        }
        let text =
            format!("sandbox.spec.runner_ids: the only runner here is {:?}; ask for it or for none", self.0.runner_id);
        Err(Problem::new(Code::FailedPrecondition, "CWSANDBOX_NO_SUITABLE_RUNNER", text))
    }

    /// Limits must fit the machine and hold on it. With `allow_unenforced_limits` those that cannot hold are dropped.
    fn limit(&self, plan: &mut SandboxPlan, capabilities: &Capabilities) -> Result<(), Problem> {
        for (index, container) in plan.containers.iter_mut().enumerate() {
            let Limits { cpu_millicores, memory_bytes, pids: _ } = &mut container.limits;
            let rows = [
                ("cpu", cpu_millicores, capabilities.cpu_millicores, capabilities.limits_cpu),
                ("memory", memory_bytes, capabilities.memory_bytes, capabilities.limits_memory),
            ];
            for (name, limit, most, enforced) in rows {
                let Some(value) = *limit else { continue };
                let field = format!("sandbox.spec.containers[{index}].resources.{name}");
                if most > 0 && value > most {
                    let unit = if name == "cpu" { "millicores" } else { "bytes" };
                    let text = format!("{field}: {value} {unit} asked, this machine has {most}; ask for less");
                    return Err(Problem::new(Code::InvalidArgument, "CWSANDBOX_RESOURCE_CEILING_EXCEEDED", text));
                }
                if !enforced && !self.0.allow_unenforced_limits {
                    let notes = capabilities.notes.join("; ");
                    return Err(Problem::unenforceable(format!(
                        "{field}: this machine cannot enforce the limit ({notes}); leave it out, or start the server \
                         with --allow-unenforced-limits"
                    )));
                }
                if !enforced {
                    *limit = None;
                }
            }
        }
        Ok(())
    }

    /// The runtime class in effect: the backend and how it serves the primary image, e.g. `local-host`. Notes in the
    /// specification how each image is served.
    async fn runtime_class(&self, spec: &mut SandboxSpec, plan: &SandboxPlan) -> Result<String, Problem> {
        let runtime = self.supervisor().runtime();
        let mut kind = None;
        for container in &plan.containers {
            let view =
                runtime.resolve_image(&container.image, container.login.as_ref()).await.map_err(
                    |error| match error {
                        RuntimeError::ImageNotFound(text) => Problem::image_not_found(text),
                        RuntimeError::Image(error) => Problem::image(&error),
                        other => {
                            Problem::new(Code::FailedPrecondition, "CWSANDBOX_NO_SUITABLE_RUNNER", other.to_string())
                        }
                    },
                )?;
            spec.annotations.insert(format!("{VIEW}{}", container.name), view.description);
            kind.get_or_insert(view.kind);
        }
        let effective = format!("{}-{}", runtime.name(), kind.unwrap_or_default());
        let asked = &spec.runtime_class;
        if asked.is_empty() || *asked == effective || asked == runtime.name() {
            return Ok(effective);
        }
        let text = format!(
            "sandbox.spec.runtime_class: {asked:?} is not what the primary image is served with here; leave it empty or \
             use {effective:?}"
        );
        Err(Problem::new(Code::FailedPrecondition, "CWSANDBOX_PLACEMENT_CONSTRAINT_UNSATISFIED", text))
    }
}
