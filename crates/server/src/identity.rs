//! Secrets and names that a data directory keeps: the token, the keys that sign pages' and users' tokens, the runner's id.
//! Must not know: HTTP. Never logs what it reads.

use std::{
    fs::{DirBuilder, OpenOptions},
    io::{self, Read, Write},
    path::Path,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What stays the same across restarts of a server.
pub(crate) struct Identity {
    /// The long-lived token that programs use.
    pub token: String,
    /// Signs page tokens and cookies.
    pub signing_key: Vec<u8>,
    /// Signs users' tokens.
    pub token_key: Vec<u8>,
    /// Names this machine in `runner_id`.
    pub runner_id: String,
}

impl Identity {
    /// Reads the data directory's identity, making what is missing.
    pub fn load_or_create(data_dir: &Path) -> io::Result<Self> {
        Ok(Self {
            token: keep(&data_dir.join("token"), || Ok(format!("jw_{}", random_text(32)?)))?,
            signing_key: keep(&data_dir.join("page.key"), || random_text(32))?.into_bytes(),
            token_key: keep(&data_dir.join("token.key"), || random_text(32))?.into_bytes(),
            runner_id: keep(&data_dir.join("runner-id"), || Ok(format!("local-{}", &uuid_text()?[..8])))?,
        })
    }
}

/// Creates a directory that only its owner can enter.
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// The token by which a sandbox's owner shares its services: derived, so that it is nowhere kept and can be told again.
pub(crate) fn share_token(key: &[u8], sandbox: &str) -> String {
    match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mut mac) => {
            mac.update(b"share-token.");
            mac.update(sandbox.as_bytes());
            URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
        }
        // HMAC takes keys of any length; nothing matches an empty token.
        Err(_) => String::new(),
    }
}

/// Text with `bytes` bytes of randomness from the system, safe in URLs and headers.
pub(crate) fn random_text(bytes: usize) -> io::Result<String> {
    let mut raw = vec![0; bytes];
    getrandom::fill(&mut raw).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(URL_SAFE_NO_PAD.encode(raw))
}

/// A random (version 4) UUID.
pub(crate) fn uuid_text() -> io::Result<String> {
    let mut raw = [0; 16];
    getrandom::fill(&mut raw).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(uuid::Builder::from_random_bytes(raw).into_uuid().to_string())
}

/// The file's content, or what `make` gives, written so that only the owner can read it.
pub(crate) fn keep(path: &Path, make: impl FnOnce() -> io::Result<String>) -> io::Result<String> {
    match OpenOptions::new().read(true).open(path) {
        Ok(mut file) => {
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            let text = text.trim().to_owned();
            if text.is_empty() {
                return Err(io::Error::other(format!("{} is empty; remove it to have a new one made", path.display())));
            }
            Ok(text)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let text = make()?;
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            Ok(text)
        }
        Err(error) => Err(error),
    }
}
