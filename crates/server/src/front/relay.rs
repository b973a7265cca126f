//! One HTTP exchange with a program inside a sandbox, over a connection that was made for it: heads are passed on without
//! what belongs to a single hop, bodies stream both ways, an upgrade joins the two connections.
//! Must not know: sandboxes, credentials.

use std::time::Duration;

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri, Version, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{caller::authority, preview::Arrival, refusal::Refusal};

/// Headers that concern one hop only.
const HOP: [HeaderName; 7] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Passes a request on and its answer back. `within` bounds the time until the answer begins.
pub(super) async fn exchange(
    stream: TcpStream,
    mut request: Request<Body>,
    arrival: Arrival,
    within: Duration,
) -> Result<Response<Body>, Refusal> {
    let broken = |error: hyper::Error| {
        Refusal::gateway(
            StatusCode::BAD_GATEWAY,
            format!("the program in the sandbox did not answer with HTTP: {error}"),
        )
    };
    let wanted = upgrade_of(request.headers());
    let ours = wanted.is_some().then(|| hyper::upgrade::on(&mut request));
    let request = outgoing(request, arrival, wanted.as_ref())?;

    let (mut sender, connection) =
        http1::Builder::new().preserve_header_case(true).handshake(TokioIo::new(stream)).await.map_err(broken)?;
    tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "a service's connection ended early");
        }
    });
    let answered = tokio::time::timeout(within, sender.send_request(request)).await;
    let mut response = answered
        .map_err(|_| {
            let text = format!("the program in the sandbox did not begin its answer within {} s", within.as_secs());
            Refusal::gateway(StatusCode::GATEWAY_TIMEOUT, text)
        })?
        .map_err(broken)?;

    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let theirs = hyper::upgrade::on(&mut response);
        let Some(ours) = ours else {
            return Err(Refusal::gateway(StatusCode::BAD_GATEWAY, "the program in the sandbox switched unasked"));
        };
        tokio::spawn(async move {
            let (Ok(ours), Ok(theirs)) = tokio::join!(ours, theirs) else { return };
            // An end on either side is the other side's end.
            let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(ours), &mut TokioIo::new(theirs)).await;
        });
        return Ok(response.map(|_| Body::empty()));
    }
    // This hop is ours, whatever the next one speaks.
    *response.version_mut() = Version::HTTP_11;
    strip(response.headers_mut());
    keep_cookies_home(response.headers_mut());
    Ok(response.map(Body::new))
}

/// The request as the program is to see it: for the host that the caller named, over HTTP/1.1.
fn outgoing(
    mut request: Request<Body>,
    arrival: Arrival,
    upgrade: Option<&HeaderValue>,
) -> Result<Request<Body>, Refusal> {
    let host = authority(&request).map(HeaderValue::from_str);
    let Some(Ok(host)) = host else { return Err(Refusal::bad_request("the request names no host")) };
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let uri: Uri = path.parse().map_err(|_| Refusal::bad_request("the request has no path"))?;
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_11;
    let headers = request.headers_mut();
    strip(headers);
    if let Some(upgrade) = upgrade {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, upgrade.clone());
    }
    headers.insert("x-forwarded-host", host.clone());
    headers.insert("x-forwarded-proto", HeaderValue::from_static(if arrival.tls { "https" } else { "http" }));
    headers.insert(header::HOST, host);
    Ok(request)
}

/// The protocol that a caller wants to switch to.
fn upgrade_of(headers: &HeaderMap) -> Option<HeaderValue> {
    let lines = headers.get_all(header::CONNECTION).iter().filter_map(|line| line.to_str().ok());
    let asks = lines.flat_map(|line| line.split(',')).any(|word| word.trim().eq_ignore_ascii_case("upgrade"));
    asks.then(|| headers.get(header::UPGRADE).cloned()).flatten()
}

/// Takes out what concerns one hop, what `connection` names included.
fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP) {
        headers.remove(name);
    }
}

/// A cookie for a whole domain would reach other sandboxes' services, and maybe the server: it stays with its host.
fn keep_cookies_home(headers: &mut HeaderMap) {
    let is_domain = |part: &str| part.trim().get(..6).is_some_and(|name| name.eq_ignore_ascii_case("domain"));
    let cookies: Vec<HeaderValue> = headers.get_all(header::SET_COOKIE).iter().cloned().collect();
    if cookies.is_empty() {
        return;
    }
    headers.remove(header::SET_COOKIE);
    for cookie in cookies {
        let kept = match cookie.to_str() {
            Ok(text) => {
                let mut parts = text.split(';');
                let first = parts.next().unwrap_or_default().to_owned();
                let kept: Vec<_> = parts.filter(|part| !is_domain(part)).collect();
                std::iter::once(first.as_str()).chain(kept).collect::<Vec<_>>().join(";")
            }
            Err(_) => continue,
        };
        if let Ok(kept) = HeaderValue::from_str(&kept) {
            headers.append(header::SET_COOKIE, kept);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hop_by_hop_headers_stay_behind() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("connection", "close, X-Hop"), ("x-hop", "1"), ("te", "trailers"), ("x-keep", "1")] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        strip(&mut headers);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["x-keep"]);
    }

    #[test]
    fn a_cookie_stays_with_its_host() {
        let cookie = HeaderValue::from_static("a=1; Path=/; Domain=localhost; Secure");
        let mut headers = HeaderMap::from_iter([(header::SET_COOKIE, cookie)]);
        keep_cookies_home(&mut headers);
        assert_eq!(headers[header::SET_COOKIE], "a=1; Path=/; Secure");
    }
}
