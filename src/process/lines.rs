//! Cuts a byte stream into lines of text. Must not know: where the bytes come from.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::BytesMut;
use futures::Stream;

use super::ProcessOutput;
use crate::error::Error;

/// Cuts bytes into lines wherever the chunks end, also within a character. What is not UTF-8 becomes U+FFFD.
#[derive(Debug, Clone, Default)]
pub struct LineSplitter {
    buffer: BytesMut,
    /// Up to where the buffer is known to have no line end.
    searched: usize,
}

impl LineSplitter {
    /// Adds bytes.
    pub fn push(&mut self, data: &[u8]) {
        self.buffer.extend_from_slice(data);
    }

    /// The next whole line, without its end (`\n` or `\r\n`).
    pub fn next_line(&mut self) -> Option<String> {
        match self.buffer[self.searched..].iter().position(|&byte| byte == b'\n') {
            Some(offset) => {
                let line = self.buffer.split_to(self.searched + offset + 1);
                self.searched = 0;
                Some(text(&line[..line.len() - 1]))
            }
            None => {
                self.searched = self.buffer.len();
                None
            }
        }
    }

    /// What is left when nothing follows: a last line without its end.
    pub fn finish(&mut self) -> Option<String> {
        self.searched = 0;
        let rest = self.buffer.split();
        (!rest.is_empty()).then(|| text(&rest))
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
}

/// The lines of a process's output.
pub struct Lines {
    output: ProcessOutput,
    splitter: LineSplitter,
    ended: bool,
}

impl Lines {
    pub(super) fn new(output: ProcessOutput) -> Self {
        Self { output, splitter: LineSplitter::default(), ended: false }
    }
}

impl Stream for Lines {
    type Item = Result<String, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(line) = self.splitter.next_line() {
                return Poll::Ready(Some(Ok(line)));
            }
            if self.ended {
                return Poll::Ready(self.splitter.finish().map(Ok));
            }
            match Pin::new(&mut self.output).poll_next(cx) {
                Poll::Ready(Some(Ok(data))) => self.splitter.push(&data),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(None) => self.ended = true,
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LineSplitter;

    fn lines(text: &[u8], chunk: usize) -> Vec<String> {
        let mut splitter = LineSplitter::default();
        let mut lines = Vec::new();
        for piece in text.chunks(chunk) {
            splitter.push(piece);
            while let Some(line) = splitter.next_line() {
                lines.push(line);
            }
        }
        lines.extend(splitter.finish());
        lines
    }

    #[test]
    fn a_character_split_across_chunks_survives_at_every_split() {
        let text = "grün\r\n\n€uro\nlast".as_bytes();
        for chunk in 1..=text.len() {
            assert_eq!(lines(text, chunk), ["grün", "", "€uro", "last"], "chunks of {chunk}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_survive_as_replacement_characters() {
        assert_eq!(lines(b"a\xff\nb", 2), ["a\u{fffd}", "b"]);
        assert!(lines(b"", 1).is_empty());
    }
}
