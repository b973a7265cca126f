//! Standard output and error: whole writes, and a reader that left is no failure worth a message.
//! Must not know: what is printed.

use std::io::{self, Write};

use anyhow::{Error, Result};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::exit::OutputGone;

/// Prints text to standard output.
pub fn print(text: &str) -> Result<()> {
    print_bytes(text.as_bytes())
}

/// Prints bytes to standard output as they are.
pub fn print_bytes(bytes: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(gone)
}

/// Says something to the person, on standard error. Nobody there is no failure.
pub fn tell(message: &str) {
    let _ = writeln!(io::stderr(), "jetway: {message}");
}

/// The same on a line of its own, while the terminal is in raw mode and somebody else writes to it.
pub fn tell_amid(message: &str) {
    let _ = write!(io::stderr(), "\r\njetway: {message}\r\n");
}

/// Writes everything that a stream gives, as it comes.
pub async fn copy(
    mut from: impl Stream<Item = Result<Bytes, jetway::Error>> + Unpin,
    mut to: impl AsyncWrite + Unpin,
) -> Result<()> {
    while let Some(data) = from.next().await {
        to.write_all(&data?).await.map_err(gone)?;
        to.flush().await.map_err(gone)?;
    }
    Ok(())
}

fn gone(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => OutputGone.into(),
        _ => Error::new(error).context("the output cannot be written"),
    }
}
