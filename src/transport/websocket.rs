//! `grpc-websockets`: how a call's head and frames become messages of a WebSocket.
//! Must not know: sockets, what the frames mean.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::JsCast;

use super::head::INTERACTIVE_WINDOW;
pub(super) use crate::grpc_web::{HALF_CLOSE, KEEPALIVE, SUBPROTOCOL};
use crate::grpc_web::{WINDOW_HEADER, data_messages, header_block};

/// Fills a link of 300 Mbit/s over 100 ms.
const WINDOW: u32 = 4 * 1024 * 1024;

/// How many bytes the server may have under way.
pub(super) fn window(interactive: bool) -> u32 {
    if interactive { INTERACTIVE_WINDOW } else { WINDOW }
}

/// What is sent as soon as the socket is open: the head, then the frames known so far.
pub(super) fn opening_messages(headers: &[(String, String)], window: u32, parts: &Array) -> Array {
    let window = window.to_string();
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let block = header_block(headers.chain([(WINDOW_HEADER, window.as_str())]));
    let messages = Array::of1(&Uint8Array::from(&block[..]));
    for part in parts.iter() {
        if let Ok(bytes) = part.dyn_into::<Uint8Array>() {
            for message in data_messages(&bytes.to_vec()) {
                messages.push(&Uint8Array::from(&message[..]));
            }
        }
    }
    messages
}

/// The messages that carry `frame`.
pub(super) fn messages(frame: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    data_messages(frame)
}
