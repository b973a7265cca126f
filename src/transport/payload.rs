//! The payload lane in wasm. Must not know: what the messages mean.

use tonic::client::Grpc;
use tonic_prost::ProstCodec;

use super::{CallHead, Incoming, MAX_MESSAGE_BYTES, Transport, incoming::Deadline};
use crate::{
    error::{Error, ErrorKind},
    platform::timeout,
};

/// Both directions of a call. Dropping the answers cancels the call.
pub(crate) struct Duplex<Req, Res> {
    /// The way up; `None` when nothing more may be sent.
    pub(crate) input: Option<Sender<Req>>,
    /// The way down.
    pub(crate) output: Incoming<Res>,
}

/// The way up of a call. There is none on this pipe: it sends its one message with the request.
pub(crate) struct Sender<Req>(std::convert::Infallible, std::marker::PhantomData<Req>);

impl<Req> Sender<Req> {
    /// Sends a message; waits while too many are under way.
    ///
    /// # Errors
    /// Not running, when the call is over.
    pub(crate) async fn send(&mut self, _message: Req) -> Result<(), Error> {
        match self.0 {}
    }
}

impl<Req, Res> Duplex<Req, Res>
where
    Req: prost::Message + Send + 'static,
    Res: prost::Message + Default + Send + 'static,
{
    /// Opens the call and sends `first`.
    ///
    /// # Errors
    /// Not supported for `keep_open`: this pipe cannot send once the call is open.
    pub(crate) async fn open(
        transport: &Transport,
        head: CallHead,
        first: Req,
        keep_open: bool,
    ) -> Result<Self, Error> {
        if keep_open {
            return Err(Error::new(ErrorKind::NotSupported, "this transport cannot send after the call is open"));
        }
        let (context, deadline) = (head.context.clone(), Deadline::start(head.timeout));
        let path = http::uri::PathAndQuery::from_static(head.path);
        let mut grpc = Grpc::new(transport.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let request = head.into_request(futures::stream::iter([first]));
        let opening = grpc.streaming(request, path, ProstCodec::<Req, Res>::default());
        let response = timeout(deadline.remaining(), opening)
            .await
            .map_err(|_| deadline.exceeded(&context))?
            .map_err(|status| Error::from_status(&status, &context))?;
        Ok(Self { input: None, output: Incoming::new(response.into_inner(), deadline, context) })
    }
}
