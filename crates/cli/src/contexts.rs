//! The servers that this user has given names: `$XDG_CONFIG_HOME/jetway/config.json`, readable by its owner only.
//! Must not know: what is asked of a server.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{announcement, exit::Usage};

/// The `jetway serve` of this user: a name that needs no entry.
pub const LOCAL: &str = "local";

/// All of them.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contexts {
    /// The one that is meant when none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// By name.
    #[serde(default)]
    pub contexts: BTreeMap<String, Named>,
    /// What a newer version has written stays.
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// One server, and as whom.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Where it is.
    pub url: String,
    /// The token. Never shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl std::fmt::Debug for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Named").field("url", &self.url).field("token", &self.token.as_ref().map(|_| "…")).finish()
    }
}

impl Contexts {
    /// Where they are kept.
    pub fn file() -> Result<PathBuf> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let base = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")));
        let base = base.context("no home directory is known; set XDG_CONFIG_HOME to where settings may be kept")?;
        Ok(base.join("jetway/config.json"))
    }

    /// Those of this user; none yet is fine.
    pub fn load() -> Result<Self> {
        let Ok(file) = Self::file() else { return Ok(Self::default()) };
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => bail!("{}: {error}", file.display()),
        };
        serde_json::from_str(&text)
            .with_context(|| format!("{} is no list of contexts; correct or remove it", file.display()))
    }

    /// Keeps them.
    pub fn save(&self) -> Result<()> {
        let file = Self::file()?;
        announcement::write_private(&file, &format!("{:#}\n", serde_json::to_value(self)?))
            .with_context(|| file.display().to_string())
    }

    /// The one of that name; `None` for the local server.
    pub fn find(&self, name: &str) -> Result<Option<&Named>> {
        if name == LOCAL {
            return Ok(None);
        }
        self.contexts.get(name).map(Some).ok_or_else(|| {
            let known: Vec<_> = self.contexts.keys().map(String::as_str).chain([LOCAL]).collect();
            Usage::error(format!("there is no context {name:?}; there are: {}", known.join(", ")))
        })
    }

    /// Refuses what cannot be a name.
    pub fn check(name: &str) -> Result<()> {
        if name == LOCAL {
            return Err(Usage::error("\"local\" is the `jetway serve` of this user; choose another name with --name"));
        }
        match name.is_empty() || name.starts_with('-') || name.contains(|c: char| c.is_whitespace() || c.is_control()) {
            true => Err(Usage::error(format!("{name:?} cannot be a name; e.g. --name work"))),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Contexts, Named};

    #[test]
    fn what_is_written_is_read_and_what_is_newer_stays() {
        let text =
            r#"{"current":"a","contexts":{"a":{"url":"http://a","token":"secret"},"b":{"url":"http://b"}},"x":1}"#;
        let read: Contexts = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), serde_json::from_str::<serde_json::Value>(text).unwrap());
        assert!(!format!("{read:?}").contains("secret"));
        assert_eq!(read.find("b").unwrap(), Some(&Named { url: "http://b".into(), token: None }));
        assert_eq!(read.find("local").unwrap(), None);
        assert!(read.find("c").unwrap_err().to_string().contains("a, b, local"));
    }
}
