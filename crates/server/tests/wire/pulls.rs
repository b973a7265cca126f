//! Images from a registry: whole or not at all, each layer fetched once, and only for those whom the registry lets in.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use jetway_server::{
    Pull, SecretSource, ServerConfig,
    wire::sandbox::{
        CreateSandboxFromFileRequest, CreateSandboxRequest, GetSandboxRequest, ImagePullCredentials, SandboxFileType,
        SecretSource as Named, State,
    },
};
use serde_json::json;
use tonic::Code;

use crate::{
    harness::{create, idle, server_in, server_with, sh, wait_for},
    refusals::{fields, reason},
    registry::{PASSWORD, USER, digest, file, layer, packed, registry, tools},
};

fn on(image: &str) -> CreateSandboxRequest {
    let mut request = idle();
    let container = &mut request.sandbox.as_mut().unwrap().spec.as_mut().unwrap().containers[0];
    image.clone_into(&mut container.image);
    request
}

fn with(image: &str, registry: &str, path: &str) -> CreateSandboxRequest {
    let mut request = on(image);
    let credentials = Some(Named { store_name: "team".into(), path: path.into(), ..Default::default() });
    request.sandbox.as_mut().unwrap().spec.as_mut().unwrap().containers[0].image_pull_credentials =
        Some(ImagePullCredentials { registry: registry.into(), credentials });
    request
}

fn fetching(config: &mut ServerConfig) {
    config.pull = Pull::Missing;
}

/// How many layers there are.
fn layers(data_dir: &Path) -> usize {
    fs::read_dir(data_dir.join("images/layers")).unwrap().count()
}

#[tokio::test]
async fn an_image_comes_whole_and_what_is_here_is_not_fetched_again() {
    let Some((registry, busybox)) = registry(false) else { return };
    let mut low = tools(&busybox);
    file(&mut low, "gone", b"x");
    file(&mut low, "dir/old", b"x");
    file(&mut low, "kept", b"low");
    let low = packed(low);
    let mut high = layer();
    file(&mut high, ".wh.gone", b"");
    file(&mut high, "dir/.wh..wh..opq", b"");
    file(&mut high, "dir/new", b"x");
    let config = json!({ "Env": ["GREETING=hello", "PATH=/bin"], "WorkingDir": "/dir" });
    registry.push("team/app:1", &[low.clone(), packed(high)], config.clone(), None).await;
    let mut other = layer();
    file(&mut other, "only-in-two", b"2");
    let two = registry.push("team/app:2", &[low.clone(), packed(other)], config, None).await;

    let dir = tempfile::tempdir().unwrap();
    let server = server_in(dir.path(), |config| {
        config.ephemeral = true;
        fetching(config);
    })
    .await;
    let mut client = server.client();
    let name = registry.name("team/app:1");
    let id = create(&mut client, on(&name)).await;
    let output = sh(&mut client, &id, "ls /gone; ls /dir; cat /kept; printf ' %s %s' $GREETING $PWD").await;
    assert_eq!(String::from_utf8_lossy(&output.stdout), "new\nlow hello /dir");
    let shown = client.get_sandbox(GetSandboxRequest { sandbox_id: id }).await.unwrap().into_inner();
    let view = &shown.spec.unwrap().annotations["jetway.dev/image.main"];
    assert!(view.contains(&name), "{view}");
    assert_eq!(shown.status.unwrap().effective_runtime_class, "local-image");
    assert_eq!(layers(dir.path()), 2);

    // The layer that both have is here: the registry need not have it any more.
    fs::remove_file(registry.blob(&digest(&low))).unwrap();
    let pinned = format!("{}@{two}", registry.name("team/app"));
    let id = create(&mut client, on(&pinned)).await;
    assert_eq!(sh(&mut client, &id, "cat /only-in-two /gone").await.stdout, b"2x"[..]);
    assert_eq!(layers(dir.path()), 3);

    // And an image that is here needs no registry at all.
    drop(registry);
    let id = create(&mut client, on(&name)).await;
    assert_eq!(sh(&mut client, &id, "cat /kept").await.stdout, b"low"[..]);
    server.stop().await;
}

#[tokio::test]
async fn of_an_image_for_many_machines_this_ones_is_taken() {
    let Some((registry, busybox)) = registry(false) else { return };
    let manifest = registry.push("app:own", &[packed(tools(&busybox))], json!({}), None).await;
    let size = fs::metadata(registry.blob(&manifest)).unwrap().len();
    registry.push_index("app:all", &manifest, size as usize).await;
    let server = server_with(fetching).await;
    let mut client = server.client();
    let id = create(&mut client, on(&registry.name("app:all"))).await;
    assert_eq!(sh(&mut client, &id, "printf here").await.stdout, b"here"[..]);
    server.stop().await;
}

#[tokio::test]
async fn what_is_not_what_its_digest_says_is_refused_and_leaves_nothing() {
    let Some((registry, busybox)) = registry(false) else { return };
    let base = packed(tools(&busybox));
    registry.push("liar:1", std::slice::from_ref(&base), json!({}), Some(vec![digest(b"something else")])).await;
    registry.push("bent:1", std::slice::from_ref(&base), json!({}), None).await;
    let dir = tempfile::tempdir().unwrap();
    let server = server_in(dir.path(), |config| {
        config.ephemeral = true;
        fetching(config);
    })
    .await;
    let mut client = server.client();
    let id = create(&mut client, on(&registry.name("liar:1"))).await;
    let failed = wait_for(&mut client, &id, State::Failed).await.status.unwrap();
    assert!(failed.state_reason.contains("is not what its digest says"), "{}", failed.state_reason);
    // One byte of the blob changes on the registry's disk.
    let path = registry.blob(&digest(&base));
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let id = create(&mut client, on(&registry.name("bent:1"))).await;
    let failed = wait_for(&mut client, &id, State::Failed).await.status.unwrap();
    assert!(failed.state_reason.contains("could not start"), "{}", failed.state_reason);
    assert_eq!(layers(dir.path()), 0);

    let missing = client.create_sandbox(on(&registry.name("bent:2"))).await.unwrap_err();
    assert_eq!((missing.code(), reason(&missing).as_str()), (Code::NotFound, "CWSANDBOX_IMAGE_NOT_FOUND"));
    server.stop().await;
}

#[tokio::test]
async fn a_registry_with_a_door_opens_to_credentials_of_a_secret_store_or_of_docker_login() {
    let Some((registry, busybox)) = registry(true) else { return };
    for tag in ["secret", "fields", "file", "compose"] {
        let mut own = tools(&busybox);
        file(&mut own, "name", tag.as_bytes());
        registry.push(&format!("app:{tag}"), &[packed(own)], json!({ "Env": ["PATH=/bin"] }), None).await;
    }
    let dir = tempfile::tempdir().unwrap();
    let secrets = dir.path().join("team-values.json");
    let values = json!({
        "pair": format!("{USER}:{PASSWORD}"), "both": { "username": USER, "password": PASSWORD }, "wrong": "reader:no",
    });
    fs::write(&secrets, values.to_string()).unwrap();
    fs::set_permissions(&secrets, fs::Permissions::from_mode(0o600)).unwrap();
    let docker = dir.path().join("docker.json");
    let server = server_in(&dir.path().join("data"), |config| {
        fetching(config);
        config.secret_stores = [("team".to_owned(), SecretSource::File(secrets))].into();
        config.docker_config = Some(docker.clone());
    })
    .await;
    let mut client = server.client();
    let name = |tag: &str| registry.name(&format!("app:{tag}"));
    for request in [on(&name("secret")), with(&name("secret"), "", "wrong")] {
        let denied = client.create_sandbox(request).await.unwrap_err();
        assert_eq!(
            (denied.code(), reason(&denied).as_str()),
            (Code::FailedPrecondition, "CWSANDBOX_IMAGE_PULL_DENIED")
        );
        assert!(denied.message().contains(&registry.address), "{}", denied.message());
    }
    for (request, field) in [
        (with(&name("secret"), "elsewhere.example", "pair"), "registry"),
        (with(&name("secret"), "", "nothing"), "credentials.path"),
    ] {
        let status = client.create_sandbox(request).await.unwrap_err();
        assert_eq!(fields(&status), [format!("sandbox.spec.containers[0].image_pull_credentials.{field}")]);
    }
    for (tag, path) in [("secret", "pair"), ("fields", "both")] {
        let id = create(&mut client, with(&name(tag), &registry.address, path)).await;
        assert_eq!(sh(&mut client, &id, "cat /name").await.stdout, tag.as_bytes());
    }
    let compose = format!("services:\n  only:\n    image: {}\n    command: [sleep, '3600']\n", name("compose"));
    let credentials = Named { store_name: "team".into(), path: "pair".into(), ..Default::default() };
    let request = CreateSandboxFromFileRequest {
        r#type: SandboxFileType::Compose.into(),
        contents: compose.into(),
        image_pull_credentials: vec![ImagePullCredentials {
            registry: registry.address.clone(),
            credentials: Some(credentials),
        }],
        ..Default::default()
    };
    let id = client.create_sandbox_from_file(request).await.unwrap().into_inner().sandbox_id;
    assert_eq!(sh(&mut client, &id, "cat /name").await.stdout, b"compose"[..]);

    // As `docker login` writes it.
    let auth = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{USER}:{PASSWORD}"));
    let logins = json!({ "auths": { &registry.address: { "auth": auth } } });
    fs::write(&docker, logins.to_string()).unwrap();
    let id = create(&mut client, on(&name("file"))).await;
    assert_eq!(sh(&mut client, &id, "cat /name").await.stdout, b"file"[..]);
    server.stop().await;
    let database = fs::read_dir(dir.path().join("data")).unwrap().flatten().filter(|entry| entry.path().is_file());
    let kept: Vec<u8> = database.flat_map(|entry| fs::read(entry.path()).unwrap()).collect();
    assert!(!kept.windows(PASSWORD.len()).any(|bytes| bytes == PASSWORD.as_bytes()), "the password was kept");
}
