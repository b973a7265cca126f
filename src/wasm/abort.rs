//! An `AbortSignal` ends a call: the call's future is dropped, which aborts what carries it.

use std::{future::Future, time::Duration};

use futures::{
    channel::oneshot,
    future::{Either, LocalBoxFuture, select},
};
use js_sys::Promise;
use wasm_bindgen::{JsCast, JsValue, prelude::Closure};
use wasm_bindgen_futures::future_to_promise;
use web_sys::AbortSignal;

use super::{Answer, error::js_error};
use crate::{
    error::{Error, ErrorKind},
    platform::timeout,
};

/// `call` as a promise that `signal` (an `AbortSignal` or undefined) ends, and `limit`.
pub(super) fn promise(
    signal: Option<JsValue>,
    limit: Option<Duration>,
    call: impl Future<Output = Result<JsValue, Error>> + 'static,
) -> Promise {
    // Boxed, so that the machinery around it exists once and not once for every call: it is a tenth of the package.
    boxed(signal, limit, Box::pin(call))
}

fn boxed(
    signal: Option<JsValue>,
    limit: Option<Duration>,
    call: LocalBoxFuture<'static, Result<JsValue, Error>>,
) -> Promise {
    future_to_promise(abortable(signal, Box::pin(limited(limit, call))))
}

async fn limited(limit: Option<Duration>, call: LocalBoxFuture<'static, Result<JsValue, Error>>) -> Answer<JsValue> {
    let late = |_| {
        let message = format!("the call did not finish within {:?}", limit.unwrap_or_default());
        Error::new(ErrorKind::SandboxRequestTimeout, message)
    };
    timeout(limit, call).await.map_err(late).and_then(|answer| answer).map_err(js_error)
}

async fn abortable(signal: Option<JsValue>, call: LocalBoxFuture<'static, Answer<JsValue>>) -> Answer<JsValue> {
    let Some(signal) = signal.and_then(|signal| signal.dyn_into::<AbortSignal>().ok()) else { return call.await };
    if signal.aborted() {
        return Err(cancelled());
    }
    let (fire, fired) = oneshot::channel();
    let listener = Closure::once_into_js(move || {
        let _: Result<(), ()> = fire.send(());
    });
    let listener = listener.unchecked_ref();
    let _ = signal.add_event_listener_with_callback("abort", listener);
    let answer = match select(call, fired).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(cancelled()),
    };
    let _ = signal.remove_event_listener_with_callback("abort", listener);
    answer
}

fn cancelled() -> JsValue {
    js_error(Error::new(ErrorKind::Cancelled, "the call was aborted"))
}
