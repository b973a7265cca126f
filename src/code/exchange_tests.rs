//! What a client makes of a talk with a driver, whatever breaks off when.

use std::time::Duration;

use super::{CallId, Exchange, Next, RunOptions};
use crate::{
    code::{EventKind, Received},
    error::{Diagnosis, Error, ErrorKind},
};

fn frame(kind: u8, call: CallId, body: &[u8]) -> Vec<u8> {
    let mut frame = (9 + body.len() as u32).to_be_bytes().to_vec();
    frame.push(kind);
    frame.extend(call.0.to_be_bytes());
    frame.extend(body);
    frame
}

fn hello() -> Vec<u8> {
    frame(b'H', CallId(0), b"{}")
}

fn accept(exchange: &mut Exchange, data: &[u8]) -> (Vec<Received>, Vec<u8>) {
    let mut events = Vec::new();
    let answers = exchange.accept(data, |event| events.push(event)).unwrap();
    (events, answers.to_vec())
}

#[test]
fn an_id_names_its_language_and_nothing_else_is_an_id() {
    assert_eq!(Exchange::new("javascript-a_1", true).unwrap().language().name(), "javascript");
    for id in ["", "ruby", "python/../x", "python-\n", "pythonx", &format!("python-{}", "a".repeat(64))] {
        let error = Exchange::new(id, true).unwrap_err();
        assert_eq!(error.field_violations()[0].field, "context", "{id:?}");
    }
}

#[test]
fn the_driver_is_put_once_when_an_attachment_says_nothing() {
    let mut exchange = Exchange::new("python", true).unwrap();
    exchange.run(b"1", &RunOptions::default()).unwrap();
    exchange.opening();
    assert_eq!(exchange.ended(Ok(2), "can't open file").unwrap(), Next::PutDriver);
    exchange.opening();
    let error = exchange.ended(Ok(1), "first\nread-only file system\n").unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::SandboxExecution, Some("CODE_CONTEXT_FAILED")));
    assert!(error.message().ends_with("read-only file system"), "{error}");
    assert!(!exchange.is_waiting());
}

#[test]
fn an_image_without_the_interpreter_is_not_supported() {
    let mut exchange = Exchange::new("javascript", true).unwrap();
    exchange.run(b"1", &RunOptions::default()).unwrap();
    exchange.opening();
    assert_eq!(exchange.ended(Ok(127), "").unwrap(), Next::PutDriver);
    exchange.opening();
    assert_eq!(exchange.ended(Ok(127), "").unwrap_err().kind(), ErrorKind::NotSupported);
}

#[test]
fn a_driver_that_is_deleted_later_is_put_again() {
    let mut exchange = Exchange::new("python", true).unwrap();
    for _ in 0..2 {
        let (call, _) = exchange.run(b"1", &RunOptions::default()).unwrap();
        exchange.opening();
        assert_eq!(exchange.ended(Ok(2), "").unwrap(), Next::PutDriver);
        exchange.opening();
        accept(&mut exchange, &[hello(), frame(b'Z', call, b"{}")].concat());
        assert_eq!(exchange.ended(Ok(0), "").unwrap(), Next::Rest);
    }
}

#[test]
fn a_call_that_breaks_off_goes_on_where_it_was() {
    let mut exchange = Exchange::new("python-1", true).unwrap();
    let (call, request) = exchange.run(b"print(1)", &RunOptions::default()).unwrap();
    assert_eq!(exchange.opening(), request);
    let events = [frame(b'S', call, b"{}"), frame(b'O', call, b"some")].concat();
    let (seen, _) = accept(&mut exchange, &[hello(), events.clone(), frame(b'O', call, b"cut")[..9].to_vec()].concat());
    assert_eq!(seen.len(), 3);
    assert_eq!(exchange.ended(Ok(0), "").unwrap(), Next::Again(Duration::ZERO));
    let position = (events.len() as u64).to_be_bytes();
    assert_eq!(exchange.opening()[..], frame(b'C', call, &position)[..]);
    let (seen, _) = accept(&mut exchange, &[hello(), frame(b'O', call, b"cut"), frame(b'Z', call, b"{}")].concat());
    let kinds: Vec<_> = seen.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Hello, EventKind::Stdout, EventKind::Done]);
    assert!(!exchange.is_waiting());
}

#[test]
fn a_request_that_may_not_have_been_heard_is_sent_again() {
    let mut exchange = Exchange::new("python", true).unwrap();
    let (_, request) = exchange.run(b"1", &RunOptions::default()).unwrap();
    exchange.opening();
    let lost = Error::network(Diagnosis::ConnectionLost, "gone");
    assert_eq!(exchange.ended(Err(lost), "").unwrap(), Next::Again(Duration::ZERO));
    assert_eq!(exchange.opening(), request);
}

#[test]
fn breaking_off_again_and_again_is_given_up() {
    let mut exchange = Exchange::new("python", true).unwrap();
    exchange.run(b"1", &RunOptions::default()).unwrap();
    let mut waits = Vec::new();
    let error = loop {
        exchange.opening();
        match exchange.ended(Err(Error::network(Diagnosis::Refused, "gone")), "") {
            Ok(Next::Again(wait)) => waits.push(wait),
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Network);
    assert_eq!(waits.len(), 6);
    assert!(waits.is_sorted());
}

#[test]
fn much_output_is_acknowledged() {
    let mut exchange = Exchange::new("python", true).unwrap();
    let (call, _) = exchange.run(b"1", &RunOptions::default()).unwrap();
    exchange.opening();
    let chunk = frame(b'O', call, &[7; 65536]);
    let mut answers = Vec::new();
    for _ in 0..20 {
        answers.extend(accept(&mut exchange, &chunk).1);
    }
    assert_eq!(answers, frame(b'K', call, &(16 * chunk.len() as u64).to_be_bytes()));
}

#[test]
fn a_context_of_its_own_is_created_once_and_the_default_one_always() {
    for (id, later) in [("python-1", false), ("python", true)] {
        let mut exchange = Exchange::new(id, true).unwrap();
        exchange.opening();
        assert!(exchange.command(None).contains(&"{\"create\":true}".to_owned()));
        accept(&mut exchange, &hello());
        assert!(exchange.command(None).contains(&format!("{{\"create\":{later}}}")), "{id}");
    }
}

#[test]
fn a_context_that_is_not_there_is_named() {
    let mut exchange = Exchange::new("python-1", false).unwrap();
    exchange.run(b"1", &RunOptions::default()).unwrap();
    exchange.opening();
    let error = exchange.ended(Ok(44), "no such context\n").unwrap_err();
    assert_eq!(error.reason(), Some("CODE_CONTEXT_NOT_FOUND"));
    assert!(error.message().contains("python-1"), "{error}");
}

#[test]
fn a_context_that_ends_before_it_says_so_has_ended() {
    let mut exchange = Exchange::new("python-1", true).unwrap();
    exchange.shutdown().unwrap();
    exchange.opening();
    accept(&mut exchange, &hello());
    assert_eq!(exchange.ended(Ok(0), "").unwrap(), Next::Rest);
    assert!(!exchange.is_waiting());
}

#[test]
fn an_end_that_no_attachment_was_told_of_is_told_to_the_next() {
    let mut exchange = Exchange::new("python-1", true).unwrap();
    exchange.run(b"1", &RunOptions::default()).unwrap();
    exchange.command(Some("/requests"));
    let (opening, _) = (exchange.opening(), accept(&mut exchange, &hello()));
    let (_, shutdown) = exchange.shutdown().unwrap();
    assert!(!opening.ends_with(&shutdown));
    assert_eq!(exchange.ended(Ok(0), "").unwrap(), Next::Again(Duration::ZERO));
    assert!(exchange.opening().ends_with(&shutdown));
}

#[test]
fn what_cannot_be_run_is_refused_before_it_is_sent() {
    let mut exchange = Exchange::new("python", true).unwrap();
    let error = exchange.run(b"1", &RunOptions::default().timeout(Duration::ZERO)).unwrap_err();
    assert_eq!(error.field_violations()[0].field, "timeoutMs");
    let error = exchange.run(&vec![b' '; (64 << 20) + 1], &RunOptions::default()).unwrap_err();
    assert_eq!(error.field_violations()[0].field, "code");
    assert!(!exchange.is_waiting());
}
