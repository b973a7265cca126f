//! `--scale N`: many sandboxes at a time, measured. It prints figures and judges errors only: a busy machine is not a fault.

use std::{
    fs,
    time::{Duration, Instant},
};

use futures::{StreamExt, future::join_all, stream};
use jetway_server::wire::sandbox::{Container, CreateSandboxRequest, ExecRequest, Sandbox, SandboxSpec};

use crate::server::{Client, Server};

/// The time that so many percent of them did not exceed.
pub fn part(times: &mut [Duration], percent: usize) -> Duration {
    times.sort();
    times.get((times.len() * percent / 100).min(times.len().saturating_sub(1))).copied().unwrap_or_default()
}

async fn create(mut client: Client) -> Result<String, String> {
    // Its own processes are one `sleep`.
    let spec = SandboxSpec { containers: vec![Container::default()], ..SandboxSpec::default() };
    let sandbox = Some(Sandbox { spec: Some(spec), ..Sandbox::default() });
    let request = CreateSandboxRequest { sandbox, ..CreateSandboxRequest::default() };
    Ok(client.create_sandbox(request).await.map_err(|status| format!("{status:?}"))?.into_inner().sandbox_id)
}

async fn echo(mut client: Client, id: String) -> Result<Duration, String> {
    let begun = Instant::now();
    let command = ["echo", "hi"].map(str::to_owned).to_vec();
    let request = ExecRequest { sandbox_id: id, command, ..ExecRequest::default() };
    let answer = client.exec(request).await.map_err(|status| format!("{status:?}"))?.into_inner();
    if &answer.stdout[..] == b"hi\n" { Ok(begun.elapsed()) } else { Err(format!("{answer:?}")) }
}

/// A few new ones: from the order to the first output.
async fn first_outputs(server: &Server) -> Result<Vec<Duration>, String> {
    let mut times = Vec::new();
    for _ in 0..30 {
        let begun = Instant::now();
        let id = create(server.client()).await?;
        echo(server.client(), id).await?;
        times.push(begun.elapsed());
    }
    Ok(times)
}

/// Proportional memory of the server and its agents, in KiB: what they share counts once.
fn memory(server: u32) -> u64 {
    let of = |pid: &str| {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0)
    };
    let own = server.to_string();
    let mut sum = of(&own);
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry.file_name().to_string_lossy().into_owned();
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let child = stat.rsplit_once(')').is_some_and(|(_, rest)| rest.split(' ').nth(2) == Some(&own));
        sum += if child { of(&pid) } else { 0 };
    }
    sum
}

/// Measures; the figures, or the first error.
pub async fn measure(server: &Server, count: usize) -> Result<String, String> {
    let mut alone = first_outputs(server).await?;
    let before = memory(server.pid());
    let begun = Instant::now();
    let made = stream::iter(0..count).map(|_| create(server.client())).buffer_unordered(16);
    let ids: Vec<String> = made.collect::<Vec<_>>().await.into_iter().collect::<Result<_, _>>()?;
    // Each answers, so each runs.
    let all = stream::iter(ids.clone()).map(|id| echo(server.client(), id)).buffer_unordered(32);
    all.collect::<Vec<_>>().await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let up = begun.elapsed();
    let each = memory(server.pid()).saturating_sub(before) as f64 / count as f64;

    let handles = ids.iter().cycle().take(2000).cloned();
    let flight = stream::iter(handles).map(|id| echo(server.client(), id)).buffer_unordered(32);
    let mut flight = flight.collect::<Vec<_>>().await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let at_once = join_all(ids.iter().cycle().take(1500).map(|id| echo(server.client(), id.clone()))).await;
    let mut at_once = at_once.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut later = Vec::new();
    for id in ids.iter().take(200) {
        later.push(echo(server.client(), id.clone()).await?);
    }
    let mut crowded = first_outputs(server).await?;
    let beside = tokio::task::spawn_blocking(crate::beside::measure).await.map_err(|error| error.to_string())?;
    Ok(format!(
        "{count} sandboxes up in {up:.1?}; {each:.0} KiB each for server and agent\n  create to first output p50: {:?} \
         alone, {:?} with {count} live\n  exec p50 {:?} one at a time; p50 {:?}, p99 {:?} with 32 in flight\n  1500 execs \
         at once: no error, the last after {:?}\n  beside it, with {count} live:\n    {}",
        part(&mut alone, 50),
        part(&mut crowded, 50),
        part(&mut later, 50),
        part(&mut flight.clone(), 50),
        part(&mut flight, 99),
        part(&mut at_once, 100),
        beside.join("\n    "),
    ))
}
