//! The page: static files built into the program, and the ceremony by which it gets credentials. The link that
//! `jetway serve` prints carries a code; the code buys a cookie, the cookie buys short-lived tokens.

use axum::body::Body;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use rust_embed::RustEmbed;
use serde_json::json;

use super::{
    PAGE_TOKEN_LIFE, Setup,
    access::Use,
    caller::is_own_page,
    refusal::{Refusal, json},
};

const COOKIE_LIFE: std::time::Duration = std::time::Duration::from_secs(7 * 24 * 3600);
const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' ws: wss:; worker-src 'self' blob:; \
    object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const NOT_BUILT: &str = "<!doctype html><meta charset=utf-8><title>Jetway</title><p>This server runs, and its page was \
    not built into it. Build the page (<code>cargo xtask demo</code> does), then build the server again.";

#[derive(RustEmbed)]
#[folder = "../../www/dist"]
#[allow_missing = true]
struct Files;

/// What the page learns about its server.
#[derive(Debug, Clone, Default)]
pub(crate) struct PageInfo {
    /// Images that start without any download, the best default first.
    pub images: Vec<String>,
    /// Tells this server's cookie from those of others on the same host: cookies do not know ports.
    pub port: u16,
    /// Below which name the services of sandboxes are served: the page may show them in frames.
    pub service_domain: String,
}

impl PageInfo {
    fn cookie(&self) -> String {
        format!("jetway_page_{}", self.port)
    }

    /// What the page may load, and from where: all of it from here, but for the frames that show services.
    fn policy(&self) -> String {
        let (domain, port) = (&self.service_domain, self.port);
        format!("{POLICY}; frame-src 'self' http://*.{domain}:{port} https://*.{domain}:{port}")
    }
}

/// A file of the page, or the exchange of the printed link's code for a cookie.
pub(super) fn get(setup: &Setup, request: &Request<Body>) -> Result<Response<Body>, Refusal> {
    let path = request.uri().path().trim_start_matches('/');
    if path.is_empty()
        && let Some(code) = query_value(request, "code")
    {
        return admit(setup, request, code);
    }
    let name = if path.is_empty() { "index.html" } else { path };
    let accepted = request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let brotli = accepted.is_some_and(|list| list.split(',').any(|coding| coding.trim() == "br"));
    // The page's build leaves a smaller copy beside each file that has one.
    let packed = if brotli { Files::get(&format!("{name}.br")) } else { None };
    let is_packed = packed.is_some();
    let Some(file) = packed.or_else(|| Files::get(name)) else {
        return if name == "index.html" {
            Ok(html(setup, NOT_BUILT))
        } else {
            Err(Refusal::not_found(request.uri().path()))
        };
    };
    let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(&file.metadata.sha256_hash()[..12]));
    let unchanged = request.headers().get(header::IF_NONE_MATCH).is_some_and(|known| known == tag.as_str());
    let mut response = Response::new(Body::from(if unchanged { Default::default() } else { file.data }));
    if unchanged {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    // Files whose name carries their content's hash never change.
    let cache = if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(name)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if is_packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    secure(setup, headers);
    Ok(response)
}

/// A short-lived token for a page that was opened by the printed link.
pub(super) fn token(setup: &Setup, request: &Request<Body>) -> Result<Response<Body>, Refusal> {
    if !is_own_page(request) {
        return Err(Refusal::forbidden("CWSANDBOX_ORIGIN_NOT_ALLOWED", "only this server's own page gets tokens here"));
    }
    if !setup.access.is_open() && !was_admitted(setup, request) {
        return Err(Refusal::unauthenticated("open the link that `jetway serve` printed; it lets this page in"));
    }
    let PageInfo { images, .. } = &setup.page;
    Ok(json(
        StatusCode::OK,
        &json!({
            "token": setup.access.sign(Use::Call, PAGE_TOKEN_LIFE),
            "expiresInMs": PAGE_TOKEN_LIFE.as_millis() as u64,
            "defaultImage": images.first(),
            "images": images,
            "version": env!("CARGO_PKG_VERSION"),
        }),
    ))
}

fn admit(setup: &Setup, request: &Request<Body>, code: &str) -> Result<Response<Body>, Refusal> {
    // A browser that was let in before may come by an old link: a bookmark, a reload after a restart.
    if !setup.access.is_launch_code(code) && !was_admitted(setup, request) {
        let text = "this link is not of this run of the server; open the one that `jetway serve` printed last";
        return Err(Refusal::forbidden("CWSANDBOX_LAUNCH_CODE_WRONG", text));
    }
    let value = setup.access.sign(Use::Page, COOKIE_LIFE);
    let cookie = format!(
        "{}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={}",
        setup.page.cookie(),
        COOKIE_LIFE.as_secs()
    );
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, HeaderValue::from_static("/"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    secure(setup, headers);
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        headers.insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

fn was_admitted(setup: &Setup, request: &Request<Body>) -> bool {
    cookie(request.headers(), &setup.page.cookie()).is_some_and(|cookie| setup.access.verify(Use::Page, cookie))
}

fn html(setup: &Setup, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    secure(setup, response.headers_mut());
    response
}

fn secure(setup: &Setup, headers: &mut HeaderMap) {
    if let Ok(policy) = HeaderValue::from_str(&setup.page.policy()) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

fn query_value<'a>(request: &'a Request<Body>, name: &str) -> Option<&'a str> {
    let pairs = request.uri().query()?.split('&');
    pairs.filter_map(|pair| pair.split_once('=')).find_map(|(key, value)| (key == name).then_some(value))
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find_map(|(key, value)| (key == name).then_some(value))
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
