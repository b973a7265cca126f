//! The `grpc-websockets` framing that grpc-web proxies speak: full-duplex gRPC-web over one WebSocket per call.
//!
//! The client's first message is a block of metadata lines; each further one is `0x00` and a part of the gRPC byte
//! stream, or the single byte `0x01` for half-close. The server sends the byte stream unprefixed: a header block, data
//! frames, a trailer block.
//!
//! Neither side can slow the other down, so servers of ours take credits: a [`WINDOW_HEADER`] line says how many bytes
//! the client takes before it has granted more, and the same header in the answer that the server does, too, and how many
//! bytes it takes. From then on both grant by text messages, a decimal number of further bytes. A message may be sent
//! while any credit is left; the first byte of the client's messages does not count. Must not know: sockets.

/// The WebSocket subprotocol to ask for.
pub const SUBPROTOCOL: &str = "grpc-websockets";
/// How many bytes may be under way.
pub const WINDOW_HEADER: &str = "x-jetway-window";
/// The message that half-closes the call.
pub const HALF_CLOSE: [u8; 1] = [0x01];
/// A data message without data, which keeps idle connections open.
pub const KEEPALIVE: [u8; 1] = [DATA];

const DATA: u8 = 0x00;
/// Go's default read limit is 32 KiB for a message; stay under it.
const MESSAGE_MAX: usize = 32_000;

/// The first message: all metadata as lines.
#[must_use]
pub fn header_block<'a>(metadata: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in metadata {
        block.extend_from_slice(name.as_bytes());
        block.extend_from_slice(b": ");
        block.extend_from_slice(value.as_bytes());
        block.extend_from_slice(b"\r\n");
    }
    block
}

/// `bytes` of the gRPC stream as prefixed messages of a size that every known server reads.
pub fn data_messages(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    bytes.chunks(MESSAGE_MAX).map(|part| {
        let mut message = Vec::with_capacity(1 + part.len());
        message.push(DATA);
        message.extend_from_slice(part);
        message
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_become_lines_without_prefix() {
        let block = header_block([("content-type", "application/grpc-web+proto"), ("x-grpc-web", "1")]);
        assert_eq!(block, b"content-type: application/grpc-web+proto\r\nx-grpc-web: 1\r\n");
    }

    #[test]
    fn long_frames_are_cut_and_lose_nothing() {
        let frame: Vec<u8> = (0..100_000u32).map(|i| i as u8).collect();
        let messages: Vec<_> = data_messages(&frame).collect();
        assert_eq!(messages.len(), 4);
        assert!(messages.iter().all(|message| message[0] == 0 && message.len() <= 32 * 1024));
        let joined: Vec<u8> = messages.iter().flat_map(|message| message[1..].iter().copied()).collect();
        assert_eq!(joined, frame);
    }

    #[test]
    fn an_empty_frame_sends_nothing() {
        assert_eq!(data_messages(&[]).count(), 0);
    }
}
