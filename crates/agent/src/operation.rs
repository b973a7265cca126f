//! One connection of the server: its first frame says what it is for, the rest depends on that.
//! Must not know: the poll loop's other members.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::process::Pid;
use serde::Serialize;

use crate::{
    channel::Channel,
    files::{self, Draft, Refusal},
    network,
    protocol::{Failure, Nudge, Reply, Request},
    survey,
};

/// What a connection turned out to be for.
#[derive(Debug)]
pub enum Role {
    /// Nothing arrived yet.
    Fresh,
    /// Hears of main commands.
    Control,
    /// Waits for a process; `None` once it ended.
    Exec(Option<Pid>),
    /// Is writing a file.
    Draft(Option<Draft>),
    /// Waits for the sandbox to be empty.
    Stop,
}

/// One accepted connection.
#[derive(Debug)]
pub struct Connection {
    channel: Channel,
    /// See [`Role`].
    pub role: Role,
}

impl Connection {
    /// Wraps an accepted, non-blocking socket.
    pub fn new(socket: OwnedFd, role: Role) -> Connection {
        Connection { channel: Channel::new(socket), role }
    }

    /// Takes over a channel that was used for the birth.
    pub fn control(channel: Channel) -> Connection {
        Connection { channel, role: Role::Control }
    }

    /// Reads what is there. `false` when the server closed the connection (or broke it).
    pub fn fill(&mut self) -> bool {
        match self.channel.fill() {
            Ok(open) => open,
            Err(error) => matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted),
        }
    }

    /// The next frame from the server.
    pub fn take<T: serde::de::DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        self.channel.take()
    }

    /// A descriptor that came with the current frame.
    pub fn take_descriptor(&mut self) -> Option<OwnedFd> {
        self.channel.take_descriptor()
    }

    /// Sends a frame. A server that does not read its answers loses the connection, which the next read notices.
    pub fn send<T: Serialize>(&self, value: &T, descriptors: &[BorrowedFd<'_>]) {
        if self.channel.send(value, descriptors).is_err() {
            let _ = rustix::net::shutdown(&self.channel, rustix::net::Shutdown::Both);
        }
    }

    /// Serves the file requests, which need nothing but the connection.
    pub fn serve_file(&mut self, request: &Request) {
        let opened = match request {
            Request::OpenFile { path } => files::open(path),
            Request::CreateFile { path } => files::create(path).map(|(file, draft)| {
                self.role = Role::Draft(Some(draft));
                (file, 0)
            }),
            _ => return,
        };
        match opened {
            Ok((file, size)) => self.send(&Reply::Opened { size }, &[file.as_fd()]),
            Err(refusal) => self.refuse(refusal),
        }
    }

    /// Begins a connection into the sandbox's own network, and hands it over.
    pub fn dial(&self, port: u16, v6: bool) {
        match network::dial(port, v6) {
            Ok(socket) => self.send(&Reply::Connected, &[socket.as_fd()]),
            Err(error) => self.send(&Reply::Failed(Failure::at("connect inside the sandbox")(error)), &[]),
        }
    }

    /// Acts on a later frame.
    pub fn nudge(&mut self, nudge: Nudge) {
        match (&mut self.role, nudge) {
            (Role::Exec(Some(leader)), Nudge::Kill) => survey::kill_family(*leader),
            (Role::Draft(draft), Nudge::Commit) => match draft.take().map(Draft::commit) {
                Some(Err(refusal)) => self.refuse(refusal),
                Some(Ok(())) => self.send(&Reply::Done, &[]),
                None => self.send(&Reply::Refused("the file was committed already".into()), &[]),
            },
            _ => {}
        }
    }

    /// What closing means: an exec that still runs is killed. (An uncommitted file goes with its [`Draft`].)
    pub fn close(self) {
        if let Role::Exec(Some(leader)) = self.role {
            survey::kill_family(leader);
        }
    }

    fn refuse(&self, refusal: Refusal) {
        match refusal {
            Refusal::NotRegular => self.send(&Reply::NotRegular, &[]),
            Refusal::System(error) => self.send(&Reply::Failed(Failure::at("open the file")(error)), &[]),
        }
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}
