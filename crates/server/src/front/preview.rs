//! Services of sandboxes, at addresses of their own: which one a request is for, and who may reach it.
//!
//! What answers there is somebody else's program, and a page of it somebody else's page. So a service has another host
//! than the server itself, where the server's cookies do not go and from where its Origin check lets nobody call; and no
//! request to such a host is ever taken for one to the server.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, header};
use tokio::net::TcpStream;

use super::{
    Front, Setup,
    access::{Use, same},
    caller::{authority, host_name},
    refusal::{Refusal, Tongue},
    relay,
};
use crate::{
    identity,
    runtime::{Instance, RuntimeError, SERVICE_ADDRESSES, ServicePlan, ServiceReach},
    service::ServiceHosts,
    supervisor::{Sandbox, Supervisor},
};

/// How long the pages of a service stay open to a browser that showed its share token.
const COOKIE_LIFE: Duration = Duration::from_secs(24 * 3600);
const COOKIE: &str = "jetway_service";
const SHARE_HEADER: &str = "x-sandbox-share-token";
const SHARE_QUERY: &str = "share_token";

/// How a connection came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    /// The address of this machine that it came to.
    pub to: SocketAddr,
    /// Whether it is encrypted.
    pub tls: bool,
}

/// Where a request wants to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A service, by its sandbox and port.
    Service(String, u16),
    /// The address or name is one that services have, and none has it now.
    Nowhere,
}

/// Finds services.
pub(crate) struct Previews {
    supervisor: Supervisor,
    hosts: ServiceHosts,
    own: IpAddr,
}

impl Previews {
    /// Of these sandboxes, on a server that listens on `own`.
    pub fn new(supervisor: Supervisor, hosts: ServiceHosts, own: IpAddr) -> Self {
        Self { supervisor, hosts, own }
    }

    /// `None` for a connection to an address that is neither the server's nor a service's.
    pub(super) fn arrival(&self, to: SocketAddr) -> Option<Arrival> {
        let arrival = Arrival { to: SocketAddr::new(to.ip().to_canonical(), to.port()), tls: false };
        let known = self.own.is_unspecified() || arrival.to.ip() == self.own || is_service_address(arrival.to.ip());
        known.then_some(arrival)
    }

    /// Whether callers in the clear are turned away.
    pub(super) fn tls_only(&self) -> bool {
        self.hosts.tls
    }

    /// Where a request goes, if not to the server itself.
    pub(super) fn place_of<B>(&self, request: &Request<B>, arrival: Arrival) -> Option<Place> {
        let name = authority(request).map(|authority| host_name(authority).to_ascii_lowercase()).unwrap_or_default();
        self.place(&name, arrival)
    }

    /// Where somebody goes who names `name`, lower case.
    pub(super) fn place(&self, name: &str, arrival: Arrival) -> Option<Place> {
        let by_address = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => self.supervisor.at(ip).map(|(sandbox, port)| (sandbox.draft.id.clone(), port)),
            IpAddr::V6(_) => None,
        };
        let found = if is_service_address(arrival.to.ip()) {
            // Another name that leads here is somebody's attempt to have his page's origin answered for.
            by_address(arrival.to.ip()).filter(|(id, port)| {
                name.parse() == Ok(arrival.to.ip()) || self.named(name) == Some((id.clone(), *port))
            })
        } else if let Ok(ip) = name.parse::<IpAddr>() {
            if !is_service_address(ip) {
                return None;
            }
            by_address(ip)
        } else if self.is_below_domain(name) {
            self.named(name)
        } else {
            return None;
        };
        Some(found.map_or(Place::Nowhere, |(id, port)| Place::Service(id, port)))
    }

    fn is_below_domain(&self, name: &str) -> bool {
        [self.hosts.domain.as_str(), "localhost"]
            .iter()
            .any(|domain| name.strip_suffix(domain).is_some_and(|label| label.ends_with('.')))
    }

    /// `{port}-{sandbox}.{domain}`.
    pub(super) fn named(&self, name: &str) -> Option<(String, u16)> {
        let (label, domain) = name.split_once('.')?;
        let (port, id) = label.split_once('-')?;
        let port = port.parse().ok().filter(|_| port.bytes().all(|byte| byte.is_ascii_digit()))?;
        (domain == self.hosts.domain || domain == "localhost").then(|| (id.to_owned(), port))
    }

    /// The service at a place.
    pub(super) fn service(&self, id: &str, port: u16) -> Option<(Arc<Sandbox>, ServicePlan)> {
        let sandbox = self.supervisor.get(id)?;
        let service = sandbox.draft.plan.network.services.iter().find(|service| service.port == port)?.clone();
        Some((sandbox, service))
    }
}

fn is_service_address(ip: IpAddr) -> bool {
    matches!(ip.to_canonical(), IpAddr::V4(ip) if SERVICE_ADDRESSES.contains(&ip))
}

/// Answers with what the service answers, or with why it does not.
pub(super) async fn answer(setup: &Setup, place: Place, request: Request<Body>, arrival: Arrival) -> Response<Body> {
    // In plain HTTP whatever the caller speaks: it does not talk to a service of ours.
    reach(setup, place, request, arrival).await.unwrap_or_else(|refusal| refusal.answer(&Tongue::Http))
}

/// A connection into the sandbox, for a service whose TLS ends there; `None` for one whose TLS ends here.
pub(super) async fn passthrough(front: &Front, place: &Place) -> io::Result<Option<TcpStream>> {
    let Place::Service(id, port) = place else { return Ok(None) };
    let Some((sandbox, service)) = front.0.previews.service(id, *port) else { return Ok(None) };
    if service.reach != ServiceReach::TlsPassthrough {
        return Ok(None);
    }
    let instance = running(&sandbox).await.map_err(|refusal| io::Error::other(format!("{refusal:?}")))?;
    instance.dial(*port).await.map(Some).map_err(io::Error::other)
}

async fn reach(
    setup: &Setup,
    place: Place,
    mut request: Request<Body>,
    arrival: Arrival,
) -> Result<Response<Body>, Refusal> {
    let Place::Service(id, port) = place else {
        return Err(Refusal::no_service("no sandbox has a service at this address; it may have ended"));
    };
    let (sandbox, service) = setup.previews.service(&id, port).ok_or_else(|| {
        Refusal::no_service(format!("no sandbox {id} declares port {port} as a public or private service"))
    })?;
    match service.reach {
        ServiceReach::Http => {}
        ServiceReach::Https if arrival.tls => {}
        ServiceReach::Https => return redirect(&request),
        ServiceReach::TlsPassthrough => {
            let text = format!("port {port} of this sandbox speaks TLS of its own; connect to it with TLS");
            return Err(Refusal::bad_request(text));
        }
    }
    if service.private {
        let caller = setup.access.caller(request.headers()).map_err(Refusal::from)?;
        if !caller.reaches(&sandbox.holder().user, &id, &sandbox.draft.tags) {
            return Err(Refusal::no_service(format!("no sandbox {id} of yours has a service at this address")));
        }
    }
    let cookie = admit(setup, &id, &service, &mut request)?;
    let instance = running(&sandbox).await?;
    let stream = instance.dial(port).await.map_err(|error| not_answering(&error, port))?;
    let within = Duration::from_secs(service.timeout_seconds.into());
    let mut response = relay::exchange(stream, request, arrival, within).await?;
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Lets a caller in who may come, and takes out of the request what it had to show. Gives a cookie to set.
fn admit(
    setup: &Setup,
    id: &str,
    service: &ServicePlan,
    request: &mut Request<Body>,
) -> Result<Option<HeaderValue>, Refusal> {
    if service.private {
        // Never the sandbox's to know.
        request.headers_mut().remove(header::AUTHORIZATION);
        request.headers_mut().remove("x-wandb-api-key");
    }
    let shown = take_cookie(request.headers_mut());
    let by_header = request.headers_mut().remove(SHARE_HEADER);
    let by_query = take_query(request.uri_mut());
    if !service.share_token {
        return Ok(None);
    }
    let token = identity::share_token(&setup.previews.hosts.key, id);
    let good = |given: &str| same(given, &token);
    let scope = format!("{}-{id}", service.port);
    if by_header.as_ref().and_then(|value| value.to_str().ok()).is_some_and(good) {
        return Ok(None);
    }
    if by_query.as_deref().is_some_and(good) {
        // What the page loads next comes without the query.
        let value = setup.access.sign_for(Use::Service, &scope, COOKIE_LIFE);
        let seconds = COOKIE_LIFE.as_secs();
        let cookie = format!("{COOKIE}={value}; HttpOnly; SameSite=Lax; Path=/; Max-Age={seconds}");
        return Ok(HeaderValue::from_str(&cookie).ok());
    }
    if shown.is_some_and(|cookie| setup.access.verify_for(Use::Service, &scope, &cookie)) {
        return Ok(None);
    }
    let text = format!("this service needs its sandbox's share token: send it as {SHARE_HEADER} or as ?{SHARE_QUERY}=");
    Err(Refusal::unauthenticated(text))
}

/// Our own cookies: read, and kept from the sandbox.
fn take_cookie(headers: &mut HeaderMap) -> Option<String> {
    let mut shown = None;
    let lines: Vec<_> = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok()).collect();
    let mut kept = Vec::new();
    for pair in lines.iter().flat_map(|line| line.split(';')).map(str::trim) {
        match pair.split_once('=') {
            Some((COOKIE, value)) => shown = Some(value.to_owned()),
            Some((name, _)) if name.starts_with("jetway_page_") => {}
            _ if pair.is_empty() => {}
            _ => kept.push(pair),
        }
    }
    let kept = HeaderValue::from_str(&kept.join("; ")).ok().filter(|kept| !kept.is_empty());
    match kept {
        Some(kept) => drop(headers.insert(header::COOKIE, kept)),
        None => drop(headers.remove(header::COOKIE)),
    }
    shown
}

/// The share token in the query, taken out of it.
fn take_query(uri: &mut Uri) -> Option<String> {
    let query = uri.query()?;
    let is_token = |pair: &&str| pair.split_once('=').is_some_and(|(name, _)| name == SHARE_QUERY);
    let token = query.split('&').find(is_token)?.split_once('=')?.1.to_owned();
    let rest: Vec<_> = query.split('&').filter(|pair| !is_token(pair)).collect();
    let path = if rest.is_empty() { uri.path().to_owned() } else { format!("{}?{}", uri.path(), rest.join("&")) };
    let mut parts = std::mem::take(uri).into_parts();
    parts.path_and_query = path.parse().ok();
    *uri = Uri::from_parts(parts).unwrap_or_default();
    Some(token)
}

async fn running(sandbox: &Sandbox) -> Result<Arc<dyn Instance>, Refusal> {
    const PATIENCE: Duration = Duration::from_secs(15);
    match tokio::time::timeout(PATIENCE, sandbox.ready()).await {
        Ok(Ok(instance)) => Ok(instance),
        Ok(Err(state)) => {
            let text = format!("sandbox {} is {}; it serves nothing any more", sandbox.draft.id, state.state.name());
            Err(Refusal::gateway(StatusCode::SERVICE_UNAVAILABLE, text))
        }
        Err(_) => {
            let text = format!("sandbox {} is still starting; try again", sandbox.draft.id);
            Err(Refusal::gateway(StatusCode::SERVICE_UNAVAILABLE, text))
        }
    }
}

fn not_answering(error: &RuntimeError, port: u16) -> Refusal {
    let text = match error {
        RuntimeError::Io { source, .. } if source.kind() == io::ErrorKind::ConnectionRefused => {
            format!("nothing listens on port {port} of this sandbox yet; start its program, then try again")
        }
        error => error.to_string(),
    };
    Refusal::gateway(StatusCode::BAD_GATEWAY, text)
}

/// To the same place, encrypted.
fn redirect(request: &Request<Body>) -> Result<Response<Body>, Refusal> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let to = format!("https://{}{path}", authority(request).unwrap_or_default());
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    let to = HeaderValue::from_str(&to).map_err(|_| Refusal::bad_request("the request's address is unusual"))?;
    response.headers_mut().insert(header::LOCATION, to);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_leaves_the_query_and_the_rest_stays() {
        for (before, token, after) in [
            ("/a?share_token=t", Some("t"), "/a"),
            ("/a?x=1&share_token=t&y=2", Some("t"), "/a?x=1&y=2"),
            ("/a?x=share_token", None, "/a?x=share_token"),
            ("/a", None, "/a"),
        ] {
            let mut uri = before.parse().unwrap();
            assert_eq!(take_query(&mut uri).as_deref(), token, "{before}");
            assert_eq!(uri.to_string(), after);
        }
    }

    #[test]
    fn our_cookies_stay_with_us() {
        let cookies = HeaderValue::from_static("a=1; jetway_service=s; jetway_page_7070=p; b=2");
        let mut headers = HeaderMap::from_iter([(header::COOKIE, cookies)]);
        assert_eq!(take_cookie(&mut headers).as_deref(), Some("s"));
        assert_eq!(headers[header::COOKIE], "a=1; b=2");
        let mut headers = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static("jetway_service=s"))]);
        take_cookie(&mut headers);
        assert!(!headers.contains_key(header::COOKIE));
    }
}
