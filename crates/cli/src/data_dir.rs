//! Where this user's servers keep their state, and where clients look for them.
//! Must not know: what is in there.

use std::path::PathBuf;

/// `$XDG_DATA_HOME/jetway`, or `~/.local/share/jetway`; `None` where no home is known.
pub fn of_user() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_DATA_HOME").or_else(|| Some(set("HOME")?.join(".local/share")))?;
    Some(base.join("jetway"))
}

/// Where `docker login` keeps credentials for registries.
pub fn docker_config() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("DOCKER_CONFIG").or_else(|| Some(set("HOME")?.join(".docker")))?;
    Some(folder.join("config.json"))
}
