//! Who calls, and the tokens that say so: HS256 JSON web tokens with a user, a role, a scope and an end.
//! Must not know: HTTP, the wire, sandboxes. Never logs a token.

use std::{sync::Arc, time::Duration};

use jwt_compact::{
    AlgorithmExt, Claims, Header, TimeOptions, Token, UntrustedToken, ValidationError,
    alg::{Hs256, Hs256Key},
};
use serde::{Deserialize, Serialize};

/// How long an access token lasts unless its maker says otherwise.
pub(crate) const DEFAULT_LIFE: Duration = Duration::from_secs(24 * 3600);
/// The longest life of an access token, and the life of every refresh token.
pub(crate) const LONGEST_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

const ACCESS: &str = "cloud-sandbox";
const REFRESH: &str = "cloud-sandbox-refresh";

/// What a caller is to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Has what it made itself.
    #[default]
    User,
    /// Has everything.
    Admin,
}

impl Role {
    /// The role with that name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "" | "user" => Some(Self::User),
            "admin" => Some(Self::Admin),
            _ => None,
        }
    }
}

/// What a token is good for. Every list that is not empty narrows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Scope {
    /// These sandboxes only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sandbox_ids: Vec<String>,
    /// Sandboxes with all of these tags only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// These rpcs only, by full name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
}

impl Scope {
    /// Whether it narrows nothing.
    pub fn is_whole(&self) -> bool {
        self == &Self::default()
    }

    /// Whether the rpc at `path` is in it.
    pub fn has_method(&self, path: &str) -> bool {
        let bare = |name: &str| name.trim_start_matches('/').to_owned();
        self.methods.is_empty() || self.methods.iter().any(|known| bare(known) == bare(path))
    }

    /// Whether some sandboxes are out of it.
    pub fn narrows_sandboxes(&self) -> bool {
        !self.sandbox_ids.is_empty() || !self.tags.is_empty()
    }

    /// Whether everything in `self` is also in `other`.
    pub fn is_within(&self, other: &Self) -> bool {
        let narrower = |own: &[String], wide: &[String]| {
            wide.is_empty() || (!own.is_empty() && own.iter().all(|one| wide.contains(one)))
        };
        narrower(&self.sandbox_ids, &other.sandbox_ids)
            && narrower(&self.methods, &other.methods)
            // More tags are fewer sandboxes.
            && other.tags.iter().all(|tag| self.tags.contains(tag))
    }
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller(Arc<Who>);

#[derive(Debug, PartialEq, Eq)]
struct Who {
    user: String,
    role: Role,
    scope: Scope,
    anonymous: bool,
}

impl Caller {
    /// Whoever has the server's own token, or anybody where everybody may call.
    pub fn server() -> Self {
        Self::new(String::new(), Role::Admin, Scope::default())
    }

    /// Nobody in particular: good for getting a token where that is open to everybody, and for nothing else.
    pub fn anonymous() -> Self {
        let (user, scope) = (String::new(), Scope::default());
        Self(Arc::new(Who { user, role: Role::User, scope, anonymous: true }))
    }

    fn new(user: String, role: Role, scope: Scope) -> Self {
        Self(Arc::new(Who { user, role, scope, anonymous: false }))
    }

    /// The user; empty for the server's own.
    pub fn user(&self) -> &str {
        &self.0.user
    }

    /// What it is good for.
    pub fn scope(&self) -> &Scope {
        &self.0.scope
    }

    /// Whether it showed no credentials.
    pub fn is_anonymous(&self) -> bool {
        self.0.anonymous
    }

    /// Whether it may see what others made.
    pub fn is_admin(&self) -> bool {
        self.0.role == Role::Admin && !self.0.anonymous
    }

    /// Whether nothing is out of its reach.
    pub fn is_unlimited(&self) -> bool {
        self.is_admin() && self.0.scope.is_whole()
    }

    /// Whether something of `owner` with these `tags` and that id is in its reach.
    pub fn reaches(&self, owner: &str, id: &str, tags: &[String]) -> bool {
        let Scope { sandbox_ids, tags: wanted, .. } = &self.0.scope;
        !self.is_anonymous()
            && (self.is_admin() || owner == self.user())
            && (sandbox_ids.is_empty() || sandbox_ids.iter().any(|known| known == id))
            && wanted.iter().all(|tag| tags.contains(tag))
    }
}

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// It was good once.
    Expired,
    /// It is none of ours, or not for this.
    Wrong,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Contents {
    iss: String,
    sub: String,
    user_id: String,
    role: Role,
    #[serde(default, skip_serializing_if = "Scope::is_whole")]
    scope: Scope,
}

/// Makes tokens and reads them.
#[derive(Clone)]
pub(crate) struct Signer(Arc<Hs256Key>);

/// A pair of tokens for the same caller.
pub(crate) struct Pair {
    /// For calls.
    pub access: String,
    /// For the next pair.
    pub refresh: String,
}

impl Signer {
    /// Signs with `key`, which stays the same over restarts.
    pub fn new(key: &[u8]) -> Self {
        Self(Arc::new(Hs256Key::new(key)))
    }

    /// Tokens for `user`, the one for calls good for `life`. `None` only when they cannot be encoded.
    pub fn pair(&self, user: &str, role: Role, scope: &Scope, life: Duration) -> Option<Pair> {
        let make = |issuer: &str, life| {
            let (iss, sub) = (issuer.to_owned(), user.to_owned());
            self.sign(Contents { iss, sub, user_id: user.to_owned(), role, scope: scope.clone() }, life)
        };
        Some(Pair { access: make(ACCESS, life.min(LONGEST_LIFE))?, refresh: make(REFRESH, LONGEST_LIFE)? })
    }

    /// Who an access token speaks for.
    pub fn caller(&self, token: &str) -> Result<Caller, Rejected> {
        let Contents { user_id, role, scope, .. } = self.read(token, ACCESS)?;
        Ok(Caller::new(user_id, role, scope))
    }

    /// New tokens for a refresh token; the user, the role and the scope stay.
    pub fn refresh(&self, token: &str, life: Duration) -> Result<Pair, Rejected> {
        let Contents { user_id, role, scope, .. } = self.read(token, REFRESH)?;
        self.pair(&user_id, role, &scope, life).ok_or(Rejected::Wrong)
    }

    fn sign(&self, contents: Contents, life: Duration) -> Option<String> {
        let times = TimeOptions::default();
        let life = chrono::Duration::from_std(life).ok()?;
        let claims = Claims::new(contents).set_duration_and_issuance(&times, life);
        let now = claims.issued_at?;
        Hs256.token(&Header::empty().with_token_type("JWT"), &claims.set_not_before(now), &self.0).ok()
    }

    fn read(&self, token: &str, issuer: &str) -> Result<Contents, Rejected> {
        let untrusted = UntrustedToken::new(token).map_err(|_| Rejected::Wrong)?;
        let token: Token<Contents> = Hs256.validator(&*self.0).validate(&untrusted).map_err(|_| Rejected::Wrong)?;
        // No leeway: this server's clock made the times.
        let times = TimeOptions::from_leeway(chrono::Duration::zero());
        let claims = token.claims();
        if claims.custom.iss != issuer || claims.custom.sub != claims.custom.user_id {
            return Err(Rejected::Wrong);
        }
        match claims.validate_expiration(&times).and_then(|claims| claims.validate_maturity(&times)) {
            Ok(_) => Ok(claims.custom.clone()),
            Err(ValidationError::Expired) => Err(Rejected::Expired),
            Err(_) => Err(Rejected::Wrong),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(life: Duration) -> (Signer, Pair) {
        let signer = Signer::new(b"a key of some length");
        let scope = Scope { sandbox_ids: vec!["a".into()], ..Scope::default() };
        let pair = signer.pair("ada", Role::User, &scope, life).unwrap();
        (signer, pair)
    }

    #[test]
    fn a_token_says_who_calls_until_it_ends() {
        let (signer, Pair { access, refresh }) = pair(DEFAULT_LIFE);
        let caller = signer.caller(&access).unwrap();
        assert_eq!(
            (caller.user(), caller.is_admin(), &caller.scope().sandbox_ids[..]),
            ("ada", false, &["a".into()][..])
        );
        assert_eq!(signer.caller(&refresh), Err(Rejected::Wrong), "a refresh token is not for calls");
        assert!(signer.refresh(&access, DEFAULT_LIFE).is_err(), "an access token gives no new ones");
        let again = signer.refresh(&refresh, DEFAULT_LIFE).ok().unwrap();
        assert_eq!(signer.caller(&again.access).unwrap(), caller);
        let (signer, over) = pair(Duration::ZERO);
        assert_eq!(signer.caller(&over.access), Err(Rejected::Expired));
    }

    #[test]
    fn a_forged_token_is_none() {
        let (signer, Pair { access, .. }) = pair(DEFAULT_LIFE);
        let parts: Vec<&str> = access.split('.').collect();
        // {"alg":"none","typ":"JWT"}
        let none = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", parts[1]);
        let other = Signer::new(b"another key").pair("ada", Role::Admin, &Scope::default(), DEFAULT_LIFE).unwrap();
        let swapped = format!("{}.{}.{}", parts[0], other.access.split('.').nth(1).unwrap(), parts[2]);
        for forged in [none.as_str(), &other.access, &swapped, "", "a.b.c", &access[..access.len() - 2]] {
            assert_eq!(signer.caller(forged), Err(Rejected::Wrong), "{forged}");
        }
    }

    #[test]
    fn a_scope_only_narrows() {
        let list = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>();
        let wide = Scope { sandbox_ids: list(&["a", "b"]), tags: list(&["t"]), methods: Vec::new() };
        let narrow = Scope { sandbox_ids: list(&["a"]), tags: list(&["t", "u"]), methods: list(&["m"]) };
        assert!(narrow.is_within(&wide) && !wide.is_within(&narrow));
        assert!(wide.is_within(&Scope::default()) && !Scope::default().is_within(&wide));
        let caller = Caller::new("ada".into(), Role::User, wide);
        assert!(caller.reaches("ada", "a", &list(&["t", "x"])));
        for (owner, id, tags) in [("bob", "a", &["t"][..]), ("ada", "c", &["t"]), ("ada", "a", &["x"])] {
            assert!(!caller.reaches(owner, id, &list(tags)), "{owner} {id} {tags:?}");
        }
        assert!(!Caller::anonymous().reaches("", "a", &[]));
        assert!(Caller::server().reaches("ada", "a", &[]));
    }
}
