//! One port for everything: native gRPC, gRPC-web, WebSocket, the page. From the outside in: CORS on every answer, then
//! Host, Origin, credentials, and only then a route.

pub(crate) mod access;
pub(crate) mod caller;
pub(crate) mod cors;
pub(crate) mod limit;
pub(crate) mod listener;
mod page;
mod port;
pub(crate) mod preview;
pub(crate) mod refusal;
mod relay;
mod rest;
pub(crate) mod rest_of_body;
pub(crate) mod tls;
mod traced;
pub(crate) mod websocket;

use std::{io, sync::Arc, time::Duration};

use axum::body::Body;
use http::{HeaderMap, Method, Request, Response, Version, header};
use tokio::net::TcpStream;
use tokio_rustls::rustls::ServerConfig;
use tonic::service::Routes;
use tonic_web::{GrpcWebLayer, GrpcWebService};
use tower::{Layer, ServiceExt};

pub(crate) use access::Access;
pub(crate) use caller::Neighbours;
pub(crate) use listener::{Site, listen};
pub(crate) use page::PageInfo;
pub(crate) use port::Port;
pub(crate) use preview::Previews;
pub(crate) use rest::RateLimit;
pub(crate) use tls::Tls;

use crate::service::{Api, MAX_MESSAGE};
use cors::Sendable;
use limit::LimitMessages;
use preview::{Arrival, Place};
use refusal::{Refusal, Tongue};
use rest_of_body::RestOfBody;
use traced::Traced;
use websocket::Calls;

/// How long a credential for a page lasts.
const PAGE_TOKEN_LIFE: Duration = Duration::from_secs(3600);

/// Answers requests. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Front(Arc<Setup>);

struct Setup {
    access: Access,
    neighbours: Neighbours,
    page: PageInfo,
    previews: Previews,
    tls: Tls,
    api: Api,
    rate: RateLimit,
    grpc: GrpcWebService<LimitMessages<Traced<Routes>>>,
}

impl Front {
    /// A front before these services.
    pub fn new(
        access: Access,
        neighbours: Neighbours,
        page: PageInfo,
        previews: Previews,
        tls: Tls,
        api: Api,
        rate: RateLimit,
    ) -> Self {
        let grpc = GrpcWebLayer::new().layer(LimitMessages::new(Traced::new(api.routes()), MAX_MESSAGE));
        Self(Arc::new(Setup { access, neighbours, page, previews, tls, api, rate, grpc }))
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
        if rest::has(request.uri().path()) {
            return Ok(rest::answer(setup, request).await);
        }
        match (request.method(), request.uri().path()) {
            (&Method::GET | &Method::HEAD, "/healthz") => Ok(Response::new(Body::from("ok\n"))),
            (&Method::GET, "/metrics") => {
                setup.access.check("/metrics", request.headers())?;
                Ok(refusal::exposition(setup.api.metrics()))
            }
            (&Method::POST, "/page/token") => page::token(setup, &request),
            (&Method::GET | &Method::HEAD, _) => page::get(setup, &request),
            _ => Err(Refusal::not_found(request.uri().path())),
        }
    }
}

impl Site for Front {
    fn arrival(&self, stream: &TcpStream) -> Option<Arrival> {
        self.0.previews.arrival(stream.local_addr().ok()?)
    }

    fn place(&self, name: &str, arrival: Arrival) -> Option<Place> {
        self.0.previews.place(name, arrival)
    }

    fn tls_only(&self) -> bool {
        self.0.previews.tls_only()
    }

    fn tls_config(&self, name: &str, service: bool) -> io::Result<Arc<ServerConfig>> {
        if !service && !self.0.neighbours.knows(name) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a name that is not this server's"));
        }
        self.0.tls.config(name, service)
    }

    async fn passthrough(&self, place: &Place) -> io::Result<Option<TcpStream>> {
        preview::passthrough(self, place).await
    }

    async fn answer(&self, request: Request<Body>, arrival: Arrival) -> Response<Body> {
        // Somebody else's program answers there: none of what follows is for its pages.
        if let Some(place) = self.0.previews.place_of(&request, arrival) {
            return preview::answer(&self.0, place, request, arrival).await;
        }
        let (request, rest) = RestOfBody::of(request);
        let origin = request.headers().get(header::ORIGIN).cloned();
        let mut response = if cors::is_preflight(&request) {
            cors::preflight(request.headers(), Sendable::Known)
        } else {
            let tongue = Tongue::of(request.headers());
            self.admit(request).await.unwrap_or_else(|refusal| refusal.answer(&tongue))
        };
        cors::allow(&mut response, origin.as_ref());
        match rest {
            Some(rest) => rest.before_the_end_of(response),
            None => response,
        }
    }
}

impl Calls for Front {
    // Passes it on once its credentials are good.
    async fn call(&self, mut request: Request<Body>) -> Result<Response<Body>, Refusal> {
        if request.version() < Version::HTTP_2 && !is_grpc_web(request.headers()) {
            return Err(Refusal::bad_request(
                "native gRPC needs HTTP/2; over HTTP/1.1 send application/grpc-web+proto",
            ));
        }
        let caller = self.0.access.check(request.uri().path(), request.headers())?;
        request.extensions_mut().insert(caller);
        let Ok(response) = self.0.grpc.clone().oneshot(request).await;
        Ok(response.map(Body::new))
    }
}

pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    content_type_begins(headers, b"application/grpc")
}

pub(crate) fn is_grpc_web(headers: &HeaderMap) -> bool {
    content_type_begins(headers, b"application/grpc-web")
}

fn content_type_begins(headers: &HeaderMap, with: &[u8]) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|content_type| content_type.as_bytes().starts_with(with))
}
