//! What may come into a sandbox and go out of it. A backend gives every sandbox a network of its own, shared by its
//! containers; what crosses its border goes through the server, which reads this.

use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};

/// A sandbox's network. The default: nothing in, nothing out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NetworkPlan {
    /// Ports that are reached from outside.
    pub services: Vec<ServicePlan>,
    /// What is reached from inside; `None` means nothing at all.
    pub egress: Option<EgressPlan>,
}

/// A port that is reached from outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServicePlan {
    /// TCP port inside.
    pub port: u16,
    /// How it is reached.
    pub reach: ServiceReach,
    /// Whether every caller needs this server's own credentials.
    pub private: bool,
    /// Whether callers must show the share token of the sandbox.
    pub share_token: bool,
    /// Seconds until an answer must have begun.
    pub timeout_seconds: u32,
    /// Loopback address that belongs to this service alone.
    pub address: Option<Ipv4Addr>,
}

/// How a service is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceReach {
    /// HTTP and WebSocket, in the clear or over TLS.
    Http,
    /// The same over TLS only, which ends at the server.
    Https,
    /// TLS that ends inside the sandbox.
    TlsPassthrough,
}

/// What may be reached from inside. What no target allows is refused.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EgressPlan {
    /// Allowed destinations.
    pub targets: Vec<Target>,
    /// Whether host names are looked up; otherwise only addresses are taken.
    pub names: bool,
}

/// An allowed destination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Target {
    /// Every public address.
    Any {
        /// Empty means every port.
        ports: Vec<PortSpan>,
    },
    /// A range of addresses.
    Net {
        /// The range.
        net: IpNet,
        /// Left out of it.
        except: Vec<IpNet>,
        /// Empty means every port.
        ports: Vec<PortSpan>,
    },
    /// A host name, or every name below one (`*.example.com`), over TLS.
    Name {
        /// Lower case.
        name: String,
        /// Left out.
        except: Vec<String>,
        /// Never empty.
        ports: Vec<PortSpan>,
    },
}

/// Ports, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortSpan {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

impl PortSpan {
    /// Whether one of `spans` holds `port`; an empty list holds every one.
    pub fn any_holds(spans: &[PortSpan], port: u16) -> bool {
        spans.is_empty() || spans.iter().any(|span| (span.first..=span.last).contains(&port))
    }
}

/// Loopback addresses that belong to services. Nothing else of this server answers there.
pub const SERVICE_ADDRESSES: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(127, 64, 0, 0), 10);
