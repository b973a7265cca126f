//! The framer against recorded streams: every split position, and random cuts.

use super::*;
use crate::grpc_web::{Trailers, envelope};

const OUTPUT: PayloadShape = PayloadShape::Nested { outer: 2, tag: 1, data: 2 };

fn varint(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn output(stream: u8, data: &[u8]) -> Vec<u8> {
    let mut inner = vec![0x08, stream, 0x12];
    varint(&mut inner, data.len());
    inner.extend_from_slice(data);
    let mut message = vec![0x12];
    varint(&mut message, inner.len());
    message.extend(inner);
    envelope(&message).unwrap()
}

fn block(text: &[u8]) -> Vec<u8> {
    let mut frame = envelope(text).unwrap();
    frame[0] = 0x80;
    frame
}

/// What a consumer ends up with, independent of how the stream was cut.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    /// Payload bytes with the stream they belong to, neighbours joined; messages and blocks in between.
    events: Vec<Event>,
}

#[derive(Debug, PartialEq, Eq)]
enum Event {
    Data(u32, Vec<u8>),
    Message(Vec<u8>),
    Block(Vec<u8>),
}

impl Seen {
    fn data(&mut self, tag: u32, bytes: &[u8]) {
        match self.events.last_mut() {
            Some(Event::Data(last, data)) if *last == tag => data.extend_from_slice(bytes),
            _ => self.events.push(Event::Data(tag, bytes.to_vec())),
        }
    }

    fn take(&mut self, chunk: &[u8], piece: Piece<'_>) {
        match piece {
            Piece::View { tag, start, end } => self.data(tag, &chunk[start..end]),
            Piece::Merged { tag, data } => self.data(tag, data),
            Piece::Message(bytes) => self.events.push(Event::Message(bytes.to_vec())),
            Piece::Block(bytes) => self.events.push(Event::Block(bytes.to_vec())),
        }
    }
}

fn run<'a>(mut framer: Framer, chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<Seen, FrameError> {
    let mut seen = Seen::default();
    for chunk in chunks {
        framer.push(
            chunk.len(),
            |at, into| into.copy_from_slice(&chunk[at..at + into.len()]),
            |piece| seen.take(chunk, piece),
        )?;
    }
    framer.finish()?;
    Ok(seen)
}

fn stream() -> (Vec<u8>, Vec<Event>) {
    let big: Vec<u8> = (0..9000u32).map(|i| (i % 251) as u8).collect();
    let mut bytes = Vec::new();
    bytes.extend(envelope(&[0x0a, 0x00]).unwrap()); // ready
    bytes.extend(output(1, b"one"));
    bytes.extend(output(1, b"two"));
    bytes.extend(output(2, b"err"));
    bytes.extend(output(1, &big));
    bytes.extend(output(1, b""));
    bytes.extend(envelope(&[0x12, 0x03, 0x12, 0x01, b'x']).unwrap()); // output without stream: for the decoder
    bytes.extend(output(2, b"tail"));
    bytes.extend(envelope(&[]).unwrap());
    bytes.extend(envelope(&[0x1a, 0x02, 0x08, 0x03]).unwrap()); // exit
    bytes.extend(block(b"grpc-status: 0\r\n"));
    let events = vec![
        Event::Message(vec![0x0a, 0x00]),
        Event::Data(1, b"onetwo".to_vec()),
        Event::Data(2, b"err".to_vec()),
        Event::Data(1, big),
        Event::Message(vec![0x12, 0x03, 0x12, 0x01, b'x']),
        Event::Data(2, b"tail".to_vec()),
        Event::Message(vec![]),
        Event::Message(vec![0x1a, 0x02, 0x08, 0x03]),
        Event::Block(b"grpc-status: 0\r\n".to_vec()),
    ];
    (bytes, events)
}

#[test]
fn every_split_position_gives_the_same_stream() {
    let (bytes, events) = stream();
    for cut in 0..=bytes.len() {
        let (a, b) = bytes.split_at(cut);
        let seen = run(Framer::new(OUTPUT), [a, b]).unwrap();
        assert_eq!(seen.events, events, "cut at {cut}");
    }
}

#[test]
fn any_chunk_size_gives_the_same_stream() {
    let (bytes, events) = stream();
    for size in [1, 2, 3, 4, 5, 6, 7, 11, 64, 4095, 4096, 5000] {
        let seen = run(Framer::new(OUTPUT), bytes.chunks(size)).unwrap();
        assert_eq!(seen.events, events, "chunks of {size}");
    }
}

#[test]
fn random_cuts_give_the_same_stream() {
    let (bytes, events) = stream();
    let mut random = 0x2545_f491_u32;
    for round in 0..300 {
        let mut rest = &bytes[..];
        let mut chunks = Vec::new();
        while !rest.is_empty() {
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            let (chunk, after) = rest.split_at((random as usize % 40).min(rest.len()));
            chunks.push(chunk);
            rest = after;
        }
        assert_eq!(run(Framer::new(OUTPUT), chunks).unwrap().events, events, "round {round}");
    }
}

#[test]
fn a_large_payload_leaves_as_a_view_and_only_its_head_is_read() {
    let bytes = output(1, &vec![7; 1 << 20]);
    let mut read = 0;
    let mut views = Vec::new();
    let mut framer = Framer::new(OUTPUT);
    framer
        .push(
            bytes.len(),
            |at, into| {
                read += into.len();
                into.copy_from_slice(&bytes[at..at + into.len()]);
            },
            |piece| match piece {
                Piece::View { tag: 1, start, end } => views.push(end - start),
                other => panic!("{other:?}"),
            },
        )
        .unwrap();
    assert_eq!(views, [1 << 20]);
    assert!(read <= 128, "{read} bytes were copied");
}

#[test]
fn small_payloads_of_one_stream_are_merged_and_a_switch_keeps_the_order() {
    let mut bytes = Vec::new();
    for _ in 0..100 {
        bytes.extend(output(1, b"0123456789"));
    }
    bytes.extend(output(2, b"x"));
    bytes.extend(output(1, b"y"));
    let mut pieces = Vec::new();
    Framer::new(OUTPUT)
        .push(
            bytes.len(),
            |at, into| into.copy_from_slice(&bytes[at..at + into.len()]),
            |piece| match piece {
                Piece::Merged { tag, data } => pieces.push((tag, data.len())),
                other => panic!("{other:?}"),
            },
        )
        .unwrap();
    assert_eq!(pieces, [(1, 1000), (2, 1), (1, 1)]);
}

#[test]
fn the_fields_behind_a_flat_payload_arrive_as_a_message() {
    let mut bytes = envelope(&[0x0a, 0x02, b'h', b'i', 0x20, 0x02]).unwrap();
    bytes.extend(envelope(&[0x0a, 0x00, 0x20, 0x02]).unwrap());
    let events = [Event::Data(0, b"hi".to_vec()), Event::Message(vec![0x20, 2]), Event::Message(vec![0x20, 2])];
    for cut in 0..=bytes.len() {
        let (a, b) = bytes.split_at(cut);
        assert_eq!(run(Framer::new(PayloadShape::Flat { data: 1 }), [a, b]).unwrap().events, events, "cut at {cut}");
    }
}

#[test]
fn a_stream_that_ends_inside_a_frame_is_truncated() {
    let (bytes, _) = stream();
    for short in [1, 4, 8, 20, 22, 29] {
        let cut = bytes.len() - short;
        assert_eq!(run(Framer::new(OUTPUT), [&bytes[..cut]]), Err(FrameError::Truncated), "{short} bytes short");
    }
}

#[test]
fn a_stream_that_ends_between_frames_has_no_trailers_and_no_error() {
    let bytes = output(1, b"one");
    assert_eq!(run(Framer::new(OUTPUT), [&bytes[..]]).unwrap().events, [Event::Data(1, b"one".to_vec())]);
}

#[test]
fn bytes_after_the_trailers_are_an_error() {
    let (mut bytes, _) = stream();
    bytes.push(0);
    assert_eq!(run(Framer::new(OUTPUT), [&bytes[..]]), Err(FrameError::AfterTrailers));
}

#[test]
fn over_a_websocket_the_first_block_is_the_headers() {
    let mut bytes = block(b"content-type: application/grpc-web+proto\r\n");
    bytes.extend(output(1, b"one"));
    bytes.extend(block(b"Grpc-Status : 5"));
    let seen = run(Framer::with_header_block(OUTPUT), bytes.chunks(3)).unwrap();
    let [Event::Block(headers), Event::Data(1, data), Event::Block(trailers)] = &seen.events[..] else {
        panic!("{seen:?}");
    };
    assert_eq!(Trailers::parse(headers).get("content-type"), Some("application/grpc-web+proto"));
    assert_eq!(data, b"one");
    assert_eq!(Trailers::parse(trailers).get("grpc-status"), Some("5"));
}

#[test]
fn a_refused_frame_stays_refused_wherever_it_is_cut() {
    let mut bytes = output(1, b"fine");
    let at = bytes.len();
    bytes.extend([1, 0, 0, 0, 1, 0]);
    for cut in 0..at + 5 {
        let (a, b) = bytes.split_at(cut);
        assert_eq!(run(Framer::new(OUTPUT), [a, b]), Err(FrameError::Compressed), "cut at {cut}");
    }
}
