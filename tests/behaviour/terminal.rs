//! Shells in terminals.

use std::time::Duration;

use futures::StreamExt;
use jetway::{ErrorKind, process::TerminalSize, sandbox::ShellOptions};

use crate::support::Site;

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_has_the_size_that_it_was_given_and_follows_a_new_one() {
    let site = Site::open().await;
    let mut shell = site.sandbox().shell(ShellOptions::default().command(["/bin/sh"]).size(100, 30));
    let mut output = shell.output().unwrap();
    let mut shown = String::new();
    for (size, expected) in [(None, "30 100"), (Some((120, 40)), "40 120")] {
        if let Some((cols, rows)) = size {
            shell.resize(TerminalSize { cols, rows }).await.unwrap();
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        shell.write("stty size\n").await.unwrap();
        let seeing = async {
            while !shown.contains(expected) {
                shown.push_str(&String::from_utf8_lossy(&output.next().await.unwrap().unwrap()));
            }
        };
        tokio::time::timeout(Duration::from_secs(10), seeing).await.expect("the size is not shown");
    }
    shell.write("exit 5\n").await.unwrap();
    drop(output);
    assert_eq!(shell.result().await.unwrap().exit_code, 5);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sizes_that_no_terminal_has_are_refused() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let mut shell = sandbox.shell(ShellOptions::default());
    let error = shell.resize(TerminalSize { cols: 0, rows: 1 }).await.unwrap_err();
    assert_eq!(crate::support::field(&error), "tty");
    shell.cancel();
    assert_eq!(shell.result().await.unwrap_err().kind(), ErrorKind::Cancelled);
    site.close().await;
}
