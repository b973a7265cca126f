//! TLS on the same port as everything else: a connection whose first byte is a handshake's is encrypted. Where it goes is
//! in its first message: to a service whose TLS ends in its sandbox as it is, to everything else decrypted here.

mod authority;

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio_rustls::rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use authority::Authority;

/// Certificates are made again long before they end.
const RENEW_AFTER: Duration = Duration::from_secs(24 * 3600);
/// More than that many hosts at a time are forgotten all at once.
const MOST_HOSTS: usize = 4096;

/// What this server shows to who connects with TLS.
pub(crate) struct Tls {
    authority: Authority,
    /// Shown for the server's own names instead of one of the authority's.
    own: Option<Arc<ServerConfig>>,
    made: Mutex<HashMap<String, (Instant, Arc<ServerConfig>)>>,
}

impl Tls {
    /// With the data directory's authority, which covers `names`; `own` are files of a certificate chain and its key.
    ///
    /// # Errors
    /// The files'.
    pub fn new(data_dir: &Path, names: &[String], own: Option<&(PathBuf, PathBuf)>) -> io::Result<Tls> {
        let authority = Authority::load_or_create(data_dir, names)?;
        let own = own.map(|(chain, key)| read_own(chain, key)).transpose()?;
        Ok(Tls { authority, own, made: Mutex::default() })
    }

    /// The certificate that clients have to trust.
    pub fn certificate(&self) -> &Path {
        &self.authority.certificate
    }

    /// What to show to who asks for `host`; `service` says that it is no name of the server itself.
    pub(crate) fn config(&self, host: &str, service: bool) -> io::Result<Arc<ServerConfig>> {
        if let Some(own) = &self.own
            && !service
        {
            return Ok(own.clone());
        }
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, config)) = made.get(host)
            && since.elapsed() < RENEW_AFTER
        {
            return Ok(config.clone());
        }
        if made.len() >= MOST_HOSTS {
            made.clear();
        }
        let (certificate, key) = self.authority.issue(host)?;
        let config = config(vec![certificate], key)?;
        made.insert(host.to_owned(), (Instant::now(), config.clone()));
        Ok(config)
    }
}

fn read_own(chain: &Path, key: &Path) -> io::Result<Arc<ServerConfig>> {
    let at = |path: &Path| {
        let path = path.display().to_string();
        move |error| io::Error::new(io::ErrorKind::InvalidData, format!("{path}: {error}"))
    };
    let read = CertificateDer::pem_file_iter(chain).map_err(at(chain))?;
    let read = read.collect::<Result<Vec<_>, _>>().map_err(at(chain))?;
    config(read, PrivateKeyDer::from_pem_file(key).map_err(at(key))?)
}

fn config(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> io::Result<Arc<ServerConfig>> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let mut config = builder
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
