//! `/sessions`: make, show, end, pause, resume, touch, bind.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, SecondsFormat, Utc};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Call, Failure, Reply,
    answer::{ok, with},
    success,
};
use crate::{
    service::{Api, Deadline, NewSession},
    supervisor::{Moment, Session},
    wire::jetway::ResumeKind,
};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Wanted {
    image: Option<String>,
    cpu_count: Option<i32>,
    memory_mb: Option<i32>,
    /// Nanoseconds.
    ttl: Option<u64>,
    metadata: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Bound {
    sandbox_id: String,
}

pub(super) async fn answer(api: &Api, call: &Call, rest: &[&str]) -> Reply {
    match (&call.method, rest) {
        (&Method::GET, [] | [""]) => {
            let sessions: Vec<Value> = api.own_sessions().iter().map(shown).collect();
            ok(&json!({ "sessions": sessions }))
        }
        (&Method::POST, [] | [""]) => {
            let Wanted { image, cpu_count, memory_mb, ttl, metadata } = call.json()?;
            let asked = NewSession {
                image: image.unwrap_or_default(),
                cpu_count: cpu_count.unwrap_or_default(),
                memory_mb: memory_mb.unwrap_or_default(),
                ttl: ttl.map(Duration::from_nanos),
                metadata: metadata.unwrap_or_default(),
                ..NewSession::default()
            };
            with(StatusCode::CREATED, &shown(&api.open_session(asked).await?))
        }
        (&Method::GET, [id]) => ok(&shown(&api.own_session(id)?)),
        (&Method::DELETE, [id]) => match api.end_session(id).await.map_err(Failure::from) {
            // What is not there is deleted.
            Err(failure) if failure.status() != StatusCode::NOT_FOUND => Err(failure),
            _ => success(),
        },
        (&Method::POST, [id, "pause"]) => ok(&shown(&api.pause(id).await?)),
        (&Method::POST, [id, "resume"]) => {
            let (session, kind) = api.resume(id, Deadline::none()).await?;
            let mut shown = shown(&session);
            shown["resumed"] = json!(match kind {
                ResumeKind::Thawed => "thawed",
                ResumeKind::Restored => "restored",
                ResumeKind::Empty | ResumeKind::Unspecified => "empty",
            });
            ok(&shown)
        }
        (&Method::POST, [id, "touch"]) => api.touch(id).await.map_err(Failure::from).and_then(|_| success()),
        (&Method::POST, [id, "bind"]) => {
            let Bound { sandbox_id } = call.json()?;
            api.bind(id, &sandbox_id).await?;
            success()
        }
        (&Method::DELETE, [id, "bind"]) => {
            api.unbind_only(id).await?;
            success()
        }
        (&Method::POST, [_, action]) => Err(Failure::invalid(format!("a session knows no action {action:?}"))),
        _ => Err(call.not_allowed()),
    }
}

fn shown(session: &Session) -> Value {
    let mut shown = json!({
        "id": session.id,
        "user_id": session.user,
        "status": session.state.name(),
        "image": session.image,
        "cpu_count": session.cpu_count,
        "memory_mb": session.memory_mb,
        "created_at": time(session.created),
        "updated_at": time(session.updated),
        "last_active_at": time(session.last_active),
        "expires_at": time(session.expires),
        "metadata": session.metadata,
    });
    if !session.sandbox_id.is_empty() {
        shown["sandbox_id"] = json!(session.sandbox_id);
    }
    if let Some(paused) = session.paused {
        shown["paused_at"] = json!(time(paused));
    }
    shown
}

fn time(moment: Moment) -> String {
    DateTime::<Utc>::from(moment.time()).to_rfc3339_opts(SecondsFormat::Micros, true)
}
