//! Which headers pass: metadata does, in both directions; what concerns one hop, a browser or the caller's own
//! credentials does not.
//! Must not know: bodies.

use http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use tonic::body::Body;

use super::config::Credentials;

/// Of a request: concern this hop, or tell about the browser's page what the upstream has no use for.
const NOT_UP: [&str; 19] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "connection",
    "content-length",
    "cookie",
    "host",
    "keep-alive",
    "origin",
    "pragma",
    "priority",
    "proxy-authenticate",
    "proxy-authorization",
    "referer",
    "transfer-encoding",
    "upgrade",
    "x-grpc-web",
    "expect",
];
/// As whom somebody calls. With an account of its own the proxy lets none of it through.
const WHO: [&str; 7] = [
    "authorization",
    "x-api-key",
    "x-wandb-api-key",
    "x-wandb-host",
    "x-entity-id",
    "x-project-name",
    "x-wandb-sdk-version",
];
/// Of an answer: this hop's, or what would speak for the proxy's origin.
const NOT_DOWN: [&str; 11] = [
    "alt-svc",
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "proxy-authenticate",
    "set-cookie",
    "strict-transport-security",
    "transfer-encoding",
    "upgrade",
    "vary",
];

/// The headers that say as whom the proxy calls.
#[derive(Clone, Default)]
pub(super) struct Account(Option<Vec<(HeaderName, HeaderValue)>>);

impl Account {
    /// Of these credentials. Says which cannot be sent.
    pub fn new(credentials: &Credentials) -> Result<Self, String> {
        let secret = |text: &str| {
            let value = HeaderValue::from_str(text);
            let mut value =
                value.map_err(|_| "the upstream's key has characters that no header can carry".to_owned())?;
            value.set_sensitive(true);
            Ok::<_, String>(value)
        };
        let named = |name: &'static str, text: &Option<String>| {
            let Some(text) = text else { return Ok(None) };
            let value = HeaderValue::from_str(text);
            let value = value.map_err(|_| format!("{text:?} has characters that the header {name} cannot carry"))?;
            Ok::<_, String>(Some((HeaderName::from_static(name), value)))
        };
        Ok(Self(match credentials {
            Credentials::Forward => None,
            Credentials::Bearer(key) => Some(vec![(header::AUTHORIZATION, secret(&format!("Bearer {key}"))?)]),
            Credentials::Wandb { api_key, entity, project } => {
                let mut all = vec![(HeaderName::from_static("x-wandb-api-key"), secret(api_key)?)];
                all.extend(named("x-entity-id", entity)?);
                all.extend(named("x-project-name", project)?);
                Some(all)
            }
        }))
    }

    /// Makes a request's headers the upstream's.
    pub fn prepare(&self, headers: &mut HeaderMap) {
        drop_named_by_connection(headers);
        let page: Vec<HeaderName> = headers.keys().filter(|name| is_pages(name.as_str())).cloned().collect();
        for name in page {
            headers.remove(name);
        }
        for name in NOT_UP {
            headers.remove(name);
        }
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        if let Some(own) = &self.0 {
            for name in WHO {
                headers.remove(name);
            }
            headers.extend(own.iter().cloned());
        }
    }

    /// A call of the proxy's own.
    pub fn request(&self, uri: http::Uri, body: Body) -> Request<Body> {
        let mut request = Request::new(body);
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = uri;
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        self.prepare(request.headers_mut());
        request
    }
}

/// Makes an answer's headers the caller's.
pub(super) fn keep_metadata(headers: &mut HeaderMap) {
    drop_named_by_connection(headers);
    let cors: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with("access-control-")).cloned().collect();
    for name in cors {
        headers.remove(name);
    }
    for name in NOT_DOWN {
        headers.remove(name);
    }
}

fn is_pages(name: &str) -> bool {
    name.starts_with("sec-") || name.starts_with("access-control-")
}

fn drop_named_by_connection(headers: &mut HeaderMap) {
    let lines = headers.get_all(header::CONNECTION).iter().filter_map(|line| line.to_str().ok());
    let named: Vec<HeaderName> =
        lines.flat_map(|line| line.split(',')).filter_map(|name| name.trim().parse().ok()).collect();
    for name in named {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn metadata_passes_and_the_browsers_own_does_not() {
        let mut up = headers(&[
            ("host", "proxy"),
            ("origin", "https://a"),
            ("sec-fetch-mode", "cors"),
            ("cookie", "a=1"),
            ("connection", "close, x-hop"),
            ("x-hop", "1"),
            ("grpc-timeout", "1S"),
            ("x-trace-bin", "AAEC"),
            ("authorization", "Bearer theirs"),
        ]);
        Account::new(&Credentials::Forward).unwrap().prepare(&mut up);
        let mut names: Vec<_> = up.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["authorization", "grpc-timeout", "te", "x-trace-bin"]);
        assert_eq!(up["authorization"], "Bearer theirs");
    }

    #[test]
    fn with_an_account_nothing_of_the_callers_own_passes() {
        let theirs = [("authorization", "Bearer t"), ("x-wandb-api-key", "k"), ("x-entity-id", "e"), ("x-keep", "1")];
        let mut up = headers(&theirs);
        Account::new(&Credentials::Bearer("ours".into())).unwrap().prepare(&mut up);
        assert_eq!(up["authorization"], "Bearer ours");
        assert!(up.get("x-wandb-api-key").is_none() && up.get("x-entity-id").is_none());
        assert_eq!(up["x-keep"], "1");
        assert!(!format!("{up:?}").contains("ours"), "a key in a log");
        let wandb = Credentials::Wandb { api_key: "w".into(), entity: Some("team".into()), project: None };
        assert!(!format!("{wandb:?}").contains('w') || !format!("{wandb:?}").contains("\"w\""));
        let mut up = headers(&theirs);
        Account::new(&wandb).unwrap().prepare(&mut up);
        assert!(up.get("authorization").is_none());
        assert_eq!(
            (&up["x-wandb-api-key"], &up["x-entity-id"]),
            (&HeaderValue::from_static("w"), &HeaderValue::from_static("team"))
        );
        assert!(Account::new(&Credentials::Bearer("a\nb".into())).is_err());
    }

    #[test]
    fn an_answer_keeps_its_metadata_only() {
        let mut down = headers(&[
            ("grpc-status", "5"),
            ("grpc-status-details-bin", "AA"),
            ("x-own", "1"),
            ("set-cookie", "a=1"),
            ("access-control-allow-origin", "*"),
            ("alt-svc", "h3"),
        ]);
        keep_metadata(&mut down);
        let mut names: Vec<_> = down.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["grpc-status", "grpc-status-details-bin", "x-own"]);
    }
}
