//! `CoreClient`: a server, as JavaScript's `Client` sees it.

use js_sys::{Array, Function, Promise};
use send_wrapper::SendWrapper;
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};

use super::{
    Answer,
    abort::promise,
    container,
    credentials::{JsProvider, header_map},
    error::js_error,
    interceptor::JsInterceptor,
    options::{delete_options, list_options, retry_policy, run_options},
    reader::Reader,
    sandbox::CoreSandbox,
    session::CoreSession,
};
use crate::{
    client::Client,
    config::{ClientConfig, Credentials},
    sandbox::{Sandbox, SandboxList},
};

const CONFIG: &[&str] = &["baseUrl", "headers", "requestTimeoutMs", "retry", "interceptors", "provider", "host"];

/// A server and how to call it.
#[wasm_bindgen]
pub struct CoreClient {
    client: Client,
}

impl CoreClient {
    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }
}

#[wasm_bindgen]
impl CoreClient {
    /// `{ baseUrl, headers, requestTimeoutMs?, retry?, interceptors?, provider?, host }`.
    #[wasm_bindgen(constructor)]
    pub fn new(config: &JsValue) -> Answer<CoreClient> {
        let reader = Reader::new("Client", config, CONFIG)?;
        let mut made = ClientConfig::new(reader.string("baseUrl")?.unwrap_or_default());
        made.headers = header_map(&reader.raw("headers").unwrap_or_else(|| Array::new().into())).map_err(js_error)?;
        if let Some(timeout) = reader.millis("requestTimeoutMs")? {
            made.request_timeout = timeout;
        }
        if let Some(retry) = reader.raw("retry") {
            made.retry = retry_policy(&retry)?;
        }
        if let Some(interceptors) = reader.raw("interceptors") {
            made = JsInterceptor::all(&interceptors)?.into_iter().fold(made, ClientConfig::interceptor);
        }
        if let Some(provider) = reader.raw("provider").and_then(|it| it.dyn_into::<Function>().ok()) {
            made.credentials = Credentials::provider(JsProvider(SendWrapper::new(provider)));
        }
        let client = Client::new(made).map_err(js_error)?;
        let host = reader.raw("host").unwrap_or(JsValue::UNDEFINED);
        client.transport().use_host(&host).map_err(js_error)?;
        Ok(Self { client })
    }

    /// A sandbox that is not started yet; `compose` is undefined, or a compose file and what is said about it.
    pub fn run(&self, command: &JsValue, options: &JsValue, compose: &JsValue) -> Answer<CoreSandbox> {
        let mut options = run_options(command, options)?;
        options.compose = container::compose(compose)?;
        Ok(CoreSandbox::from(Sandbox::prepare(&self.client, options)))
    }

    /// A session whose sandboxes start from a command and options.
    pub fn session(&self, command: &JsValue, defaults: &JsValue) -> Answer<CoreSession> {
        CoreSession::new(&self.client, command, defaults)
    }

    /// The request that deletes a sandbox, for who cannot wait: `{ url, body }`, by gRPC-web.
    pub fn farewell(&self, id: String) -> Answer<JsValue> {
        let (url, body) = self.client.farewell(id).map_err(js_error)?;
        let request = js_sys::Object::new();
        // Setting a field of a plain object of ours cannot fail.
        let _ = js_sys::Reflect::set(&request, &"url".into(), &JsValue::from_str(&url));
        let _ = js_sys::Reflect::set(&request, &"body".into(), &js_sys::Uint8Array::from(&body[..]));
        Ok(request.into())
    }

    /// `Promise<CoreSandbox>`
    #[wasm_bindgen(js_name = fromId)]
    pub fn find(&self, id: String, options: &JsValue) -> Answer<Promise> {
        let reader = Reader::new("Sandbox.fromId", options, &["timeoutMs", "signal"])?;
        let limit = reader.millis("timeoutMs")?;
        let client = self.client.clone();
        Ok(promise(reader.raw("signal"), limit, async move {
            Ok(CoreSandbox::from(Sandbox::from_id(&client, &id).await?).into())
        }))
    }

    /// Deletes by id.
    pub fn delete(&self, id: String, options: &JsValue) -> Answer<Promise> {
        let (signal, limit, options) = delete_options(options)?;
        let client = self.client.clone();
        Ok(promise(signal, limit, async move {
            Sandbox::delete_by_id(&client, &id, options).await?;
            Ok(JsValue::UNDEFINED)
        }))
    }

    /// Sandboxes, page by page.
    pub fn list(&self, options: &JsValue) -> Answer<Promise> {
        let (signal, limit, options) = list_options(options)?;
        let pages = CorePages::new(Sandbox::list(&self.client, options), signal, limit);
        Ok(promise(None, None, async move { Ok(pages.into()) }))
    }
}

/// Pages of sandboxes.
#[wasm_bindgen]
pub struct CorePages {
    pages: SendWrapper<std::rc::Rc<futures::lock::Mutex<SandboxList>>>,
    signal: Option<JsValue>,
    limit: Option<std::time::Duration>,
}

impl CorePages {
    pub(super) fn new(list: SandboxList, signal: Option<JsValue>, limit: Option<std::time::Duration>) -> Self {
        Self { pages: SendWrapper::new(std::rc::Rc::new(futures::lock::Mutex::new(list))), signal, limit }
    }
}

#[wasm_bindgen]
impl CorePages {
    /// `Promise<CoreSandbox[] | undefined>`; undefined after the last page.
    #[wasm_bindgen(js_name = nextPage)]
    pub fn next_page(&self) -> Promise {
        let (pages, limit) = (self.pages.clone(), self.limit);
        promise(self.signal.clone(), limit, async move {
            let page = pages.lock().await.next_page().await.transpose()?;
            let wrap = |page: Vec<Sandbox>| {
                let wrapped: Array = page.into_iter().map(|it| JsValue::from(CoreSandbox::from(it))).collect();
                JsValue::from(wrapped)
            };
            Ok(page.map_or(JsValue::UNDEFINED, wrap))
        })
    }
}
