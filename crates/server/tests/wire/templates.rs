//! Templates: kept, changed, hidden, and what a sandbox made from one is.

use std::collections::BTreeMap;

use jetway_server::wire::sandbox::{
    CreateSandboxFromTemplateRequest, CreateSandboxTemplateRequest, DeleteSandboxTemplateRequest,
    GetSandboxTemplateRequest, ListSandboxTemplatesRequest, PartialContainer, PartialSandboxSpec, SandboxTemplate,
    UpdateSandboxTemplateRequest, sandbox_template_service_client::SandboxTemplateServiceClient,
};
use prost_types::FieldMask;
use tonic::Code;

use crate::{
    harness::{server, server_in, sh},
    refusals::{fields, reason},
};

fn container(variables: &[(&str, &str)]) -> PartialContainer {
    let variables: BTreeMap<_, _> = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    PartialContainer { environment_variables: variables, ..Default::default() }
}

fn spec(container: PartialContainer, tag: &str) -> PartialSandboxSpec {
    PartialSandboxSpec { containers: vec![container], tags: vec![tag.into()], ..Default::default() }
}

fn new(name: &str, request_id: &str) -> CreateSandboxTemplateRequest {
    let spec = Some(spec(container(&[("A", "template"), ("B", "template")]), "from-template"));
    let template = SandboxTemplate { display_name: name.into(), spec, ..Default::default() };
    CreateSandboxTemplateRequest { sandbox_template: Some(template), request_id: request_id.into() }
}

#[tokio::test]
async fn a_sandbox_from_a_template_has_its_fields_and_the_overrides() {
    let server = server().await;
    let mut templates = SandboxTemplateServiceClient::new(server.connection());
    let template = templates.create_sandbox_template(new("t", "")).await.unwrap().into_inner();
    assert_eq!((template.revision, template.deleted, template.requires_cks), (1, false, false));
    let request = CreateSandboxFromTemplateRequest {
        template_id: template.sandbox_template_id,
        overrides: Some(spec(container(&[("B", "request")]), "overridden")),
        display_name: "mine".into(),
        ..Default::default()
    };
    let mut client = server.client();
    let made = client.create_sandbox_from_template(request).await.unwrap().into_inner();
    assert_eq!((made.display_name.as_str(), made.spec.unwrap().tags), ("mine", vec!["overridden".to_owned()]));
    let output = sh(&mut client, &made.sandbox_id, "echo $A $B").await;
    assert_eq!(output.stdout, b"template request\n".as_slice());
    server.stop().await;
}

#[tokio::test]
async fn templates_survive_a_restart_and_a_replayed_request_makes_one() {
    let dir = tempfile::tempdir().unwrap();
    let first = server_in(dir.path(), |_| {}).await;
    let mut templates = SandboxTemplateServiceClient::new(first.connection());
    let made = templates.create_sandbox_template(new("t", "r-1")).await.unwrap().into_inner();
    first.stop().await;
    let second = server_in(dir.path(), |_| {}).await;
    let mut templates = SandboxTemplateServiceClient::new(second.connection());
    assert_eq!(templates.create_sandbox_template(new("t", "r-1")).await.unwrap().into_inner(), made);
    let status = templates.create_sandbox_template(new("other", "r-1")).await.unwrap_err();
    assert_eq!(reason(&status), "CWSANDBOX_REQUEST_ID_CONFLICT");
    let all = templates.list_sandbox_templates(ListSandboxTemplatesRequest::default()).await.unwrap().into_inner();
    assert_eq!(all.sandbox_templates, [made]);
    second.stop().await;
}

#[tokio::test]
async fn an_update_changes_what_its_mask_names_and_a_deleted_template_is_hidden() {
    let server = server().await;
    let mut templates = SandboxTemplateServiceClient::new(server.connection());
    let id = templates.create_sandbox_template(new("old", "")).await.unwrap().into_inner().sandbox_template_id;
    let update = |paths: &[&str]| UpdateSandboxTemplateRequest {
        sandbox_template_id: id.clone(),
        sandbox_template: Some(SandboxTemplate { display_name: "new".into(), ..Default::default() }),
        update_mask: Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() }),
    };
    let changed = templates.update_sandbox_template(update(&["display_name"])).await.unwrap().into_inner();
    assert_eq!((changed.display_name.as_str(), changed.revision), ("new", 2));
    assert!(changed.spec.is_some(), "only the name was to change");
    let status = templates.update_sandbox_template(update(&["revision"])).await.unwrap_err();
    assert_eq!(fields(&status), ["update_mask"]);
    // A template without a specification is none, whichever way it came about.
    let status = templates.update_sandbox_template(update(&["spec"])).await.unwrap_err();
    assert_eq!(fields(&status), ["sandbox_template.spec"]);

    let delete = DeleteSandboxTemplateRequest { sandbox_template_id: id.clone() };
    templates.delete_sandbox_template(delete.clone()).await.unwrap();
    let get = |show_deleted| GetSandboxTemplateRequest { sandbox_template_id: id.clone(), show_deleted };
    let status = templates.get_sandbox_template(get(false)).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "CWSANDBOX_TEMPLATE_NOT_FOUND"));
    assert!(templates.get_sandbox_template(get(true)).await.unwrap().into_inner().delete_time.is_some());
    assert_eq!(templates.delete_sandbox_template(delete).await.unwrap_err().code(), Code::NotFound);
    let request = CreateSandboxFromTemplateRequest { template_id: id.clone(), ..Default::default() };
    let status = server.client().create_sandbox_from_template(request).await.unwrap_err();
    assert!(status.message().contains("was deleted"), "{}", status.message());
    server.stop().await;
}

#[tokio::test]
async fn templates_come_in_pages_the_newest_first() {
    let server = server().await;
    let mut templates = SandboxTemplateServiceClient::new(server.connection());
    for name in ["a", "b", "c"] {
        templates.create_sandbox_template(new(name, "")).await.unwrap();
    }
    let mut request = ListSandboxTemplatesRequest { page_size: 2, ..Default::default() };
    let mut names = Vec::new();
    loop {
        let page = templates.list_sandbox_templates(request.clone()).await.unwrap().into_inner();
        names.extend(page.sandbox_templates.into_iter().map(|template| template.display_name));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(names, ["c", "b", "a"]);
    request.page_token = "?".into();
    assert_eq!(fields(&templates.list_sandbox_templates(request).await.unwrap_err()), ["page_token"]);
    server.stop().await;
}
