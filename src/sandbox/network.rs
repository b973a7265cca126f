//! What a sandbox serves, and what may go in and out of it. Must not know: the wire's shape of it (see `network_spec.rs`).

/// A port that a sandbox serves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Service {
    /// The port inside.
    pub port: u16,
    /// Its name. Default: none.
    pub name: String,
    /// Default: TCP.
    pub protocol: Protocol,
    /// From where it is reached. Default: from inside only.
    pub visibility: Option<Visibility>,
    /// The front it is to have, which gives it TLS.
    pub endpoint: Option<Endpoint>,
}

impl Service {
    /// A port that is reached from inside only.
    pub fn new(port: u16) -> Self {
        Self { port, ..Self::default() }
    }

    /// A port that everybody reaches who reaches the server.
    pub fn public(port: u16) -> Self {
        Self { port, visibility: Some(Visibility::Public), ..Self::default() }
    }

    /// A port that callers reach who have the server's credentials.
    pub fn private(port: u16) -> Self {
        Self { port, visibility: Some(Visibility::Private), ..Self::default() }
    }

    /// Sets its name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Gives it a front.
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.endpoint = Some(endpoint);
        self
    }
}

/// What a port speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

/// From where a service is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Visibility {
    /// From everywhere that the server is reached from.
    Public,
    /// From inside the runner's network, or with the server's credentials.
    Private,
    /// As the runner's operator set it up.
    Custom,
}

/// A front for a public service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Endpoint {
    /// TLS ends at the server, which passes HTTP and WebSockets on.
    Https {
        /// Whether callers must show the sandbox's share token.
        share_token: bool,
        /// How long an answer may take to begin. Default: the server's.
        request_timeout_seconds: Option<u32>,
    },
    /// TLS ends in the sandbox.
    TlsPassthrough,
}

/// What may go in and out of a sandbox. Unset means the server's default. Rules allow; what none allows is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetworkOptions {
    /// Nothing out, whatever the rules say.
    pub deny_egress: Option<bool>,
    /// Nothing in, whatever the rules say.
    pub deny_ingress: Option<bool>,
    /// Where it may connect to.
    pub egress: Vec<EgressRule>,
    /// Who may connect to it.
    pub ingress: Vec<IngressRule>,
    /// Whether it may look names up. Default: as the rules need it.
    pub dns_egress: Option<bool>,
}

impl NetworkOptions {
    /// Sets whether nothing may go out.
    pub fn deny_egress(mut self, deny: bool) -> Self {
        self.deny_egress = Some(deny);
        self
    }

    /// Sets whether nothing may come in.
    pub fn deny_ingress(mut self, deny: bool) -> Self {
        self.deny_ingress = Some(deny);
        self
    }

    /// Allows a destination, on these ports or, if there are none, on all.
    pub fn allow(mut self, destination: Destination, ports: impl IntoIterator<Item = Ports>) -> Self {
        self.egress.push(EgressRule { destination, ports: ports.into_iter().collect() });
        self
    }
}

impl NetworkOptions {
    /// Lets these in, to these ports or, if there are none, to all.
    pub fn admit(mut self, source: Source, ports: impl IntoIterator<Item = Ports>) -> Self {
        self.ingress.push(IngressRule { source, ports: ports.into_iter().collect() });
        self
    }

    /// Sets whether it may look names up.
    pub fn dns_egress(mut self, allow: bool) -> Self {
        self.dns_egress = Some(allow);
        self
    }
}

/// A destination that a sandbox may connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EgressRule {
    /// Where.
    pub destination: Destination,
    /// On which ports. Empty: all; for a host name 443.
    pub ports: Vec<Ports>,
}

/// Where a sandbox may connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Destination {
    /// Everywhere but to what is internal.
    Any,
    /// A range of addresses.
    Cidr(Cidr),
    /// A host, or every host below one (`*.example.com`), over TLS.
    HttpsHostname {
        /// Its name.
        name: String,
        /// Names that a wildcard leaves out.
        except: Vec<String>,
    },
    /// Other sandboxes.
    Tenant(TenantScope),
}

/// A source that may connect to a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IngressRule {
    /// From where.
    pub source: Source,
    /// To which ports. Empty: all.
    pub ports: Vec<Ports>,
}

/// Who may connect to a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// Everybody.
    Any,
    /// A range of addresses.
    Cidr(Cidr),
    /// Other sandboxes.
    Tenant(TenantScope),
}

/// A range of addresses, e.g. `203.0.113.0/24`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cidr {
    /// The range.
    pub cidr: String,
    /// Ranges that are left out of it.
    pub except: Vec<String>,
}

impl From<&str> for Cidr {
    fn from(cidr: &str) -> Self {
        Self { cidr: cidr.to_owned(), except: Vec::new() }
    }
}

impl Cidr {
    /// Leaves a range out of it.
    pub fn except(mut self, cidr: impl Into<String>) -> Self {
        self.except.push(cidr.into());
        self
    }
}

/// Which other sandboxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TenantScope {
    /// The same user's.
    SameUser,
    /// The same organization's.
    SameOrg,
    /// Those in the same sandbox network.
    SandboxNetwork,
}

/// One port, or a range of them with both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ports {
    /// The first.
    pub port: u16,
    /// The last, of a range.
    pub end_port: Option<u16>,
    /// What they speak.
    pub protocol: Protocol,
}

impl From<u16> for Ports {
    fn from(port: u16) -> Self {
        Self { port, end_port: None, protocol: Protocol::Tcp }
    }
}

impl Ports {
    /// A range of TCP ports with both ends.
    pub fn range(first: u16, last: u16) -> Self {
        Self { end_port: Some(last), ..first.into() }
    }

    /// Sets what they speak.
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }
}
