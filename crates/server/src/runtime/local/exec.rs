//! Processes: pipes are made here and their far ends handed to the agent, so that bytes never pass through it.
//! Must not know: how the sandbox came to be.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
};

use async_trait::async_trait;
use jetway_agent::protocol::{Exec, Nudge, Reply, Request};
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::unix::pipe,
    sync::{mpsc, watch},
};

use super::{
    link::Link,
    streams::{Output, Terminal, TerminalInput},
};
use crate::runtime::{ExecControl, ExecHandle, ExecRequest, ExitStatus, RuntimeError};

/// Bytes a pipe holds: fewer wake-ups for processes that print much.
const PIPE_SIZE: usize = 1 << 20;

/// Starts a process in container number `container`.
pub async fn start(home: BorrowedFd<'_>, request: ExecRequest) -> Result<ExecHandle, RuntimeError> {
    check(&request)?;
    let ExecRequest { argv, env, tty, stdin, .. } = request;
    let exec = |tty, stdin| Request::Exec(Exec { argv, env, tty, stdin });
    let (exited, exit) = watch::channel(None);
    let failed = RuntimeError::starting("start the process");
    if tty.is_some() {
        let (link, terminal) = launch_terminal(home, exec(tty, false)).await.map_err(failed)??;
        let terminal = Arc::new(terminal);
        return Ok(ExecHandle {
            stdin: Some(Box::new(TerminalInput::new(terminal.clone()))),
            stdout: Box::new(Output::terminal(terminal.clone())),
            stderr: None,
            control: Box::new(Control::follow(link, exited, exit, Some(terminal))),
        });
    }
    let pipes = (|| {
        let stdin = if stdin { Some(sized_pipe()?) } else { None };
        Ok((stdin, sized_pipe()?, sized_pipe()?))
    })();
    let (input, (out_reader, out_writer), (err_reader, err_writer)) =
        pipes.map_err(RuntimeError::starting("make pipes for the process"))?;
    let (in_reader, in_writer) = input.unzip();
    let far: Vec<BorrowedFd<'_>> =
        in_reader.iter().chain([&out_writer, &err_writer]).map(|descriptor: &OwnedFd| descriptor.as_fd()).collect();
    let link = launch(home, &exec(None, stdin), &far).await.map_err(failed)??;
    let wrap = || {
        let stdin = in_writer.map(pipe::Sender::from_owned_fd).transpose()?;
        let stdout = Output::pipe(pipe::Receiver::from_owned_fd(out_reader)?, exit.clone());
        let stderr = Output::pipe(pipe::Receiver::from_owned_fd(err_reader)?, exit.clone());
        io::Result::Ok((stdin, stdout, stderr))
    };
    let (stdin, stdout, stderr) = wrap().map_err(RuntimeError::starting("use the pipes of the process"))?;
    Ok(ExecHandle {
        stdin: stdin.map(|stdin| Box::new(stdin) as Box<dyn AsyncWrite + Send + Unpin>),
        stdout: Box::new(stdout),
        stderr: Some(Box::new(stderr) as Box<dyn AsyncRead + Send + Unpin>),
        control: Box::new(Control::follow(link, exited, exit, None)),
    })
}

async fn launch(
    home: BorrowedFd<'_>,
    request: &Request,
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<Result<Link, RuntimeError>> {
    let mut link = Link::open(home, request, descriptors).await?;
    Ok(match link.receive::<Reply>().await? {
        Reply::Started => Ok(link),
        Reply::Failed(failure) => Err(RuntimeError::Io { source: failure.reason(), context: failure.step }),
        Reply::Refused(reason) => Err(RuntimeError::Gone(reason)),
        other => return Err(io::Error::other(format!("unexpected answer {other:?}"))),
    })
}

async fn launch_terminal(home: BorrowedFd<'_>, request: Request) -> io::Result<Result<(Link, Terminal), RuntimeError>> {
    let mut link = match launch(home, &request, &[]).await? {
        Ok(link) => link,
        Err(error) => return Ok(Err(error)),
    };
    let terminal = Terminal::new(link.take_descriptor()?)?;
    Ok(Ok((link, terminal)))
}

/// Close-on-exec; the ends kept here become non-blocking when tokio takes them, the far ends stay blocking.
fn sized_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    // An ordinary user may have too many large pipes already; a small one does as well.
    let _ = fcntl_setpipe_size(&writer, PIPE_SIZE);
    Ok((reader, writer))
}

fn check(request: &ExecRequest) -> Result<(), RuntimeError> {
    let refuse = |text: &str| {
        let source = io::Error::new(io::ErrorKind::InvalidInput, text.to_owned());
        Err(RuntimeError::Io { context: "start the process".into(), source })
    };
    if request.argv.first().is_none_or(String::is_empty) {
        return refuse("the command is empty; give at least a program name");
    }
    if request.argv.iter().any(|argument| argument.contains('\0')) {
        return refuse("an argument contains a NUL character; remove it");
    }
    let broken =
        |(name, value): (&String, &String)| name.is_empty() || name.contains(['=', '\0']) || value.contains('\0');
    if request.env.iter().any(broken) {
        return refuse("an environment variable has an empty name, or '=' or NUL in it; rename it");
    }
    Ok(())
}

/// What one may do to a running process. Dropping it kills the process group.
struct Control {
    nudges: mpsc::UnboundedSender<Nudge>,
    exit: watch::Receiver<Option<ExitStatus>>,
    terminal: Option<Arc<Terminal>>,
}

impl Control {
    fn follow(
        mut link: Link,
        exited: watch::Sender<Option<ExitStatus>>,
        exit: watch::Receiver<Option<ExitStatus>>,
        terminal: Option<Arc<Terminal>>,
    ) -> Control {
        let (nudges, mut nudged) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let status = loop {
                tokio::select! {
                    reply = link.receive::<Reply>() => match reply {
                        Ok(Reply::Exited { code }) => break ExitStatus { code, lost: None },
                        Ok(_) => {}
                        Err(_) => break ExitStatus { code: 137, lost: Some("the sandbox ended first".into()) },
                    },
                    nudge = nudged.recv() => match nudge {
                        // The link breaking shows as its end above.
                        Some(nudge) => drop(link.send(&nudge).await),
                        None => return,
                    },
                }
            };
            // Nobody may be listening any more, which is fine.
            let _ = exited.send(Some(status));
        });
        Control { nudges, exit, terminal }
    }
}

#[async_trait]
impl ExecControl for Control {
    fn resize(&self, columns: u16, rows: u16) {
        if let Some(terminal) = &self.terminal {
            terminal.resize(columns, rows);
        }
    }

    async fn wait(&mut self) -> ExitStatus {
        match self.exit.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(status)) => status.clone(),
            // The task that reports it ended with the server's own runtime.
            _ => ExitStatus { code: 137, lost: Some("the server is shutting down".into()) },
        }
    }

    fn kill(&self) {
        // Fails only when the process has ended.
        let _ = self.nudges.send(Nudge::Kill);
    }
}
