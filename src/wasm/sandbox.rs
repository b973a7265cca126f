//! `CoreSandbox`: a sandbox, as JavaScript's `Sandbox` sees it.

use std::future::Future;

use js_sys::Promise;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use super::{
    Answer,
    abort::promise,
    files, info, logs,
    options::{argv, delete_options, exec_options, shell_options, stop_options},
    process::CoreProcess,
    reader::Reader,
    status::CoreStatusChanges,
    terminal::{self, CoreTerminal},
};
use crate::{
    error::Error,
    process::ExecOptions,
    sandbox::{ExecOutcome, Sandbox},
};

/// A sandbox.
#[wasm_bindgen]
pub struct CoreSandbox {
    sandbox: Sandbox,
}

impl From<Sandbox> for CoreSandbox {
    fn from(sandbox: Sandbox) -> Self {
        Self { sandbox }
    }
}

#[wasm_bindgen]
impl CoreSandbox {
    /// What is known about it without asking, as a plain object.
    pub fn info(&self) -> Answer<JsValue> {
        info::plain(&self.sandbox.info())
    }

    /// Has it created, if nobody did yet.
    pub fn start(&self, options: &JsValue) -> Answer<Promise> {
        let sandbox = self.sandbox.clone();
        call("start", options, |_| async move { sandbox.start().await.map(drop) })
    }

    /// `Promise<string>`: where the service on a port is reached.
    pub fn url(&self, port: u16, options: &JsValue) -> Answer<Promise> {
        let sandbox = self.sandbox.clone();
        let reader = Reader::new("url", options, &["timeoutMs", "signal"])?;
        let limit = reader.millis("timeoutMs")?;
        Ok(promise(reader.raw("signal"), limit, async move { sandbox.url(port).await.map(JsValue::from) }))
    }

    /// Waits until it runs.
    pub fn wait(&self, options: &JsValue) -> Answer<Promise> {
        let reader = Reader::new("wait", options, &["timeoutMs", "signal"])?;
        let limit = reader.millis("timeoutMs")?;
        let sandbox = self.sandbox.clone();
        Ok(promise(reader.raw("signal"), None, async move { sandbox.wait(limit).await.map(|()| JsValue::UNDEFINED) }))
    }

    /// `Promise<number | undefined>`: waits until it has ended.
    #[wasm_bindgen(js_name = waitUntilComplete)]
    pub fn wait_until_complete(&self, options: &JsValue) -> Answer<Promise> {
        let reader = Reader::new("waitUntilComplete", options, &["raiseOnTermination", "timeoutMs", "signal"])?;
        let (limit, raise) = (reader.millis("timeoutMs")?, reader.bool("raiseOnTermination")?.unwrap_or(true));
        let sandbox = self.sandbox.clone();
        Ok(promise(reader.raw("signal"), None, async move {
            Ok(sandbox.wait_until_complete(limit, raise).await?.map_or(JsValue::UNDEFINED, JsValue::from))
        }))
    }

    /// Its states as they pass.
    #[wasm_bindgen(js_name = statusChanges)]
    pub fn status_changes(&self, options: &JsValue) -> Answer<CoreStatusChanges> {
        let reader = Reader::new("statusChanges", options, &["signal"])?;
        Ok(CoreStatusChanges::new(&self.sandbox, reader.raw("signal")))
    }

    /// Asks the server for its state.
    #[wasm_bindgen(js_name = getStatus)]
    pub fn get_status(&self, options: &JsValue) -> Answer<Promise> {
        let reader = Reader::new("getStatus", options, &["timeoutMs", "signal"])?;
        let limit = reader.millis("timeoutMs")?;
        let sandbox = self.sandbox.clone();
        Ok(promise(
            reader.raw("signal"),
            limit,
            async move { Ok(JsValue::from_str(sandbox.get_status().await?.name())) },
        ))
    }

    /// Stops it and waits for its end.
    pub fn stop(&self, options: &JsValue) -> Answer<Promise> {
        let (signal, limit, options) = stop_options(options)?;
        let sandbox = self.sandbox.clone();
        Ok(promise(signal, limit, async move {
            sandbox.stop(options).await?;
            Ok(JsValue::UNDEFINED)
        }))
    }

    /// Deletes it without waiting for its end.
    #[wasm_bindgen(js_name = deleteSelf)]
    pub fn delete_self(&self, options: &JsValue) -> Answer<Promise> {
        let (signal, limit, options) = delete_options(options)?;
        let sandbox = self.sandbox.clone();
        Ok(promise(signal, limit, async move {
            sandbox.delete(options).await?;
            Ok(JsValue::UNDEFINED)
        }))
    }

    /// `Promise<CoreProcess>`: opens the stream of a command.
    pub fn exec(&self, command: &JsValue, options: &JsValue) -> Answer<Promise> {
        let (signal, options) = exec_options(options)?;
        Ok(self.open(signal, argv(command)?, options))
    }

    /// `Promise<CoreProcess>`: opens the stream of a shell.
    pub fn shell(&self, command: &JsValue, options: &JsValue) -> Answer<Promise> {
        let (signal, options) = shell_options(command, options)?;
        let (command, options) = options.into_exec();
        Ok(self.open(signal, command, options))
    }

    /// A terminal that outlives its connections; it is connected by its `open`.
    pub fn terminal(&self, command: &JsValue, options: &JsValue) -> Answer<CoreTerminal> {
        CoreTerminal::new(&self.sandbox, shell_options(command, options)?.1)
    }

    /// `Promise<object[]>`: the terminals that the server keeps.
    pub fn terminals(&self, options: &JsValue) -> Answer<Promise> {
        terminal::list(self.sandbox.clone(), options)
    }

    /// `Promise<boolean>`: ends one of them.
    #[wasm_bindgen(js_name = endTerminal)]
    pub fn end_terminal(&self, id: String, signal: JsValue) -> Promise {
        terminal::end(self.sandbox.clone(), id, Some(signal))
    }

    /// A process of it ended, with this exit code or without any.
    pub fn executed(&self, exit_code: Option<i32>) {
        self.sandbox.executed(exit_code.map_or(ExecOutcome::Failed, ExecOutcome::Exited));
    }

    /// `Promise<CoreLogs>`: opens its log.
    pub fn logs(&self, options: &JsValue) -> Answer<Promise> {
        logs::open(self.sandbox.clone(), options)
    }

    /// Lists, makes, moves, removes.
    #[wasm_bindgen(js_name = fileOperation)]
    pub fn file_operation(&self, name: &str, path: String, options: &JsValue) -> Answer<Promise> {
        files::operate(self.sandbox.clone(), name, path, options)
    }

    /// `Promise<Uint8Array>`
    #[wasm_bindgen(js_name = readFile)]
    pub fn read_file(&self, path: String, options: &JsValue) -> Answer<Promise> {
        let (signal, limit, container) = files::options("readFile", options)?;
        let sandbox = self.sandbox.clone();
        Ok(promise(signal, limit, async move { files::read(&sandbox, &path, &container).await }))
    }

    /// `content` is a `Uint8Array` or a `Blob`.
    #[wasm_bindgen(js_name = writeFile)]
    pub fn write_file(&self, path: String, content: JsValue, options: &JsValue) -> Answer<Promise> {
        let (signal, limit, container) = files::options("writeFile", options)?;
        let sandbox = self.sandbox.clone();
        Ok(promise(signal, limit, async move {
            files::write(&sandbox, &path, &content, &container).await?;
            Ok(JsValue::UNDEFINED)
        }))
    }
}

impl CoreSandbox {
    pub(super) fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    fn open(&self, signal: Option<JsValue>, command: Vec<String>, options: ExecOptions) -> Promise {
        let sandbox = self.sandbox.clone();
        promise(signal, None, async move {
            let prepared = sandbox.prepare_exec(command, options).await?;
            Ok(CoreProcess::open(&sandbox, prepared).await?.into())
        })
    }
}

/// A call with nothing but a limit and a signal.
fn call<Answering>(name: &'static str, options: &JsValue, act: impl FnOnce(()) -> Answering) -> Answer<Promise>
where
    Answering: Future<Output = Result<(), Error>> + 'static,
{
    let reader = Reader::new(name, options, &["timeoutMs", "signal"])?;
    let limit = reader.millis("timeoutMs")?;
    let acting = act(());
    Ok(promise(reader.raw("signal"), limit, async move {
        acting.await?;
        Ok(JsValue::UNDEFINED)
    }))
}
