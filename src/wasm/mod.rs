//! The boundary to JavaScript: convert, call, convert. No decision is made here.
//! Must not know: the wire, frames, how calls are carried.
//!
//! Objects are used by reference over shared insides and answer with promises, because JavaScript calls them while they
//! are busy. Options are read by name and unknown ones refused; plain values go out; errors are made by `errors.js`, so
//! that both sides share the classes. The public surface is in the npm package's `sdk.js`; nothing here is called by users.

mod abort;
mod catalog;
mod client;
mod cloud;
mod code;
mod container;
mod credentials;
mod error;
mod files;
mod info;
mod interceptor;
mod logs;
mod network;
mod options;
mod process;
mod reader;
mod sandbox;
mod session;
mod status;
mod storage;
mod terminal;

use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

#[wasm_bindgen(raw_module = "./panic.js")]
extern "C" {
    fn panicked(message: &str);
}

/// Called once, before anything else: makes a panic known to whoever waits.
#[wasm_bindgen]
pub fn start() {
    std::panic::set_hook(Box::new(|info| panicked(&info.to_string())));
}

/// What every function here answers with when it fails: an error of `errors.js`.
type Answer<T> = Result<T, JsValue>;
