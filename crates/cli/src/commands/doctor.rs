//! `jetway doctor`: what this machine can isolate, found out by doing it, and what to do about the rest.

use anyhow::Result;
use clap::Args;

use crate::{
    exit,
    show::{self, Format},
};

/// Say what this machine can isolate, and what to do about the rest.
///
/// Starts a sandbox in a directory of its own and looks at it. Ends with 1 when no sandbox can be started here.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  jetway doctor
  jetway doctor -o json | jq .limits")]
pub struct Doctor {
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Looks, and says.
pub fn run(doctor: &Doctor) -> Result<u8> {
    let found = examine();
    show::print(doctor.output, || found.json(), || found.text())?;
    Ok(if found.problem.is_none() { 0 } else { exit::FAILED })
}

#[derive(Debug, Default)]
struct Findings {
    /// Why no sandbox can be started.
    problem: Option<String>,
    limits: [(&'static str, bool); 3],
    ids: bool,
    images: Vec<String>,
    advice: Vec<String>,
}

impl Findings {
    fn json(&self) -> serde_json::Value {
        let limits: serde_json::Map<_, _> =
            self.limits.iter().map(|(name, holds)| ((*name).to_owned(), (*holds).into())).collect();
        serde_json::json!({
            "isolates": self.problem.is_none(),
            "problem": self.problem,
            "limits": limits,
            "ownIdsPerSandbox": self.ids,
            "images": self.images,
            "advice": self.advice,
        })
    }

    fn text(&self) -> String {
        let word = |good: bool| if good { "yes" } else { "no" };
        let mut lines = vec![format!("sandboxes start      {}", word(self.problem.is_none()))];
        if let Some(problem) = &self.problem {
            lines.push(format!("\n{problem}"));
        } else {
            lines.extend(self.limits.iter().map(|(name, holds)| format!("{name:<20} {}", word(*holds))));
            lines.push(format!("own ids per sandbox  {}", word(self.ids)));
            lines.push(format!("images               {}", self.images.join(", ")));
        }
        if !self.advice.is_empty() {
            lines.push(String::new());
            lines.extend(self.advice.iter().map(|advice| format!("- {advice}")));
        }
        lines.join("\n") + "\n"
    }
}

#[cfg(target_os = "linux")]
fn examine() -> Findings {
    use jetway_server::runtime::{
        Runtime,
        local::{LocalConfig, LocalRuntime},
    };
    let folder = std::env::temp_dir().join(format!("jetway-doctor-{}", std::process::id()));
    let tried = LocalRuntime::new(LocalConfig { ephemeral: true, ..LocalConfig::new(&folder) });
    let found = match &tried {
        Err(error) => Findings { problem: Some(error.to_string()), ..Findings::default() },
        Ok(runtime) => {
            let able = runtime.capabilities();
            Findings {
                problem: None,
                limits: [
                    ("memory limits", able.limits_memory),
                    ("process limits", able.limits_pids),
                    ("CPU limits", able.limits_cpu),
                ],
                ids: rustix::process::geteuid().is_root(),
                images: able.images.clone(),
                advice: able.notes.clone(),
            }
        }
    };
    drop(tried);
    // Left over, it would be a few empty directories.
    let _ = std::fs::remove_dir_all(folder);
    found
}

#[cfg(not(target_os = "linux"))]
fn examine() -> Findings {
    let problem = "sandboxes of this machine need Linux; use a server elsewhere, with --url".to_owned();
    Findings { problem: Some(problem), ..Findings::default() }
}
