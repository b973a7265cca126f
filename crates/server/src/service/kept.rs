//! Interpreters that keep their state, reached as every client reaches them: by the driver that lies in the sandbox. One
//! request, one attachment. Must not know: who asks.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::{Buf, Bytes, BytesMut};
use serde_json::{Map, Value, json};
use tokio::io::AsyncWriteExt;

use super::{
    Problem,
    exec::collect_thinned,
    execute::{Executed, TIMED_OUT},
};
use crate::runtime::{ExecRequest, FileError, Instance};

/// Where everything of ours lies in a sandbox: the client's places, as the contexts are the same.
pub(super) const ROOT: &str = "/tmp/.jetway";
const CONTEXTS: &str = "/tmp/.jetway/contexts-1";

const PYTHON: &str = concat!(
    include_str!("../../../../src/code/driver/python/attach.py"),
    include_str!("../../../../src/code/driver/python/spool.py"),
    include_str!("../../../../src/code/driver/python/clients.py"),
    include_str!("../../../../src/code/driver/python/supervisor.py"),
    include_str!("../../../../src/code/driver/python/shell.py"),
    include_str!("../../../../src/code/driver/python/worker.py"),
);
const JAVASCRIPT: &str = concat!(
    include_str!("../../../../src/code/driver/javascript/attach.mjs"),
    include_str!("../../../../src/code/driver/javascript/spool.mjs"),
    include_str!("../../../../src/code/driver/javascript/supervisor.mjs"),
    include_str!("../../../../src/code/driver/javascript/worker.mjs"),
    include_str!("../../../../src/code/driver/javascript/imports.mjs"),
    include_str!("../../../../src/code/driver/javascript/main.mjs"),
);

/// What an attachment prints may be so long: the frames of two full streams and what was shown.
const MOST_FRAMES: usize = 64 * 1024 * 1024;
const MOST_STREAM: usize = 10 * 1024 * 1024;
/// The driver ends a call at its limit by itself; this is for a driver that cannot.
const SLACK: Duration = Duration::from_secs(20);
const HEAD: usize = 9;

/// A language whose interpreter is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    Python,
    JavaScript,
    Bash,
}

impl Kept {
    /// The one with that name, if there is an interpreter to keep.
    pub fn of(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "python" | "python3" | "py" => Some(Self::Python),
            "node" | "javascript" | "js" | "nodejs" => Some(Self::JavaScript),
            "bash" | "sh" | "shell" => Some(Self::Bash),
            _ => None,
        }
    }

    fn context(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::JavaScript => "javascript",
            Self::Bash => "bash",
        }
    }

    fn driver(self) -> &'static str {
        match self {
            Self::Python | Self::Bash => PYTHON,
            Self::JavaScript => JAVASCRIPT,
        }
    }

    /// Beside the clients' own copies, whose versions may differ.
    fn path(self) -> String {
        let name = if self == Self::JavaScript { "driver.mjs" } else { "driver.py" };
        format!("{ROOT}/server-{}/{name}", env!("CARGO_PKG_VERSION"))
    }

    fn attach(self) -> Vec<String> {
        let interpreter: &[&str] = if self == Self::JavaScript { &["node"] } else { &["python3", "-I", "-S"] };
        let rest =
            [self.path(), "attach".into(), format!("{CONTEXTS}/{}", self.context()), r#"{"create":true}"#.into()];
        interpreter.iter().map(|part| (*part).to_owned()).chain(rest).collect()
    }
}

/// Runs code in the default context of its language. `None` when the sandbox has nothing to keep its state with.
pub(super) async fn run(
    instance: &dyn Instance,
    container: &str,
    language: Kept,
    code: &str,
    limit: Duration,
) -> Result<Option<Executed>, Problem> {
    let request = execute_request(code, limit)?;
    for attempt in 0..2 {
        let attach =
            ExecRequest { container: container.to_owned(), argv: language.attach(), stdin: true, ..Default::default() };
        let mut handle = match instance.exec(attach).await {
            Ok(handle) => handle,
            Err(error) => return Ok(Some(failed(error.to_string()))),
        };
        let stdin = handle.stdin.take();
        let writing = async {
            if let Some(mut stdin) = stdin {
                // An attachment that ends early takes no input; why it did shows in how it ended.
                let _ = stdin.write_all(&request).await;
                let _ = stdin.shutdown().await;
            }
        };
        let mut thinned = Thinned::default();
        let late = tokio::time::sleep(limit.saturating_add(SLACK));
        let (_, (collected, late)) =
            tokio::join!(writing, collect_thinned(handle, MOST_FRAMES, late, |said| thinned.thin(said)));
        let done = read(language, collected.stdout);
        if done.greeted {
            return Ok(Some(if done.ended { done.outcome } else { unfinished(done.outcome, late) }));
        }
        match collected.exit {
            Ok(126 | 127) => return Ok(None),
            Ok(_) if attempt == 0 => put(instance, container, &language.path(), language.driver().as_bytes()).await?,
            Ok(code) => {
                let said = String::from_utf8_lossy(&collected.stderr).trim_end().to_owned();
                return Ok(Some(failed(format!("the interpreter could not be attached to: exit code {code}, {said}"))));
            }
            Err(lost) => return Ok(Some(failed(lost))),
        }
    }
    Ok(None)
}

/// Writes a file of ours into the sandbox.
pub(super) async fn put(instance: &dyn Instance, container: &str, path: &str, content: &[u8]) -> Result<(), Problem> {
    let failed = |error| Problem::file(path, error);
    let io = |error: std::io::Error| FileError::Io { path: path.to_owned(), reason: error.to_string() };
    let mut writer = instance.create_file(container, path).await.map_err(failed)?;
    writer.file.write_all(content).await.map_err(io).map_err(failed)?;
    writer.file.flush().await.map_err(io).map_err(failed)?;
    (writer.commit)().await.map_err(failed)
}

fn execute_request(code: &str, limit: Duration) -> Result<Vec<u8>, Problem> {
    let options = json!({ "silent": false, "timeoutMs": u64::try_from(limit.as_millis()).unwrap_or(u64::MAX).max(1) });
    let options = options.to_string();
    let mut call = [0; 8];
    getrandom::fill(&mut call)
        .map_err(|error| Problem::io("making an id", &std::io::Error::other(error.to_string())))?;
    let length = |length: usize| {
        u32::try_from(length).map_err(|_| Problem::field("code", "must be shorter than 64 MiB")).map(u32::to_be_bytes)
    };
    let mut frame = Vec::with_capacity(code.len() + options.len() + 32);
    frame.extend(length(HEAD + 4 + options.len() + code.len())?);
    frame.push(b'E');
    frame.extend(call);
    frame.extend(length(options.len())?);
    frame.extend(options.as_bytes());
    frame.extend(code.as_bytes());
    Ok(frame)
}

/// Takes the output out of an attachment's frames that nobody will be shown: how a call ended comes after all of it.
#[derive(Default)]
struct Thinned {
    /// Up to where whole frames were looked at.
    at: usize,
    stdout: usize,
    stderr: usize,
}

impl Thinned {
    fn thin(&mut self, said: &mut BytesMut) {
        while let Some(length) = said.get(self.at..self.at + 4) {
            let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
            let end = self.at + 4 + length;
            if length < HEAD || said.len() < end {
                return;
            }
            let stream = match said[self.at + 4] {
                b'O' => Some(&mut self.stdout),
                b'F' => Some(&mut self.stderr),
                _ => None,
            };
            match stream {
                Some(kept) if *kept >= MOST_STREAM => {
                    let rest = said.split_off(end);
                    said.truncate(self.at);
                    said.unsplit(rest);
                }
                stream => {
                    if let Some(kept) = stream {
                        *kept += length - HEAD;
                    }
                    self.at = end;
                }
            }
        }
    }
}

struct Read {
    greeted: bool,
    ended: bool,
    outcome: Executed,
}

/// Reads what an attachment said: frames of length, kind, call and body.
fn read(language: Kept, mut said: Bytes) -> Read {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut read = Read { greeted: false, ended: false, outcome: Executed::default() };
    let mut raised = None;
    while said.len() >= 4 + HEAD {
        let length = said.get_u32() as usize;
        if length < HEAD || length > said.len() {
            break;
        }
        let mut body = said.split_to(length);
        let kind = body.get_u8();
        body.advance(8);
        match kind {
            b'H' => read.greeted = true,
            b'O' => keep(&mut out, &body),
            b'F' => keep(&mut err, &body),
            b'D' => read.outcome.results.extend(shown(body)),
            b'X' => raised = serde_json::from_slice::<Value>(&body).ok(),
            b'Z' => {
                read.ended = true;
                let done: Value = serde_json::from_slice(&body).unwrap_or_default();
                let status = done["status"].as_str().unwrap_or_default();
                read.outcome.timed_out = status == "timeout";
                read.outcome.exit_code = exit_code(status, raised.as_ref());
            }
            _ => {}
        }
    }
    // `exit` is how shell code ends, and nothing that went wrong.
    let plain = |raised: &Value| is_plain_exit(raised) || (language == Kept::Bash && raised["name"] == "ContextExited");
    let trace = raised.as_ref().filter(|raised| !plain(raised)).and_then(|raised| raised["traceback"].as_str());
    if let Some(trace) = trace {
        keep(&mut err, trace.as_bytes());
        keep(&mut err, if trace.ends_with('\n') { b"" } else { b"\n" });
    }
    (read.outcome.stdout, read.outcome.stderr) = (out.into(), err.into());
    read
}

fn keep(stream: &mut Vec<u8>, data: &[u8]) {
    let room = MOST_STREAM.saturating_sub(stream.len()).min(data.len());
    stream.extend_from_slice(&data[..room]);
}

/// What a value looks like, by MIME type.
fn shown(mut body: Bytes) -> Option<Value> {
    let length = (body.len() >= 4).then(|| body.get_u32() as usize).filter(|length| *length <= body.len())?;
    let head: Value = serde_json::from_slice(&body.split_to(length)).ok()?;
    let mut forms: Map<String, Value> = head["data"].as_object().cloned().unwrap_or_default();
    while body.len() >= 2 {
        let name = body.get_u16() as usize;
        if body.len() < name + 4 {
            break;
        }
        let name = String::from_utf8_lossy(&body.split_to(name)).into_owned();
        let length = body.get_u32() as usize;
        if body.len() < length {
            break;
        }
        forms.insert(name, STANDARD.encode(body.split_to(length)).into());
    }
    Some(Value::Object(forms))
}

/// The exit code that a process of its own would have had.
fn exit_code(status: &str, raised: Option<&Value>) -> i32 {
    let value = raised.and_then(|raised| raised["value"].as_str()).unwrap_or_default();
    match status {
        "ok" => 0,
        "timeout" => TIMED_OUT,
        "interrupted" => 130,
        "exited" => {
            let number = |after: &str| {
                let rest = value.split_once(after)?.1;
                rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<i32>().ok()
            };
            number("exited with code ").or_else(|| number("killed by signal ").map(|signal| 128 + signal)).unwrap_or(1)
        }
        _ if raised.is_some_and(is_plain_exit) => value.parse().unwrap_or(1),
        _ => 1,
    }
}

/// Whether the code ended by itself, with a number: nothing that anybody has to be shown.
fn is_plain_exit(raised: &Value) -> bool {
    matches!(raised["name"].as_str(), Some("SystemExit" | "ExitStatus"))
        && raised["value"].as_str().is_some_and(|value| value.parse::<i32>().is_ok())
}

fn failed(error: String) -> Executed {
    Executed { exit_code: -1, error: Some(error), ..Executed::default() }
}

fn unfinished(outcome: Executed, late: bool) -> Executed {
    if late {
        return Executed { exit_code: TIMED_OUT, timed_out: true, ..outcome };
    }
    Executed { exit_code: -1, error: Some("the connection to the interpreter was lost".to_owned()), ..outcome }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut frame = ((HEAD + body.len()) as u32).to_be_bytes().to_vec();
        frame.push(kind);
        frame.extend([0; 8]);
        frame.extend(body);
        frame
    }

    #[test]
    fn what_code_did_is_read_as_a_process_would_have_done_it() {
        let mut said = frame(b'H', b"{}");
        said.extend(frame(b'O', b"out"));
        said.extend(frame(b'X', br#"{"name":"ValueError","value":"no","traceback":"Traceback: no"}"#));
        said.extend(frame(b'Z', br#"{"status":"error"}"#));
        let Read { greeted, ended, outcome } = read(Kept::Python, said.clone().into());
        assert!(greeted && ended);
        assert_eq!(
            (outcome.exit_code, &outcome.stdout[..], &outcome.stderr[..]),
            (1, &b"out"[..], &b"Traceback: no\n"[..])
        );
        for cut in 0..said.len() {
            assert!(!read(Kept::Python, said[..cut].to_vec().into()).ended, "cut at {cut}");
        }
    }

    #[test]
    fn of_a_flood_the_beginning_and_the_end_are_kept_however_it_comes() {
        let mut said = frame(b'H', b"{}");
        for _ in 0..500 {
            said.extend(frame(b'O', &[b'y'; 60_000]));
        }
        said.extend(frame(b'F', b"late"));
        said.extend(frame(b'Z', br#"{"status":"timeout"}"#));
        let (mut thinned, mut kept, mut most) = (Thinned::default(), BytesMut::new(), 0);
        for part in said.chunks(70_001) {
            kept.extend_from_slice(part);
            thinned.thin(&mut kept);
            most = most.max(kept.len());
        }
        assert!(most < MOST_STREAM + 300_000, "{most}");
        let Read { ended, outcome, .. } = read(Kept::Python, kept.freeze());
        assert!(ended && outcome.timed_out);
        assert_eq!((outcome.stdout.len(), &outcome.stderr[..]), (MOST_STREAM, &b"late"[..]));
    }

    #[test]
    fn ends_have_their_numbers() {
        let raised = |name: &str, value: &str| json!({ "name": name, "value": value });
        assert_eq!(exit_code("ok", None), 0);
        assert_eq!(exit_code("error", Some(&raised("SystemExit", "3"))), 3);
        assert_eq!(exit_code("error", Some(&raised("SystemExit", "bye"))), 1);
        assert_eq!(exit_code("exited", Some(&raised("ContextExited", "the interpreter exited with code 7; its"))), 7);
        assert_eq!(exit_code("exited", Some(&raised("ContextExited", "it was killed by signal 9 (out of"))), 137);
        assert_eq!(exit_code("timeout", None), TIMED_OUT);
    }

    #[test]
    fn a_shown_value_has_its_binary_forms_in_base64() {
        let head = br#"{"result":true,"data":{"text/plain":"x"}}"#;
        let mut body = (head.len() as u32).to_be_bytes().to_vec();
        body.extend(head);
        body.extend(9_u16.to_be_bytes());
        body.extend(b"image/png");
        body.extend(3_u32.to_be_bytes());
        body.extend([1, 2, 3]);
        assert_eq!(shown(body.into()).unwrap(), json!({ "text/plain": "x", "image/png": "AQID" }));
        assert!(shown(Bytes::from_static(&[0, 0, 1])).is_none());
    }
}
