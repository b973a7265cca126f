//! Files between JavaScript and a sandbox: whole ones without a copy in wasm memory, and what else is done with files.

use std::time::{Duration, UNIX_EPOCH};

use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use web_sys::Blob;

use super::{Answer, abort::promise, error::js_error, reader::Reader};
use crate::{
    error::Error,
    sandbox::{FileEntry, FileOperation, IgnoreRules, Sandbox, outcome, part_of},
};

const OPERATION: &[&str] = &["container", "timeoutMs", "signal", "depth", "recursive", "to", "size"];

/// The signal, the limit and the container of a file call.
pub(super) fn options(name: &'static str, options: &JsValue) -> Answer<(Option<JsValue>, Option<Duration>, String)> {
    let reader = Reader::new(name, options, &["container", "timeoutMs", "signal"])?;
    let container = reader.string("container")?.unwrap_or_default();
    Ok((reader.raw("signal"), reader.millis("timeoutMs")?, container))
}

/// Reads a file into one array.
pub(super) async fn read(sandbox: &Sandbox, path: &str, container: &str) -> Result<JsValue, Error> {
    let prepared = sandbox.prepare_read(path, container).await?;
    let client = sandbox.client();
    let parts = client.refreshing(prepared.head, |head| client.transport().download(head, &prepared.message)).await?;
    Ok(concatenate(&parts).into())
}

/// Writes a `Uint8Array` or a `Blob`.
pub(super) async fn write(sandbox: &Sandbox, path: &str, content: &JsValue, container: &str) -> Result<(), Error> {
    let len = match (content.dyn_ref::<Blob>(), content.dyn_ref::<Uint8Array>()) {
        (Some(blob), _) => blob.size() as usize,
        (None, Some(bytes)) => bytes.length() as usize,
        (None, None) => return Err(Error::invalid("data", "must be bytes or a Blob")),
    };
    let prepared = sandbox.prepare_write(path, len, container).await?;
    let client = sandbox.client();
    let send = |head| client.transport().upload(head, &prepared.prefix, content, len);
    client.refreshing(prepared.head, send).await
}

/// Lists, makes, moves, removes: `Promise` of rows for `list`, of a row for `stat`, else of undefined.
pub(super) fn operate(sandbox: Sandbox, name: &str, path: String, options: &JsValue) -> Answer<Promise> {
    let reader = Reader::new("files", options, OPERATION)?;
    let target = || reader.string("to")?.ok_or_else(|| reader.wrong("to", "a string"));
    let flag = |key: &str, default: bool| Ok::<_, JsValue>(reader.bool(key)?.unwrap_or(default));
    let operation = match name {
        "list" => FileOperation::List { depth: reader.number("depth")?.unwrap_or(1) },
        "stat" => FileOperation::Stat,
        "mkdir" => FileOperation::MakeDir { parents: flag("recursive", true)? },
        "rename" => FileOperation::Rename { to: target()? },
        "copy" => FileOperation::Copy { to: target()? },
        "commit" => {
            let size = reader.raw("size").and_then(|size| size.as_f64()).unwrap_or(-1.0);
            FileOperation::Commit { to: target()?, size: size as u64 }
        }
        _ => FileOperation::Remove { recursive: flag("recursive", false)? },
    };
    let mut files = sandbox.files();
    if let Some(container) = reader.string("container")? {
        files = files.container(container);
    }
    Ok(promise(reader.raw("signal"), reader.millis("timeoutMs")?, async move {
        match operation {
            FileOperation::List { depth } => {
                Ok(files.list(&path, depth).await?.iter().map(row).collect::<Array>().into())
            }
            FileOperation::Stat => Ok(row(&files.stat(&path).await?)),
            operation => files.apply(&path, &operation).await.map(|()| JsValue::UNDEFINED),
        }
    }))
}

/// `[path, type, size, mode, modified ms]`
fn row(entry: &FileEntry) -> JsValue {
    let modified = entry.modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1000.0;
    let numbers = [entry.size as f64, f64::from(entry.mode), modified];
    let texts = [entry.path.as_str(), entry.kind.name()].map(JsValue::from_str);
    texts.into_iter().chain(numbers.map(JsValue::from_f64)).collect::<Array>().into()
}

/// The command that moves bytes: `read` and `write` those of a file, `upload` and `download` an archive of a directory.
#[wasm_bindgen(js_name = fileCommand)]
pub fn command(name: &str, path: &str) -> Vec<String> {
    let operation = match name {
        "read" => FileOperation::Read,
        "upload" => FileOperation::Upload,
        "download" => FileOperation::Download,
        _ => FileOperation::Write,
    };
    operation.command(path)
}

/// Fails if what `read` printed is not all of the file.
#[wasm_bindgen(js_name = checkFileRead)]
pub fn check_read(path: &str, exit_code: i32, stderr: &str, received: f64) -> Answer<()> {
    FileOperation::Read.check_read(path, exit_code, stderr, received as u64).map_err(js_error)
}

/// Fails if a command that did this to a path did.
#[wasm_bindgen(js_name = checkFile)]
pub fn check(name: &str, path: &str, exit_code: i32, stderr: &str) -> Answer<()> {
    outcome(name, path, exit_code, stderr).map_err(js_error)
}

/// Which paths of a directory are left out.
#[wasm_bindgen]
pub struct CoreIgnoreRules(IgnoreRules);

#[wasm_bindgen]
impl CoreIgnoreRules {
    /// Patterns as in a .gitignore file.
    #[wasm_bindgen(constructor)]
    pub fn new(lines: Vec<String>) -> Self {
        Self(IgnoreRules::new(lines))
    }

    /// Whether a path below the directory is.
    pub fn ignores(&self, path: &str, is_directory: bool) -> bool {
        self.0.ignores(path, is_directory)
    }
}

/// Where a file lies until it is whole.
#[wasm_bindgen(js_name = partOfFile)]
pub fn part(path: &str) -> Answer<String> {
    part_of(path).map_err(js_error)
}

/// Most files come in one view, which only has to be cut out of its chunk.
fn concatenate(parts: &Array) -> Uint8Array {
    let parts: Vec<Uint8Array> = parts.iter().map(JsCast::unchecked_into).collect();
    let whole = Uint8Array::new_with_length(parts.iter().map(Uint8Array::length).sum());
    let mut at = 0;
    for part in &parts {
        whole.set(part, at);
        at += part.length();
    }
    whole
}
