//! The server's port. On loopback it is taken for the whole of it, `127.0.0.0/8`: services have addresses there, and
//! programs find an address without a name server.
//! Must not know: what is answered.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use tokio::net::{TcpListener, TcpSocket};

use crate::config::ServiceUrls;

const BACKLOG: u32 = 1024;

/// A port that is listened on.
pub(crate) struct Port {
    /// Accepts connections.
    pub listener: TcpListener,
    /// The server's own address.
    pub address: SocketAddr,
    /// Whether connections to services' addresses arrive too.
    pub services: bool,
}

impl Port {
    /// Takes it; port 0 takes a free one.
    pub async fn take(listen: SocketAddr, urls: ServiceUrls) -> io::Result<Port> {
        if listen.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST)
            && urls == ServiceUrls::Auto
            && let Some(listener) = whole_loopback(listen.port())?
        {
            let address = (listen.ip(), listener.local_addr()?.port()).into();
            return Ok(Port { listener, address, services: true });
        }
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        Ok(Port { listener, address, services: false })
    }
}

/// Every address, but of the loopback interface only. `None` where the system does not let us choose an interface.
#[cfg(target_os = "linux")]
fn whole_loopback(port: u16) -> io::Result<Option<TcpListener>> {
    let socket = TcpSocket::new_v4()?;
    if socket.bind_device(Some(b"lo")).is_err() {
        return Ok(None);
    }
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::UNSPECIFIED, port).into())?;
    socket.listen(BACKLOG).map(Some)
}

#[cfg(not(target_os = "linux"))]
fn whole_loopback(_: u16) -> io::Result<Option<TcpListener>> {
    Ok(None)
}
