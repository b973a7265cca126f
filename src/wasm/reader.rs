//! Reads an options object by name: unknown keys and wrong types are `TypeError`s that name the key.

use std::{collections::BTreeMap, time::Duration};

use js_sys::{Array, Object, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};

use super::{Answer, error::type_error};

/// setTimeout and friends could count further, but nobody means more than a thousand years.
const MOST_MS: f64 = 3.2e13;

/// An options object, or none.
pub(super) struct Reader {
    name: &'static str,
    object: Option<Object>,
}

impl Reader {
    /// Checks that `value` is an object with no other keys than `known`.
    pub(super) fn new(name: &'static str, value: &JsValue, known: &[&str]) -> Answer<Self> {
        if value.is_undefined() {
            return Ok(Self { name, object: None });
        }
        let Some(object) = value.dyn_ref::<Object>().filter(|_| !value.is_null()) else {
            return Err(type_error(&format!("{name}: options must be an object")));
        };
        for key in Object::keys(object).iter() {
            let key = key.as_string().unwrap_or_default();
            if !known.contains(&key.as_str()) {
                return Err(type_error(&format!("{name}: unknown option {key:?}; known are {}", known.join(", "))));
            }
        }
        Ok(Self { name, object: Some(object.clone()) })
    }

    /// The value of a key; `undefined` inherits the default.
    pub(super) fn raw(&self, key: &str) -> Option<JsValue> {
        let value = Reflect::get(self.object.as_ref()?, &JsValue::from_str(key)).ok()?;
        (!value.is_undefined()).then_some(value)
    }

    pub(super) fn string(&self, key: &str) -> Answer<Option<String>> {
        let read = |value: JsValue| value.as_string().ok_or_else(|| self.wrong(key, "a string"));
        self.present(key).map(read).transpose()
    }

    pub(super) fn bool(&self, key: &str) -> Answer<Option<bool>> {
        let read = |value: JsValue| value.as_bool().ok_or_else(|| self.wrong(key, "true or false"));
        self.present(key).map(read).transpose()
    }

    /// A whole number that fits 32 bits.
    pub(super) fn number(&self, key: &str) -> Answer<Option<u32>> {
        let Some(value) = self.present(key) else { return Ok(None) };
        let number = value.as_f64().filter(|n| n.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(n));
        number.map(|n| Some(n as u32)).ok_or_else(|| self.wrong(key, "a whole number, not negative"))
    }

    /// A whole number that a double holds exactly.
    pub(super) fn offset(&self, key: &str) -> Answer<Option<u64>> {
        let Some(value) = self.present(key) else { return Ok(None) };
        let number =
            value.as_f64().filter(|n| n.fract() == 0.0 && (0.0..=js_sys::Number::MAX_SAFE_INTEGER).contains(n));
        number.map(|n| Some(n as u64)).ok_or_else(|| self.wrong(key, "a whole number, not negative"))
    }

    pub(super) fn millis(&self, key: &str) -> Answer<Option<Duration>> {
        let Some(value) = self.present(key) else { return Ok(None) };
        match value.as_f64() {
            Some(ms) if ms >= 0.0 => Ok((ms < MOST_MS).then(|| Duration::from_secs_f64(ms / 1000.0))),
            _ => Err(self.wrong(key, "a number of milliseconds, not negative")),
        }
    }

    pub(super) fn seconds(&self, key: &str) -> Answer<Option<Duration>> {
        let Some(value) = self.present(key) else { return Ok(None) };
        match value.as_f64() {
            Some(seconds) if (0.0..MOST_MS).contains(&seconds) => Ok(Some(Duration::from_secs_f64(seconds))),
            _ => Err(self.wrong(key, "a number of seconds, not negative")),
        }
    }

    /// A list of strings; `null` and `[]` are the empty list.
    pub(super) fn strings(&self, key: &str) -> Answer<Option<Vec<String>>> {
        match self.raw(key) {
            None => Ok(None),
            Some(value) if value.is_null() => Ok(Some(Vec::new())),
            Some(value) => strings(&value).map(Some).ok_or_else(|| self.wrong(key, "an array of strings")),
        }
    }

    /// An object of strings; `null` is the empty one.
    pub(super) fn map(&self, key: &str) -> Answer<Option<BTreeMap<String, String>>> {
        let Some(value) = self.raw(key).filter(|value| !value.is_null()) else {
            return Ok(self.raw(key).map(|_| BTreeMap::new()));
        };
        let wrong = || self.wrong(key, "an object whose values are strings");
        let object = value.dyn_ref::<Object>().filter(|_| !Array::is_array(&value)).ok_or_else(wrong)?;
        let pair = |pair: JsValue| {
            let pair: Array = pair.unchecked_into();
            Some((pair.get(0).as_string()?, pair.get(1).as_string()?))
        };
        let entries = Object::entries(object);
        // A value that is undefined is a variable that is not given.
        let given = entries.iter().filter(|pair| !pair.unchecked_ref::<Array>().get(1).is_undefined());
        given.map(|it| pair(it).ok_or_else(wrong)).collect::<Answer<_>>().map(Some)
    }

    /// A nested options object.
    pub(super) fn nested(&self, key: &'static str, known: &[&str]) -> Answer<Option<Self>> {
        self.present(key).map(|value| Self::new(key, &value, known)).transpose()
    }

    /// A list, each of which is read by `read`; `null` and `[]` are the empty one.
    pub(super) fn list<T>(&self, key: &str, expected: &str, read: impl Fn(&JsValue) -> Answer<T>) -> Answer<Vec<T>> {
        let Some(value) = self.present(key) else { return Ok(Vec::new()) };
        if !Array::is_array(&value) {
            return Err(self.wrong(key, expected));
        }
        Array::from(&value).iter().map(|it| read(&it)).collect()
    }

    pub(super) fn wrong(&self, key: &str, expected: &str) -> JsValue {
        let given = self.raw(key).unwrap_or(JsValue::UNDEFINED);
        let kind = match given.is_null() {
            true => "null".to_owned(),
            false => given.js_typeof().as_string().unwrap_or_default(),
        };
        type_error(&format!("{}: {key} must be {expected}, got {kind}", self.name))
    }

    /// `null` clears what is a single value: it counts as not given.
    fn present(&self, key: &str) -> Option<JsValue> {
        self.raw(key).filter(|value| !value.is_null())
    }
}

/// An array of strings.
pub(super) fn strings(value: &JsValue) -> Option<Vec<String>> {
    Array::is_array(value).then(|| Array::from(value).iter().map(|it| it.as_string()).collect()).flatten()
}

/// The bytes of a string or of a typed array.
pub(super) fn bytes(value: &JsValue) -> Option<Vec<u8>> {
    match value.as_string() {
        Some(text) => Some(text.into_bytes()),
        None => value.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec),
    }
}
