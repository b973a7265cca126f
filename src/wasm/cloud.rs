//! Tokens, sessions and the pool, as `cloud.js` sees them: one entry for all of them, named calls with plain objects.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use js_sys::Promise;
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use super::{Answer, abort::promise, client::CoreClient, error::type_error, reader::Reader};
use crate::{
    cloud::{Cloud, CloudSession, CloudSessionOptions, Token, TokenOptions},
    error::{Error, ErrorKind},
    platform::wall_clock,
};

const KNOWN: &[&str] = &[
    "userId",
    "role",
    "sandboxIds",
    "tags",
    "methods",
    "ttlMs",
    "refreshToken",
    "image",
    "cpuCount",
    "memoryMb",
    "metadata",
    "sandboxId",
    "sessionId",
    "missingOk",
    "timeoutMs",
    "signal",
];

#[wasm_bindgen]
impl CoreClient {
    /// `Promise` of a plain object. `call` is one of the names below.
    pub fn cloud(&self, call: &str, options: &JsValue) -> Answer<Promise> {
        let reader = Reader::new("cloud", options, KNOWN)?;
        let call = Call::read(call, &reader)?;
        let cloud = Cloud::new(&self.client());
        Ok(promise(reader.raw("signal"), reader.millis("timeoutMs")?, async move { call.make(&cloud).await }))
    }
}

enum Call {
    GetToken(TokenOptions),
    RefreshToken(String),
    CreateSession(CloudSessionOptions),
    GetSession(String),
    ListSessions,
    DeleteSession(String, bool),
    PauseSession(String),
    ResumeSession(String),
    Acquire(Option<String>, Option<String>),
    Release(String),
    Stats,
}

impl Call {
    fn read(name: &str, reader: &Reader) -> Answer<Self> {
        let text = |key: &str| reader.string(key).map(Option::unwrap_or_default);
        Ok(match name {
            "getToken" => {
                let mut options = TokenOptions::new(text("userId")?);
                options.role = reader.string("role")?;
                options.sandbox_ids = reader.strings("sandboxIds")?.unwrap_or_default();
                options.tags = reader.strings("tags")?.unwrap_or_default();
                options.methods = reader.strings("methods")?.unwrap_or_default();
                options.ttl = reader.millis("ttlMs")?;
                Self::GetToken(options)
            }
            "refreshToken" => Self::RefreshToken(text("refreshToken")?),
            "createSession" => {
                let options = CloudSessionOptions {
                    image: reader.string("image")?,
                    cpu_count: amount(reader, "cpuCount")?,
                    memory_mb: amount(reader, "memoryMb")?,
                    ttl: reader.millis("ttlMs")?,
                    metadata: reader.map("metadata")?.unwrap_or_default(),
                    sandbox_id: reader.string("sandboxId")?,
                    ..CloudSessionOptions::default()
                };
                Self::CreateSession(options)
            }
            "getSession" => Self::GetSession(text("sessionId")?),
            "listSessions" => Self::ListSessions,
            "deleteSession" => Self::DeleteSession(text("sessionId")?, reader.bool("missingOk")?.unwrap_or(false)),
            "pauseSession" => Self::PauseSession(text("sessionId")?),
            "resumeSession" => Self::ResumeSession(text("sessionId")?),
            "acquireSandbox" => Self::Acquire(reader.string("sessionId")?, reader.string("image")?),
            "releaseSandbox" => Self::Release(text("sandboxId")?),
            "getPoolStats" => Self::Stats,
            other => return Err(type_error(&format!("cloud: there is no call {other:?}"))),
        })
    }

    async fn make(self, cloud: &Cloud) -> Result<JsValue, Error> {
        match self {
            Self::GetToken(options) => plain(&PlainToken::from(&cloud.get_token(options).await?)),
            Self::RefreshToken(token) => plain(&PlainToken::from(&cloud.refresh_token(&token).await?)),
            Self::CreateSession(options) => session(&cloud.create_session(options).await?, None),
            Self::GetSession(id) => session(&cloud.get_session(&id).await?, None),
            Self::ListSessions => {
                let all = cloud.list_sessions().await?;
                plain(&all.iter().map(|session| PlainSession::from(session, None)).collect::<Vec<_>>())
            }
            Self::DeleteSession(id, missing_ok) => {
                cloud.delete_session(&id, missing_ok).await.map(|()| JsValue::UNDEFINED)
            }
            Self::PauseSession(id) => session(&cloud.pause_session(&id).await?, None),
            Self::ResumeSession(id) => {
                let (resumed, how) = cloud.resume_session(&id).await?;
                session(&resumed, Some(how.name()))
            }
            Self::Acquire(session_id, image) => {
                let taken = cloud.acquire_sandbox(session_id.as_deref(), image.as_deref()).await?;
                plain(&PlainTaken { sandbox_id: &taken.sandbox_id, session_id: taken.session_id.as_deref() })
            }
            Self::Release(id) => cloud.release_sandbox(&id).await.map(|()| JsValue::UNDEFINED),
            Self::Stats => {
                let stats = cloud.pool_stats().await?;
                plain(&[stats.idle, stats.active, stats.creating, stats.max])
            }
        }
    }
}

fn amount(reader: &Reader, key: &str) -> Answer<Option<i32>> {
    let read = |number: u32| i32::try_from(number).map_err(|_| reader.wrong(key, "a smaller number"));
    reader.number(key)?.map(read).transpose()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlainToken<'a> {
    access_token: &'a str,
    refresh_token: &'a str,
    expires_in_ms: Option<f64>,
}

impl<'a> PlainToken<'a> {
    fn from(token: &'a Token) -> Self {
        let now = millis(wall_clock());
        let expires_in_ms = token.expires_at.map(|end| (millis(end) - now).max(0.0));
        Self { access_token: &token.access_token, refresh_token: &token.refresh_token, expires_in_ms }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlainTaken<'a> {
    sandbox_id: &'a str,
    session_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlainSession<'a> {
    id: &'a str,
    user_id: &'a str,
    sandbox_id: Option<&'a str>,
    status: &'a str,
    image: &'a str,
    cpu_count: i32,
    memory_mb: i32,
    metadata: &'a std::collections::BTreeMap<String, String>,
    /// Created, updated, last active, expires, paused.
    times: [Option<f64>; 5],
    workspace_saved: bool,
    asleep: bool,
    resumed: Option<&'a str>,
}

impl<'a> PlainSession<'a> {
    fn from(session: &'a CloudSession, resumed: Option<&'a str>) -> Self {
        let CloudSession { created_at, updated_at, last_active_at, expires_at, paused_at, .. } = session;
        Self {
            id: &session.id,
            user_id: &session.user_id,
            sandbox_id: session.sandbox_id.as_deref(),
            status: session.state.name(),
            image: &session.image,
            cpu_count: session.cpu_count,
            memory_mb: session.memory_mb,
            metadata: &session.metadata,
            times: [created_at, updated_at, last_active_at, expires_at, paused_at].map(|time| time.map(millis)),
            workspace_saved: session.workspace_saved,
            asleep: session.asleep,
            resumed,
        }
    }
}

fn session(value: &CloudSession, resumed: Option<&str>) -> Result<JsValue, Error> {
    plain(&PlainSession::from(value, resumed))
}

fn plain(value: &impl Serialize) -> Result<JsValue, Error> {
    let serializer = Serializer::new().serialize_maps_as_objects(true);
    value.serialize(&serializer).map_err(|error| Error::new(ErrorKind::Protocol, error.to_string()))
}

fn millis(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64() * 1000.0
}
