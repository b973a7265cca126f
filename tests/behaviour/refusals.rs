//! Bad input and bad surroundings: a typed error each, that names the field and the fix.

use std::time::{Duration, Instant};

use jetway::{
    CallOptions, Client, ClientConfig, Credentials, ErrorKind, ExecOptions, Sandbox, SandboxOptions,
    error::{CallContext, Diagnosis, Operation},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::support::{Site, TOKEN, client, field};

#[tokio::test(flavor = "multi_thread")]
async fn commands_and_options_that_cannot_work_are_refused_by_field() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let refused = async |command: &[&str], options: ExecOptions| {
        let command: Vec<String> = command.iter().map(|&part| part.to_owned()).collect();
        field(&sandbox.exec(command, options).await.unwrap_err()).to_owned()
    };
    assert_eq!(refused(&[], ExecOptions::default()).await, "command");
    assert_eq!(refused(&["a", "\0"], ExecOptions::default()).await, "command[1]");
    assert_eq!(refused(&["true"], ExecOptions::default().cwd("src")).await, "cwd");
    assert_eq!(refused(&["true"], ExecOptions::default().env("A=B", "")).await, "env");
    assert_eq!(refused(&["true"], ExecOptions::default().timeout(Duration::ZERO)).await, "timeout");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_sandbox_options_are_the_error_of_the_first_call() {
    let site = Site::open().await;
    let sandbox = Sandbox::run(&site.client, SandboxOptions::new().cwd("relative"));
    assert_eq!(field(&sandbox.exec(["true"], ExecOptions::default()).await.unwrap_err()), "cwd");
    assert_eq!(field(&sandbox.start().await.unwrap_err()), "cwd");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cannot_be_served_is_refused_with_the_fix() {
    let site = Site::open().await;
    let sandbox = Sandbox::run(&site.client, SandboxOptions::new().image("no-such-image:9"));
    let error = sandbox.exec(["true"], ExecOptions::default()).await.unwrap_err();
    assert!(error.kind().is(ErrorKind::Sandbox), "{error:?}");
    assert!(error.message().contains("no-such-image:9"), "{error}");
    assert_eq!(sandbox.id(), None);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_id_is_not_found_and_says_what_to_check() {
    let site = Site::open().await;
    let error = Sandbox::from_id(&site.client, "sb-none").await.unwrap_err();
    assert_eq!((error.kind(), error.sandbox_id()), (ErrorKind::SandboxNotFound, Some("sb-none")));
    assert_eq!(error.reason(), Some("CWSANDBOX_SANDBOX_NOT_FOUND"));
    assert_eq!(field(&Sandbox::from_id(&site.client, "").await.unwrap_err()), "sandboxId");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_an_authentication_error() {
    let site = Site::open().await;
    for credentials in [Credentials::bearer("wrong-hunter2"), Credentials::None] {
        let client = Client::new(ClientConfig::new(&site.url).credentials(credentials)).unwrap();
        let error = Sandbox::create(&client, SandboxOptions::new()).await.unwrap_err();
        assert_eq!((error.kind(), error.operation()), (ErrorKind::Authentication, Some("CreateSandbox")), "{error:?}");
        assert!(!format!("{error:?} {error} {client:?}").contains("hunter2"));
    }
    for token in ["", "two\nlines"] {
        let config = ClientConfig::new(&site.url).credentials(Credentials::bearer(token));
        assert_eq!(field(&Client::new(config).unwrap_err()), "auth");
    }
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_come_from_a_function_again_when_they_were_refused() {
    struct Refreshing;
    impl jetway::config::HeaderProvider for Refreshing {
        fn headers(&self, refused: bool) -> jetway::config::HeaderFuture {
            let token = if refused { TOKEN } else { "expired" };
            let value = http::HeaderValue::try_from(format!("Bearer {token}")).unwrap();
            Box::pin(async move { Ok(http::HeaderMap::from_iter([(http::header::AUTHORIZATION, value)])) })
        }
    }
    let site = Site::open().await;
    let config = ClientConfig::new(&site.url).credentials(Credentials::provider(Refreshing));
    let client = Client::new(config).unwrap();
    assert!(Sandbox::list(&client, Default::default()).all().await.unwrap().is_empty());
    let id = site.sandbox().start().await.unwrap();
    let sandbox = Sandbox::from_id(&client, &id).await.unwrap();
    assert!(sandbox.exec(["true"], ExecOptions::default()).await.unwrap().ok());
    assert!(sandbox.logs(Default::default()).await.unwrap().next().await.is_none());
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_a_network_error_that_says_so() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let client = client(&format!("http://127.0.0.1:{port}"));
    let error = Sandbox::create(&client, SandboxOptions::new()).await.unwrap_err();
    assert_eq!((error.kind(), error.diagnosis()), (ErrorKind::Network, Some(Diagnosis::Refused)), "{error:?}");
    assert!(error.hint().unwrap().contains("jetway serve"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_does_not_exist_is_a_network_error_that_says_so() {
    let client = client("http://no-such-host.invalid:7070");
    let error = Sandbox::list(&client, Default::default()).all().await.unwrap_err();
    assert_eq!((error.kind(), error.diagnosis()), (ErrorKind::Network, Some(Diagnosis::Dns)), "{error:?}");
    assert!(error.message().contains("no-such-host.invalid"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn https_to_a_server_without_tls_is_a_network_error_that_says_so() {
    let site = Site::open().await;
    let client = client(&site.url.replace("http:", "https:"));
    let error = Sandbox::list(&client, Default::default()).all().await.unwrap_err();
    assert_eq!((error.kind(), error.diagnosis()), (ErrorKind::Network, Some(Diagnosis::Tls)), "{error:?}");
    assert!(!error.retryable());
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn something_that_is_not_grpc_is_named() {
    let page = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", page.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        loop {
            let (mut socket, _) = page.accept().await.unwrap();
            tokio::spawn(async move {
                let mut request = [0; 1024];
                let _ = socket.read(&mut request).await;
                let body = "<!doctype html><title>hello</title>";
                let head =
                    format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = socket.write_all(format!("{head}{body}").as_bytes()).await;
            });
        }
    });
    let error = Sandbox::create(&client(&url), SandboxOptions::new()).await.unwrap_err();
    assert_eq!((error.kind(), error.diagnosis()), (ErrorKind::Network, Some(Diagnosis::NotGrpc)), "{error:?}");
    assert!(!error.retryable());
    assert!(error.hint().unwrap().contains("baseUrl"), "{error}");
    serving.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_takes_too_long_is_a_timeout() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let options = SandboxOptions::new().request_timeout(Duration::from_millis(300));
    let begun = Instant::now();
    let error = Sandbox::create(&client(&url), options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SandboxRequestTimeout, "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(60), "the client's own 300 s applied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_url_that_is_none_is_refused_by_name() {
    for url in ["", "localhost:7070", "ftp://host", "http://host/?query", "http://user:hunter2@host"] {
        let error = Client::new(ClientConfig::new(url)).unwrap_err();
        assert_eq!(field(&error), "baseUrl", "{url}");
        assert!(!error.to_string().contains("hunter2"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aborted_call_is_cancelled_before_it_starts_and_while_it_runs() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    sandbox.wait(None).await.unwrap();
    // Before: never polled, never sent.
    drop(sandbox.write_file("/workspace/never", "x"));
    // During: the process of a call that is dropped half-way is killed.
    let running = sandbox.exec(["/bin/sh", "-c", "sleep 1; touch /workspace/late"], ExecOptions::default());
    let gave_up = tokio::time::timeout(Duration::from_millis(300), running).await;
    assert!(gave_up.is_err());
    tokio::time::sleep(Duration::from_millis(1300)).await;
    let listed = sandbox.exec(["ls", "/workspace"], ExecOptions::default()).await.unwrap();
    assert_eq!(listed.stdout_text(), "");
    site.close().await;
}

#[test]
fn outside_a_runtime_a_call_is_refused_and_does_not_panic() {
    let client = client("http://127.0.0.1:1");
    let sandbox = Sandbox::run(&client, SandboxOptions::new());
    let error = futures::executor::block_on(sandbox.start()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error:?}");
    assert!(error.hint().unwrap().contains("tokio"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_head_has_everything_but_the_body_and_shows_no_secret() {
    let context = CallContext::on(Operation::StreamExec, "sb-1");
    let head = client("http://127.0.0.1:1").call_head(context, &CallOptions::default()).await.unwrap();
    assert_eq!(head.path, "/coreweave.sandbox.v1.SandboxService/StreamExec");
    assert_eq!(head.metadata["authorization"], format!("Bearer {TOKEN}"));
    assert_eq!(head.timeout, None, "an exec has a deadline only when asked for");
    assert!(!format!("{head:?}").contains(TOKEN));
}
