//! `jetway top`: what sandboxes use, live.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use clap_complete::ArgValueCandidates;
use console::Term;
use futures::{StreamExt, future::join_all};
use indicatif::HumanBytes;
use jetway::{Client, Sandbox, sandbox::ListOptions};
use serde_json::{Value, json};

use crate::{
    candidates, duration,
    exit::Usage,
    show::{self, Format},
    signals::Signals,
    usage::{Meter, Reading},
};

/// Show the CPU and memory that sandboxes use.
///
/// Live on a terminal, until Ctrl-C; one table where the output goes elsewhere. It is read by a process in each sandbox,
/// from /proc: CPU in percent of one core, memory as the sum of what its processes have in RAM.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  jetway top
  jetway top ID1 ID2
  jetway top --tag ci --interval 5s
  jetway top -o json | jq '.[] | select(.cpuPercent > 50) | .sandboxId'
  jetway top -n 10 > usage.txt        ten tables, one after another")]
pub struct Top {
    /// Sandboxes [default: all that run]
    #[arg(value_name = "ID", add = ArgValueCandidates::new(candidates::sandboxes))]
    ids: Vec<String>,

    /// Only those with this tag; several tags must all be there
    #[arg(short, long = "tag", value_name = "TAG", conflicts_with = "ids")]
    tags: Vec<String>,

    /// How long between two looks
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "2s")]
    interval: Duration,

    /// How often to look [default: until Ctrl-C on a terminal, else once]
    #[arg(short = 'n', long, value_name = "TIMES")]
    iterations: Option<u32>,

    /// How to print it; JSON and YAML are printed once
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Shows it.
pub async fn run(top: Top, client: Client) -> Result<u8> {
    if top.interval < Duration::from_millis(100) {
        return Err(Usage::error("--interval must be at least 100ms"));
    }
    let live = Term::stdout().is_term() && top.output == Format::Table && top.iterations.is_none();
    let times = if top.output == Format::Table { top.iterations.or((!live).then_some(1)) } else { Some(1) };
    let mut signals = Signals::listen()?;
    tokio::select! {
        watched = watch(&top, &client, live, times) => watched.map(|()| 0),
        caught = signals.next() => {
            if live {
                Term::stdout().show_cursor()?;
            }
            Ok(caught.exit_code())
        }
    }
}

async fn watch(top: &Top, client: &Client, live: bool, times: Option<u32>) -> Result<()> {
    let mut meters: Vec<Meter> = Vec::new();
    let mut looked = 0;
    while times.is_none_or(|times| looked < times) {
        let sandboxes = find(top, client).await?;
        // Those that ended are left, those that are new are joined.
        meters.retain(|meter| sandboxes.iter().any(|sandbox| sandbox.id().as_deref() == Some(meter.id())));
        for sandbox in sandboxes {
            if !meters.iter().any(|meter| sandbox.id().as_deref() == Some(meter.id())) {
                meters.push(Meter::start(sandbox, top.interval));
            }
        }
        if meters.is_empty() && live {
            tokio::time::sleep(top.interval).await;
        }
        let readings = join_all(meters.iter_mut().map(Meter::read)).await;
        let mut rows: Vec<(&Meter, Option<Reading>)> = meters.iter().zip(readings).collect();
        rows.sort_by(|(_, a), (_, b)| busy(b).total_cmp(&busy(a)));
        let table = || show::table(&COLUMNS, &rows.iter().map(row).collect::<Vec<_>>());
        if live {
            redraw(&table())?;
        } else {
            show::print(top.output, || Value::Array(rows.iter().map(json).collect()), table)?;
        }
        looked += 1;
    }
    Ok(())
}

async fn find(top: &Top, client: &Client) -> Result<Vec<Sandbox>> {
    if !top.ids.is_empty() {
        let found = futures::stream::iter(&top.ids).then(async |id| Sandbox::from_id(client, id).await);
        return Ok(found.collect::<Vec<_>>().await.into_iter().collect::<Result<_, _>>()?);
    }
    let mut options = ListOptions::default().status(jetway::SandboxStatus::Running);
    options.tags.clone_from(&top.tags);
    Ok(Sandbox::list(client, options).all().await?)
}

/// In place of what was drawn before; lines that do not fit are left out rather than scrolled.
fn redraw(table: &str) -> Result<()> {
    let terminal = Term::stdout();
    let (rows, columns) = terminal.size();
    let lines = table.lines().take(usize::from(rows).saturating_sub(1).max(1));
    let fitted: Vec<_> = lines.map(|line| console::truncate_str(line, columns.into(), "…").into_owned()).collect();
    terminal.hide_cursor()?;
    terminal.clear_screen()?;
    terminal.write_line(&fitted.join("\n"))?;
    terminal.show_cursor()?;
    Ok(())
}

fn busy(reading: &Option<Reading>) -> f64 {
    reading.as_ref().map_or(-1.0, |reading| reading.cpu_percent)
}

const COLUMNS: [&str; 6] = ["ID", "CPU", "MEMORY", "LIMIT", "PROCESSES", "IMAGE"];

fn row((meter, reading): &(&Meter, Option<Reading>)) -> Vec<String> {
    let info = meter.info();
    let none = || show::NONE.to_owned();
    let say = |value: fn(&Reading) -> String| reading.as_ref().map_or_else(none, value);
    vec![
        meter.id().to_owned(),
        say(|it| format!("{:.1}%", it.cpu_percent)),
        say(|it| HumanBytes(it.memory_bytes).to_string()),
        show::or_none(info.resource_limits.memory.as_deref()),
        say(|it| it.processes.to_string()),
        show::or_none(info.image.as_deref()),
    ]
}

fn json((meter, reading): &(&Meter, Option<Reading>)) -> Value {
    json!({
        "sandboxId": meter.id(),
        "cpuPercent": reading.as_ref().map(|it| it.cpu_percent),
        "memoryBytes": reading.as_ref().map(|it| it.memory_bytes),
        "memoryLimit": meter.info().resource_limits.memory,
        "processes": reading.as_ref().map(|it| it.processes),
        "image": meter.info().image,
        "tags": meter.info().tags,
    })
}
