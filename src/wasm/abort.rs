//! An `AbortSignal` ends a call: the call's future is dropped, which aborts what carries it.

use std::future::Future;

use futures::{
    channel::oneshot,
    future::{Either, select},
};
use js_sys::Promise;
use wasm_bindgen::{JsCast, JsValue, prelude::Closure};
use wasm_bindgen_futures::future_to_promise;
use web_sys::AbortSignal;

use super::{Answer, error::js_error};
use crate::error::{Error, ErrorKind};

/// `call` as a promise that `signal` (an `AbortSignal` or undefined) ends.
pub(super) fn promise<T>(signal: Option<JsValue>, call: impl Future<Output = Answer<T>> + 'static) -> Promise
where
    T: Into<JsValue> + 'static,
{
    future_to_promise(async move { abortable(signal, call).await.map(Into::into) })
}

async fn abortable<T>(signal: Option<JsValue>, call: impl Future<Output = Answer<T>>) -> Answer<T> {
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
    let answer = match select(Box::pin(call), fired).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(cancelled()),
    };
    let _ = signal.remove_event_listener_with_callback("abort", listener);
    answer
}

fn cancelled() -> JsValue {
    js_error(Error::new(ErrorKind::Cancelled, "the call was aborted"))
}
