//! A sandbox's life: main command, logs, stop, a server that is killed and comes back.

use std::{
    collections::HashSet,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use jetway_server::runtime::{
    LogFiles, Runtime, RuntimeError,
    local::{LocalConfig, LocalRuntime},
};

use crate::support::{config, ended, plan, printed, request, script_plan, sh, site};

fn log(files: &LogFiles) -> String {
    std::fs::read_to_string(&files.data).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn main_is_logged_in_order_with_times_and_its_exit_is_kept() {
    let site = site();
    let begun = std::time::SystemTime::now();
    let script = "echo one; sleep 0.2; echo two >&2; sleep 0.2; printf three; exit 5";
    let sandbox = site.runtime.start(script_plan("box", script)).await.unwrap();
    assert_eq!(sandbox.main_exit("main").await, ended(5));
    assert_eq!(sandbox.main_exit("").await, ended(5));
    let files = sandbox.logs("main").unwrap();
    assert_eq!(log(&files), "one\ntwo\nthree");
    assert!(sandbox.logs("other").is_none());

    let index = std::fs::read(&files.index).unwrap();
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap());
    let records: Vec<(u64, u64)> =
        index.chunks(16).map(|record| (number(&record[..8]), number(&record[8..]))).collect();
    assert_eq!(records.iter().map(|record| record.0).collect::<Vec<_>>(), [4, 8, 13]);
    let start = begun.duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    assert!(records[0].1 > start && records[0].1 + 150_000_000 < records[1].1, "{records:?}");
    // The sandbox stays for files and execs until it is removed.
    assert_eq!(sh(&sandbox, "echo after").await, printed("after\n"));
    assert_eq!(log(&files), "one\ntwo\nthree", "an exec's output is not the main command's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_main_command_that_does_not_exist_says_so_in_the_log() {
    let site = site();
    let mut plan = plan("box");
    plan.containers[0].argv = vec!["no-such-main".into()];
    let sandbox = site.runtime.start(plan).await.unwrap();
    assert_eq!(sandbox.main_exit("").await, ended(127));
    assert_eq!(log(&sandbox.logs("").unwrap()), "no-such-main: command not found\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_main_command_that_ends_at_once_is_never_missed() {
    let site = site();
    for number in 0..100 {
        let mut plan = plan(&format!("box-{number}"));
        plan.containers[0].argv = vec!["/bin/false".into()];
        let sandbox = site.runtime.start(plan).await.unwrap();
        let exit = tokio::time::timeout(Duration::from_secs(60), sandbox.main_exit("")).await;
        assert_eq!(exit.expect("its end was reported"), ended(1));
        sandbox.remove().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_asks_first_and_kills_after_the_grace() {
    let site = site();
    // A plain sleep ends at TERM although nobody traps it: it is not process one. The grace is longer than any patience.
    let polite = site.runtime.start(script_plan("polite", "exec sleep infinity")).await.unwrap();
    soon(polite.stop(Duration::from_secs(3600))).await.unwrap();
    assert_eq!(polite.main_exit("").await, ended(143));

    let script = "trap 'echo asked' TERM; echo up; while :; do sleep 0.05; done";
    let stubborn = site.runtime.start(script_plan("stubborn", script)).await.unwrap();
    while log(&stubborn.logs("").unwrap()).is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    soon(stubborn.stop(Duration::from_secs(2))).await.unwrap();
    assert_eq!(stubborn.main_exit("").await, ended(137));
    let log = log(&stubborn.logs("").unwrap());
    assert!(log.contains("asked\n"), "{log:?}");
    assert!(matches!(stubborn.exec(request(&["true"])).await.err().unwrap(), RuntimeError::Gone(_)));
    stubborn.stop(Duration::ZERO).await.unwrap();
}

/// The main command may be between a fork and an exec when TERM comes, where a shell drops it: what is left is asked again.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_right_after_a_start_does_not_take_the_whole_grace() {
    let site = site();
    for number in 0..60 {
        let sandbox = site.runtime.start(plan(&format!("box-{number}"))).await.unwrap();
        soon(sandbox.stop(Duration::from_secs(3600))).await.unwrap();
        soon(sandbox.remove()).await.unwrap();
    }
}

/// Longer than anything takes on a busy machine, and much shorter than the graces given here.
async fn soon<T>(done: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), done).await.expect("it ends long before its grace is over")
}

#[tokio::test(flavor = "multi_thread")]
async fn losing_the_agent_is_told_as_it_is() {
    let site = site();
    let sandbox = site.runtime.start(plan("box")).await.unwrap();
    let mut handle = sandbox.exec(request(&["sleep", "1000"])).await.unwrap();
    let record = std::fs::read_to_string(site.data_dir.path().join("sandboxes/box/state.json")).unwrap();
    let pid: i32 = record.split_once("\"pid\":").unwrap().1.split(',').next().unwrap().parse().unwrap();
    Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
    tokio::time::timeout(Duration::from_secs(60), sandbox.gone()).await.unwrap();
    assert!(handle.control.wait().await.lost.is_some());
    assert!(sandbox.main_exit("").await.lost.is_some());
    assert!(matches!(sandbox.exec(request(&["true"])).await.err().unwrap(), RuntimeError::Gone(_)));
    sandbox.remove().await.unwrap();
    sandbox.remove().await.unwrap();
}

/// Runs when the test below starts this very program again; does nothing in an ordinary run.
#[tokio::test(flavor = "multi_thread")]
async fn helper_that_is_a_server_to_be_killed() {
    let Some(data_dir) = std::env::var_os("JETWAY_TEST_SERVER_DIR") else { return };
    let ephemeral = std::env::var_os("JETWAY_TEST_SERVER_EPHEMERAL").is_some();
    let config = LocalConfig { ephemeral, ..config(data_dir.as_ref()) };
    let runtime = LocalRuntime::new(config).unwrap();
    let script = "echo before; until [ -e /workspace/go ]; do sleep 0.02; done; echo after; exit 9";
    let sandbox = runtime.start(script_plan("box", script)).await.unwrap();
    assert_eq!(sh(&sandbox, "echo kept > /workspace/file; (sleep 5678 &)").await.code, 0);
    println!("serving");
    std::future::pending::<()>().await;
}

/// Starts the helper, waits until its sandbox is up, and kills it.
fn run_and_kill(data_dir: &std::path::Path, ephemeral: bool) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "life::helper_that_is_a_server_to_be_killed", "--nocapture"]);
    command.env("JETWAY_TEST_SERVER_DIR", data_dir).stdout(Stdio::piped());
    if ephemeral {
        command.env("JETWAY_TEST_SERVER_EPHEMERAL", "1");
    }
    // A program that starts servers carelessly: the agent must not keep what leaked into it.
    let (leaked, other_end) = std::io::pipe().unwrap();
    rustix::io::fcntl_setfd(&leaked, rustix::io::FdFlags::empty()).unwrap();
    let mut server = command.spawn().unwrap();
    drop(leaked);
    let lines = BufReader::new(server.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.contains("serving")), "the server did not come up");
    server.kill().unwrap();
    server.wait().unwrap();
    // Other tests' servers, started at the same moment, may hold it a little longer.
    let deadline = Instant::now() + Duration::from_secs(60);
    while std::io::Write::write(&mut &other_end, b"x").is_ok() {
        assert!(Instant::now() < deadline, "the agent holds a descriptor that is not its own");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_servers_sandbox_is_found_again_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    run_and_kill(directory.path(), false);
    let runtime = LocalRuntime::new(config(directory.path())).unwrap();
    runtime.sweep(&HashSet::from(["box".to_owned()])).await.unwrap();
    let sandbox = runtime.adopt(script_plan("box", "")).await.unwrap().expect("it lives");
    assert!(runtime.adopt(plan("other")).await.unwrap().is_none());
    assert_eq!(sh(&sandbox, "cat /workspace/file; ps -e -o args= | grep -c '^sleep 5678'").await, printed("kept\n1\n"));
    assert_eq!(log(&sandbox.logs("").unwrap()), "before\n");
    assert_eq!(sandbox.view().description.split(' ').next(), Some("host"));
    sh(&sandbox, "touch /workspace/go").await;
    assert_eq!(sandbox.main_exit("").await, ended(9));
    assert_eq!(log(&sandbox.logs("").unwrap()), "before\nafter\n");

    // Found once more, it still knows how its main command ended.
    let again = runtime.adopt(script_plan("box", "")).await.unwrap().unwrap();
    assert_eq!(again.main_exit("").await, ended(9));
    again.remove().await.unwrap();
    assert!(!directory.path().join("sandboxes/box").exists());
    tokio::time::timeout(Duration::from_secs(60), sandbox.gone()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unwanted_sandbox_of_a_killed_server_is_swept() {
    let directory = tempfile::tempdir().unwrap();
    run_and_kill(directory.path(), false);
    let runtime = LocalRuntime::new(config(directory.path())).unwrap();
    runtime.sweep(&HashSet::new()).await.unwrap();
    assert!(runtime.adopt(script_plan("box", "")).await.unwrap().is_none());
    assert_eq!(std::fs::read_dir(directory.path().join("sandboxes")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ephemeral_servers_sandbox_dies_with_it() {
    let directory = tempfile::tempdir().unwrap();
    run_and_kill(directory.path(), true);
    let runtime = LocalRuntime::new(config(directory.path())).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while runtime.adopt(script_plan("box", "")).await.unwrap().is_some() {
        assert!(Instant::now() < deadline, "it lives on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    runtime.sweep(&HashSet::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_counts_the_sandboxes_processes() {
    let site = site();
    let sandbox = site.runtime.start(script_plan("box", "while :; do :; done")).await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let usage = sandbox.usage().await;
        if usage.cpu_millicores > 100 && usage.memory_bytes > 100_000 {
            break;
        }
        assert!(Instant::now() < deadline, "{usage:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
