//! Carries the talk with one context: attaches, writes what the exchange wants to say, delivers what it hears, attaches
//! again when that breaks off. Must not know: what events mean.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use futures::{
    FutureExt, SinkExt, StreamExt,
    channel::mpsc,
    future::{Either, select},
    pin_mut,
};

use super::{
    exchange::{Exchange, Next, RunOptions},
    protocol::{CallId, EventKind, Received},
};
use crate::{
    error::{Error, ErrorKind},
    platform::{sleep, spawn},
    process::{ExecOptions, Process, StdinWriter},
    sandbox::Sandbox,
};

/// Events that wait before the driver has to.
const QUEUE: usize = 64;

/// Where the events of a call go.
pub(super) type Listener = mpsc::Sender<Result<Received, Error>>;

/// Something that a handle wants.
pub(super) enum Command {
    /// Attach, and tell of the greeting.
    Greet(Listener),
    /// Run code, under a key of the handle's choice.
    Run { key: u64, source: Bytes, options: RunOptions, listener: Listener },
    /// End the run of a key.
    Interrupt(u64),
    /// End whatever runs.
    InterruptRunning,
    /// A new interpreter.
    Restart(Listener),
    /// End the context.
    Shutdown(Listener),
}

/// A channel for the events of a call.
pub(super) fn listen() -> (Listener, mpsc::Receiver<Result<Received, Error>>) {
    mpsc::channel(QUEUE)
}

/// Where a new context begins.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    pub(super) cwd: Option<String>,
    pub(super) env: BTreeMap<String, String>,
}

struct Talk {
    exchange: Exchange,
    listeners: HashMap<CallId, Listener>,
    keys: HashMap<u64, CallId>,
    greeting: Vec<Listener>,
}

/// Opens a connection in the background. It ends with the last sender of its commands.
pub(super) fn open(sandbox: Sandbox, exchange: Exchange, place: Place) -> mpsc::UnboundedSender<Command> {
    let (sender, commands) = mpsc::unbounded();
    let talk = Talk { exchange, listeners: HashMap::new(), keys: HashMap::new(), greeting: Vec::new() };
    // Without a runtime nothing else of a sandbox works either; its own calls say so.
    spawn(keep(sandbox, Arc::new(Mutex::new(talk)), commands, place));
    sender
}

async fn keep(sandbox: Sandbox, talk: Arc<Mutex<Talk>>, mut commands: mpsc::UnboundedReceiver<Command>, place: Place) {
    loop {
        while !lock(&talk).wants_attachment() {
            let Some(command) = commands.next().await else { return };
            // What it would send, the next attachment opens with.
            lock(&talk).take(command);
        }
        let ended = attach(&sandbox, &talk, &mut commands, &place).await;
        let Some((end, stderr)) = ended else { return };
        let next = lock(&talk).exchange.ended(end, &stderr);
        let failed = match next {
            Ok(Next::Rest) => {
                // The end of a context may come before its last word: nobody is told more.
                lock(&talk).listeners.clear();
                Ok(())
            }
            Ok(Next::Again(wait)) => {
                sleep(wait).await;
                Ok(())
            }
            Ok(Next::PutDriver) => {
                let (path, text) = lock(&talk).exchange.driver();
                sandbox.write_file(&path, Bytes::from_static(text.as_bytes())).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = failed {
            fail(&talk, &error).await;
        }
    }
}

/// One attachment, from its opening to how it ended. `None`: nobody holds the connection any more.
async fn attach(
    sandbox: &Sandbox,
    talk: &Mutex<Talk>,
    commands: &mut mpsc::UnboundedReceiver<Command>,
    Place { cwd, env }: &Place,
) -> Option<(Result<i32, Error>, String)> {
    let (command, opening) = {
        let mut talk = lock(talk);
        (talk.exchange.command(None), talk.exchange.opening())
    };
    let mut options = ExecOptions::default().stdin(true);
    (options.cwd, options.env) = (cwd.clone(), env.clone());
    let mut process = sandbox.exec(command, options);
    let stdin = process.stdin()?;
    let (answers, to_send) = mpsc::unbounded();
    let broken = {
        let hearing = hear(&process, talk, answers);
        let saying = say(stdin, opening, talk, commands, to_send);
        pin_mut!(hearing, saying);
        match select(hearing, saying).await {
            Either::Left((broken, _)) => broken,
            Either::Right((Said::Closed, _)) => return None,
            Either::Right((Said::Ended, hearing)) => hearing.await,
        }
    };
    if let Some(error) = broken {
        return Some((Err(error), String::new()));
    }
    Some(match process.result().await {
        Ok(result) => (Ok(result.exit_code), result.stderr_text().into_owned()),
        Err(error) => (Err(error), String::new()),
    })
}

/// Delivers what the attachment says until it ends. Returns why it cannot be listened to any longer, if that is so.
async fn hear(process: &Process, talk: &Mutex<Talk>, answers: mpsc::UnboundedSender<Bytes>) -> Option<Error> {
    let mut stdout = process.stdout()?;
    while let Some(Ok(chunk)) = stdout.next().await {
        let mut deliveries = Vec::new();
        let answer = lock(talk).hear(&chunk, &mut deliveries);
        for (mut listener, event) in deliveries {
            // Who does not listen any more has said so by an interrupt.
            let _ = listener.send(Ok(event)).await;
        }
        match answer {
            Ok(answer) if answer.is_empty() => {}
            Ok(answer) => drop(answers.unbounded_send(answer)),
            Err(error) => return Some(error),
        }
    }
    None
}

enum Said {
    /// Nobody has anything to say any more.
    Closed,
    /// The attachment does not take it.
    Ended,
}

async fn say(
    mut stdin: StdinWriter,
    opening: Bytes,
    talk: &Mutex<Talk>,
    commands: &mut mpsc::UnboundedReceiver<Command>,
    mut answers: mpsc::UnboundedReceiver<Bytes>,
) -> Said {
    let mut next = opening;
    loop {
        if !next.is_empty() && stdin.write(next).await.is_err() {
            return Said::Ended;
        }
        next = futures::select! {
            command = commands.next() => match command {
                Some(command) => lock(talk).take(command),
                None => return Said::Closed,
            },
            answer = answers.next().fuse() => match answer {
                Some(answer) => answer,
                None => return Said::Ended,
            },
        };
    }
}

async fn fail(talk: &Mutex<Talk>, error: &Error) {
    let listeners: Vec<Listener> = {
        let mut talk = lock(talk);
        talk.keys.clear();
        let calls: Vec<Listener> = talk.listeners.drain().map(|(_, listener)| listener).collect();
        calls.into_iter().chain(talk.greeting.drain(..)).collect()
    };
    for mut listener in listeners {
        // Whoever has left needs no news.
        let _ = listener.send(Err(error.clone())).await;
    }
}

impl Talk {
    fn wants_attachment(&self) -> bool {
        self.exchange.is_waiting() || !self.greeting.is_empty()
    }

    /// Does what a handle wants. Returns what to send, which may be nothing.
    fn take(&mut self, command: Command) -> Bytes {
        let asked = match command {
            Command::Greet(listener) => {
                self.greeting.push(listener);
                return Bytes::new();
            }
            Command::Interrupt(key) => {
                return self.keys.get(&key).map_or_else(Bytes::new, |call| self.exchange.interrupt(*call));
            }
            Command::InterruptRunning => return self.exchange.interrupt_running(),
            Command::Run { key, source, options, listener } => {
                let asked = self.exchange.run(&source, &options);
                if let Ok((call, _)) = &asked {
                    self.keys.insert(key, *call);
                }
                (asked, listener)
            }
            Command::Restart(listener) => (self.exchange.restart(), listener),
            Command::Shutdown(listener) => (self.exchange.shutdown(), listener),
        };
        match asked {
            (Ok((call, bytes)), listener) => {
                self.listeners.insert(call, listener);
                bytes
            }
            (Err(error), mut listener) => {
                // Its queue is new and empty.
                let _ = listener.try_send(Err(error));
                Bytes::new()
            }
        }
    }

    fn hear(&mut self, chunk: &[u8], deliveries: &mut Vec<(Listener, Received)>) -> Result<Bytes, Error> {
        let Self { exchange, listeners, keys, greeting } = self;
        exchange.accept(chunk, |event| match event.kind {
            EventKind::Hello => deliveries.extend(greeting.drain(..).map(|listener| (listener, event.clone()))),
            EventKind::Done => {
                keys.retain(|_, call| *call != event.call);
                deliveries.extend(listeners.remove(&event.call).map(|listener| (listener, event)));
            }
            _ => deliveries.extend(listeners.get(&event.call).map(|listener| (listener.clone(), event))),
        })
    }
}

fn lock(talk: &Mutex<Talk>) -> MutexGuard<'_, Talk> {
    talk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The answer to a command that has only one.
pub(super) async fn answer(mut events: mpsc::Receiver<Result<Received, Error>>) -> Result<Received, Error> {
    let mut last = None;
    while let Some(event) = events.next().await {
        last = Some(event?);
    }
    last.ok_or_else(|| Error::new(ErrorKind::Cancelled, "the code context was closed during the call"))
}
