//! Sandboxes that belong together.

use jetway::{
    Client, ClientConfig, Credentials, Error, ErrorKind, ExecOptions, Sandbox, SandboxDefaults, SandboxOptions,
    Session,
    sandbox::{ListOptions, StopOptions},
};

use crate::support::{Site, TOKEN};

#[tokio::test(flavor = "multi_thread")]
async fn its_sandboxes_start_from_its_defaults_lazily_and_end_with_it() {
    let site = Site::open().await;
    let defaults = SandboxOptions::new().tag("t").env("COLOUR", "green").env("SHAPE", "round").cwd("/tmp");
    let session = Session::new(&site.client, defaults);
    let first = session.sandbox(SandboxOptions::new()).unwrap();
    let second = session.sandbox(SandboxOptions::new().tag("second").env("COLOUR", "blue")).unwrap();
    assert_eq!(session.sandbox_count(), 2);
    let listed = Sandbox::list(&site.client, ListOptions::default()).all().await.unwrap();
    assert!(listed.is_empty(), "{listed:?}");
    let say = ["/bin/sh", "-c", "echo $COLOUR $SHAPE; pwd"];
    let said =
        async |sandbox: &Sandbox| sandbox.exec(say, ExecOptions::default()).await.unwrap().stdout_text().into_owned();
    assert_eq!(said(&first).await, "green round\n/tmp\n");
    assert_eq!(said(&second).await, "blue round\n/tmp\n");
    assert_eq!(second.info().tags, ["t", "second"]);
    let without = session.defaults().without("tags").without("env");
    let third = session.prepare(&without, SandboxOptions::new()).unwrap();
    assert_eq!(said(&third).await, "\n/tmp\n");
    assert_eq!(session.sandbox_count(), 3);
    session.close(StopOptions::default()).await.unwrap();
    assert!([&first, &second, &third].iter().all(|sandbox| sandbox.status().is_terminal()));
    assert_eq!(session.sandbox_count(), 0);
    session.close(StopOptions::default()).await.unwrap();
    assert_eq!(session.sandbox(SandboxOptions::new()).unwrap_err().kind(), ErrorKind::Sandbox);
    assert_eq!(session.adopt(&first).unwrap_err().kind(), ErrorKind::Sandbox);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_that_was_never_started_is_not_created_by_the_end_of_its_session() {
    let site = Site::open().await;
    let session = Session::new(&site.client, SandboxDefaults::default());
    let never = session.sandbox(SandboxOptions::new()).unwrap();
    session.close(StopOptions::default()).await.unwrap();
    let error = never.exec(["true"], ExecOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SandboxNotRunning, "{error:?}");
    let listed = Sandbox::list(&site.client, ListOptions::default().show_terminated(true)).all().await.unwrap();
    assert!(listed.is_empty(), "{listed:?}");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_finds_sandboxes_by_its_tags_and_by_id_and_adopts_them() {
    let site = Site::open().await;
    let tagged = Sandbox::create(&site.client, SandboxOptions::new().tag("t")).await.unwrap();
    let other = Sandbox::create(&site.client, SandboxOptions::new()).await.unwrap();
    let session = Session::new(&site.client, SandboxOptions::new().tag("t"));
    let listed = session.list(ListOptions::default()).all().await.unwrap();
    assert_eq!((listed.len(), session.sandbox_count()), (1, 0));
    session.adopt(&listed[0]).unwrap();
    session.adopt(&listed[0]).unwrap();
    assert_eq!(session.sandbox_count(), 1, "adopting twice is adopting once");
    session.from_id(&other.id().unwrap(), true).await.unwrap();
    session.from_id(&other.id().unwrap(), false).await.unwrap();
    assert_eq!(session.sandbox_count(), 2);
    session.close(StopOptions::default()).await.unwrap();
    for sandbox in [&tagged, &other] {
        assert!(sandbox.get_status().await.unwrap().is_terminal());
    }
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_counts_what_its_sandboxes_did() {
    let site = Site::open().await;
    let session = Session::new(&site.client, SandboxDefaults::default());
    let sandbox = session.sandbox(SandboxOptions::new()).unwrap();
    sandbox.wait(None).await.unwrap();
    let run = async |script: &str, options| sandbox.exec(["/bin/sh", "-c", script], options).await;
    run("true", ExecOptions::default()).await.unwrap();
    run("exit 3", ExecOptions::default()).await.unwrap();
    run("exit 4", ExecOptions::default().check(true)).await.unwrap_err();
    run("sleep 60", ExecOptions::default().timeout(std::time::Duration::from_millis(100))).await.unwrap_err();
    // The last process is counted by whoever drives it, a moment after its result is there.
    let counted = async {
        while session.metrics().executions < 4 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), counted).await.unwrap();
    let metrics = session.metrics();
    assert_eq!((metrics.sandboxes_created, metrics.executions, metrics.startup_count), (1, 4, 1));
    assert_eq!((metrics.exec_completed_ok, metrics.exec_completed_nonzero, metrics.exec_failures), (1, 2, 1));
    assert!(metrics.startup_min.is_some() && metrics.startup_min == metrics.startup_max);
    session.close(StopOptions::default()).await.unwrap();
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_stopped_is_told_all_of_it() {
    struct Lost(std::sync::atomic::AtomicBool);
    impl jetway::config::HeaderProvider for &'static Lost {
        fn headers(&self, _: bool) -> jetway::config::HeaderFuture {
            let token = if self.0.load(std::sync::atomic::Ordering::SeqCst) { "lost" } else { TOKEN };
            let value = http::HeaderValue::try_from(format!("Bearer {token}")).unwrap();
            Box::pin(async move { Ok(http::HeaderMap::from_iter([(http::header::AUTHORIZATION, value)])) })
        }
    }
    static LOST: Lost = Lost(std::sync::atomic::AtomicBool::new(false));
    let site = Site::open().await;
    let config = ClientConfig::new(&site.url).credentials(Credentials::provider(&LOST));
    let session = Session::new(&Client::new(config).unwrap(), SandboxDefaults::default());
    for _ in 0..2 {
        session.sandbox(SandboxOptions::new()).unwrap().start().await.unwrap();
    }
    LOST.0.store(true, std::sync::atomic::Ordering::SeqCst);
    let error = session.close(StopOptions::default()).await.unwrap_err();
    assert!(error.message().contains("2 of 2 sandboxes"), "{error}");
    let failures = error.payload::<Vec<Error>>().unwrap();
    assert_eq!(failures.len(), 2);
    assert!(failures.iter().all(|failure| failure.kind() == ErrorKind::Authentication), "{failures:?}");
    site.close().await;
}
