//! The streams, readers and writers of Rust's own kind, against a real server.

use futures::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, StreamExt, TryStreamExt, io::Cursor};
use jetway::{
    ErrorKind, ExecOptions, Sandbox, SandboxOptions,
    sandbox::{ListOptions, LogOptions},
};

use crate::support::Site;

#[tokio::test(flavor = "multi_thread")]
async fn a_process_is_read_and_written_as_anything_else() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let bytes: Vec<u8> = (0..500_000u32).flat_map(u32::to_le_bytes).collect();
    let mut process = sandbox.exec(["cat"], ExecOptions::default().stdin(true));
    let (mut stdin, mut stdout) = (process.stdin().unwrap(), process.stdout().unwrap());
    let writing = async {
        futures::io::copy(Cursor::new(&bytes), &mut stdin).await.unwrap();
        AsyncWriteExt::close(&mut stdin).await.unwrap();
    };
    let mut read = Vec::new();
    let reading = stdout.read_to_end(&mut read);
    let ((), count) = futures::join!(writing, reading);
    assert!(count.unwrap() == bytes.len() && read == bytes);
    assert_eq!(process.wait().await.unwrap(), 0);
    let error = stdin.write_all(b"late").await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);

    let process = sandbox.exec(["sh", "-c", "printf 'one\\ntwo\\nthr'; sleep 0.1; echo ee"], ExecOptions::default());
    let lines: Vec<String> = process.stdout().unwrap().lines().try_collect().await.unwrap();
    assert_eq!(lines, ["one", "two", "three"]);
    // What a reader has left is the stream's.
    let process = sandbox.exec(["printf", "abcdef"], ExecOptions::default());
    let mut output = process.stdout().unwrap();
    output.read_exact(&mut [0; 2]).await.unwrap();
    let rest: Vec<_> = output.map(|piece| piece.unwrap().to_vec()).collect().await;
    assert_eq!(rest.concat(), b"cdef");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_comes_through_a_reader_whole() {
    let site = Site::open().await;
    let process = site.sandbox().exec([""; 0], ExecOptions::default());
    let error = process.stdout().unwrap().read_to_end(&mut Vec::new()).await.unwrap_err();
    let inside = error.get_ref().and_then(|inside| inside.downcast_ref::<jetway::Error>()).unwrap();
    assert_eq!(inside.kind(), ErrorKind::Validation);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_logs_and_lists_are_streams() {
    let site = Site::open().await;
    let sandbox = Sandbox::run(&site.client, SandboxOptions::new().tag("s").command(["echo", "logged"]));
    let other = Sandbox::run(&site.client, SandboxOptions::new().tag("s"));
    other.write_file("/tmp/file", "one\ntwo\n").await.unwrap();
    let reader = other.files().read_stream("/tmp/file").await.unwrap();
    let lines: Vec<String> = reader.into_async_read().lines().try_collect().await.unwrap();
    assert_eq!(lines, ["one", "two"]);
    let reader = other.files().read_stream("/tmp/none").await.unwrap();
    assert!(reader.into_async_read().read_to_end(&mut Vec::new()).await.is_err());

    sandbox.wait_until_complete(None, true).await.unwrap();
    let log = sandbox.logs(LogOptions::default().follow(true)).await.unwrap().into_stream();
    let log: Vec<_> = log.map_ok(|chunk| chunk.data.to_vec()).try_collect().await.unwrap();
    assert_eq!(log.concat(), b"logged\n");

    let options = ListOptions::default().tag("s").show_terminated(true).page_size(1);
    let found: Vec<Sandbox> = Sandbox::list(&site.client, options).into_stream().try_collect().await.unwrap();
    assert_eq!(found.len(), 2);
    let mut wrong = Sandbox::list(&site.client, ListOptions::default().page_size(0)).into_stream();
    assert_eq!(wrong.try_next().await.unwrap_err().kind(), ErrorKind::Validation);
    assert!(wrong.next().await.is_none());
    site.close().await;
}
