//! The pool: what is released is gone, whatever its user left, and there is a limit.

use std::time::{Duration, SystemTime};

use jetway_server::wire::{
    jetway::{
        AcquireSandboxRequest, GetPoolStatsRequest, PoolStats, ReleaseSandboxRequest,
        pool_service_client::PoolServiceClient,
    },
    sandbox::{ExecRequest, ListSandboxesRequest},
};
use tonic::{Code, service::interceptor::InterceptedService, transport::Channel};

use crate::harness::{Bearer, Client, Running, create, idle, server_with};

type Pool = PoolServiceClient<InterceptedService<Channel, Bearer>>;

const LEAVE: &str = include_str!("leave.py");
const SEARCH: &str = include_str!("search.py");
const HALVES: [&str; 2] = ["jw-mark", "-of-the-first-user"];

async fn open(warm: usize, most: usize) -> (Running, Pool) {
    let server = server_with(|config| (config.pool_warm, config.pool_most) = (warm, most)).await;
    let pool = PoolServiceClient::new(server.connection());
    (server, pool)
}

async fn acquire(pool: &mut Pool) -> String {
    pool.acquire_sandbox(AcquireSandboxRequest::default()).await.unwrap().into_inner().sandbox_id
}

async fn release(pool: &mut Pool, sandbox_id: &str) {
    pool.release_sandbox(ReleaseSandboxRequest { sandbox_id: sandbox_id.into() }).await.unwrap();
}

async fn stats(pool: &mut Pool) -> PoolStats {
    pool.get_pool_stats(GetPoolStatsRequest {}).await.unwrap().into_inner()
}

/// Runs a program and gives its lines.
async fn python(client: &mut Client, sandbox_id: &str, program: &str, arguments: &[&str]) -> Vec<String> {
    let interpreter = ["python3", "-I", "-S", "-c", program];
    let command = interpreter.iter().chain(arguments).map(|part| (*part).to_owned());
    let request = ExecRequest { sandbox_id: sandbox_id.into(), command: command.collect(), ..Default::default() };
    let done = client.exec(request).await.unwrap().into_inner();
    assert_eq!(done.exit_code, 0, "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn nothing_of_one_user_of_the_pool_is_there_for_the_next() {
    let (server, mut pool) = open(1, 3).await;
    let mut client = server.client();
    let begun = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap() - Duration::from_secs(1);
    let begun = begun.as_secs().to_string();
    let search = [HALVES[0], HALVES[1], &begun];

    let first = acquire(&mut pool).await;
    let left = python(&mut client, &first, LEAVE, &[&HALVES.concat()]).await;
    let directories: usize = left[0].parse().unwrap();
    assert!(directories >= 4, "a user could write to {directories} directories only");
    // The search finds each kind where it is.
    let found = python(&mut client, &first, SEARCH, &search).await;
    let count = |kind: &str| found.iter().filter(|line| line.starts_with(kind)).count();
    assert_eq!((count("name"), count("content")), (directories, directories), "{found:#?}");
    for kind in ["cmdline", "environ", "port of tcp", "port of udp", "socket by name", "shared memory"] {
        assert_eq!(count(kind), 1, "{kind}: {found:#?}");
    }

    release(&mut pool, &first).await;
    let second = acquire(&mut pool).await;
    assert_ne!(first, second);
    assert_eq!(python(&mut client, &second, SEARCH, &search).await, Vec::<String>::new());
    drop(pool);
    server.stop().await;
}

#[tokio::test]
async fn the_pool_has_a_limit_and_says_how_it_stands() {
    let (server, mut pool) = open(2, 2).await;
    loop {
        let stats = stats(&mut pool).await;
        if stats.idle == 2 {
            assert_eq!((stats.active, stats.creating, stats.max), (0, 0, 2));
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut client = server.client();
    let listed = client.list_sandboxes(ListSandboxesRequest::default()).await.unwrap().into_inner().sandboxes;
    assert!(listed.is_empty(), "what waits is nobody's");
    let (first, second) = (acquire(&mut pool).await, acquire(&mut pool).await);
    let full = pool.acquire_sandbox(AcquireSandboxRequest::default()).await.unwrap_err();
    assert_eq!(full.code(), Code::ResourceExhausted);
    assert_eq!(stats(&mut pool).await.active, 2);
    release(&mut pool, &first).await;
    let third = acquire(&mut pool).await;
    assert!(third != first && third != second);
    let own = create(&mut client, idle()).await;
    let not_pooled = pool.release_sandbox(ReleaseSandboxRequest { sandbox_id: own }).await.unwrap_err();
    assert_eq!(not_pooled.code(), Code::FailedPrecondition);
    drop(pool);
    server.stop().await;
}
