//! One client's talk with one context, as a pure state machine: what to run, what to send, what was said, and what to do
//! when the talk breaks off. Must not know: I/O, who waits for the answers.
//!
//! The driver is expected to be in the sandbox already; only when an attachment ends before its first word is it put
//! there. So the first use, a deleted driver and an updated client are one case, and a page that reloads pays nothing.

use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::{
    Language,
    protocol::{CallId, EventKind, FrameReader, HEAD_BYTES, Received, Request},
};
use crate::{
    error::{Error, ErrorKind},
    platform,
};

/// The exit code by which a driver says that there is no such context.
const NO_CONTEXT: i32 = 44;
/// How much of a call's answer arrives before the driver is told that it did.
const ACKNOWLEDGE_EVERY: u64 = 1 << 20;
/// How often in a row a talk may break off without a word.
const MOST_ATTEMPTS: u32 = 6;
/// The longest source: it has to fit a frame with room for its options.
const MAX_SOURCE_BYTES: usize = 64 << 20;

/// Options of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunOptions {
    /// How long the code may run; then it is interrupted. Default: for ever.
    pub timeout: Option<Duration>,
    /// Runs it without counting it and without showing its value.
    pub silent: bool,
}

impl RunOptions {
    /// Limits how long the code may run. What it leaves behind stays: only the call ends.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Runs it without counting it and without showing its value.
    pub fn silent(mut self, silent: bool) -> Self {
        self.silent = silent;
        self
    }

    fn json(&self) -> Result<String, Error> {
        let Self { timeout, silent } = self;
        match timeout {
            Some(limit) if limit.is_zero() => {
                Err(Error::invalid("timeoutMs", "must be longer than zero; leave it out for no limit"))
            }
            // Whole milliseconds: writing fractions would cost the package kilobytes.
            Some(limit) => Ok(format!("{{\"silent\":{silent},\"timeoutMs\":{}}}", limit.as_micros().div_ceil(1000))),
            None => Ok(format!("{{\"silent\":{silent}}}")),
        }
    }
}

/// What to do after an attachment has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing: nobody waits for an answer.
    Rest,
    /// Write the driver to its path, then attach again.
    PutDriver,
    /// Wait this long, then attach again.
    Again(Duration),
}

/// A call that has not ended.
#[derive(Debug)]
struct Outstanding {
    id: CallId,
    /// The request, for as long as the driver may not have heard it.
    request: Option<Bytes>,
    position: u64,
    acknowledged: u64,
    is_shutdown: bool,
    /// Whether an attachment was given the request.
    said: bool,
}

/// One client's talk with one context.
#[derive(Debug)]
pub struct Exchange {
    language: Language,
    context: String,
    create: bool,
    keep_creating: bool,
    frames: FrameReader,
    /// In the order they were asked for. A handful: no map is worth its size in the package.
    calls: Vec<Outstanding>,
    greeted: bool,
    /// Whether an attachment takes only what it opens with.
    by_file: bool,
    put: bool,
    attempts: u32,
}

impl Exchange {
    /// A talk with the context `id`. One that `create`s may start it; `always` also after somebody ended it.
    ///
    /// # Errors
    /// Validation for an id that no context has; not supported for a language that keeps no state.
    pub fn new(id: &str, create: bool) -> Result<Self, Error> {
        let language = id.split('-').next().unwrap_or_default();
        let known = Language::ALL.into_iter().find(|it| it.name() == language);
        let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        let Some(language) = known.filter(|_| plain && id.len() <= 64) else {
            return Err(Error::invalid(
                "context",
                format!("must be the id of a context, such as \"python\" or what createContext gave, got {id:?}"),
            ));
        };
        Ok(Self {
            language,
            context: id.to_owned(),
            create,
            keep_creating: id == language.name(),
            frames: FrameReader::default(),
            calls: Vec::new(),
            greeted: false,
            by_file: false,
            put: false,
            attempts: 0,
        })
    }

    /// The id of the context.
    pub fn context(&self) -> &str {
        &self.context
    }

    /// Its language.
    pub fn language(&self) -> Language {
        self.language
    }

    /// Where the driver lies, and what it is.
    pub fn driver(&self) -> (String, &'static str) {
        (self.language.driver_path(), self.language.driver())
    }

    /// The command that attaches. With `requests`, a file that holds [`opening`](Self::opening), it needs no stdin.
    pub fn command(&mut self, requests: Option<&str>) -> Vec<String> {
        self.by_file = requests.is_some();
        self.language.attach(&self.context, self.create, requests)
    }

    /// Whether somebody waits for an answer.
    pub fn is_waiting(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Runs code. The bytes are for the attachment, if there is one; the next one's [`opening`](Self::opening) has them.
    ///
    /// # Errors
    /// Validation for options that cannot be or a source over 64 MiB; configuration without a source of randomness.
    pub fn run(&mut self, source: &[u8], options: &RunOptions) -> Result<(CallId, Bytes), Error> {
        if source.len() > MAX_SOURCE_BYTES {
            let size = source.len();
            return Err(Error::invalid("code", format!("{size} bytes are more than the {MAX_SOURCE_BYTES} allowed")));
        }
        let options = options.json()?;
        self.ask(Request::Execute, &[&(options.len() as u32).to_be_bytes(), options.as_bytes(), source])
    }

    /// Gives the context a new interpreter.
    ///
    /// # Errors
    /// Configuration without a source of randomness.
    pub fn restart(&mut self) -> Result<(CallId, Bytes), Error> {
        self.ask(Request::Restart, &[])
    }

    /// Ends the context.
    ///
    /// # Errors
    /// Configuration without a source of randomness.
    pub fn shutdown(&mut self) -> Result<(CallId, Bytes), Error> {
        self.ask(Request::Shutdown, &[])
    }

    fn ask(&mut self, request: Request, body: &[&[u8]]) -> Result<(CallId, Bytes), Error> {
        let random = platform::random_bytes::<8>().ok_or_else(|| {
            Error::new(ErrorKind::Configuration, "this host has no source of randomness for the ids of calls")
        })?;
        let call = CallId(u64::from_be_bytes(random));
        let frame = request.frame(call, body);
        let is_shutdown = request == Request::Shutdown;
        let request = Some(frame.clone());
        let said = !self.by_file;
        self.calls.push(Outstanding { id: call, request, position: 0, acknowledged: 0, is_shutdown, said });
        Ok((call, frame))
    }

    /// What ends a call without ending its context. Its `Done` still follows.
    pub fn interrupt(&self, call: CallId) -> Bytes {
        Request::Interrupt.frame(call, &[])
    }

    /// What ends whatever runs in the context, whoever asked for it.
    pub fn interrupt_running(&self) -> Bytes {
        Request::Interrupt.frame(CallId(0), &[])
    }

    /// What a new attachment is sent first: the calls that have not ended, from where they are.
    pub fn opening(&mut self) -> Bytes {
        self.frames = FrameReader::default();
        self.greeted = false;
        let mut all = BytesMut::new();
        for Outstanding { id, request, position, acknowledged, said, .. } in &mut self.calls {
            (*acknowledged, *said) = (*position, true);
            match request {
                Some(request) => all.extend_from_slice(request),
                None => all.extend_from_slice(&Request::Continue.frame(*id, &[&position.to_be_bytes()])),
            }
        }
        all.freeze()
    }

    /// Takes what the attachment says. Returns what to send in turn, often nothing.
    ///
    /// # Errors
    /// Protocol for what no driver says.
    pub fn accept(&mut self, data: &[u8], mut each: impl FnMut(Received)) -> Result<Bytes, Error> {
        self.frames.push(data);
        let mut answers = BytesMut::new();
        while let Some((event, size)) = self.frames.next()? {
            debug_assert!(size >= HEAD_BYTES);
            (self.put, self.attempts) = (false, 0);
            if event.kind == EventKind::Hello {
                self.greeted = true;
                // From now on there is a context; whoever ends it does not want it back.
                self.create = self.keep_creating;
                each(event);
                continue;
            }
            let Some(at) = self.calls.iter().position(|call| call.id == event.call) else { continue };
            let call = &mut self.calls[at];
            call.request = None;
            call.position += size as u64;
            if event.kind == EventKind::Done {
                self.calls.remove(at);
            } else if call.position - call.acknowledged >= ACKNOWLEDGE_EVERY {
                call.acknowledged = call.position;
                answers.extend_from_slice(&Request::Acknowledge.frame(event.call, &[&call.position.to_be_bytes()]));
            }
            each(event);
        }
        Ok(answers.freeze())
    }

    /// The attachment ended, with this exit code or failure; `stderr` is what it said.
    ///
    /// # Errors
    /// Why no answer will come: everybody who waits is to get it, and nobody waits any more.
    pub fn ended(&mut self, end: Result<i32, Error>, stderr: &str) -> Result<Next, Error> {
        if self.greeted && self.calls.iter().all(|call| call.is_shutdown && call.said) {
            // The context went before its last word did: whoever waits for that has what was asked for.
            self.calls.clear();
        }
        if self.calls.is_empty() && self.greeted {
            return Ok(Next::Rest);
        }
        match self.next(end, stderr) {
            Ok(next) => Ok(next),
            Err(error) => {
                self.calls.clear();
                self.attempts = 0;
                self.put = false;
                Err(error)
            }
        }
    }

    fn next(&mut self, end: Result<i32, Error>, stderr: &str) -> Result<Next, Error> {
        if !self.greeted && end.as_ref().is_ok_and(|code| *code == NO_CONTEXT) {
            let message = format!("there is no code context {:?} in this sandbox", self.context);
            return Err(Error::new(ErrorKind::SandboxExecution, message)
                .with_reason("CODE_CONTEXT_NOT_FOUND")
                .with_hint("It was deleted, or never created here; createContext makes a new one"));
        }
        let lost = match &end {
            Ok(_) => self.greeted,
            Err(error) => error.retryable() || error.kind() == ErrorKind::Protocol,
        };
        if lost {
            self.attempts += 1;
            if self.attempts <= MOST_ATTEMPTS {
                return Ok(Next::Again(Duration::from_millis(match self.attempts {
                    1 => 0,
                    more => 50 << more,
                })));
            }
        }
        let code = end?;
        if !self.greeted && !self.put {
            self.put = true;
            return Ok(Next::PutDriver);
        }
        Err(self.broken(code, stderr))
    }

    fn broken(&self, code: i32, stderr: &str) -> Error {
        let name = self.language.name();
        if code == 127 || code == 126 {
            return Error::new(ErrorKind::NotSupported, format!("this sandbox has no {name} interpreter to keep"))
                .with_hint("Use an image that has python3 for Python or node for JavaScript");
        }
        let said = stderr.trim_end().lines().last().unwrap_or("it said nothing");
        let message = format!("the {name} context could not be attached to: exit code {code}, {said}");
        Error::new(ErrorKind::SandboxExecution, message).with_reason("CODE_CONTEXT_FAILED")
    }
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
