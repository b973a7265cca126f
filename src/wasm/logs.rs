//! `CoreLogs`: an open log, as JavaScript's `LogStream` sees it.

use std::{
    cell::RefCell,
    rc::Rc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use super::{Answer, abort::promise, error::js_error, reader::Reader};
use crate::{
    error::{Error, ErrorKind},
    sandbox::{LogChunk, LogOptions, LogPosition, LogStream, Sandbox},
};

const LOGS: &[&str] = &["follow", "tailLines", "since", "timestamps", "container", "resume", "timeoutMs", "signal"];

/// An open log. Freeing it ends its call, unless a chunk is awaited: then the signal does.
#[wasm_bindgen]
pub struct CoreLogs {
    stream: Rc<RefCell<Option<LogStream>>>,
    signal: Option<JsValue>,
}

/// `Promise<CoreLogs>`
pub(super) fn open(sandbox: Sandbox, options: &JsValue) -> Answer<Promise> {
    let (signal, options) = log_options(options)?;
    Ok(promise(signal.clone(), None, async move {
        let stream = sandbox.logs(options).await?;
        Ok(CoreLogs { stream: Rc::new(RefCell::new(Some(stream))), signal }.into())
    }))
}

#[wasm_bindgen]
impl CoreLogs {
    /// `Promise<[bytes, ms | undefined, sessionId, offset] | undefined>`: the next piece; undefined at the end.
    pub fn next(&self) -> Promise {
        let shared = Rc::clone(&self.stream);
        promise(self.signal.clone(), None, async move {
            let busy = || Error::new(ErrorKind::Other, "somebody else waits for the next piece of this log");
            let mut stream = shared.borrow_mut().take().ok_or_else(busy)?;
            let next = stream.next().await.transpose();
            shared.replace(Some(stream));
            Ok(next?.map_or(JsValue::UNDEFINED, plain))
        })
    }
}

fn plain(chunk: LogChunk) -> JsValue {
    let LogChunk { data, timestamp, position: LogPosition { session_id, offset } } = chunk;
    let since = timestamp.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let time = since.map_or(JsValue::UNDEFINED, |since| JsValue::from_f64(since.as_secs_f64() * 1000.0));
    Array::of4(&Uint8Array::from(&data[..]), &time, &JsValue::from_str(&session_id), &JsValue::from_f64(offset as f64))
        .into()
}

fn log_options(options: &JsValue) -> Answer<(Option<JsValue>, LogOptions)> {
    let reader = Reader::new("logs", options, LOGS)?;
    let mut made = LogOptions { follow: reader.bool("follow")?.unwrap_or(false), ..Default::default() };
    made.tail_lines = reader.number("tailLines")?;
    made.since = reader.millis("since")?.map(moment).transpose()?;
    made.timestamps = reader.bool("timestamps")?.unwrap_or(false);
    made.container = reader.string("container")?;
    made.timeout = reader.millis("timeoutMs")?;
    if let Some(resume) = reader.nested("resume", &["sessionId", "offset"])? {
        let session_id = resume.string("sessionId")?.ok_or_else(|| resume.wrong("sessionId", "a string"))?;
        let offset = resume.raw("offset").and_then(|offset| offset.as_f64()).filter(|n| *n >= 0.0 && n.fract() == 0.0);
        let offset = offset.ok_or_else(|| resume.wrong("offset", "a whole number, not negative"))?;
        made.resume = Some(LogPosition { session_id, offset: offset as u64 });
    }
    Ok((reader.raw("signal"), made))
}

fn moment(since: Duration) -> Answer<SystemTime> {
    let far = || js_error(Error::invalid("since", "is too far in the future"));
    UNIX_EPOCH.checked_add(since).ok_or_else(far)
}
