//! Who may address this server, and from where: the Host check against DNS rebinding, the Origin check against other
//! people's pages.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue, Request, Uri, header};

use super::refusal::Refusal;

/// The names and origins that are welcome besides the server's own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Neighbours {
    /// Host names.
    pub hosts: Vec<String>,
    /// Whole origins, `https://app.example.com`.
    pub origins: Vec<String>,
}

impl Neighbours {
    /// Refuses a request that was addressed to a name that is not this server's. IP addresses always pass: rebinding
    /// needs a name.
    pub(crate) fn check_host<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let Some(authority) = authority(request) else {
            return Err(Refusal::bad_request("the request names no host; send a Host header"));
        };
        let name = host_name(authority).to_ascii_lowercase();
        if self.knows(&name) {
            return Ok(());
        }
        let text = format!("this server does not answer for the host {name:?}; start it with --allow-host {name}");
        Err(Refusal::forbidden("CWSANDBOX_HOST_NOT_ALLOWED", text))
    }

    /// Whether a name, in lower case, is this server's.
    pub(crate) fn knows(&self, name: &str) -> bool {
        name == "localhost"
            || name.parse::<IpAddr>().is_ok()
            || self.hosts.iter().any(|host| host.eq_ignore_ascii_case(name))
    }

    /// Refuses pages of other origins. Programs send no Origin and pass.
    pub(crate) fn check_origin<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let Some(origin) = request.headers().get(header::ORIGIN) else { return Ok(()) };
        if is_own(origin, request) || self.origins.iter().any(|allowed| same_origin(allowed, origin)) {
            return Ok(());
        }
        let origin = String::from_utf8_lossy(origin.as_bytes()).into_owned();
        let text = format!("pages of {origin} may not call this server; start it with --allow-origin {origin}");
        Err(Refusal::forbidden("CWSANDBOX_ORIGIN_NOT_ALLOWED", text))
    }
}

/// Whether the request comes from a page that this server itself served.
pub(super) fn is_own_page<B>(request: &Request<B>) -> bool {
    match request.headers().get(header::ORIGIN) {
        Some(origin) => is_own(origin, request),
        None => request.headers().get("sec-fetch-site").is_some_and(|site| site == "same-origin"),
    }
}

/// The server's own origin, as the caller knows it.
fn is_own<B>(origin: &HeaderValue, request: &Request<B>) -> bool {
    let Some(authority) = authority(request) else { return false };
    ["http://", "https://"].iter().any(|scheme| same_origin(&format!("{scheme}{authority}"), origin))
}

fn same_origin(allowed: &str, origin: &HeaderValue) -> bool {
    allowed.trim_end_matches('/').as_bytes().eq_ignore_ascii_case(origin.as_bytes())
}

pub(super) fn authority<B>(request: &Request<B>) -> Option<&str> {
    fn of<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
        // HTTP/2 says it in the URI, HTTP/1.1 in a header.
        let header = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        uri.authority().map(http::uri::Authority::as_str).or(header)
    }
    of(request.uri(), request.headers())
}

/// Without the port and without the brackets of an IPv6 address.
pub(super) fn host_name(authority: &str) -> &str {
    let authority = authority.rsplit('@').next().unwrap_or(authority);
    if let Some(v6) = authority.strip_prefix('[') {
        return v6.split(']').next().unwrap_or(v6);
    }
    authority.split(':').next().unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(host: &str, origin: Option<&str>) -> Request<()> {
        let mut request = Request::builder().uri("/x").header(header::HOST, host);
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        request.body(()).unwrap()
    }

    #[test]
    fn only_own_names_are_answered() {
        let neighbours = Neighbours { hosts: vec!["box.example".into()], ..Default::default() };
        for host in ["localhost:1", "127.0.0.1:7070", "[::1]:7070", "BOX.example:80", "192.168.0.7"] {
            assert!(neighbours.check_host(&request(host, None)).is_ok(), "{host}");
        }
        for host in ["evil.example", "a.localhost", "localhost.evil.example", "127.0.0.1.evil.example:7070", ""] {
            assert!(neighbours.check_host(&request(host, None)).is_err(), "{host}");
        }
    }

    #[test]
    fn only_own_and_allowed_pages_may_call() {
        let neighbours = Neighbours { origins: vec!["https://app.example/".into()], ..Default::default() };
        for origin in [None, Some("http://localhost:1"), Some("https://app.example")] {
            assert!(neighbours.check_origin(&request("localhost:1", origin)).is_ok(), "{origin:?}");
        }
        for origin in ["http://localhost:2", "null", "https://app.example.evil", "http://app.example", ""] {
            assert!(neighbours.check_origin(&request("localhost:1", Some(origin))).is_err(), "{origin}");
        }
    }
}
