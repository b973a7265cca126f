//! A process's streams by the traits that Rust's own readers and writers have: those of `futures::io`, which belong to no
//! runtime. Must not know: the wire.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use futures::{AsyncBufRead, AsyncRead, AsyncWrite, Sink, Stream};

use super::{ProcessOutput, STDIN_CHUNK_BYTES, StdinWriter};

/// Copies into the caller's buffer; [`Stream`] hands out what came without a copy.
///
/// ```no_run
/// # async fn example(sandbox: jetway::Sandbox) -> Result<(), Box<dyn std::error::Error>> {
/// use futures::AsyncReadExt;
///
/// let process = sandbox.exec(["cat", "/etc/hostname"], Default::default());
/// let mut text = String::new();
/// process.stdout().ok_or("taken")?.read_to_string(&mut text).await?;
/// # Ok(())
/// # }
/// ```
impl AsyncRead for ProcessOutput {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let there = ready!(self.as_mut().poll_fill_buf(cx))?;
        let count = there.len().min(buffer.len());
        buffer[..count].copy_from_slice(&there[..count]);
        self.consume(count);
        Poll::Ready(Ok(count))
    }
}

impl AsyncBufRead for ProcessOutput {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        while this.rest.is_empty() {
            match ready!(Pin::new(&mut *this).poll_next(cx)) {
                Some(Ok(data)) => this.rest = data,
                Some(Err(error)) => return Poll::Ready(Err(error.into())),
                None => break,
            }
        }
        Poll::Ready(Ok(&this.rest))
    }

    fn consume(mut self: Pin<&mut Self>, count: usize) {
        self.rest.advance(count);
    }
}

/// Waits while about a mebibyte is under way. Flushed means under way, not that the process has read it; closed is end of
/// file. A process that has ended is a broken pipe.
///
/// ```no_run
/// # async fn example(sandbox: jetway::Sandbox, file: impl futures::AsyncRead + Unpin) -> Result<(), Box<dyn std::error::Error>> {
/// use jetway::ExecOptions;
///
/// let mut process = sandbox.exec(["sha256sum"], ExecOptions::default().stdin(true));
/// let mut stdin = process.stdin().ok_or("taken")?;
/// futures::io::copy(file, &mut stdin).await?;
/// stdin.close();
/// println!("{}", process.await?.stdout_text());
/// # Ok(())
/// # }
/// ```
impl AsyncWrite for StdinWriter {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let ended = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the process has ended and reads no more");
        if data.is_empty() {
            return Poll::Ready(Ok(0));
        }
        ready!(Pin::new(&mut self.chunks).poll_ready(cx)).map_err(ended)?;
        let chunk = &data[..data.len().min(STDIN_CHUNK_BYTES)];
        Pin::new(&mut self.chunks).start_send(Bytes::copy_from_slice(chunk)).map_err(ended)?;
        Poll::Ready(Ok(chunk.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.chunks.close_channel();
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use futures::{AsyncWriteExt, StreamExt, executor::block_on, future::join};

    use super::super::{STDIN_CHUNK_BYTES, StdinWriter};

    #[test]
    fn what_is_written_arrives_in_chunks_until_it_is_closed() {
        let (mut writer, receiver) = StdinWriter::new();
        let bytes = vec![7; 20 * STDIN_CHUNK_BYTES + 1];
        let writing = async {
            writer.write_all(&bytes).await.unwrap();
            AsyncWriteExt::close(&mut writer).await.unwrap();
        };
        let ((), chunks) = block_on(join(writing, receiver.collect::<Vec<_>>()));
        assert!(chunks.iter().all(|chunk| chunk.len() <= STDIN_CHUNK_BYTES));
        assert!(chunks.concat() == bytes);
    }

    #[test]
    fn an_ended_process_is_a_broken_pipe() {
        let (mut writer, receiver) = StdinWriter::new();
        drop(receiver);
        let error = block_on(writer.write_all(b"x")).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    }
}
