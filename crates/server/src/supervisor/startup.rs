//! From containers that exist to a sandbox that runs: main commands in their order, probes until they succeed.
//! Must not know: the wire, the store.

use std::{collections::HashMap, time::Duration};

use futures::future::try_join_all;
use tokio::{io::AsyncReadExt, sync::watch, time::timeout};

use crate::runtime::{
    After, Condition, ContainerPlan, ExecHandle, ExecRequest, ExitStatus, Instance, ProbePlan, SandboxPlan,
};

/// Longest wait for the rest of what a probe said.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How far a container is, in the order of [`Condition`]'s first two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    Waiting,
    Started,
    Ready,
}

/// Starts what was deferred and waits for every probe. Why it failed is for people.
pub(super) async fn run(plan: &SandboxPlan, instance: &dyn Instance) -> Result<(), String> {
    let all: HashMap<&str, watch::Sender<Progress>> = plan
        .containers
        .iter()
        .map(|container| (container.name.as_str(), watch::Sender::new(Progress::Waiting)))
        .collect();
    let each = plan.containers.iter().map(|container| bring_up(container, instance, &all));
    try_join_all(each).await.map(drop)
}

async fn bring_up(
    container: &ContainerPlan,
    instance: &dyn Instance,
    all: &HashMap<&str, watch::Sender<Progress>>,
) -> Result<(), String> {
    let name = container.name.as_str();
    for After { container: other, condition } in &container.after {
        let Some(progress) = all.get(other.as_str()) else {
            return Err(format!("container {name} waits for {other}, which does not exist"));
        };
        let far_enough = if *condition == Condition::Ready { Progress::Ready } else { Progress::Started };
        // The senders live as long as this.
        let _ = progress.subscribe().wait_for(|progress| *progress >= far_enough).await;
        if *condition == Condition::Succeeded {
            let ExitStatus { code, .. } = instance.main_exit(other).await;
            if code != 0 {
                return Err(format!("container {name} waits for {other}, which ended with code {code}"));
            }
        }
    }
    if container.deferred {
        instance.start_main(name).await.map_err(|error| format!("container {name} could not start: {error}"))?;
    }
    let told = |progress| all.get(name).map(|sender| sender.send_replace(progress));
    told(Progress::Started);
    if let Some(probe) = &container.startup_probe {
        succeed(name, probe, instance).await?;
    }
    told(Progress::Ready);
    Ok(())
}

async fn succeed(name: &str, probe: &ProbePlan, instance: &dyn Instance) -> Result<(), String> {
    tokio::time::sleep(probe.initial_delay).await;
    let mut failures = 0;
    loop {
        let Err(why) = attempt(name, probe, instance).await else { return Ok(()) };
        failures += 1;
        if failures >= probe.failure_threshold.max(1) {
            return Err(format!("the startup probe of container {name} failed {failures} times, the last time {why}"));
        }
        tokio::time::sleep(probe.period).await;
    }
}

async fn attempt(name: &str, probe: &ProbePlan, instance: &dyn Instance) -> Result<(), String> {
    let request = ExecRequest { container: name.to_owned(), argv: probe.argv.clone(), ..ExecRequest::default() };
    let run = async {
        let ExecHandle { mut stdout, stderr, mut control, stdin: _ } =
            instance.exec(request).await.map_err(|error| format!("because it could not be run: {error}"))?;
        let mut said = Vec::new();
        let drained = async {
            let _ = tokio::io::copy(&mut stdout, &mut tokio::io::sink()).await;
        };
        let complained = async {
            if let Some(stderr) = stderr {
                let _ = stderr.take(2048).read_to_end(&mut said).await;
            }
        };
        let pipes = async { tokio::join!(drained, complained) };
        let status = {
            tokio::pin!(pipes);
            tokio::select! {
                _ = &mut pipes => control.wait().await,
                status = control.wait() => {
                    // What it said last is still on its way; a child that keeps the pipes open is not waited for.
                    let _ = timeout(LAST_WORDS, pipes).await;
                    status
                }
            }
        };
        match status {
            ExitStatus { code: 0, lost: None } => Ok(()),
            ExitStatus { code, .. } => {
                let said = String::from_utf8_lossy(&said);
                let line = said.lines().last().unwrap_or_default();
                Err(format!("with code {code}{}{line}", if line.is_empty() { "" } else { ": " }))
            }
        }
    };
    // Dropping it kills what still runs.
    let longest = if probe.timeout.is_zero() { Duration::from_secs(1) } else { probe.timeout };
    timeout(longest, run).await.unwrap_or_else(|_| Err(format!("after {} s without an end", longest.as_secs_f64())))
}
