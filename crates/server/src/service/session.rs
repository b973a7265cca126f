//! What sessions do: bind a sandbox, pause, resume, let go. Both fronts, gRPC and REST, come through here.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use prost::Message;
use tokio_util::task::AbortOnDropHandle;
use tonic::Code;

use super::{Api, Problem, deadline::Deadline, pool::Shape};
use crate::{
    identity,
    supervisor::{Held, Holder, Moment, Sandbox, Session, SessionError, SessionState, State, want},
    wire::{jetway::ResumeKind, sandbox as spec},
};

/// How long a session lasts when nobody says otherwise, and at most.
const DEFAULT_TTL: Duration = Duration::from_secs(24 * 3600);
const LONGEST_TTL: Duration = Duration::from_secs(7 * 24 * 3600);
/// How often sessions and the pool are looked after.
const TEND_EVERY: Duration = Duration::from_secs(10);
const MOST_METADATA: usize = 64 * 1024;

/// A session as asked for.
#[derive(Debug, Default)]
pub(crate) struct NewSession {
    /// Empty means the server's choice.
    pub image: String,
    /// 0 means no limit of its own.
    pub cpu_count: i32,
    /// 0 means no limit of its own.
    pub memory_mb: i32,
    /// `None` means the server's choice.
    pub ttl: Option<Duration>,
    /// The owner's notes.
    pub metadata: BTreeMap<String, String>,
    /// Recognises a replay.
    pub request_id: String,
    /// A sandbox that it takes over; empty for none.
    pub sandbox_id: String,
}

impl Api {
    /// Makes a session for the caller.
    pub(crate) async fn open_session(&self, asked: NewSession) -> Result<Session, Problem> {
        let NewSession { image, cpu_count, memory_mb, ttl, metadata, request_id, sandbox_id } = asked;
        self.check_whole_scope()?;
        let bytes: usize = metadata.iter().map(|(key, value)| key.len() + value.len()).sum();
        if bytes > MOST_METADATA {
            return Err(Problem::field("metadata", format!("must not exceed {MOST_METADATA} bytes in all")));
        }
        let now = Moment::now();
        let ttl = ttl.filter(|ttl| !ttl.is_zero()).unwrap_or(DEFAULT_TTL).min(LONGEST_TTL);
        let mut session = Session {
            id: identity::uuid_text().map_err(|error| Problem::io("making an id", &error))?,
            user: self.caller().user().to_owned(),
            request_id,
            state: SessionState::Active,
            image,
            cpu_count,
            memory_mb,
            metadata,
            ttl,
            created: now,
            updated: now,
            last_active: now,
            expires: now.plus(ttl),
            paused: None,
            sandbox_id,
            handed_out: false,
            saved: false,
            asleep: false,
            spec: None,
        };
        if session.sandbox_id.is_empty() {
            // What cannot be served is refused now, not when somebody needs it.
            self.draft(self.wish(&session)).await?;
        } else {
            self.take_over(&mut session)?;
        }
        Ok(self.supervisor().add_session(session).await?)
    }

    /// One of the caller's sessions.
    pub(crate) fn own_session(&self, id: &str) -> Result<Session, Problem> {
        if id.is_empty() {
            return Err(Problem::field("session_id", "must not be empty"));
        }
        let found = self.supervisor().session(id).filter(|session| self.owns(session));
        found.ok_or_else(|| SessionError::NotFound(id.to_owned()).into())
    }

    /// The caller's sessions, the newest first; an administrator's are everybody's.
    pub(crate) fn own_sessions(&self) -> Vec<Session> {
        let mut all = self.supervisor().sessions();
        all.retain(|session| self.owns(session));
        all
    }

    /// Freezes a session's processes and saves its workspace.
    pub(crate) async fn pause(&self, id: &str) -> Result<Session, Problem> {
        let held = self.hold(id).await?;
        Ok(self.supervisor().pause_session(&held, false).await?)
    }

    /// Takes a paused session up again, and says how much of it is left.
    pub(crate) async fn resume(&self, id: &str, deadline: Deadline) -> Result<(Session, ResumeKind), Problem> {
        let held = self.hold(id).await?;
        let session = held.session();
        want(&session, SessionState::Paused)?;
        let (kind, sandbox_id) = match self.supervisor().wake(&session).await? {
            Some(sandbox) => (ResumeKind::Thawed, sandbox.draft.id.clone()),
            None if session.saved || session.spec.is_some() => {
                let sandbox = self.as_owner(&session).furnish(&session, deadline).await?;
                (ResumeKind::Restored, sandbox.draft.id.clone())
            }
            None => (ResumeKind::Empty, String::new()),
        };
        let changed = self.supervisor().change(&held, |session| {
            session.state = SessionState::Active;
            (session.paused, session.asleep, session.handed_out) = (None, false, false);
            session.last_active = Moment::now();
            session.expires = session.last_active.plus(session.ttl);
            session.sandbox_id = sandbox_id;
        });
        Ok((changed.await.map_err(Problem::from)?, kind))
    }

    /// Notes that a session is used.
    pub(crate) async fn touch(&self, id: &str) -> Result<Session, Problem> {
        let held = self.hold(id).await?;
        want(&held.session(), SessionState::Active)?;
        let changed = self.supervisor().change(&held, |session| session.last_active = Moment::now());
        changed.await.map_err(Problem::from)
    }

    /// Ends a session and everything that is kept for it.
    pub(crate) async fn end_session(&self, id: &str) -> Result<(), Problem> {
        let held = self.hold(id).await?;
        Ok(self.supervisor().delete_session(&held).await?)
    }

    /// A sandbox for the caller: a session's own, or one of nobody's.
    pub(crate) async fn acquire(
        &self,
        session_id: &str,
        image: &str,
        deadline: Deadline,
    ) -> Result<(Arc<Sandbox>, String), Problem> {
        self.check_whole_scope()?;
        if session_id.is_empty() {
            let sandbox = self.take(&Shape { image: image.to_owned(), ..Shape::default() }).await?;
            self.started(&sandbox, deadline).await?;
            return Ok((sandbox, String::new()));
        }
        if !image.is_empty() {
            return Err(Problem::field("image", "must be left out with a session: it has its own"));
        }
        let held = self.hold(session_id).await?;
        let session = held.session();
        want(&session, SessionState::Active)?;
        let sandbox = match self.bound(&session) {
            Some(sandbox) => sandbox,
            None => self.as_owner(&session).furnish(&session, deadline).await?,
        };
        let sandbox_id = sandbox.draft.id.clone();
        let changed = self.supervisor().change(&held, |session| {
            (session.sandbox_id, session.handed_out, session.last_active) = (sandbox_id, true, Moment::now());
        });
        changed.await.map_err(Problem::from)?;
        Ok((sandbox, session.id))
    }

    /// The caller's session that waits for its sandbox longest unserved: the newest one that nobody took yet.
    pub(crate) fn waiting_session(&self) -> Option<Session> {
        let user = self.caller().user();
        let mut all = self.supervisor().sessions().into_iter();
        all.find(|session| session.state == SessionState::Active && session.user == user && !session.handed_out)
    }

    /// Gives a sandbox back. One that a paused session waits for stays as it is, for that session.
    pub(crate) async fn release(&self, sandbox_id: &str) -> Result<(), Problem> {
        self.find(sandbox_id)?;
        let Some(session) = self.supervisor().session_of(sandbox_id) else { return self.let_go(sandbox_id) };
        let held = self.hold(&session.id).await?;
        if held.session().sandbox_id != sandbox_id || held.session().state == SessionState::Paused {
            return Ok(());
        }
        self.unbind(&held).await
    }

    /// Binds an own sandbox to an own session.
    pub(crate) async fn bind(&self, id: &str, sandbox_id: &str) -> Result<(), Problem> {
        let held = self.hold(id).await?;
        let session = held.session();
        want(&session, SessionState::Active)?;
        if session.sandbox_id == sandbox_id {
            return Ok(());
        }
        let sandbox = self.free_sandbox(sandbox_id)?;
        let changed = self.supervisor().change(&held, |session| {
            (session.sandbox_id, session.handed_out) = (sandbox.draft.id.clone(), true);
        });
        changed.await.map(drop).map_err(Problem::from)
    }

    /// Lets a session's sandbox go without ending it.
    pub(crate) async fn unbind_only(&self, id: &str) -> Result<(), Problem> {
        let held = self.hold(id).await?;
        want(&held.session(), SessionState::Active)?;
        let changed = self.supervisor().change(&held, |session| {
            session.sandbox_id.clear();
            session.handed_out = false;
        });
        changed.await.map(drop).map_err(Problem::from)
    }

    /// Wakes a sandbox whose session fell asleep; refuses one that was paused on purpose.
    pub(super) async fn awaken(&self, sandbox: &Sandbox) -> Result<(), Problem> {
        let id = &sandbox.draft.id;
        let session = self.supervisor().session_of(id);
        if let Some(session) = session.as_ref().filter(|session| session.asleep) {
            let held = self.supervisor().hold_session(&session.id).await?;
            let session = held.session();
            if session.asleep && session.state == SessionState::Paused {
                self.supervisor().wake(&session).await?;
                let changed = self.supervisor().change(&held, |session| {
                    session.state = SessionState::Active;
                    (session.paused, session.asleep) = (None, false);
                });
                changed.await.map_err(Problem::from)?;
            }
        }
        if sandbox.snapshot().state != State::Paused {
            return Ok(());
        }
        let which = session.map_or_else(String::new, |session| format!(" {:?}", session.id));
        let text = format!("sandbox {id} is PAUSED; resume its session{which} first");
        Err(Problem::new(Code::FailedPrecondition, "CWSANDBOX_SANDBOX_NOT_RUNNING", text)
            .with("sandbox_id", id)
            .with("state", "PAUSED"))
    }

    /// Looks after sessions and the pool until the handle is dropped.
    pub(crate) fn tend(&self, idle: Option<Duration>) -> AbortOnDropHandle<()> {
        let api = self.clone();
        let every = idle.map_or(TEND_EVERY, |idle| (idle / 4).clamp(Duration::from_millis(50), TEND_EVERY));
        AbortOnDropHandle::new(tokio::spawn(async move {
            let mut ticks = tokio::time::interval(every);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                api.fill().await;
                api.reclaim();
                api.supervisor().tend_sessions(idle).await;
            }
        }))
    }

    async fn hold(&self, id: &str) -> Result<Held, Problem> {
        self.own_session(id)?;
        Ok(self.supervisor().hold_session(id).await?)
    }

    fn owns(&self, session: &Session) -> bool {
        !self.caller().is_anonymous() && (self.caller().is_admin() || session.user == self.caller().user())
    }

    /// The services as the session's owner has them: an administrator's help must not change whose sandbox it is.
    fn as_owner(&self, session: &Session) -> Owner<'_> {
        Owner { api: self, holder: Holder::taker(&session.user) }
    }

    fn check_whole_scope(&self) -> Result<(), Problem> {
        if !self.caller().scope().narrows_sandboxes() {
            return Ok(());
        }
        let text = "this token is good for certain sandboxes only and gets no others; use one with a wider scope";
        Err(Problem::new(Code::PermissionDenied, "CWSANDBOX_OUT_OF_SCOPE", text))
    }

    fn bound(&self, session: &Session) -> Option<Arc<Sandbox>> {
        self.supervisor().get(&session.sandbox_id).filter(|sandbox| !sandbox.reported_state().is_terminal())
    }

    async fn unbind(&self, held: &Held) -> Result<(), Problem> {
        let session = held.session();
        let changed = self.supervisor().change(held, |session| {
            session.sandbox_id.clear();
            session.handed_out = false;
        });
        changed.await.map_err(Problem::from)?;
        if let Some(sandbox) = self.supervisor().get(&session.sandbox_id) {
            self.supervisor().stop(&sandbox, Duration::ZERO, "released");
        }
        Ok(())
    }

    /// An own sandbox that runs and serves no session.
    fn free_sandbox(&self, id: &str) -> Result<Arc<Sandbox>, Problem> {
        let sandbox = self.find(id)?;
        if let Some(session) = self.supervisor().session_of(id) {
            let text = format!("sandbox {id} serves session {:?} already", session.id);
            return Err(
                Problem::new(Code::FailedPrecondition, "CWSANDBOX_SANDBOX_BOUND", text).with("session_id", &session.id)
            );
        }
        if sandbox.reported_state().is_terminal() {
            let text = format!("sandbox {id} has ended; nothing of it is left to keep");
            return Err(Problem::new(Code::FailedPrecondition, "CWSANDBOX_SANDBOX_NOT_RUNNING", text));
        }
        Ok(sandbox)
    }

    fn take_over(&self, session: &mut Session) -> Result<(), Problem> {
        if !session.image.is_empty() || session.cpu_count != 0 || session.memory_mb != 0 {
            return Err(Problem::field(
                "sandbox_id",
                "says what the session is made of; leave image and resources out",
            ));
        }
        let sandbox = self.free_sandbox(&session.sandbox_id)?;
        if let Some(container) = sandbox.draft.plan.containers.first() {
            let whole = |value: Option<i64>, unit: i64| i32::try_from(value.unwrap_or(0) / unit).unwrap_or(i32::MAX);
            session.image.clone_from(&container.image);
            session.cpu_count = whole(container.limits.cpu_millicores, 1000);
            session.memory_mb = whole(container.limits.memory_bytes, 1 << 20);
        }
        session.user = sandbox.holder().user;
        session.spec = Some(sandbox.draft.spec.to_vec());
        session.handed_out = true;
        Ok(())
    }

    async fn started(&self, sandbox: &Sandbox, deadline: Deadline) -> Result<(), Problem> {
        let ready = deadline.bound("waiting for the sandbox to start", sandbox.ready()).await?;
        ready.map(drop).map_err(|state| Problem::not_running(sandbox, &state))
    }

    fn wish(&self, session: &Session) -> spec::CreateSandboxRequest {
        let whole = session.spec.as_deref().and_then(|bytes| spec::SandboxSpec::decode(bytes).ok());
        match whole {
            Some(spec) => spec::CreateSandboxRequest {
                sandbox: Some(spec::Sandbox { spec: Some(spec), ..Default::default() }),
                request_id: String::new(),
            },
            None => super::pool::request(&shape(session)),
        }
    }
}

fn shape(session: &Session) -> Shape {
    Shape { image: session.image.clone(), cpu_count: session.cpu_count, memory_mb: session.memory_mb }
}

struct Owner<'a> {
    api: &'a Api,
    holder: Holder,
}

impl Owner<'_> {
    /// A sandbox for the session that runs and has its workspace.
    async fn furnish(&self, session: &Session, deadline: Deadline) -> Result<Arc<Sandbox>, Problem> {
        let Self { api, holder } = self;
        let sandbox = match session.spec {
            Some(_) => {
                let draft = api.draft(api.wish(session)).await?;
                api.supervisor().create_for(draft, holder.clone()).await?
            }
            None => api.take_for(&shape(session), holder.clone()).await?,
        };
        let furnished = async {
            api.started(&sandbox, deadline).await?;
            if session.saved {
                let restored = api.supervisor().restore_workspace(&sandbox, &session.id).await;
                restored.map_err(|error| {
                    let text = format!("the session's workspace could not be put into a new sandbox: {error}");
                    Problem::new(Code::Internal, "CWSANDBOX_FSS_RESTORE_FAILED", text)
                })?;
            }
            Ok(())
        };
        if let Err(problem) = furnished.await {
            api.supervisor().stop(&sandbox, Duration::ZERO, "it could not be made ready for its session");
            return Err(problem);
        }
        Ok(sandbox)
    }
}
