//! The server's port: what a page of somebody else, a rebound name or a program without the token can do.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;

use crate::{
    case::{Case, Outcome, ensure},
    http::{EMPTY, LIST},
    site::Site,
};

const DENIED: &str = "7";
const UNAUTHENTICATED: &str = "16";

/// A call with these headers is refused with that gRPC code.
fn refused(site: Arc<Site>, headers: &'static [&'static str], code: &'static str) -> BoxFuture<'static, Outcome> {
    Box::pin(async move {
        let answer = site.call(headers).await?;
        ensure!(answer.code() == Some(code), "{answer:?}");
        Ok(())
    })
}

const UPGRADE: &[&str] = &[
    "connection: Upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
];

/// A WebSocket with these headers is not opened, or says so at once.
fn no_socket(site: Arc<Site>, headers: &'static [&'static str]) -> BoxFuture<'static, Outcome> {
    Box::pin(async move {
        let mut all = UPGRADE.to_vec();
        all.extend(headers);
        let asked = tokio::time::timeout(Duration::from_secs(60), site.http(&format!("GET {LIST}"), &all, b"")).await;
        let answer = asked.map_err(|_| "the socket was opened".to_owned())??;
        ensure!(answer.status != 101, "{answer:?}");
        Ok(())
    })
}

pub fn cases() -> Vec<Case> {
    vec![
        Case::scene("no_token", "call without a token", |site| refused(site, &[], UNAUTHENTICATED))
            .blocked_by("every call needs the token (UNAUTHENTICATED)"),
        Case::scene("wrong_token", "guess the token", |site| {
            refused(site, &["authorization: Bearer jw_0000000000000000000000000000000000000000000"], UNAUTHENTICATED)
        })
        .blocked_by("256 random bits, compared in constant time"),
        Case::scene("empty_token", "send an empty token, or another scheme", |site| {
            Box::pin(async move {
                for header in [
                    "authorization: Bearer ",
                    "authorization: Basic {token}",
                    "authorization: {token}",
                    "x-wandb-api-key: ",
                ] {
                    let answer = site.call(&[header]).await?;
                    ensure!(answer.code() == Some(UNAUTHENTICATED), "{header}: {answer:?}");
                }
                Ok(())
            })
        })
        .blocked_by("the whole header is compared"),
        Case::scene("token_in_the_address", "send the token in the URL, where logs and referrers keep it", |site| {
            Box::pin(async move {
                let answer = site
                    .http(
                        &format!("POST {LIST}?token={}&authorization=Bearer", site.token),
                        &["content-type: application/grpc-web+proto"],
                        EMPTY,
                    )
                    .await?;
                ensure!(answer.code() == Some(UNAUTHENTICATED), "{answer:?}");
                Ok(())
            })
        })
        .blocked_by("tokens are read from headers only"),
        Case::scene(
            "rebound_name",
            "let a name of its own lead to 127.0.0.1 (DNS rebinding), with the token",
            |site| refused(site, &["host: evil.example", "authorization: Bearer {token}"], DENIED),
        )
        .blocked_by("the Host check"),
        Case::scene("lookalike_name", "the same with names that begin or end like localhost", |site| {
            Box::pin(async move {
                for host in [
                    "localhost.evil.example",
                    "127.0.0.1.evil.example",
                    "evil-localhost",
                    "localhost@evil.example",
                    "evil.example:80",
                ] {
                    let answer = site.call(&[&format!("host: {host}"), "authorization: Bearer {token}"]).await?;
                    ensure!(answer.code() == Some(DENIED) || answer.status == 400, "{host}: {answer:?}");
                }
                Ok(())
            })
        })
        .blocked_by("the Host check, on the whole name"),
        Case::scene("foreign_page", "call from another site's page, with the token", |site| {
            refused(site, &["origin: https://evil.example", "authorization: Bearer {token}"], DENIED)
        })
        .blocked_by("the Origin check"),
        Case::scene("sandboxed_frame", "call from a frame without an origin (Origin: null), with the token", |site| {
            refused(site, &["origin: null", "authorization: Bearer {token}"], DENIED)
        })
        .blocked_by("the Origin check"),
        Case::scene("other_port", "call from a page of another port of this machine, with the token", |site| {
            refused(site, &["origin: http://127.0.0.1:1", "authorization: Bearer {token}"], DENIED)
        })
        .blocked_by("the Origin check: a port is part of an origin"),
        Case::scene("simple_form", "post a form, which browsers send without asking first", |site| {
            Box::pin(async move {
                for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
                    let answer = site
                        .http(
                            &format!("POST {LIST}"),
                            &[&format!("content-type: {kind}"), "origin: https://evil.example"],
                            EMPTY,
                        )
                        .await?;
                    ensure!(answer.status == 403, "{kind}: {answer:?}");
                    let answer = site.http(&format!("POST {LIST}"), &[&format!("content-type: {kind}")], EMPTY).await?;
                    ensure!(answer.status == 404, "{kind}: {answer:?}");
                }
                Ok(())
            })
        })
        .blocked_by("the Origin check; calls are no forms, and need a token in a header"),
        Case::scene("preflight", "be allowed by a preflight", |site| {
            Box::pin(async move {
                let asked = [
                    "origin: https://evil.example",
                    "access-control-request-method: POST",
                    "access-control-request-headers: authorization",
                ];
                site.http(&format!("OPTIONS {LIST}"), &asked, b"").await?;
                let answer = site.call(&["origin: https://evil.example", "authorization: Bearer {token}"]).await?;
                ensure!(answer.code() == Some(DENIED), "{answer:?}");
                ensure!(answer.header("access-control-allow-credentials").is_none(), "{answer:?}");
                Ok(())
            })
        })
        .blocked_by("preflights promise nothing: the call itself is checked; cookies are never allowed across origins"),
        Case::scene("foreign_socket", "open a WebSocket from another site's page", |site| {
            no_socket(site, &["origin: https://evil.example", "authorization: Bearer {token}"])
        })
        .blocked_by("the Origin check, before the upgrade"),
        Case::scene("rebound_socket", "open a WebSocket by a rebound name", |site| {
            no_socket(site, &["host: evil.example", "origin: http://evil.example", "authorization: Bearer {token}"])
        })
        .blocked_by("the Host check, before the upgrade"),
        Case::scene("page_token_for_others", "have the server mint a page token for another site", |site| {
            Box::pin(async move {
                for headers in
                    [&["origin: https://evil.example"][..], &["origin: null"], &["sec-fetch-site: cross-site"], &[]]
                {
                    let answer = site.http("POST /page/token", headers, b"").await?;
                    ensure!(answer.status == 403 && !answer.body.contains("\"token\""), "{headers:?}: {answer:?}");
                }
                Ok(())
            })
        })
        .blocked_by("tokens are minted for the server's own page only"),
        Case::scene("page_token_without_link", "mint a page token without having opened the printed link", |site| {
            Box::pin(async move {
                let answer = site.http("POST /page/token", &["origin: http://{host}"], b"").await?;
                ensure!(answer.status == 401, "{answer:?}");
                let guess = site.http("GET /?code=0000000000000000000000", &[], b"").await?;
                ensure!(guess.status == 403 && guess.header("set-cookie").is_none(), "{guess:?}");
                Ok(())
            })
        })
        .blocked_by("a cookie that only the printed link gives (144 random bits)"),
        Case::scene("stolen_cookie", "use the page's cookie as a token, or a page token as a cookie", |site| {
            Box::pin(async move {
                let path = site.link.split_once(&site.address).map(|(_, path)| path).ok_or("no link")?;
                let entered = site.http(&format!("GET {path}"), &[], b"").await?;
                let cookie =
                    entered.header("set-cookie").and_then(|cookie| cookie.split(';').next()).ok_or("no cookie")?;
                ensure!(
                    entered
                        .header("set-cookie")
                        .is_some_and(|c| c.contains("HttpOnly") && c.contains("SameSite=Strict")),
                    "{entered:?}"
                );
                let (name, value) = cookie.split_once('=').ok_or("no value")?;
                let as_token = site.call(&[&format!("authorization: Bearer {value}")]).await?;
                ensure!(as_token.code() == Some(UNAUTHENTICATED), "{as_token:?}");
                let given = site
                    .http("POST /page/token", &["origin: http://{host}", &format!("cookie: {cookie}")], b"")
                    .await?;
                let given: serde_json::Value =
                    serde_json::from_str(given.body.trim()).map_err(|error| format!("{error}: {given:?}"))?;
                let token = given["token"].as_str().ok_or("no token")?;
                let as_cookie = site
                    .http("POST /page/token", &["origin: http://{host}", &format!("cookie: {name}={token}")], b"")
                    .await?;
                ensure!(as_cookie.status == 401, "{as_cookie:?}");
                let late = token.split('.').map(|part| if part.parse::<u64>().is_ok() { "99999999999" } else { part });
                let late = late.collect::<Vec<_>>().join(".");
                let forged = site.call(&[&format!("authorization: Bearer {late}")]).await?;
                ensure!(forged.code() == Some(UNAUTHENTICATED), "{forged:?}");
                Ok(())
            })
        })
        .blocked_by("each is signed for its one use and its time (HMAC-SHA-256)"),
        Case::scene("framing", "put the page into a frame and have people click", |site| {
            Box::pin(async move {
                let page = site.http("GET /", &[], b"").await?;
                let policy = page.header("content-security-policy").unwrap_or_default();
                ensure!(policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'self'"), "{page:?}");
                ensure!(page.header("x-content-type-options") == Some("nosniff"), "{page:?}");
                Ok(())
            })
        })
        .blocked_by("frame-ancestors 'none', and a policy that runs the page's own scripts only"),
        Case::scene("page_paths", "read files beside the page", |site| {
            Box::pin(async move {
                for path in [
                    "/../Cargo.toml",
                    "/..%2f..%2fetc/passwd",
                    "/%2e%2e/token",
                    "/assets/../../token",
                    "//etc/passwd",
                    "/token",
                ] {
                    let answer = site.http(&format!("GET {path}"), &[], b"").await?;
                    ensure!(answer.status == 404, "{path}: {answer:?}");
                }
                Ok(())
            })
        })
        .blocked_by("the page's files are in the program; no path of the disk is looked at"),
        Case::scene("huge_message", "announce a message of 4 GB", |site| {
            Box::pin(async move {
                let head = [0, 0xff, 0xff, 0xff, 0xff];
                let headers = ["content-type: application/grpc-web+proto", "authorization: Bearer {token}"];
                let answer = site.http(&format!("POST {LIST}"), &headers, &head).await?;
                let said = answer.code() == Some("8") || answer.body.contains("grpc-status:8");
                ensure!(said, "{answer:?}");
                Ok(())
            })
        })
        .blocked_by("100 MiB a message, judged by its head (RESOURCE_EXHAUSTED)"),
        Case::scene("garbage", "send what is no message", |site| {
            Box::pin(async move {
                let headers = ["content-type: application/grpc-web+proto", "authorization: Bearer {token}"];
                for body in [&b"\0\0\0\0\x03\xff\xff\xff"[..], b"\x01\0\0\0\0", b"x", b"\0\0\0"] {
                    let answer = site.http(&format!("POST {LIST}"), &headers, body).await?;
                    ensure!(
                        answer.code() != Some("0") && !answer.body.contains("grpc-status:0"),
                        "{body:?}: {answer:?}"
                    );
                }
                ensure!(site.http("GET /healthz", &[], b"").await?.status == 200, "the server is gone");
                Ok(())
            })
        })
        .blocked_by("a typed error; the server goes on"),
        Case::scene("two_lengths", "smuggle a second request behind the first", |site| {
            Box::pin(async move {
                let body = b"0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
                let headers = ["transfer-encoding: chunked", "content-type: application/grpc-web+proto"];
                let answer = site.http(&format!("POST {LIST}"), &headers, body).await?;
                ensure!(answer.status == 400 || !answer.body.contains("HTTP/1.1 200"), "{answer:?}");
                Ok(())
            })
        })
        .blocked_by("one reading of where a request ends, and the connection ends with a doubtful one"),
    ]
}
