//! One connection to an agent, for one operation, without blocking.
//! Must not know: what operations mean.

use std::{
    collections::VecDeque,
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::PathBuf,
};

use jetway_agent::{
    channel::{self, Channel},
    frame::{FrameBuffer, encode},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{io::Interest, net::UnixStream};

/// Name of the agent's socket in the sandbox's directory.
const SOCKET: &str = "agent.sock";

/// A connection. Dropping it gives the operation up.
#[derive(Debug)]
pub struct Link {
    stream: UnixStream,
    inbox: FrameBuffer,
    descriptors: VecDeque<OwnedFd>,
}

/// The socket's path through an open directory: always short enough for a socket address.
pub fn socket_path(home: impl AsFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", home.as_fd().as_raw_fd()))
}

impl Link {
    /// Connects and sends the first frame with its descriptors.
    pub async fn open<T: Serialize>(home: impl AsFd, first: &T, descriptors: &[BorrowedFd<'_>]) -> io::Result<Link> {
        let stream = UnixStream::connect(socket_path(home)).await?;
        let link = Link { stream, inbox: FrameBuffer::default(), descriptors: VecDeque::new() };
        link.send_with(first, descriptors).await?;
        Ok(link)
    }

    /// Goes on with a conversation that began blocking, with what has arrived of it.
    pub fn over(channel: Channel) -> io::Result<Link> {
        let (socket, inbox, descriptors) = channel.into_parts();
        let stream = std::os::unix::net::UnixStream::from(socket);
        stream.set_read_timeout(None)?;
        stream.set_nonblocking(true)?;
        Ok(Link { stream: UnixStream::from_std(stream)?, inbox, descriptors })
    }

    /// Sends a frame.
    pub async fn send<T: Serialize>(&self, value: &T) -> io::Result<()> {
        self.send_with(value, &[]).await
    }

    async fn send_with<T: Serialize>(&self, value: &T, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let bytes = encode(value)?;
        let mut sent = 0;
        while sent < bytes.len() {
            // Descriptors travel with the first bytes that are taken.
            let attached = if sent == 0 { descriptors } else { &[] };
            let step = || channel::send(&self.stream, &bytes[sent..], attached);
            sent += self.stream.async_io(Interest::WRITABLE, step).await?;
        }
        Ok(())
    }

    /// The next frame. Cancel-safe. `UnexpectedEof` when the agent is gone.
    pub async fn receive<T: DeserializeOwned>(&mut self) -> io::Result<T> {
        let mut bytes = [0; 4096];
        loop {
            if let Some(value) = self.inbox.take()? {
                return Ok(value);
            }
            let step = || channel::receive(&self.stream, &mut bytes, &mut self.descriptors);
            let count = self.stream.async_io(Interest::READABLE, step).await?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.inbox.push(&bytes[..count]);
        }
    }

    /// A descriptor that came with what was received.
    pub fn take_descriptor(&mut self) -> io::Result<OwnedFd> {
        self.descriptors.pop_front().ok_or_else(|| io::Error::other("the agent sent no descriptor"))
    }
}
