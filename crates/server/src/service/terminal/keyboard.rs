//! What goes into a terminal, in the order in which it comes, whoever types. Must not know: the wire.

use bytes::Bytes;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::{mpsc, oneshot},
};

use crate::service::stream_exec::end_of_input;

/// Inputs that wait before whoever types has to.
pub(super) const QUEUE: usize = 4;

/// Columns and rows.
pub(super) type Size = (u16, u16);

/// Something for a terminal.
pub(super) enum Input {
    /// Typed.
    Bytes(Bytes),
    /// Another size.
    Resize(Size),
    /// End of file.
    Close,
}

/// Passes inputs on. What is typed after a resize is for a terminal of the new size: it waits until there is one. What a
/// process that ended does not read is dropped without a word.
pub(super) async fn pass_on(
    mut inputs: mpsc::Receiver<Input>,
    mut terminal: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    resizes: mpsc::Sender<(Size, oneshot::Sender<()>)>,
) {
    let mut line_open = false;
    while let Some(input) = inputs.recv().await {
        let bytes = match input {
            Input::Resize(size) => {
                let (done, resized) = oneshot::channel();
                if resizes.send((size, done)).await.is_err() || resized.await.is_err() {
                    return;
                }
                continue;
            }
            Input::Close => end_of_input(line_open),
            Input::Bytes(bytes) => {
                line_open = bytes.last().map_or(line_open, |last| *last != b'\n');
                bytes
            }
        };
        if let Some(to) = &mut terminal
            && to.write_all(&bytes).await.is_err()
        {
            terminal = None;
        }
    }
}
