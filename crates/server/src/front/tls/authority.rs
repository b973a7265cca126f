//! A certificate authority of this machine's own, for the names and addresses that only this machine has. Whoever trusts
//! it trusts it for those alone: its certificate says so.
//! Must not know: connections.

use std::{
    fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::identity;

const DAY: Duration = Duration::from_secs(24 * 3600);
const OWN_LIFE: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// Short enough for every browser.
const LEAF_LIFE: Duration = Duration::from_secs(90 * 24 * 3600);

/// The authority.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Where its certificate is, to be trusted.
    pub certificate: PathBuf,
}

impl Authority {
    /// Reads the data directory's, making what is missing. `names` are covered with everything below them.
    pub fn load_or_create(data_dir: &Path, names: &[String]) -> io::Result<Authority> {
        let make = || Ok(KeyPair::generate().map_err(io::Error::other)?.serialize_pem());
        let key = identity::keep(&data_dir.join("ca.key"), make)?;
        let key = KeyPair::from_pem(&key).map_err(io::Error::other)?;
        let certificate = data_dir.join("ca.pem");
        // What it covers is part of it: with other names it is another certificate, to be trusted anew.
        let (covers, covered) = (names.join("\n"), data_dir.join("ca.names"));
        let params = params(names);
        if !certificate.exists() || fs::read_to_string(&covered).ok().as_deref() != Some(&covers) {
            fs::write(&certificate, params.self_signed(&key).map_err(io::Error::other)?.pem())?;
            fs::write(&covered, covers)?;
        }
        Ok(Authority { issuer: Issuer::new(params, key), certificate })
    }

    /// A certificate for a name or an address, and its key.
    pub fn issue(&self, host: &str) -> io::Result<(CertificateDer<'static>, PrivateKeyDer<'static>)> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let mut params = CertificateParams::new([host.to_owned()]).map_err(io::Error::other)?;
        lasting(&mut params, LEAF_LIFE);
        params.distinguished_name = DistinguishedName::new();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).map_err(io::Error::other)?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        Ok((certificate.der().clone(), key.into()))
    }
}

fn params(names: &[String]) -> CertificateParams {
    let mut params = CertificateParams::default();
    lasting(&mut params, OWN_LIFE);
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Jetway local authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let own = |name: &String| match name.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => GeneralSubtree::IpAddress(CidrSubnet::V4(ip.octets(), [255; 4])),
        Ok(IpAddr::V6(ip)) => GeneralSubtree::IpAddress(CidrSubnet::V6(ip.octets(), [255; 16])),
        Err(_) => GeneralSubtree::DnsName(name.clone()),
    };
    let mut permitted: Vec<_> = names.iter().map(own).collect();
    permitted.push(GeneralSubtree::IpAddress(CidrSubnet::V4([127, 0, 0, 0], [255, 0, 0, 0])));
    permitted.push(GeneralSubtree::IpAddress(CidrSubnet::V6(std::net::Ipv6Addr::LOCALHOST.octets(), [255; 16])));
    params.name_constraints = Some(NameConstraints { permitted_subtrees: permitted, excluded_subtrees: Vec::new() });
    params
}

fn lasting(params: &mut CertificateParams, life: Duration) {
    let now = SystemTime::now();
    // Clocks differ.
    params.not_before = (now - DAY).into();
    params.not_after = (now + life).into();
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio_rustls::rustls::{
        RootCertStore,
        client::{WebPkiServerVerifier, danger::ServerCertVerifier},
        crypto::ring,
        pki_types::{ServerName, UnixTime, pem::PemObject},
    };

    use super::*;

    #[test]
    fn whoever_trusts_it_trusts_it_for_this_machines_names_alone() {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::load_or_create(dir.path(), &["localhost".into(), "box.example".into()]).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&authority.certificate).unwrap()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let good = |host: &str| {
            let (certificate, _) = authority.issue(host).unwrap();
            let name = ServerName::try_from(host.to_owned()).unwrap();
            verifier.verify_server_cert(&certificate, &[], &name, &[], UnixTime::now()).is_ok()
        };
        for host in ["localhost", "8080-a.localhost", "127.0.0.1", "127.99.1.2", "box.example", "a.box.example"] {
            assert!(good(host), "{host}");
        }
        for host in ["example.com", "xbox.example", "10.0.0.1", "128.0.0.1"] {
            assert!(!good(host), "{host}");
        }
    }
}
