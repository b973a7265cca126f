//! A bidirectional call over HTTP/2. Must not know: what the messages mean.

use futures::{SinkExt, channel::mpsc};
use tonic::{Streaming, client::Grpc};
use tonic_prost::ProstCodec;

use super::{CallHead, Deadline, MAX_MESSAGE_BYTES, Transport};
use crate::{
    error::{CallContext, Error, ErrorKind},
    platform::timeout,
};

/// Messages under way to the server before the writer waits.
const QUEUE: usize = 4;

/// Both directions of a call. Dropping the answers cancels the call.
pub(crate) struct Duplex<Req, Res> {
    /// The way up; `None` when nothing more may be sent.
    pub(crate) input: Option<Sender<Req>>,
    /// The way down.
    pub(crate) output: Incoming<Res>,
}

/// The way up of a call. Dropping it half-closes.
pub(crate) struct Sender<Req>(mpsc::Sender<Req>);

impl<Req: Send + 'static> Sender<Req> {
    /// Sends a message; waits while too many are under way.
    ///
    /// # Errors
    /// Not running, when the call is over.
    pub(crate) async fn send(&mut self, message: Req) -> Result<(), Error> {
        let over = |_| Error::new(ErrorKind::SandboxNotRunning, "the call is over: nothing more can be sent");
        self.0.send(message).await.map_err(over)
    }
}

impl<Req, Res> Duplex<Req, Res>
where
    Req: prost::Message + Send + 'static,
    Res: prost::Message + Default + Send + 'static,
{
    /// Opens the call and sends `first`; `keep_open` leaves the way up open after it.
    ///
    /// # Errors
    /// As the transport and the server say; request timeout under the head's deadline.
    pub(crate) async fn open(
        transport: &Transport,
        head: CallHead,
        first: Req,
        keep_open: bool,
    ) -> Result<Self, Error> {
        let (mut sender, receiver) = mpsc::channel(QUEUE);
        let gone = |_| Error::new(ErrorKind::Other, "the request stream closed before the call");
        sender.try_send(first).map_err(gone)?;
        let input = keep_open.then_some(Sender(sender));
        let (context, deadline) = (head.context.clone(), Deadline::start(head.timeout));
        let path = http::uri::PathAndQuery::from_static(head.path);
        let mut grpc = Grpc::new(transport.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let opening = async {
            grpc.ready().await.map_err(|error| error.in_call(&context))?;
            grpc.streaming(head.into_request(receiver), path, ProstCodec::<Req, Res>::default())
                .await
                .map_err(|status| Error::from_status(&status, &context))
        };
        let response = timeout(deadline.remaining(), opening).await.map_err(|_| deadline.exceeded(&context))??;
        Ok(Self { input, output: Incoming::new(response.into_inner(), deadline, context) })
    }
}

/// The answers of a streaming call. Dropping it cancels the call.
pub(crate) struct Incoming<Res> {
    stream: Streaming<Res>,
    deadline: Deadline,
    context: CallContext,
}

impl<Res> Incoming<Res> {
    pub(crate) fn new(stream: Streaming<Res>, deadline: Deadline, context: CallContext) -> Self {
        Self { stream, deadline, context }
    }

    /// The next answer; `None` after a call that ended well.
    pub(crate) async fn next(&mut self) -> Option<Result<Res, Error>> {
        match timeout(self.deadline.remaining(), self.stream.message()).await {
            Ok(Ok(message)) => message.map(Ok),
            Ok(Err(status)) => Some(Err(Error::from_status(&status, &self.context))),
            Err(_) => Some(Err(self.deadline.exceeded(&self.context))),
        }
    }
}
