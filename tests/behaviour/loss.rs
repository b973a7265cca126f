//! What happens to work under way when the way to the server, or the server, goes.

use std::time::Duration;

use futures::StreamExt;
use jetway::{
    ErrorKind, ExecOptions, Sandbox,
    code::{Language, RunEvent, RunOptions, RunStatus},
    error::Diagnosis,
    sandbox::{LogOptions, StopOptions},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::support::{Site, client};

/// A way to the server that can be cut. Gives its URL and what cuts it.
pub async fn way(site: &Site) -> (String, watch::Sender<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = site.url.trim_start_matches("http://").to_owned();
    let (cut, is_cut) = watch::channel(false);
    tokio::spawn(async move {
        loop {
            let Ok((mut near, _)) = listener.accept().await else { return };
            let mut far = TcpStream::connect(&server).await.unwrap();
            let mut is_cut = is_cut.clone();
            tokio::spawn(async move {
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                    _ = is_cut.wait_for(|cut| *cut) => {}
                }
            });
        }
    });
    (url, cut)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_connection_is_a_network_error_to_what_was_under_way_and_the_next_call_connects_anew() {
    let site = Site::open().await;
    let (url, cut) = way(&site).await;
    let id = site.sandbox().start().await.unwrap();
    let sandbox = Sandbox::from_id(&client(&url), &id).await.unwrap();
    let process = sandbox.exec(["/bin/sh", "-c", "echo started; sleep 60"], ExecOptions::default());
    let mut lines = process.lines().unwrap();
    assert_eq!(lines.next().await.unwrap().unwrap(), "started");
    let mut logs = sandbox.logs(LogOptions::default().follow(true)).await.unwrap();
    cut.send(true).unwrap();
    let error = process.result().await.unwrap_err();
    assert_eq!((error.kind(), error.diagnosis()), (ErrorKind::Network, Some(Diagnosis::ConnectionLost)), "{error:?}");
    assert_eq!((error.operation(), error.sandbox_id()), (Some("StreamExec"), Some(id.as_str())));
    assert_eq!(logs.next().await.unwrap().unwrap_err().kind(), ErrorKind::Network);
    assert_eq!(lines.next().await.unwrap().unwrap_err().kind(), ErrorKind::Network);
    cut.send(false).unwrap();
    assert!(sandbox.exec(["true"], ExecOptions::default()).await.unwrap().ok());
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_outage_is_waited_out_by_calls_that_may_be_repeated() {
    let site = Site::open().await;
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let client = client(&format!("http://127.0.0.1:{port}"));
    let server = site.url.trim_start_matches("http://").to_owned();
    let serving = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let (mut near, _) = listener.accept().await.unwrap();
        let mut far = TcpStream::connect(&server).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
    });
    let sandbox = Sandbox::create(&client, Default::default()).await.unwrap();
    assert_eq!(Sandbox::list(&client, Default::default()).all().await.unwrap().len(), 1, "created once");
    assert_eq!(sandbox.status(), jetway::SandboxStatus::Running);
    serving.abort();
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_whose_sandbox_is_stopped_says_so() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let process = sandbox.exec(["/bin/sh", "-c", "echo started; sleep 60"], ExecOptions::default());
    let mut lines = process.lines().unwrap();
    assert_eq!(lines.next().await.unwrap().unwrap(), "started");
    sandbox.stop(StopOptions::default()).await.unwrap();
    match process.result().await {
        // The processes get to end by themselves, and a signal is an end.
        Ok(result) => assert!(result.exit_code > 128, "{result:?}"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::SandboxNotRunning, "{error:?}"),
    }
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_code_whose_connection_is_cut_goes_on_where_it_was() {
    let site = Site::open().await;
    let (url, cut) = way(&site).await;
    let id = site.sandbox().start().await.unwrap();
    let sandbox = Sandbox::from_id(&client(&url), &id).await.unwrap();
    let context = sandbox.code().default_context(Language::Python).unwrap();
    context.run("x = 42", RunOptions::default()).await.unwrap();
    let program = "import time\nfor i in range(150): print(i, flush=True); time.sleep(0.01)\n'end'";
    let mut running = context.start(program, RunOptions::default()).unwrap();
    let (mut told, mut cuts) = (String::new(), vec![80, 20]);
    while let Some(event) = running.next().await {
        let RunEvent::Stdout(data) = event.unwrap() else { continue };
        told += std::str::from_utf8(&data).unwrap();
        if cuts.last().is_some_and(|cut| told.lines().count() > *cut) {
            cuts.pop();
            cut.send(true).unwrap();
            // Until everybody was cut off, new connections are too.
            tokio::time::sleep(Duration::from_millis(50)).await;
            cut.send(false).unwrap();
        }
    }
    assert!(cuts.is_empty());
    assert_eq!(told, (0..150).map(|i| format!("{i}\n")).collect::<String>());
    assert_eq!(running.finish().await.unwrap().status, RunStatus::Ok);
    let after = context.run("x", RunOptions::default()).await.unwrap();
    assert_eq!((after.text(), after.restarted), (Some("42"), false));
    site.close().await;
}
