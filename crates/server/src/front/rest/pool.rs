//! `/sandbox`: acquire, release, stats.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::{Call, Failure, Reply, ok, success};
use crate::service::{Api, Deadline, Stats};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Wanted {
    session_id: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Released {
    sandbox_id: String,
}

pub(super) async fn answer(api: &Api, call: &Call, action: &str) -> Reply {
    match (&call.method, action) {
        (&Method::POST, "acquire") => {
            let Wanted { mut session_id } = call.json()?;
            if session_id.is_empty() {
                // The SDK never says which session it means; it is the one that it just made or resumed.
                session_id = api.waiting_session().map(|session| session.id).unwrap_or_default();
            }
            let (sandbox, session_id) = api.acquire(&session_id, "", Deadline::none()).await?;
            let id = &sandbox.draft.id;
            let mut shown = json!({ "sandbox_id": id, "container_id": id, "status": "running" });
            if !session_id.is_empty() {
                shown["session_id"] = json!(session_id);
            }
            ok(&shown)
        }
        (&Method::POST, "release") => {
            let Released { sandbox_id } = call.json()?;
            let released = api.release(&sandbox_id).await.map_err(Failure::from);
            released.map_err(|failure| failure.under(http::StatusCode::BAD_REQUEST))?;
            success()
        }
        (&Method::GET, "stats") => {
            let Stats { idle, active, creating, max } = api.pool_stats();
            // Under the names of the original's server and under those of its tests.
            ok(&json!({
                "idle": idle, "active": active, "creating": creating, "max": max,
                "total": idle + active + creating, "available": idle, "in_use": active,
            }))
        }
        (_, "acquire" | "release" | "stats") => Err(call.not_allowed()),
        _ => Err(Failure::no_such_path(&call.path)),
    }
}
