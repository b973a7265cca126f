//! `jetway completion` and `jetway man`: what shells and man(1) need to know about our command lines.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Command, ValueEnum};
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Zsh};

use crate::output;

/// Print what makes a shell complete our command lines, ids of sandboxes too.
///
/// The shell asks this program for each word, so a script that was written to a file keeps up with the program; only
/// after an update of the program is it best written again.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  source <(jetway completion bash)                                     in ~/.bashrc
  source <(jetway completion zsh)                                      in ~/.zshrc
  jetway completion fish > ~/.config/fish/completions/jetway.fish")]
pub struct Completion {
    /// Shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}

/// Write the manual pages into a directory.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  jetway man ~/.local/share/man/man1 && man jetway-run")]
pub struct Man {
    /// Directory, made when it is missing
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// The variable by which a shell asks.
pub const VARIABLE: &str = "COMPLETE";

/// Prints it.
pub fn run(Completion { shell }: &Completion) -> Result<u8> {
    let completer: &dyn EnvCompleter = match shell {
        Shell::Bash => &Bash,
        Shell::Elvish => &Elvish,
        Shell::Fish => &Fish,
        Shell::Powershell => &Powershell,
        Shell::Zsh => &Zsh,
    };
    let mut script = Vec::new();
    completer.write_registration(VARIABLE, "jetway", "jetway", "jetway", &mut script)?;
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(0)
}

/// Writes them.
pub fn man(Man { directory }: &Man, command: Command) -> Result<u8> {
    std::fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    clap_mangen::generate_to(command.disable_help_subcommand(true), directory)
        .with_context(|| directory.display().to_string())?;
    Ok(0)
}
