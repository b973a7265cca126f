//! Code contexts: state, results, errors as data, interrupts, and what survives.

use std::time::{Duration, Instant};

use jetway::{
    ErrorKind, ExecOptions, Sandbox,
    code::{Context, ContextOptions, Execution, Language, RunEvent, RunOptions, RunStatus},
};

use crate::support::{Site, field};

const BOTH: [Language; 2] = [Language::Python, Language::JavaScript];

async fn context(sandbox: &Sandbox, language: Language) -> Context {
    sandbox.code().create_context(ContextOptions::new(language)).await.unwrap()
}

async fn run(context: &Context, source: &str) -> Execution {
    context.run(source.to_owned(), RunOptions::default()).await.unwrap()
}

fn limited(ms: u64) -> RunOptions {
    RunOptions::default().timeout(Duration::from_millis(ms))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_is_remembered_by_the_next_call_and_by_another_client() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    for language in BOTH {
        let context = context(&sandbox, language).await;
        run(&context, "x = 42").await;
        let again = run(&context, "x + 1").await;
        assert_eq!((again.text(), again.execution_count), (Some("43"), 2));
        let other = Sandbox::from_id(&site.client, &sandbox.id().unwrap()).await.unwrap();
        let other = other.code().context(context.id()).unwrap();
        assert_eq!(run(&other, "x").await.text(), Some("42"));
    }
    let listed = sandbox.code().list().await.unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|context| context.alive));
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_keeps_its_directory_and_its_variables_and_an_exit_code_is_data() {
    let site = Site::open().await;
    let context = context(&site.sandbox(), Language::Bash).await;
    run(&context, "cd /usr; x='a b'").await;
    let kept = run(&context, "pwd; echo $x").await;
    assert_eq!((kept.stdout_text().as_str(), kept.status, kept.error), ("/usr\na b\n", RunStatus::Ok, None));
    let failed = run(&context, "false").await;
    let error = failed.error.unwrap();
    assert_eq!((failed.status, error.name.as_str(), error.value.as_str()), (RunStatus::Error, "ExitStatus", "1"));
    let late = context.run("sleep 1000", limited(300)).await.unwrap();
    assert_eq!((late.status, run(&context, "echo $x").await.stdout_text().as_str()), (RunStatus::Timeout, "a b\n"));
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_context_needs_nothing_but_code() {
    let site = Site::open().await;
    let code = site.sandbox().code();
    code.run("import sys; x = 42", RunOptions::default()).await.unwrap();
    let printed = code.run("print(x); print('no', file=sys.stderr)", RunOptions::default()).await.unwrap();
    assert_eq!((printed.stdout_text().as_str(), printed.stderr_text().as_str()), ("42\n", "no\n"));
    assert_eq!((printed.status, printed.error, printed.restarted), (RunStatus::Ok, None, false));
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exception_is_data_and_its_traceback_shows_the_code_only() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let python = context(&sandbox, Language::Python).await;
    let failed = run(&python, "def f():\n    return 1 / 0\nf()").await;
    let error = failed.error.unwrap();
    assert_eq!((failed.status, error.name.as_str()), (RunStatus::Error, "ZeroDivisionError"));
    assert!(error.traceback.contains("return 1 / 0") && !error.traceback.contains("driver.py"), "{}", error.traceback);
    let javascript = context(&sandbox, Language::JavaScript).await;
    let error = run(&javascript, "function f() { null.x }\nf()").await.error.unwrap();
    assert_eq!(error.name, "TypeError");
    assert!(error.traceback.contains("cell-1.js:1") && !error.traceback.contains("driver"), "{}", error.traceback);
    for (context, source) in [(&python, "def f(:"), (&javascript, "let = ;;")] {
        assert_eq!(run(context, source).await.error.unwrap().name, "SyntaxError");
    }
    let broken = python.run(&b"'\xff'"[..], RunOptions::default()).await.unwrap();
    assert_eq!(broken.error.unwrap().name, "SyntaxError");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_and_an_interrupt_leave_the_state() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    for (language, endless) in [(Language::Python, "while True: pass"), (Language::JavaScript, "while (true);")] {
        let context = context(&sandbox, language).await;
        run(&context, "x = 42").await;
        let late = context.run(endless, limited(300)).await.unwrap();
        assert_eq!((late.status, late.error.unwrap().name.as_str()), (RunStatus::Timeout, "TimeoutError"));
        let mut running = context.start(endless, RunOptions::default()).unwrap();
        assert_eq!(running.next().await.unwrap().unwrap(), RunEvent::Started);
        running.interrupt();
        assert_eq!(running.finish().await.unwrap().status, RunStatus::Interrupted);
        let mut dropped = context.start(endless, RunOptions::default()).unwrap();
        assert_eq!(dropped.next().await.unwrap().unwrap(), RunEvent::Started);
        drop(dropped);
        let after = run(&context, "x").await;
        assert_eq!((after.text(), after.restarted), (Some("42"), false));
    }
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn output_without_end_is_cut_off_by_the_limit_and_the_state_stays() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    for (language, endless) in [
        (Language::Python, "while True: print('y' * 1000)"),
        (Language::JavaScript, "for (;;) console.log('y'.repeat(1000))"),
    ] {
        let context = context(&sandbox, language).await;
        run(&context, "x = 42").await;
        let late = context.run(endless, limited(500)).await.unwrap();
        assert_eq!((late.status, late.error.unwrap().name.as_str()), (RunStatus::Timeout, "TimeoutError"));
        assert!(late.stdout.starts_with(&[b'y'; 1000]) && late.stdout.len() <= 64 << 20, "{}", late.stdout.len());
        assert_eq!(run(&context, "x").await.text(), Some("42"));
    }
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interpreter_that_ends_is_reported_and_replaced() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    for (language, end) in [
        (Language::Python, "print('bye')\nimport os; os._exit(3)"),
        (Language::JavaScript, "console.log('bye'); process.exit(3)"),
    ] {
        let context = context(&sandbox, language).await;
        run(&context, "x = 42").await;
        let ended = run(&context, end).await;
        assert_eq!((ended.status, ended.restarted, ended.stdout_text().as_str()), (RunStatus::Exited, true, "bye\n"));
        assert!(ended.error.unwrap().value.contains("exited with code 3"));
        assert!(run(&context, "x").await.error.unwrap().value.contains("not defined"));
        context.restart().await.unwrap();
        assert_eq!(run(&context, "1").await.execution_count, 1);
    }
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_lines_arrive_complete_and_in_order() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let programs = [
        (Language::Python, "for i in range(10**6): print('%063d' % i)"),
        (Language::JavaScript, "for (let i = 0; i < 1e6; i++) console.log(String(i).padStart(63, '0'))"),
    ];
    for (language, program) in programs {
        let mut running = context(&sandbox, language).await.start(program, RunOptions::default()).unwrap();
        let (mut all, begun) = (Vec::new(), Instant::now());
        while let Some(event) = running.next().await {
            if let RunEvent::Stdout(data) = event.unwrap() {
                all.extend_from_slice(&data);
            }
        }
        println!("{language:?}: {:.0} MB/s", all.len() as f64 / 1e6 / begun.elapsed().as_secs_f64());
        assert_eq!(all.len(), 64_000_000);
        for (number, line) in all.chunks_exact(64).enumerate() {
            assert!(line == format!("{number:063}\n").as_bytes(), "line {number}");
        }
    }
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_outlives_its_relay_and_loses_nothing() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let context = context(&sandbox, Language::Python).await;
    let program = "import time\nfor i in range(200): print(i, flush=True); time.sleep(0.01)\n'end'";
    let mut running = context.start(program, RunOptions::default()).unwrap();
    assert_eq!(running.next().await.unwrap().unwrap(), RunEvent::Started);
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let kill = "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline | grep -q 'driver.py attach' && kill -9 ${p#/proc/}; done; true";
        sandbox.exec(["sh", "-c", kill], ExecOptions::default()).await.unwrap();
    }
    let done = running.finish().await.unwrap();
    let expected: String = (0..200).map(|i| format!("{i}\n")).collect();
    assert_eq!((done.stdout_text(), done.text(), done.status), (expected, Some("'end'"), RunStatus::Ok));
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_driver_is_put_back() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let id = {
        let code = sandbox.code();
        let context = code.create_context(ContextOptions::default()).await.unwrap();
        run(&context, "x = 42").await;
        context.id().to_owned()
    };
    sandbox.exec(["sh", "-c", "rm /tmp/.jetway/*/driver.py"], ExecOptions::default()).await.unwrap();
    assert_eq!(run(&sandbox.code().context(&id).unwrap(), "x").await.text(), Some("42"));
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_of_10_mb_runs_and_a_large_result_arrives_whole() {
    let site = Site::open().await;
    let context = context(&site.sandbox(), Language::Python).await;
    let source = format!("text = '{}'\nlen(text)", "x".repeat(10_000_000));
    assert_eq!(run(&context, &source).await.text(), Some("10000000"));
    let picture = "class Picture:\n    def _repr_png_(self): return bytes(range(256)) * 8192\nPicture()";
    let shown = run(&context, picture).await.results.remove(0);
    assert_eq!(shown.binary["image/png"].len(), 2 << 20);
    assert!(
        shown.binary["image/png"].chunks(256).all(|row| row.iter().enumerate().all(|(at, byte)| at == *byte as usize))
    );
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn contexts_stand_side_by_side_and_a_deleted_one_is_named() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let code = sandbox.code();
    let here = code.create_context(ContextOptions::default().cwd("/tmp").env("WHO", "here")).await.unwrap();
    let there = code.create_context(ContextOptions::default().cwd("/usr").env("WHO", "there")).await.unwrap();
    let ask = "import os; [os.getcwd(), os.environ['WHO']]";
    assert_eq!(run(&here, ask).await.text(), Some("['/tmp', 'here']"));
    assert_eq!(run(&there, ask).await.text(), Some("['/usr', 'there']"));
    here.delete().await.unwrap();
    let error = here.run("1", RunOptions::default()).await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::SandboxExecution, Some("CODE_CONTEXT_NOT_FOUND")));
    assert_eq!(code.list().await.unwrap().len(), 1);
    assert_eq!(field(&code.context("python/../etc").unwrap_err()), "context");
    let error = there.run("1", limited(0)).await.unwrap_err();
    assert_eq!(field(&error), "timeoutMs");
    site.close().await;
}
