//! Looks closer at a server that cannot be talked to: does its name resolve, does it speak HTTP/1.1?
//! Must not know: gRPC.

use std::time::Duration;

use http::Uri;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    error::{Diagnosis, Error},
    platform::timeout,
};

const LIMIT: Duration = Duration::from_secs(1);
const HEAD_LIMIT: usize = 4096;

/// Judges what answers at a plain-text address that broke the connection off: an HTTP/1.1 server is named as one.
///
/// # Errors
/// As [`Error::check_response_head`]; `Ok` when nothing is learnt.
pub(super) async fn http1(endpoint: &Uri) -> Result<(), Error> {
    let (Some("http"), Some(host)) = (endpoint.scheme_str(), endpoint.host()) else { return Ok(()) };
    let port = endpoint.port_u16().unwrap_or(80);
    match timeout(Some(LIMIT), ask(host, port)).await {
        Ok(Ok(head)) => judge(&head),
        _ => Ok(()),
    }
}

/// Asks for the address of the host alone.
///
/// # Errors
/// Network, saying that the name does not resolve; `Ok` when it does, or nothing is learnt in time.
pub(super) async fn name(endpoint: &Uri) -> Result<(), Error> {
    let Some(host) = endpoint.host() else { return Ok(()) };
    match timeout(Some(LIMIT), tokio::net::lookup_host((bare(host), 0))).await {
        Ok(Err(cause)) => {
            Err(Error::network(Diagnosis::Dns, format!("the host {host} has no address")).with_source(cause))
        }
        _ => Ok(()),
    }
}

/// A host without the brackets of an IPv6 address.
fn bare(host: &str) -> &str {
    host.trim_matches(['[', ']'])
}

async fn ask(host: &str, port: u16) -> std::io::Result<Vec<u8>> {
    let mut socket = TcpStream::connect((bare(host), port)).await?;
    let request = format!("HEAD / HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while head.len() < HEAD_LIMIT && !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if socket.read_buf(&mut head).await? == 0 {
            break;
        }
    }
    Ok(head)
}

fn judge(head: &[u8]) -> Result<(), Error> {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let status = lines
        .next()
        .filter(|line| line.starts_with("HTTP/1."))
        .and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    let Some(status) = status else { return Ok(()) };
    let content_type = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        .map(|(_, value)| value.trim());
    Error::check_response_head(status, content_type, false)
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::error::{Diagnosis, ErrorKind};

    #[test]
    fn a_page_is_named_as_what_it_is() {
        let error = judge(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n").unwrap_err();
        assert_eq!(error.diagnosis(), Some(Diagnosis::NotGrpc));
        assert!(error.message().contains("text/html"), "{error}");
        assert_eq!(judge(b"HTTP/1.0 401 No\r\n\r\n").unwrap_err().kind(), ErrorKind::Authentication);
    }

    #[test]
    fn what_is_no_http_says_nothing() {
        for head in [&b""[..], b"SSH-2.0-x\r\n", b"HTTP/1.1\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\xff\xff"] {
            assert!(judge(head).is_ok());
        }
    }
}
