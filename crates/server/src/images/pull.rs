//! Images from registries: every byte is checked against the digest that leads to it, from the manifest down.
//! Must not know: how images are served.

use std::{io, path::PathBuf, time::Duration};

use futures::TryStreamExt;
use oci_client::{
    Client, Reference,
    client::{ClientConfig, ClientProtocol},
    errors::{OciDistributionError, OciErrorCode},
    manifest::{
        IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE,
    },
    secrets::RegistryAuth,
};
use tokio::io::AsyncReadExt;
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::{
    ImageError, Login,
    archive::count,
    config::{ConfigFile, Descriptor, Manifest},
    layer::Announced,
    reading::{Budget, check, digest_of, digits},
    registry_login::login as credentials,
    store::{Image, Images, parse},
};

/// Longest configuration.
const MAX_TEXT: u64 = 8 << 20;
/// Longest wait for a registry to say something.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// An image in a registry, found and not fetched yet.
pub struct Remote {
    client: Client,
    reference: Reference,
    digest: String,
    manifest: Manifest,
}

impl Remote {
    /// Asks the registry for the image's manifest, as the user of `login` where it is meant for this registry, else as
    /// `docker login` said; `docker_config` is where that keeps credentials.
    ///
    /// # Errors
    /// [`ImageError::Name`], [`ImageError::NotFound`], [`ImageError::Denied`], [`ImageError::Unreachable`],
    /// [`ImageError::Digest`], [`ImageError::Unsupported`].
    pub async fn find(name: &str, login: Option<&Login>, docker_config: Option<PathBuf>) -> Result<Self, ImageError> {
        // The client's TLS takes the process's provider; another part of the program may have chosen it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let reference = parse(name)?;
        let registry = reference.registry().to_owned();
        // As Docker does: nobody listens in on the way to this machine itself.
        let plain = is_loopback(&registry).then(|| reference.resolve_registry().to_owned());
        let client = Client::new(ClientConfig {
            protocol: ClientProtocol::HttpsExcept(plain.into_iter().collect()),
            read_timeout: Some(PATIENCE),
            connect_timeout: Some(CONNECT),
            user_agent: concat!("jetway/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        });
        let auth = credentials(login, docker_config.as_deref(), &registry);
        let (mut manifest, mut digest) = fetch_manifest(&client, &reference, &auth).await?;
        if manifest.config.is_none() {
            let next = manifest.for_this_machine().map(|entry| entry.digest.clone());
            let next = next.ok_or_else(|| ImageError::NotFound {
                registry,
                image: reference.whole(),
                reason: format!("it has none for linux/{}", super::config::architecture()),
            })?;
            let one = reference.clone_with_digest(next);
            (manifest, digest) = fetch_manifest(&client, &one, &auth).await?;
        }
        Ok(Self { client, reference, digest, manifest })
    }

    /// Fetches what is not here yet and keeps the image under `name`.
    ///
    /// # Errors
    /// As [`Remote::find`], and [`ImageError::Hostile`], [`ImageError::TooLarge`], [`ImageError::Io`].
    pub async fn fetch(self, images: &Images, name: &str) -> Result<Image, ImageError> {
        let name = parse(name)?.whole();
        let Self { client, reference, digest, manifest } = self;
        let Some(config) = &manifest.config else {
            return Err(ImageError::Unsupported("the registry's manifest is not one of an image".into()));
        };
        let bytes = fetch_text(&client, &reference, config).await?;
        check("the image's configuration", &config.digest, &digest_of(&bytes))?;
        let ConfigFile { config, rootfs, .. } = ConfigFile::parse(&bytes)?;
        count(manifest.layers.len(), &rootfs.diff_ids)?;
        let own = images.clone();
        let hold = blocking(move || own.hold()).await?;
        let (mut budget, mut size) = (Budget::new(images.bounds), 0);
        for (layer, content) in manifest.layers.iter().zip(&rootfs.diff_ids) {
            digits(&layer.digest)?;
            if images.has(content) {
                continue;
            }
            let stream = client.pull_blob_stream(&reference, layer.digest.as_str()).await;
            let stream = stream.map_err(|error| refused(&reference, error))?.stream;
            let reader = SyncIoBridge::new(StreamReader::new(stream));
            let (images, blob, content) = (images.clone(), layer.digest.clone(), content.clone());
            let added = blocking(move || {
                let announced = Announced { blob: Some(&blob), content: Some(&content) };
                images.add_layer(reader, &announced, &mut budget).map(|(_, size)| (budget, size))
            });
            let added = added.await.map_err(|error| broken_off(&reference, error))?;
            budget = added.0;
            size += added.1;
        }
        let source = format!("registry {}", reference.whole());
        let image = Image { name, digest, layers: rootfs.diff_ids, config, size, source };
        images.keep(&image)?;
        drop(hold);
        Ok(image)
    }
}

async fn fetch_manifest(
    client: &Client,
    reference: &Reference,
    auth: &RegistryAuth,
) -> Result<(Manifest, String), ImageError> {
    let accepted =
        [OCI_IMAGE_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, IMAGE_MANIFEST_LIST_MEDIA_TYPE];
    let fetched = tokio::time::timeout(PATIENCE, client.pull_manifest_raw(reference, auth, &accepted)).await;
    let (bytes, _) = fetched
        .map_err(|_| unreachable(reference, "it did not answer in time".into()))?
        .map_err(|error| refused(reference, error))?;
    let digest = digest_of(&bytes);
    if let Some(expected) = reference.digest() {
        check("the image's manifest", expected, &digest)?;
    }
    Ok((Manifest::parse(&bytes)?, digest))
}

async fn fetch_text(client: &Client, reference: &Reference, blob: &Descriptor) -> Result<Vec<u8>, ImageError> {
    digits(&blob.digest)?;
    let stream = client.pull_blob_stream(reference, blob.digest.as_str()).await;
    let stream = stream.map_err(|error| refused(reference, error))?.stream;
    let mut bytes = Vec::new();
    let read = StreamReader::new(stream.map_err(io::Error::other)).take(MAX_TEXT).read_to_end(&mut bytes).await;
    read.map_err(|error| unreachable(reference, error.to_string()))?;
    Ok(bytes)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ImageError> + Send + 'static,
) -> Result<T, ImageError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(ImageError::Io { context: "unpack the image".into(), source: io::Error::other(error) }),
    }
}

/// What a registry's refusal means.
fn refused(reference: &Reference, error: OciDistributionError) -> ImageError {
    let (registry, image) = (reference.registry().to_owned(), reference.whole());
    match error {
        OciDistributionError::UnauthorizedError { .. } | OciDistributionError::AuthenticationFailure(_) => {
            ImageError::Denied { registry, image, reason: "it asks for credentials".into() }
        }
        OciDistributionError::ImageManifestNotFoundError(reason) => ImageError::NotFound { registry, image, reason },
        OciDistributionError::RegistryError { envelope, .. } => {
            let codes: Vec<&OciErrorCode> = envelope.errors.iter().map(|error| &error.code).collect();
            let is = |wanted: &[OciErrorCode]| codes.iter().any(|code| wanted.contains(code));
            let reason = envelope.errors.first().map(|error| error.message.clone()).unwrap_or_default();
            if is(&[OciErrorCode::Denied, OciErrorCode::Unauthorized]) {
                ImageError::Denied { registry, image, reason }
            } else if is(&[OciErrorCode::ManifestUnknown, OciErrorCode::NameUnknown, OciErrorCode::NotFound]) {
                ImageError::NotFound { registry, image, reason }
            } else {
                ImageError::Unreachable { registry, image, reason: format!("it refused: {reason}") }
            }
        }
        OciDistributionError::ServerError { code: 404, message, .. } => {
            ImageError::NotFound { registry, image, reason: message }
        }
        OciDistributionError::DigestError(error) => {
            let (expected, actual) = (image, error.to_string());
            ImageError::Digest { what: "what the registry sent".into(), expected, actual }
        }
        other => unreachable(reference, chain(&other)),
    }
}

/// A stream that breaks in the middle is the registry's fault, whatever was being read at the time.
fn broken_off(reference: &Reference, error: ImageError) -> ImageError {
    match error {
        ImageError::Io { context, source } if context.starts_with("read ") => {
            unreachable(reference, source.to_string())
        }
        other => other,
    }
}

fn unreachable(reference: &Reference, reason: String) -> ImageError {
    ImageError::Unreachable { registry: reference.registry().to_owned(), image: reference.to_string(), reason }
}

/// HTTP clients say what happened in the causes only.
fn chain(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        said = format!("{said}: {error}");
        cause = error.source();
    }
    said
}

fn is_loopback(registry: &str) -> bool {
    let host = match registry.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => registry.split(':').next(),
    };
    let host = host.unwrap_or_default();
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
