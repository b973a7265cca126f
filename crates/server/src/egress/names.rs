//! Host names, looked up once per connection.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::timeout;

const WITHIN: Duration = Duration::from_secs(10);

/// Where addresses of names come from.
#[async_trait]
pub(crate) trait Names: std::fmt::Debug + Send + Sync {
    /// The addresses of a name, the best first.
    async fn look_up(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The machine's resolver, after a table of the owner's.
#[derive(Debug, Default)]
pub(crate) struct SystemNames {
    /// Asked first.
    pub table: BTreeMap<String, Vec<IpAddr>>,
}

#[async_trait]
impl Names for SystemNames {
    async fn look_up(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        if let Some(known) = self.table.get(name) {
            return Ok(known.clone());
        }
        let found = timeout(WITHIN, tokio::net::lookup_host((name, 0))).await??;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// A destination as a program names it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// An address.
    Address(IpAddr),
    /// A name, lower case, without the dot at its end.
    Name(String),
}

impl Host {
    /// `None` for what is neither. Numbers that old functions take for addresses are not names.
    pub fn parse(text: &str) -> Option<Host> {
        if let Some(v6) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            return v6.parse::<Ipv6Addr>().ok().map(|ip| Host::Address(ip.into()));
        }
        if let Ok(ip) = text.parse() {
            return Some(Host::Address(ip));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let last = name.rsplit('.').next().unwrap_or_default();
        let is_number = last.starts_with(|c: char| c.is_ascii_digit()) && u64_like(last);
        (is_dns_name(&name) && !is_number).then_some(Host::Name(name))
    }
}

/// Decimal, octal or hexadecimal.
fn u64_like(text: &str) -> bool {
    let hex = text.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    hex || text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Labels of letters, digits and hyphens (underscores are met in practice).
pub(crate) fn is_dns_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_no_names() {
        for text in [
            "2130706433",
            "0x7f000001",
            "127.1",
            "0177.0.0.1",
            "1.2.3.0x4",
            "a b",
            "",
            "-a",
            "a..b",
            "[::1",
            "é.example",
        ] {
            assert_eq!(Host::parse(text), None, "{text}");
        }
        assert_eq!(Host::parse("[::1]"), Some(Host::Address("::1".parse().unwrap())));
        assert_eq!(Host::parse("127.0.0.1"), Some(Host::Address("127.0.0.1".parse().unwrap())));
        assert_eq!(Host::parse("PyPI.org."), Some(Host::Name("pypi.org".into())));
        assert_eq!(Host::parse("1password.com"), Some(Host::Name("1password.com".into())));
    }
}
