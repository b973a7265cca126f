//! A compose file as values that know where they stand, so that every refusal names its place.
//! Must not know: what a sandbox is.

use serde_json::{Map, Value};
use tonic_types::FieldViolation;

use crate::service::Problem;

/// What is wrong with a file. Everything is reported at once.
#[derive(Default)]
pub struct Findings {
    unsupported: Vec<FieldViolation>,
    faults: Vec<FieldViolation>,
}

impl Findings {
    /// The format has it, this server does not.
    pub fn unsupported(&mut self, path: impl Into<String>, fix: impl Into<String>) {
        self.unsupported.push(FieldViolation::new(path, fix));
    }

    /// It is wrong.
    pub fn fault(&mut self, path: impl Into<String>, fix: impl Into<String>) {
        self.faults.push(FieldViolation::new(path, fix));
    }

    /// Refuses when there is anything to say.
    pub fn finish(self) -> Result<(), Problem> {
        if !self.faults.is_empty() {
            return Err(Problem::fields(self.faults));
        }
        if !self.unsupported.is_empty() {
            return Err(Problem::unsupported_fields(self.unsupported));
        }
        Ok(())
    }
}

/// A mapping whose keys are taken one by one; what is left at the end is unsupported.
pub struct Table<'a> {
    path: String,
    rest: Map<String, Value>,
    findings: &'a mut Findings,
}

impl<'a> Table<'a> {
    /// Reads `value` as a mapping. Nothing there is an empty one.
    pub fn new(path: impl Into<String>, value: Value, findings: &'a mut Findings) -> Self {
        let path = path.into();
        let rest = match value {
            Value::Object(rest) => rest,
            Value::Null => Map::new(),
            _ => {
                findings.fault(path.clone(), "must be a mapping");
                Map::new()
            }
        };
        Self { path, rest, findings }
    }

    /// Where a key of it stands.
    pub fn at(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Where to report.
    pub fn findings(&mut self) -> &mut Findings {
        self.findings
    }

    /// The value under `key`, if it is there and not null.
    pub fn take(&mut self, key: &str) -> Option<Value> {
        self.rest.remove(key).filter(|value| !value.is_null())
    }

    /// A text; numbers and truth values as they are written.
    pub fn text(&mut self, key: &str) -> Option<String> {
        let value = self.take(key)?;
        let text = scalar(&value);
        if text.is_none() {
            let path = self.at(key);
            self.findings.fault(path, "must be a text");
        }
        text
    }

    /// A list of texts, or a command line as one text.
    pub fn words(&mut self, key: &str) -> Option<Vec<String>> {
        let (value, path) = (self.take(key)?, self.at(key));
        let words = match &value {
            Value::Array(words) => words.iter().map(scalar).collect(),
            value => scalar(value).and_then(|line| split(&line)),
        };
        if words.is_none() {
            self.findings.fault(path, "must be a list of words, or a line with its quotes closed");
        }
        words
    }

    /// A list, or a mapping as its `KEY=value` lines.
    pub fn pairs(&mut self, key: &str) -> Vec<(String, Option<String>)> {
        let (Some(value), path) = (self.take(key), self.at(key)) else { return Vec::new() };
        match value {
            Value::Object(map) => map.into_iter().map(|(name, value)| (name, scalar(&value))).collect(),
            Value::Array(lines) => lines
                .iter()
                .filter_map(scalar)
                .map(|line| match line.split_once('=') {
                    Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                    None => (line, None),
                })
                .collect(),
            _ => {
                self.findings.fault(path, "must be a mapping or a list of NAME=value");
                Vec::new()
            }
        }
    }

    /// What is left is not supported, but for extensions.
    pub fn finish(self, hint: impl Fn(&str) -> &'static str) {
        for key in self.rest.keys().filter(|key| !key.starts_with("x-")) {
            let path = if self.path.is_empty() { key.clone() } else { format!("{}.{key}", self.path) };
            self.findings.unsupported(path, hint(key));
        }
    }
}

/// A text, number or truth value in words.
pub fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// Puts defaults in for variables: a server has no environment of the caller's. `$$` is a dollar sign.
pub fn interpolate(path: &str, value: &mut Value, findings: &mut Findings) {
    match value {
        Value::String(text) => match expand(text) {
            Ok(expanded) => *text = expanded,
            Err(name) => findings.fault(
                path,
                format!("the variable {name:?} has no value here; write the value, a default (${{{name}:-value}}) or $$ for a dollar sign"),
            ),
        },
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                interpolate(&format!("{path}[{index}]"), item, findings);
            }
        }
        Value::Object(map) => {
            for (key, item) in map.iter_mut() {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                interpolate(&path, item, findings);
            }
        }
        _ => {}
    }
}

fn expand(text: &str) -> Result<String, String> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            expanded.push('$');
            rest = after;
        } else if let Some((inside, after)) = after.strip_prefix('{').and_then(|after| after.split_once('}')) {
            let (name, default) = inside.split_once('-').ok_or_else(|| inside.to_owned())?;
            let name = name.trim_end_matches(':');
            if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return Err(inside.to_owned());
            }
            expanded.push_str(default);
            rest = after;
        } else {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
            return Err(after[..end].to_owned());
        }
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// A line in words, as a shell splits it, without anything else that a shell does.
fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut signs = line.chars();
    while let Some(sign) = signs.next() {
        match (quote, sign) {
            (Some(open), sign) if sign == open => quote = None,
            (Some('\''), sign) => word.get_or_insert_default().push(sign),
            (_, '\\') => word.get_or_insert_default().push(signs.next()?),
            (None, '\'' | '"') => {
                quote = Some(sign);
                word.get_or_insert_default();
            }
            (None, sign) if sign.is_whitespace() => words.extend(word.take()),
            (_, sign) => word.get_or_insert_default().push(sign),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_words() {
        let words = |line| split(line).map(|words| words.join("|"));
        assert_eq!(words("a  b\tc").as_deref(), Some("a|b|c"));
        assert_eq!(words(r#"sh -c "echo 'x y' \"z\"" '' a\ b"#).as_deref(), Some("sh|-c|echo 'x y' \"z\"||a b"));
        assert_eq!(words("'open"), None);
        assert_eq!(words("end\\"), None);
    }

    #[test]
    fn variables_have_their_defaults_or_are_named() {
        assert_eq!(expand("a${X:-b}c${Y-}$$d").as_deref(), Ok("abc$d"));
        for (text, name) in [("$HOME/x", "HOME"), ("${X}", "X"), ("${X:?must}", "X:?must"), ("$", "")] {
            assert_eq!(expand(text), Err(name.to_owned()), "{text}");
        }
    }
}
