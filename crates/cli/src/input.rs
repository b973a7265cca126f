//! Standard input, read by a thread of its own: a read that never returns must not keep the program from ending.
//! Must not know: where the bytes go.

use std::io::IsTerminal;

use bytes::Bytes;
use futures::Stream;
use jetway::process::StdinWriter;
use tokio::sync::mpsc;

/// As much as one frame of stdin carries.
const CHUNK: usize = jetway::process::STDIN_CHUNK_BYTES;
/// Chunks that were read and not sent yet.
const QUEUE: usize = 2;

/// Whether somebody types.
pub fn is_terminal() -> bool {
    std::io::stdin().is_terminal()
}

/// Everything that comes on standard input, to a process, until either ends. The end of the one closes the other.
pub async fn feed(mut writer: StdinWriter) {
    let mut chunks = read();
    while let Some(chunk) = chunks.recv().await {
        // A process that has ended, or closed its input, is no error of ours: its exit code says how it went.
        if writer.write(chunk).await.is_err() {
            return;
        }
    }
}

/// Everything that comes on standard input.
pub fn stream() -> impl Stream<Item = Bytes> {
    let mut chunks = read();
    futures::stream::poll_fn(move |cx| chunks.poll_recv(cx))
}

/// The same, chunk by chunk.
pub fn read() -> mpsc::Receiver<Bytes> {
    let (sender, receiver) = mpsc::channel(QUEUE);
    std::thread::spawn(move || {
        let mut buffer = vec![0; CHUNK];
        loop {
            // Not through std's buffer, which would hold back what a terminal gave.
            let count = match rustix::io::read(rustix::stdio::stdin(), &mut buffer) {
                Ok(count) => count,
                Err(rustix::io::Errno::INTR) => continue,
                Err(_) => return,
            };
            if count == 0 || sender.blocking_send(Bytes::copy_from_slice(&buffer[..count])).is_err() {
                return;
            }
        }
    });
    receiver
}
