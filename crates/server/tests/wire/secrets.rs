//! Secrets reach the environment of the container that names them, and nothing else.

use std::{fs, os::unix::fs::PermissionsExt};

use jetway_server::{
    SecretSource,
    wire::sandbox::{
        Container, CreateSandboxRequest, CreateSecretStoreRequest, DeleteSecretStoreRequest, ExecRequest,
        GetSandboxRequest, GetSecretStoreRequest, ListSecretStoresRequest, SecretMapping, SecretStore,
        SecretStoreProviderType, SecretStoreReference, settings_service_client::SettingsServiceClient,
    },
};
use tonic::Code;

use crate::{
    harness::{create, idle, server, server_in, server_with, sh},
    refusals::{fields, reason},
};

const VALUE: &str = "s3cr3t-value-of-a-test";

fn wants(store: &str, path: &str) -> CreateSandboxRequest {
    let mut request = idle();
    let mapping = SecretMapping { path: path.into(), env_var: "TOKEN".into(), ..Default::default() };
    request.sandbox.as_mut().unwrap().spec.as_mut().unwrap().containers[0].secret_stores =
        vec![SecretStoreReference { store_name: store.into(), secrets: vec![mapping] }];
    request
}

fn registration(name: &str) -> CreateSecretStoreRequest {
    CreateSecretStoreRequest {
        secret_store: Some(SecretStore { name: name.into(), ..Default::default() }),
        ..Default::default()
    }
}

/// Every byte that the server keeps outside of sandboxes' own files.
fn kept(dir: &std::path::Path) -> Vec<u8> {
    let files = fs::read_dir(dir).unwrap().flatten().filter(|entry| entry.file_type().unwrap().is_file());
    files.flat_map(|entry| fs::read(entry.path()).unwrap()).collect()
}

#[tokio::test]
async fn a_secret_is_in_the_environment_and_in_no_answer_and_no_database() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("team-values.json");
    let server = server_in(dir.path(), |config| {
        config.keep_sandboxes = true;
        config.secret_stores = [("team".to_owned(), SecretSource::File(file.clone()))].into();
    })
    .await;
    fs::write(&file, format!("{{\"api\": \"{VALUE}\"}}")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let mut client = server.client();
    let id = create(&mut client, wants("team", "api")).await;
    let output = sh(&mut client, &id, "printf %s $TOKEN").await;
    assert_eq!(output.stdout, VALUE.as_bytes());
    let shown = client.get_sandbox(GetSandboxRequest { sandbox_id: id.clone() }).await.unwrap().into_inner();
    assert!(!format!("{shown:?}").contains(VALUE));
    fs::remove_file(&file).unwrap();
    server.stop().await;
    let held = kept(dir.path());
    assert!(!held.windows(VALUE.len()).any(|bytes| bytes == VALUE.as_bytes()), "the value was kept");

    // The agent kept it: a restarted server finds the sandbox and its environment again.
    let server = server_in(dir.path(), |_| {}).await;
    let output = sh(&mut server.client(), &id, "printf %s $TOKEN").await;
    assert_eq!(output.stdout, VALUE.as_bytes());
    server.stop().await;
}

#[tokio::test]
async fn of_several_containers_the_one_that_names_a_secret_gets_it() {
    let server = server_with(|config| {
        let source = SecretSource::File(config.data_dir.join("team.env"));
        fs::write(config.data_dir.join("team.env"), format!("API={VALUE}\n")).unwrap();
        fs::set_permissions(config.data_dir.join("team.env"), fs::Permissions::from_mode(0o600)).unwrap();
        config.secret_stores = [("team".to_owned(), source)].into();
    })
    .await;
    let mut request = wants("team", "API");
    let containers = &mut request.sandbox.as_mut().unwrap().spec.as_mut().unwrap().containers;
    containers[0].name = "side".into();
    // The plan puts the primary one first, wherever it stands here.
    containers.push(Container { name: "main".into(), primary: Some(true), ..Default::default() });
    let mut client = server.client();
    let id = create(&mut client, request).await;
    for (container, expected) in [("side", VALUE), ("main", "")] {
        let command = ["sh", "-c", "printf %s \"$TOKEN\""].map(str::to_owned).to_vec();
        let (sandbox_id, container) = (id.clone(), container.to_owned());
        let request = ExecRequest { sandbox_id, container, command, ..Default::default() };
        assert_eq!(client.exec(request).await.unwrap().into_inner().stdout, expected.as_bytes());
    }
    server.stop().await;
}

#[tokio::test]
async fn stores_are_registered_by_name_and_have_their_values_in_the_data_directory() {
    let dir = tempfile::tempdir().unwrap();
    let server = server_in(dir.path(), |config| config.ephemeral = true).await;
    let mut settings = SettingsServiceClient::new(server.connection());
    settings.create_secret_store(registration("mine")).await.unwrap();
    let status = settings.create_secret_store(registration("mine")).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::AlreadyExists, "CWSANDBOX_SECRET_STORE_EXISTS"));
    let listed = settings.list_secret_stores(ListSecretStoresRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.secret_stores.len(), 1);

    let mut client = server.client();
    let status = client.create_sandbox(wants("mine", "API")).await.unwrap_err();
    assert_eq!(fields(&status), ["sandbox.spec.containers[0].secret_stores[0].secrets[0].path"]);
    fs::create_dir_all(dir.path().join("secrets")).unwrap();
    let file = dir.path().join("secrets/mine.env");
    fs::write(&file, format!("API={VALUE}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let id = create(&mut client, wants("mine", "API")).await;
    assert_eq!(sh(&mut client, &id, "printf %s $TOKEN").await.stdout, VALUE.as_bytes());

    let delete = |allow_missing| DeleteSecretStoreRequest { name: "mine".into(), allow_missing };
    settings.delete_secret_store(delete(false)).await.unwrap();
    settings.delete_secret_store(delete(true)).await.unwrap();
    assert_eq!(settings.delete_secret_store(delete(false)).await.unwrap_err().code(), Code::NotFound);
    let status = settings.get_secret_store(GetSecretStoreRequest { name: "mine".into() }).await.unwrap_err();
    assert_eq!(reason(&status), "CWSANDBOX_SECRET_STORE_NOT_FOUND");
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_a_store_or_a_secret_is_refused_by_its_field() {
    let server = server().await;
    let mut settings = SettingsServiceClient::new(server.connection());
    let status = settings.create_secret_store(registration("../x")).await.unwrap_err();
    assert_eq!(fields(&status), ["secret_store.name"]);
    let mut hosted = registration("team");
    hosted.secret_store.as_mut().unwrap().set_provider_type(SecretStoreProviderType::Wandb);
    let status = settings.create_secret_store(hosted).await.unwrap_err();
    assert_eq!(reason(&status), "CWSANDBOX_NOT_IMPLEMENTED");
    let status = server.client().create_sandbox(wants("nowhere", "x")).await.unwrap_err();
    assert_eq!(fields(&status), ["sandbox.spec.containers[0].secret_stores[0].store_name"]);
    server.stop().await;
}
