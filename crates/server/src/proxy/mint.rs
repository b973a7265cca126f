//! `POST /tokens`: the operator's own program asks for a token for one browser and hands it on. Whoever holds the
//! operator's secret decides who gets what; the proxy only sees to it that a token is short-lived and says what for.

use std::time::Duration;

use axum::body::Body;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use serde::Deserialize;
use serde_json::json;

use super::site::Gate;
use crate::{
    front::refusal::{Refusal, json},
    tokens::{Role, Scope},
};

const DEFAULT_LIFE: Duration = Duration::from_secs(15 * 60);
const MOST_BYTES: usize = 64 * 1024;
const MOST_NAMES: usize = 256;
const SHAPE: &str =
    "send JSON: {\"sandboxIds\": [..], \"tags\": [..], \"methods\": [..], \"ttlSeconds\": 900, \"userId\": \"..\"}";

/// What the operator asks for. A field that is misspelt would make a wider token: it is refused.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Wanted {
    /// Whom the token is for; for the log.
    user_id: Option<String>,
    sandbox_ids: Vec<String>,
    tags: Vec<String>,
    methods: Vec<String>,
    ttl_seconds: Option<u64>,
    /// Says that a token for everything is meant.
    everything: bool,
}

/// Makes one.
pub(super) async fn token(gate: &Gate, request: Request<Body>) -> Result<Response<Body>, Refusal> {
    gate.check_operator(request.headers())?;
    if request.headers().contains_key(header::ORIGIN) {
        let text =
            "tokens are made by a server of yours, which knows who asks; a page must not have the operator's secret";
        return Err(Refusal::forbidden("CWSANDBOX_ORIGIN_NOT_ALLOWED", text));
    }
    let body = Limited::new(request.into_body(), MOST_BYTES).collect().await;
    let body =
        body.map_err(|_| Refusal::bad_request(format!("the body is longer than {MOST_BYTES} bytes; {SHAPE}")))?;
    let wanted: Wanted = serde_json::from_slice(&body.to_bytes())
        .map_err(|error| Refusal::bad_request(format!("the body cannot be read ({error}); {SHAPE}")))?;
    let Wanted { user_id, sandbox_ids, tags, methods, ttl_seconds, everything } = wanted;
    let scope = Scope { sandbox_ids, tags, methods };
    check(&scope, everything)?;
    let life = ttl_seconds.map_or(DEFAULT_LIFE.min(gate.longest_life), Duration::from_secs);
    if life.is_zero() || life > gate.longest_life {
        let most = gate.longest_life.as_secs();
        return Err(Refusal::bad_request(format!("ttlSeconds must be from 1 to {most} (--max-token-ttl)")));
    }
    let user = user_id.unwrap_or_default();
    let pair = gate.signer.pair(&user, Role::User, &scope, life);
    let pair = pair.ok_or_else(|| Refusal::bad_request("the token could not be encoded"))?;
    tracing::info!(user, ?scope, seconds = life.as_secs(), "a token was made");
    Ok(json(StatusCode::OK, &json!({ "token": pair.access, "expiresInMs": life.as_millis() as u64 })))
}

fn check(scope: &Scope, everything: bool) -> Result<(), Refusal> {
    let Scope { sandbox_ids, tags, methods } = scope;
    if everything != scope.is_whole() {
        let text = "say what the token is for (sandboxIds, tags or methods), or \"everything\": true alone";
        return Err(Refusal::bad_request(text));
    }
    let all = [("sandboxIds", sandbox_ids), ("tags", tags), ("methods", methods)];
    if all.iter().map(|(_, list)| list.len()).sum::<usize>() > MOST_NAMES {
        return Err(Refusal::bad_request(format!("a token may name at most {MOST_NAMES} things")));
    }
    for (field, list) in all {
        // Where a program forgot to fill something in, an empty name would be its only trace.
        if list.iter().any(|name| name.trim().is_empty()) {
            return Err(Refusal::bad_request(format!("{field} must not hold empty texts")));
        }
    }
    let is_method = |name: &String| {
        let bare = name.strip_prefix('/').unwrap_or(name);
        bare.split_once('/').is_some_and(|(service, rpc)| !service.is_empty() && !rpc.is_empty() && !rpc.contains('/'))
    };
    if let Some(wrong) = methods.iter().find(|name| !is_method(name)) {
        let text = format!(
            "methods must be full names of rpcs, e.g. \"coreweave.sandbox.v1.SandboxService/StreamExec\", got {wrong:?}"
        );
        return Err(Refusal::bad_request(text));
    }
    Ok(())
}
