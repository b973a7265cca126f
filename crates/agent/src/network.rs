//! Sockets of the sandbox's own network, for the server, which lives outside of it.
//! Must not know: connections of the server, what is said over the sockets.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::OwnedFd,
};

use rustix::{
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, sockopt},
};

/// Begins a connection to a port of the loopback interface. Nothing is waited for: whoever gets the socket sees in it how
/// the connection went.
///
/// # Errors
/// The system's; `ConnectionRefused` when it is known already that nobody listens.
pub fn dial(port: u16, v6: bool) -> io::Result<OwnedFd> {
    let address: SocketAddr = match v6 {
        true => (Ipv6Addr::LOCALHOST, port).into(),
        false => (Ipv4Addr::LOCALHOST, port).into(),
    };
    let socket = stream_socket(&address)?;
    match rustix::net::connect(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
        Err(error) => Err(error.into()),
    }
}

/// Listens on a loopback port. Connections wait in its queue for as long as nobody accepts them.
///
/// # Errors
/// The system's.
pub fn listen(port: u16) -> io::Result<OwnedFd> {
    let address: SocketAddr = (Ipv4Addr::LOCALHOST, port).into();
    let socket = stream_socket(&address)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, 1024)?;
    Ok(socket)
}

fn stream_socket(address: &SocketAddr) -> io::Result<OwnedFd> {
    let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(rustix::net::socket_with(family, SocketType::STREAM, flags, None)?)
}
