//! Every rpc of the public wire against every kind of scope: a token for one sandbox touches no other.

use jetway_server::wire::sandbox::{
    Container, CreateSandboxRequest, ListSandboxesRequest, PurgeSandboxesRequest, Sandbox, SandboxSpec,
};
use prost::Message;
use serde_json::json;
use tonic::Code;

use super::{Proxied, Said, with_account};
use crate::harness::{create, idle, server};

/// How an rpc's request names sandboxes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum By {
    Id,
    /// By id, with an effect that outlasts the token.
    LastingId,
    Init,
    Tags,
    Nothing,
}
use By::{Id, Init, LastingId, Nothing, Tags};

const SANDBOXES: &str = "SandboxService";
const DATA: &str = "SandboxDataPlaneService";
/// What the proxy should know. Every rpc of the wire that is not here names no sandbox.
const KNOWN: [(&str, &str, By); 18] = [
    (SANDBOXES, "GetSandbox", Id),
    (SANDBOXES, "GetSandboxBuildLogs", Id),
    (SANDBOXES, "Exec", Id),
    (SANDBOXES, "StreamExec", Init),
    (SANDBOXES, "StreamLogs", Id),
    (SANDBOXES, "WriteFile", Id),
    (SANDBOXES, "ReadFile", Id),
    (SANDBOXES, "CreateFileSystemSnapshot", LastingId),
    (SANDBOXES, "ConnectSandbox", LastingId),
    (SANDBOXES, "CreateSandbox", Tags),
    (SANDBOXES, "ListSandboxes", Tags),
    (SANDBOXES, "PurgeSandboxes", Tags),
    (DATA, "Exec", Id),
    (DATA, "StreamExec", Init),
    (DATA, "StreamLogs", Id),
    (DATA, "WriteFile", Id),
    (DATA, "ReadFile", Id),
    // Last: it ends what the others are tried on.
    (SANDBOXES, "DeleteSandbox", Id),
];

/// Service, rpc and how it names sandboxes, of everything in the `.proto` files.
fn all() -> Vec<(String, String, By)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto");
    let files = std::fs::read_dir(format!("{folder}/coreweave/sandbox/v1")).unwrap();
    let files = files.map(|file| format!("coreweave/sandbox/v1/{}", file.unwrap().file_name().into_string().unwrap()));
    let set = protox::compile(files.collect::<Vec<_>>(), [folder]).unwrap();
    let services =
        set.file.iter().filter(|file| file.package() == "coreweave.sandbox.v1").flat_map(|file| &file.service);
    let rpcs = services.flat_map(|service| service.method.iter().map(move |rpc| (service.name(), rpc.name())));
    let mut all: Vec<_> = rpcs
        .map(|(service, rpc)| {
            let known = KNOWN.iter().position(|(own, name, _)| (*own, *name) == (service, rpc));
            let by = known.map_or(Nothing, |at| KNOWN[at].2);
            (known.unwrap_or(0), (service.to_owned(), rpc.to_owned(), by))
        })
        .collect();
    assert_eq!(
        all.iter().filter(|(_, (.., by))| *by != Nothing).count(),
        KNOWN.len(),
        "a known rpc is not in the wire"
    );
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, row)| row).collect()
}

fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, u8::try_from(content.len()).unwrap()], content].concat()
}

/// A request that names this sandbox, or these tags, and nothing else.
fn naming(rpc: &str, by: By, id: &str, tag: &str) -> Vec<u8> {
    let tags = vec![tag.to_owned()];
    match (by, rpc) {
        (Init, _) => field(1, &field(1, id.as_bytes())),
        (Tags, "ListSandboxes") => ListSandboxesRequest { tags, ..Default::default() }.encode_to_vec(),
        (Tags, "PurgeSandboxes") => PurgeSandboxesRequest { tags, dry_run: true, ..Default::default() }.encode_to_vec(),
        (Tags, _) => made_with(SandboxSpec { tags, ..Default::default() }),
        _ => field(1, id.as_bytes()),
    }
}

/// A request for a sandbox that the server refuses for its command, and the proxy not.
fn made_with(mut spec: SandboxSpec) -> Vec<u8> {
    if spec.containers.is_empty() {
        spec.containers = vec![Container { image: "no image".into(), ..Default::default() }];
    }
    let sandbox = Some(Sandbox { spec: Some(spec), ..Default::default() });
    CreateSandboxRequest { sandbox, ..Default::default() }.encode_to_vec()
}

struct Row {
    scope: &'static str,
    token: String,
    /// Whether it lets a call through to sandbox A, whose tag is "a", and to B, whose tag is "b".
    expected: fn(By) -> (bool, bool),
}

fn is_out_of_scope(said: &Said) -> bool {
    said.code == Code::PermissionDenied as i32
}

#[tokio::test]
async fn a_token_touches_what_its_scope_names_and_nothing_else() {
    let server = server().await;
    let proxy = with_account(&server).await;
    let client = server.client();
    let tagged = |tag: &str| {
        let mut request = idle();
        request.sandbox.as_mut().unwrap().spec.as_mut().unwrap().tags = vec![tag.to_owned()];
        let mut client = client.clone();
        async move { create(&mut client, request).await }
    };
    let (a, b) = (tagged("a").await, tagged("b").await);
    for (service, rpc, by) in all() {
        let path = format!("/coreweave.sandbox.v1.{service}/{rpc}");
        let method = format!("coreweave.sandbox.v1.{service}/{rpc}");
        let rows = [
            Row {
                scope: "sandbox A",
                token: proxy.token(json!({ "sandboxIds": [a] })).await,
                expected: |by| (matches!(by, Id | Init), false),
            },
            Row {
                scope: "tag a",
                token: proxy.token(json!({ "tags": ["a"] })).await,
                expected: |by| (matches!(by, Id | Init | Tags), false),
            },
            Row {
                scope: "sandbox A and this rpc",
                token: proxy.token(json!({ "sandboxIds": [a], "methods": [method] })).await,
                expected: |by| (matches!(by, Id | Init | LastingId), false),
            },
            Row {
                scope: "tag a and this rpc",
                token: proxy.token(json!({ "tags": ["a"], "methods": [method] })).await,
                expected: |by| (by != Nothing, false),
            },
            Row {
                scope: "sandbox B with the tag a",
                token: proxy.token(json!({ "sandboxIds": [b], "tags": ["a"] })).await,
                expected: |_| (false, false),
            },
            Row {
                scope: "another rpc",
                token: proxy.token(json!({ "methods": ["other.Service/Rpc"] })).await,
                expected: |_| (false, false),
            },
            // The whole rpc is meant, whatever it reaches.
            Row {
                scope: "this rpc",
                token: proxy.token(json!({ "methods": [method] })).await,
                expected: |_| (true, true),
            },
        ];
        for Row { scope, token, expected } in rows {
            let (to_a, to_b) = expected(by);
            for (id, tag, passes) in [(&b, "b", to_b), (&a, "a", to_a)] {
                // Neither may end before everything was tried on it.
                if rpc == "DeleteSandbox" && passes && scope != "this rpc" {
                    continue;
                }
                let said = proxy.call(&path, &token, &naming(&rpc, by, id, tag)).await;
                assert_eq!(!is_out_of_scope(&said), passes, "{method} with {scope} for {tag}: {said:?}");
            }
        }
    }
    outside_the_wire(&proxy, &a).await;
    proxy.stop().await;
    server.stop().await;
}

/// Fail closed: what the proxy does not know is for tokens that name it.
async fn outside_the_wire(proxy: &Proxied, a: &str) {
    let rpc = "jetway.v1.PoolService/GetPoolStats";
    let path = format!("/{rpc}");
    let narrow = proxy.token(json!({ "sandboxIds": [a] })).await;
    let both = proxy.token(json!({ "sandboxIds": [a], "methods": [rpc] })).await;
    for token in [narrow, both] {
        assert!(is_out_of_scope(&proxy.call(&path, &token, b"").await));
    }
    let named = proxy.token(json!({ "methods": [rpc] })).await;
    assert_eq!(proxy.call(&path, &named, b"").await.code, 0);
}

#[tokio::test]
async fn a_sandbox_made_by_tag_is_no_way_to_what_the_account_has() {
    use jetway_server::wire::sandbox::{
        ObjectStorageAccess, SandboxVolume, ScratchVolume, SecretStoreReference, sandbox_volume::Source,
    };
    let server = server().await;
    let proxy = with_account(&server).await;
    let token = proxy.token(json!({ "tags": ["a"] })).await;
    let tags = || vec!["a".to_owned(), "more".to_owned()];
    let volume = |source| vec![SandboxVolume { name: "v".into(), source: Some(source) }];
    let restored = ScratchVolume { restore_from_snapshot_id: "s".into(), ..Default::default() };
    let secret = Container { secret_stores: vec![SecretStoreReference::default()], ..Default::default() };
    let create = "/coreweave.sandbox.v1.SandboxService/CreateSandbox";
    for (spec, passes) in [
        (SandboxSpec { tags: tags(), ..Default::default() }, true),
        (
            SandboxSpec {
                tags: tags(),
                volumes: volume(Source::Scratch(ScratchVolume::default())),
                ..Default::default()
            },
            true,
        ),
        (SandboxSpec { tags: vec!["more".into()], ..Default::default() }, false),
        (SandboxSpec { tags: tags(), volumes: volume(Source::Scratch(restored)), ..Default::default() }, false),
        (SandboxSpec { tags: tags(), volumes: volume(Source::VolumeId("v".into())), ..Default::default() }, false),
        (SandboxSpec { tags: tags(), containers: vec![secret], ..Default::default() }, false),
        (
            SandboxSpec {
                tags: tags(),
                object_storage_access: Some(ObjectStorageAccess::default()),
                ..Default::default()
            },
            false,
        ),
        (SandboxSpec { tags: tags(), network_ids: vec!["n".into()], ..Default::default() }, false),
    ] {
        let said = proxy.call(create, &token, &made_with(spec.clone())).await;
        assert_eq!(!is_out_of_scope(&said), passes, "{spec:?}: {said:?}");
    }
    let all = PurgeSandboxesRequest { tags: tags(), dry_run: true, purge_all: true, ..Default::default() };
    let said = proxy.call("/coreweave.sandbox.v1.SandboxService/PurgeSandboxes", &token, &all.encode_to_vec()).await;
    assert!(is_out_of_scope(&said), "{said:?}");
    proxy.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn a_dialogue_cannot_turn_to_another_sandbox() {
    use crate::websocket::{Frames, frame, open_at, send, shell};
    use jetway_server::wire::sandbox::{exec_stream_request::Message as Ask, exec_stream_response::Message as Say};
    let server = server().await;
    let proxy = with_account(&server).await;
    let mut client = server.client();
    let (a, b) = (create(&mut client, idle()).await, create(&mut client, idle()).await);
    let token = proxy.token(json!({ "sandboxIds": [a] })).await;
    let mut socket = open_at(&proxy.address, &token, "").await;
    send(&mut socket, &frame(shell(&a, "cat"))).await;
    let mut frames = Frames(&mut socket, Vec::new());
    assert_eq!(frames.next().await.unwrap().0, 0x80);
    assert!(matches!(frames.say().await, Say::Ready(_)));
    send(frames.0, &frame(Ask::Stdin("typed\n".into()))).await;
    frames.until("typed\n").await;
    send(frames.0, &frame(shell(&b, "touch /tmp/reached"))).await;
    // However the call ends, it ends badly, and B was not touched.
    while let Some((flag, payload)) = frames.next().await {
        let text = String::from_utf8_lossy(&payload).into_owned();
        assert!(flag != 0x80 || !text.contains("grpc-status:0"), "{text}");
    }
    assert_ne!(crate::harness::sh(&mut client, &b, "test -e /tmp/reached").await.exit_code, 0);
    proxy.stop().await;
    server.stop().await;
}
