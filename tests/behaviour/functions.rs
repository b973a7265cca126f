//! Functions by their source, which run in sandboxes.

use std::collections::BTreeMap;

use jetway::{ErrorKind, ExecOptions, ProcessResult, RemoteFunction, SandboxOptions, Session, sandbox::StopOptions};

use crate::support::Site;

#[tokio::test(flavor = "multi_thread")]
async fn a_function_runs_in_the_sandbox_and_its_value_comes_back() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let add = RemoteFunction::javascript("(x, y) => ({ sum: x + y + offset })").bind("offset", 10).unwrap();
    let sums: BTreeMap<String, u32> = add.call(&sandbox, (2, 3)).await.unwrap();
    assert_eq!(sums["sum"], 15);
    let nothing: Option<u32> = RemoteFunction::javascript("async () => {}").call(&sandbox, ()).await.unwrap();
    assert_eq!(nothing, None);
    let mean = RemoteFunction::python("def mean(numbers):\n    return sum(numbers) / len(numbers) * factor\n");
    let mean: f64 = mean.bind("factor", 2).unwrap().call(&sandbox, ([1, 2, 6],)).await.unwrap();
    assert!((mean - 6.0).abs() < f64::EPSILON, "{mean}");
    let left = sandbox.exec(["sh", "-c", "ls -d /tmp/sandbox_payload_* 2>/dev/null"], ExecOptions::default()).await;
    assert_eq!(left.unwrap().stdout_text(), "");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_throws_comes_back_with_its_name_message_and_stack() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let fail = RemoteFunction::python("def fail():\n    print('before')\n    return {}['key']\n");
    let error = fail.call::<u32>(&sandbox, ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SandboxExecution);
    assert_eq!(error.metadata()["exceptionType"], "KeyError");
    assert!(error.metadata()["remoteStack"].contains("line 3, in fail"), "{error:?}");
    assert_eq!(error.payload::<ProcessResult>().unwrap().stdout_text(), "before\n");
    let error = RemoteFunction::javascript("() => process.exit(3)").call::<u32>(&sandbox, ()).await.unwrap_err();
    assert!(error.message().contains("exit code 3 before it returned"), "{error}");
    let error = RemoteFunction::javascript("() => new Map()").call::<u32>(&sandbox, ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FunctionSerialization);
    assert!(error.message().contains("result: an instance of Map"), "{error}");
    let error = RemoteFunction::javascript("() => 'text'").call::<u32>(&sandbox, ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FunctionSerialization);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sessions_function_has_a_sandbox_of_its_own_for_each_call() {
    let site = Site::open().await;
    let session = Session::new(&site.client, SandboxOptions::new().env("SHAPE", "round"));
    let shape = RemoteFunction::javascript("(n) => process.env.SHAPE + n");
    for n in 1..=2 {
        let told: String = session.call(&shape, (n,), SandboxOptions::new()).await.unwrap();
        assert_eq!(told, format!("round{n}"));
    }
    assert_eq!((session.metrics().sandboxes_created, session.sandbox_count()), (2, 0));
    session.close(StopOptions::default()).await.unwrap();
    let late = session.call::<String>(&shape, (3,), SandboxOptions::new()).await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Sandbox);
    site.close().await;
}
