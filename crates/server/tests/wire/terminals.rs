//! TerminalService: terminals that outlive their connections.

use std::time::Duration;

use jetway_server::wire::{
    jetway::{
        EndTerminalRequest, GetTokenRequest, ListTerminalsRequest, Terminal, TerminalAttach, TerminalAttached,
        TerminalPing, TerminalRequest, TerminalResponse, terminal_request::Message as Ask,
        terminal_response::Message as Say, terminal_service_client::TerminalServiceClient,
        token_service_client::TokenServiceClient,
    },
    sandbox::{DeleteSandboxRequest, ExecStreamInit, ExecStreamResize},
};
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming, service::interceptor::InterceptedService, transport::Channel};
use tonic_types::StatusExt;

use crate::harness::{Bearer, Running, create, idle, server, sh};

/// The machine is loaded; what hangs must not hang the tests.
const PATIENCE: Duration = Duration::from_secs(60);

type Terminals = TerminalServiceClient<InterceptedService<Channel, Bearer>>;

fn terminals(server: &Running) -> Terminals {
    TerminalServiceClient::new(server.connection())
}

/// Somebody who is connected to a terminal.
struct Call {
    asks: mpsc::Sender<TerminalRequest>,
    says: Streaming<TerminalResponse>,
    attached: TerminalAttached,
    offset: u64,
}

impl Call {
    async fn open(terminals: &mut Terminals, attach: TerminalAttach) -> Result<Self, Status> {
        let (asks, queue) = mpsc::channel(4);
        asks.send(TerminalRequest { message: Some(Ask::Attach(attach)) }).await.unwrap();
        let mut says = terminals.attach_terminal(ReceiverStream::new(queue)).await?.into_inner();
        let Some(Say::Attached(attached)) = says.message().await?.unwrap().message else {
            panic!("not attached first")
        };
        let Some(Say::Ready(_)) = says.message().await?.unwrap().message else { panic!("not ready second") };
        let offset = attached.offset;
        Ok(Self { asks, says, attached, offset })
    }

    async fn ask(&self, message: Ask) {
        self.asks.send(TerminalRequest { message: Some(message) }).await.unwrap();
    }

    async fn type_in(&self, text: &str) {
        self.ask(Ask::Stdin(text.to_owned().into())).await;
    }

    async fn say(&mut self) -> Option<Say> {
        let said = timeout(PATIENCE, self.says.message()).await.expect("nothing was said").unwrap()?.message.unwrap();
        match &said {
            Say::Output(output) => self.offset += output.data.len() as u64,
            Say::Dropped(dropped) => self.offset += dropped.bytes,
            _ => {}
        }
        Some(said)
    }

    /// Reads until `text` was shown.
    async fn until(&mut self, text: &str) -> String {
        let mut seen = String::new();
        while !seen.contains(text) {
            match self.say().await {
                Some(Say::Output(output)) => seen.push_str(&String::from_utf8_lossy(&output.data)),
                other => panic!("{other:?} after {seen:?}"),
            }
        }
        seen
    }

    async fn exit(&mut self) -> i32 {
        loop {
            match self.say().await {
                Some(Say::Output(_)) => {}
                Some(Say::Exit(exit)) => return exit.exit_code,
                other => panic!("{other:?}"),
            }
        }
    }
}

fn named(sandbox_id: &str, id: &str, script: &str) -> TerminalAttach {
    let command = ["sh", "-c", script].map(String::from).to_vec();
    let init = ExecStreamInit { sandbox_id: sandbox_id.into(), command, ..Default::default() };
    TerminalAttach { terminal_id: id.into(), init: Some(init), ..Default::default() }
}

fn back(sandbox_id: &str, id: &str, from: u64) -> TerminalAttach {
    TerminalAttach { from: Some(from), must_exist: true, ..named(sandbox_id, id, "false") }
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().unwrap().reason.clone()
}

async fn listed(terminals: &mut Terminals, sandbox_id: &str) -> Vec<Terminal> {
    let request = ListTerminalsRequest { sandbox_id: sandbox_id.into() };
    terminals.list_terminals(request).await.unwrap().into_inner().terminals
}

/// Waits until `condition` holds for the terminals of a sandbox.
async fn eventually(terminals: &mut Terminals, sandbox_id: &str, condition: impl Fn(&[Terminal]) -> bool) {
    for _ in 0..1200 {
        if condition(&listed(terminals, sandbox_id).await) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{:?}", listed(terminals, sandbox_id).await);
}

#[tokio::test]
async fn what_is_printed_while_nobody_is_connected_comes_later_and_nothing_twice() {
    let server = server().await;
    let (mut client, mut terminals) = (server.client(), terminals(&server));
    let id = create(&mut client, idle()).await;
    let script =
        "echo one; until [ -e /tmp/go ]; do sleep 0.02; done; echo two; touch /tmp/said; read x; echo got $x; exit 4";
    let mut call = Call::open(&mut terminals, named(&id, "a", script)).await.unwrap();
    assert!(call.attached.started);
    assert_eq!(call.until("one\r\n").await, "one\r\n");
    let seen = call.offset;
    drop(call);
    sh(&mut client, &id, "touch /tmp/go; until [ -e /tmp/said ]; do sleep 0.02; done").await;
    let mut call = Call::open(&mut terminals, back(&id, "a", seen)).await.unwrap();
    assert!(!call.attached.started);
    assert_eq!(call.attached.offset, seen);
    assert_eq!(call.until("two\r\n").await, "two\r\n");
    // Somebody else sees it from its start.
    let mut other = Call::open(&mut terminals, named(&id, "a", "false")).await.unwrap();
    assert_eq!(other.until("two\r\n").await, "one\r\ntwo\r\n");
    call.type_in("it\n").await;
    assert!(other.until("got it\r\n").await.ends_with("got it\r\n"));
    assert_eq!((call.exit().await, other.exit().await), (4, 4));
    server.stop().await;
}

#[tokio::test]
async fn more_than_is_kept_is_named_as_dropped() {
    let server = server().await;
    let (mut client, mut terminals) = (server.client(), terminals(&server));
    let id = create(&mut client, idle()).await;
    let script = "echo start; until [ -e /tmp/go ]; do sleep 0.02; done; head -c 3000000 /dev/zero | tr '\\0' x; echo end; \
                  touch /tmp/said; read x";
    let mut call = Call::open(&mut terminals, named(&id, "a", script)).await.unwrap();
    call.until("start\r\n").await;
    let seen = call.offset;
    drop(call);
    sh(&mut client, &id, "touch /tmp/go; until [ -e /tmp/said ]; do sleep 0.02; done").await;
    let mut call = Call::open(&mut terminals, back(&id, "a", seen)).await.unwrap();
    let Some(Say::Dropped(dropped)) = call.say().await else { panic!("nothing was dropped") };
    let shown = call.until("end\r\n").await;
    assert_eq!(shown.len(), 1 << 20, "as much as is kept");
    assert_eq!(dropped.bytes as usize + shown.len(), 3_000_000 + "end\r\n".len());
    server.stop().await;
}

#[tokio::test]
async fn a_reader_that_is_slow_loses_nothing() {
    let server = server().await;
    let (mut client, mut terminals) = (server.client(), terminals(&server));
    let id = create(&mut client, idle()).await;
    let script = "head -c 20000000 /dev/zero | tr '\\0' x; exit 0";
    let mut call = Call::open(&mut terminals, named(&id, "a", script)).await.unwrap();
    let mut shown = 0;
    loop {
        match call.say().await {
            Some(Say::Output(output)) => {
                if shown == 0 {
                    // Long enough for everything to be printed, were nobody waited for.
                    tokio::time::sleep(Duration::from_secs(3)).await;
                    assert!(listed(&mut terminals, &id).await[0].offset < 12_000_000, "it was not held up");
                }
                shown += output.data.len();
            }
            Some(Say::Exit(_)) => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(shown, 20_000_000);
    server.stop().await;
}

#[tokio::test]
async fn a_new_connection_of_the_same_client_ends_its_old_one() {
    let server = server().await;
    let (mut client, mut terminals) = (server.client(), terminals(&server));
    let id = create(&mut client, idle()).await;
    let attach = TerminalAttach { client_id: "me".into(), ..named(&id, "a", "echo up; read x; echo $x; read x") };
    let mut old = Call::open(&mut terminals, attach.clone()).await.unwrap();
    old.until("up\r\n").await;
    let mut new = Call::open(&mut terminals, TerminalAttach { from: Some(old.offset), ..attach }).await.unwrap();
    let Some(Say::Error(error)) = old.say().await else { panic!("the old connection goes on") };
    assert_eq!(error.code, "CWSANDBOX_TERMINAL_REPLACED");
    new.type_in("hi\n").await;
    new.until("hi\r\nhi\r\n").await;
    new.ask(Ask::Ping(TerminalPing {})).await;
    assert_eq!(new.say().await, Some(Say::Pong(Default::default())));
    assert_eq!(listed(&mut terminals, &id).await[0].connected, 1);
    server.stop().await;
}

#[tokio::test]
async fn it_has_the_size_of_whoever_came_last() {
    let server = server().await;
    let (mut client, mut terminals) = (server.client(), terminals(&server));
    let id = create(&mut client, idle()).await;
    let sized = |width, height| {
        let mut attach = named(&id, "a", "while read x; do stty size; done");
        let init = attach.init.as_mut().unwrap();
        (init.tty_width, init.tty_height) = (width, height);
        attach
    };
    let mut call = Call::open(&mut terminals, sized(100, 30)).await.unwrap();
    call.type_in("\n").await;
    call.until("30 100").await;
    call.ask(Ask::Resize(ExecStreamResize { width: 90, height: 20 })).await;
    call.type_in("\n").await;
    call.until("20 90").await;
    let mut other = Call::open(&mut terminals, sized(70, 10)).await.unwrap();
    other.type_in("\n").await;
    other.until("10 70").await;
    let shown = listed(&mut terminals, &id).await;
    assert_eq!((shown[0].columns, shown[0].rows), (70, 10));
    server.stop().await;
}

#[tokio::test]
async fn an_end_that_nobody_saw_is_told_to_whoever_comes_back_and_then_the_name_is_free() {
    let server = server().await;
    let (mut client, mut terminals) = (server.client(), terminals(&server));
    let id = create(&mut client, idle()).await;
    let script = "until [ -e /tmp/go ]; do sleep 0.02; done; echo bye; exit 7";
    drop(Call::open(&mut terminals, named(&id, "a", script)).await.unwrap());
    sh(&mut client, &id, "touch /tmp/go").await;
    eventually(&mut terminals, &id, |all| all.first().is_some_and(|one| one.exit_code == Some(7))).await;
    let mut call = Call::open(&mut terminals, back(&id, "a", 0)).await.unwrap();
    call.until("bye\r\n").await;
    assert_eq!(call.exit().await, 7);
    drop(call);
    let mut call = Call::open(&mut terminals, named(&id, "a", "echo anew; read x")).await.unwrap();
    assert!(call.attached.started);
    call.until("anew").await;
    server.stop().await;
}

#[tokio::test]
async fn it_ends_when_nobody_comes_back_in_time_or_somebody_says_so_or_its_sandbox_ends() {
    let server = server().await;
    let (mut client, mut terminals) = (server.client(), terminals(&server));
    let id = create(&mut client, idle()).await;
    let brief = TerminalAttach {
        keep: Some(Duration::from_millis(50).try_into().unwrap()),
        ..named(&id, "brief", "echo up; exec sleep 7777")
    };
    let mut call = Call::open(&mut terminals, brief).await.unwrap();
    call.until("up").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(listed(&mut terminals, &id).await.len(), 1, "somebody is connected");
    drop(call);
    eventually(&mut terminals, &id, |all| all.is_empty()).await;
    let ended = sh(&mut client, &id, "until ! pgrep -f [7]777 >/dev/null; do sleep 0.02; done").await;
    assert_eq!(ended.exit_code, 0);
    let gone = Call::open(&mut terminals, back(&id, "brief", 0)).await.err().unwrap();
    assert_eq!((gone.code(), reason(&gone).as_str()), (Code::NotFound, "CWSANDBOX_TERMINAL_NOT_FOUND"));

    let mut call = Call::open(&mut terminals, named(&id, "b", "exec sleep 8888")).await.unwrap();
    let end = |name: &str| EndTerminalRequest { sandbox_id: id.clone(), terminal_id: name.into() };
    assert!(terminals.end_terminal(end("b")).await.unwrap().into_inner().ended);
    assert_eq!(call.exit().await, 137);
    assert!(!terminals.end_terminal(end("b")).await.unwrap().into_inner().ended);

    let mut call = Call::open(&mut terminals, named(&id, "c", "exec sleep 9999")).await.unwrap();
    client.delete_sandbox(DeleteSandboxRequest { sandbox_id: id.clone(), ..Default::default() }).await.unwrap();
    let ended = loop {
        match call.say().await {
            Some(Say::Output(_)) => {}
            other => break other,
        }
    };
    assert!(matches!(ended, Some(Say::Exit(_) | Say::Error(_))), "{ended:?}");
    server.stop().await;
}

#[tokio::test]
async fn wrong_requests_are_refused_by_field_and_there_is_a_limit() {
    let server = server().await;
    let (mut client, mut terminals) = (server.client(), terminals(&server));
    let id = create(&mut client, idle()).await;
    for (attach, field) in [
        (named(&id, "", "true"), "attach.terminal_id"),
        (named(&id, "a/b", "true"), "attach.terminal_id"),
        (TerminalAttach { init: None, ..named(&id, "a", "true") }, "attach.init"),
        (TerminalAttach { client_id: "x".repeat(65), ..named(&id, "a", "true") }, "attach.client_id"),
    ] {
        let status = Call::open(&mut terminals, attach).await.err().unwrap();
        assert_eq!(status.get_error_details().bad_request().unwrap().field_violations[0].field, field);
    }
    let unknown = Call::open(&mut terminals, named("nobody", "a", "true")).await.err().unwrap();
    assert_eq!(unknown.code(), Code::NotFound);
    let mut calls = Vec::new();
    for number in 0..32 {
        calls.push(Call::open(&mut terminals, named(&id, &format!("t{number}"), "read x")).await.unwrap());
    }
    let full = Call::open(&mut terminals, named(&id, "more", "read x")).await.err().unwrap();
    assert_eq!((full.code(), reason(&full).as_str()), (Code::ResourceExhausted, "CWSANDBOX_TERMINAL_LIMIT"));
    server.stop().await;
}

#[tokio::test]
async fn somebody_elses_terminals_are_out_of_reach() {
    let server = server().await;
    let (mut client, mut own) = (server.client(), terminals(&server));
    let id = create(&mut client, idle()).await;
    let _call = Call::open(&mut own, named(&id, "a", "read x")).await.unwrap();
    let mut tokens = TokenServiceClient::with_interceptor(server.channel(), server.bearer());
    let wanted = GetTokenRequest { user_id: "bob".into(), ..Default::default() };
    let token = tokens.get_token(wanted).await.unwrap().into_inner().access_token;
    let mut bob = TerminalServiceClient::with_interceptor(server.channel(), server.bearer_with(&token));
    let refused = Call::open(&mut bob, back(&id, "a", 0)).await.err().unwrap();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::NotFound, "CWSANDBOX_SANDBOX_NOT_FOUND"));
    let request = ListTerminalsRequest { sandbox_id: id.clone() };
    assert_eq!(bob.list_terminals(request).await.unwrap_err().code(), Code::NotFound);
    let end = EndTerminalRequest { sandbox_id: id.clone(), terminal_id: "a".into() };
    assert_eq!(bob.end_terminal(end).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(listed(&mut own, &id).await.len(), 1);
    server.stop().await;
}
