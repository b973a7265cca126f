//! The languages of contexts and the programs that keep their state: one file each, put together from their parts here.
//! Must not know: how a program gets into a sandbox.

use crate::{
    error::{Error, ErrorKind},
    platform,
};

/// Where everything of ours lies in a sandbox.
const ROOT: &str = "/tmp/.jetway";
/// Contexts of another protocol are other contexts.
const CONTEXTS: &str = "/tmp/.jetway/contexts-1";

const PYTHON: &str = concat!(
    include_str!("driver/python/attach.py"),
    include_str!("driver/python/spool.py"),
    include_str!("driver/python/clients.py"),
    include_str!("driver/python/supervisor.py"),
    include_str!("driver/python/shell.py"),
    include_str!("driver/python/worker.py"),
);

const JAVASCRIPT: &str = concat!(
    include_str!("driver/javascript/attach.mjs"),
    include_str!("driver/javascript/spool.mjs"),
    include_str!("driver/javascript/supervisor.mjs"),
    include_str!("driver/javascript/worker.mjs"),
    include_str!("driver/javascript/imports.mjs"),
    include_str!("driver/javascript/main.mjs"),
);

/// A language whose state is kept between calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Language {
    /// Python 3.8 or newer, as `python3`.
    #[default]
    Python,
    /// Node 18 or newer, as `node`.
    JavaScript,
    /// Bash, or `sh` where there is none; its keeper needs Python 3.8 or newer, as `python3`.
    Bash,
}

impl Language {
    /// Every language, in the order in which a sandbox is asked about them.
    pub const ALL: [Self; 3] = [Self::Python, Self::JavaScript, Self::Bash];

    /// Reads a name or one of its short forms.
    ///
    /// # Errors
    /// Validation for names of none.
    pub fn parse(name: &str) -> Result<Self, Error> {
        match name.to_ascii_lowercase().as_str() {
            "python" | "python3" | "py" => Ok(Self::Python),
            "javascript" | "js" | "node" | "nodejs" => Ok(Self::JavaScript),
            "bash" | "sh" | "shell" => Ok(Self::Bash),
            _ => {
                Err(Error::invalid("language", format!("must be \"python\", \"javascript\" or \"bash\", got {name:?}")))
            }
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::JavaScript => "javascript",
            Self::Bash => "bash",
        }
    }

    /// The program that keeps its state.
    pub(crate) fn driver(self) -> &'static str {
        match self {
            Self::Python | Self::Bash => PYTHON,
            Self::JavaScript => JAVASCRIPT,
        }
    }

    /// Where that lies in a sandbox: another version, another place.
    pub(crate) fn driver_path(self) -> String {
        let (hash, file) = match self {
            Self::Python | Self::Bash => (const { fingerprint(PYTHON) }, "driver.py"),
            Self::JavaScript => (const { fingerprint(JAVASCRIPT) }, "driver.mjs"),
        };
        format!("{ROOT}/{hash:016x}/{file}")
    }

    /// The command that attaches to a context, or does the requests of a file and ends.
    pub(crate) fn attach(self, context: &str, create: bool, requests: Option<&str>) -> Vec<String> {
        let options = format!("{{\"create\":{create}}}");
        let verb = ["attach".to_owned(), format!("{CONTEXTS}/{context}"), options];
        self.command().into_iter().chain(verb).chain(requests.map(str::to_owned)).collect()
    }

    /// The id of a new context.
    pub(crate) fn new_context(self) -> Result<String, Error> {
        let random = platform::random_bytes::<8>().ok_or_else(|| {
            Error::new(ErrorKind::Configuration, "this host has no source of randomness for the ids of contexts")
        })?;
        Ok(format!("{}-{:016x}", self.name(), u64::from_be_bytes(random)))
    }

    /// The command that prints all contexts of the sandbox as JSON.
    pub(crate) fn list(self) -> Vec<String> {
        self.command().into_iter().chain(["list".to_owned(), CONTEXTS.to_owned()]).collect()
    }

    fn command(self) -> Vec<String> {
        let interpreter: &[&str] = match self {
            // The relay needs no site packages; the interpreter that it starts has them.
            Self::Python | Self::Bash => &["python3", "-I", "-S"],
            Self::JavaScript => &["node"],
        };
        interpreter.iter().map(|part| (*part).to_owned()).chain([self.driver_path()]).collect()
    }
}

/// FNV-1a: tells versions apart, protects nothing.
const fn fingerprint(text: &str) -> u64 {
    let (bytes, mut hash, mut at) = (text.as_bytes(), 0xcbf2_9ce4_8422_2325_u64, 0);
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::Language;
    use crate::error::ErrorKind;

    #[test]
    fn languages_have_their_short_names() {
        assert_eq!(Language::parse("py").unwrap(), Language::Python);
        assert_eq!(Language::parse("Node").unwrap(), Language::JavaScript);
        for language in Language::ALL {
            assert_eq!(Language::parse(language.name()).unwrap(), language);
        }
    }

    #[test]
    fn a_language_that_is_none_is_a_typed_error() {
        assert_eq!(Language::parse("sh").unwrap(), Language::Bash);
        let error = Language::parse("cobol").unwrap_err();
        assert_eq!((error.kind(), error.field_violations()[0].field.as_str()), (ErrorKind::Validation, "language"));
    }

    #[test]
    fn versions_of_a_driver_have_paths_of_their_own() {
        let (python, javascript) = (Language::Python.driver_path(), Language::JavaScript.driver_path());
        assert!(python.starts_with("/tmp/.jetway/") && python.ends_with("/driver.py"), "{python}");
        assert_ne!(python.split('/').nth(3), javascript.split('/').nth(3));
        assert_ne!(super::fingerprint("a"), super::fingerprint("b"));
    }
}
