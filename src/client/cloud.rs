//! The rpcs of `jetway.v1`: tokens, sessions, the pool. Must not know: `Sandbox`.

use prost::Message;

use super::{CallOptions, Client, call::Answering};
use crate::error::{CallContext, Operation};

impl Client {
    /// One of these rpcs.
    pub(crate) fn cloud_call<Res: Message + Default>(
        &self,
        operation: Operation,
        request: impl Message + 'static,
        options: &CallOptions,
    ) -> Answering<'_, Res> {
        self.unary(CallContext::new(operation), options, request)
    }
}
