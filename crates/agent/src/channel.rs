//! Frames with descriptors over a unix stream socket (`SCM_RIGHTS`), for a caller that may block.
//! Must not know: what the frames mean.

use std::{
    collections::VecDeque,
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::frame::{FrameBuffer, encode};

/// Most descriptors in one message: an image's layers, and some.
pub const MAX_DESCRIPTORS: usize = 128;

/// Sends bytes, with descriptors attached to the first of them. Returns how many bytes went.
///
/// # Errors
/// The socket's; `WouldBlock` on a non-blocking one that is full. Nothing was sent then.
pub fn send(socket: impl AsFd, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "too many descriptors for one message"));
    }
    Ok(sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?)
}

/// Receives what is there: bytes into `bytes`, descriptors (close-on-exec) into `descriptors`. Zero means end of file.
///
/// # Errors
/// The socket's.
pub fn receive(socket: impl AsFd, bytes: &mut [u8], descriptors: &mut VecDeque<OwnedFd>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(socket, &mut [IoSliceMut::new(bytes)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    Ok(received.bytes)
}

/// A socket, what arrived on it, and the descriptors that came along.
#[derive(Debug)]
pub struct Channel {
    socket: OwnedFd,
    inbox: FrameBuffer,
    descriptors: VecDeque<OwnedFd>,
}

impl Channel {
    /// Wraps a connected stream socket.
    pub fn new(socket: OwnedFd) -> Channel {
        Channel { socket, inbox: FrameBuffer::default(), descriptors: VecDeque::new() }
    }

    /// Sends one frame.
    ///
    /// # Errors
    /// The socket's, or the value being too long.
    pub fn send<T: Serialize>(&self, value: &T, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let bytes = encode(value)?;
        let mut sent = send(&self.socket, &bytes, descriptors)?;
        while sent < bytes.len() {
            sent += send(&self.socket, &bytes[sent..], &[])?;
        }
        Ok(())
    }

    /// Reads once. `false` means end of file.
    ///
    /// # Errors
    /// The socket's; `WouldBlock` on a non-blocking one that is empty.
    pub fn fill(&mut self) -> io::Result<bool> {
        let mut bytes = [0; 16 * 1024];
        let count = receive(&self.socket, &mut bytes, &mut self.descriptors)?;
        self.inbox.push(&bytes[..count]);
        Ok(count > 0)
    }

    /// The next frame that is whole already.
    ///
    /// # Errors
    /// `InvalidData` when the peer speaks something else.
    pub fn take<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        self.inbox.take()
    }

    /// Waits for the next frame.
    ///
    /// # Errors
    /// `UnexpectedEof` when the peer is gone; the socket's own, its receive timeout included.
    pub fn receive<T: DeserializeOwned>(&mut self) -> io::Result<T> {
        loop {
            if let Some(value) = self.inbox.take()? {
                return Ok(value);
            }
            if !self.fill()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// The oldest descriptor that arrived and was not taken yet.
    pub fn take_descriptor(&mut self) -> Option<OwnedFd> {
        self.descriptors.pop_front()
    }

    /// Takes it apart: the socket, what arrived on it and was not taken yet, and the descriptors likewise.
    pub fn into_parts(self) -> (OwnedFd, FrameBuffer, VecDeque<OwnedFd>) {
        (self.socket, self.inbox, self.descriptors)
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Reply;
    use std::{fs::File, io::Write, os::unix::net::UnixStream};

    #[test]
    fn a_descriptor_arrives_with_its_frame() {
        let (one, two) = UnixStream::pair().unwrap();
        let (left, mut right) = (Channel::new(one.into()), Channel::new(two.into()));
        let (reader, writer) = io::pipe().unwrap();
        left.send(&Reply::Done, &[]).unwrap();
        left.send(&Reply::Opened { size: 7 }, &[writer.as_fd()]).unwrap();
        drop(writer);
        assert!(matches!(right.receive::<Reply>().unwrap(), Reply::Done));
        assert!(matches!(right.receive::<Reply>().unwrap(), Reply::Opened { size: 7 }));
        let mut passed = File::from(right.take_descriptor().unwrap());
        passed.write_all(b"through").unwrap();
        drop(passed);
        assert_eq!(io::read_to_string(reader).unwrap(), "through");
    }

    #[test]
    fn a_gone_peer_is_end_of_file() {
        let (one, two) = UnixStream::pair().unwrap();
        drop(one);
        let error = Channel::new(two.into()).receive::<Reply>().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
