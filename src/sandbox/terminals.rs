//! The terminals that a server keeps of a sandbox. Must not know: how one is connected to.

use std::time::SystemTime;

use super::{Sandbox, info::time};
use crate::{
    client::{self, CallOptions},
    error::Error,
    process::TerminalSize,
    wire::jetway::v1 as wire,
};

/// A kept terminal as the server describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeptTerminal {
    /// Its name, by which it is connected to.
    pub id: String,
    /// The container that it runs in.
    pub container: String,
    /// What runs in it.
    pub command: Vec<String>,
    /// When it was started.
    pub created_at: Option<SystemTime>,
    /// How many are connected to it.
    pub connected: u32,
    /// When it is ended unless somebody connects; `None` while somebody is.
    pub expires_at: Option<SystemTime>,
    /// Bytes of output so far.
    pub offset: u64,
    /// How what ran in it ended, where it has: it is kept for its last output.
    pub exit_code: Option<i32>,
    /// Its size.
    pub size: TerminalSize,
}

impl From<wire::Terminal> for KeptTerminal {
    fn from(terminal: wire::Terminal) -> Self {
        let side = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
        Self {
            id: terminal.terminal_id,
            container: terminal.container,
            command: terminal.command,
            created_at: terminal.create_time.and_then(time),
            connected: terminal.connected,
            expires_at: terminal.expire_time.and_then(time),
            offset: terminal.offset,
            exit_code: terminal.exit_code,
            size: TerminalSize { cols: side(terminal.columns), rows: side(terminal.rows) },
        }
    }
}

impl Sandbox {
    /// The terminals that are kept of this sandbox, the oldest first.
    ///
    /// # Errors
    /// Not supported by servers that keep none; as any call.
    pub async fn terminals(&self) -> Result<Vec<KeptTerminal>, Error> {
        let id = self.ready_for_work().await?;
        let listed = client::terminals::list(&self.inner.client, &id, &CallOptions::default()).await?;
        Ok(listed.into_iter().map(KeptTerminal::from).collect())
    }

    /// Ends a kept terminal and what runs in it; says whether there was one of that name.
    ///
    /// # Errors
    /// Not supported by servers that keep none; as any call.
    pub async fn end_terminal(&self, id: &str) -> Result<bool, Error> {
        let sandbox_id = self.ready_for_work().await?;
        client::terminals::end(&self.inner.client, &sandbox_id, id, &CallOptions::default()).await
    }
}
