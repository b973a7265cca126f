//! Which image names the host view can honestly serve, and with what.
//! Must not know: how a root is built.

use std::{fs, path::PathBuf};

use super::roots::Root;
use crate::runtime::{ImageView, RuntimeError};

/// An interpreter of the host that a sandbox can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// Its path, the same inside.
    pub path: PathBuf,
    /// Dotted numbers, as it said itself when it was run in a sandbox.
    pub version: String,
}

/// What the host has. `python` is the default one first.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    /// Pythons of different minor versions, with the layer directory in which `python` means that one.
    pub pythons: Vec<(Interpreter, PathBuf)>,
    /// Node.js.
    pub node: Option<Interpreter>,
    /// `ID`, `VERSION_ID` and `VERSION_CODENAME` of the host's `os-release`.
    pub system: System,
    /// The layer directory for everything that does not ask for a Python.
    pub layers: PathBuf,
}

/// The host's distribution.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct System {
    id: String,
    version: String,
    codename: String,
}

impl System {
    /// Reads the host's `os-release`.
    pub fn read() -> System {
        let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
        System::parse(&text)
    }

    fn parse(text: &str) -> System {
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_default().trim_matches(['"', '\'']).to_owned()
        };
        System { id: value("ID"), version: value("VERSION_ID"), codename: value("VERSION_CODENAME") }
    }
}

impl Catalogue {
    /// How `image` is served, and on which layers.
    pub fn resolve(&self, image: &str) -> Result<(ImageView, PathBuf), RuntimeError> {
        let name = image.strip_prefix("docker.io/").unwrap_or(image);
        let name = name.strip_prefix("library/").unwrap_or(name);
        let (name, tag) = name.split_once(':').unwrap_or((name, ""));
        // Musl systems are another world: their binaries and package manager are not what the host has.
        let served = if tag.contains("alpine") { None } else { self.find(name, tag) };
        let (what, layers) = served.ok_or_else(|| self.missing(image))?;
        let description = format!("host view ({what})");
        Ok((ImageView { image: image.to_owned(), kind: "host".into(), description }, layers))
    }

    /// What `image` is built on.
    pub fn root(&self, image: &str) -> Result<Root, RuntimeError> {
        self.resolve(image).map(|(view, layers)| Root::host(&layers, view))
    }

    fn find(&self, name: &str, tag: &str) -> Option<(String, PathBuf)> {
        let plain = |what: String| Some((what, self.layers.clone()));
        match name {
            "host" if tag.is_empty() => plain(self.everything()),
            "python" => {
                let (python, layers) = self.pythons.iter().find(|(python, _)| python_fits(tag, &python.version))?;
                Some((format!("python {}", python.version), layers.clone()))
            }
            "node" => {
                let node = self.node.as_ref().filter(|node| major(&node.version) >= 18)?;
                let numeric = tag.is_empty() || numbers(tag).is_some() || is_word(tag);
                let asked = numbers(tag).map(major);
                let differs = asked.is_some_and(|asked| asked != major(&node.version));
                let note = if differs { format!(", not the {tag} that was asked for") } else { String::new() };
                numeric.then_some(())?;
                plain(format!("node {}{note}", node.version))
            }
            _ if name == self.system.id && !name.is_empty() => {
                let tag = tag.strip_suffix("-slim").unwrap_or(tag);
                let fits = ["", "latest", "stable", "slim", &self.system.version, &self.system.codename].contains(&tag)
                    || tag.strip_prefix(&self.system.version).is_some_and(|rest| rest.starts_with('.'));
                fits.then(|| (format!("{} {}", self.system.id, self.system.version), self.layers.clone()))
            }
            _ => None,
        }
    }

    /// Names that start without any download, the best default first.
    pub fn names(&self) -> Vec<String> {
        let python = self.pythons.iter().map(|(python, _)| format!("python:{}", minor(&python.version)));
        let node = self.node.iter().map(|node| format!("node:{}", major(&node.version)));
        let system = Some(format!("{}:{}", self.system.id, self.system.version)).filter(|name| !name.starts_with(':'));
        python.chain(node).chain(system).chain(["host".to_owned()]).collect()
    }

    fn everything(&self) -> String {
        let python = self.pythons.first().map(|(python, _)| format!("python {}", python.version));
        let node = self.node.as_ref().map(|node| format!("node {}", node.version));
        let found: Vec<String> = python.into_iter().chain(node).collect();
        if found.is_empty() { "no interpreters found".into() } else { found.join(", ") }
    }

    fn missing(&self, image: &str) -> RuntimeError {
        RuntimeError::ImageNotFound(format!(
            "image {image:?} cannot be served on this machine; use one of {}, or a server with a container engine",
            self.names().join(", ")
        ))
    }
}

/// A Python tag fits when every part up to the minor version that it names is the interpreter's: patch releases of one
/// minor version are interchangeable, and the view's description says which one it is.
fn python_fits(tag: &str, version: &str) -> bool {
    match numbers(tag) {
        None => tag.is_empty() || is_word(tag),
        Some(asked) => {
            let mut own = version.split('.');
            asked.split('.').take(2).all(|part| own.next() == Some(part))
        }
    }
}

/// Tags that name a flavour and no version.
fn is_word(tag: &str) -> bool {
    ["latest", "slim", "lts", "bookworm", "slim-bookworm", "lts-slim", "current"].contains(&tag)
}

/// The leading dotted numbers of a tag: `3.11` of `3.11-slim`.
fn numbers(tag: &str) -> Option<&str> {
    let version = tag.split('-').next()?;
    version.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())).then_some(version)
}

fn major(version: &str) -> u32 {
    version.split('.').next().and_then(|part| part.parse().ok()).unwrap_or(0)
}

/// The first two numbers of a version.
pub fn minor(version: &str) -> String {
    version.split('.').take(2).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue() -> Catalogue {
        let interpreter = |path: &str, version: &str| Interpreter { path: path.into(), version: version.into() };
        Catalogue {
            pythons: vec![
                (interpreter("/usr/bin/python3.11", "3.11.2"), "a".into()),
                (interpreter("/usr/bin/python3.13", "3.13.0"), "b".into()),
            ],
            node: Some(interpreter("/usr/bin/node", "20.20.2")),
            system: System::parse("ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n"),
            layers: "a".into(),
        }
    }

    #[test]
    fn python_is_served_by_the_interpreter_of_that_version_only() {
        let catalogue = catalogue();
        for (image, expected) in [
            ("python", Some("host view (python 3.11.2)")),
            ("python:3", Some("host view (python 3.11.2)")),
            ("python:3.11-slim", Some("host view (python 3.11.2)")),
            ("docker.io/library/python:3.11.2-bookworm", Some("host view (python 3.11.2)")),
            ("python:3.13", Some("host view (python 3.13.0)")),
            ("python:3.1", None),
            ("python:3.12", None),
            ("python:2.7", None),
            ("python:3.11-alpine", None),
            ("python:nonsense", None),
        ] {
            let served = catalogue.resolve(image).ok().map(|(view, _)| view.description);
            assert_eq!(served.as_deref(), expected, "{image}");
        }
        assert_eq!(catalogue.resolve("python:3.13").unwrap().1, PathBuf::from("b"));
    }

    #[test]
    fn node_says_which_version_it_really_is() {
        let catalogue = catalogue();
        let say = |image: &str| catalogue.resolve(image).map(|(view, _)| view.description).unwrap_or_default();
        assert_eq!(say("node"), "host view (node 20.20.2)");
        assert_eq!(say("node:20-slim"), "host view (node 20.20.2)");
        assert_eq!(say("node:22"), "host view (node 20.20.2, not the 22 that was asked for)");
        assert_eq!(say("node:22-alpine"), "");
    }

    #[test]
    fn the_distribution_is_served_by_its_own_name_and_release() {
        let catalogue = catalogue();
        for image in ["debian", "debian:12", "debian:12.5", "debian:bookworm-slim", "debian:stable", "host"] {
            assert!(catalogue.resolve(image).is_ok(), "{image}");
        }
        for image in ["debian:11", "debian:120", "ubuntu", "alpine", "", ":", "redis:7", "host:1"] {
            let error = catalogue.resolve(image).unwrap_err().to_string();
            assert!(error.contains("python:3.11"), "{image}: {error}");
        }
    }
}
