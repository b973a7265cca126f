//! One unary call: head, deadline, retries, typed failure. Must not know: which rpc it is.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::uri::PathAndQuery;
use prost::Message;
use tonic::{Request, Response, Status, client::Grpc};

use super::{
    Client,
    codec::{Outgoing, RawCodec, decode},
    retry::Retries,
};
use crate::{
    config::Credentials,
    error::{CallContext, Error},
    platform::{BoxFuture, timeout},
    transport::{CallHead, MAX_MESSAGE_BYTES},
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
    /// Calls the unary rpc that `context` names under its deadline, and again where that is safe and useful.
    pub(super) async fn unary<Req, Res>(
        &self,
        context: CallContext,
        options: &CallOptions,
        request: Req,
    ) -> Result<Res, Error>
    where
        Req: Message + 'static,
        Res: Message + Default,
    {
        let answer = self.call(context.clone(), options.clone(), Arc::new(request)).await?;
        decode(answer).map_err(|status| Error::from_status(&status, &context))
    }

    /// Boxed and of no message's type: this state machine is large, and so it exists once.
    fn call(
        &self,
        context: CallContext,
        options: CallOptions,
        request: Outgoing,
    ) -> BoxFuture<'_, Result<Bytes, Error>> {
        Box::pin(async move {
            let limit = options.timeout.unwrap_or(self.inner.request_timeout);
            let mut retries = Retries::new(limit, self.inner.retry);
            let mut refused = false;
            loop {
                let attempt = retries.attempt() + u32::from(refused);
                // A part of the time, where repeating is safe: an answer that was lost is asked for again.
                let part = context.operation.attempt_limit().unwrap_or(limit);
                let left = CallOptions { timeout: Some(retries.remaining().min(part)) };
                let head = self.head(context.clone(), &left, refused, attempt).await?;
                let told = head.aftermath.clone();
                let answer = self.attempt(head, Arc::clone(&request)).await;
                told.tell(answer.as_ref().err());
                let error = match answer {
                    Ok(answer) => return Ok(answer),
                    Err(error) => error,
                };
                if self.may_refresh(&error) && !refused {
                    refused = true;
                } else if !(context.operation.is_idempotent() && retries.wait_after(&error).await) {
                    return Err(error);
                }
            }
        })
    }

    async fn attempt(&self, head: CallHead, request: Outgoing) -> Result<Bytes, Error> {
        let (path, context, limit) = (head.path, head.context.clone(), head.timeout);
        match timeout(limit, self.send(path, head.into_request(request))).await {
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

    async fn send(&self, path: &'static str, request: Request<Outgoing>) -> Result<Response<Bytes>, Status> {
        let mut grpc = Grpc::new(self.transport().clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        grpc.ready().await.map_err(Error::into_status)?;
        grpc.unary(request, PathAndQuery::from_static(path), RawCodec).await
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
