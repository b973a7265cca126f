//! `jetway runners`: the machines that sandboxes may run on.

use anyhow::Result;
use clap::{Args, Subcommand};
use indicatif::HumanBytes;
use jetway::{
    Client,
    catalog::{Runner, RunnerCapacity, RunnerFilter},
};
use serde_json::{Value, json};

use crate::{
    output,
    show::{self, Format},
};

/// Show the machines that sandboxes may run on.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  jetway runners ls
  jetway runners ls --healthy --gpu A100 -o json
  jetway runners get RUNNER")]
pub struct Runners {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List them, with what is free on each
    #[command(visible_alias = "list")]
    Ls {
        /// Only those that take sandboxes now
        #[arg(long)]
        healthy: bool,
        /// Only those of this group
        #[arg(long, value_name = "GROUP")]
        group: Option<String>,
        /// Only those with this accelerator
        #[arg(long, value_name = "TYPE")]
        gpu: Option<String>,
        /// Only those of this architecture, e.g. amd64
        #[arg(long, value_name = "ARCH")]
        arch: Option<String>,
        /// Print ids only
        #[arg(short, long)]
        quiet: bool,
        /// How to print them
        #[arg(short, long, value_enum, default_value_t, conflicts_with = "quiet")]
        output: Format,
    },
    /// Show everything about one
    Get {
        /// Runner
        #[arg(value_name = "RUNNER")]
        id: String,
        /// How to print it
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
}

/// Shows them.
pub async fn run(Runners { action }: Runners, client: Client) -> Result<u8> {
    match action {
        Action::Ls { healthy, group, gpu, arch, quiet, output } => {
            let mut filter = RunnerFilter::default().healthy_only(healthy).include_resources(true);
            (filter.group_id, filter.gpu_type, filter.architecture) = (group, gpu, arch);
            let found = Runner::list(&client, filter).await?;
            if quiet {
                output::print(&found.iter().map(|it| format!("{}\n", it.id)).collect::<String>())?;
            } else {
                let table = || show::table(&COLUMNS, &found.iter().map(row).collect::<Vec<_>>());
                show::print(output, || Value::Array(found.iter().map(json).collect()), table)?;
            }
        }
        Action::Get { id, output } => {
            let runner = Runner::get(&client, &id).await?;
            show::print(output, || json(&runner), || details(&runner))?;
        }
    }
    Ok(0)
}

const COLUMNS: [&str; 6] = ["ID", "HEALTHY", "CPU FREE", "MEMORY FREE", "SANDBOXES", "ARCH"];

fn cores(amount: &RunnerCapacity) -> String {
    format!("{:.1}", amount.cpu_millicores as f64 / 1000.0)
}

fn memory(amount: &RunnerCapacity) -> String {
    HumanBytes(u64::try_from(amount.memory_bytes).unwrap_or_default()).to_string()
}

fn of(free: Option<&RunnerCapacity>, all: &RunnerCapacity, say: fn(&RunnerCapacity) -> String) -> String {
    format!("{} of {}", free.map_or_else(|| "?".to_owned(), say), say(all))
}

fn row(it: &Runner) -> Vec<String> {
    vec![
        it.id.clone(),
        if it.healthy { "yes" } else { "no" }.to_owned(),
        of(it.available.as_ref(), &it.capacity, cores),
        of(it.available.as_ref(), &it.capacity, memory),
        it.running_sandboxes.map_or_else(|| show::NONE.to_owned(), |count| count.to_string()),
        if it.architectures.is_empty() { show::NONE.to_owned() } else { it.architectures.join(",") },
    ]
}

fn details(it: &Runner) -> String {
    let list = |names: &[String]| Some(names.join(", ")).filter(|names| !names.is_empty());
    let word = |yes: bool| Some(if yes { "yes" } else { "no" }.to_owned());
    show::lines(&[
        ("Id", Some(it.id.clone())),
        ("Group", it.group_id.clone()),
        ("Tags", list(&it.tags)),
        ("Healthy", word(it.healthy)),
        ("Shared", word(it.shared)),
        ("Connected", it.connected_at.map(show::moment)),
        ("CPU free", Some(of(it.available.as_ref(), &it.capacity, cores))),
        ("Memory free", Some(of(it.available.as_ref(), &it.capacity, memory))),
        ("Sandboxes", it.running_sandboxes.map(|count| count.to_string())),
        ("GPUs", list(&it.gpu_types)),
        ("Architectures", list(&it.architectures)),
        ("Privileged", word(it.supports_privileged)),
        ("Storage", list(&it.storage_classes)),
    ])
}

fn json(it: &Runner) -> Value {
    let amount = |it: &RunnerCapacity| json!({ "cpuMillicores": it.cpu_millicores, "memoryBytes": it.memory_bytes, "gpuCount": it.gpu_count });
    json!({
        "id": it.id,
        "groupId": it.group_id,
        "tags": it.tags,
        "healthy": it.healthy,
        "shared": it.shared,
        "connectedAt": it.connected_at.map(show::moment),
        "capacity": amount(&it.capacity),
        "available": it.available.as_ref().map(amount),
        "runningSandboxes": it.running_sandboxes,
        "gpuTypes": it.gpu_types,
        "architectures": it.architectures,
        "supportsPrivileged": it.supports_privileged,
        "storageClasses": it.storage_classes,
    })
}
