//! Looks at the sandbox's processes through its own `/proc`: who belongs to an exec, what they use.
//! Must not know: connections.

use std::{collections::HashSet, fs};

use rustix::process::{Pid, Signal, kill_process};

use crate::protocol::Status;

/// What one line of `/proc/PID/stat` says.
struct Entry {
    pid: i32,
    parent: i32,
    session: i32,
    ticks: u64,
    pages: u64,
}

/// Kills the session that `leader` leads and everything that descends from it, including groups it made itself.
/// A process that left both the session and the family tree (a daemon) stays, as it would after a log-out.
pub fn kill_family(leader: Pid) {
    let leader = leader.as_raw_nonzero().get();
    // A process may fork while it is being looked for: go on until a round finds nobody new.
    let mut killed = HashSet::new();
    for _ in 0..64 {
        let mut family = HashSet::from([leader]);
        let entries = entries();
        loop {
            let known = family.len();
            for entry in &entries {
                if entry.session == leader || family.contains(&entry.parent) {
                    family.insert(entry.pid);
                }
            }
            if family.len() == known {
                break;
            }
        }
        let mut news = false;
        for pid in family {
            news |= killed.insert(pid);
            if let Some(pid) = Pid::from_raw(pid).filter(|pid| !pid.is_init()) {
                // Gone already is as good as killed.
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        if !news {
            return;
        }
    }
}

/// Sends TERM again to every process that would have died of it: a child that was between its fork and its exec when the
/// first one came may have dropped it, as shells do there. Whoever handles TERM, or ignores it, is not asked twice.
pub fn terminate_unasked() {
    for entry in entries() {
        let Ok(text) = fs::read_to_string(format!("/proc/{}/status", entry.pid)) else { continue };
        if let Some(pid) = Pid::from_raw(entry.pid).filter(|pid| !pid.is_init())
            && dies_of_term(&text)
        {
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

/// Whether neither `SigIgn` nor `SigCgt` of a `/proc/PID/status` has TERM.
fn dies_of_term(status: &str) -> bool {
    let term = 1_u64 << (Signal::TERM.as_raw() - 1);
    let has = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.is_none_or(|line| u64::from_str_radix(line.trim(), 16).map_or(true, |set| set & term != 0))
    };
    !has("SigIgn:") && !has("SigCgt:")
}

/// Counts and adds up.
pub fn status() -> Status {
    let mut status = Status { cpu_micros: ended_children_micros(), ..Status::default() };
    let (tick, page) = (rustix::param::clock_ticks_per_second().max(1), rustix::param::page_size() as u64);
    for entry in entries() {
        if entry.pid != 1 {
            status.processes += 1;
            status.cpu_micros += entry.ticks * 1_000_000 / tick;
            status.memory_bytes += entry.pages * page;
        }
    }
    status
}

fn ended_children_micros() -> u64 {
    // SAFETY: an all-zero rusage is valid, and the call only writes to it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage);
        usage
    };
    let micros = |time: libc::timeval| time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64;
    micros(usage.ru_utime) + micros(usage.ru_stime)
}

fn entries() -> Vec<Entry> {
    let Ok(directory) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers = directory.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    numbers.filter_map(|pid| parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)).collect()
}

/// The command name may hold spaces and parentheses, so fields count from the last closing one.
fn parse(pid: i32, stat: &str) -> Option<Entry> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Entry {
        pid,
        parent: fields.get(1)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        ticks: number(11)? + number(12)?,
        pages: number(21)?,
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn whoever_handles_or_ignores_term_is_told_apart() {
        let status = |ignored: &str, caught: &str| format!("Name:\tx\nSigIgn:\t{ignored}\nSigCgt:\t{caught}\n");
        assert!(super::dies_of_term(&status("0000000000001000", "0000000180000000")));
        assert!(!super::dies_of_term(&status("0000000000004000", "0000000000000000")));
        assert!(!super::dies_of_term(&status("0000000000000000", "0000000000004002")));
        assert!(!super::dies_of_term(""));
    }

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let line = "7 (a) b ()) S 3 7 5 0 -1 4194560 1 0 0 0 11 4 0 0 20 0 1 0 9 1000 42 1 1";
        let entry = super::parse(7, line).unwrap();
        assert_eq!((entry.pid, entry.parent, entry.session, entry.ticks, entry.pages), (7, 3, 5, 15, 42));
    }
}
