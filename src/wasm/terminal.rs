//! `CoreTerminal`: a terminal that outlives its connections, as JavaScript sees it. Each connection is a `CoreProcess`;
//! when to make the next is decided here, waiting for it is JavaScript's.

use std::{cell::RefCell, rc::Rc};

use js_sys::{Array, Promise};
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use super::{Answer, abort::promise, error::js_error, info::millis, process::CoreProcess, reader::Reader};
use crate::{
    error::{Error, ErrorKind},
    process::{ExecPlan, Keep, Keeper, PING_EVERY, PreparedExec, SILENCE},
    sandbox::{KeptTerminal, Sandbox, ShellOptions},
};

/// What the connections of a terminal share.
pub(super) struct Kept {
    pub(super) keeper: Keeper,
    /// What broke the last one.
    failure: RefCell<Option<Error>>,
}

impl Kept {
    pub(super) fn failed(&self, error: &Error) {
        *self.failure.borrow_mut() = Some(error.clone());
    }
}

/// A kept terminal.
#[wasm_bindgen]
pub struct CoreTerminal {
    sandbox: Sandbox,
    plan: ExecPlan,
    kept: Rc<Kept>,
}

impl CoreTerminal {
    /// `None` where nothing is to be kept.
    pub(super) fn new(sandbox: &Sandbox, options: ShellOptions) -> Answer<Self> {
        let (command, options) = options.into_exec();
        let plan = ExecPlan::new(command, options).map_err(js_error)?;
        let keeper = Keeper::new(plan.options().keep.clone().unwrap_or_default());
        // What happens is told to JavaScript by itself.
        drop(keeper.states());
        let kept = Rc::new(Kept { keeper, failure: RefCell::new(None) });
        Ok(Self { sandbox: sandbox.clone(), plan, kept })
    }
}

#[wasm_bindgen]
impl CoreTerminal {
    /// `Promise<CoreProcess>`: connects, or connects again.
    pub fn open(&self, signal: JsValue) -> Promise {
        let (sandbox, plan, kept) = (self.sandbox.clone(), self.plan.clone(), Rc::clone(&self.kept));
        // The first attempt may have to wait for the sandbox; a later one goes to a server that was there.
        let limit = (kept.keeper.kept() == Some(true)).then_some(SILENCE);
        promise(Some(signal), limit, async move {
            let opened = connect(&sandbox, plan, &kept).await;
            if let Err(error) = &opened {
                kept.failed(error);
            }
            Ok(opened?.in_terminal(&kept).into())
        })
    }

    /// Milliseconds until the next attempt after what broke the last connection; undefined when that is of no use.
    #[wasm_bindgen(js_name = retryAfter)]
    pub fn retry_after(&self) -> Option<f64> {
        let failure = self.kept.failure.take().unwrap_or_else(Keeper::silent);
        self.kept.keeper.lost(&failure).map(|delay| delay.as_secs_f64() * 1000.0)
    }

    /// The error of a server that says nothing any more.
    pub fn silent(&self) -> JsValue {
        let error = Keeper::silent();
        self.kept.failed(&error);
        js_error(error)
    }

    /// How often to ask the server whether it is there.
    #[wasm_bindgen(getter, js_name = pingMs)]
    pub fn ping_ms(&self) -> f64 {
        PING_EVERY.as_secs_f64() * 1000.0
    }

    /// Its name.
    #[wasm_bindgen(getter)]
    pub fn id(&self) -> String {
        self.kept.keeper.id()
    }

    /// Whether it outlives its connections; undefined until that is known.
    #[wasm_bindgen(getter)]
    pub fn kept(&self) -> Option<bool> {
        self.kept.keeper.kept()
    }

    /// Whether it was there before.
    #[wasm_bindgen(getter)]
    pub fn resumed(&self) -> bool {
        self.kept.keeper.resumed()
    }

    /// How much of its output came, in bytes from its start.
    #[wasm_bindgen(getter)]
    pub fn offset(&self) -> f64 {
        self.kept.keeper.offset() as f64
    }

    /// Where the output that it showed began.
    #[wasm_bindgen(getter)]
    pub fn first(&self) -> f64 {
        self.kept.keeper.first() as f64
    }

    /// How many bytes of it are missing.
    #[wasm_bindgen(getter)]
    pub fn dropped(&self) -> f64 {
        self.kept.keeper.dropped() as f64
    }

    /// `Promise<boolean>`: ends it and what runs in it.
    pub fn end(&self) -> Promise {
        end(self.sandbox.clone(), self.kept.keeper.id(), None)
    }
}

async fn connect(sandbox: &Sandbox, plan: ExecPlan, kept: &Kept) -> Result<CoreProcess, Error> {
    let id = sandbox.ready_for_work().await?;
    loop {
        let (head, first) = kept.keeper.prepare(sandbox.client(), &plan, &id).await?;
        let prepared = PreparedExec { head, plan: plan.clone(), first };
        match CoreProcess::open(sandbox, prepared).await {
            Err(error) if kept.keeper.falls_back(&error) => {}
            opened => return opened,
        }
    }
}

/// `Promise<boolean>`: ends a terminal by its name.
pub(super) fn end(sandbox: Sandbox, id: String, signal: Option<JsValue>) -> Promise {
    promise(signal, None, async move { sandbox.end_terminal(&id).await.map(JsValue::from) })
}

/// `Promise<object[]>`: the terminals that are kept of a sandbox.
pub(super) fn list(sandbox: Sandbox, options: &JsValue) -> Answer<Promise> {
    let reader = Reader::new("terminals", options, &["timeoutMs", "signal"])?;
    let limit = reader.millis("timeoutMs")?;
    Ok(promise(reader.raw("signal"), limit, async move {
        let listed = sandbox.terminals().await?;
        Ok(listed.iter().map(plain).collect::<Result<Array, _>>()?.into())
    }))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Plain<'a> {
    id: &'a str,
    container: &'a str,
    command: &'a [String],
    created_at_ms: Option<f64>,
    connected: u32,
    expires_at_ms: Option<f64>,
    offset: f64,
    exit_code: Option<i32>,
    cols: u16,
    rows: u16,
}

fn plain(terminal: &KeptTerminal) -> Result<JsValue, Error> {
    let plain = Plain {
        id: &terminal.id,
        container: &terminal.container,
        command: &terminal.command,
        created_at_ms: terminal.created_at.map(millis),
        connected: terminal.connected,
        expires_at_ms: terminal.expires_at.map(millis),
        offset: terminal.offset as f64,
        exit_code: terminal.exit_code,
        cols: terminal.size.cols,
        rows: terminal.size.rows,
    };
    plain.serialize(&Serializer::new()).map_err(|error| Error::new(ErrorKind::Other, error.to_string()))
}

/// `true`, a name, or `{ id, from, forMs, attachOnly }`; `false` keeps nothing.
pub(super) fn keep(reader: &Reader) -> Answer<Option<Keep>> {
    let Some(value) = reader.raw("keep").filter(|value| !value.is_null()) else { return Ok(None) };
    if let Some(wanted) = value.as_bool() {
        return Ok(wanted.then(Keep::new));
    }
    if let Some(id) = value.as_string() {
        return Ok(Some(Keep::new().id(id)));
    }
    let nested = Reader::new("keep", &value, &["id", "from", "forMs", "attachOnly"])?;
    let mut keep = Keep::new();
    keep.id = nested.string("id")?;
    keep.from = nested.offset("from")?;
    keep.keep_for = nested.millis("forMs")?;
    keep.attach_only = nested.bool("attachOnly")?.unwrap_or(false);
    Ok(Some(keep))
}
