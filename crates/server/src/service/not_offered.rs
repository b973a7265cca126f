//! Services of the wire that this server registers and does not offer yet. Each call says so, with the reason that
//! clients look for, instead of looking like a typing mistake in a method's name.

use tonic::{Request, Response, Status};

use super::Problem;
use crate::wire::jetway;

/// Answers every call with what is missing.
#[derive(Clone, Copy)]
pub(super) struct NotOffered;

macro_rules! not_offered {
    ($service:path: $text:literal, $($method:ident($request:ty) -> $response:ty;)*) => {
        #[tonic::async_trait]
        impl $service for NotOffered {
            $(async fn $method(&self, _: Request<$request>) -> Result<Response<$response>, Status> {
                Err(Problem::not_implemented($text).into())
            })*
        }
    };
}

not_offered! {
    jetway::token_service_server::TokenService: "minting tokens is not offered yet; use the token that `jetway serve` printed",
    get_token(jetway::GetTokenRequest) -> jetway::Token;
    refresh_token(jetway::RefreshTokenRequest) -> jetway::Token;
}

not_offered! {
    jetway::session_service_server::SessionService: "sessions are not offered yet; keep the sandbox itself",
    create_session(jetway::CreateSessionRequest) -> jetway::Session;
    get_session(jetway::GetSessionRequest) -> jetway::Session;
    list_sessions(jetway::ListSessionsRequest) -> jetway::ListSessionsResponse;
    delete_session(jetway::DeleteSessionRequest) -> jetway::DeleteSessionResponse;
    pause_session(jetway::PauseSessionRequest) -> jetway::Session;
    resume_session(jetway::ResumeSessionRequest) -> jetway::ResumeSessionResponse;
}

not_offered! {
    jetway::pool_service_server::PoolService: "pools are not offered yet; use CreateSandbox",
    acquire_sandbox(jetway::AcquireSandboxRequest) -> jetway::PooledSandbox;
    release_sandbox(jetway::ReleaseSandboxRequest) -> jetway::ReleaseSandboxResponse;
    get_pool_stats(jetway::GetPoolStatsRequest) -> jetway::PoolStats;
}
