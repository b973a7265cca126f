//! Failures below gRPC: nobody answered, or what answered does not speak gRPC.
//! Must not know: which transport noticed.

use super::{Error, ErrorKind};

/// Why the server could not be talked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Diagnosis {
    /// Nothing listens at the address.
    Refused,
    /// The host name does not resolve.
    Dns,
    /// This machine or page has no network.
    Offline,
    /// The TLS handshake failed.
    Tls,
    /// The browser withheld the answer: the server does not allow this page's origin.
    Cors,
    /// A page from https may not call http.
    MixedContent,
    /// Something answered, but not with gRPC.
    NotGrpc,
    /// A gateway in between answered for the server.
    Gateway,
    /// The connection ended before the answer did.
    ConnectionLost,
    /// The host does not tell (a browser's plain "Failed to fetch").
    Unreachable,
}

impl Diagnosis {
    /// Stable snake_case name; also found in the error's metadata under `diagnosis`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Dns => "dns",
            Self::Offline => "offline",
            Self::Tls => "tls",
            Self::Cors => "cors",
            Self::MixedContent => "mixed_content",
            Self::NotGrpc => "not_grpc",
            Self::Gateway => "gateway",
            Self::ConnectionLost => "connection_lost",
            Self::Unreachable => "unreachable",
        }
    }

    const ALL: [Self; 10] = [
        Self::Refused,
        Self::Dns,
        Self::Offline,
        Self::Tls,
        Self::Cors,
        Self::MixedContent,
        Self::NotGrpc,
        Self::Gateway,
        Self::ConnectionLost,
        Self::Unreachable,
    ];

    fn hint(self) -> &'static str {
        match self {
            Self::Refused => "Is the server running at that address? `jetway serve` starts a local one",
            Self::Dns => "Check the host in baseUrl",
            Self::Offline => "Check this machine's network",
            Self::Tls => "Check the certificate, and whether baseUrl should be http or https",
            Self::Cors => "Serve the page from the server's own origin, or start the server with --allow-origin",
            Self::MixedContent => "Use an https server, or open the page over http",
            Self::NotGrpc => "Check baseUrl: it must be the root of a gRPC or gRPC-web server",
            Self::Gateway => "The gateway is up, the server behind it is not",
            Self::ConnectionLost => "The server or the network went away during the call",
            Self::Unreachable => "Is the server running, and does it allow this page's origin?",
        }
    }

    fn transient(self) -> bool {
        !matches!(self, Self::Tls | Self::Cors | Self::MixedContent | Self::NotGrpc)
    }
}

const DIAGNOSIS: &str = "diagnosis";

impl Error {
    /// The server could not be talked to.
    pub fn network(diagnosis: Diagnosis, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Network, message)
            .with_metadata(DIAGNOSIS, diagnosis.name())
            .with_grpc_code(tonic::Code::Unavailable)
            .with_hint(diagnosis.hint())
    }

    /// Why the server could not be talked to, where that is what happened.
    pub fn diagnosis(&self) -> Option<Diagnosis> {
        let name = self.metadata().get(DIAGNOSIS)?;
        Diagnosis::ALL.into_iter().find(|diagnosis| diagnosis.name() == name)
    }

    pub(super) fn is_transient_network(&self) -> bool {
        self.diagnosis().is_none_or(Diagnosis::transient)
    }

    /// Judges a response by its head, before any byte of it is taken for gRPC.
    ///
    /// # Errors
    /// By the HTTP mapping of gRPC when there is no gRPC answer: authentication for 401 and 403, rate limit for 429,
    /// network with [`Diagnosis::Gateway`] for 502 to 504 and with [`Diagnosis::NotGrpc`] for everything else.
    pub fn check_response_head(http_status: u16, content_type: Option<&str>, grpc_status: bool) -> Result<(), Self> {
        let grpc = content_type.is_some_and(|value| value.trim_start().starts_with("application/grpc"));
        if grpc_status || (grpc && http_status == 200) {
            return Ok(());
        }
        let served = content_type.unwrap_or("no content type");
        let error = match http_status {
            401 | 403 => {
                let code =
                    if http_status == 401 { tonic::Code::Unauthenticated } else { tonic::Code::PermissionDenied };
                Self::new(ErrorKind::Authentication, format!("the server refused the call with HTTP {http_status}"))
                    .with_grpc_code(code)
            }
            429 => Self::new(ErrorKind::RateLimit, "the server refused the call with HTTP 429, too many requests")
                .with_grpc_code(tonic::Code::Unavailable),
            502..=504 => Self::network(Diagnosis::Gateway, format!("a gateway answered with HTTP {http_status}")),
            _ => Self::network(
                Diagnosis::NotGrpc,
                format!("the server answered with HTTP {http_status} and {served} instead of gRPC"),
            )
            .with_grpc_code(if http_status == 404 {
                tonic::Code::Unimplemented
            } else {
                tonic::Code::Unknown
            }),
        };
        Err(error.with_metadata("http_status", http_status.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Diagnosis, Error, ErrorKind};

    #[test]
    fn a_grpc_answer_passes_whatever_its_http_status() {
        assert!(Error::check_response_head(200, Some("application/grpc-web+proto"), false).is_ok());
        assert!(Error::check_response_head(503, Some("text/plain"), true).is_ok());
    }

    #[test]
    fn html_instead_of_grpc_is_named_and_not_retried() {
        let error = Error::check_response_head(200, Some("text/html"), false).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network);
        assert_eq!(error.diagnosis(), Some(Diagnosis::NotGrpc));
        assert!(!error.retryable());
        assert!(error.message().contains("text/html"), "{error}");
        assert!(error.hint().unwrap().contains("baseUrl"));
    }

    #[test]
    fn http_statuses_follow_the_grpc_mapping() {
        let judge = |status| Error::check_response_head(status, Some("text/html"), false).unwrap_err();
        assert_eq!(judge(401).kind(), ErrorKind::Authentication);
        assert_eq!(judge(403).grpc_code(), Some(tonic::Code::PermissionDenied));
        assert_eq!(judge(404).grpc_code(), Some(tonic::Code::Unimplemented));
        assert_eq!(judge(429).kind(), ErrorKind::RateLimit);
        assert_eq!(judge(502).diagnosis(), Some(Diagnosis::Gateway));
        assert!(judge(503).retryable());
    }
}
