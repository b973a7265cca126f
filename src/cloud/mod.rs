//! Sessions that pause and resume, the pool of warm sandboxes, and users' tokens: what `jetway serve` has beside the public
//! wire, and Cloud Sandbox has words for. Must not know: JavaScript, how calls are carried.

mod session;
mod token;

pub use session::{CloudSession, CloudSessionOptions, Resumed, SessionState};
pub use token::{Token, TokenOptions};

use crate::{
    client::{CallOptions, Client, request_id},
    error::{Error, ErrorKind, Operation},
    wire::jetway::v1 as wire,
};

/// A server's sessions, pool and tokens. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Cloud {
    client: Client,
    options: CallOptions,
}

/// A sandbox that was taken from the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PooledSandbox {
    /// Its id.
    pub sandbox_id: String,
    /// The session that it serves, if any.
    pub session_id: Option<String>,
}

/// The pool in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// Sandboxes that wait.
    pub idle: i32,
    /// Sandboxes that somebody has.
    pub active: i32,
    /// Sandboxes that will wait soon.
    pub creating: i32,
    /// At most, all together.
    pub max: i32,
}

impl Cloud {
    /// Those of a client's server.
    pub fn new(client: &Client) -> Self {
        Self { client: client.clone(), options: CallOptions::default() }
    }

    /// The same, with options for each call.
    pub fn with_options(mut self, options: CallOptions) -> Self {
        self.options = options;
        self
    }

    async fn call<Res: prost::Message + Default>(
        &self,
        operation: Operation,
        request: impl prost::Message + 'static,
    ) -> Result<Res, Error> {
        self.client.cloud_call(operation, request, &self.options).await
    }

    /// Has tokens made for a user.
    ///
    /// # Errors
    /// Authentication, unless the credentials are the server's own, an administrator's, or the user's for a narrower
    /// token; otherwise as any call.
    pub async fn get_token(&self, options: TokenOptions) -> Result<Token, Error> {
        self.call(Operation::GetToken, wire::GetTokenRequest::from(options)).await.map(Token::read)
    }

    /// Has new tokens made for a refresh token.
    ///
    /// # Errors
    /// Authentication for one that is none or over; otherwise as any call.
    pub async fn refresh_token(&self, refresh_token: &str) -> Result<Token, Error> {
        let request = wire::RefreshTokenRequest { refresh_token: refresh_token.to_owned() };
        self.call(Operation::RefreshToken, request).await.map(Token::read)
    }

    /// Makes a session.
    ///
    /// # Errors
    /// Sandbox for an image that is not there; otherwise as any call.
    pub async fn create_session(&self, options: CloudSessionOptions) -> Result<CloudSession, Error> {
        let request = options.request(request_id()?);
        self.call(Operation::CreateSession, request).await.and_then(CloudSession::read)
    }

    /// A session as it is now.
    ///
    /// # Errors
    /// Not found; otherwise as any call.
    pub async fn get_session(&self, session_id: &str) -> Result<CloudSession, Error> {
        let request = wire::GetSessionRequest { session_id: session_id.to_owned() };
        self.call(Operation::GetSession, request).await.and_then(CloudSession::read)
    }

    /// The caller's sessions, the newest first.
    ///
    /// # Errors
    /// As any call.
    pub async fn list_sessions(&self) -> Result<Vec<CloudSession>, Error> {
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = wire::ListSessionsRequest { page_size: 0, page_token };
            let page: wire::ListSessionsResponse = self.call(Operation::ListSessions, request).await?;
            for session in page.sessions {
                all.push(CloudSession::read(session)?);
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(all);
            }
        }
    }

    /// Ends a session with its sandbox and everything that is kept for it.
    ///
    /// # Errors
    /// Not found, unless `missing_ok`; otherwise as any call.
    pub async fn delete_session(&self, session_id: &str, missing_ok: bool) -> Result<(), Error> {
        let request = wire::DeleteSessionRequest { session_id: session_id.to_owned(), allow_missing: missing_ok };
        let _: wire::DeleteSessionResponse = self.call(Operation::DeleteSession, request).await?;
        Ok(())
    }

    /// Freezes a session's processes and saves its workspace.
    ///
    /// # Errors
    /// Sandbox for one that is not active; not found; otherwise as any call.
    pub async fn pause_session(&self, session_id: &str) -> Result<CloudSession, Error> {
        let request = wire::PauseSessionRequest { session_id: session_id.to_owned() };
        self.call(Operation::PauseSession, request).await.and_then(CloudSession::read)
    }

    /// Takes a paused session up again, and says how much of it is left.
    ///
    /// # Errors
    /// Sandbox for one that is not paused; not found; otherwise as any call.
    pub async fn resume_session(&self, session_id: &str) -> Result<(CloudSession, Resumed), Error> {
        let request = wire::ResumeSessionRequest { session_id: session_id.to_owned() };
        let answer: wire::ResumeSessionResponse = self.call(Operation::ResumeSession, request).await?;
        let resumed = Resumed::read(answer.kind());
        let session = answer.session.ok_or_else(|| missing("session"))?;
        Ok((CloudSession::read(session)?, resumed))
    }

    /// Takes a sandbox: a session's own, or one of nobody's.
    ///
    /// # Errors
    /// Resource exhausted when all are taken; otherwise as any call.
    pub async fn acquire_sandbox(&self, session_id: Option<&str>, image: Option<&str>) -> Result<PooledSandbox, Error> {
        let request = wire::AcquireSandboxRequest {
            session_id: session_id.unwrap_or_default().to_owned(),
            image: image.unwrap_or_default().to_owned(),
        };
        let answer: wire::PooledSandbox = self.call(Operation::AcquireSandbox, request).await?;
        let session_id = Some(answer.session_id).filter(|id| !id.is_empty());
        Ok(PooledSandbox { sandbox_id: answer.sandbox_id, session_id })
    }

    /// Gives a sandbox back. It is removed, with everything in it.
    ///
    /// # Errors
    /// Sandbox for one that is not from the pool; otherwise as any call.
    pub async fn release_sandbox(&self, sandbox_id: &str) -> Result<(), Error> {
        let request = wire::ReleaseSandboxRequest { sandbox_id: sandbox_id.to_owned() };
        let _: wire::ReleaseSandboxResponse = self.call(Operation::ReleaseSandbox, request).await?;
        Ok(())
    }

    /// The pool in numbers.
    ///
    /// # Errors
    /// As any call.
    pub async fn pool_stats(&self) -> Result<PoolStats, Error> {
        let answer: wire::PoolStats = self.call(Operation::GetPoolStats, wire::GetPoolStatsRequest {}).await?;
        let wire::PoolStats { idle, active, creating, max } = answer;
        Ok(PoolStats { idle, active, creating, max })
    }
}

fn missing(what: &str) -> Error {
    Error::new(ErrorKind::Protocol, format!("the server's answer has no {what}"))
}
