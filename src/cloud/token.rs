//! Tokens as values. Must not know: how they are asked for.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use super::session::time;
use crate::wire::jetway::v1 as wire;

/// What a new token is to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenOptions {
    /// Who it speaks for.
    pub user_id: String,
    /// `user` or `admin`. Default: `user`.
    pub role: Option<String>,
    /// These sandboxes only; empty for all.
    pub sandbox_ids: Vec<String>,
    /// Sandboxes with all of these tags only; empty for all.
    pub tags: Vec<String>,
    /// These rpcs only, by full name; empty for all.
    pub methods: Vec<String>,
    /// How long it is good for. Default: 24 hours.
    pub ttl: Option<Duration>,
}

impl TokenOptions {
    /// A token for a user, good for everything that users may.
    pub fn new(user_id: impl Into<String>) -> Self {
        Self { user_id: user_id.into(), ..Self::default() }
    }
}

impl From<TokenOptions> for wire::GetTokenRequest {
    fn from(options: TokenOptions) -> Self {
        let TokenOptions { user_id, role, sandbox_ids, tags, methods, ttl } = options;
        let scope = Some(wire::Scope { sandbox_ids, tags, methods });
        Self { user_id, role: role.unwrap_or_default(), scope, ttl: ttl.and_then(|ttl| ttl.try_into().ok()) }
    }
}

/// A pair of tokens. Both are secrets: do not log them.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Token {
    /// For calls, as a Bearer token.
    pub access_token: String,
    /// For the next pair.
    pub refresh_token: String,
    /// When the first one ends.
    pub expires_at: Option<SystemTime>,
}

impl Token {
    pub(super) fn read(token: wire::Token) -> Self {
        let wire::Token { access_token, refresh_token, expire_time, .. } = token;
        Self { access_token, refresh_token, expires_at: time(expire_time) }
    }
}

// By hand: a token must not reach a log through `{:?}`.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}
