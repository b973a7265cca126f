//! Interceptors that JavaScript gives: functions that see a call, and may give one that is told how it went.

use futures::future::BoxFuture;
use http::HeaderMap;
use js_sys::{Array, Function, Object, Promise, Reflect};
use send_wrapper::SendWrapper;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::{
    Answer,
    credentials::header_map,
    error::{js_error, type_error},
};
use crate::{
    config::{Aftermath, CallInfo, Interceptor},
    error::{Error, ErrorKind},
};

/// `(call) => void | ((error?) => void)`, or a promise of it. `call.headers` is an object to add headers to.
pub(super) struct JsInterceptor(SendWrapper<Function>);

impl JsInterceptor {
    /// Reads an array of functions.
    pub(super) fn all(value: &JsValue) -> Answer<Vec<Self>> {
        let wrong = || type_error("Client: interceptors must be an array of functions");
        if !Array::is_array(value) {
            return Err(wrong());
        }
        let function = |it: JsValue| it.dyn_into().map_err(|_| wrong());
        Array::from(value).iter().map(|it| Ok(Self(SendWrapper::new(function(it)?)))).collect()
    }
}

impl Interceptor for JsInterceptor {
    fn intercept<'a>(
        &'a self,
        call: &'a CallInfo,
        headers: &'a mut HeaderMap,
    ) -> BoxFuture<'a, Result<Option<Aftermath>, Error>> {
        Box::pin(SendWrapper::new(async move {
            let added = Object::new();
            let answer = self.0.call1(&JsValue::UNDEFINED, &seen(call, &added)).map_err(failure)?;
            let answer = match answer.dyn_into::<Promise>() {
                Ok(promise) => JsFuture::from(promise).await.map_err(failure)?,
                Err(value) => value,
            };
            headers.extend(header_map(&Object::entries(&added))?);
            let Ok(told) = answer.dyn_into::<Function>() else { return Ok(None) };
            let told = SendWrapper::new(told);
            let aftermath: Aftermath = Box::new(move |failure| {
                let failure = failure.cloned().map_or(JsValue::UNDEFINED, js_error);
                // What it throws is nobody's to handle: the call is over.
                let _ = told.call1(&JsValue::UNDEFINED, &failure);
            });
            Ok(Some(aftermath))
        }))
    }
}

fn seen(call: &CallInfo, headers: &Object) -> JsValue {
    let seen = Object::new();
    let set = |name: &str, value: JsValue| {
        // Setting a field of a plain object of ours cannot fail.
        let _ = Reflect::set(&seen, &JsValue::from_str(name), &value);
    };
    set("operation", JsValue::from_str(call.operation));
    set("sandboxId", call.sandbox_id.as_deref().map_or(JsValue::UNDEFINED, JsValue::from_str));
    set("attempt", JsValue::from_f64(f64::from(call.attempt)));
    set("headers", headers.clone().into());
    seen.into()
}

fn failure(thrown: JsValue) -> Error {
    let message = match thrown.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => "it threw".to_owned(),
    };
    Error::new(ErrorKind::Configuration, format!("an interceptor refused the call: {message}"))
}
