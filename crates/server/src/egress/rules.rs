//! Whether a sandbox may connect somewhere. Pure: names have been looked up already, so that what was checked is what is
//! connected to.

use std::net::IpAddr;

use ipnet::IpNet;

use super::address::{is_internal, unwrapped};
use crate::runtime::{EgressPlan, PortSpan, Target};

/// What the server's owner lets sandboxes reach beside the internet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Owner {
    /// Internal ranges that sandboxes may reach, where their own rules allow it too.
    pub allowed: Vec<IpNet>,
    /// The server's own port, which on this machine is never reached.
    pub port: u16,
}

/// On what grounds a connection is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grant {
    /// Its address.
    Address,
    /// Its name: for TLS to that name only.
    Name,
}

impl Owner {
    /// Whether an address may be connected to at all. Takes one that is unwrapped.
    fn lets(&self, ip: IpAddr, port: u16) -> bool {
        !is_internal(ip) || (port != self.port && self.allowed.iter().any(|net| net.contains(&ip)))
    }
}

/// Whether `plan` lets a connection to `ip` pass, which `name` was looked up to be.
pub(super) fn check(plan: &EgressPlan, owner: &Owner, name: Option<&str>, ip: IpAddr, port: u16) -> Option<Grant> {
    let ip = unwrapped(ip);
    if !owner.lets(ip, port) {
        return None;
    }
    let by_address = plan.targets.iter().any(|target| match target {
        Target::Any { ports } => PortSpan::any_holds(ports, port),
        Target::Net { net, except, ports } => {
            net.contains(&ip) && !except.iter().any(|net| net.contains(&ip)) && PortSpan::any_holds(ports, port)
        }
        Target::Name { .. } => false,
    });
    if by_address {
        return Some(Grant::Address);
    }
    let name = name?;
    let by_name = plan.targets.iter().any(|target| match target {
        Target::Name { name: granted, except, ports } => {
            covers(granted, name) && !except.iter().any(|left| covers(left, name)) && PortSpan::any_holds(ports, port)
        }
        _ => false,
    });
    by_name.then_some(Grant::Name)
}

/// `*.example.com` covers every name below `example.com`, not itself.
fn covers(granted: &str, name: &str) -> bool {
    match granted.strip_prefix("*.") {
        Some(parent) => name.strip_suffix(parent).is_some_and(|label| label.len() > 1 && label.ends_with('.')),
        None => granted == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(port: u16) -> Vec<PortSpan> {
        vec![PortSpan { first: port, last: port }]
    }

    fn plan(targets: Vec<Target>) -> EgressPlan {
        EgressPlan { targets, names: true }
    }

    fn named(name: &str) -> Target {
        Target::Name { name: name.into(), except: vec!["secret.pypi.org".into()], ports: span(443) }
    }

    #[test]
    fn a_name_covers_itself_and_a_wildcard_what_is_below() {
        let plan = plan(vec![named("pypi.org"), named("*.pypi.org")]);
        let public = "203.0.113.1".parse().unwrap();
        let owner = Owner::default();
        let good = |name, port| check(&plan, &owner, Some(name), public, port).is_some();
        assert!(good("pypi.org", 443) && good("files.pypi.org", 443) && good("a.b.pypi.org", 443));
        for name in ["evilpypi.org", ".pypi.org", "pypi.org.evil.example", "org", "secret.pypi.org", "example.com"] {
            assert!(!good(name, 443), "{name}");
        }
        assert!(!good("pypi.org", 80));
        assert_eq!(check(&plan, &owner, None, public, 443), None, "a name's address alone is no grant");
    }

    #[test]
    fn ranges_have_exceptions_and_ports() {
        let net = |text: &str| text.parse::<IpNet>().unwrap();
        let plan = plan(vec![Target::Net {
            net: net("203.0.113.0/24"),
            except: vec![net("203.0.113.128/25")],
            ports: vec![PortSpan { first: 80, last: 90 }],
        }]);
        let good =
            |ip: &str, port| check(&plan, &Owner::default(), Some("x.example"), ip.parse().unwrap(), port).is_some();
        assert!(good("203.0.113.1", 80) && good("203.0.113.127", 90) && good("::ffff:203.0.113.1", 85));
        assert!(!good("203.0.113.128", 80) && !good("203.0.114.1", 80));
        assert!(!good("203.0.113.1", 79) && !good("203.0.113.1", 91));
    }

    #[test]
    fn internal_addresses_need_the_owners_word_too_and_the_server_is_never_reached() {
        let plan = plan(vec![Target::Any { ports: Vec::new() }]);
        let owner = Owner { allowed: vec!["127.0.0.0/8".parse().unwrap()], port: 7070 };
        let check = |owner: &Owner, ip: &str, port| check(&plan, owner, None, ip.parse().unwrap(), port);
        for ip in ["127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"] {
            assert_eq!(check(&Owner::default(), ip, 80), None, "{ip}");
            assert_eq!(check(&owner, ip, 80), Some(Grant::Address), "{ip}");
            assert_eq!(check(&owner, ip, 7070), None, "{ip}");
        }
        for ip in ["10.0.0.1", "169.254.169.254", "::1", "::"] {
            assert_eq!(check(&owner, ip, 80), None, "{ip}");
        }
        assert_eq!(check(&owner, "203.0.113.1", 7070), Some(Grant::Address));
    }
}
