//! Credentials that JavaScript gives, asked for before each call.

use http::{HeaderMap, HeaderName, HeaderValue};
use js_sys::{Array, Function, Promise};
use send_wrapper::SendWrapper;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::{
    config::HeaderProvider,
    error::{Error, ErrorKind},
};

/// `(refused: boolean) => Promise<[name, value][]>`; keeps what is still fresh.
pub(super) struct JsProvider(pub(super) SendWrapper<Function>);

type Boxed = Box<dyn std::error::Error + Send + Sync>;

impl HeaderProvider for JsProvider {
    fn headers(&self, refused: bool) -> futures::future::BoxFuture<'static, Result<HeaderMap, Boxed>> {
        let asking = self.0.call1(&JsValue::UNDEFINED, &JsValue::from_bool(refused));
        Box::pin(SendWrapper::new(async move {
            let answer = asking.map_err(failure)?;
            let answer = match answer.dyn_into::<Promise>() {
                Ok(promise) => JsFuture::from(promise).await.map_err(failure)?,
                Err(value) => value,
            };
            header_map(&answer).map_err(Into::into)
        }))
    }
}

/// Pairs as headers.
pub(super) fn header_map(pairs: &JsValue) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    for pair in Array::from(pairs).iter() {
        let pair: Array = pair.unchecked_into();
        let name = pair.get(0).as_string().unwrap_or_default();
        let wrong = |what: &str| Error::invalid("headers", format!("{name:?} {what}"));
        let value = pair.get(1).as_string().ok_or_else(|| wrong("must have a string as its value"))?;
        let value = HeaderValue::try_from(value).map_err(|_| wrong("has a value that a header cannot carry"))?;
        headers.append(HeaderName::try_from(&name).map_err(|_| wrong("is no header name"))?, value);
    }
    Ok(headers)
}

/// What the caller's own function threw, in its words.
fn failure(thrown: JsValue) -> Boxed {
    let message = match thrown.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => "the auth function failed".to_owned(),
    };
    Error::new(ErrorKind::Authentication, format!("no credentials: {message}")).into()
}
