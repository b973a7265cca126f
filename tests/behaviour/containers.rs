//! Sandboxes with several containers, from options and from compose files, and when they count as running.

use jetway::{
    ErrorKind, ExecOptions, Sandbox, SandboxOptions,
    sandbox::{ComposeFile, ContainerOptions, Gpu, ImagePullCredentials, LogOptions, Probe, Resources, VolumeOptions},
};

use crate::support::Site;

/// `app` comes once `store` is healthy.
const FILE: &str = r#"
services:
  store:
    image: host
    command: [sh, -c, "sleep 0.3; touch /tmp/there; exec sleep infinity"]
    healthcheck: { test: [CMD, test, -e, /tmp/there], interval: 1s, timeout: 20s, retries: 60 }
  app:
    image: host
    command: [sh, -c, "echo started $$WHO; exec sleep infinity"]
    environment: { WHO: app }
    depends_on: { store: { condition: service_healthy } }
"#;

async fn said(sandbox: &Sandbox, container: Option<&str>, script: &str) -> String {
    let mut options = ExecOptions::default();
    options.container = container.map(str::to_owned);
    sandbox.exec(["sh", "-c", script], options).await.unwrap().stdout_text().into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_files_and_logs_are_a_containers_own_and_volumes_are_shared() {
    let site = Site::open().await;
    let helper = ContainerOptions::new("helper")
        .command(["sh", "-c", "echo from $WHO; exec sleep infinity"])
        .env("WHO", "helper")
        .mounted_file("/tmp/mounted", "a file")
        .volume_mount("shared", "/mnt/shared");
    let options = SandboxOptions::new()
        .container(ContainerOptions::new("app").env("WHO", "app").cwd("/tmp").primary(true))
        .container(helper)
        .volume(VolumeOptions::scratch("/shared").name("shared"));
    let sandbox = Sandbox::create(&site.client, options).await.unwrap();
    for container in [None, Some("app")] {
        assert_eq!(said(&sandbox, container, "echo $WHO $PWD").await, "app /tmp\n");
    }
    assert_eq!(said(&sandbox, Some("helper"), "echo $WHO; cat /tmp/mounted").await, "helper\na file");
    let helpers = sandbox.files().container("helper");
    helpers.write("/tmp/own", "helper's").await.unwrap();
    assert!(!sandbox.files().exists("/tmp/own").await.unwrap());
    assert_eq!(helpers.read("/tmp/own").await.unwrap(), "helper's");
    sandbox.write_file("/shared/both", "seen").await.unwrap();
    assert_eq!(helpers.read("/mnt/shared/both").await.unwrap(), "seen");
    let mut log = sandbox.logs(LogOptions::default().container("helper").follow(true)).await.unwrap();
    assert_eq!(log.next().await.unwrap().unwrap().data, "from helper\n");
    let unknown = sandbox.exec(["true"], ExecOptions::default().container("nobody")).await.unwrap_err();
    assert!(unknown.message().contains("app, helper"), "{unknown:?}");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_startup_probe_decides_when_a_sandbox_runs_and_one_that_never_passes_fails_it() {
    let site = Site::open().await;
    let options = SandboxOptions::new().command(["sh", "-c", "sleep 0.5; touch /tmp/there; exec sleep infinity"]);
    let passing = options.clone().startup_probe(Probe::new(["test", "-e", "/tmp/there"]));
    let sandbox = Sandbox::create(&site.client, passing).await.unwrap();
    assert!(sandbox.files().exists("/tmp/there").await.unwrap());
    let never = Probe::new(["false"]).failure_threshold(1);
    let error = Sandbox::create(&site.client, options.startup_probe(never)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SandboxFailed, "{error:?}");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compose_file_becomes_a_sandbox_with_its_services() {
    let site = Site::open().await;
    let options = SandboxOptions::new().tag("from-a-file").display_name("file");
    let sandbox = Sandbox::from_file(&site.client, ComposeFile::new(FILE).primary_service("app"), options);
    assert_eq!(said(&sandbox, None, "echo $WHO").await, "app\n");
    assert_eq!(said(&sandbox, Some("store"), "ls /tmp/there").await, "/tmp/there\n");
    let info = sandbox.info();
    assert_eq!((info.tags, info.display_name.as_deref()), (vec!["from-a-file".to_owned()], Some("file")));
    let wrong = Sandbox::from_file(&site.client, ComposeFile::new("services: {}"), SandboxOptions::new());
    assert_eq!(wrong.start().await.unwrap_err().kind(), ErrorKind::SandboxValidation);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gpus_and_pull_credentials_are_asked_for_and_what_this_server_has_not_is_said() {
    let site = Site::open().await;
    let gpu = Gpu::new(2).kind("A100");
    let options = SandboxOptions::new().resources(Resources::default().gpu(gpu));
    let error = Sandbox::create(&site.client, options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSupported, "{error:?}");
    assert!(error.message().contains("resource_requirements.requests.gpu"), "{error:?}");
    let credentials =
        ImagePullCredentials { registry: "ghcr.io".into(), store: "tests".into(), path: "API".into(), field: None };
    let options = SandboxOptions::new().image_pull_credentials(credentials);
    let error = Sandbox::create(&site.client, options).await.unwrap_err();
    // The image is from another registry, to which these are not shown.
    assert_eq!(error.kind(), ErrorKind::SandboxValidation, "{error:?}");
    assert!(error.message().contains("image_pull_credentials.registry"), "{error:?}");
    site.close().await;
}
