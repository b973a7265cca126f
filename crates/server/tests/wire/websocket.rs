//! grpc-websockets, byte by byte.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use jetway_server::wire::sandbox::{
    ExecStreamInit, ExecStreamRequest, ExecStreamResponse, exec_stream_request::Message as Ask,
    exec_stream_response::Message as Say,
};
use prost::Message as _;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest, protocol::frame::coding::CloseCode},
};

use crate::harness::{Running, create, idle, server, sh};

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(address: &str, protocol: &str, origin: Option<&str>) -> Result<Socket, Error> {
    let url = format!("ws://{address}/coreweave.sandbox.v1.SandboxService/StreamExec");
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    connect_async(request).await.map(|(socket, _)| socket)
}

async fn open(server: &Running, token: &str) -> Socket {
    open_with(server, token, "").await
}

async fn open_with(server: &Running, token: &str, line: &str) -> Socket {
    open_at(&server.address, token, line).await
}

/// A call to whatever listens at that address.
pub async fn open_at(address: &str, token: &str, line: &str) -> Socket {
    let mut socket = connect(address, "grpc-websockets", None).await.unwrap();
    let metadata =
        format!("content-type: application/grpc-web+proto\r\nx-grpc-web: 1\r\nauthorization: Bearer {token}\r\n{line}");
    socket.send(Message::binary(metadata.into_bytes())).await.unwrap();
    socket
}

pub fn frame(ask: Ask) -> Vec<u8> {
    let message = ExecStreamRequest { message: Some(ask) }.encode_to_vec();
    let mut bytes = vec![0];
    bytes.extend_from_slice(&(message.len() as u32).to_be_bytes());
    bytes.extend(message);
    bytes
}

pub async fn send(socket: &mut Socket, bytes: &[u8]) {
    let mut message = vec![0];
    message.extend_from_slice(bytes);
    socket.send(Message::binary(message)).await.unwrap();
}

pub fn shell(sandbox_id: &str, script: &str) -> Ask {
    let command = ["sh", "-c", script].map(String::from).to_vec();
    Ask::Init(ExecStreamInit { sandbox_id: sandbox_id.into(), command, ..Default::default() })
}

/// The server's side as a stream of frames: flag and payload.
pub struct Frames<'a>(pub &'a mut Socket, pub Vec<u8>);

impl Frames<'_> {
    pub async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if self.1.len() >= 5 {
                let length = u32::from_be_bytes(self.1[1..5].try_into().unwrap()) as usize;
                if self.1.len() >= 5 + length {
                    let rest = self.1.split_off(5 + length);
                    let frame = std::mem::replace(&mut self.1, rest);
                    return Some((frame[0], frame[5..].to_vec()));
                }
            }
            match tokio::time::timeout(Duration::from_secs(30), self.0.next()).await.expect("no answer")?.unwrap() {
                Message::Binary(bytes) => self.1.extend_from_slice(&bytes),
                Message::Close(frame) => {
                    assert_eq!(frame.unwrap().code, CloseCode::Normal);
                    assert!(self.1.is_empty());
                    return None;
                }
                _ => {}
            }
        }
    }

    pub async fn say(&mut self) -> Say {
        let (flag, payload) = self.next().await.unwrap();
        assert_eq!(flag, 0, "{}", String::from_utf8_lossy(&payload));
        ExecStreamResponse::decode(&payload[..]).unwrap().message.unwrap()
    }

    pub async fn until(&mut self, text: &str) {
        let mut seen = String::new();
        while !seen.ends_with(text) {
            match self.say().await {
                Say::Output(output) => seen.push_str(std::str::from_utf8(&output.data).unwrap()),
                other => panic!("{other:?} after {seen:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_dialogue_goes_both_ways_over_one_socket() {
    let server = server().await;
    let mut client = server.client();
    let id = create(&mut client, idle()).await;
    let mut socket = open(&server, &server.token).await;
    // Bytes are a stream: frames may be cut anywhere, and an empty message is a keepalive.
    let init = frame(shell(&id, "while read x; do echo got $x; done; echo bye"));
    let (head, tail) = init.split_at(3);
    send(&mut socket, head).await;
    send(&mut socket, b"").await;
    send(&mut socket, tail).await;
    let mut frames = Frames(&mut socket, Vec::new());
    let (flag, headers) = frames.next().await.unwrap();
    assert_eq!(flag, 0x80);
    assert!(String::from_utf8(headers).unwrap().contains("content-type: application/grpc-web+proto\r\n"));
    assert!(matches!(frames.say().await, Say::Ready(_)));
    for word in ["one", "two", "three"] {
        send(frames.0, &frame(Ask::Stdin(format!("{word}\n").into()))).await;
        frames.until(&format!("got {word}\n")).await;
    }
    frames.0.send(Message::binary(vec![1])).await.unwrap();
    frames.until("bye\n").await;
    assert!(matches!(frames.say().await, Say::Exit(exit) if exit.exit_code == 0));
    let (flag, trailers) = frames.next().await.unwrap();
    assert_eq!(flag, 0x80);
    assert!(String::from_utf8(trailers).unwrap().contains("grpc-status:0"));
    assert_eq!(frames.next().await, None);
    server.stop().await;
}

#[tokio::test]
async fn closing_the_socket_kills_the_command() {
    let server = server().await;
    let mut client = server.client();
    let id = create(&mut client, idle()).await;
    let mut socket = open(&server, &server.token).await;
    send(&mut socket, &frame(shell(&id, "echo up; while :; do date >> /tmp/beat; sleep 0.05; done"))).await;
    let mut frames = Frames(&mut socket, Vec::new());
    frames.next().await.unwrap();
    assert!(matches!(frames.say().await, Say::Ready(_)));
    frames.until("up\n").await;
    socket.close(None).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let size = sh(&mut client, &id, "wc -c < /tmp/beat").await.stdout;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(sh(&mut client, &id, "wc -c < /tmp/beat").await.stdout, size, "the command still runs");
    server.stop().await;
}

/// What arrives until nothing does for a while. A slow machine can only make it less.
async fn settle(socket: &mut Socket) -> usize {
    let mut len = 0;
    while let Ok(message) = tokio::time::timeout(Duration::from_millis(700), socket.next()).await {
        if let Message::Binary(bytes) = message.unwrap().unwrap() {
            len += bytes.len();
        }
    }
    len
}

#[tokio::test]
async fn a_caller_that_counts_is_sent_what_it_granted_and_no_more() {
    const WINDOW: usize = 100_000;
    // One message may go over what is granted.
    const MESSAGE: usize = 72 * 1024;
    let server = server().await;
    let mut client = server.client();
    let id = create(&mut client, idle()).await;
    let mut socket = open_with(&server, &server.token, &format!("x-jetway-window: {WINDOW}\r\n")).await;
    send(&mut socket, &frame(shell(&id, "yes"))).await;
    let head = socket.next().await.unwrap().unwrap().into_data();
    assert!(String::from_utf8_lossy(&head).contains("x-jetway-window: 262144\r\n"), "the server counts, too");
    let mut received = head.len();
    while received < WINDOW {
        received += socket.next().await.unwrap().unwrap().into_data().len();
    }
    received += settle(&mut socket).await;
    assert!(received < WINDOW + MESSAGE, "{received} bytes for {WINDOW}");
    socket.send(Message::text("300000")).await.unwrap();
    while received < WINDOW + 300_000 {
        received += socket.next().await.unwrap().unwrap().into_data().len();
    }
    received += settle(&mut socket).await;
    assert!(received < WINDOW + 300_000 + MESSAGE, "{received} bytes");
    socket.close(None).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn input_is_granted_as_the_process_reads_it() {
    let server = server().await;
    let mut client = server.client();
    let id = create(&mut client, idle()).await;
    let mut socket = open_with(&server, &server.token, "x-jetway-window: 1000000\r\n").await;
    let init = frame(shell(&id, "wc -c"));
    send(&mut socket, &init).await;
    let (total, mut sent, mut granted) = (3_000_000, 0, 262_144 - init.len() as i64);
    let mut answer = Vec::new();
    let mut texts = 0;
    while !String::from_utf8_lossy(&answer).contains("grpc-status:0") {
        // The first output of the server is its headers: until they are there nobody counts.
        if granted > 0 && !answer.is_empty() && sent < total {
            let data = frame(Ask::Stdin(vec![b'x'; 20_000].into()));
            send(&mut socket, &data).await;
            (sent, granted) = (sent + 20_000, granted - data.len() as i64);
            if sent == total {
                socket.send(Message::binary(vec![1])).await.unwrap();
            }
            continue;
        }
        match tokio::time::timeout(Duration::from_secs(60), socket.next()).await.expect("a grant").unwrap().unwrap() {
            Message::Binary(bytes) => answer.extend_from_slice(&bytes),
            Message::Text(text) => {
                texts += 1;
                granted += text.parse::<i64>().unwrap();
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(texts > 3 && String::from_utf8_lossy(&answer).contains("3000000"), "{texts} grants");
    server.stop().await;
}

#[tokio::test]
async fn what_was_answered_arrives_although_the_caller_went_on_talking() {
    let server = server().await;
    let mut client = server.client();
    let id = create(&mut client, idle()).await;
    let mut socket = open(&server, &server.token).await;
    // More than it takes to be in the kernel's buffers only, none of it read until the process is long over.
    send(&mut socket, &frame(shell(&id, "head -c 1500000 /dev/zero; touch /tmp/done"))).await;
    while sh(&mut client, &id, "test -e /tmp/done").await.exit_code != 0 {
        send(&mut socket, b"").await;
    }
    for _ in 0..200 {
        send(&mut socket, b"").await;
        tokio::task::yield_now().await;
    }
    let mut frames = Frames(&mut socket, Vec::new());
    frames.next().await.unwrap();
    let (mut len, mut trailers) = (0, Vec::new());
    while let Some((flag, payload)) = frames.next().await {
        match flag {
            0 => match ExecStreamResponse::decode(&payload[..]).unwrap().message.unwrap() {
                Say::Output(output) => len += output.data.len(),
                Say::Ready(_) | Say::Exit(_) => {}
                other => panic!("{other:?}"),
            },
            _ => trailers = payload,
        }
    }
    assert_eq!(len, 1_500_000);
    assert!(String::from_utf8_lossy(&trailers).contains("grpc-status:0"));
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_token_is_said_in_a_single_frame_of_headers() {
    let server = server().await;
    let mut socket = open(&server, "wrong").await;
    let mut frames = Frames(&mut socket, Vec::new());
    let (flag, headers) = frames.next().await.unwrap();
    let headers = String::from_utf8(headers).unwrap();
    assert_eq!(flag, 0x80);
    assert!(headers.contains("grpc-status: 16\r\n") && headers.contains("grpc-status-details-bin: "), "{headers}");
    assert_eq!(frames.next().await, None);
    server.stop().await;
}

#[tokio::test]
async fn other_protocols_and_other_peoples_pages_get_no_socket() {
    let server = server().await;
    for (protocol, origin, status) in [("chat", None, 400), ("grpc-websockets", Some("https://evil.example"), 403)] {
        match connect(&server.address, protocol, origin).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), status),
            other => panic!("{other:?}"),
        }
    }
    let own = format!("http://{}", server.address);
    assert!(connect(&server.address, "grpc-websockets", Some(&own)).await.is_ok());
    server.stop().await;
}
