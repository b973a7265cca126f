//! What this server is doing, as numbers in the Prometheus text format. Names and units never change once released.

use std::{fmt::Write, fs, time::UNIX_EPOCH};

use super::Api;
use crate::supervisor::State;

const STATES: [State; 6] =
    [State::Creating, State::Running, State::Terminating, State::Completed, State::Failed, State::Terminated];

impl Api {
    /// All of them.
    pub(crate) fn metrics(&self) -> String {
        let mut text = String::new();
        let all = self.supervisor().list();
        let _ = writeln!(
            text,
            "# HELP jetway_sandboxes Sandboxes that are known, by state.\n# TYPE jetway_sandboxes gauge"
        );
        for state in STATES {
            let count = all.iter().filter(|sandbox| sandbox.snapshot().state == state).count();
            let _ = writeln!(text, "jetway_sandboxes{{state=\"{}\"}} {count}", state.name());
        }
        let since = self.0.since.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        gauge(&mut text, "process_start_time_seconds", "When the server started, since the epoch.", since);
        if let Some(bytes) = resident_bytes() {
            gauge(&mut text, "process_resident_memory_bytes", "Resident memory of the server itself.", bytes);
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            gauge(&mut text, "process_open_fds", "Open descriptors of the server.", open.count() as f64);
        }
        text
    }
}

fn gauge(text: &mut String, name: &str, help: &str, value: f64) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
}

/// `None` where there is no `/proc`.
fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse::<f64>().ok().map(|kibibytes| kibibytes * 1024.0)
}
