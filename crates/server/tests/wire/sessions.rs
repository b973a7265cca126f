//! Sessions: what pauses goes on where it was, or its files do.

use std::time::Duration;

use jetway_server::wire::{
    jetway::{
        AcquireSandboxRequest, CreateSessionRequest, DeleteSessionRequest, GetSessionRequest, PauseSessionRequest,
        ResumeKind, ResumeSessionRequest, Session, SessionState, pool_service_client::PoolServiceClient,
        session_service_client::SessionServiceClient,
    },
    sandbox::State,
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
