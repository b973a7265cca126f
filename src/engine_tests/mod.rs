//! The lifecycle engine under a scripted server: whatever happens to its calls, no operation hangs, nothing is created
//! twice, and no failure is swallowed.

mod server;

use std::{future::Future, time::Duration};

use futures::StreamExt;
use tokio::time::timeout;

use self::server::{Act, Course, Server};
use crate::{
    Client, ClientConfig, Error, ErrorKind, Sandbox, SandboxOptions, SandboxStatus, config::RetryPolicy,
    sandbox::StopOptions, wire,
};

/// Longer than anything may take that has a limit of its own; none of it is slept.
const NEVER: Duration = Duration::from_secs(3600);
const SEEDS: u64 = 400;

/// A generator that a number begins: the same number, the same script.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self, below: u64) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }

    fn millis(&mut self, below: u64) -> Duration {
        Duration::from_millis(self.next(below))
    }

    /// Mostly well; how often not is the seed's too.
    fn act(&mut self, trouble: u64, refusals: bool) -> Act {
        if self.next(100) >= trouble {
            return Act::Answer;
        }
        match self.next(if refusals { 12 } else { 9 }) {
            0 => Act::Late(self.millis(200)),
            1 => Act::Late(self.millis(40_000)),
            2 => Act::Unavailable(None),
            3 => Act::Unavailable(Some(self.millis(15_000))),
            4 => Act::LostAnswer,
            5 => Act::LostCall,
            6 => Act::Hangup,
            7 => Act::Twice,
            8 => Act::Silence,
            _ => Act::Refuse("a refusal for good"),
        }
    }
}

fn client(server: &Server) -> Client {
    let client = Client::new(ClientConfig::new("http://scripted")).unwrap();
    client.transport().use_channel(server.channel());
    client
}

/// As every operation must: to an end.
async fn ends<T>(what: &str, seed: u64, operation: impl Future<Output = T>) -> T {
    timeout(NEVER, operation).await.unwrap_or_else(|_| panic!("seed {seed}: {what} hangs"))
}

/// A failure is one of ours, says which call it was, and is of a kind that somebody can act on.
fn is_told(what: &str, seed: u64, error: &Error) {
    assert!(error.kind() != ErrorKind::Other, "seed {seed}: {what} failed without a kind: {error:?}");
    assert!(!error.message().is_empty(), "seed {seed}: {what}: {error:?}");
    let waited_too_long = error.kind() == ErrorKind::SandboxWaitTimeout;
    let ended = error.kind().is(ErrorKind::SandboxTerminated) || error.kind().is(ErrorKind::SandboxNotRunning);
    let placed = error.operation().is_some() || error.sandbox_id().is_some();
    assert!(waited_too_long || ended || placed, "seed {seed}: {what} does not say where: {error:?}");
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_to_its_calls_nothing_hangs_nothing_is_created_twice_and_no_failure_is_swallowed() {
    let (mut started, mut refused) = (0, 0);
    for seed in 0..SEEDS {
        let mut random = Seeded(seed);
        let course = Course {
            starts_after: random.millis(5_000),
            ends_after: random.millis(5_000),
            forgets: random.next(4) == 0,
        };
        let (trouble, refusals) = (random.next(80), random.next(2) == 0);
        let mut acts = Seeded(seed ^ 0x5eed);
        let server = Server::new(course, Box::new(move |_| acts.act(trouble, refusals)));
        match play(seed, &mut random, &server).await {
            true => started += 1,
            false => refused += 1,
        }
    }
    // Both sides of the coin were seen, or the scripts are worthless.
    assert!(started > 0 && refused > 0, "{started} were created, {refused} were not");
}

/// A sandbox's whole life, with many asking at the same time. Says whether it came to be.
async fn play(seed: u64, random: &mut Seeded, server: &Server) -> bool {
    let options = SandboxOptions::new().tag(format!("seed-{seed}"));
    let sandbox = Sandbox::run(&client(server), options);
    let pause = [random.millis(20_000), random.millis(20_000), random.millis(20_000)];
    let waits = futures::future::join_all((0..3).map(|_| sandbox.wait(Some(Duration::from_secs(120)))));
    let complete = async {
        tokio::time::sleep(pause[0]).await;
        sandbox.wait_until_complete(Some(Duration::from_secs(600)), false).await
    };
    let stops = async {
        tokio::time::sleep(pause[1]).await;
        let stop = || sandbox.stop(StopOptions::default());
        futures::join!(stop(), stop())
    };
    let changes = async {
        tokio::time::sleep(pause[2]).await;
        // One that could not be stopped runs on, and so do its states.
        let enough = tokio::time::sleep(Duration::from_secs(1000));
        sandbox.status_changes().take_until(enough).collect::<Vec<_>>().await
    };
    let all = ends("the life of a sandbox", seed, async { futures::join!(waits, complete, stops, changes) });
    let (waits, complete, (first, second), changes) = all.await;
    let started = ends("start", seed, sandbox.start()).await;
    let truth = server.truth();

    // Nothing twice: one request id, the same body each time, one sandbox at most.
    assert!(truth.created.len() <= 1, "seed {seed}: {} sandboxes: {:?}", truth.created.len(), truth.calls);
    assert!(truth.bodies.len() <= 1, "seed {seed}: {} request ids", truth.bodies.len());
    let bodies = truth.bodies.values().flatten().collect::<std::collections::HashSet<_>>();
    assert!(bodies.len() <= 1, "seed {seed}: a repeated creation was another one");

    // Nothing swallowed: what succeeded is true, what failed is told.
    let told = |states: &[wire::State]| truth.told.iter().any(|(_, told)| states.iter().any(|it| *it as i32 == *told));
    match &started {
        Ok(id) => assert!(truth.states.contains_key(id), "seed {seed}: {id} was never created"),
        Err(error) => is_told("start", seed, error),
    }
    for wait in &waits {
        match wait {
            Ok(()) => assert!(told(&[wire::State::Running]), "seed {seed}: nobody said that it runs"),
            Err(error) => is_told("wait", seed, error),
        }
        if let (Err(cause), Err(error)) = (&started, wait)
            && error.kind() != ErrorKind::SandboxWaitTimeout
        {
            assert_eq!(error.message(), cause.message(), "seed {seed}: wait hides why there is no sandbox");
        }
    }
    match &complete {
        Ok(_) => assert!(
            told(&[wire::State::Terminated]) || sandbox.status().is_terminal(),
            "seed {seed}: nobody said that it has ended"
        ),
        Err(error) => is_told("wait_until_complete", seed, error),
    }
    for stop in [&first, &second] {
        match stop {
            Ok(()) => assert!(truth.deleted > 0 && sandbox.status().is_terminal(), "seed {seed}: a stop that was none"),
            Err(error) => is_told("stop", seed, error),
        }
    }
    for pair in changes.windows(2) {
        let [Ok(before), after] = pair else { panic!("seed {seed}: states went on after a failure: {changes:?}") };
        assert!(!before.is_terminal(), "seed {seed}: {after:?} followed the end");
    }
    match changes.last() {
        Some(Ok(last)) => assert_eq!(*last, sandbox.status(), "seed {seed}: the states lack the last one"),
        Some(Err(error)) => is_told("status_changes", seed, error),
        None => panic!("seed {seed}: there was no state at all"),
    }
    // A refusal for good is passed on at once, in the server's words.
    let creations: Vec<_> = truth.calls.iter().filter(|(rpc, _)| *rpc == "CreateSandbox").collect();
    if let Some((_, Act::Refuse(why))) = creations.last() {
        assert_eq!(started.as_ref().map_err(Error::message).unwrap_err(), *why, "seed {seed}");
    }
    assert!(creations.len() <= 4, "seed {seed}: {} creations", creations.len());
    started.is_ok()
}

fn steady() -> Course {
    Course { starts_after: Duration::from_secs(20), ends_after: Duration::ZERO, forgets: false }
}

fn asked(server: &Server, rpc: &str) -> usize {
    server.truth().calls.iter().filter(|(called, _)| *called == rpc).count()
}

#[tokio::test(start_paused = true)]
async fn many_who_wait_ask_no_more_often_than_one() {
    let mut polls = Vec::new();
    for waiters in [1, 100] {
        let server = Server::new(steady(), Box::new(|_| Act::Answer));
        let sandbox = Sandbox::run(&client(&server), SandboxOptions::new());
        for result in futures::future::join_all((0..waiters).map(|_| sandbox.wait(None))).await {
            result.unwrap();
        }
        polls.push(asked(&server, "GetSandbox"));
    }
    assert_eq!(polls[0], polls[1], "polls for 1 and for 100 who wait");
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_later_waits_for_nobody_elses_pause() {
    let server = Server::new(Course { starts_after: Duration::ZERO, ..steady() }, Box::new(|_| Act::Answer));
    let sandbox = Sandbox::run(&client(&server), SandboxOptions::new());
    sandbox.wait(None).await.unwrap();
    let waiting = sandbox.clone();
    let complete = tokio::spawn(async move { waiting.wait_until_complete(None, false).await });
    // By now its pauses are as long as they get.
    tokio::time::sleep(Duration::from_millis(60_500)).await;
    let begun = tokio::time::Instant::now();
    sandbox.stop(StopOptions::default()).await.unwrap();
    complete.await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1), "virtual time: {:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn nobody_asks_any_more_when_nobody_waits() {
    let server = Server::new(steady(), Box::new(|_| Act::Answer));
    let sandbox = Sandbox::run(&client(&server), SandboxOptions::new());
    let error = sandbox.wait(Some(Duration::from_secs(2))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SandboxWaitTimeout);
    let mut changes = Box::pin(sandbox.status_changes());
    changes.next().await.unwrap().unwrap();
    drop(changes);
    let before = server.truth().calls.len();
    tokio::time::sleep(NEVER).await;
    assert_eq!(server.truth().calls.len(), before, "a poll outlived all who waited");
}

#[tokio::test(start_paused = true)]
async fn a_delay_that_the_server_asks_for_is_kept_and_one_that_is_absurd_is_an_answer() {
    let mut calls = 0;
    let script = move |_: &'static str| {
        calls += 1;
        if calls == 1 { Act::Unavailable(Some(Duration::from_secs(7))) } else { Act::Answer }
    };
    let server = Server::new(steady(), Box::new(script));
    let begun = tokio::time::Instant::now();
    Sandbox::run(&client(&server), SandboxOptions::new()).start().await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(7), "virtual time: {:?}", begun.elapsed());
    let server = Server::new(steady(), Box::new(|_| Act::Unavailable(Some(Duration::from_secs(11)))));
    let error = Sandbox::run(&client(&server), SandboxOptions::new()).start().await.unwrap_err();
    assert_eq!((error.kind(), error.retry_delay()), (ErrorKind::SandboxUnavailable, Some(Duration::from_secs(11))));
    assert_eq!(asked(&server, "CreateSandbox"), 1);
}

#[tokio::test(start_paused = true)]
async fn retries_keep_to_their_attempts_and_their_budget() {
    let outage = || Server::new(steady(), Box::new(|_| Act::Unavailable(None)));
    let tried = async |policy: RetryPolicy| {
        let server = outage();
        let client = Client::new(ClientConfig::new("http://scripted").retry(policy)).unwrap();
        client.transport().use_channel(server.channel());
        let error = Sandbox::run(&client, SandboxOptions::new()).start().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SandboxUnavailable);
        asked(&server, "CreateSandbox")
    };
    assert_eq!(tried(RetryPolicy::default()).await, 4);
    assert_eq!(tried(RetryPolicy::none()).await, 1);
    assert_eq!(tried(RetryPolicy::default().attempts(9)).await, 9);
    let second = Duration::from_secs(1);
    let within = tried(RetryPolicy::default().attempts(1000).delays(second, second).budget(10 * second)).await;
    assert_eq!(within, 10, "one a second for ten seconds");
}

#[tokio::test(start_paused = true)]
async fn a_creation_waits_for_capacity_under_the_same_id_for_as_long_as_it_is_told_to() {
    let full = || {
        let mut calls = 0;
        let script = move |_: &'static str| {
            calls += 1;
            if calls <= 5 { Act::NoCapacity } else { Act::Answer }
        };
        Server::new(steady(), Box::new(script))
    };
    let server = full();
    let error = Sandbox::run(&client(&server), SandboxOptions::new()).start().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SandboxResourceExhausted);
    assert_eq!(asked(&server, "CreateSandbox"), 1, "nobody asked for more");
    let server = full();
    let patient = SandboxOptions::new().create_retry_budget(Duration::from_secs(300));
    Sandbox::run(&client(&server), patient).start().await.unwrap();
    assert_eq!(asked(&server, "CreateSandbox"), 6);
    assert_eq!(server.truth().bodies.len(), 1, "one request id");
}

#[tokio::test(start_paused = true)]
async fn a_sandbox_that_is_forgotten_after_its_stop_says_that_its_end_is_not_known_unless_that_is_fine() {
    let course = Course { starts_after: Duration::ZERO, ends_after: Duration::from_millis(100), forgets: true };
    for missing_ok in [false, true] {
        let server = Server::new(course, Box::new(|_| Act::Answer));
        let sandbox = Sandbox::run(&client(&server), SandboxOptions::new());
        sandbox.wait(None).await.unwrap();
        let stopped = sandbox.stop(StopOptions::default().missing_ok(missing_ok)).await;
        match missing_ok {
            true => stopped.unwrap(),
            false => assert_eq!(stopped.unwrap_err().kind(), ErrorKind::TerminalStateUnavailable),
        }
        assert_eq!(sandbox.status(), SandboxStatus::Terminated);
        sandbox.stop(StopOptions::default()).await.unwrap();
        assert_eq!(asked(&server, "DeleteSandbox"), 1, "it is stopped already");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sandbox_that_is_unknown_for_a_moment_after_its_stop_is_asked_for_again() {
    let course = Course { starts_after: Duration::ZERO, ends_after: Duration::from_millis(500), forgets: false };
    let mut polls_after_stop = None;
    let script = move |rpc: &'static str| match (rpc, &mut polls_after_stop) {
        ("DeleteSandbox", _) => {
            polls_after_stop = Some(0);
            Act::Answer
        }
        ("GetSandbox", Some(polls)) if *polls < 5 => {
            *polls += 1;
            Act::NotFound
        }
        _ => Act::Answer,
    };
    let server = Server::new(course, Box::new(script));
    let sandbox = Sandbox::run(&client(&server), SandboxOptions::new());
    sandbox.wait(None).await.unwrap();
    sandbox.stop(StopOptions::default()).await.unwrap();
    assert_eq!(sandbox.status(), SandboxStatus::Terminated);
}

#[tokio::test(start_paused = true)]
async fn a_creation_whose_answer_never_comes_is_asked_for_again_and_found_done() {
    let mut calls = 0;
    let script = move |_: &'static str| {
        calls += 1;
        if calls == 1 { Act::Silence } else { Act::Answer }
    };
    let server = Server::new(steady(), Box::new(script));
    let id = Sandbox::run(&client(&server), SandboxOptions::new()).start().await.unwrap();
    assert_eq!((id.as_str(), asked(&server, "CreateSandbox")), ("sb-0", 2));
    assert_eq!(server.truth().created.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_a_creation_that_is_under_way_and_rules_out_one_that_is_not() {
    let server = Server::new(steady(), Box::new(|_| Act::Late(Duration::from_secs(3))));
    let sandbox = Sandbox::run(&client(&server), SandboxOptions::new());
    // It is under way when the server has heard of it.
    while server.truth().calls.is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    sandbox.stop(StopOptions::default()).await.unwrap();
    assert_eq!((asked(&server, "CreateSandbox"), server.truth().deleted), (1, 1));
    let never = Sandbox::prepare(&client(&server), SandboxOptions::new());
    never.stop(StopOptions::default()).await.unwrap();
    assert_eq!(never.start().await.unwrap_err().kind(), ErrorKind::SandboxNotRunning);
    assert_eq!(asked(&server, "CreateSandbox"), 1);
}
