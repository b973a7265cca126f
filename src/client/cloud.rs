//! The rpcs of `jetway.v1`: tokens, sessions, the pool. Must not know: `Sandbox`.

use prost::Message;

use super::{CallOptions, Client};
use crate::error::{CallContext, Error, Operation};

impl Client {
    /// One of these rpcs.
    pub(crate) async fn cloud_call<Res: Message + Default>(
        &self,
        operation: Operation,
        request: impl Message + 'static,
        options: &CallOptions,
    ) -> Result<Res, Error> {
        self.unary(CallContext::new(operation), options, request).await
    }
}
