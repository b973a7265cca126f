//! SessionService: the wire's words for what sessions do.

use std::time::Duration;

use tonic::{Request, Response, Status};

use super::{Api, Problem, deadline::Deadline, session::NewSession, view::timestamp};
use crate::{
    supervisor::{Session, SessionState},
    wire::jetway::{self as wire, session_service_server::SessionService},
};

const DEFAULT_PAGE: usize = 200;

fn shown(session: Session) -> wire::Session {
    let state = match session.state {
        SessionState::Active => wire::SessionState::Active,
        SessionState::Paused => wire::SessionState::Paused,
        SessionState::Expired => wire::SessionState::Expired,
    };
    wire::Session {
        session_id: session.id,
        user_id: session.user,
        sandbox_id: session.sandbox_id,
        state: state.into(),
        image: session.image,
        cpu_count: session.cpu_count,
        memory_mb: session.memory_mb,
        metadata: session.metadata.into_iter().collect(),
        create_time: Some(timestamp(session.created.time())),
        update_time: Some(timestamp(session.updated.time())),
        last_active_time: Some(timestamp(session.last_active.time())),
        expire_time: Some(timestamp(session.expires.time())),
        pause_time: session.paused.map(|paused| timestamp(paused.time())),
        workspace_saved: session.saved,
        asleep: session.asleep,
    }
}

#[tonic::async_trait]
impl SessionService for Api {
    async fn create_session(
        &self,
        request: Request<wire::CreateSessionRequest>,
    ) -> Result<Response<wire::Session>, Status> {
        let api = self.by(&request);
        let wire::CreateSessionRequest { image, cpu_count, memory_mb, ttl, metadata, request_id, sandbox_id } =
            request.into_inner();
        let ttl = ttl.map(Duration::try_from).transpose();
        let ttl = ttl.map_err(|_| Problem::field("ttl", "must not be negative"))?;
        let metadata = metadata.into_iter().collect();
        let asked = NewSession { image, cpu_count, memory_mb, ttl, metadata, request_id, sandbox_id };
        Ok(Response::new(shown(api.open_session(asked).await?)))
    }

    async fn get_session(&self, request: Request<wire::GetSessionRequest>) -> Result<Response<wire::Session>, Status> {
        Ok(Response::new(shown(self.by(&request).own_session(&request.get_ref().session_id)?)))
    }

    async fn list_sessions(
        &self,
        request: Request<wire::ListSessionsRequest>,
    ) -> Result<Response<wire::ListSessionsResponse>, Status> {
        let wire::ListSessionsRequest { page_size, page_token } = request.get_ref();
        let size = match usize::try_from(*page_size) {
            Ok(0) => DEFAULT_PAGE,
            Ok(size) => size,
            Err(_) => return Err(Problem::field("page_size", "must be 0 (the server's choice) or more").into()),
        };
        let mut all = self.by(&request).own_sessions();
        if !page_token.is_empty() {
            // The list only loses and gains at its ends between pages; the last one shown says where to go on.
            let at = all.iter().position(|session| session.id == *page_token);
            let at = at.ok_or_else(|| Problem::field("page_token", "must be a next_page_token of this server"))?;
            all.drain(..=at);
        }
        let more = all.len() > size;
        all.truncate(size);
        let next_page_token = all.last().filter(|_| more).map_or_else(String::new, |last| last.id.clone());
        let sessions = all.into_iter().map(shown).collect();
        Ok(Response::new(wire::ListSessionsResponse { sessions, next_page_token }))
    }

    async fn delete_session(
        &self,
        request: Request<wire::DeleteSessionRequest>,
    ) -> Result<Response<wire::DeleteSessionResponse>, Status> {
        let wire::DeleteSessionRequest { session_id, allow_missing } = request.get_ref();
        let api = self.by(&request);
        let missing = *allow_missing && !session_id.is_empty() && api.own_session(session_id).is_err();
        if !missing {
            api.end_session(session_id).await?;
        }
        Ok(Response::new(wire::DeleteSessionResponse {}))
    }

    async fn pause_session(
        &self,
        request: Request<wire::PauseSessionRequest>,
    ) -> Result<Response<wire::Session>, Status> {
        Ok(Response::new(shown(self.by(&request).pause(&request.get_ref().session_id).await?)))
    }

    async fn resume_session(
        &self,
        request: Request<wire::ResumeSessionRequest>,
    ) -> Result<Response<wire::ResumeSessionResponse>, Status> {
        let deadline = Deadline::of(request.metadata());
        let (session, kind) = self.by(&request).resume(&request.get_ref().session_id, deadline).await?;
        Ok(Response::new(wire::ResumeSessionResponse { session: Some(shown(session)), kind: kind.into() }))
    }
}
