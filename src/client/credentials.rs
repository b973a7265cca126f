//! The one place where credentials become headers. Must not know: where they come from.

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

use crate::{
    config::{Credentials, Secret},
    error::{Error, ErrorKind},
};

/// Adds what says who calls.
///
/// # Errors
/// Authentication, when a provider fails or a secret cannot be a header.
pub(super) async fn add(credentials: &Credentials, refused: bool, metadata: &mut HeaderMap) -> Result<(), Error> {
    match credentials {
        Credentials::None => {}
        Credentials::Bearer(secret) => {
            metadata.insert(AUTHORIZATION, bearer(secret)?);
        }
        Credentials::Provider(provider) => {
            let headers = provider.headers(refused).await.map_err(|cause| match cause.downcast::<Error>() {
                Ok(typed) => *typed,
                Err(cause) => {
                    Error::new(ErrorKind::Authentication, format!("the credentials could not be had: {cause}"))
                        .with_source(cause)
                }
            })?;
            for (name, value) in &headers {
                let mut value = value.clone();
                value.set_sensitive(true);
                metadata.insert(name, value);
            }
        }
    }
    Ok(())
}

/// Refuses early what could never be sent.
///
/// # Errors
/// Validation, naming `auth`; the secret is not repeated.
pub(super) fn check(secret: &Secret) -> Result<(), Error> {
    bearer(secret).map(drop)
}

fn bearer(secret: &Secret) -> Result<HeaderValue, Error> {
    let token = secret.expose();
    if token.is_empty() {
        return Err(Error::invalid("auth", "the token is empty; leave `auth` out to call without one"));
    }
    let mut value = HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|_| Error::invalid("auth", "the token has characters that a header cannot carry (a line break?)"))?;
    value.set_sensitive(true);
    Ok(value)
}
