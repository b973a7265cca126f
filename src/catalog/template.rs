//! Stored specifications that sandboxes are made from. Must not know: how a sandbox is created.

use std::time::SystemTime;

use super::{given, named, pages};
use crate::{
    client::{self, CallOptions, Client},
    error::Error,
    sandbox::{SandboxOptions, TemplateSpec, template_spec, time},
    wire,
};

/// A stored specification, as the server has it.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Template {
    /// Its id, which [`SandboxOptions::template`] takes.
    pub id: String,
    /// The name people see.
    pub display_name: Option<String>,
    /// What its sandboxes are asked for.
    pub spec: TemplateSpec,
    /// Grows by one with each change.
    pub revision: i64,
    /// When it was stored.
    pub created_at: Option<SystemTime>,
    /// When it was changed last.
    pub updated_at: Option<SystemTime>,
    /// When it was deleted.
    pub deleted_at: Option<SystemTime>,
    /// Its sandboxes need one's own runners.
    pub requires_cks: bool,
}

/// What to change of a template; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct TemplateChanges {
    /// The name people see.
    pub display_name: Option<String>,
    /// What its sandboxes are asked for: replaces the whole of it.
    pub sandbox: Option<SandboxOptions>,
}

impl TemplateChanges {
    /// Sets the name people see.
    pub fn display_name(mut self, name: impl Into<String>) -> Self {
        self.display_name = Some(name.into());
        self
    }

    /// Sets what its sandboxes are asked for.
    pub fn sandbox(mut self, options: SandboxOptions) -> Self {
        self.sandbox = Some(options);
        self
    }
}

impl Template {
    /// Stores a template. `options` are those of a sandbox; its `display_name` is the template's.
    ///
    /// # Errors
    /// Validation for wrong options; as any call.
    pub async fn create(client: &Client, options: SandboxOptions) -> Result<Self, Error> {
        let display_name = options.display_name.clone().unwrap_or_default();
        let spec = Some(template_spec(options)?);
        let template = wire::SandboxTemplate { display_name, spec, ..Default::default() };
        let request =
            wire::CreateSandboxTemplateRequest { sandbox_template: Some(template), request_id: client::request_id()? };
        client.create_template(request, &CallOptions::default()).await.map(Self::from_wire)
    }

    /// The template with this id; with `show_deleted` also one that was deleted.
    ///
    /// # Errors
    /// Not found; as any call.
    pub async fn get(client: &Client, id: &str, show_deleted: bool) -> Result<Self, Error> {
        named("templateId", id)?;
        let request = wire::GetSandboxTemplateRequest { sandbox_template_id: id.to_owned(), show_deleted };
        client.get_template(request, &CallOptions::default()).await.map(Self::from_wire)
    }

    /// Every template, the newest first.
    ///
    /// # Errors
    /// As any call.
    pub async fn list(client: &Client, show_deleted: bool) -> Result<Vec<Self>, Error> {
        let found = pages::all(|page_token| async move {
            let request = wire::ListSandboxTemplatesRequest { page_token, show_deleted, page_size: 0 };
            let page = client.list_templates(request, &CallOptions::default()).await?;
            Ok((page.sandbox_templates, page.next_page_token))
        });
        Ok(found.await?.into_iter().map(Self::from_wire).collect())
    }

    /// Changes a template. Sandboxes that were made from it stay as they are.
    ///
    /// # Errors
    /// Validation for wrong options or no change; not found; as any call.
    pub async fn update(client: &Client, id: &str, changes: TemplateChanges) -> Result<Self, Error> {
        named("templateId", id)?;
        let TemplateChanges { display_name, sandbox } = changes;
        let mut paths = Vec::new();
        let mut template = wire::SandboxTemplate::default();
        if let Some(name) = display_name {
            paths.push("display_name".to_owned());
            template.display_name = name;
        }
        if let Some(options) = sandbox {
            paths.push("spec".to_owned());
            template.spec = Some(template_spec(options)?);
        }
        if paths.is_empty() {
            return Err(Error::invalid("changes", "must change something: the display name, or the sandbox options"));
        }
        let request = wire::UpdateSandboxTemplateRequest {
            sandbox_template_id: id.to_owned(),
            sandbox_template: Some(template),
            update_mask: Some(prost_types::FieldMask { paths }),
        };
        client.update_template(request, &CallOptions::default()).await.map(Self::from_wire)
    }

    /// Deletes a template. It stays visible to `show_deleted`.
    ///
    /// # Errors
    /// Not found; as any call.
    pub async fn delete(client: &Client, id: &str) -> Result<(), Error> {
        named("templateId", id)?;
        let request = wire::DeleteSandboxTemplateRequest { sandbox_template_id: id.to_owned() };
        client.delete_template(request, &CallOptions::default()).await
    }

    fn from_wire(template: wire::SandboxTemplate) -> Self {
        Self {
            id: template.sandbox_template_id,
            display_name: given(template.display_name),
            spec: TemplateSpec::from_wire(template.spec.unwrap_or_default()),
            revision: template.revision,
            created_at: template.create_time.and_then(time),
            updated_at: template.update_time.and_then(time),
            deleted_at: template.delete_time.and_then(time),
            requires_cks: template.requires_cks,
        }
    }
}
