//! Create, get, list, delete, purge.

use std::time::{Duration, Instant};

use jetway_server::wire::sandbox::{
    DeleteSandboxRequest, GetSandboxRequest, ListAvailableRunnersRequest, ListSandboxesRequest, PurgeSandboxesRequest,
    RunnerView, State,
};
use tonic::Code;
use tonic_types::StatusExt;

use crate::harness::{create, idle, script, server, server_with, wait_for};

#[tokio::test]
async fn a_sandbox_is_created_runs_and_is_deleted() {
    let server = server().await;
    let mut client = server.client();
    let mut request = idle();
    request.sandbox.as_mut().unwrap().display_name = "mine".into();
    request.sandbox.as_mut().unwrap().spec.as_mut().unwrap().tags = vec!["a".into(), "b".into()];
    let created = client.create_sandbox(request).await.unwrap();
    assert_eq!(created.metadata().get("x-jetway-start").unwrap(), "waits");
    let created = created.into_inner();
    let status = created.status.unwrap();
    assert_eq!(status.state(), State::Creating);
    assert!(status.create_time.is_some() && status.start_time.is_some());
    assert!(!status.runner_id.is_empty() && !status.runner_group_id.is_empty());
    assert!(status.effective_runtime_class.starts_with("local-"), "{}", status.effective_runtime_class);
    let spec = created.spec.unwrap();
    assert_eq!((spec.containers[0].name.as_str(), spec.tags.len()), ("main", 2));
    assert!(!spec.containers[0].image.is_empty());
    assert_eq!(created.display_name, "mine");

    let id = created.sandbox_id;
    let shown = wait_for(&mut client, &id, State::Running).await;
    let status = shown.status.unwrap();
    assert_eq!(status.exit_code, None);
    assert!(status.resource_usage.is_some());

    let patient = DeleteSandboxRequest { sandbox_id: id.clone(), grace_period_seconds: 300, ..Default::default() };
    let deleted = client.delete_sandbox(patient).await.unwrap();
    assert_eq!(deleted.into_inner().sandbox.unwrap().status.unwrap().state(), State::Terminating);
    // Long before the grace is over: an idle main command dies on TERM.
    let shown = wait_for(&mut client, &id, State::Terminated).await;
    assert!(shown.status.unwrap().end_time.is_some());
    client.delete_sandbox(DeleteSandboxRequest { sandbox_id: id, ..Default::default() }).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_silent_start_is_reported_as_such_for_a_moment() {
    let server = server().await;
    let mut client = server.client();
    let begun = Instant::now();
    let id = create(&mut client, idle()).await;
    wait_for(&mut client, &id, State::Running).await;
    assert!(begun.elapsed() >= Duration::from_millis(190), "{:?}", begun.elapsed());
    server.stop().await;
}

#[tokio::test]
async fn a_main_command_that_ends_completes_its_sandbox_with_its_code() {
    let server = server().await;
    let mut client = server.client();
    for code in [0, 3] {
        let id = create(&mut client, script(&format!("exit {code}"))).await;
        let shown = wait_for(&mut client, &id, State::Completed).await;
        assert_eq!(shown.status.unwrap().exit_code, Some(code));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_sandbox_ends_with_its_lifetime() {
    let server = server().await;
    let mut client = server.client();
    let mut request = idle();
    request.sandbox.as_mut().unwrap().spec.as_mut().unwrap().max_lifetime_seconds = 1;
    let id = create(&mut client, request).await;
    let shown = wait_for(&mut client, &id, State::Terminated).await;
    assert!(shown.status.unwrap().state_reason.contains("lifetime"));
    server.stop().await;
}

#[tokio::test]
async fn a_finished_sandbox_is_shown_for_its_retention_and_then_forgotten() {
    let server = server_with(|config| config.retention = Duration::from_millis(400)).await;
    let mut client = server.client();
    let mut request = script("true");
    request.request_id = "again".into();
    let id = create(&mut client, request.clone()).await;
    wait_for(&mut client, &id, State::Completed).await;
    tokio::time::sleep(Duration::from_millis(900)).await;
    let status = client.get_sandbox(GetSandboxRequest { sandbox_id: id.clone() }).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert_ne!(create(&mut client, request).await, id);
    server.stop().await;
}

#[tokio::test]
async fn a_full_server_says_so_and_when_to_come_back() {
    let server = server_with(|config| config.max_sandboxes = 1).await;
    let mut client = server.client();
    let id = create(&mut client, idle()).await;
    let status = client.create_sandbox(idle()).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "CWSANDBOX_RUNNER_CAPACITY_EXHAUSTED");
    assert!(details.retry_info().is_some());
    client.delete_sandbox(DeleteSandboxRequest { sandbox_id: id.clone(), ..Default::default() }).await.unwrap();
    wait_for(&mut client, &id, State::Terminated).await;
    create(&mut client, idle()).await;
    server.stop().await;
}

#[tokio::test]
async fn a_request_id_stands_for_one_sandbox() {
    let server = server().await;
    let mut client = server.client();
    let mut request = idle();
    request.request_id = "r-1".into();
    let first = create(&mut client, request.clone()).await;
    assert_eq!(create(&mut client, request.clone()).await, first);
    let (mut a, mut b) = (server.client(), server.client());
    request.request_id = "r-2".into();
    let (a, b) = tokio::join!(create(&mut a, request.clone()), create(&mut b, request.clone()));
    assert_eq!(a, b);
    request.sandbox.as_mut().unwrap().display_name = "another".into();
    let status = client.create_sandbox(request).await.unwrap_err();
    assert_eq!(status.code(), Code::AlreadyExists);
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "CWSANDBOX_REQUEST_ID_CONFLICT");
    server.stop().await;
}

#[tokio::test]
async fn a_list_filters_by_tag_and_state_and_comes_in_pages() {
    let server = server().await;
    let mut client = server.client();
    let mut ids = Vec::new();
    for number in 0..5 {
        let mut request = idle();
        let even = if number % 2 == 0 { "even" } else { "odd" };
        request.sandbox.as_mut().unwrap().spec.as_mut().unwrap().tags = vec!["all".into(), even.into()];
        ids.push(create(&mut client, request).await);
    }
    let done = create(&mut client, script("true")).await;
    wait_for(&mut client, &done, State::Completed).await;
    let list = |request: ListSandboxesRequest| {
        let mut client = server.client();
        async move {
            let (mut found, mut request) = (Vec::new(), request);
            loop {
                let page = client.list_sandboxes(request.clone()).await.unwrap().into_inner();
                assert!(request.page_size == 0 || page.sandboxes.len() <= request.page_size as usize);
                found.extend(page.sandboxes.into_iter().map(|sandbox| sandbox.sandbox_id));
                if page.next_page_token.is_empty() {
                    return found;
                }
                assert_ne!(page.next_page_token, request.page_token);
                request.page_token = page.next_page_token;
            }
        }
    };
    let newest_first: Vec<_> = ids.iter().rev().cloned().collect();
    assert_eq!(list(ListSandboxesRequest::default()).await, newest_first);
    assert_eq!(list(ListSandboxesRequest { page_size: 2, ..Default::default() }).await, newest_first);
    let both = ListSandboxesRequest { tags: vec!["all".into(), "odd".into()], ..Default::default() };
    assert_eq!(list(both).await, [ids[3].clone(), ids[1].clone()]);
    assert_eq!(list(ListSandboxesRequest { show_terminated: true, ..Default::default() }).await.len(), 6);
    assert_eq!(list(ListSandboxesRequest { state: State::Completed.into(), ..Default::default() }).await, [done]);
    let elsewhere = ListSandboxesRequest { runner_ids: vec!["elsewhere".into()], ..Default::default() };
    assert!(list(elsewhere).await.is_empty());

    let purge = PurgeSandboxesRequest { tags: vec!["even".into()], dry_run: true, ..Default::default() };
    assert_eq!(client.purge_sandboxes(purge.clone()).await.unwrap().into_inner().purge_count, 3);
    let purge = PurgeSandboxesRequest { dry_run: false, ..purge };
    assert_eq!(client.purge_sandboxes(purge).await.unwrap().into_inner().purge_count, 3);
    for index in [0, 2, 4] {
        wait_for(&mut client, &ids[index], State::Terminated).await;
    }
    wait_for(&mut client, &ids[1], State::Running).await;
    server.stop().await;
}

#[tokio::test]
async fn discovery_shows_this_machine_as_it_is() {
    let server = server().await;
    let mut discovery = server.discovery();
    let basic = discovery.list_available_runners(ListAvailableRunnersRequest::default()).await.unwrap().into_inner();
    let runner = &basic.runners[0];
    assert!(runner.healthy && runner.resources.is_none());
    assert!(!runner.capabilities.as_ref().unwrap().supported_architectures.is_empty());
    let full = ListAvailableRunnersRequest { view: RunnerView::Full.into(), ..Default::default() };
    let full = discovery.list_available_runners(full).await.unwrap().into_inner();
    assert!(full.runners[0].resources.as_ref().unwrap().available_memory_bytes > 256 << 20);
    let gpu = ListAvailableRunnersRequest { gpu_type: "H100".into(), ..Default::default() };
    assert!(discovery.list_available_runners(gpu).await.unwrap().into_inner().runners.is_empty());
    server.stop().await;
}
