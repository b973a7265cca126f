//! Where a sandbox's services are reached, as its server says.

use std::fmt;

use super::{Protocol, Sandbox, Visibility};
use crate::{error::Error, wire};

/// A port that a sandbox serves, and where it is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceInfo {
    /// The port inside.
    pub port: u16,
    /// Its name.
    pub name: String,
    /// What it speaks.
    pub protocol: Protocol,
    /// From where it is reached; `None` for from inside only.
    pub visibility: Option<Visibility>,
    /// Where it is reached, when it is.
    pub url: Option<String>,
    /// Its front, if it has one.
    pub endpoint: Option<EndpointInfo>,
}

/// A service's front.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointInfo {
    /// Whether TLS ends in the sandbox.
    pub tls_passthrough: bool,
    /// Whether callers must show the share token.
    pub share_token: bool,
    /// `host:port`, where TLS ends in the sandbox.
    pub address: Option<String>,
    /// How long an answer may take to begin, in seconds.
    pub request_timeout_seconds: Option<u32>,
}

/// Lets callers reach services that ask for it, as header `x-sandbox-share-token` or in the query as `share_token`. A
/// secret: it is not shown by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct ShareToken(String);

impl ShareToken {
    pub(super) fn new(token: String) -> Option<Self> {
        (!token.is_empty()).then_some(Self(token))
    }

    /// The token itself.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ShareToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShareToken(<hidden>)")
    }
}

impl Sandbox {
    /// Where the service on this port is reached, once the server has given it an address.
    ///
    /// # Errors
    /// Validation for a port that is no service that is reached from outside; as [`wait`](Self::wait).
    pub async fn url(&self, port: u16) -> Result<String, Error> {
        self.start().await?;
        if self.find_url(port).is_none() {
            self.wait(None).await?;
        }
        let missing = || {
            let known: Vec<_> = self.info().services.iter().map(|service| service.port.to_string()).collect();
            let text = match known.is_empty() {
                true => {
                    "this sandbox has no services; create it with `services: [{ port, visibility: \"public\" }]`".into()
                }
                false => format!(
                    "no service is reached from outside on port {port}; its services are on {}",
                    known.join(", ")
                ),
            };
            Error::invalid("port", text)
        };
        self.find_url(port).ok_or_else(missing)
    }

    fn find_url(&self, port: u16) -> Option<String> {
        self.info().services.into_iter().find(|service| service.port == port)?.url
    }
}

impl ServiceInfo {
    pub(super) fn from_wire(service: wire::ServiceStatus) -> Self {
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        let visibility = match service.visibility() {
            wire::Visibility::Unspecified => None,
            wire::Visibility::Public => Some(Visibility::Public),
            wire::Visibility::Private => Some(Visibility::Private),
            wire::Visibility::Custom => Some(Visibility::Custom),
        };
        let protocol = match service.protocol() {
            wire::ServiceProtocol::Unspecified | wire::ServiceProtocol::Tcp => Protocol::Tcp,
            wire::ServiceProtocol::Udp => Protocol::Udp,
            wire::ServiceProtocol::Sctp => Protocol::Sctp,
        };
        let front = service.endpoint.as_ref().and_then(|it| given(it.url.clone()));
        let endpoint = service.endpoint.map(|it| EndpointInfo {
            tls_passthrough: it.kind() == wire::EndpointKind::TlsPassthrough,
            share_token: it.auth() == wire::EndpointAuth::ShareToken,
            request_timeout_seconds: u32::try_from(it.request_timeout_seconds).ok().filter(|seconds| *seconds > 0),
            address: given(it.address),
        });
        Self {
            port: u16::try_from(service.port).unwrap_or_default(),
            name: service.name,
            protocol,
            visibility,
            url: front.or(given(service.url)),
            endpoint,
        }
    }
}
