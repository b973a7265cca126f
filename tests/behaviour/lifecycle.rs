//! From creation to end.

use std::{
    pin::pin,
    time::{Duration, Instant},
};

use futures::StreamExt;

use jetway::{
    ErrorKind, ExecOptions, Sandbox, SandboxOptions, SandboxStatus,
    sandbox::{ListOptions, StopOptions},
};

use crate::support::Site;

#[tokio::test(flavor = "multi_thread")]
async fn run_gives_the_sandbox_at_once_and_exec_waits_for_it() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    assert_eq!(sandbox.id(), None, "nobody has been asked yet");
    let result = sandbox.exec(["echo", "hi"], ExecOptions::default()).await.unwrap();
    assert_eq!(result.stdout_text(), "hi\n");
    assert!(sandbox.id().is_some());
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_options_reach_it() {
    let site = Site::open().await;
    let options = SandboxOptions::new().tag("a").annotation("owner", "me").display_name("shown").env("A", "1");
    let sandbox = Sandbox::create(&site.client, options).await.unwrap();
    assert_eq!(sandbox.status(), SandboxStatus::Running);
    let info = sandbox.info();
    assert_eq!((info.tags, info.display_name), (vec!["a".to_owned()], Some("shown".to_owned())));
    assert_eq!(info.annotations["owner"], "me");
    assert!(info.runner_id.is_some() && info.started_at.is_some() && info.created_at.is_some());
    assert_eq!(info.image.as_deref(), Some("python:3.11"));
    let env = sandbox.exec(["printenv", "A"], ExecOptions::default()).await.unwrap();
    assert_eq!(env.stdout_text(), "1\n");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_and_a_handle_from_the_id_are_the_same_sandbox() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    sandbox.write_file("/workspace/mark", "x").await.unwrap();
    let id = sandbox.start().await.unwrap();
    assert_eq!(sandbox.clone().id(), Some(id.clone()));
    let found = Sandbox::from_id(&site.client, &id).await.unwrap();
    assert_eq!(found.read_file("/workspace/mark").await.unwrap(), "x");
    found.wait(None).await.unwrap();
    assert_eq!(found.get_status().await.unwrap(), SandboxStatus::Running);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_twice_is_one_stop_and_a_missing_sandbox_is_fine_where_that_is_said() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    sandbox.wait(None).await.unwrap();
    let begun = Instant::now();
    let patient = || StopOptions::default().graceful_shutdown(Duration::from_secs(300));
    let (first, second) = tokio::join!(sandbox.stop(patient()), sandbox.stop(patient()));
    first.unwrap();
    second.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(100), "the default command ends when asked to");
    assert!(sandbox.status().is_terminal());
    sandbox.stop(StopOptions::default()).await.unwrap();
    let unknown = "sb-none";
    let error = Sandbox::delete_by_id(&site.client, unknown, StopOptions::default()).await.unwrap_err();
    assert_eq!((error.kind(), error.sandbox_id()), (ErrorKind::SandboxNotFound, Some(unknown)));
    Sandbox::delete_by_id(&site.client, unknown, StopOptions::default().missing_ok(true)).await.unwrap();
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exec_after_stop_is_refused() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    sandbox.stop(StopOptions::default().graceful_shutdown(Duration::from_secs(1))).await.unwrap();
    let error = sandbox.exec(["true"], ExecOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SandboxNotRunning, "{error:?}");
    assert_eq!(error.sandbox_id(), sandbox.id().as_deref());
    assert_eq!(sandbox.read_file("/etc/hostname").await.unwrap_err().kind(), ErrorKind::SandboxNotRunning);
    // A handle that does not know yet is told by the server.
    let other = Sandbox::from_id(&site.client, &sandbox.id().unwrap()).await.unwrap();
    assert_eq!(other.exec(["true"], ExecOptions::default()).await.unwrap_err().kind(), ErrorKind::SandboxNotRunning);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_that_missed_the_end_is_told_by_the_server() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let id = sandbox.start().await.unwrap();
    sandbox.wait(None).await.unwrap();
    let other = Sandbox::from_id(&site.client, &id).await.unwrap();
    sandbox.stop(StopOptions::default()).await.unwrap();
    assert_eq!(other.status(), SandboxStatus::Running);
    let error = other.exec(["true"], ExecOptions::default()).await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::SandboxNotRunning, Some("StreamExec")), "{error:?}");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_ends_with_its_main_command() {
    let site = Site::open().await;
    let sandbox = Sandbox::run(&site.client, SandboxOptions::new().command(["/bin/sh", "-c", "exit 7"]));
    let code = sandbox.wait_until_complete(Some(Duration::from_secs(20)), true).await.unwrap();
    assert_eq!((code, sandbox.status()), (Some(7), SandboxStatus::Completed));
    sandbox.wait(None).await.unwrap();
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_states_are_told_as_they_pass_until_the_last() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let mut changes = pin!(sandbox.status_changes());
    let mut seen = Vec::new();
    while let Some(status) = changes.next().await {
        let status = status.unwrap();
        seen.push(status);
        if status == SandboxStatus::Running {
            let stopping = sandbox.clone();
            tokio::spawn(async move { stopping.stop(StopOptions::default()).await });
        }
    }
    assert!(seen.contains(&SandboxStatus::Running) && seen.last().unwrap().is_terminal(), "{seen:?}");
    assert!(seen.windows(2).all(|pair| pair[0] != pair[1]), "{seen:?}");
    assert!(sandbox.info().status_updated_at.is_some());
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_that_cannot_start_fails_and_says_why() {
    let site = Site::open().await;
    let sandbox = Sandbox::run(&site.client, SandboxOptions::new().mounted_file("/proc/no-such-file", ""));
    for error in [
        sandbox.exec(["true"], ExecOptions::default()).await.unwrap_err(),
        sandbox.wait(Some(Duration::from_secs(10))).await.unwrap_err(),
        sandbox.exec(["true"], ExecOptions::default()).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::SandboxFailed, "{error:?}");
        assert!(error.message().contains("/proc/no-such-file"), "{error}");
    }
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_longer_than_allowed_is_a_timeout_and_leaves_the_sandbox_alone() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let error = sandbox.wait_until_complete(Some(Duration::from_millis(300)), true).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SandboxWaitTimeout);
    assert!(sandbox.exec(["true"], ExecOptions::default()).await.unwrap().ok());
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_found_by_tag_and_by_id_all_at_once_and_page_by_page() {
    let site = Site::open().await;
    let tagged = |tags: &[&str]| {
        let options = tags.iter().fold(SandboxOptions::new(), |options, tag| options.tag(*tag));
        Sandbox::run(&site.client, options)
    };
    let sandboxes = [tagged(&["x"]), tagged(&["x", "y"]), tagged(&["x"]), tagged(&["z"])];
    let mut ids = Vec::new();
    for sandbox in &sandboxes {
        ids.push(sandbox.start().await.unwrap());
    }
    let mut pages = Sandbox::list(&site.client, ListOptions::default().tag("x").page_size(2));
    let mut found = Vec::new();
    let mut sizes = Vec::new();
    while let Some(page) = pages.next_page().await {
        let page = page.unwrap();
        sizes.push(page.len());
        found.extend(page.iter().filter_map(Sandbox::id));
    }
    found.sort();
    ids.truncate(3);
    ids.sort();
    assert_eq!(found, ids);
    assert!(sizes.iter().all(|size| *size <= 2), "{sizes:?}");
    let both = Sandbox::list(&site.client, ListOptions::default().tag("x").tag("y")).all().await.unwrap();
    assert_eq!(both.len(), 1);
    sandboxes[3].stop(StopOptions::default()).await.unwrap();
    let all = |show| Sandbox::list(&site.client, ListOptions::default().show_terminated(show)).all();
    assert_eq!((all(false).await.unwrap().len(), all(true).await.unwrap().len()), (3, 4));
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_sandbox_ends_and_is_still_known() {
    let site = Site::open().await;
    let id = site.sandbox().start().await.unwrap();
    let options = StopOptions::default().graceful_shutdown(Duration::from_secs(1));
    Sandbox::delete_by_id(&site.client, &id, options).await.unwrap();
    let found = Sandbox::from_id(&site.client, &id).await.unwrap();
    found.wait_until_complete(Some(Duration::from_secs(10)), false).await.unwrap();
    assert_eq!(found.wait_until_complete(None, true).await.unwrap_err().kind(), ErrorKind::SandboxTerminated);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_a_handle_leaves_the_sandbox_running() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let id = sandbox.start().await.unwrap();
    drop(sandbox);
    let found = Sandbox::from_id(&site.client, &id).await.unwrap();
    assert!(found.exec(["true"], ExecOptions::default()).await.unwrap().ok());
    site.close().await;
}
