//! Terminals that outlive their connections: the rpcs, in StreamExec's words. `running` is one of them, `registry` knows
//! them all. Must not know: HTTP, how a sandbox is run.

mod history;
mod keyboard;
mod registry;
mod running;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::sync::mpsc;
use tonic::{Code, Status, Streaming};

pub(super) use self::registry::Terminals;
use self::{
    keyboard::Input,
    running::{Attachment, Facts, Hearing, Next, Terminal},
};
use super::{
    Api, Problem, Ready,
    deadline::Deadline,
    plan::{Faults, check_command, check_env},
    stream_exec::{TERMINAL_QUEUE, first, terminal_size},
    view::timestamp,
};
use crate::{
    runtime,
    wire::{
        jetway::{
            self as wire, TerminalAttach, TerminalRequest, TerminalResponse, terminal_request::Message as Ask,
            terminal_response::Message as Say,
        },
        sandbox::{
            ExecStreamError, ExecStreamExit, ExecStreamInit, ExecStreamOutput, ExecStreamReady,
            exec_stream_output::Stream,
        },
    },
};

/// How long a terminal waits for somebody to come back when nobody says otherwise.
const DEFAULT_KEEP: Duration = Duration::from_secs(600);
const MOST_KEEP: Duration = Duration::from_secs(24 * 3600);
const MOST_ID: usize = 64;

type Item = Result<TerminalResponse, Status>;

impl Api {
    /// Starts serving a call. The answer begins at once; everything that may go wrong comes through it.
    pub(super) fn serve_terminal(
        &self,
        requests: Streaming<TerminalRequest>,
        deadline: Deadline,
    ) -> mpsc::Receiver<Item> {
        let (answers, queue) = mpsc::channel(TERMINAL_QUEUE);
        let api = self.clone();
        tokio::spawn(async move {
            let served = tokio::select! {
                served = api.terminal_call(requests, deadline, &answers) => served,
                // The caller is gone; the terminal stays.
                () = answers.closed() => return,
            };
            if let Err(problem) = served {
                // As above.
                let _ = answers.send(Err(problem.into())).await;
            }
        });
        queue
    }

    async fn terminal_call(
        &self,
        mut requests: Streaming<TerminalRequest>,
        deadline: Deadline,
        answers: &mpsc::Sender<Item>,
    ) -> Result<(), Problem> {
        let message = deadline.bound("waiting for the attach message", first(&mut requests, "attach")).await??;
        let Some(Ask::Attach(attach)) = message.and_then(|request| request.message) else {
            return Err(Problem::field("attach", "the first message must be attach"));
        };
        let asked = Asked::of(attach)?;
        let ready = self.ready(&asked.init.sandbox_id, &asked.init.container, deadline).await?;
        let _in_use = ready.sandbox.activity.begin();
        let size = (asked.init.tty_width, asked.init.tty_height);
        let (terminal, attachment, started) = self.terminal(&ready, asked, deadline).await?;
        if size != (0, 0) && !started {
            // Fails only when the terminal is over, which is told next.
            let _ = attachment.input().send(Input::Resize(terminal_size(size))).await;
        }
        let attached = wire::TerminalAttached {
            terminal_id: terminal.facts.id.clone(),
            started,
            offset: attachment.offset,
            keep: prost_types::Duration::try_from(terminal.shown().keep).ok(),
        };
        say(answers, Say::Attached(attached)).await;
        say(answers, Say::Ready(ExecStreamReady { ready_time: Some(timestamp(SystemTime::now())) })).await;
        tokio::select! {
            biased;
            () = converse(attachment, requests, answers) => Ok(()),
            () = deadline.passed() => {
                terminal.end();
                Err(Problem::command_timeout())
            }
        }
    }

    /// The terminal that is asked for, found or started, and a connection to it.
    async fn terminal(
        &self,
        ready: &Ready,
        asked: Asked,
        deadline: Deadline,
    ) -> Result<(Arc<Terminal>, Attachment, bool), Problem> {
        let terminals = &self.0.terminals;
        let sandbox_id = &ready.sandbox.draft.id;
        let attach = |terminal: &Arc<Terminal>| terminal.attach(&asked.client_id, asked.from, asked.keep);
        let earlier = terminals.get(sandbox_id, &asked.id);
        if let Some(terminal) = &earlier
            && let Some(attachment) = attach(terminal)
        {
            return Ok((terminal.clone(), attachment, false));
        }
        if asked.must_exist {
            return Err(not_found(sandbox_id, &asked.id));
        }
        terminals.check_room(sandbox_id)?;
        let mut faults = Faults::default();
        check_command("attach.init.command", &asked.init.command, &mut faults);
        check_env("attach.init.env", &asked.init.env, &mut faults);
        faults.finish()?;
        let size = terminal_size((asked.init.tty_width, asked.init.tty_height));
        let request = runtime::ExecRequest {
            container: ready.container.clone(),
            argv: asked.init.command.clone(),
            env: asked.init.env.clone(),
            tty: Some(size),
            stdin: true,
        };
        let begun = deadline.bound("starting the terminal", ready.instance.exec(request)).await?;
        let handle = begun.map_err(|error| Problem::runtime(&ready.sandbox, error))?;
        let facts = Facts {
            id: asked.id.clone(),
            sandbox_id: sandbox_id.clone(),
            container: ready.container.clone(),
            command: asked.init.command.clone(),
            created: SystemTime::now(),
        };
        let registry = terminals.clone();
        let over = move |terminal: &Arc<Terminal>| registry.forget(terminal);
        let mut terminal = Terminal::follow(facts, handle, size, asked.keep.unwrap_or(DEFAULT_KEEP), over);
        let mut started = true;
        if let Err(faster) = terminals.keep(&terminal, earlier.as_ref()) {
            // Somebody else has just started one of that name: there is to be one.
            terminal.end();
            (terminal, started) = (faster, false);
        }
        let attachment = attach(&terminal).ok_or_else(|| not_found(sandbox_id, &asked.id))?;
        Ok((terminal, attachment, started))
    }

    /// The terminals of a sandbox.
    pub(super) fn terminals_of(&self, sandbox_id: &str) -> Result<Vec<wire::Terminal>, Problem> {
        let sandbox = self.find(sandbox_id)?;
        Ok(self.0.terminals.of(&sandbox.draft.id).iter().map(|terminal| view(terminal)).collect())
    }

    /// Ends a terminal; whether there was one.
    pub(super) fn end_terminal(&self, sandbox_id: &str, id: &str) -> Result<bool, Problem> {
        let sandbox = self.find(sandbox_id)?;
        let found = self.0.terminals.get(&sandbox.draft.id, id);
        if let Some(terminal) = &found {
            terminal.end();
            self.0.terminals.forget(terminal);
        }
        Ok(found.is_some())
    }
}

/// What a caller asks for, checked.
struct Asked {
    id: String,
    init: ExecStreamInit,
    client_id: String,
    from: Option<u64>,
    keep: Option<Duration>,
    must_exist: bool,
}

impl Asked {
    fn of(attach: TerminalAttach) -> Result<Self, Problem> {
        let TerminalAttach { terminal_id: id, init, client_id, from, keep, must_exist } = attach;
        let keep = keep.map(Duration::try_from).transpose();
        let mut faults = Faults::default();
        faults.check(is_name(&id), "attach.terminal_id", "must be 1 to 64 letters, digits, \"-\", \"_\" and \".\"");
        faults.check(client_id.len() <= MOST_ID, "attach.client_id", "must be at most 64 bytes long");
        faults.check(keep.is_ok(), "attach.keep", "must not be negative");
        faults.check(init.is_some(), "attach.init", "must name the sandbox");
        faults.finish()?;
        let keep = keep.unwrap_or_default().map(|keep| keep.min(MOST_KEEP));
        Ok(Self { id, init: init.unwrap_or_default(), client_id, from, keep, must_exist })
    }
}

fn is_name(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=MOST_ID).contains(&id.len()) && id.bytes().all(plain)
}

fn not_found(sandbox_id: &str, id: &str) -> Problem {
    let text = format!(
        "sandbox {sandbox_id} keeps no terminal {id:?}: it ended, nobody came back to it in time, or the server was restarted; \
         start a new one"
    );
    Problem::new(Code::NotFound, "CWSANDBOX_TERMINAL_NOT_FOUND", text)
        .with("sandbox_id", sandbox_id)
        .with("terminal_id", id)
}

/// Moves bytes both ways until what runs in the terminal has ended, or another connection takes over.
async fn converse(mut attachment: Attachment, requests: Streaming<TerminalRequest>, answers: &mpsc::Sender<Item>) {
    let input = attachment.input();
    let heard = attachment.hearing();
    let listening = listen(requests, &input, heard, answers);
    let showing = async {
        loop {
            // Only what can be sent is taken: the rest comes again after a connection that was lost.
            let Ok(place) = answers.reserve().await else { return };
            let next = match attachment.next().await {
                Next::Output(data) => {
                    let output = ExecStreamOutput { stream: Stream::Stdout.into(), data };
                    place.send(message(Say::Output(output)));
                    continue;
                }
                Next::Dropped(bytes) => {
                    place.send(message(Say::Dropped(wire::TerminalDropped { bytes })));
                    continue;
                }
                Next::Replaced => Say::Error(ExecStreamError {
                    message: "the same client connected to the terminal anew; this connection is over".to_owned(),
                    code: "CWSANDBOX_TERMINAL_REPLACED".to_owned(),
                }),
                Next::Ended(runtime::ExitStatus { lost: Some(why), .. }) => Say::Error(ExecStreamError {
                    message: format!("the sandbox ended before the command did: {why}"),
                    code: "CWSANDBOX_SANDBOX_NOT_RUNNING".to_owned(),
                }),
                Next::Ended(status) => Say::Exit(ExecStreamExit {
                    exit_code: status.code,
                    completed_time: Some(timestamp(SystemTime::now())),
                }),
            };
            place.send(message(next));
            return;
        }
    };
    tokio::select! {
        () = showing => {}
        () = listening => {}
    }
}

/// Hears the caller. Never resolves: a caller that says no more may still be shown what happens.
async fn listen(
    mut requests: Streaming<TerminalRequest>,
    input: &mpsc::Sender<Input>,
    heard: Hearing,
    answers: &mpsc::Sender<Item>,
) {
    while let Ok(Some(TerminalRequest { message: Some(message) })) = requests.message().await {
        heard.note();
        let given = match message {
            Ask::Stdin(bytes) => Input::Bytes(bytes),
            Ask::Resize(size) => Input::Resize(terminal_size((size.width, size.height))),
            Ask::Close(_) => Input::Close,
            Ask::Ping(_) => {
                say(answers, Say::Pong(wire::TerminalPong {})).await;
                continue;
            }
            // A second one is a mistake that changes nothing.
            Ask::Attach(_) | Ask::Init(_) => continue,
        };
        // Fails only when the terminal is over, which is told on the way down.
        let _ = input.send(given).await;
    }
    std::future::pending().await
}

fn view(terminal: &Terminal) -> wire::Terminal {
    let shown = terminal.shown();
    wire::Terminal {
        terminal_id: terminal.facts.id.clone(),
        sandbox_id: terminal.facts.sandbox_id.clone(),
        container: terminal.facts.container.clone(),
        command: terminal.facts.command.clone(),
        create_time: Some(timestamp(terminal.facts.created)),
        connected: u32::try_from(shown.connected).unwrap_or(u32::MAX),
        expire_time: shown.expires.map(|left| timestamp(SystemTime::now() + left)),
        offset: shown.offset,
        exit_code: shown.exit_code,
        columns: shown.size.0.into(),
        rows: shown.size.1.into(),
    }
}

async fn say(answers: &mpsc::Sender<Item>, say: Say) {
    // A caller that is gone is noticed by whoever started the call.
    let _ = answers.send(message(say)).await;
}

fn message(say: Say) -> Item {
    Ok(TerminalResponse { message: Some(say) })
}
