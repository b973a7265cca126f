//! A server, as wasm reaches it: its address and the pipes that the host offers. Must not know: credentials, messages.

use wasm_bindgen::JsValue;

use super::{BaseUrl, pipes::Pipes};
use crate::error::Error;

/// A server. Cheap to clone; nothing is connected before the first call.
#[derive(Clone)]
pub(crate) struct Transport {
    base: BaseUrl,
    pipes: Pipes,
}

impl Transport {
    /// Prepares a transport.
    ///
    /// # Errors
    /// None here; the native transport shares the signature.
    pub(crate) fn new(base: &BaseUrl) -> Result<Self, Error> {
        Ok(Self { base: base.clone(), pipes: Pipes::new() })
    }

    /// Where calls go.
    pub(crate) fn base_url(&self) -> &BaseUrl {
        &self.base
    }

    /// Takes what the host offers beside fetch: see [`Pipes::configure`].
    ///
    /// # Errors
    /// Validation, naming `transport`.
    pub(crate) fn use_host(&self, host: &JsValue) -> Result<(), Error> {
        self.pipes.configure(host)
    }

    pub(super) fn pipes(&self) -> &Pipes {
        &self.pipes
    }
}
