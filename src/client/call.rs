//! One unary call: head, deadline, retries, typed failure. Must not know: which rpc it is.

use std::{
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use prost::{DecodeError, Message};

use super::{Client, retry::Retries};
use crate::{
    config::Credentials,
    error::{CallContext, Error},
    platform::BoxFuture,
    transport::{Answered, Outgoing, outgoing},
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
    pub(super) fn unary<Req, Res>(
        &self,
        context: CallContext,
        options: &CallOptions,
        request: Req,
    ) -> Answering<'_, Res>
    where
        Req: Message + 'static,
        Res: Message + Default,
    {
        let call = self.call(context, options.timeout, outgoing(request));
        Answering { call, answer: PhantomData }
    }

    /// Boxed and of no message's type: this state machine is large, and so it exists once.
    fn call(&self, context: CallContext, limit: Option<Duration>, request: Outgoing) -> BoxFuture<'_, Called> {
        Box::pin(async move {
            let limit = limit.unwrap_or(self.inner.request_timeout);
            let mut retries = Retries::new(limit, self.inner.retry);
            let mut refused = false;
            loop {
                let attempt = retries.attempt() + u32::from(refused);
                // A part of the time, where repeating is safe: an answer that was lost is asked for again.
                let part = context.operation.attempt_limit().unwrap_or(limit);
                let left = CallOptions { timeout: Some(retries.remaining().min(part)) };
                let head = self.head(context.clone(), &left, refused, attempt).await?;
                let told = head.aftermath.clone();
                let Answered { message, waits_for_start } = self.transport().unary(head, request.clone()).await;
                self.note_start(waits_for_start);
                told.tell(message.as_ref().err());
                let error = match message {
                    Ok(answer) => return Ok((answer, context)),
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

    /// A refused provider is asked once more: its token may just have expired. The server did no work.
    pub(super) fn may_refresh(&self, error: &Error) -> bool {
        matches!(self.inner.credentials, Credentials::Provider(_))
            && error.grpc_code() == Some(tonic::Code::Unauthenticated)
    }
}

/// An encoded answer and whose it is.
type Called = Result<(Bytes, CallContext), Error>;

/// A unary call under way. By hand: a state machine for each of some fifty rpcs is what a page would download.
#[must_use]
pub(crate) struct Answering<'a, Res> {
    call: BoxFuture<'a, Called>,
    answer: PhantomData<fn() -> Res>,
}

impl<Res: Message + Default> Future for Answering<'_, Res> {
    type Output = Result<Res, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.call.as_mut().poll(cx).map(|called| {
            let (answer, context) = called?;
            Res::decode(answer).map_err(|error| undecodable(&error, &context))
        })
    }
}

/// An answer that is no such message; as tonic's own codec would say it.
fn undecodable(error: &DecodeError, context: &CallContext) -> Error {
    Error::from_code(tonic::Code::Internal, &error.to_string(), &[], context)
}
