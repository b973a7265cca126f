//! Templates, secret stores and runners.

use jetway::{
    ErrorKind, ExecOptions, Sandbox, SandboxOptions,
    catalog::{Runner, RunnerFilter, SecretStore, SecretStoreOptions, Template, TemplateChanges},
};

use crate::support::{Site, field};

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_from_a_template_has_its_options_and_ones_own_win() {
    let site = Site::open().await;
    let options = SandboxOptions::new().display_name("base").env("A", "template").env("B", "template").cwd("/tmp");
    let template = Template::create(&site.client, options).await.unwrap();
    assert_eq!((template.display_name.as_deref(), template.revision), (Some("base"), 1));
    assert_eq!(template.spec.env["A"], "template");
    let own = SandboxOptions::new().template(&template.id).env("B", "own");
    let sandbox = Sandbox::create(&site.client, own).await.unwrap();
    let line = sandbox.exec(["sh", "-c", "echo $A $B $PWD"], ExecOptions::default()).await.unwrap();
    assert_eq!(line.stdout_text(), "template own /tmp\n");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_are_listed_changed_and_deleted() {
    let site = Site::open().await;
    let made = Template::create(&site.client, SandboxOptions::new().tag("one")).await.unwrap();
    let changes = TemplateChanges::default().display_name("renamed");
    let changed = Template::update(&site.client, &made.id, changes).await.unwrap();
    assert_eq!((changed.display_name.as_deref(), changed.revision), (Some("renamed"), 2));
    assert_eq!(changed.spec.tags, ["one"]);
    let changes = TemplateChanges::default().sandbox(SandboxOptions::new().tag("two"));
    assert_eq!(Template::update(&site.client, &made.id, changes).await.unwrap().spec.tags, ["two"]);
    let all = Template::list(&site.client, false).await.unwrap();
    assert!(all.iter().any(|template| template.id == made.id));
    Template::delete(&site.client, &made.id).await.unwrap();
    let error = Template::get(&site.client, &made.id, false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TemplateNotFound);
    assert!(Template::get(&site.client, &made.id, true).await.unwrap().deleted_at.is_some());
    let gone = Sandbox::create(&site.client, SandboxOptions::new().template(&made.id)).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::TemplateNotFound);
    let nothing = Template::update(&site.client, &made.id, TemplateChanges::default()).await.unwrap_err();
    assert_eq!(field(&nothing), "changes");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_reaches_the_environment_of_the_sandbox_that_names_it() {
    let site = Site::open().await;
    let options = SandboxOptions::new().secret("tests", "API", "TOKEN");
    let sandbox = Sandbox::create(&site.client, options).await.unwrap();
    let value = sandbox.exec(["printenv", "TOKEN"], ExecOptions::default()).await.unwrap();
    assert_eq!(value.stdout_text(), "value-of-a-test-secret\n");
    let other = Sandbox::create(&site.client, SandboxOptions::new()).await.unwrap();
    assert_eq!(other.exec(["printenv", "TOKEN"], ExecOptions::default()).await.unwrap().exit_code, 1);
    let unknown = SandboxOptions::new().secret("nowhere", "API", "TOKEN");
    let error = Sandbox::create(&site.client, unknown).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SandboxValidation, "{error}");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secret_stores_are_registered_listed_and_forgotten() {
    let site = Site::open().await;
    let made = SecretStore::create(&site.client, "mine", SecretStoreOptions::default()).await.unwrap();
    assert_eq!((made.name.as_str(), made.wandb_team), ("mine", None));
    let names: Vec<_> = SecretStore::list(&site.client).await.unwrap().into_iter().map(|store| store.name).collect();
    assert_eq!(names, ["mine", "tests"]);
    let team = SecretStoreOptions::default().wandb_team("team");
    let refused = SecretStore::create(&site.client, "team", team).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotSupported, "{refused}");
    SecretStore::delete(&site.client, "mine", false).await.unwrap();
    SecretStore::delete(&site.client, "mine", true).await.unwrap();
    let error = SecretStore::get(&site.client, "mine").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SecretStoreNotFound);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runners_say_what_they_can_host_and_what_is_free() {
    let site = Site::open().await;
    let all = Runner::list(&site.client, RunnerFilter::default()).await.unwrap();
    let [runner] = all.as_slice() else { panic!("{all:?}") };
    assert!(runner.healthy && runner.capacity.cpu_millicores > 0 && runner.capacity.memory_bytes > 0);
    assert_eq!(runner.available, None);
    let sandbox = Sandbox::create(&site.client, SandboxOptions::new()).await.unwrap();
    let full = Runner::get(&site.client, &runner.id).await.unwrap();
    assert_eq!(full.running_sandboxes, Some(1));
    assert_eq!(sandbox.info().runner_id.as_deref(), Some(runner.id.as_str()));
    let none = RunnerFilter::default().gpu_type("H100");
    assert_eq!(Runner::list(&site.client, none).await.unwrap(), []);
    assert_eq!(Runner::get(&site.client, "nowhere").await.unwrap_err().kind(), ErrorKind::RunnerNotFound);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn purging_by_tag_removes_those_and_a_dry_run_counts_them() {
    let site = Site::open().await;
    for tag in ["purged", "purged", "kept"] {
        Sandbox::create(&site.client, SandboxOptions::new().tag(tag)).await.unwrap();
    }
    let count = async |dry_run| Sandbox::purge(&site.client, vec!["purged".into()], dry_run).await.unwrap().count;
    assert_eq!((count(true).await, count(false).await, count(true).await), (2, 2, 0));
    let error = Sandbox::purge(&site.client, Vec::new(), false).await.unwrap_err();
    assert_eq!(field(&error), "tags");
    site.close().await;
}
