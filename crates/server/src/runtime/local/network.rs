//! Sockets of a sandbox's own network, made by its agent and passed here.
//! Must not know: what is said over them.

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
    time::Duration,
};

use jetway_agent::protocol::{Reply, Request};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::link::Link;
use crate::runtime::RuntimeError;

/// Loopback port in a sandbox on which its connections to the outside arrive. Outside of the range that the kernel gives
/// to outgoing connections, and nobody's by custom.
pub const EGRESS_PORT: u16 = 61080;

/// A full queue of connections inside makes the kernel try again for minutes.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Connects to a port inside: on `127.0.0.1`, or where nobody listens there, on `::1`.
pub async fn dial(home: BorrowedFd<'_>, port: u16) -> Result<TcpStream, RuntimeError> {
    let failed = RuntimeError::starting("connect inside the sandbox");
    let connected = match connect(home, port, false).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => match connect(home, port, true).await {
            Ok(stream) => Ok(stream),
            // A sandbox without IPv6, or with nobody there either: the first answer says more.
            Err(_) => Err(error),
        },
        connected => connected,
    };
    connected.map_err(|error| match error.kind() {
        // Not the agent's refusal, which would mean that the sandbox is gone.
        io::ErrorKind::ConnectionRefused => {
            RuntimeError::Io { context: format!("connect to port {port} inside the sandbox"), source: error }
        }
        _ => failed(error),
    })
}

/// The socket on which connections to the outside arrive.
pub async fn egress(home: BorrowedFd<'_>) -> Result<TcpListener, RuntimeError> {
    let failed = RuntimeError::starting("listen inside the sandbox");
    let socket = ask(home, &Request::Egress).await.map_err(failed)?;
    // The agent made it non-blocking.
    TcpListener::from_std(socket.into()).map_err(failed)
}

async fn connect(home: BorrowedFd<'_>, port: u16, v6: bool) -> io::Result<TcpStream> {
    let stream = TcpStream::from_std(ask(home, &Request::Dial { port, v6 }).await?.into())?;
    timeout(CONNECT_WITHIN, stream.writable()).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    match stream.take_error()? {
        Some(error) => Err(error),
        None => stream.set_nodelay(true).map(|()| stream),
    }
}

async fn ask(home: BorrowedFd<'_>, request: &Request) -> io::Result<OwnedFd> {
    let mut link = Link::open(home, request, &[]).await?;
    match link.receive::<Reply>().await? {
        Reply::Connected => link.take_descriptor(),
        Reply::Failed(failure) => Err(failure.reason()),
        Reply::Refused(reason) => Err(io::Error::other(reason)),
        other => Err(io::Error::other(format!("unexpected answer {other:?}"))),
    }
}
