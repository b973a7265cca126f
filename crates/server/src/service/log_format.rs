//! A log session: where it began and how its bytes look. All of it is in the session's id, so a session can be resumed
//! at any offset, by any server that has the log, also after a restart.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::{BufMut, BytesMut};

use super::log_reader::Piece;

/// What a session's bytes are made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogSession {
    /// Where in the log it began.
    pub start: u64,
    /// Whether each line carries the time of its first byte.
    pub timestamps: bool,
    /// Whose log it is.
    pub sandbox_id: String,
    /// Of which container.
    pub container: String,
}

impl LogSession {
    /// The id under which the session can be resumed.
    pub fn id(&self) -> String {
        let Self { start, timestamps, sandbox_id, container } = self;
        URL_SAFE_NO_PAD.encode(format!("1 {start} {} {sandbox_id} {container}", u8::from(*timestamps)))
    }

    /// The session with that id.
    pub fn from_id(id: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(id).ok()?).ok()?;
        let mut words = text.splitn(5, ' ');
        let version = words.next()?;
        let session = Self {
            start: words.next()?.parse().ok()?,
            timestamps: words.next()? == "1",
            sandbox_id: words.next()?.to_owned(),
            container: words.next()?.to_owned(),
        };
        (version == "1").then_some(session)
    }
}

/// Turns pieces of a log into a session's bytes. The same pieces give the same bytes, however they are cut.
pub(super) struct Renderer {
    timestamps: bool,
    line_start: bool,
}

impl Renderer {
    /// Begins at the session's start.
    pub fn new(timestamps: bool) -> Self {
        Self { timestamps, line_start: true }
    }

    /// Appends the bytes for one piece.
    pub fn render(&mut self, piece: &Piece, out: &mut BytesMut) {
        if !self.timestamps {
            out.put_slice(&piece.data);
            return;
        }
        let prefix = rfc3339(piece.nanos);
        for line in piece.data.split_inclusive(|byte| *byte == b'\n') {
            if self.line_start {
                out.put_slice(prefix.as_bytes());
                out.put_u8(b' ');
            }
            out.put_slice(line);
            self.line_start = line.ends_with(b"\n");
        }
    }
}

fn rfc3339(nanos: u64) -> String {
    let seconds = i64::try_from(nanos / 1_000_000_000).unwrap_or(i64::MAX);
    let second = prost_types::Timestamp { seconds, nanos: 0 }.to_string();
    // Always nine digits: columns stay aligned and lines sort as text.
    format!("{}.{:09}Z", second.trim_end_matches('Z'), nanos % 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_session_is_its_id() {
        let session = LogSession { start: 77, timestamps: true, sandbox_id: "sb-1".into(), container: "main".into() };
        assert_eq!(LogSession::from_id(&session.id()), Some(session));
        for unknown in ["", "nope", "!!", &URL_SAFE_NO_PAD.encode("2 0 0 a b"), &URL_SAFE_NO_PAD.encode("1 x 0 a b")] {
            assert_eq!(LogSession::from_id(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn each_line_gets_the_time_of_its_first_byte() {
        let mut renderer = Renderer::new(true);
        let mut text = BytesMut::new();
        for (data, nanos) in [("a\nb", 1_000_000_001), ("c\n", 2_000_000_000), ("\n", 3_000_000_000)] {
            renderer.render(&Piece { data: Bytes::from_static(data.as_bytes()), nanos }, &mut text);
        }
        assert_eq!(
            String::from_utf8(text.to_vec()).unwrap(),
            "1970-01-01T00:00:01.000000001Z a\n1970-01-01T00:00:01.000000001Z bc\n1970-01-01T00:00:03.000000000Z \n"
        );
    }
}
