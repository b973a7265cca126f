//! Whole files between JavaScript and a sandbox, without a copy in wasm memory.

use std::time::Duration;

use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::Blob;

use super::{Answer, reader::Reader};
use crate::{error::Error, sandbox::Sandbox};

/// The signal and the limit of a file call.
pub(super) fn options(name: &'static str, options: &JsValue) -> Answer<(Option<JsValue>, Option<Duration>)> {
    let reader = Reader::new(name, options, &["container", "timeoutMs", "signal"])?;
    if reader.string("container")?.is_some_and(|name| !name.is_empty()) {
        let why = "file calls reach the primary container only in this version; leave it out";
        return Err(super::error::js_error(Error::invalid("container", why)));
    }
    Ok((reader.raw("signal"), reader.millis("timeoutMs")?))
}

/// Reads a file into one array.
pub(super) async fn read(sandbox: &Sandbox, path: &str) -> Result<JsValue, Error> {
    let prepared = sandbox.prepare_read(path).await?;
    let client = sandbox.client();
    let parts = client.refreshing(prepared.head, |head| client.transport().download(head, &prepared.message)).await?;
    Ok(concatenate(&parts).into())
}

/// Writes a `Uint8Array` or a `Blob`.
pub(super) async fn write(sandbox: &Sandbox, path: &str, content: &JsValue) -> Result<(), Error> {
    let len = match (content.dyn_ref::<Blob>(), content.dyn_ref::<Uint8Array>()) {
        (Some(blob), _) => blob.size() as usize,
        (None, Some(bytes)) => bytes.length() as usize,
        (None, None) => return Err(Error::invalid("data", "must be bytes or a Blob")),
    };
    let prepared = sandbox.prepare_write(path, len).await?;
    let client = sandbox.client();
    let send = |head| client.transport().upload(head, &prepared.prefix, content, len);
    client.refreshing(prepared.head, send).await
}

/// Most files come in one view, which only has to be cut out of its chunk.
fn concatenate(parts: &Array) -> Uint8Array {
    let parts: Vec<Uint8Array> = parts.iter().map(JsCast::unchecked_into).collect();
    let whole = Uint8Array::new_with_length(parts.iter().map(Uint8Array::length).sum());
    let mut at = 0;
    for part in &parts {
        whole.set(part, at);
        at += part.length();
    }
    whole
}
