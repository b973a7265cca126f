//! Credentials: the server's token, and what a page gets instead of it. Comparisons take the same time whatever the
//! guess; nothing here is ever logged.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, header};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::refusal::Refusal;
use crate::tokens::{Caller, Rejected, Signer};

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

/// The rpcs that take no credentials: a refresh token is one.
const REFRESH: &str = "/jetway.v1.TokenService/RefreshToken";
/// The rpc that needs none where everybody may have tokens.
const MINT: &str = "/jetway.v1.TokenService/GetToken";
/// What callers may use whose reach is limited: these rpcs look at who calls. Everything else is for the server's own
/// token and for administrators, so an rpc that is new here is closed to others until it is listed.
const FOR_USERS: [&str; 8] = [
    "/coreweave.sandbox.v1.SandboxService/",
    "/coreweave.sandbox.v1.SandboxDataPlaneService/",
    "/coreweave.sandbox.v1.DiscoveryService/",
    "/jetway.v1.SessionService/",
    "/jetway.v1.PoolService/",
    "/jetway.v1.TerminalService/",
    MINT,
    REFRESH,
];
/// Of the sandbox service's rpcs, those that do not.
const NOT_FOR_USERS: [&str; 7] = [
    "CreateSandboxFromTemplate",
    "CreateSandboxFromFile",
    "ConnectSandbox",
    "CreateFileSystemSnapshot",
    "GetFileSystemSnapshot",
    "ListFileSystemSnapshots",
    "DeleteFileSystemSnapshot",
];

/// Who may call.
pub(crate) struct Access {
    token: Option<String>,
    key: Vec<u8>,
    launch_code: String,
    signer: Signer,
    open_minting: bool,
}

/// Why somebody may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denied {
    /// No credentials, or none that can be read.
    Missing,
    /// Credentials that were good once.
    Expired,
    /// Credentials that are not good.
    Wrong,
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        Self::unauthenticated(match denied {
            Denied::Missing => {
                "no credentials; send \"authorization: Bearer <token>\" with the token that `jetway serve` printed"
            }
            Denied::Expired => "the token has expired; refresh it, or get a new one",
            Denied::Wrong => {
                "the token is wrong or has expired; `jetway serve` prints the right one, a page gets a new one by itself"
            }
        })
    }
}

impl Access {
    /// `token` is `None` for a server that is open to everybody who reaches it. `signer` reads users' tokens; with
    /// `open_minting` everybody may have one.
    pub fn new(token: Option<String>, key: Vec<u8>, launch_code: String, signer: Signer, open_minting: bool) -> Self {
        Self { token, key, launch_code, signer, open_minting }
    }

    /// Whether everybody may call.
    pub(super) fn is_open(&self) -> bool {
        self.token.is_none()
    }

    /// Who calls.
    pub(super) fn caller(&self, headers: &HeaderMap) -> Result<Caller, Denied> {
        let given = given(headers);
        let known = given.ok_or(Denied::Missing).and_then(|given| self.read(given));
        match (known, &self.token) {
            (Ok(caller), _) => Ok(caller),
            (Err(denied), Some(_)) => Err(denied),
            // A user's own token that is over must not turn its bearer into everybody.
            (Err(Denied::Expired), None) => Err(Denied::Expired),
            (Err(_), None) => Ok(Caller::server()),
        }
    }

    fn read(&self, given: &str) -> Result<Caller, Denied> {
        if self.token.as_ref().is_some_and(|token| same(given, token)) || self.verify(Use::Call, given) {
            return Ok(Caller::server());
        }
        self.signer.caller(given).map_err(|rejected| match rejected {
            Rejected::Expired => Denied::Expired,
            Rejected::Wrong => Denied::Wrong,
        })
    }

    /// Who may have a token made: whoever may call, and where minting is open everybody.
    pub(super) fn minter(&self, headers: &HeaderMap) -> Result<Caller, Denied> {
        match self.caller(headers) {
            Err(Denied::Missing) if self.open_minting => Ok(Caller::anonymous()),
            known => known,
        }
    }

    /// Who makes this gRPC call, if that caller may.
    pub(super) fn check(&self, path: &str, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let caller = match path {
            MINT => self.minter(headers)?,
            REFRESH => return Ok(self.caller(headers).unwrap_or_else(|_| Caller::anonymous())),
            _ => self.caller(headers)?,
        };
        let method = path.rsplit('/').next().unwrap_or_default();
        let scope = caller.scope();
        if !scope.has_method(path) {
            return Err(Refusal::method_out_of_scope(path));
        }
        let for_users = FOR_USERS.iter().any(|known| path.starts_with(known)) && !NOT_FOR_USERS.contains(&method);
        if !for_users && (!caller.is_admin() || caller.scope().narrows_sandboxes()) {
            let text = format!("{method} is for administrators; use the server's token or one with the role \"admin\"");
            return Err(Refusal::forbidden("CWSANDBOX_ROLE_REQUIRED", text));
        }
        Ok(caller)
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
pub(crate) fn given(headers: &HeaderMap) -> Option<&str> {
    if let Some(value) = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) {
        let (scheme, token) = value.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| token.trim());
    }
    headers.get("x-wandb-api-key").and_then(|value| value.to_str().ok())
}

/// Whether a guess is right, in a time that does not tell how nearly.
pub(crate) fn same(given: &str, right: &str) -> bool {
    !right.is_empty() && bool::from(given.as_bytes().ct_eq(right.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::{Role, Scope};

    const RUN: &str = "/coreweave.sandbox.v1.SandboxService/Exec";

    fn access() -> Access {
        opened(Some("secret".into()), false)
    }

    fn opened(token: Option<String>, open_minting: bool) -> Access {
        Access::new(token, b"key".to_vec(), "code".into(), Signer::new(b"users"), open_minting)
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
            assert_eq!(access.check(RUN, &headers).unwrap(), Caller::server());
        }
        for headers in [
            HeaderMap::new(),
            with("authorization", "Bearer wrong"),
            with("authorization", "Basic secret"),
            with("authorization", "Bearer "),
        ] {
            assert!(access.check(RUN, &headers).is_err(), "{headers:?}");
        }
        assert!(opened(None, false).check(RUN, &HeaderMap::new()).is_ok());
    }

    #[test]
    fn a_user_reaches_what_is_for_users_within_its_scope() {
        let access = access();
        let token = |role, methods: &[&str]| {
            let methods = methods.iter().map(|method| (*method).to_owned()).collect();
            let scope = Scope { methods, ..Scope::default() };
            let pair = access.signer.pair("ada", role, &scope, Duration::from_secs(60)).unwrap();
            with("authorization", &format!("Bearer {}", pair.access))
        };
        let secrets = "/coreweave.sandbox.v1.SettingsService/ListSecretStores";
        let user = token(Role::User, &[]);
        assert_eq!(access.check(RUN, &user).unwrap().user(), "ada");
        assert!(access.check(secrets, &user).is_err());
        assert!(access.check("/coreweave.sandbox.v1.SandboxService/CreateSandboxFromTemplate", &user).is_err());
        assert!(access.check(secrets, &token(Role::Admin, &[])).is_ok());
        let narrow = token(Role::Admin, &["coreweave.sandbox.v1.SandboxService/Exec"]);
        assert!(access.check(RUN, &narrow).is_ok());
        assert!(access.check("/coreweave.sandbox.v1.SandboxService/GetSandbox", &narrow).is_err());
    }

    #[test]
    fn without_credentials_one_gets_a_token_only_where_minting_is_open() {
        let none = HeaderMap::new();
        assert!(access().check(MINT, &none).is_err());
        let open = opened(Some("secret".into()), true);
        assert!(open.check(MINT, &none).unwrap().is_anonymous());
        assert!(open.check(RUN, &none).is_err());
        assert!(open.check(MINT, &with("authorization", "Bearer wrong")).is_err());
        assert!(access().check(REFRESH, &none).is_ok());
    }

    #[test]
    fn a_signed_text_is_good_for_its_use_and_its_time_only() {
        let access = access();
        let token = access.sign(Use::Call, Duration::from_secs(60));
        assert!(access.verify(Use::Call, &token));
        assert!(access.check(RUN, &with("authorization", &format!("Bearer {token}"))).is_ok());
        assert!(!access.verify(Use::Page, &token));
        assert!(!access.verify(Use::Call, &access.sign(Use::Page, Duration::from_secs(60))));
        assert!(!access.verify(Use::Call, &access.sign(Use::Call, Duration::ZERO)));
        assert!(!access.verify(Use::Call, &token.replace("call", "page")));
        let other = Access::new(None, b"other".to_vec(), String::new(), Signer::new(b"users"), false);
        assert!(!other.verify(Use::Call, &token));
        assert!(!other.is_launch_code(""));
    }
}
