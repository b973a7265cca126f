//! How calls are made: what sees them, and how often they are repeated.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::BoxFuture;
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use jetway::{
    Client, ClientConfig, Credentials, Error, ErrorKind, Sandbox,
    config::{Aftermath, CallInfo, Interceptor, RetryPolicy},
};
use tokio::net::TcpListener;

use crate::support::{Site, TOKEN, field};

type Seen = Arc<Mutex<Vec<String>>>;

/// Writes down what it sees, and refuses calls if it is told to.
struct Watching {
    name: &'static str,
    seen: Seen,
    refuses: bool,
}

impl Interceptor for Watching {
    fn intercept<'a>(
        &'a self,
        call: &'a CallInfo,
        headers: &'a mut HeaderMap,
    ) -> BoxFuture<'a, Result<Option<Aftermath>, Error>> {
        Box::pin(async move {
            headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer nonsense"));
            let (name, seen) = (self.name, Arc::clone(&self.seen));
            seen.lock().unwrap().push(format!("{name} {} {}", call.operation, call.attempt));
            if self.refuses {
                return Err(Error::new(ErrorKind::Configuration, "not today"));
            }
            let aftermath: Aftermath = Box::new(move |failure| {
                seen.lock().unwrap().push(format!("{name} {}", failure.map_or("well", Error::code)));
            });
            Ok(Some(aftermath))
        })
    }
}

fn watched(url: &str, seen: &Seen, names: &[(&'static str, bool)], retry: RetryPolicy) -> Client {
    let config = ClientConfig::new(url).credentials(Credentials::bearer(TOKEN)).retry(retry);
    let add = |config: ClientConfig, (name, refuses): &(&'static str, bool)| {
        config.interceptor(Watching { name, seen: Arc::clone(seen), refuses: *refuses })
    };
    Client::new(names.iter().fold(config, add)).unwrap()
}

fn take(seen: &Seen) -> Vec<String> {
    std::mem::take(&mut seen.lock().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn interceptors_see_every_call_add_headers_and_are_told_how_it_went() {
    let (site, seen) = (Site::open().await, Seen::default());
    let client = watched(&site.url, &seen, &[("first", false), ("second", false)], RetryPolicy::default());
    assert!(Sandbox::list(&client, Default::default()).all().await.unwrap().is_empty());
    assert_eq!(take(&seen), ["first ListSandboxes 1", "second ListSandboxes 1", "second well", "first well"]);
    let error = Sandbox::from_id(&client, "sb-none").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SandboxNotFound, "the credentials win over what an interceptor adds");
    assert_eq!(take(&seen)[2..], ["second not_found", "first not_found"]);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interceptor_that_refuses_a_call_is_heard_by_the_others() {
    let (site, seen) = (Site::open().await, Seen::default());
    let client = watched(&site.url, &seen, &[("first", false), ("second", true)], RetryPolicy::default());
    let error = Sandbox::from_id(&client, "sb-none").await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Configuration, Some("GetSandbox")));
    assert_eq!(take(&seen).last().map(String::as_str), Some("first configuration_error"));
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_under_way_and_then_given_up_is_told_as_cancelled() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let seen = Seen::default();
    let client = watched(&url, &seen, &[("only", false)], RetryPolicy::default());
    let call = tokio::spawn(async move { Sandbox::from_id(&client, "any").await });
    let begun = async {
        while seen.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        call.abort();
        call.await.unwrap_err();
        while seen.lock().unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), begun).await.unwrap();
    assert_eq!(take(&seen), ["only GetSandbox 1", "only cancelled"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_may_be_repeated_is_as_often_as_it_is_allowed_to() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let attempts = async |retry| {
        let seen = Seen::default();
        let client = watched(&url, &seen, &[("only", false)], retry);
        let error = Sandbox::from_id(&client, "any").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network);
        take(&seen).iter().filter(|line| line.contains("GetSandbox")).count()
    };
    assert_eq!(attempts(RetryPolicy::default()).await, 4);
    assert_eq!(attempts(RetryPolicy::none()).await, 1);
    let quick = Duration::from_millis(1);
    assert_eq!(attempts(RetryPolicy::default().attempts(2).delays(quick, quick)).await, 2);
    let refused = Client::new(ClientConfig::new(&url).retry(RetryPolicy::default().attempts(0))).unwrap_err();
    assert_eq!(field(&refused), "retry.attempts");
}
