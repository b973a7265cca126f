//! What is typed at a remote terminal: the keys that leave it are ours, all others go there.
//! Must not know: the terminal here, what leaving means.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use jetway::process::StdinWriter;
use tokio::sync::mpsc;

use crate::{detach_keys::Watch, input};

/// What Ctrl-C types.
pub const INTERRUPT_KEY: u8 = 3;
/// Reads of keys that wait while the connection is lost; a terminal gives at most 4 KiB at once.
const QUEUE: usize = 1024;

/// A wish to leave that came by the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// The detach keys.
    Detach,
    /// Ctrl-C while nobody is there to take it.
    GiveUp,
}

/// Who types, and who has to know.
pub struct Keyboard {
    /// Takes the keys.
    pub writer: StdinWriter,
    /// Keys from elsewhere.
    pub more: mpsc::Receiver<Bytes>,
    /// Looks for the detach keys.
    pub watch: Watch,
    /// Whether the connection is lost just now.
    pub lost: Arc<AtomicBool>,
    /// Is told when somebody wants to leave.
    pub leave: mpsc::Sender<Leave>,
}

impl Keyboard {
    /// Passes keys on until there are no more or nobody takes them. The end of the input closes the other end's.
    pub async fn feed(self) {
        let Self { mut writer, mut more, mut watch, lost, leave } = self;
        let (queue, mut waiting) = mpsc::channel(QUEUE);
        let leaving = leave.clone();
        let writing = async move {
            while let Some(typed) = waiting.recv().await {
                let taken = match typed {
                    // A process that has ended, or closed its input, is no error of ours: its exit code says how it went.
                    Typed::Keys(keys) => writer.write(keys).await.is_ok(),
                    Typed::Detach => leaving.send(Leave::Detach).await.is_ok(),
                };
                if !taken {
                    return;
                }
            }
        };
        // Apart from the writing, which waits as long as the connection is lost.
        let reading = async move {
            let mut chunks = input::read();
            loop {
                let chunk = tokio::select! {
                    chunk = chunks.recv() => chunk,
                    Some(key) = more.recv() => Some(key),
                };
                let Some(chunk) = chunk else { return };
                let (keys, detach) = watch.typed(&chunk);
                let heard = if lost.load(Ordering::Relaxed) && (detach || chunk.contains(&INTERRUPT_KEY)) {
                    leave.send(if detach { Leave::Detach } else { Leave::GiveUp }).await.is_ok()
                } else {
                    // In turn: whoever detaches wants what was typed before to arrive.
                    queue.send(Typed::Keys(keys.into())).await.is_ok()
                        && (!detach || queue.send(Typed::Detach).await.is_ok())
                };
                if !heard {
                    return;
                }
            }
        };
        tokio::join!(writing, reading);
    }
}

enum Typed {
    Keys(Bytes),
    Detach,
}
