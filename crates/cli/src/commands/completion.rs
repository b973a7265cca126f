//! `jetway completion`: what a shell needs to complete our command lines.

use anyhow::Result;
use clap::{Args, Command};
use clap_complete::Shell;

use crate::output;

/// Print a shell's completion script.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  source <(jetway completion bash)
  jetway completion zsh > ~/.zfunc/_jetway
  jetway completion fish > ~/.config/fish/completions/jetway.fish")]
pub struct Completion {
    /// Shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints it.
pub fn run(Completion { shell }: &Completion, mut command: Command) -> Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(*shell, &mut command, "jetway", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(0)
}
