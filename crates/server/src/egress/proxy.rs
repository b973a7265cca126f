//! The proxy's HTTP: `CONNECT host:port`, and plain requests with the whole URL. It answers no redirects itself, so each
//! hop is a request of its own, checked like the first.
//! Must not know: which sandbox asks, beyond its rules.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use axum::body::Body;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header};
use hyper::{body::Incoming, client::conn::http1 as client, server::conn::http1 as server, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncWriteExt, copy_bidirectional},
    net::TcpStream,
};

use super::{Denied, Egress, rules::Grant};
use crate::{hello, runtime::EgressPlan};

const HEAD_WITHIN: Duration = Duration::from_secs(60);
/// Headers that concern the hop to this proxy only.
const HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Serves one connection from inside.
pub(super) async fn serve(egress: Arc<Egress>, plan: Arc<EgressPlan>, stream: TcpStream) {
    let service = service_fn(move |request: Request<Incoming>| {
        let (egress, plan) = (egress.clone(), plan.clone());
        async move {
            let answered = answer(&egress, &plan, request).await;
            Ok::<_, Infallible>(answered.unwrap_or_else(|denied| refusal(&denied)))
        }
    });
    let served = server::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a sandbox's connection to the outside ended early");
    }
}

async fn answer(egress: &Egress, plan: &EgressPlan, request: Request<Incoming>) -> Result<Response<Body>, Denied> {
    if request.method() == Method::CONNECT {
        return tunnel(egress, plan, request).await;
    }
    forward(egress, plan, request).await
}

/// Joins the two connections. One that a name's rule allows must speak TLS to that name.
async fn tunnel(egress: &Egress, plan: &EgressPlan, request: Request<Incoming>) -> Result<Response<Body>, Denied> {
    let authority = request.uri().authority().filter(|authority| !authority.as_str().contains('@'));
    let Some((host, port)) = authority.and_then(|authority| Some((authority.host(), authority.port_u16()?))) else {
        return Err(Denied::Forbidden("CONNECT needs host:port".to_owned()));
    };
    let (mut outside, grant) = egress.connect(plan, host, port).await?;
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    tokio::spawn(async move {
        let Ok(inside) = hyper::upgrade::on(request).await else { return };
        let mut inside = TokioIo::new(inside);
        let joined = async {
            if grant == Grant::Name {
                let hello = hello::read(&mut inside).await?;
                if hello.name.as_ref() != Some(&name) {
                    let text = format!("TLS to {:?} over a connection to {name}", hello.name);
                    return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
                }
                outside.write_all(&hello.bytes).await?;
            }
            copy_bidirectional(&mut inside, &mut outside).await
        };
        if let Err(error) = joined.await {
            tracing::debug!(%error, "a sandbox's tunnel ended early");
        }
    });
    Ok(Response::new(Body::empty()))
}

/// Passes a plain request on, and its answer back.
async fn forward(egress: &Egress, plan: &EgressPlan, mut request: Request<Incoming>) -> Result<Response<Body>, Denied> {
    let uri = request.uri().clone();
    let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        let text = "this is a proxy: ask it for a whole http:// URL, or to CONNECT";
        return Err(Denied::Forbidden(text.to_owned()));
    };
    let (outside, grant) = egress.connect(plan, authority.host(), authority.port_u16().unwrap_or(80)).await?;
    if grant == Grant::Name {
        let text = format!("the rule for {} is for https only", authority.host());
        return Err(Denied::Forbidden(text));
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse::<Uri>().map_err(|error| Denied::Failed(error.to_string()))?;
    let host = authority.as_str().rsplit('@').next().unwrap_or_default();
    let host = HeaderValue::from_str(host).map_err(|error| Denied::Failed(error.to_string()))?;
    // What it names and what is connected to must not differ.
    request.headers_mut().insert(header::HOST, host);
    HOP.iter().for_each(|name| drop(request.headers_mut().remove(name)));

    let failed = |error: hyper::Error| Denied::Failed(format!("{}: {error}", authority.host()));
    let (mut sender, connection) = client::handshake(TokioIo::new(outside)).await.map_err(failed)?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to the outside ended early");
        }
    });
    let mut response = sender.send_request(request).await.map_err(failed)?;
    HOP.iter().for_each(|name| drop(response.headers_mut().remove(name)));
    // This hop is ours, whatever the next one speaks.
    *response.version_mut() = Version::HTTP_11;
    Ok(response.map(Body::new))
}

fn refusal(denied: &Denied) -> Response<Body> {
    let (status, text) = match denied {
        Denied::Forbidden(text) => (StatusCode::FORBIDDEN, text),
        Denied::Failed(text) => (StatusCode::BAD_GATEWAY, text),
    };
    let mut response = Response::new(Body::from(format!("jetway: {text}\n")));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
