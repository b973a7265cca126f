//! What a model is told: values, texts that fit, failures with their hints. Must not know: which tool it is about.

use base64::{Engine, engine::general_purpose::STANDARD};
use jetway::{
    Error,
    code::{Execution, RunStatus},
    sandbox::SandboxInfo,
};
use rmcp::{
    ErrorData,
    model::{CallToolResult, ContentBlock},
};
use serde_json::{Value, json};

type Answer = Result<CallToolResult, ErrorData>;

/// More of one text would fill a model's window and help nobody.
pub const MAX_TEXT: usize = 100_000;

/// A value.
pub fn told(value: Value) -> Answer {
    Ok(CallToolResult::structured(value))
}

/// Words.
pub fn said(text: String) -> Answer {
    Ok(CallToolResult::success(vec![ContentBlock::text(text)]))
}

/// What failed, and what might help.
pub fn failed(error: &Error) -> Answer {
    refused(&error.to_string())
}

/// Why it was not done.
pub fn refused(why: &str) -> Answer {
    Ok(CallToolResult::error(vec![ContentBlock::text(why)]))
}

/// The text, its middle left out where it is too long.
pub fn clipped(text: &str) -> String {
    if text.len() <= MAX_TEXT {
        return text.to_owned();
    }
    let half = MAX_TEXT / 2;
    let head = (0..=half).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let tail = (text.len() - half..).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len());
    format!("{}\n[… {} bytes left out …]\n{}", &text[..head], tail - head, &text[tail..])
}

/// A sandbox.
pub fn of_sandbox(info: &SandboxInfo) -> Value {
    json!({ "sandbox_id": info.id, "status": info.status.name(), "image": info.image, "tags": info.tags })
}

/// What code did, in the order in which a person would read it.
pub fn of_execution(ran: &Execution) -> CallToolResult {
    let mut content = Vec::new();
    let mut say = |head: &str, text: &str| {
        if !text.is_empty() {
            content.push(ContentBlock::text(format!("{head}{}", clipped(text))));
        }
    };
    say("", &ran.stdout_text());
    say("stderr:\n", &ran.stderr_text());
    if ran.restarted {
        say("", "This is a new interpreter: variables of earlier calls are gone.");
    }
    for result in &ran.results {
        let image = ["image/png", "image/jpeg", "image/gif"].iter().find_map(|it| Some((*it, result.binary.get(*it)?)));
        let text = ["text/plain", "text/markdown", "text/html", "image/svg+xml"].iter().find_map(|it| result.text(it));
        match (image, text) {
            (Some((kind, bytes)), _) => content.push(ContentBlock::image(STANDARD.encode(bytes), kind)),
            (None, Some(text)) => content.push(ContentBlock::text(clipped(text))),
            (None, None) => {}
        }
    }
    if let Some(error) = &ran.error {
        content.push(ContentBlock::text(clipped(&error.traceback)));
    }
    let odd = match ran.status {
        RunStatus::Ok | RunStatus::Error => None,
        RunStatus::Timeout => Some("The time was over: the code was interrupted. What it has set so far stays."),
        RunStatus::Interrupted => Some("The code was interrupted."),
        _ => Some("The interpreter ended: its variables are gone."),
    };
    content.extend(odd.map(ContentBlock::text));
    if content.is_empty() {
        content.push(ContentBlock::text("(no output)"));
    }
    match ran.status {
        RunStatus::Ok => CallToolResult::success(content),
        _ => CallToolResult::error(content),
    }
}

/// The kind of an image by its first bytes.
pub fn image_kind(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_TEXT, clipped};

    #[test]
    fn long_texts_lose_their_middle_and_no_character() {
        assert_eq!(clipped("short"), "short");
        let long = "ü".repeat(MAX_TEXT);
        let clipped = clipped(&long);
        assert!(clipped.len() < MAX_TEXT + 100);
        assert!(clipped.starts_with('ü') && clipped.ends_with('ü') && clipped.contains("left out"));
    }
}
