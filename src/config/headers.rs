//! Headers of calls as plain text: gRPC's metadata. Must not know: what carries them.
//!
//! Not the `http` crate's: a page that downloads the client would download its tables of known names too.

use std::fmt;

use crate::error::Error;

/// Names and values, in order. Names count in any case; one may stand for several values. Checked where they are used.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<Header>);

#[derive(Clone, PartialEq, Eq)]
struct Header {
    name: String,
    value: String,
    secret: bool,
}

impl Headers {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value; others of that name stay.
    pub fn append(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let mut name = name.into();
        name.make_ascii_lowercase();
        self.0.push(Header { name, value: value.into(), secret: false });
    }

    /// Adds a value instead of others of that name.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let name = name.into();
        self.remove(&name);
        self.append(name, value);
    }

    /// The same with a value that nobody in between is to remember.
    pub(crate) fn insert_secret(&mut self, name: &str, value: impl Into<String>) {
        self.insert(name, value);
        self.0.iter_mut().rev().take(1).for_each(|header| header.secret = true);
    }

    /// Takes a name out.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|header| !header.name.eq_ignore_ascii_case(name));
    }

    /// The first value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value.as_str())
    }

    /// All pairs, names in lower case.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|header| (header.name.as_str(), header.value.as_str()))
    }

    /// The same, and whether the value is one that nobody in between is to remember.
    #[allow(dead_code, reason = "fetch has no way to say so")]
    pub(crate) fn with_secrecy(&self) -> impl Iterator<Item = (&str, &str, bool)> {
        self.0.iter().map(|header| (header.name.as_str(), header.value.as_str(), header.secret))
    }

    /// Refuses what could never be sent.
    ///
    /// # Errors
    /// Validation, naming `headers` and the header; a value is not repeated.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        for Header { name, value, .. } in &self.0 {
            let wrong = |what: &str| Err(Error::invalid("headers", format!("{name:?} {what}")));
            if name.is_empty() || !name.bytes().all(letter) {
                return wrong("is no header name");
            }
            if !value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
                return wrong("has a value that a header cannot carry (a line break?)");
            }
        }
        Ok(())
    }
}

impl<N: Into<String>, V: Into<String>> Extend<(N, V)> for Headers {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, pairs: I) {
        pairs.into_iter().for_each(|(name, value)| self.append(name, value));
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut headers = Self::new();
        headers.extend(pairs);
        headers
    }
}

/// Names only: a value may be a secret.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Headers;

    #[test]
    fn names_count_in_any_case_and_inserting_replaces() {
        let mut headers = Headers::from_iter([("X-A", "1"), ("x-a", "2"), ("x-b", "3")]);
        assert_eq!(headers.iter().collect::<Vec<_>>(), [("x-a", "1"), ("x-a", "2"), ("x-b", "3")]);
        headers.insert("X-a", "4");
        assert_eq!((headers.get("x-A"), headers.iter().count()), (Some("4"), 2));
        headers.insert_secret("authorization", "Bearer s");
        assert_eq!(headers.with_secrecy().filter(|(_, _, secret)| *secret).count(), 1);
        assert_eq!(format!("{headers:?}"), r#"["x-b", "x-a", "authorization"]"#);
        assert!(headers.check().is_ok());
    }

    #[test]
    fn what_no_header_can_carry_is_refused_by_name() {
        for (name, value) in [("", "1"), ("a b", "1"), ("ä", "1"), ("x-a", "hunter2\n"), ("x-a", "hunter2ä")] {
            let error = Headers::from_iter([(name, value)]).check().unwrap_err();
            assert_eq!(error.field_violations()[0].field, "headers", "{name:?}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
