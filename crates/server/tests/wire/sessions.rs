//! Sessions and the pool: what pauses goes on where it was, or its files do; what is released is gone.

use std::time::Duration;

use jetway_server::wire::{
    jetway::{
        AcquireSandboxRequest, CreateSessionRequest, DeleteSessionRequest, GetPoolStatsRequest, GetSessionRequest,
        PauseSessionRequest, ReleaseSandboxRequest, ResumeKind, ResumeSessionRequest, Session, SessionState,
        pool_service_client::PoolServiceClient, session_service_client::SessionServiceClient,
    },
    sandbox::{ListSandboxesRequest, State},
};
use tonic::{Code, service::interceptor::InterceptedService, transport::Channel};

use crate::harness::{Bearer, Running, create, idle, server, server_in, server_with, sh, wait_for};

type Sessions = SessionServiceClient<InterceptedService<Channel, Bearer>>;
type Pool = PoolServiceClient<InterceptedService<Channel, Bearer>>;

fn clients(server: &Running) -> (Sessions, Pool) {
    let sessions = SessionServiceClient::with_interceptor(server.channel(), server.bearer());
    (sessions, PoolServiceClient::with_interceptor(server.channel(), server.bearer()))
}

async fn open(sessions: &mut Sessions) -> Session {
    sessions.create_session(CreateSessionRequest::default()).await.unwrap().into_inner()
}

async fn acquire(pool: &mut Pool, session_id: &str) -> String {
    let request = AcquireSandboxRequest { session_id: session_id.into(), ..Default::default() };
    pool.acquire_sandbox(request).await.unwrap().into_inner().sandbox_id
}

async fn pause(sessions: &mut Sessions, id: &str) -> Session {
    sessions.pause_session(PauseSessionRequest { session_id: id.into() }).await.unwrap().into_inner()
}

async fn resume(sessions: &mut Sessions, id: &str) -> (ResumeKind, Session) {
    let answer = sessions.resume_session(ResumeSessionRequest { session_id: id.into() }).await.unwrap().into_inner();
    (answer.kind(), answer.session.unwrap())
}

/// A process that counts, and where it is.
const COUNT: &str =
    "nohup sh -c 'i=0; while :; do i=$((i+1)); echo $i > /workspace/count; sleep 0.01; done' >/dev/null 2>&1 &
    echo $! > /workspace/pid; while [ ! -s /workspace/count ]; do sleep 0.01; done";

#[tokio::test]
async fn a_paused_session_goes_on_where_it_was() {
    let server = server().await;
    let (mut sessions, mut pool) = clients(&server);
    let mut client = server.client();
    let session = open(&mut sessions).await.session_id;
    let id = acquire(&mut pool, &session).await;
    assert_eq!(sh(&mut client, &id, COUNT).await.exit_code, 0);
    let paused = pause(&mut sessions, &session).await;
    assert_eq!((paused.state(), paused.workspace_saved), (SessionState::Paused, true));
    wait_for(&mut client, &id, State::Paused).await;
    let refused = client.exec(crate::harness::command(&id, "true")).await.unwrap_err();
    assert!(refused.code() == Code::FailedPrecondition && refused.message().contains("resume"), "{refused}");
    let (kind, resumed) = resume(&mut sessions, &session).await;
    assert_eq!((kind, resumed.state(), &resumed.sandbox_id), (ResumeKind::Thawed, SessionState::Active, &id));
    assert_eq!(acquire(&mut pool, &session).await, id);
    // The very process counts on.
    let goes_on = "kill -0 $(cat /workspace/pid) || exit 9; a=$(cat /workspace/count)
        while [ \"$(cat /workspace/count)\" = \"$a\" ] || [ -z \"$(cat /workspace/count)\" ]; do sleep 0.01; done";
    assert_eq!(sh(&mut client, &id, goes_on).await.exit_code, 0);
    server.stop().await;
}

#[tokio::test]
async fn a_session_whose_sandbox_is_lost_gets_its_files_in_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let server = server_in(dir.path(), |_| {}).await;
    let (mut sessions, mut pool) = clients(&server);
    let session = open(&mut sessions).await.session_id;
    let id = acquire(&mut pool, &session).await;
    let mut client = server.client();
    sh(&mut client, &id, "mkdir -p d; printf 'kept' > 'd/a file'; ln -s 'a file' d/link; chmod 700 d").await;
    pause(&mut sessions, &session).await;
    drop((sessions, pool, client));
    // Stops every sandbox, the paused one too.
    server.stop().await;

    let server = server_in(dir.path(), |_| {}).await;
    let (mut sessions, mut pool) = clients(&server);
    let (kind, resumed) = resume(&mut sessions, &session).await;
    assert_eq!(kind, ResumeKind::Restored);
    assert_ne!(resumed.sandbox_id, id);
    let id = acquire(&mut pool, &session).await;
    assert_eq!(id, resumed.sandbox_id);
    let mut client = server.client();
    assert_eq!(&sh(&mut client, &id, "cat d/link; stat -c %a d").await.stdout[..], b"kept700\n");
    let request = DeleteSessionRequest { session_id: session.clone(), ..Default::default() };
    sessions.delete_session(request.clone()).await.unwrap();
    assert_eq!(sessions.delete_session(request.clone()).await.unwrap_err().code(), Code::NotFound);
    sessions.delete_session(DeleteSessionRequest { allow_missing: true, ..request }).await.unwrap();
    wait_for(&mut client, &id, State::Terminated).await;
    assert_eq!(std::fs::read_dir(dir.path().join("workspaces")).unwrap().count(), 0);
    drop((sessions, pool, client));
    server.stop().await;
}

#[tokio::test]
async fn a_session_does_only_what_fits_its_state() {
    let server = server().await;
    let (mut sessions, mut pool) = clients(&server);
    let id = open(&mut sessions).await.session_id;
    let active = sessions.resume_session(ResumeSessionRequest { session_id: id.clone() }).await.unwrap_err();
    assert_eq!(active.code(), Code::FailedPrecondition, "{active}");
    pause(&mut sessions, &id).await;
    let twice = sessions.pause_session(PauseSessionRequest { session_id: id.clone() }).await.unwrap_err();
    assert_eq!(twice.code(), Code::FailedPrecondition);
    let request = AcquireSandboxRequest { session_id: id.clone(), ..Default::default() };
    assert_eq!(pool.acquire_sandbox(request).await.unwrap_err().code(), Code::FailedPrecondition);
    assert_eq!(resume(&mut sessions, &id).await.0, ResumeKind::Empty);
    for unknown in ["", "no-such-session", "../../etc/passwd"] {
        let error = sessions.resume_session(ResumeSessionRequest { session_id: unknown.into() }).await.unwrap_err();
        assert!(matches!(error.code(), Code::NotFound | Code::InvalidArgument), "{error}");
    }
    let image = CreateSessionRequest { image: "no-such-image:1".into(), ..Default::default() };
    assert_eq!(sessions.create_session(image).await.unwrap_err().code(), Code::NotFound);
    server.stop().await;
}

#[tokio::test]
async fn an_own_sandbox_becomes_a_session_as_it_is() {
    let server = server().await;
    let (mut sessions, _) = clients(&server);
    let mut client = server.client();
    let id = create(&mut client, idle()).await;
    sh(&mut client, &id, "echo here > /tmp/elsewhere").await;
    let request = CreateSessionRequest { sandbox_id: id.clone(), ..Default::default() };
    let session = sessions.create_session(request.clone()).await.unwrap().into_inner();
    assert_eq!(session.sandbox_id, id);
    let bound = sessions.create_session(request).await.unwrap_err();
    assert_eq!(bound.code(), Code::FailedPrecondition);
    pause(&mut sessions, &session.session_id).await;
    assert_eq!(resume(&mut sessions, &session.session_id).await.0, ResumeKind::Thawed);
    assert_eq!(&sh(&mut client, &id, "cat /tmp/elsewhere").await.stdout[..], b"here\n");
    server.stop().await;
}

#[tokio::test]
async fn what_nobody_uses_falls_asleep_and_wakes_when_it_is_used() {
    let server = server_with(|config| config.session_idle = Some(Duration::from_millis(200))).await;
    let (mut sessions, mut pool) = clients(&server);
    let mut client = server.client();
    let session = open(&mut sessions).await.session_id;
    let id = acquire(&mut pool, &session).await;
    sh(&mut client, &id, COUNT).await;
    let asleep = loop {
        let request = GetSessionRequest { session_id: session.clone() };
        let session = sessions.get_session(request).await.unwrap().into_inner();
        if session.state() == SessionState::Paused {
            break session.asleep;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(asleep);
    assert_eq!(sh(&mut client, &id, "kill -0 $(cat /workspace/pid)").await.exit_code, 0);
    server.stop().await;
}

#[tokio::test]
async fn a_session_ends_with_its_time() {
    let server = server_with(|config| config.session_idle = Some(Duration::from_secs(2))).await;
    let (mut sessions, mut pool) = clients(&server);
    let ttl = Some(prost_types::Duration { seconds: 1, nanos: 0 });
    let request = CreateSessionRequest { ttl, ..Default::default() };
    let session = sessions.create_session(request).await.unwrap().into_inner().session_id;
    let id = acquire(&mut pool, &session).await;
    wait_for(&mut server.client(), &id, State::Terminated).await;
    let gone = sessions.get_session(GetSessionRequest { session_id: session }).await;
    assert_eq!(gone.unwrap_err().code(), Code::NotFound);
    server.stop().await;
}

#[tokio::test]
async fn nothing_of_one_user_of_the_pool_is_there_for_the_next() {
    let server = server_with(|config| {
        config.pool_warm = 1;
        config.pool_most = 3;
    })
    .await;
    let (_, mut pool) = clients(&server);
    let mut client = server.client();
    let first = acquire(&mut pool, "").await;
    let leave = "export SECRET=jw-mark-1; echo jw-mark-2 > /tmp/left; echo jw-mark-3 > /workspace/left
        mkdir -p ~/.config && echo jw-mark-4 > ~/.config/left; echo jw-mark-5 > /dev/shm/left
        nohup sleep 98765 >/dev/null 2>&1 & nohup python3 -m http.server 45678 >/dev/null 2>&1 &
        for i in $(seq 200); do grep -q B26E /proc/net/tcp && break; sleep 0.05; done; grep -c B26E /proc/net/tcp";
    assert_eq!(&sh(&mut client, &first, leave).await.stdout[..], b"1\n");
    pool.release_sandbox(ReleaseSandboxRequest { sandbox_id: first.clone() }).await.unwrap();
    let second = acquire(&mut pool, "").await;
    assert_ne!(first, second);
    let search = "grep -rls jw-mark- / --exclude-dir=proc --exclude-dir=sys --exclude-dir=usr 2>/dev/null
        env | grep jw-mark; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n' | grep jw-mark-
        cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -o 98765; grep B26E /proc/net/tcp; true";
    // The search itself names what it looks for, in its own command line only.
    let found = String::from_utf8_lossy(&sh(&mut client, &second, search).await.stdout).into_owned();
    let found: Vec<&str> = found.lines().filter(|line| *line != "98765").collect();
    assert_eq!(found, Vec::<&str>::new());
    let sleeping = sh(&mut client, &second, "for p in /proc/[0-9]*; do cat $p/comm; done").await;
    assert!(!String::from_utf8_lossy(&sleeping.stdout).contains("python3"));
    server.stop().await;
}

#[tokio::test]
async fn the_pool_has_a_limit_and_says_how_it_stands() {
    let server = server_with(|config| {
        config.pool_warm = 2;
        config.pool_most = 2;
    })
    .await;
    let (_, mut pool) = clients(&server);
    loop {
        let stats = pool.get_pool_stats(GetPoolStatsRequest {}).await.unwrap().into_inner();
        if stats.idle == 2 {
            assert_eq!((stats.active, stats.creating, stats.max), (0, 0, 2));
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut client = server.client();
    let listed = client.list_sandboxes(ListSandboxesRequest::default()).await.unwrap().into_inner().sandboxes;
    assert!(listed.is_empty(), "what waits is nobody's");
    let (first, second) = (acquire(&mut pool, "").await, acquire(&mut pool, "").await);
    let full = pool.acquire_sandbox(AcquireSandboxRequest::default()).await.unwrap_err();
    assert_eq!(full.code(), Code::ResourceExhausted);
    assert_eq!(pool.get_pool_stats(GetPoolStatsRequest {}).await.unwrap().into_inner().active, 2);
    pool.release_sandbox(ReleaseSandboxRequest { sandbox_id: first.clone() }).await.unwrap();
    let third = acquire(&mut pool, "").await;
    assert!(third != first && third != second);
    let own = create(&mut client, idle()).await;
    let not_pooled = pool.release_sandbox(ReleaseSandboxRequest { sandbox_id: own }).await.unwrap_err();
    assert_eq!(not_pooled.code(), Code::FailedPrecondition);
    server.stop().await;
}
