//! One run of code in a context: what it prints, shows and raises, as it comes. Must not know: where the code is from.

use std::io::Write;

use anyhow::Result;
use console::style;
use jetway::code::{CodeResult, Context, RunEvent, RunOptions, RunStatus};

use crate::{
    exit, output,
    plots::Plots,
    signals::{Caught, Signals},
};

/// Runs it to its end and gives the exit code that says how it went. The first Ctrl-C interrupts the code, which keeps its
/// state; the second leaves.
pub async fn run(
    context: &Context,
    source: String,
    options: RunOptions,
    plots: &mut Plots,
    signals: &mut Signals,
) -> Result<u8> {
    let mut run = context.start(source, options)?;
    let (mut interrupted, mut line_ended) = (false, true);
    loop {
        let event = tokio::select! {
            event = run.next() => event,
            caught = signals.next() => {
                if interrupted || caught != Caught::Interrupt {
                    return Ok(caught.exit_code());
                }
                interrupted = true;
                run.interrupt();
                continue;
            }
        };
        let Some(event) = event else { break };
        match event? {
            RunEvent::Stdout(data) => {
                line_ended = data.ends_with(b"\n");
                output::print_bytes(&data)?;
            }
            RunEvent::Stderr(data) => {
                // Nobody there is no failure.
                let _ = std::io::stderr().write_all(&data);
            }
            RunEvent::Result(result) => {
                end_line(&mut line_ended)?;
                show(&result, plots)?;
            }
            RunEvent::Error(error) => {
                end_line(&mut line_ended)?;
                let _ = writeln!(std::io::stderr(), "{}", style(error.traceback.trim_end()).for_stderr().red());
            }
            RunEvent::Gap { stdout, stderr, .. } => {
                output::tell(&format!("{} bytes of output were dropped", stdout + stderr));
            }
            _ => {}
        }
    }
    end_line(&mut line_ended)?;
    let ended = run.finish().await?;
    if ended.restarted {
        output::tell("this is a new interpreter; what the one before knew is gone");
    }
    Ok(match ended.status {
        RunStatus::Ok => 0,
        RunStatus::Interrupted => Caught::Interrupt.exit_code(),
        RunStatus::Timeout => {
            output::tell("the time is over; what the code has set so far stays");
            exit::TIMED_OUT
        }
        _ => exit::FAILED,
    })
}

fn end_line(ended: &mut bool) -> Result<()> {
    match std::mem::replace(ended, true) {
        true => Ok(()),
        false => output::print("\n"),
    }
}

/// An image where there is one, else the best of its texts.
fn show(result: &CodeResult, plots: &mut Plots) -> Result<()> {
    if plots.show(result)? {
        return Ok(());
    }
    let text = ["text/plain", "text/markdown", "text/html"].iter().find_map(|kind| result.text(kind));
    match text {
        Some(text) => output::print(&format!("{}\n", text.trim_end_matches('\n'))),
        None => match result.data.get("application/json") {
            Some(value) => output::print(&format!("{value:#}\n")),
            None => Ok(()),
        },
    }
}
