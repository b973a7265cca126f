//! `jetway proxy` before a real server, and before one that nobody here knows.

mod calls;
mod foreign;
mod limits;
mod scopes;
mod tokens;

use jetway_server::{Credentials, Proxy, ProxyConfig};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};

use crate::harness::{Answer, Running, http};

pub struct Proxied {
    pub address: String,
    pub secret: String,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
    _dir: TempDir,
}

/// A proxy before whatever is at `upstream`.
pub async fn proxy(upstream: &str, change: impl FnOnce(&mut ProxyConfig)) -> Proxied {
    let dir = tempfile::tempdir().unwrap();
    let mut config = ProxyConfig::new(upstream, dir.path());
    change(&mut config);
    let proxy = Proxy::bind(config).await.unwrap();
    let address = proxy.local_addr().to_string();
    let secret = std::fs::read_to_string(proxy.operator_secret_file()).unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(proxy.serve(async {
        let _ = stopped.await;
    }));
    Proxied { address, secret, stop, served, _dir: dir }
}

/// A proxy that has the server's own token and makes tokens.
pub async fn with_account(server: &Running) -> Proxied {
    let key = server.token.clone();
    proxy(&format!("http://{}", server.address), |config| {
        config.credentials = Credentials::Bearer(key);
        config.mint_tokens = true;
    })
    .await
}

impl Proxied {
    pub async fn stop(self) {
        self.stop.send(()).unwrap();
        self.served.await.unwrap();
    }

    /// What the mint says to the operator.
    pub async fn mint(&self, wanted: &Value) -> Answer {
        let head = format!("POST /tokens HTTP/1.1\r\nhost: {{host}}\r\nauthorization: Bearer {}", self.secret);
        http(&self.address, &head, wanted.to_string().as_bytes()).await
    }

    pub async fn token(&self, wanted: Value) -> String {
        let answer = self.mint(&wanted).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let said: Value = serde_json::from_slice(&answer.body).unwrap();
        said["token"].as_str().unwrap().to_owned()
    }

    pub async fn token_for_everything(&self) -> String {
        self.token(json!({ "everything": true })).await
    }

    /// A call over gRPC-web: its status and reason, and what came back of messages.
    pub async fn call(&self, path: &str, token: &str, message: &[u8]) -> Said {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {{host}}\r\ncontent-type: application/grpc-web+proto\r\n\
             authorization: Bearer {token}"
        );
        Said::of(&http(&self.address, &head, &framed(message)).await)
    }
}

pub fn framed(message: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend_from_slice(&(message.len() as u32).to_be_bytes());
    bytes.extend_from_slice(message);
    bytes
}

/// What a gRPC-web answer says.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub message: String,
    pub messages: Vec<Vec<u8>>,
    pub trailers: String,
}

impl Said {
    pub fn of(answer: &Answer) -> Self {
        let (mut messages, mut trailers) = (Vec::new(), String::new());
        let mut rest = &answer.body[..];
        while !rest.is_empty() {
            let length = u32::from_be_bytes(rest[1..5].try_into().unwrap()) as usize;
            match rest[0] {
                0 => messages.push(rest[5..5 + length].to_vec()),
                _ => trailers = String::from_utf8(rest[5..5 + length].to_vec()).unwrap(),
            }
            rest = &rest[5 + length..];
        }
        let line = |name: &str| {
            let pairs = trailers.lines().filter_map(|line| line.split_once(':'));
            let found = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.trim().to_owned()).next();
            found.or_else(|| answer.header(name).map(str::to_owned))
        };
        let code = line("grpc-status").map_or(-1, |code| code.parse().unwrap());
        let message = line("grpc-message").unwrap_or_default();
        Self { code, message, messages, trailers }
    }
}
