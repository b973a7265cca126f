//! `CoreExchange`: the talk with a code context, as JavaScript's connection sees it. Synchronous: the connection reads a
//! chunk, pushes it, and is told what was said and what to answer.

use std::cell::RefCell;

use bytes::Bytes;
use js_sys::{Array, Object, Reflect, Uint8Array};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use super::{
    Answer,
    error::{js_error, type_error},
    reader::Reader,
};
use crate::{
    code::{CallId, EventKind, Exchange, Language, Next, Received, RunOptions},
    error::{Error, ErrorKind},
};

#[wasm_bindgen]
extern "C" {
    /// Is told of every event.
    pub type CodeSink;
    #[wasm_bindgen(method)]
    fn event(this: &CodeSink, call: &str, kind: &str, body: JsValue, parts: Array);
}

/// One client's talk with one context.
#[wasm_bindgen]
pub struct CoreExchange {
    exchange: RefCell<Exchange>,
}

#[wasm_bindgen]
impl CoreExchange {
    /// A talk with a context, which may be started if `create`.
    #[wasm_bindgen(constructor)]
    pub fn new(id: &str, create: bool) -> Answer<Self> {
        let exchange = Exchange::new(id, create).map_err(js_error)?;
        Ok(Self { exchange: RefCell::new(exchange) })
    }

    /// The name of its language.
    #[wasm_bindgen(getter)]
    pub fn language(&self) -> String {
        self.exchange.borrow().language().name().to_owned()
    }

    /// Where its driver belongs.
    #[wasm_bindgen(getter, js_name = driverPath)]
    pub fn driver_path(&self) -> String {
        self.exchange.borrow().language().driver_path()
    }

    /// Whether somebody waits for an answer.
    #[wasm_bindgen(getter)]
    pub fn waiting(&self) -> bool {
        self.exchange.borrow().is_waiting()
    }

    /// The command that attaches; with the path of a file of requests it needs no stdin.
    pub fn command(&self, requests: Option<String>) -> Vec<String> {
        self.exchange.borrow_mut().command(requests.as_deref())
    }

    /// Runs code: `{ call, bytes }`.
    pub fn run(&self, source: &[u8], options: &JsValue) -> Answer<JsValue> {
        let reader = Reader::new("runCode", options, &["timeoutMs", "silent"])?;
        let made = RunOptions { timeout: reader.millis("timeoutMs")?, silent: reader.bool("silent")?.unwrap_or(false) };
        asked(self.exchange.borrow_mut().run(source, &made))
    }

    /// Gives the context a new interpreter: `{ call, bytes }`.
    pub fn restart(&self) -> Answer<JsValue> {
        asked(self.exchange.borrow_mut().restart())
    }

    /// Ends the context: `{ call, bytes }`.
    pub fn shutdown(&self) -> Answer<JsValue> {
        asked(self.exchange.borrow_mut().shutdown())
    }

    /// What interrupts a call; without one, whatever runs.
    pub fn interrupt(&self, call: Option<String>) -> Answer<Uint8Array> {
        let exchange = self.exchange.borrow();
        let bytes = match call {
            None => exchange.interrupt_running(),
            Some(call) => exchange.interrupt(call.parse::<CallId>().map_err(|_| type_error("no such call"))?),
        };
        Ok(Uint8Array::from(&bytes[..]))
    }

    /// What a new attachment is sent first.
    pub fn opening(&self) -> Uint8Array {
        Uint8Array::from(&self.exchange.borrow_mut().opening()[..])
    }

    /// Takes the next chunk of what the attachment says; answers with what to send.
    pub fn push(&self, chunk: &[u8], sink: &CodeSink) -> Answer<Uint8Array> {
        let answer = self.exchange.borrow_mut().accept(chunk, |event| tell(sink, event)).map_err(js_error)?;
        Ok(Uint8Array::from(&answer[..]))
    }

    /// The attachment ended: with an exit code, or by a failure that may pass or not. Answers with milliseconds to wait
    /// before the next one, "rest", "put" when the driver has to be written first, or "fail" for what failed.
    pub fn ended(&self, exit_code: Option<i32>, may_pass: bool, stderr: &str) -> Answer<JsValue> {
        let failure = || Error::new(if may_pass { ErrorKind::Network } else { ErrorKind::Other }, "");
        match self.exchange.borrow_mut().ended(exit_code.ok_or_else(failure), stderr) {
            Ok(Next::Rest) => Ok(JsValue::from_str("rest")),
            Ok(Next::PutDriver) => Ok(JsValue::from_str("put")),
            Ok(Next::Again(wait)) => Ok(JsValue::from_f64(wait.as_secs_f64() * 1000.0)),
            Err(_) if exit_code.is_none() => Ok(JsValue::from_str("fail")),
            Err(error) => Err(js_error(error)),
        }
    }
}

/// A language by any of its names, as the id of its shared context.
#[wasm_bindgen(js_name = codeLanguage)]
pub fn code_language(name: &str) -> Answer<String> {
    Language::parse(name).map(|language| language.name().to_owned()).map_err(js_error)
}

/// The id of a new context.
#[wasm_bindgen(js_name = newContextId)]
pub fn new_context_id(language: &str) -> Answer<String> {
    Language::parse(language).and_then(Language::new_context).map_err(js_error)
}

/// For every language, how to list contexts by it: `{ language, command, driverPath }`.
#[wasm_bindgen(js_name = contextLists)]
pub fn context_lists() -> Array {
    let list = |language: Language| -> JsValue {
        let command: Array = language.list().iter().map(|part| JsValue::from_str(part)).collect();
        let path = JsValue::from_str(&language.driver_path());
        object(&[("language", JsValue::from_str(language.name())), ("command", command.into()), ("driverPath", path)])
    };
    Language::ALL.into_iter().map(list).collect()
}

fn asked(answer: Result<(CallId, Bytes), Error>) -> Answer<JsValue> {
    let (call, bytes) = answer.map_err(js_error)?;
    let bytes = Uint8Array::from(&bytes[..]);
    Ok(object(&[("call", JsValue::from_str(&call.to_string())), ("bytes", bytes.into())]))
}

fn tell(sink: &CodeSink, Received { call, kind, body, parts }: Received) {
    let body = match kind {
        EventKind::Stdout | EventKind::Stderr => Uint8Array::from(&body[..]).into(),
        _ => JsValue::from_str(&String::from_utf8_lossy(&body)),
    };
    let part = |(mime, bytes): (String, Bytes)| -> JsValue {
        Array::of2(&JsValue::from_str(&mime), &Uint8Array::from(&bytes[..])).into()
    };
    sink.event(&call.to_string(), kind.name(), body, parts.into_iter().map(part).collect());
}

fn object(entries: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in entries {
        // Setting a field of a plain object of ours cannot fail.
        let _ = Reflect::set(&object, &JsValue::from_str(name), value);
    }
    object.into()
}
