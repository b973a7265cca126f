//! `CoreStatusChanges`: a sandbox's states as they pass, one promise each.

use std::rc::Rc;

use futures::{StreamExt, lock::Mutex, stream::LocalBoxStream};
use js_sys::Promise;
use send_wrapper::SendWrapper;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use super::abort::promise;
use crate::{
    error::Error,
    sandbox::{Sandbox, SandboxStatus},
};

type Changes = LocalBoxStream<'static, Result<SandboxStatus, Error>>;

/// A sandbox's states. Freeing it ends the asking.
#[wasm_bindgen]
pub struct CoreStatusChanges {
    changes: SendWrapper<Rc<Mutex<Changes>>>,
    signal: Option<JsValue>,
}

impl CoreStatusChanges {
    pub(super) fn new(sandbox: &Sandbox, signal: Option<JsValue>) -> Self {
        Self { changes: SendWrapper::new(Rc::new(Mutex::new(sandbox.status_changes().boxed_local()))), signal }
    }
}

#[wasm_bindgen]
impl CoreStatusChanges {
    /// `Promise<string | undefined>`; undefined after the last one.
    pub fn next(&self) -> Promise {
        let changes = self.changes.clone();
        promise(self.signal.clone(), None, async move {
            let next = changes.lock().await.next().await.transpose()?;
            Ok(next.map_or(JsValue::UNDEFINED, |status| JsValue::from_str(status.name())))
        })
    }
}
