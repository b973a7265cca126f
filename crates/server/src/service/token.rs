//! TokenService: credentials that end, for a user, with a role and a scope. Whoever mints them needs the server's token,
//! an administrator's, or a server that was told to give them to everybody.

use std::time::{Duration, SystemTime};

use tonic::{Code, Request, Response, Status};

use super::{Api, Problem, view::timestamp};
use crate::{
    tokens::{DEFAULT_LIFE, LONGEST_LIFE, Pair, Rejected, Role, Scope},
    wire::jetway::{self as wire, token_service_server::TokenService},
};

const MOST_NAMES: usize = 256;

/// A pair of tokens and the end of the first.
pub(crate) struct Minted {
    /// For calls.
    pub access: String,
    /// For the next pair.
    pub refresh: String,
    /// How long the first is good for.
    pub life: Duration,
}

impl Api {
    /// Makes tokens for a user.
    pub(crate) fn mint(&self, user: &str, role: &str, scope: Scope, life: Option<Duration>) -> Result<Minted, Problem> {
        let named = !user.is_empty() && user.len() <= 256 && !user.contains(char::is_control);
        if !named {
            return Err(Problem::field("user_id", "must have 1 to 256 bytes and no control characters"));
        }
        let role = Role::from_name(role)
            .ok_or_else(|| Problem::field("role", format!("must be \"user\" or \"admin\", got {role:?}")))?;
        let Scope { sandbox_ids, tags, methods } = &scope;
        if sandbox_ids.len() + tags.len() + methods.len() > MOST_NAMES {
            return Err(Problem::field("scope", format!("must name at most {MOST_NAMES} things")));
        }
        self.may_mint(user, role, &scope)?;
        let life = life.unwrap_or(DEFAULT_LIFE).min(LONGEST_LIFE);
        if life.is_zero() {
            return Err(Problem::field("ttl", "must be longer than zero"));
        }
        let pair = self.0.signer.pair(user, role, &scope, life).ok_or_else(unencodable)?;
        Ok(Minted { access: pair.access, refresh: pair.refresh, life })
    }

    /// New tokens for a refresh token.
    pub(crate) fn refresh(&self, token: &str) -> Result<Minted, Problem> {
        let Pair { access, refresh } = self.0.signer.refresh(token, DEFAULT_LIFE).map_err(|rejected| {
            let text = match rejected {
                Rejected::Expired => "the refresh token has expired; get a new token",
                Rejected::Wrong => "this is no refresh token of this server",
            };
            Problem::new(Code::Unauthenticated, "CWSANDBOX_UNAUTHENTICATED", text)
        })?;
        Ok(Minted { access, refresh, life: DEFAULT_LIFE })
    }

    fn may_mint(&self, user: &str, role: Role, scope: &Scope) -> Result<(), Problem> {
        let caller = self.caller();
        let own = caller.user() == user && role == Role::User && !caller.is_anonymous();
        let allowed = match role {
            _ if caller.is_unlimited() => true,
            // Narrower tokens of one's own: for a page, for one sandbox.
            _ if own => scope.is_within(caller.scope()),
            Role::User => self.0.open_minting && (caller.is_anonymous() || caller.scope().is_whole()),
            Role::Admin => false,
        };
        if allowed {
            return Ok(());
        }
        let text = "only the server's token or an administrator's makes tokens for others, and nobody a wider one than \
                    the own; a server for development can be started with --dev-tokens";
        Err(Problem::new(Code::PermissionDenied, "CWSANDBOX_ROLE_REQUIRED", text))
    }
}

fn unencodable() -> Problem {
    Problem::new(Code::Internal, "CWSANDBOX_BACKEND_FAILED", "the token could not be encoded")
}

fn shown(Minted { access, refresh, life }: Minted) -> Response<wire::Token> {
    Response::new(wire::Token {
        access_token: access,
        refresh_token: refresh,
        token_type: "Bearer".to_owned(),
        expire_time: Some(timestamp(SystemTime::now() + life)),
    })
}

#[tonic::async_trait]
impl TokenService for Api {
    async fn get_token(&self, request: Request<wire::GetTokenRequest>) -> Result<Response<wire::Token>, Status> {
        let api = self.by(&request);
        let wire::GetTokenRequest { user_id, role, scope, ttl } = request.into_inner();
        let wire::Scope { sandbox_ids, tags, methods } = scope.unwrap_or_default();
        let life = ttl.map(Duration::try_from).transpose();
        let life = life.map_err(|_| Problem::field("ttl", "must not be negative"))?;
        Ok(shown(api.mint(&user_id, &role, Scope { sandbox_ids, tags, methods }, life)?))
    }

    async fn refresh_token(
        &self,
        request: Request<wire::RefreshTokenRequest>,
    ) -> Result<Response<wire::Token>, Status> {
        Ok(shown(self.refresh(&request.get_ref().refresh_token)?))
    }
}
