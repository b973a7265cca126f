//! StreamExec: streams both ways, live.

use std::time::Duration;

use jetway_server::wire::sandbox::{
    ExecStreamClose, ExecStreamInit, ExecStreamRequest, ExecStreamResize, ExecStreamResponse,
    exec_stream_output::Stream, exec_stream_request::Message as Ask, exec_stream_response::Message as Say,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Streaming};
use tonic_types::StatusExt;

use crate::harness::{Client, create, idle, server, sh};

struct Call {
    asks: Option<mpsc::Sender<ExecStreamRequest>>,
    says: Streaming<ExecStreamResponse>,
}

impl Call {
    async fn start(client: &mut Client, init: ExecStreamInit) -> Self {
        let (asks, queue) = mpsc::channel(4);
        let says = client.stream_exec(ReceiverStream::new(queue)).await.unwrap().into_inner();
        let mut call = Self { asks: Some(asks), says };
        call.ask(Ask::Init(init)).await;
        assert!(matches!(call.say().await, Some(Say::Ready(_))), "ready comes first");
        call
    }

    async fn ask(&mut self, message: Ask) {
        self.asks.as_ref().unwrap().send(ExecStreamRequest { message: Some(message) }).await.unwrap();
    }

    async fn say(&mut self) -> Option<Say> {
        self.says.message().await.unwrap().map(|message| message.message.unwrap())
    }

    /// Reads until stdout ends with `text`.
    async fn until(&mut self, text: &str) -> String {
        let mut seen = String::new();
        while !seen.ends_with(text) {
            match tokio::time::timeout(Duration::from_secs(5), self.say()).await {
                Ok(Some(Say::Output(output))) => seen.push_str(std::str::from_utf8(&output.data).unwrap()),
                other => panic!("{other:?} after {seen:?}"),
            }
        }
        seen
    }

    async fn end(mut self) -> (Vec<u8>, Vec<u8>, i32) {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        loop {
            match self.say().await {
                Some(Say::Output(output)) => match output.stream() {
                    Stream::Stderr => stderr.extend_from_slice(&output.data),
                    _ => stdout.extend_from_slice(&output.data),
                },
                Some(Say::Exit(exit)) => {
                    assert_eq!(self.say().await, None, "nothing comes after exit");
                    return (stdout, stderr, exit.exit_code);
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

fn shell(sandbox_id: &str, script: &str) -> ExecStreamInit {
    let command = ["sh", "-c", script].map(String::from).to_vec();
    ExecStreamInit { sandbox_id: sandbox_id.into(), command, ..Default::default() }
}

#[tokio::test]
async fn output_arrives_as_it_is_produced() {
    let server = server().await;
    let mut client = server.client();
    let id = create(&mut client, idle()).await;
    sh(&mut client, &id, "true").await;
    // Each line comes while the command waits for us to have seen the one before.
    let script = "for i in 1 2 3; do echo $i; until [ -e /tmp/$i ]; do sleep 0.02; done; done; echo e >&2; exit 5";
    let mut call = Call::start(&mut client, shell(&id, script)).await;
    call.asks = None;
    for line in ["1", "2"] {
        call.until(&format!("{line}\n")).await;
        sh(&mut client, &id, &format!("touch /tmp/{line}")).await;
    }
    sh(&mut client, &id, "touch /tmp/3").await;
    assert_eq!(call.end().await, (b"3\n".to_vec(), b"e\n".to_vec(), 5));
    server.stop().await;
}

#[tokio::test]
async fn stdin_reaches_the_process_and_ends_with_close_or_half_close() {
    let server = server().await;
    let mut client = server.client();
    let id = create(&mut client, idle()).await;
    for explicit in [true, false] {
        let mut call = Call::start(&mut client, shell(&id, "read a; echo got $a; sort")).await;
        call.ask(Ask::Stdin("first\n".into())).await;
        assert_eq!(call.until("first\n").await, "got first\n");
        call.ask(Ask::Stdin("b\na\n".into())).await;
        if explicit {
            call.ask(Ask::Close(ExecStreamClose {})).await;
        } else {
            call.asks = None;
        }
        assert_eq!(call.end().await, (b"a\nb\n".to_vec(), vec![], 0));
    }
    server.stop().await;
}

#[tokio::test]
async fn bytes_survive_both_ways_and_a_slow_reader_loses_none() {
    let server = server().await;
    let mut client = server.client();
    let id = create(&mut client, idle()).await;
    let mut call = Call::start(&mut client, shell(&id, "cat")).await;
    let sent: Vec<u8> = (0..8 << 20).map(|index: u32| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let asks = call.asks.take().unwrap();
    let chunks: Vec<_> = sent.chunks(60_000).map(<[u8]>::to_vec).collect();
    let writer = tokio::spawn(async move {
        for chunk in chunks {
            asks.send(ExecStreamRequest { message: Some(Ask::Stdin(chunk.into())) }).await.unwrap();
        }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (stdout, stderr, code) = call.end().await;
    writer.await.unwrap();
    assert!(stdout == sent, "{} of {} bytes came back", stdout.len(), sent.len());
    assert_eq!((stderr.len(), code), (0, 0));
    server.stop().await;
}

#[tokio::test]
async fn a_terminal_has_its_size_follows_resizes_and_ends_with_close() {
    let server = server().await;
    let mut client = server.client();
    let id = create(&mut client, idle()).await;
    let init =
        ExecStreamInit { tty: true, tty_width: 100, tty_height: 30, ..shell(&id, "stty size; read x; stty size; cat") };
    let mut call = Call::start(&mut client, init).await;
    assert_eq!(call.until("\n").await, "30 100\r\n");
    // Without a pause: what is typed after a resize finds the new size.
    call.ask(Ask::Resize(ExecStreamResize { width: 120, height: 40 })).await;
    call.ask(Ask::Stdin("go\n".into())).await;
    assert!(call.until("40 120\r\n").await.starts_with("go\r\n"));
    call.ask(Ask::Close(ExecStreamClose {})).await;
    let (_, stderr, code) = call.end().await;
    assert_eq!((stderr.len(), code), (0, 0));
    let default = ExecStreamInit { tty: true, ..shell(&id, "tty; stty size") };
    let (stdout, ..) = Call::start(&mut client, default).await.end().await;
    assert_eq!(String::from_utf8(stdout).unwrap(), "/dev/pts/0\r\n24 80\r\n");
    server.stop().await;
}

#[tokio::test]
async fn a_call_that_is_dropped_kills_the_whole_group() {
    let server = server().await;
    let mut client = server.client();
    let id = create(&mut client, idle()).await;
    let mut call =
        Call::start(&mut client, shell(&id, "(while :; do date >> /tmp/beat; sleep 0.05; done) & echo up; wait")).await;
    call.until("up\n").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(call);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let size = sh(&mut client, &id, "wc -c < /tmp/beat").await.stdout;
    assert_ne!(&size[..], b"0\n");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(sh(&mut client, &id, "wc -c < /tmp/beat").await.stdout, size, "the command still runs");
    server.stop().await;
}

#[tokio::test]
async fn a_deadline_ends_the_call_with_its_own_reason() {
    let server = server().await;
    let mut client = server.client();
    let id = create(&mut client, idle()).await;
    let (asks, queue) = mpsc::channel(4);
    asks.send(ExecStreamRequest { message: Some(Ask::Init(shell(&id, "sleep 20"))) }).await.unwrap();
    let mut request = Request::new(ReceiverStream::new(queue));
    request.metadata_mut().insert("grpc-timeout", "400m".parse().unwrap());
    let mut says = client.stream_exec(request).await.unwrap().into_inner();
    assert!(matches!(says.message().await.unwrap().unwrap().message, Some(Say::Ready(_))));
    let status = says.message().await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "CWSANDBOX_COMMAND_TIMEOUT");
    assert_eq!(sh(&mut client, &id, "echo fine").await.exit_code, 0);
    server.stop().await;
}

#[tokio::test]
async fn a_call_must_begin_with_a_sound_init() {
    let server = server().await;
    let mut client = server.client();
    let id = create(&mut client, idle()).await;
    let cases = [
        (Ask::Stdin("x".into()), Code::InvalidArgument, "init"),
        (
            Ask::Init(ExecStreamInit { sandbox_id: id.clone(), ..Default::default() }),
            Code::InvalidArgument,
            "init.command",
        ),
        (Ask::Init(shell("no-such", "true")), Code::NotFound, "no-such"),
        (
            Ask::Init(ExecStreamInit { container: "db".into(), ..shell(&id, "true") }),
            Code::InvalidArgument,
            "container",
        ),
    ];
    for (ask, code, word) in cases {
        let first = tokio_stream::once(ExecStreamRequest { message: Some(ask) });
        let mut says = client.stream_exec(first).await.unwrap().into_inner();
        let status = says.message().await.unwrap_err();
        assert_eq!(status.code(), code);
        assert!(status.message().contains(word), "{}", status.message());
    }
    server.stop().await;
}
