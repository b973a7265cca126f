//! A process's streams as tokio sees them: pipes that end with their process, and a pseudo-terminal.
//! Must not know: the agent.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures::future::BoxFuture;
use rustix::termios::Winsize;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf, unix::AsyncFd},
    net::unix::pipe,
    sync::watch,
};

use super::readiness;
use crate::runtime::ExitStatus;

/// What a terminal takes for end of file at the start of a line.
const END_OF_TRANSMISSION: u8 = 4;

/// Standard output or error.
pub enum Output {
    /// Ends when every writer closed it, or, once the process has ended, after what it left in the pipe: a background
    /// process that inherited the pipe must not keep the stream open.
    Pipe {
        /// The reading end.
        pipe: pipe::Receiver,
        /// Resolves when the process has ended.
        exited: Option<BoxFuture<'static, ()>>,
        /// Bytes still to deliver, once that is known.
        left: Option<u64>,
    },
    /// Ends when the kernel hangs the terminal up.
    Terminal(Arc<Terminal>),
}

impl Output {
    /// Reads a pipe.
    pub fn pipe(pipe: pipe::Receiver, mut exit: watch::Receiver<Option<ExitStatus>>) -> Output {
        let exited = async move {
            // An error means that nobody watches the process any more: then only the writers' end counts.
            if exit.wait_for(Option::is_some).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        Output::Pipe { pipe, exited: Some(Box::pin(exited)), left: None }
    }

    /// Reads a terminal.
    pub fn terminal(terminal: Arc<Terminal>) -> Output {
        Output::Terminal(terminal)
    }
}

impl AsyncRead for Output {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (pipe, exited, left) = match self.get_mut() {
            Output::Terminal(terminal) => return terminal.poll_read(cx, buffer),
            Output::Pipe { pipe, exited, left } => (pipe, exited, left),
        };
        if let Some(future) = exited
            && future.as_mut().poll(cx).is_ready()
        {
            *exited = None;
            *left = Some(rustix::io::ioctl_fionread(&*pipe)?);
        }
        let Some(left) = left else { return Pin::new(pipe).poll_read(cx, buffer) };
        if *left == 0 {
            return Poll::Ready(Ok(()));
        }
        let limit = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.remaining());
        // It is in the pipe, whether or not the reactor has said so by now; on a busy machine it may say so too late.
        let count = match rustix::io::read(&*pipe, buffer.initialize_unfilled_to(limit)) {
            // Somebody else inside has read it: nothing is left.
            Err(rustix::io::Errno::AGAIN) => 0,
            read => read?,
        };
        *left = if count == 0 { 0 } else { left.saturating_sub(count as u64) };
        buffer.advance(count);
        Poll::Ready(Ok(()))
    }
}

/// The outer end of a pseudo-terminal.
#[derive(Debug)]
pub struct Terminal {
    outer: AsyncFd<Arc<OwnedFd>>,
}

impl Terminal {
    /// Takes the descriptor; nobody else uses it.
    pub fn new(outer: OwnedFd) -> io::Result<Terminal> {
        rustix::io::ioctl_fionbio(&outer, true)?;
        Ok(Terminal { outer: readiness::watch(Arc::new(outer))? })
    }

    /// New window size; the kernel tells the foreground processes.
    pub fn resize(&self, columns: u16, rows: u16) {
        let size = Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 };
        // Fails only when the terminal is hung up.
        let _ = rustix::termios::tcsetwinsize(self.outer.get_ref().as_fd(), size);
    }

    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut guard = ready!(self.outer.poll_read_ready(cx))?;
            let read =
                guard.try_io(|outer| Ok(rustix::io::read(outer.get_ref().as_fd(), buffer.initialize_unfilled())?));
            match read {
                // How a terminal says that its inner end is closed.
                Ok(Err(error)) if error.raw_os_error() == Some(libc::EIO) => return Poll::Ready(Ok(())),
                Ok(count) => {
                    buffer.advance(count?);
                    return Poll::Ready(Ok(()));
                }
                Err(_would_block) => {}
            }
        }
    }

    fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.outer.poll_write_ready(cx))?;
            if let Ok(written) = guard.try_io(|outer| Ok(rustix::io::write(outer.get_ref().as_fd(), bytes)?)) {
                return Poll::Ready(written);
            }
        }
    }
}

/// The terminal's keyboard. Dropping it types end of file.
pub struct TerminalInput {
    terminal: Arc<Terminal>,
    ended: bool,
}

impl TerminalInput {
    /// Types into `terminal`.
    pub fn new(terminal: Arc<Terminal>) -> TerminalInput {
        TerminalInput { terminal, ended: false }
    }

    fn end(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            // A full or hung-up terminal takes nothing, and there is nobody to tell.
            let _ = rustix::io::write(self.terminal.outer.get_ref().as_fd(), &[END_OF_TRANSMISSION]);
        }
    }
}

impl AsyncWrite for TerminalInput {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.terminal.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end();
        Poll::Ready(Ok(()))
    }
}

impl Drop for TerminalInput {
    fn drop(&mut self) {
        self.end();
    }
}
