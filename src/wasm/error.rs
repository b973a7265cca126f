//! Our errors as JavaScript's. The fields are the whole of [`Error`]; the class is chosen by its code.

use js_sys::{Array, Object, Reflect};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use crate::error::Error;

#[wasm_bindgen(raw_module = "./errors.js")]
extern "C" {
    #[wasm_bindgen(js_name = makeError)]
    fn make_error(fields: &Object) -> JsValue;
    #[wasm_bindgen(js_name = makeTypeError)]
    fn make_type_error(message: &str) -> JsValue;
}

/// Input of the wrong type, or an option that does not exist: a `TypeError`.
pub(super) fn type_error(message: &str) -> JsValue {
    make_type_error(message)
}

/// An error as its JavaScript class.
pub(super) fn js_error(error: Error) -> JsValue {
    let fields = Object::new();
    let set = |name: &str, value: JsValue| {
        // Setting a field of a plain object of ours cannot fail.
        let _ = Reflect::set(&fields, &JsValue::from_str(name), &value);
    };
    let text = |value: Option<&str>| value.map_or(JsValue::UNDEFINED, JsValue::from_str);
    set("code", JsValue::from_str(error.code()));
    set("message", JsValue::from_str(error.message()));
    set("reason", text(error.reason()));
    set("domain", text(error.domain()));
    set("operation", text(error.operation()));
    set("sandboxId", text(error.sandbox_id()));
    set("hint", text(error.hint()));
    set("retryable", JsValue::from_bool(error.retryable()));
    let delay = error.retry_delay().map(|delay| JsValue::from_f64(delay.as_secs_f64() * 1000.0));
    set("retryDelayMs", delay.unwrap_or(JsValue::UNDEFINED));
    let code = error.grpc_code().map(|code| JsValue::from_f64(f64::from(i32::from(code))));
    set("grpcCode", code.unwrap_or(JsValue::UNDEFINED));
    let metadata = Object::new();
    for (name, value) in error.metadata() {
        let _ = Reflect::set(&metadata, &JsValue::from_str(name), &JsValue::from_str(value));
    }
    set("metadata", metadata.into());
    let violations = Array::new();
    for violation in error.field_violations() {
        let it = Object::new();
        let _ = Reflect::set(&it, &JsValue::from_str("field"), &JsValue::from_str(&violation.field));
        let _ = Reflect::set(&it, &JsValue::from_str("description"), &JsValue::from_str(&violation.description));
        violations.push(&it);
    }
    set("fieldViolations", violations.into());
    make_error(&fields)
}
