//! `jetway proxy`: gRPC-web and grpc-websockets in, HTTP/2 gRPC out, before any gRPC server. It works on frames: what
//! messages mean it knows only where a token's scope depends on it.
//!
//! ```text
//! mod        puts it together; what tests and the command line start
//! site       answers requests: CORS, Host, Origin, credentials, and then a route
//! mint       the operator's route for tokens
//! relay      one call: checks its scope, sends it on, watches over its answer
//! scope      which sandboxes a call touches        message   the messages of a call, one by one
//! headers    what passes and what stays            answer    an answer with its end, whatever happens upstream
//! upstream   connections, trust whom                tally     figures
//! ```

mod answer;
mod config;
mod headers;
mod message;
mod mint;
mod relay;
mod scope;
mod site;
mod tally;
mod trust;
mod upstream;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use tokio::net::TcpListener;

use crate::{
    front::{self, Neighbours, Tls},
    identity::{create_private_dir, keep, random_text},
    server::{BindError, shown_url},
    tokens::Signer,
};
pub use config::{Credentials, ProxyConfig};
use relay::Relay;
use site::{Gate, ProxySite};
use tally::Tally;
use upstream::Upstream;

/// A proxy that has its port, and does not answer yet. Nothing is connected before the first call.
pub struct Proxy {
    listener: TcpListener,
    address: SocketAddr,
    tls_only: bool,
    ca: PathBuf,
    operator_secret: PathBuf,
    site: ProxySite,
}

/// The file in the data directory that holds the operator's secret.
const OPERATOR_SECRET: &str = "operator-secret";

impl Proxy {
    /// Takes the port, reads keys and certificates.
    ///
    /// # Errors
    /// [`BindError`], each with what to do about it.
    pub async fn bind(config: ProxyConfig) -> Result<Self, BindError> {
        let own_account = config.credentials != Credentials::Forward;
        if own_account && !config.mint_tokens && !config.open {
            let text = "the proxy has an account's key, and nobody could get a token to use it: let the operator make \
                        tokens (--mint-tokens), or let everybody in who reaches the port (--no-auth)";
            return Err(BindError::State(text.to_owned()));
        }
        if !own_account && config.mint_tokens {
            let text = "tokens are for callers who use the proxy's account, and it has none: give it a key \
                        (--upstream-key-file), or leave --mint-tokens out and callers' own credentials pass through";
            return Err(BindError::State(text.to_owned()));
        }
        let data_dir = &config.data_dir;
        let unusable = |source| BindError::DataDir { path: config.data_dir.clone(), source };
        create_private_dir(data_dir).map_err(unusable)?;
        let secret_file = data_dir.join(OPERATOR_SECRET);
        let operator = match &config.operator_secret {
            Some(secret) => secret.clone(),
            None => keep(&secret_file, || Ok(format!("jo_{}", random_text(32)?))).map_err(unusable)?,
        };
        let key = keep(&data_dir.join("token.key"), || random_text(32)).map_err(unusable)?;

        let tally = Tally::default();
        let upstream = Upstream::new(&config, tally.clone()).map_err(BindError::State)?;
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(|source| BindError::Listen { address: config.listen, source })?;
        let address = listener.local_addr().map_err(|source| BindError::Listen { address: config.listen, source })?;
        let mut names = vec!["localhost".to_owned()];
        names.extend(config.allow_hosts.iter().map(|host| host.to_ascii_lowercase()));
        let tls = Tls::new(data_dir, &names, config.tls_files.as_ref()).map_err(BindError::Tls)?;
        let ca = tls.certificate().to_owned();
        let gate = Gate {
            operator,
            signer: Signer::new(key.as_bytes()),
            tokens: own_account && !config.open,
            mint: config.mint_tokens,
            longest_life: config.longest_token_life,
        };
        let neighbours = Neighbours { hosts: config.allow_hosts.clone(), origins: config.allow_origins.clone() };
        let tls_only = config.tls_only;
        let relay = Relay::new(upstream, &config, tally.clone()).map_err(BindError::State)?;
        let site = ProxySite::new(gate, neighbours, (tls, tls_only), relay, config.max_message, tally);
        Ok(Self { listener, address, tls_only, ca, operator_secret: secret_file, site })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// What to give to clients. A proxy that listens everywhere is shown by its loopback name.
    pub fn url(&self) -> String {
        shown_url(self.address, self.tls_only)
    }

    /// The certificate that clients must trust to reach this proxy over TLS, unless it was given one.
    pub fn authority(&self) -> &Path {
        &self.ca
    }

    /// Where the operator's secret is, unless it was given one.
    pub fn operator_secret_file(&self) -> &Path {
        &self.operator_secret
    }

    /// Serves until `shutdown` resolves; then calls get a few seconds to finish.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        front::listen(self.listener, self.site, shutdown, async {}).await;
    }
}
