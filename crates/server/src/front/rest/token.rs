//! `/auth/token` and what the original lacks, `/auth/refresh` by the same route: tokens for a user.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::{Call, Failure, Reply, ok};
use crate::service::{Api, Minted};

#[derive(Deserialize)]
#[serde(default)]
struct Wanted {
    user_id: String,
    role: String,
    refresh_token: String,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { user_id: String::new(), role: "user".to_owned(), refresh_token: String::new() }
    }
}

pub(super) fn answer(api: &Api, call: &Call) -> Reply {
    if call.method != Method::POST {
        return Err(call.not_allowed());
    }
    let Wanted { user_id, role, refresh_token } = call.json()?;
    let Minted { access, refresh, life } = if refresh_token.is_empty() {
        api.mint(&user_id, &role, Default::default(), None)
    } else {
        api.refresh(&refresh_token)
    }
    .map_err(Failure::from)?;
    ok(&json!({
        "access_token": access,
        "refresh_token": refresh,
        "token_type": "Bearer",
        // Text, as clients know it.
        "expires_in": life.as_secs().to_string(),
    }))
}
