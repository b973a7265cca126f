//! Credentials: the server's token, and what a page gets instead of it. Comparisons take the same time whatever the
//! guess; nothing here is ever logged.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, header};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::refusal::Refusal;

/// What a signed text is good for. One never passes for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Calls, as a Bearer token.
    Call,
    /// Getting such tokens, as a cookie.
    Page,
    /// One service's pages, as a cookie.
    Service,
}

impl Use {
    fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Page => "page",
            Self::Service => "service",
        }
    }
}

/// Who may call.
pub(crate) struct Access {
    token: Option<String>,
    key: Vec<u8>,
    launch_code: String,
}

impl Access {
    /// `token` is `None` for a server that is open to everybody who reaches it.
    pub fn new(token: Option<String>, key: Vec<u8>, launch_code: String) -> Self {
        Self { token, key, launch_code }
    }

    /// Whether everybody may call.
    pub(super) fn is_open(&self) -> bool {
        self.token.is_none()
    }

    /// Refuses a call without good credentials.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(token) = &self.token else { return Ok(()) };
        let Some(given) = given(headers) else {
            let text =
                "no credentials; send \"authorization: Bearer <token>\" with the token that `jetway serve` printed";
            return Err(Refusal::unauthenticated(text));
        };
        if same(given, token) || self.verify(Use::Call, given) {
            return Ok(());
        }
        let text =
            "the token is wrong or has expired; `jetway serve` prints the right one, a page gets a new one by itself";
        Err(Refusal::unauthenticated(text))
    }

    /// Whether this is the code of the printed link.
    pub(super) fn is_launch_code(&self, code: &str) -> bool {
        same(code, &self.launch_code)
    }

    /// A text that is good for `purpose` and for `life` from now.
    pub(super) fn sign(&self, purpose: Use, life: Duration) -> String {
        let until = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + life;
        let claim = format!("{}.{}", purpose.name(), until.as_secs());
        format!("{claim}.{}", self.mac(&claim))
    }

    /// As [`sign`](Self::sign), good for one thing only.
    pub(super) fn sign_for(&self, purpose: Use, scope: &str, life: Duration) -> String {
        let text = self.sign(purpose, life);
        let scoped = self.mac(&format!("{text}.{scope}"));
        format!("{text}~{scoped}")
    }

    /// As [`verify`](Self::verify), for that thing.
    pub(super) fn verify_for(&self, purpose: Use, scope: &str, text: &str) -> bool {
        text.split_once('~').is_some_and(|(text, scoped)| {
            same(scoped, &self.mac(&format!("{text}.{scope}"))) && self.verify(purpose, text)
        })
    }

    /// Whether this text was signed here for that purpose and is not over.
    pub(super) fn verify(&self, purpose: Use, text: &str) -> bool {
        let Some((claim, mac)) = text.rsplit_once('.') else { return false };
        if !same(mac, &self.mac(claim)) {
            return false;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        claim
            .split_once('.')
            .is_some_and(|(name, until)| name == purpose.name() && until.parse::<u64>().is_ok_and(|until| now < until))
    }

    fn mac(&self, claim: &str) -> String {
        match Hmac::<Sha256>::new_from_slice(&self.key) {
            Ok(mut mac) => {
                mac.update(claim.as_bytes());
                URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
            }
            // HMAC takes keys of any length; an empty text matches no signature that was ever given out.
            Err(_) => String::new(),
        }
    }
}

/// The credential that a request carries, in either of the two headers that clients use.
fn given(headers: &HeaderMap) -> Option<&str> {
    if let Some(value) = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) {
        let (scheme, token) = value.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| token.trim());
    }
    headers.get("x-wandb-api-key").and_then(|value| value.to_str().ok())
}

pub(super) fn same(given: &str, right: &str) -> bool {
    !right.is_empty() && bool::from(given.as_bytes().ct_eq(right.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> Access {
        Access::new(Some("secret".into()), b"key".to_vec(), "code".into())
    }

    fn with(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(name), value.parse().unwrap())])
    }

    #[test]
    fn the_token_is_taken_from_either_header() {
        let access = access();
        for headers in [
            with("authorization", "Bearer secret"),
            with("authorization", "bearer secret"),
            with("x-wandb-api-key", "secret"),
        ] {
            assert!(access.check(&headers).is_ok());
        }
        for headers in [
            HeaderMap::new(),
            with("authorization", "Bearer wrong"),
            with("authorization", "Basic secret"),
            with("authorization", "Bearer "),
        ] {
            assert!(access.check(&headers).is_err(), "{headers:?}");
        }
        assert!(Access::new(None, b"key".to_vec(), "code".into()).check(&HeaderMap::new()).is_ok());
    }

    #[test]
    fn a_signed_text_is_good_for_its_use_and_its_time_only() {
        let access = access();
        let token = access.sign(Use::Call, Duration::from_secs(60));
        assert!(access.verify(Use::Call, &token));
        assert!(access.check(&with("authorization", &format!("Bearer {token}"))).is_ok());
        assert!(!access.verify(Use::Page, &token));
        assert!(!access.verify(Use::Call, &access.sign(Use::Page, Duration::from_secs(60))));
        assert!(!access.verify(Use::Call, &access.sign(Use::Call, Duration::ZERO)));
        assert!(!access.verify(Use::Call, &token.replace("call", "page")));
        let other = Access::new(None, b"other".to_vec(), String::new());
        assert!(!other.verify(Use::Call, &token));
        assert!(!other.is_launch_code(""));
    }
}
