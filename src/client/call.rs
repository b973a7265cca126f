//! One unary call: head, deadline, retries, typed failure. Must not know: which rpc it is.

use std::{future::Future, time::Duration};

use tonic::{Request, Response, Status};

use super::{Client, retry::Retries};
use crate::{
    config::Credentials,
    error::{CallContext, Error},
    platform::timeout,
    transport::{CallHead, Transport},
    wire::sandbox_service_client::SandboxServiceClient,
};

/// What a single call may override. Dropping a call's future cancels it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallOptions {
    /// How long the call may take, retries included. Default: the client's request timeout.
    pub timeout: Option<Duration>,
}

impl CallOptions {
    /// A call that may take `timeout`.
    pub fn timeout(timeout: Duration) -> Self {
        Self { timeout: Some(timeout) }
    }
}

impl Client {
    /// Calls a unary rpc under its deadline, and again where that is safe and useful.
    pub(super) async fn unary<Req, Res, Call, Answer>(
        &self,
        context: CallContext,
        options: &CallOptions,
        request: Req,
        call: Call,
    ) -> Result<Res, Error>
    where
        Req: Clone,
        Call: Fn(SandboxServiceClient<Transport>, Request<Req>) -> Answer,
        Answer: Future<Output = Result<Response<Res>, Status>>,
    {
        let mut retries = Retries::new(options.timeout.unwrap_or(self.inner.request_timeout));
        let mut refused = false;
        loop {
            let left = CallOptions { timeout: Some(retries.remaining()) };
            let head = self.head(context.clone(), &left, refused).await?;
            let error = match self.attempt(head, request.clone(), &call).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            if self.may_refresh(&error) && !refused {
                refused = true;
            } else if !(context.operation.is_idempotent() && retries.wait_after(&error).await) {
                return Err(error);
            }
        }
    }

    async fn attempt<Req, Res, Call, Answer>(&self, head: CallHead, request: Req, call: &Call) -> Result<Res, Error>
    where
        Call: Fn(SandboxServiceClient<Transport>, Request<Req>) -> Answer,
        Answer: Future<Output = Result<Response<Res>, Status>>,
    {
        let (context, limit) = (head.context.clone(), head.timeout);
        let answer = call(self.service(), head.into_request(request));
        match timeout(limit, answer).await {
            Ok(Ok(response)) => {
                self.note_headers(response.metadata());
                Ok(response.into_inner())
            }
            Ok(Err(status)) => {
                self.note_headers(status.metadata());
                Err(Error::from_status(&status, &context))
            }
            Err(_) => Err(deadline_exceeded(&context, limit.unwrap_or_default())),
        }
    }

    /// A refused provider is asked once more: its token may just have expired. The server did no work.
    pub(super) fn may_refresh(&self, error: &Error) -> bool {
        matches!(self.inner.credentials, Credentials::Provider(_))
            && error.grpc_code() == Some(tonic::Code::Unauthenticated)
    }
}

fn deadline_exceeded(context: &CallContext, limit: Duration) -> Error {
    let message = format!("{} did not finish within {limit:?}", context.operation.name());
    Error::from_status(&Status::deadline_exceeded(message), context)
}
