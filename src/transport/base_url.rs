//! The root of a server, checked once. Must not know: who connects to it and how.

use http::Uri;

use crate::error::Error;

/// An `http` or `https` root without query or trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BaseUrl {
    origin: String,
    prefix: String,
}

impl BaseUrl {
    /// Parses what the user gave.
    ///
    /// # Errors
    /// Validation, naming `baseUrl`.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let shown = redact(text);
        let wrong =
            |what: &str| Error::invalid("baseUrl", format!("{what}, got {shown:?}; e.g. http://127.0.0.1:7070"));
        let uri: Uri = text.trim().parse().map_err(|_| wrong("must be an absolute http or https URL"))?;
        let scheme = match uri.scheme_str() {
            Some(scheme @ ("http" | "https")) => scheme,
            _ => return Err(wrong("must start with http:// or https://")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("must name a host"))?;
        if authority.as_str().contains('@') {
            return Err(Error::invalid("baseUrl", "must not contain credentials; give them as `auth`"));
        }
        if authority.host().is_empty() {
            return Err(wrong("must name a host"));
        }
        if uri.query().is_some() {
            return Err(wrong("must not have a query"));
        }
        Ok(Self { origin: format!("{scheme}://{authority}"), prefix: uri.path().trim_end_matches('/').to_owned() })
    }

    /// The whole root.
    pub(crate) fn as_url(&self) -> String {
        format!("{}{}", self.origin(), self.prefix())
    }

    /// Scheme, host and port.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Path in front of every rpc's own; empty or `/something`.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }
}

/// A URL may carry a password where it does not belong: never repeat it.
fn redact(text: &str) -> String {
    match (text.find("://"), text.rfind('@')) {
        (Some(start), Some(end)) if end > start => format!("{}…{}", &text[..start + 3], &text[end..]),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::BaseUrl;

    #[test]
    fn a_root_loses_its_trailing_slash_and_keeps_its_prefix() {
        let url = BaseUrl::parse("https://example.com:8443/gate/").unwrap();
        assert_eq!((url.origin(), url.prefix()), ("https://example.com:8443", "/gate"));
        assert_eq!(BaseUrl::parse("http://[::1]:7070").unwrap().as_url(), "http://[::1]:7070");
    }

    #[test]
    fn what_is_no_root_is_refused_by_name() {
        for text in
            ["", "localhost:7070", "ftp://x", "http://", "http://a/?b=c", "/relative", "http://a b", "http://:80"]
        {
            let error = BaseUrl::parse(text).unwrap_err();
            assert_eq!(error.field_violations()[0].field, "baseUrl", "{text}");
        }
    }

    #[test]
    fn a_password_in_the_url_is_refused_and_not_repeated() {
        for text in ["http://user:hunter2@host", "ftp://user:hunter2@host"] {
            let error = BaseUrl::parse(text).unwrap_err();
            assert!(!format!("{error:?} {error}").contains("hunter2"), "{error}");
        }
    }
}
