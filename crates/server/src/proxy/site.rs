//! Answers requests: CORS on every answer, then Host, Origin, credentials, and only then a route.

use std::{io, sync::Arc, time::Duration};

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Version, header};
use tokio::net::TcpStream;
use tokio_rustls::rustls::ServerConfig;
use tonic_web::{GrpcWebLayer, GrpcWebService};
use tower::{Layer, ServiceExt};

use super::{
    mint,
    relay::{OtherCodec, Relay},
    tally::Tally,
};
use crate::{
    front::{
        Neighbours, Site, Tls,
        access::{given, same},
        cors::{self, Sendable},
        is_grpc, is_grpc_web,
        limit::LimitMessages,
        preview::{Arrival, Place},
        refusal::{Refusal, Tongue, exposition},
        rest_of_body::RestOfBody,
        websocket::{self, Calls},
    },
    tokens::{Caller, Rejected, Signer},
};

const GRPC_WEB: &str = "application/grpc-web";

/// Who may do what.
pub(super) struct Gate {
    /// The operator's secret.
    pub operator: String,
    pub signer: Signer,
    /// Whether callers need a token.
    pub tokens: bool,
    /// Whether tokens are made.
    pub mint: bool,
    pub longest_life: Duration,
}

impl Gate {
    /// Refuses everybody but the operator.
    pub fn check_operator(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        match given(headers) {
            Some(secret) if same(secret, &self.operator) => Ok(()),
            _ => Err(Refusal::unauthenticated(
                "this is for the operator; send \"authorization: Bearer <secret>\" with the secret in the proxy's data \
                 directory (operator-secret), or the one that it was started with",
            )),
        }
    }

    /// Who makes this call, if that caller may.
    fn check(&self, path: &str, headers: &HeaderMap) -> Result<Caller, Refusal> {
        if !self.tokens {
            return Ok(Caller::server());
        }
        let token = given(headers).ok_or_else(|| {
            Refusal::unauthenticated(
                "no credentials; send \"authorization: Bearer <token>\" with a token of this proxy's",
            )
        })?;
        let caller = self.signer.caller(token).map_err(|rejected| {
            Refusal::unauthenticated(match rejected {
                Rejected::Expired => "the token has expired; get a new one where this one came from",
                Rejected::Wrong => "the token is not of this proxy, or was changed; get a new one",
            })
        })?;
        match caller.scope().has_method(path) {
            true => Ok(caller),
            false => Err(Refusal::method_out_of_scope(path)),
        }
    }
}

/// The proxy's site. Cheap to clone.
#[derive(Clone)]
pub(super) struct ProxySite(Arc<Setup>);

struct Setup {
    gate: Gate,
    neighbours: Neighbours,
    tls: Tls,
    tls_only: bool,
    grpc: GrpcWebService<LimitMessages<Relay>>,
    tally: Tally,
}

impl ProxySite {
    pub fn new(
        gate: Gate,
        neighbours: Neighbours,
        (tls, tls_only): (Tls, bool),
        relay: Relay,
        max_message: usize,
        tally: Tally,
    ) -> Self {
        let grpc = GrpcWebLayer::new().layer(LimitMessages::new(relay, max_message));
        Self(Arc::new(Setup { gate, neighbours, tls, tls_only, grpc, tally }))
    }

    async fn admit(&self, request: Request<Body>) -> Result<Response<Body>, Refusal> {
        let setup = &*self.0;
        setup.neighbours.check_host(&request)?;
        setup.neighbours.check_origin(&request)?;
        if websocket::is_upgrade(request.headers()) {
            return websocket::upgrade(self.clone(), request).await;
        }
        if is_grpc(request.headers()) {
            return self.call(request).await;
        }
        match (request.method(), request.uri().path()) {
            (&Method::GET | &Method::HEAD, "/healthz") => Ok(Response::new(Body::from("ok\n"))),
            (&Method::GET, "/metrics") => {
                setup.gate.check_operator(request.headers())?;
                Ok(exposition(setup.tally.text()))
            }
            (&Method::POST, "/tokens") if setup.gate.mint => {
                let made = mint::token(&setup.gate, request).await?;
                setup.tally.minted();
                Ok(made)
            }
            (_, path) => Err(Refusal::not_found(path)),
        }
    }
}

impl Site for ProxySite {
    fn arrival(&self, stream: &TcpStream) -> Option<Arrival> {
        Some(Arrival { to: stream.local_addr().ok()?, tls: false })
    }

    fn place(&self, _: &str, _: Arrival) -> Option<Place> {
        None
    }

    async fn passthrough(&self, _: &Place) -> io::Result<Option<TcpStream>> {
        Ok(None)
    }

    fn tls_only(&self) -> bool {
        self.0.tls_only
    }

    fn tls_config(&self, name: &str, _: bool) -> io::Result<Arc<ServerConfig>> {
        if !self.0.neighbours.knows(name) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a name that is not this proxy's"));
        }
        self.0.tls.config(name, false)
    }

    async fn answer(&self, request: Request<Body>, _: Arrival) -> Response<Body> {
        let (request, rest) = RestOfBody::of(request);
        let origin = request.headers().get(header::ORIGIN).cloned();
        let mut response = if cors::is_preflight(&request) {
            cors::preflight(request.headers(), Sendable::Any)
        } else {
            let tongue = Tongue::of(request.headers());
            self.admit(request).await.unwrap_or_else(|refusal| {
                self.0.tally.refused();
                refusal.answer(&tongue)
            })
        };
        cors::allow_all(&mut response, origin.as_ref());
        match rest {
            Some(rest) => rest.before_the_end_of(response),
            None => response,
        }
    }
}

impl Calls for ProxySite {
    async fn call(&self, mut request: Request<Body>) -> Result<Response<Body>, Refusal> {
        if request.version() < Version::HTTP_2 && !is_grpc_web(request.headers()) {
            return Err(Refusal::bad_request(
                "native gRPC needs HTTP/2; over HTTP/1.1 send application/grpc-web+proto",
            ));
        }
        let caller = self.0.gate.check(request.uri().path(), request.headers())?;
        request.extensions_mut().insert(caller);
        let asked = request.headers().get(header::CONTENT_TYPE).cloned();
        let other = other_codec(request.headers_mut());
        let Some(other) = other else {
            let Ok(response) = self.0.grpc.clone().oneshot(request).await;
            return Ok(response.map(Body::new));
        };
        request.extensions_mut().insert(OtherCodec(other));
        let Ok(mut response) = self.0.grpc.clone().oneshot(request).await;
        if let Some(asked) = asked {
            response.headers_mut().insert(header::CONTENT_TYPE, asked);
        }
        Ok(response.map(Body::new))
    }
}

/// gRPC-web of another message format than protobuf (`application/grpc-web+json`): the frames are the same. Takes the
/// format out of the content type; gives the upstream's content type.
fn other_codec(headers: &mut HeaderMap) -> Option<HeaderValue> {
    let asked = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let (frames, codec) = asked.strip_prefix(GRPC_WEB)?.split_once('+')?;
    if codec == "proto" {
        return None;
    }
    let upstream = HeaderValue::from_str(&format!("application/grpc+{codec}")).ok()?;
    let frames = HeaderValue::from_str(&format!("{GRPC_WEB}{frames}")).ok()?;
    headers.insert(header::CONTENT_TYPE, frames);
    Some(upstream)
}
