//! `CoreProcess`: an open process, as JavaScript's read loop sees it. Synchronous but for its opening: the loop reads a
//! chunk, pushes it, and is told what happened; payloads go straight to its sink.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use bytes::Bytes;
use js_sys::Uint8Array;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use super::{Answer, error::js_error, terminal::Kept};
use crate::{
    JsSink, PayloadCall,
    error::Error,
    process::{
        ExecEvent, OutputState, OutputStream, PreparedExec, StdinFrame, TerminalSize, signal_command, signal_name,
    },
    sandbox::Sandbox,
};

/// It takes input now.
const READY: u32 = 1;
/// It ended.
const EXITED: u32 = 2;
/// Output of its terminal is missing from here on.
const DROPPED: u32 = 4;

/// The open stream of a process. Freeing it cancels the process, unless it has ended.
#[wasm_bindgen]
pub struct CoreProcess {
    call: RefCell<PayloadCall>,
    state: RefCell<OutputState>,
    exit_code: Cell<Option<i32>>,
    mark: Option<String>,
    kept: Option<Rc<Kept>>,
}

impl CoreProcess {
    pub(super) async fn open(sandbox: &Sandbox, prepared: PreparedExec) -> Result<Self, Error> {
        let first = prepared.first_message();
        let keep_open = prepared.plan.keeps_input_open();
        let state = OutputState::new(prepared.head.context.sandbox_id.clone().unwrap_or_default());
        let client = sandbox.client();
        let open = |head| client.transport().open_payload(head, &first, keep_open);
        let call = client.refreshing(prepared.head, open).await?;
        Ok(Self {
            call: RefCell::new(call),
            state: RefCell::new(state),
            exit_code: Cell::new(None),
            mark: prepared.plan.mark().map(str::to_owned),
            kept: None,
        })
    }

    /// It runs in a terminal that is, or is to be, kept.
    pub(super) fn in_terminal(mut self, kept: &Rc<Kept>) -> Self {
        self.kept = Some(Rc::clone(kept));
        self
    }

    /// As JavaScript's error; a kept terminal remembers it.
    fn failed(&self, error: Error) -> JsValue {
        if let Some(kept) = &self.kept {
            kept.failed(&error);
        }
        js_error(error)
    }

    fn message(&self, bytes: Bytes, sink: &JsSink) -> Result<u32, Error> {
        let event = self.state.borrow_mut().accept_encoded(bytes)?;
        if let (Some(kept), Some(event)) = (&self.kept, &event) {
            kept.keeper.note(event);
        }
        Ok(match event {
            Some(ExecEvent::Ready) => READY,
            Some(ExecEvent::Exit(code)) => {
                self.exit_code.set(Some(code));
                EXITED
            }
            Some(ExecEvent::Output(stream, data)) => {
                let tag = if stream == OutputStream::Stderr { 2 } else { 1 };
                sink.bytes(tag, Uint8Array::from(&data[..]));
                0
            }
            Some(ExecEvent::Dropped(_)) => DROPPED,
            Some(ExecEvent::Attached(_) | ExecEvent::Pong) | None => 0,
        })
    }
}

#[wasm_bindgen]
impl CoreProcess {
    /// Where the chunks come from: `{ read(), cancel() }`.
    #[wasm_bindgen(getter)]
    pub fn reader(&self) -> JsValue {
        self.call.borrow().reader().into()
    }

    /// How it is connected.
    #[wasm_bindgen(getter)]
    pub fn transport(&self) -> String {
        self.call.borrow().transport().to_owned()
    }

    /// Its exit code, once `push` said that it ended.
    #[wasm_bindgen(getter, js_name = exitCode)]
    pub fn exit_code(&self) -> Option<i32> {
        self.exit_code.get()
    }

    /// Takes the next chunk; answers with what happened as bits: 1 ready, 2 exited, 4 output is missing.
    pub fn push(&self, chunk: &Uint8Array, sink: &JsSink) -> Answer<u32> {
        let mut happened = 0;
        let mut failed = None;
        let pushed = self.call.borrow_mut().push(chunk, sink, |bytes| match self.message(bytes, sink) {
            Ok(event) => happened |= event,
            Err(error) => failed = failed.take().or(Some(error)),
        });
        if let Some(kept) = &self.kept {
            kept.keeper.advance(self.call.borrow_mut().take_seen());
        }
        match failed.map_or(pushed, Err) {
            // What went wrong after the exit does not change it.
            Err(_) if happened & EXITED != 0 => Ok(happened),
            Err(error) => Err(self.failed(error)),
            Ok(()) => Ok(happened),
        }
    }

    /// The chunks have ended: its exit code, or why there is none.
    pub fn finish(&self) -> Answer<i32> {
        let failure = self.call.borrow_mut().finish().err();
        self.state.borrow().finish(failure).map_err(|error| self.failed(error))
    }

    /// What the reader threw, as a typed error.
    pub fn failure(&self, thrown: JsValue) -> JsValue {
        self.failed(self.call.borrow().failure(thrown))
    }

    /// Sends input, at most 64 KiB. A promise when the process is slower than the writer.
    #[wasm_bindgen(js_name = sendInput)]
    pub fn send_input(&self, bytes: Vec<u8>) -> Answer<JsValue> {
        self.send(StdinFrame::Data(bytes.into()))
    }

    /// Ends the input.
    #[wasm_bindgen(js_name = closeInput)]
    pub fn close_input(&self) -> Answer<()> {
        self.send(StdinFrame::Close)?;
        self.call.borrow_mut().close_send();
        Ok(())
    }

    /// Gives its terminal another size.
    pub fn resize(&self, cols: u16, rows: u16) -> Answer<()> {
        let size = TerminalSize { cols, rows };
        if let Some(kept) = &self.kept {
            kept.keeper.resized(size);
        }
        self.send(StdinFrame::Resize(size)).map(drop)
    }

    /// Asks the server of a kept terminal whether it is there: whatever comes next says so.
    pub fn ping(&self) -> Answer<()> {
        self.send(StdinFrame::Ping).map(drop)
    }

    /// The command that sends it a signal, to be run beside it; undefined for KILL, which ending the call does.
    #[wasm_bindgen(js_name = signalCommand)]
    pub fn signal_command(&self, signal: &str) -> Answer<Option<Vec<String>>> {
        let name = signal_name(signal).map_err(js_error)?;
        let wanted = self.mark.as_deref().filter(|_| name != "KILL" && name != "9");
        Ok(wanted.map(|mark| signal_command(mark, &name)))
    }

    /// Ends the process.
    pub fn cancel(&self) {
        self.call.borrow().abort();
    }
}

impl CoreProcess {
    fn send(&self, frame: StdinFrame) -> Answer<JsValue> {
        self.call.borrow().send(&frame.encode()).map_err(js_error)
    }
}
