//! The local provider of secrets: files and variables of the machine that the server runs on. Values are read when a
//! sandbox asks, never kept, never shown. Must not know: the wire, sandboxes.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// Where one store's values are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A file that only its owner can read: `.json` is an object of strings (or of objects of strings, for secrets with
    /// fields), anything else has a line `NAME=value` per secret.
    File(PathBuf),
    /// Variables of the server's own environment whose names begin with this; the rest is the secret's name.
    Environment(String),
}

impl std::str::FromStr for SecretSource {
    type Err = String;

    /// `env:PREFIX`, or a path.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("env:") {
            Some("") => Err("give a prefix, e.g. env:SANDBOX_SECRET_, so that not every variable is a secret".into()),
            Some(prefix) => Ok(Self::Environment(prefix.to_owned())),
            None if text.is_empty() => Err("give a file, or env:PREFIX".into()),
            None => Ok(Self::File(text.into())),
        }
    }
}

/// Why a secret cannot be had. Says where it was looked for, never what was there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretError {
    /// Nothing of that name.
    #[error("{0}")]
    Missing(String),
    /// The file cannot be used.
    #[error("{path} cannot be used: {why}")]
    File {
        /// Whose fault it is.
        path: PathBuf,
        /// What to do.
        why: String,
    },
}

/// Every store of this machine.
#[derive(Debug, Clone)]
pub(crate) struct Secrets {
    dir: PathBuf,
    configured: BTreeMap<String, SecretSource>,
}

/// Whether a secret store may be called so: 1 to 63 of a-z, 0-9, `-` and `_`. Names become file names.
pub fn is_name(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_'))
}

impl Secrets {
    /// `configured` wins; a store that is registered by name only has its values in `dir`, in `<name>.json` or
    /// `<name>.env`.
    pub fn new(dir: PathBuf, configured: BTreeMap<String, SecretSource>) -> Self {
        Self { dir, configured }
    }

    /// Stores that were named at the start.
    pub fn configured(&self) -> impl Iterator<Item = &str> {
        self.configured.keys().map(String::as_str)
    }

    /// The value of `field` of the secret `path`; an empty field means its only value.
    pub fn read(&self, store: &str, path: &str, field: &str) -> Result<String, SecretError> {
        let file = match self.configured.get(store) {
            Some(SecretSource::Environment(prefix)) => return from_environment(prefix, path, field),
            Some(SecretSource::File(file)) => file.clone(),
            None if is_name(store) => {
                let json = self.dir.join(format!("{store}.json"));
                if json.exists() { json } else { self.dir.join(format!("{store}.env")) }
            }
            None => return Err(missing(store, path)),
        };
        let text = read_private(&file)?;
        let is_json = file.extension().is_some_and(|extension| extension == "json");
        let found = if is_json { from_json(&file, &text, path, field)? } else { from_lines(&text, path, field) };
        found.ok_or_else(|| missing(store, path))
    }
}

fn missing(store: &str, path: &str) -> SecretError {
    SecretError::Missing(format!("secret store {store:?} has no such value for {path:?}; add it, or correct the name"))
}

fn from_environment(prefix: &str, path: &str, field: &str) -> Result<String, SecretError> {
    let name = format!("{prefix}{path}");
    let value = if field.is_empty() { std::env::var(&name).ok() } else { None };
    value.ok_or_else(|| SecretError::Missing(format!("the server's environment has no variable {name}")))
}

fn from_lines(text: &str, path: &str, field: &str) -> Option<String> {
    // As in a shell: the last assignment counts.
    let mut pairs = text.lines().rev().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    pairs.find(|(name, _)| field.is_empty() && name.trim() == path).map(|(_, value)| value.trim().to_owned())
}

fn from_json(file: &Path, text: &str, path: &str, field: &str) -> Result<Option<String>, SecretError> {
    // serde_json's own message may quote the value it stumbled over.
    let unreadable = |_| SecretError::File { path: file.to_owned(), why: "it is not a JSON object".to_owned() };
    let all: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).map_err(unreadable)?;
    Ok(match (all.get(path), field) {
        (Some(serde_json::Value::String(value)), "") => Some(value.clone()),
        (Some(serde_json::Value::Object(fields)), "") if fields.len() == 1 => {
            fields.values().next().and_then(|value| value.as_str()).map(str::to_owned)
        }
        (Some(serde_json::Value::Object(fields)), name) => {
            fields.get(name).and_then(|value| value.as_str()).map(str::to_owned)
        }
        _ => None,
    })
}

fn read_private(file: &Path) -> Result<String, SecretError> {
    let fault = |why: String| SecretError::File { path: file.to_owned(), why };
    let because = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => fault("it does not exist; make it, readable by its owner only".to_owned()),
        _ => fault(error.to_string()),
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let mode = fs::metadata(file).map_err(because)?.mode();
        if mode & 0o077 != 0 {
            return Err(fault(format!("others can read it (mode {:o}); chmod 600 it", mode & 0o777)));
        }
    }
    fs::read_to_string(file).map_err(because)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(name: &str, content: &str, mode: u32) -> (tempfile::TempDir, Secrets) {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(name);
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let secrets = Secrets::new(dir.path().to_owned(), BTreeMap::new());
        (dir, secrets)
    }

    #[test]
    fn a_json_file_has_secrets_with_and_without_fields() {
        let (_dir, secrets) =
            store("team.json", r#"{"a": "1", "db": {"user": "u", "pass": "p"}, "one": {"x": "y"}}"#, 0o600);
        assert_eq!(secrets.read("team", "a", "").unwrap(), "1");
        assert_eq!(secrets.read("team", "db", "pass").unwrap(), "p");
        assert_eq!(secrets.read("team", "one", "").unwrap(), "y");
        assert!(secrets.read("team", "db", "").is_err());
        assert!(secrets.read("team", "b", "").is_err());
    }

    #[test]
    fn lines_hold_names_and_values() {
        let (_dir, secrets) = store("team.env", "# note\nA=1=2\n B = x \n", 0o600);
        assert_eq!(secrets.read("team", "A", "").unwrap(), "1=2");
        assert_eq!(secrets.read("team", "B", "").unwrap(), "x");
        assert!(secrets.read("team", "A", "field").is_err());
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_and_no_error_shows_a_value() {
        let (_dir, secrets) = store("team.env", "A=hunter2", 0o644);
        assert!(secrets.read("team", "A", "").unwrap_err().to_string().contains("chmod 600"));
        let (_dir, secrets) = store("team.json", "[\"hunter2\"]", 0o600);
        assert!(!secrets.read("team", "A", "").unwrap_err().to_string().contains("hunter2"));
    }

    #[test]
    fn names_cannot_leave_the_directory() {
        let secrets = Secrets::new("/etc".into(), BTreeMap::new());
        for name in ["../etc/passwd", "", ".", "A", "a/b"] {
            assert!(!is_name(name) && secrets.read(name, "x", "").is_err(), "{name:?}");
        }
    }

    #[test]
    fn sources_are_files_or_prefixes() {
        assert_eq!("env:S_".parse(), Ok(SecretSource::Environment("S_".into())));
        assert_eq!("a.json".parse(), Ok(SecretSource::File("a.json".into())));
        assert!("env:".parse::<SecretSource>().is_err());
    }
}
