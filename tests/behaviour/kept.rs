//! Terminals that outlive their connections.

use std::time::Duration;

use futures::{Stream, StreamExt};
use jetway::{
    Error, ErrorKind, Sandbox,
    process::{Keep, TerminalState},
    sandbox::ShellOptions,
};
use tokio::sync::watch;

use crate::{
    loss::way,
    support::{Site, client, field},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Reads until `text` was shown.
async fn until(output: &mut (impl Stream<Item = Result<bytes::Bytes, Error>> + Unpin), text: &str) -> String {
    let mut seen = String::new();
    let reading = async {
        while !seen.contains(text) {
            seen.push_str(&String::from_utf8_lossy(&output.next().await.expect("it ended").unwrap()));
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("it is not shown");
    seen
}

/// Waits until `text` was shown, and gives all that was.
async fn shows(seen: &mut watch::Receiver<String>, text: &str) -> String {
    let waiting = seen.wait_for(|shown| shown.contains(text));
    tokio::time::timeout(PATIENCE, waiting).await.expect("it is not shown").unwrap().clone()
}

fn shell(keep: Keep) -> ShellOptions {
    ShellOptions::default().command(["/bin/sh"]).env("PS1", "> ").keep(keep)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_survives_its_connection_and_shows_what_was_printed_meanwhile_once() {
    let site = Site::open().await;
    let (url, cut) = way(&site).await;
    let id = site.sandbox().start().await.unwrap();
    let near = Sandbox::from_id(&client(&url), &id).await.unwrap();
    let far = Sandbox::from_id(&client(&site.url), &id).await.unwrap();
    let mut shell = near.shell(shell(Keep::new()));
    let mut states = shell.states().unwrap();
    let mut output = shell.output().unwrap();
    // Read all the time: what is held and not read holds up everything behind it, also the news of a lost connection.
    let (shown, mut seen) = watch::channel(String::new());
    tokio::spawn(async move {
        while let Some(Ok(data)) = output.next().await {
            shown.send_modify(|text| text.push_str(&String::from_utf8_lossy(&data)));
        }
    });
    let script = "echo; i=0; while [ $i -lt 400 ]; do i=$((i+1)); echo line $i; sleep 0.005; done; echo fin\n";
    shell.write(script).await.unwrap();
    shows(&mut seen, "line 3\r\n").await;
    assert_eq!(shell.kept(), Some(true));
    assert!(matches!(states.next().await, Some(TerminalState::Open { kept: true, resumed: false })));
    for _ in 0..3 {
        cut.send(true).unwrap();
        let lost = tokio::time::timeout(PATIENCE, states.next()).await.unwrap();
        assert!(matches!(lost, Some(TerminalState::Reconnecting { attempt: 1, .. })), "{lost:?}");
        tokio::time::sleep(Duration::from_millis(300)).await;
        cut.send(false).unwrap();
        let back =
            async { while !matches!(states.next().await, Some(TerminalState::Open { kept: true, resumed: true })) {} };
        tokio::time::timeout(PATIENCE, back).await.expect("it does not come back");
    }
    let text = shows(&mut seen, "\r\nfin\r\n").await;
    let lines: Vec<_> = text.lines().filter(|line| line.starts_with("line ")).map(str::to_owned).collect();
    assert_eq!(lines, (1..=400).map(|number| format!("line {number}")).collect::<Vec<_>>());
    assert_eq!(shell.dropped(), 0);
    // It is the same shell, and takes input.
    shell.write("echo $((i+1))\n").await.unwrap();
    shows(&mut seen, "401").await;

    let listed = far.terminals().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(Some(listed[0].id.as_str()), shell.id().as_deref());
    assert_eq!(listed[0].connected, 1);
    shell.cancel();
    assert_eq!(shell.result().await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(far.terminals().await.unwrap().is_empty(), "cancelling ends it");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_detached_shell_is_come_back_to_by_its_name() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let mut first = sandbox.shell(shell(Keep::new().id("work").keep_for(Duration::from_secs(300))));
    let mut output = first.output().unwrap();
    first.write("kept=here; echo re''ady\n").await.unwrap();
    until(&mut output, "ready\r\n> ").await;
    let seen = first.offset();
    first.detach();
    drop(output);
    let mut second = sandbox.shell(shell(Keep::new().id("work").from(seen).attach_only()));
    let mut output = second.output().unwrap();
    second.write("echo $kept; exit 3\n").await.unwrap();
    let shown = until(&mut output, "here\r\n").await;
    assert!(!shown.contains("ready"), "shown twice: {shown:?}");
    assert!(second.resumed());
    assert_eq!(second.result().await.unwrap().exit_code, 3);

    let mut third = sandbox.shell(shell(Keep::new().id("nothing").attach_only()));
    let error = third.result().await.unwrap_err();
    assert_eq!(error.reason(), Some("CWSANDBOX_TERMINAL_NOT_FOUND"));
    assert!(error.hint().unwrap().contains("start another"), "{error:?}");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_kept_is_refused_by_name() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    for keep in [Keep::new().id("a/b"), Keep::new().id(""), Keep::new().attach_only()] {
        assert_eq!(field(&sandbox.shell(shell(keep)).result().await.unwrap_err()), "keep.id");
    }
    let error = sandbox.shell(shell(Keep::new().keep_for(Duration::ZERO))).result().await.unwrap_err();
    assert_eq!(field(&error), "keep.for");
    let options = jetway::ExecOptions::default().keep(Keep::new());
    assert_eq!(field(&sandbox.exec(["true"], options).await.unwrap_err()), "keep");
    site.close().await;
}
