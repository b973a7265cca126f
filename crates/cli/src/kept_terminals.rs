//! The terminals that a server keeps of a sandbox, for people and programs. Must not know: how one is shown.

use anyhow::{Error, Result, anyhow};
use jetway::{ErrorKind, Sandbox, sandbox::KeptTerminal};
use serde_json::{Value, json};

use crate::show::{self, Format, NONE};

/// Why nobody can leave a terminal and come back.
pub const NOT_KEPT: &str = "this server keeps no terminals (it has no jetway.v1.TerminalService that this token may use): \
                            nobody can detach from a terminal there, or attach to one";

/// Prints which there are.
pub async fn list(sandbox: &Sandbox, format: Format) -> Result<()> {
    let terminals = sandbox.terminals().await.map_err(|error| explained(error.into()))?;
    let rows = || terminals.iter().map(row).collect::<Vec<_>>();
    let value = || Value::Array(terminals.iter().map(json).collect());
    show::print(format, value, || show::table(&["TERMINAL", "COMMAND", "AGE", "CONNECTED", "KEPT", "STATE"], &rows()))
}

/// An error that comes of a server without terminals says so.
pub fn explained(error: Error) -> Error {
    let lacking = error.downcast_ref::<jetway::Error>().is_some_and(|error| {
        error.kind() == ErrorKind::NotSupported
            || error.metadata().get("http_status").is_some_and(|status| status == "404")
            || error.reason() == Some("CWSANDBOX_OUT_OF_SCOPE")
    });
    // No context around it: what the server said should be read too.
    if lacking { anyhow!("{NOT_KEPT} ({error})") } else { error }
}

fn row(terminal: &KeptTerminal) -> Vec<String> {
    vec![
        terminal.id.clone(),
        terminal.command.join(" "),
        show::age(terminal.created_at),
        terminal.connected.to_string(),
        // Somebody who is connected keeps it.
        terminal.expires_at.map_or_else(|| NONE.to_owned(), |at| format!("until {}", show::moment(at))),
        terminal.exit_code.map_or_else(|| "running".to_owned(), |code| format!("exited ({code})")),
    ]
}

fn json(terminal: &KeptTerminal) -> Value {
    json!({
        "id": terminal.id,
        "container": terminal.container,
        "command": terminal.command,
        "createdAt": terminal.created_at.map(show::moment),
        "connected": terminal.connected,
        "expiresAt": terminal.expires_at.map(show::moment),
        "offset": terminal.offset,
        "exitCode": terminal.exit_code,
        "cols": terminal.size.cols,
        "rows": terminal.size.rows,
    })
}
