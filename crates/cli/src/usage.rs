//! What one sandbox uses, as a process in it reads from /proc. Must not know: how it is shown.

use std::time::Duration;

use futures::StreamExt;
use jetway::{
    ExecOptions, Sandbox,
    process::{Lines, Process},
    sandbox::SandboxInfo,
};

/// Prints a look at every process, then a line of its own with the time; `$1` is how long to wait between two, but for the
/// first two, which come soon so that there is something to say. The shell alone does it: a look at a sandbox should not be
/// what it is busy with.
const LOOK: &str = r#"page=$(getconf PAGESIZE 2>/dev/null || echo 4096); tick=$(getconf CLK_TCK 2>/dev/null || echo 100)
n=0.5
while :; do
  for f in /proc/[0-9]*/stat; do read -r line <"$f" && echo "$line"; done 2>/dev/null
  read -r up rest </proc/uptime; echo "= $up $page $tick $$"
  sleep "$n" || exit; n=$1
done"#;
/// How long a sandbox may be silent beyond its interval before it is shown without figures.
const PATIENCE: Duration = Duration::from_secs(5);
/// What a sandbox uses.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Of one core.
    pub cpu_percent: f64,
    /// In RAM, of all processes.
    pub memory_bytes: u64,
    /// How many, without the one that looks.
    pub processes: usize,
}

/// Looks at one sandbox again and again.
pub struct Meter {
    id: String,
    info: SandboxInfo,
    // Held: without it the process that looks would end.
    _process: Process,
    lines: Option<Lines>,
    before: Option<Look>,
    interval: Duration,
}

impl Meter {
    /// Starts to look.
    pub fn start(sandbox: Sandbox, interval: Duration) -> Self {
        let info = sandbox.info();
        let wait = format!("{:.3}", interval.as_secs_f64());
        let process = sandbox.exec(["/bin/sh", "-c", LOOK, "sh", &wait], ExecOptions::default());
        let lines = process.lines();
        Self { id: info.id.clone(), info, _process: process, lines, before: None, interval }
    }

    /// Which sandbox.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What is known about it.
    pub fn info(&self) -> &SandboxInfo {
        &self.info
    }

    /// What it uses, since the look before. `None` where that cannot be said.
    pub async fn read(&mut self) -> Option<Reading> {
        let limit = self.interval + PATIENCE;
        tokio::time::timeout(limit, self.next()).await.ok().flatten()
    }

    async fn next(&mut self) -> Option<Reading> {
        loop {
            let look = self.look().await?;
            let before = self.before.replace(look.clone());
            if let Some(before) = before {
                return look.since(&before);
            }
        }
    }

    async fn look(&mut self) -> Option<Look> {
        let mut lines = Vec::new();
        loop {
            let line = self.lines.as_mut()?.next().await?.ok()?;
            match line.strip_prefix("= ") {
                Some(end) => return Look::read(&lines, end),
                None => lines.push(line),
            }
        }
    }
}

/// One look.
#[derive(Debug, Clone, PartialEq)]
struct Look {
    at: f64,
    cpu_ticks: f64,
    ticks_per_second: f64,
    memory_bytes: u64,
    processes: usize,
}

impl Look {
    fn read(processes: &[String], end: &str) -> Option<Self> {
        let end: Vec<f64> = end.split(' ').filter_map(|field| field.parse().ok()).collect();
        let [at, page, tick, own] = end[..] else { return None };
        let mut look = Self { at, cpu_ticks: 0.0, ticks_per_second: tick, memory_bytes: 0, processes: 0 };
        for line in processes {
            // The name stands in brackets and may have any of them in it.
            let (Some((pid, _)), Some((_, rest))) = (line.split_once(" ("), line.rsplit_once(") ")) else { continue };
            let fields: Vec<&str> = rest.split(' ').collect();
            let number = |index: usize| fields.get(index).and_then(|it| it.parse::<f64>().ok()).unwrap_or_default();
            // With what their ended children used: the sum over all is all that was ever used.
            let used = number(11) + number(12) + number(13) + number(14);
            let ours = pid.parse() == Ok(own) || number(1) == own;
            look.cpu_ticks += used;
            if !ours {
                look.memory_bytes += (number(21).max(0.0) * page) as u64;
                look.processes += 1;
            }
        }
        Some(look)
    }

    fn since(&self, before: &Self) -> Option<Reading> {
        let passed = self.at - before.at;
        // What an orphan used goes with it: less than before is nothing, not less than nothing.
        let cpu_percent = ((self.cpu_ticks - before.cpu_ticks).max(0.0) / self.ticks_per_second / passed) * 100.0;
        let Self { memory_bytes, processes, .. } = *self;
        cpu_percent.is_finite().then_some(Reading { cpu_percent, memory_bytes, processes })
    }
}

#[cfg(test)]
mod tests {
    use super::{Look, Reading};

    #[test]
    fn a_look_is_read_whatever_the_names() {
        let stat = |pid: u32, name: &str, parent: u32, used: [u32; 4], pages: u32| {
            let [user, system, children_user, children_system] = used;
            format!(
                "{pid} ({name}) S {parent} 1 1 0 -1 0 0 0 0 0 {user} {system} {children_user} {children_system} 20 0 1 0 5 999 {pages} 1"
            )
        };
        let lines = |used| [stat(1, "in) it (", 0, [used, 0, 50, 50], 10), stat(7, "sh", 1, [1, 1, 0, 0], 100)];
        let first = Look::read(&lines(100), "10.00 4096 100 7").unwrap();
        let second = Look::read(&lines(300), "12.00 4096 100 7").unwrap();
        let reading = Reading { cpu_percent: 100.0, memory_bytes: 40_960, processes: 1 };
        assert_eq!(second.since(&first), Some(reading));
        assert_eq!(first.since(&first), None);
        assert_eq!(Look::read(&[], "nonsense"), None);
    }
}
