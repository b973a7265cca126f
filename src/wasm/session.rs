//! `CoreSession`: a session, as JavaScript's `Session` sees it.

use js_sys::{Array, Object, Promise, Reflect};
use serde::Serialize;
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};

use super::{
    Answer,
    abort::promise,
    client::CorePages,
    error::{js_error, type_error},
    options::{list_options, run_options, stop_options},
    sandbox::CoreSandbox,
};
use crate::{
    client::Client,
    error::Error,
    session::{Metrics, SandboxDefaults, Session},
};

/// Sandboxes with shared defaults and one end.
#[wasm_bindgen]
pub struct CoreSession {
    session: Session,
}

impl CoreSession {
    /// A session whose sandboxes start from a command and options.
    pub(super) fn new(client: &Client, command: &JsValue, defaults: &JsValue) -> Answer<CoreSession> {
        let defaults = SandboxDefaults::new(run_options(command, defaults)?);
        Ok(Self { session: Session::new(client, defaults) })
    }
}

#[wasm_bindgen]
impl CoreSession {
    /// A sandbox that is not started yet. An option that is `null` or empty clears its default.
    pub fn sandbox(&self, command: &JsValue, options: &JsValue) -> Answer<CoreSandbox> {
        let own = run_options(command, options)?;
        let defaults = cleared(options).iter().fold(self.session.defaults().clone(), |it, name| it.without(name));
        let sandbox = self.session.prepare(&defaults, own).map_err(js_error)?;
        Ok(CoreSandbox::from(sandbox))
    }

    /// Has it stopped with the session.
    pub fn adopt(&self, sandbox: &CoreSandbox) -> Answer<()> {
        self.session.adopt(sandbox.sandbox()).map_err(js_error)
    }

    /// Sandboxes with the session's tags, page by page.
    pub fn list(&self, options: &JsValue) -> Answer<Promise> {
        let (signal, limit, options) = list_options(options)?;
        let pages = CorePages::new(self.session.list(options), signal, limit);
        Ok(promise(None, None, async move { Ok(pages.into()) }))
    }

    /// How many of its sandboxes have not ended.
    #[wasm_bindgen(getter)]
    pub fn count(&self) -> usize {
        self.session.sandbox_count()
    }

    /// What it did so far, as a plain object.
    pub fn metrics(&self) -> Answer<JsValue> {
        Plain::from(self.session.metrics())
            .serialize(&serde_wasm_bindgen::Serializer::new())
            .map_err(|error| type_error(&error.to_string()))
    }

    /// Stops all of its sandboxes. Rejects with an error whose `cause` has all failures.
    pub fn close(&self, options: &JsValue) -> Answer<Promise> {
        let (signal, limit, options) = stop_options(options)?;
        let session = self.session.clone();
        Ok(promise(signal, limit, async move {
            let failures = match session.close(options).await {
                Ok(()) => return Ok(JsValue::UNDEFINED),
                Err(error) => error,
            };
            let each: Array = failures.payload::<Vec<Error>>().into_iter().flatten().cloned().map(js_error).collect();
            let told = Object::new();
            // Setting a field of a plain object of ours cannot fail.
            let _ = Reflect::set(&told, &"error".into(), &js_error(failures));
            let _ = Reflect::set(&told, &"failures".into(), &each);
            Ok(told.into())
        }))
    }
}

/// The options that clear their default: `null`, `[]` and `{}`.
fn cleared(options: &JsValue) -> Vec<String> {
    let Some(object) = options.dyn_ref::<Object>() else { return Vec::new() };
    let empty = |value: &JsValue| {
        value.is_null()
            || (Array::is_array(value) && Array::from(value).length() == 0)
            || value.dyn_ref::<Object>().is_some_and(|it| !Array::is_array(value) && Object::keys(it).length() == 0)
    };
    let pairs = Object::entries(object).iter().map(JsCast::unchecked_into::<Array>).collect::<Vec<Array>>();
    pairs.into_iter().filter(|pair| empty(&pair.get(1))).filter_map(|pair| pair.get(0).as_string()).collect()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Plain {
    sandboxes_created: f64,
    executions: f64,
    exec_completed_ok: f64,
    exec_completed_nonzero: f64,
    exec_failures: f64,
    startup_count: f64,
    average_startup_ms: Option<f64>,
    min_startup_ms: Option<f64>,
    max_startup_ms: Option<f64>,
}

impl From<Metrics> for Plain {
    fn from(metrics: Metrics) -> Self {
        let ms = |duration: std::time::Duration| duration.as_secs_f64() * 1000.0;
        let count = metrics.startup_count as f64;
        Self {
            sandboxes_created: metrics.sandboxes_created as f64,
            executions: metrics.executions as f64,
            exec_completed_ok: metrics.exec_completed_ok as f64,
            exec_completed_nonzero: metrics.exec_completed_nonzero as f64,
            exec_failures: metrics.exec_failures as f64,
            startup_count: count,
            average_startup_ms: (count > 0.0).then(|| ms(metrics.startup_total) / count),
            min_startup_ms: metrics.startup_min.map(ms),
            max_startup_ms: metrics.startup_max.map(ms),
        }
    }
}
