//! The host where a JavaScript event loop runs.

use std::{
    future::Future,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use js_sys::{Function, Reflect};
use wasm_bindgen::{JsCast, JsValue};

use super::Instant;

/// A boxed future of the one thread there is.
pub(crate) type BoxFuture<'a, T> = futures::future::LocalBoxFuture<'a, T>;

/// setTimeout counts in 32 bits: longer sleeps are made of several.
const LONGEST_TIMER: Duration = Duration::from_millis(i32::MAX as u64);

/// Sleeps. Dropping the future clears the timer.
pub(crate) async fn sleep(mut duration: Duration) {
    loop {
        let step = duration.min(LONGEST_TIMER);
        gloo_timers::future::sleep(step).await;
        duration -= step;
        if duration.is_zero() {
            return;
        }
    }
}

/// `performance.now()`, or `Date.now()` where there is no performance object.
pub(crate) fn now() -> Instant {
    let monotonic = || -> Option<f64> {
        let performance = Reflect::get(&js_sys::global(), &JsValue::from_str("performance")).ok()?;
        let now: Function = Reflect::get(&performance, &JsValue::from_str("now")).ok()?.dyn_into().ok()?;
        now.call0(&performance).ok()?.as_f64()
    };
    Instant(monotonic().unwrap_or_else(js_sys::Date::now))
}

/// The time of day, as far as this machine knows.
pub(crate) fn wall_clock() -> SystemTime {
    // Dates before 1970 are no time of day.
    UNIX_EPOCH + Duration::try_from_secs_f64(js_sys::Date::now() / 1000.0).unwrap_or_default()
}

/// Bytes nobody can guess. `None` when the system has none to give.
pub(crate) fn random_bytes<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).ok().map(|()| bytes)
}

/// Drives a future in the background. Returns whether that is possible; here it always is.
pub(crate) fn spawn(future: impl Future<Output = ()> + 'static) -> bool {
    wasm_bindgen_futures::spawn_local(future);
    true
}
