//! The first message of a TLS connection: read without being answered, so that the connection can still go elsewhere.
//! Must not know: certificates, services, where the connection came from.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::timeout,
};
use tokio_rustls::rustls::server::Acceptor;

/// What the first byte of a TLS connection is.
pub(crate) const HANDSHAKE: u8 = 0x16;

const WITHIN: Duration = Duration::from_secs(10);
/// A hello fits in one record, which is not longer than this.
const LONGEST: usize = 5 + (16 << 10) + 256;

/// A hello that was read.
#[derive(Debug)]
pub(crate) struct Hello {
    /// The name that the client asks for, lower case.
    pub name: Option<String>,
    /// Every byte that was read.
    pub bytes: Vec<u8>,
}

/// Reads it.
///
/// # Errors
/// The connection's; `InvalidData` for what is no TLS, or too long.
pub(crate) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Hello> {
    timeout(WITHIN, read_all(from)).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

async fn read_all(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Hello> {
    let mut acceptor = Acceptor::default();
    let mut bytes = Vec::new();
    let mut chunk = [0; 2048];
    loop {
        let count = from.read(&mut chunk).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&chunk[..count]);
        let mut unread = &chunk[..count];
        while !unread.is_empty() && acceptor.read_tls(&mut unread)? > 0 {}
        match acceptor.accept() {
            Ok(Some(accepted)) => {
                let name = accepted.client_hello().server_name().map(str::to_ascii_lowercase);
                return Ok(Hello { name, bytes });
            }
            Ok(None) if bytes.len() < LONGEST => {}
            Ok(None) => return Err(io::Error::new(io::ErrorKind::InvalidData, "the hello does not end")),
            Err((error, _)) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        }
    }
}
