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
    listing::{Listed, PrintAll, PrintOne},
    show,
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
        #[command(flatten)]
        print: PrintAll,
    },
    /// Show everything about one
    Get {
        /// Runner
        #[arg(value_name = "RUNNER")]
        id: String,
        #[command(flatten)]
        print: PrintOne,
    },
}

/// Shows them.
pub async fn run(Runners { action }: Runners, client: Client) -> Result<u8> {
    match action {
        Action::Ls { healthy, group, gpu, arch, print } => {
            let mut filter = RunnerFilter::default().healthy_only(healthy).include_resources(true);
            (filter.group_id, filter.gpu_type, filter.architecture) = (group, gpu, arch);
            let found = Runner::list(&client, filter).await?;
            print.print(&found)?;
        }
        Action::Get { id, print } => {
            let runner = Runner::get(&client, &id).await?;
            print.print(&runner)?;
        }
    }
    Ok(0)
}

fn cores(amount: &RunnerCapacity) -> String {
    format!("{:.1}", amount.cpu_millicores as f64 / 1000.0)
}

fn memory(amount: &RunnerCapacity) -> String {
    HumanBytes(u64::try_from(amount.memory_bytes).unwrap_or_default()).to_string()
}

fn of(free: Option<&RunnerCapacity>, all: &RunnerCapacity, say: fn(&RunnerCapacity) -> String) -> String {
    format!("{} of {}", free.map_or_else(|| "?".to_owned(), say), say(all))
}

impl Listed for Runner {
    const COLUMNS: &'static [&'static str] = &["ID", "HEALTHY", "CPU FREE", "MEMORY FREE", "SANDBOXES", "ARCH"];

    fn name(&self) -> &str {
        &self.id
    }

    fn row(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            if self.healthy { "yes" } else { "no" }.to_owned(),
            of(self.available.as_ref(), &self.capacity, cores),
            of(self.available.as_ref(), &self.capacity, memory),
            self.running_sandboxes.map_or_else(|| show::NONE.to_owned(), |count| count.to_string()),
            if self.architectures.is_empty() { show::NONE.to_owned() } else { self.architectures.join(",") },
        ]
    }

    fn details(&self) -> String {
        let list = |names: &[String]| Some(names.join(", ")).filter(|names| !names.is_empty());
        let word = |yes: bool| Some(if yes { "yes" } else { "no" }.to_owned());
        show::lines(&[
            ("Id", Some(self.id.clone())),
            ("Group", self.group_id.clone()),
            ("Tags", list(&self.tags)),
            ("Healthy", word(self.healthy)),
            ("Shared", word(self.shared)),
            ("Connected", self.connected_at.map(show::moment)),
            ("CPU free", Some(of(self.available.as_ref(), &self.capacity, cores))),
            ("Memory free", Some(of(self.available.as_ref(), &self.capacity, memory))),
            ("Sandboxes", self.running_sandboxes.map(|count| count.to_string())),
            ("GPUs", list(&self.gpu_types)),
            ("Architectures", list(&self.architectures)),
            ("Privileged", word(self.supports_privileged)),
            ("Storage", list(&self.storage_classes)),
        ])
    }

    fn json(&self) -> Value {
        let amount = |it: &RunnerCapacity| json!({ "cpuMillicores": it.cpu_millicores, "memoryBytes": it.memory_bytes, "gpuCount": it.gpu_count });
        json!({
            "id": self.id,
            "groupId": self.group_id,
            "tags": self.tags,
            "healthy": self.healthy,
            "shared": self.shared,
            "connectedAt": self.connected_at.map(show::moment),
            "capacity": amount(&self.capacity),
            "available": self.available.as_ref().map(amount),
            "runningSandboxes": self.running_sandboxes,
            "gpuTypes": self.gpu_types,
            "architectures": self.architectures,
            "supportsPrivileged": self.supports_privileged,
            "storageClasses": self.storage_classes,
        })
    }
}
