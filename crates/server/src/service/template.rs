//! SandboxTemplateService, and CreateSandbox from a template. Templates are kept until they are deleted, and then
//! hidden, so that a name that somebody still holds says what became of it.

use std::time::SystemTime;

use prost::Message;
use prost_types::FieldMask;
use sha2::{Digest, Sha256};
use tonic::{Code, Request, Response, Status};

use super::{Api, Problem, pages, template_merge, view};
use crate::{
    identity,
    store::{Insertion, NewDocument},
    wire::sandbox::{
        self as wire, PartialSandboxSpec, SandboxMode, SandboxTemplate,
        sandbox_template_service_server::SandboxTemplateService,
    },
};

const KIND: &str = "template";
/// Files and attachments included.
const MAX_TEMPLATE_BYTES: usize = 8 << 20;
const MAX_NAME: usize = 256;

impl Api {
    /// Accepts a sandbox that a template describes.
    pub(super) async fn accept_from_template(
        &self,
        request: wire::CreateSandboxFromTemplateRequest,
    ) -> Result<wire::Sandbox, Problem> {
        let wire::CreateSandboxFromTemplateRequest { template_id, overrides, request_id, display_name } = request;
        let template = self.template(&template_id, false).await?;
        let merged = template_merge::merge(template.spec.unwrap_or_default(), overrides.unwrap_or_default())?;
        let sandbox =
            wire::Sandbox { spec: Some(template_merge::complete(merged)), display_name, ..Default::default() };
        self.accept(wire::CreateSandboxRequest { sandbox: Some(sandbox), request_id }).await
    }

    async fn template(&self, id: &str, show_deleted: bool) -> Result<SandboxTemplate, Problem> {
        if id.is_empty() {
            return Err(Problem::field("sandbox_template_id", "must not be empty"));
        }
        let template = self.store().document(KIND, id).await?.map(|body| decode(&body)).transpose()?;
        match template {
            Some(template) if show_deleted || !template.deleted => Ok(template),
            Some(_) => Err(not_found(id, "was deleted")),
            None => Err(not_found(id, "was never stored here")),
        }
    }

    /// Reads, changes and writes a template that is not deleted.
    async fn change_template(
        &self,
        id: String,
        change: impl FnOnce(&mut SandboxTemplate) -> Result<(), Problem> + Send + 'static,
    ) -> Result<SandboxTemplate, Problem> {
        let key = id.clone();
        let body = self.store().change_document(KIND, &key, move |body| {
            let mut template = decode(&body.ok_or_else(|| not_found(&id, "was never stored here"))?)?;
            if template.deleted {
                return Err(not_found(&id, "was deleted"));
            }
            change(&mut template)?;
            template.revision += 1;
            template.update_time = Some(view::timestamp(SystemTime::now()));
            Ok(template.encode_to_vec())
        });
        decode(&body.await??)
    }
}

#[tonic::async_trait]
impl SandboxTemplateService for Api {
    async fn create_sandbox_template(
        &self,
        request: Request<wire::CreateSandboxTemplateRequest>,
    ) -> Result<Response<SandboxTemplate>, Status> {
        let wire::CreateSandboxTemplateRequest { sandbox_template, request_id } = request.into_inner();
        let asked = sandbox_template.ok_or_else(|| Problem::field("sandbox_template", "must be set"))?;
        check(&asked)?;
        let request_digest = Sha256::digest(asked.encode_to_vec()).to_vec();
        let now = Some(view::timestamp(SystemTime::now()));
        let template = SandboxTemplate {
            sandbox_template_id: identity::uuid_text().map_err(|error| Problem::io("making an id", &error))?,
            requires_cks: requires_cks(asked.spec.as_ref()),
            display_name: asked.display_name,
            spec: asked.spec,
            attachments: asked.attachments,
            revision: 1,
            create_time: now,
            update_time: now,
            delete_time: None,
            create_user_id: "local".to_owned(),
            deleted: false,
        };
        let id = template.sandbox_template_id.clone();
        let body = template.encode_to_vec();
        let new = NewDocument { kind: KIND, id, request_id: request_id.clone(), request_digest, body };
        match self.store().add_document(new).await.map_err(Problem::from)? {
            Insertion::Added => Ok(Response::new(template)),
            Insertion::Replay(body) => Ok(Response::new(decode(&body)?)),
            Insertion::RequestIdConflict | Insertion::Taken => {
                Err(Problem::request_id_conflict(&request_id, "a template").into())
            }
        }
    }

    async fn get_sandbox_template(
        &self,
        request: Request<wire::GetSandboxTemplateRequest>,
    ) -> Result<Response<SandboxTemplate>, Status> {
        let wire::GetSandboxTemplateRequest { sandbox_template_id, show_deleted } = request.into_inner();
        Ok(Response::new(self.template(&sandbox_template_id, show_deleted).await?))
    }

    async fn list_sandbox_templates(
        &self,
        request: Request<wire::ListSandboxTemplatesRequest>,
    ) -> Result<Response<wire::ListSandboxTemplatesResponse>, Status> {
        let wire::ListSandboxTemplatesRequest { page_size, page_token, show_deleted } = request.into_inner();
        let mut all = Vec::new();
        for body in self.store().documents(KIND).await.map_err(Problem::from)? {
            let template = decode(&body)?;
            if show_deleted || !template.deleted {
                all.push((newest_first(&template), template));
            }
        }
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        let (sandbox_templates, next_page_token) = pages::page(all, page_size, &page_token)?;
        Ok(Response::new(wire::ListSandboxTemplatesResponse { sandbox_templates, next_page_token }))
    }

    async fn update_sandbox_template(
        &self,
        request: Request<wire::UpdateSandboxTemplateRequest>,
    ) -> Result<Response<SandboxTemplate>, Status> {
        let wire::UpdateSandboxTemplateRequest { sandbox_template_id, sandbox_template, update_mask } =
            request.into_inner();
        let new = sandbox_template.ok_or_else(|| Problem::field("sandbox_template", "must be set"))?;
        let paths = paths(&new, update_mask)?;
        let changed = self.change_template(sandbox_template_id, move |template| {
            for path in paths {
                match path.as_str() {
                    "display_name" => template.display_name.clone_from(&new.display_name),
                    "attachments" => template.attachments.clone_from(&new.attachments),
                    _ => template.spec.clone_from(&new.spec),
                }
            }
            template.requires_cks = requires_cks(template.spec.as_ref());
            check(template)
        });
        Ok(Response::new(changed.await?))
    }

    async fn delete_sandbox_template(
        &self,
        request: Request<wire::DeleteSandboxTemplateRequest>,
    ) -> Result<Response<()>, Status> {
        let deleted = self.change_template(request.into_inner().sandbox_template_id, |template| {
            template.deleted = true;
            template.delete_time = Some(view::timestamp(SystemTime::now()));
            Ok(())
        });
        deleted.await?;
        Ok(Response::new(()))
    }
}

/// The fields to change; `spec`, `display_name` or `attachments`.
fn paths(new: &SandboxTemplate, mask: Option<FieldMask>) -> Result<Vec<String>, Problem> {
    let named = mask.map(|mask| mask.paths).unwrap_or_default();
    if let Some(odd) = named.iter().find(|path| !["display_name", "spec", "attachments"].contains(&path.as_str())) {
        let fix = format!("{odd:?} cannot be changed; name display_name, spec or attachments");
        return Err(Problem::field("update_mask", fix));
    }
    if !named.is_empty() {
        return Ok(named);
    }
    let set = [
        ("display_name", !new.display_name.is_empty()),
        ("spec", new.spec.is_some()),
        ("attachments", new.attachments.is_some()),
    ];
    Ok(set.into_iter().filter(|(_, set)| *set).map(|(name, _)| name.to_owned()).collect())
}

fn check(template: &SandboxTemplate) -> Result<(), Problem> {
    if template.spec.is_none() {
        return Err(Problem::field("sandbox_template.spec", "must be set"));
    }
    if template.display_name.len() > MAX_NAME || template.display_name.contains(char::is_control) {
        let fix = format!("must have at most {MAX_NAME} bytes and no control characters");
        return Err(Problem::field("sandbox_template.display_name", fix));
    }
    let size = template.encoded_len();
    if size > MAX_TEMPLATE_BYTES {
        let fix = format!("has {size} bytes, at most {MAX_TEMPLATE_BYTES} are kept; write large files after the start");
        return Err(Problem::field("sandbox_template", fix));
    }
    Ok(())
}

fn requires_cks(spec: Option<&PartialSandboxSpec>) -> bool {
    spec.is_some_and(|spec| !spec.runner_ids.is_empty() || spec.mode() == SandboxMode::Cks)
}

/// Sorts by creation, the newest first; the id breaks ties.
fn newest_first(template: &SandboxTemplate) -> String {
    let created = template.create_time.unwrap_or_default();
    let nanos = i128::from(created.seconds) * 1_000_000_000 + i128::from(created.nanos);
    format!("{:032} {}", i128::from(i64::MAX) * 1_000_000_000 - nanos, template.sandbox_template_id)
}

fn decode(body: &[u8]) -> Result<SandboxTemplate, Problem> {
    SandboxTemplate::decode(body).map_err(|error| Problem::unreadable("a template", &error))
}

fn not_found(id: &str, why: &str) -> Problem {
    let text = format!("there is no template {id:?}: it {why}; list them, or store it with CreateSandboxTemplate");
    Problem::new(Code::NotFound, "CWSANDBOX_TEMPLATE_NOT_FOUND", text).with("sandbox_template_id", id)
}
