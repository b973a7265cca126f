//! Signals, which the wire has no call for: a process carries a mark in its environment, and a second process beside it
//! finds the mark and sends the signal. Works wherever there is `/proc` and a shell.
//! Must not know: `Sandbox`.

use std::time::Duration;

use super::{ExecEvent, ExecOptions, ExecPlan, OutputState};
use crate::{
    client::{self, CallOptions, Client},
    error::{CallContext, Error, Operation},
    platform::random_bytes,
};

/// The variable that a process can be found by.
pub const MARK_VARIABLE: &str = "JETWAY_PROCESS_ID";

/// `$1` is the variable with its value, `$2` the signal. Exits with 0 when there was something to signal. Looks again until
/// there is nobody new: what was started meanwhile would outlive its parent and hold its output open.
const SIGNAL_MARKED: &str = r#"seen=' ' new=1
while [ -n "$new" ]; do
  new=
  for e in /proc/[0-9]*/environ; do
    p=${e#/proc/} p=${p%/environ}
    case $seen in *" $p "*) continue ;; esac
    tr '\0' '\n' <"$e" 2>/dev/null | grep -qxF "$1" || continue
    seen="$seen$p " new=1
    kill -s "$2" "$p" 2>/dev/null && found=1
  done
done; [ -n "$found" ]"#;

/// How long finding and signalling may take.
const LIMIT: Duration = Duration::from_secs(15);

/// A value that no other process has. `None` where the host has no randomness.
pub(super) fn mark() -> Option<String> {
    random_bytes::<12>().map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A signal's name as `kill -s` takes it: `TERM` of `SIGTERM`, `term` or `TERM`; numbers stay.
///
/// # Errors
/// Validation, naming `signal`.
pub fn signal_name(signal: &str) -> Result<String, Error> {
    let upper = signal.trim().to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let is_number = name.parse::<u8>().is_ok_and(|number| (1..=64).contains(&number));
    let is_name = name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '+' || c == '-');
    match is_number || is_name {
        true => Ok(name.to_owned()),
        false => Err(Error::invalid("signal", format!("{signal:?} is no signal; e.g. \"TERM\", \"INT\" or 15"))),
    }
}

/// The command that signals every process with this mark: the marked one and what it started.
pub fn signal_command(mark: &str, signal: &str) -> Vec<String> {
    let variable = format!("{MARK_VARIABLE}={mark}");
    ["/bin/sh", "-c", SIGNAL_MARKED, "sh", &variable, signal].map(str::to_owned).to_vec()
}

/// Sends the signal, and says whether there was a process to take it.
pub(super) async fn send(
    client: &Client,
    sandbox_id: &str,
    container: Option<String>,
    mark: &str,
    signal: &str,
) -> Result<bool, Error> {
    let plan = ExecPlan::new(signal_command(mark, signal), ExecOptions { container, ..Default::default() })?;
    let context = CallContext::on(Operation::StreamExec, sandbox_id);
    let head = client.call_head(context, &CallOptions::timeout(LIMIT)).await?;
    let mut stream = client::exec::open(client, head, plan.init(sandbox_id), false).await?;
    let mut state = OutputState::new(sandbox_id);
    let failure = loop {
        match stream.output.next().await {
            Some(Ok(message)) => match state.accept(message) {
                Ok(Some(ExecEvent::Exit(_))) => break None,
                Ok(_) => {}
                Err(error) => break Some(error),
            },
            Some(Err(error)) => break Some(error),
            None => break None,
        }
    };
    state.finish(failure).map(|code| code == 0)
}

#[cfg(test)]
mod tests {
    use super::signal_name;

    #[test]
    fn signals_have_one_spelling() {
        for text in ["TERM", "SIGTERM", "term", " sigterm "] {
            assert_eq!(signal_name(text).unwrap(), "TERM");
        }
        assert_eq!(signal_name("RTMIN+1").unwrap(), "RTMIN+1");
        assert_eq!(signal_name("15").unwrap(), "15");
    }

    #[test]
    fn what_is_no_signal_is_refused_by_name() {
        for text in ["", "0", "65", "-1", "SIG", "TE RM", "$(reboot)", "TERM; ls"] {
            assert_eq!(signal_name(text).unwrap_err().field_violations()[0].field, "signal", "{text}");
        }
    }
}
