//! The last call of a program that has no time to wait for its answer. Must not know: who sends it.

use prost::Message;

use super::{Client, request_id};
use crate::{
    error::{Error, ErrorKind, Operation},
    grpc_web::envelope,
    wire,
};

/// How long the processes of a sandbox get to end by themselves when their program is gone.
const GRACE_SECONDS: i32 = 10;

impl Client {
    /// The URL and the gRPC-web body that have a sandbox deleted, without credentials: for who must go before an answer
    /// could come, as a page that is closed.
    ///
    /// # Errors
    /// Configuration, when the host has no randomness to give.
    pub fn farewell(&self, sandbox_id: String) -> Result<(String, Vec<u8>), Error> {
        let request = wire::DeleteSandboxRequest {
            sandbox_id,
            grace_period_seconds: GRACE_SECONDS,
            snapshot_volumes: Vec::new(),
            request_id: request_id()?,
            allow_missing: true,
        };
        let body =
            envelope(&request.encode_to_vec()).map_err(|error| Error::new(ErrorKind::Protocol, error.to_string()))?;
        Ok((format!("{}{}", self.base_url(), Operation::DeleteSandbox.path()), body))
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use crate::{Client, ClientConfig, wire};

    #[test]
    fn a_farewell_is_a_framed_deletion_that_minds_no_absence() {
        let client = Client::new(ClientConfig::new("http://127.0.0.1:7070/behind/")).unwrap();
        let (url, body) = client.farewell("sb-1".to_owned()).unwrap();
        assert_eq!(url, "http://127.0.0.1:7070/behind/coreweave.sandbox.v1.SandboxService/DeleteSandbox");
        assert_eq!(usize::from(body[4]), body.len() - 5);
        let request = wire::DeleteSandboxRequest::decode(&body[5..]).unwrap();
        assert_eq!((request.sandbox_id.as_str(), request.allow_missing), ("sb-1", true));
        assert!(!request.request_id.is_empty());
    }
}
