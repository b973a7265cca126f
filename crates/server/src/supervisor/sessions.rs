//! Sessions: workspaces that outlive the sandbox they are bound to. One value each, written before anybody is told.
//! Pausing and ending need nothing but what is here; making a sandbox anew is for whoever knows how to ask for one.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use super::{
    DEFAULT_GRACE, Sandbox, State, Supervisor,
    freeze::FreezeError,
    state::{from_nanos, to_nanos},
};
use crate::store::StoreError;

/// Where a session is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SessionState {
    /// It can be used.
    Active,
    /// Its processes are frozen, or its files are all that is left of it.
    Paused,
    /// Its time is over.
    Expired,
}

impl SessionState {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Expired => "expired",
        }
    }
}

/// A session as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// Unique on this server.
    pub id: String,
    /// Whose it is; empty for the server's own token.
    pub user: String,
    /// Empty when the caller gave none.
    pub request_id: String,
    /// Where it is.
    pub state: SessionState,
    /// What its sandboxes are made of; empty means the server's choice.
    pub image: String,
    /// Cores; 0 means no limit of its own.
    pub cpu_count: i32,
    /// 0 means no limit of its own.
    pub memory_mb: i32,
    /// The owner's notes.
    pub metadata: BTreeMap<String, String>,
    /// How long it lasts from its creation, and again from every time it is resumed.
    pub ttl: Duration,
    /// When it was made.
    pub created: Moment,
    /// When it last changed.
    pub updated: Moment,
    /// When it was last used on purpose.
    pub last_active: Moment,
    /// When it ends.
    pub expires: Moment,
    /// When it was paused, while it is.
    pub paused: Option<Moment>,
    /// The sandbox that serves it; empty while there is none.
    pub sandbox_id: String,
    /// Whether somebody has that sandbox from this session by now.
    pub handed_out: bool,
    /// Whether a workspace was saved for it.
    pub saved: bool,
    /// Whether it was paused for want of use, and goes on when it is used.
    pub asleep: bool,
    /// The encoded specification of the sandbox that it took over; `None` when it is made of image and resources.
    pub spec: Option<Vec<u8>>,
}

/// Nanoseconds since the epoch, as they are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Moment(i64);

impl Moment {
    /// Now.
    pub fn now() -> Self {
        Self(to_nanos(SystemTime::now()))
    }

    /// So much later.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// As the system counts.
    pub fn time(self) -> SystemTime {
        from_nanos(self.0)
    }
}

/// Why a session cannot do that now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    /// It is in another state.
    #[error("session {id} is {}, not {}", .state.name(), .wanted.name())]
    State {
        /// Which.
        id: String,
        /// Where it is.
        state: SessionState,
        /// Where it would have to be.
        wanted: SessionState,
    },
    /// No such session.
    #[error("there is no session {0:?}; it was never created here, was deleted, or its time was over")]
    NotFound(String),
    /// The request id was used for something else.
    #[error("request id {0:?} was already used for a session with another specification")]
    RequestIdConflict(String),
    /// Its workspace could not be saved.
    #[error("the session's workspace could not be saved: {0}")]
    Workspace(String),
    /// Its processes could not be frozen.
    #[error(transparent)]
    Freeze(#[from] FreezeError),
    /// Its state could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Every session. Changes to one are made one after another.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<String, Arc<Slot>>>);

struct Slot {
    session: Mutex<Session>,
    busy: Arc<tokio::sync::Mutex<()>>,
}

impl Slot {
    fn read(&self) -> Session {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if session.expires <= Moment::now() {
            session.state = SessionState::Expired;
        }
        session
    }
}

/// A session that nobody else changes for as long as this lives.
pub(crate) struct Held {
    slot: Arc<Slot>,
    _busy: tokio::sync::OwnedMutexGuard<()>,
}

impl Held {
    /// As it is now.
    pub fn session(&self) -> Session {
        self.slot.read()
    }
}

impl Sessions {
    fn slot(&self, id: &str) -> Option<Arc<Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    fn put(&self, session: Session) {
        let id = session.id.clone();
        let slot = Arc::new(Slot { session: Mutex::new(session), busy: Arc::default() });
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, slot);
    }

    fn remove(&self, id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    fn all(&self) -> Vec<Session> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().map(|slot| slot.read()).collect()
    }
}

impl Supervisor {
    pub(super) async fn load_sessions(&self) -> Result<(), StoreError> {
        for (id, body) in self.0.store.sessions().await? {
            match serde_json::from_str(&body) {
                Ok(session) => self.0.sessions.put(session),
                Err(error) => tracing::error!(session = id, %error, "a kept session cannot be read and is left out"),
            }
        }
        Ok(())
    }

    /// Keeps a new session. A replay of a request gives the session of the first one.
    pub async fn add_session(&self, session: Session) -> Result<Session, SessionError> {
        if !session.request_id.is_empty() {
            let mut all = self.0.sessions.all().into_iter();
            if let Some(earlier) =
                all.find(|other| other.request_id == session.request_id && other.user == session.user)
            {
                let alike = |session: &Session| {
                    let Session { image, cpu_count, memory_mb, metadata, ttl, .. } = session;
                    (image.clone(), *cpu_count, *memory_mb, metadata.clone(), *ttl)
                };
                if alike(&earlier) == alike(&session) {
                    return Ok(earlier);
                }
                return Err(SessionError::RequestIdConflict(session.request_id));
            }
        }
        self.keep(&session).await?;
        self.0.sessions.put(session.clone());
        Ok(session)
    }

    /// The session with that id.
    pub fn session(&self, id: &str) -> Option<Session> {
        Some(self.0.sessions.slot(id)?.read())
    }

    /// Every session that has not ended, the newest first.
    pub fn sessions(&self) -> Vec<Session> {
        let mut all = self.0.sessions.all();
        all.retain(|session| session.state != SessionState::Expired);
        all.sort_by(|a, b| (b.created, &b.id).cmp(&(a.created, &a.id)));
        all
    }

    /// The session that a sandbox serves.
    pub fn session_of(&self, sandbox_id: &str) -> Option<Session> {
        self.0.sessions.all().into_iter().find(|session| session.sandbox_id == sandbox_id)
    }

    /// Waits until nobody else changes the session.
    pub async fn hold_session(&self, id: &str) -> Result<Held, SessionError> {
        let slot = self.0.sessions.slot(id).ok_or_else(|| SessionError::NotFound(id.to_owned()))?;
        let busy = slot.busy.clone().lock_owned().await;
        // It may have been deleted while this waited.
        self.0.sessions.slot(id).ok_or_else(|| SessionError::NotFound(id.to_owned()))?;
        Ok(Held { slot, _busy: busy })
    }

    /// Changes a session. Durable once this returns.
    pub async fn change(&self, held: &Held, change: impl FnOnce(&mut Session)) -> Result<Session, StoreError> {
        let mut session = held.slot.session.lock().unwrap_or_else(PoisonError::into_inner).clone();
        change(&mut session);
        session.updated = Moment::now();
        self.keep(&session).await?;
        *held.slot.session.lock().unwrap_or_else(PoisonError::into_inner) = session.clone();
        Ok(session)
    }

    /// Saves a session's workspace and freezes its processes.
    pub async fn pause_session(&self, held: &Held, asleep: bool) -> Result<Session, SessionError> {
        let session = held.session();
        want(&session, SessionState::Active)?;
        let live = self.get(&session.sandbox_id).filter(|sandbox| !sandbox.snapshot().state.is_terminal());
        let mut saved = session.saved;
        if let Some(sandbox) = &live {
            // First the files, by whose reader the sandbox must run; should the processes be lost, these are what is left.
            saved |= self.save_workspace(sandbox, &session.id).await.map_err(SessionError::Workspace)?;
            self.freeze(sandbox).await?;
        }
        let changed = self.change(held, |session| {
            session.state = SessionState::Paused;
            session.paused = Some(Moment::now());
            session.saved = saved;
            session.asleep = asleep;
            if live.is_none() {
                session.sandbox_id.clear();
            }
        });
        match changed.await {
            Ok(session) => Ok(session),
            Err(error) => {
                if let Some(sandbox) = &live {
                    // As it was: a session that says it is active must run.
                    self.thaw(sandbox).await?;
                }
                Err(error.into())
            }
        }
    }

    /// The sandbox of a paused session, going on where it was; `None` when it is no more.
    pub async fn wake(&self, session: &Session) -> Result<Option<Arc<Sandbox>>, SessionError> {
        let Some(sandbox) = self.get(&session.sandbox_id) else { return Ok(None) };
        Ok(self.thaw(&sandbox).await?.then_some(sandbox))
    }

    /// Ends a session with everything that is kept for it.
    pub async fn delete_session(&self, held: &Held) -> Result<(), SessionError> {
        let session = held.session();
        self.0.store.delete_session(&session.id).await?;
        self.0.sessions.remove(&session.id);
        if let Some(sandbox) = self.get(&session.sandbox_id) {
            self.stop(&sandbox, DEFAULT_GRACE, "its session was deleted");
        }
        self.forget_workspace(&session.id).await;
        Ok(())
    }

    /// Ends sessions whose time is over and pauses those that nobody has used for `idle`.
    pub async fn tend_sessions(&self, idle: Option<Duration>) {
        for session in self.0.sessions.all() {
            let Ok(held) = self.hold_session(&session.id).await else { continue };
            let session = held.session();
            let tended = match session.state {
                SessionState::Expired => self.delete_session(&held).await,
                SessionState::Active if idle.is_some_and(|idle| self.unused(&session, idle)) => {
                    self.pause_session(&held, true).await.map(drop)
                }
                _ => Ok(()),
            };
            if let Err(error) = tended {
                tracing::warn!(session = session.id, %error, "a session could not be tended");
            }
        }
    }

    fn unused(&self, session: &Session, idle: Duration) -> bool {
        let sandbox = self.get(&session.sandbox_id);
        sandbox.is_some_and(|sandbox| {
            sandbox.snapshot().state == State::Running && sandbox.activity.idle().is_some_and(|unused| unused >= idle)
        })
    }

    async fn keep(&self, session: &Session) -> Result<(), StoreError> {
        let body = serde_json::to_string(session).map_err(|_| StoreError::Closed)?;
        self.0.store.keep_session(&session.id, body).await
    }
}

/// Refuses a session that is in another state.
pub(crate) fn want(session: &Session, wanted: SessionState) -> Result<(), SessionError> {
    if session.state == wanted {
        return Ok(());
    }
    Err(SessionError::State { id: session.id.clone(), state: session.state, wanted })
}
