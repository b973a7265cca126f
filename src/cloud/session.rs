//! A session as a value. Must not know: how it is asked for.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use crate::{error::Error, wire::jetway::v1 as wire};

/// Options of a new session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloudSessionOptions {
    /// What its sandboxes are made of. Default: the server's choice.
    pub image: Option<String>,
    /// Cores. Default: no limit of its own.
    pub cpu_count: Option<i32>,
    /// Default: no limit of its own.
    pub memory_mb: Option<i32>,
    /// How long it lasts. Default: 24 hours; the server caps it.
    pub ttl: Option<Duration>,
    /// Notes of its owner.
    pub metadata: BTreeMap<String, String>,
    /// A running sandbox that it takes over as it is; image and resources are then that one's.
    pub sandbox_id: Option<String>,
}

impl CloudSessionOptions {
    pub(super) fn request(self, request_id: String) -> wire::CreateSessionRequest {
        let Self { image, cpu_count, memory_mb, ttl, metadata, sandbox_id } = self;
        wire::CreateSessionRequest {
            image: image.unwrap_or_default(),
            cpu_count: cpu_count.unwrap_or_default(),
            memory_mb: memory_mb.unwrap_or_default(),
            ttl: ttl.and_then(|ttl| ttl.try_into().ok()),
            metadata: metadata.into_iter().collect(),
            request_id,
            sandbox_id: sandbox_id.unwrap_or_default(),
        }
    }
}

/// Where a session is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionState {
    /// It can be used.
    Active,
    /// Its processes are frozen, or its files are all that is left of it.
    Paused,
    /// Its time is over.
    Expired,
    /// Something that only a newer server knows.
    Unspecified,
}

impl SessionState {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Expired => "expired",
            Self::Unspecified => "unspecified",
        }
    }
}

/// How much of a session was left when it was resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resumed {
    /// Everything: the frozen processes run on.
    Thawed,
    /// The workspace's files, in a new sandbox; processes start anew.
    Restored,
    /// Nothing: it was paused before it had a sandbox.
    Empty,
}

impl Resumed {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Thawed => "thawed",
            Self::Restored => "restored",
            Self::Empty => "empty",
        }
    }

    pub(super) fn read(kind: wire::ResumeKind) -> Self {
        match kind {
            wire::ResumeKind::Thawed => Self::Thawed,
            wire::ResumeKind::Restored => Self::Restored,
            wire::ResumeKind::Empty | wire::ResumeKind::Unspecified => Self::Empty,
        }
    }
}

/// A workspace that outlives the sandbox it is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloudSession {
    /// Its id.
    pub id: String,
    /// Whose it is; empty for the server's own token.
    pub user_id: String,
    /// The sandbox that serves it now.
    pub sandbox_id: Option<String>,
    /// Where it is in its life.
    pub state: SessionState,
    /// What its sandboxes are made of; empty for the server's choice.
    pub image: String,
    /// Cores; 0 for no limit of its own.
    pub cpu_count: i32,
    /// 0 for no limit of its own.
    pub memory_mb: i32,
    /// Notes of its owner.
    pub metadata: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: Option<SystemTime>,
    /// When it last changed.
    pub updated_at: Option<SystemTime>,
    /// When it was last used on purpose.
    pub last_active_at: Option<SystemTime>,
    /// When it ends.
    pub expires_at: Option<SystemTime>,
    /// When it was paused, while it is.
    pub paused_at: Option<SystemTime>,
    /// Whether files were saved for it.
    pub workspace_saved: bool,
    /// Whether it was paused because nobody used it; the next use wakes it.
    pub asleep: bool,
}

impl CloudSession {
    pub(super) fn read(session: wire::Session) -> Result<Self, Error> {
        let state = match session.state() {
            wire::SessionState::Active => SessionState::Active,
            wire::SessionState::Paused => SessionState::Paused,
            wire::SessionState::Expired => SessionState::Expired,
            wire::SessionState::Unspecified => SessionState::Unspecified,
        };
        if session.session_id.is_empty() {
            return Err(super::missing("session_id"));
        }
        Ok(Self {
            id: session.session_id,
            user_id: session.user_id,
            sandbox_id: Some(session.sandbox_id).filter(|id| !id.is_empty()),
            state,
            image: session.image,
            cpu_count: session.cpu_count,
            memory_mb: session.memory_mb,
            metadata: session.metadata.into_iter().collect(),
            created_at: time(session.create_time),
            updated_at: time(session.update_time),
            last_active_at: time(session.last_active_time),
            expires_at: time(session.expire_time),
            paused_at: time(session.pause_time),
            workspace_saved: session.workspace_saved,
            asleep: session.asleep,
        })
    }
}

/// What is no time is none.
pub(super) fn time(stamp: Option<prost_types::Timestamp>) -> Option<SystemTime> {
    stamp?.try_into().ok()
}
