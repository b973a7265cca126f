//! Whole files, in and out.

use bytes::Bytes;
use futures::stream;
use jetway::{Error, ErrorKind, ExecOptions, Sandbox, SandboxOptions, sandbox::FileKind};

use crate::support::{Site, field};

#[tokio::test(flavor = "multi_thread")]
async fn text_and_bytes_come_back_as_they_went() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let bytes: Vec<u8> = (0..=255).cycle().take(5_000_000).collect();
    sandbox.write_file("/workspace/a/b/c.bin", bytes.clone()).await.unwrap();
    assert!(sandbox.read_file("/workspace/a/b/c.bin").await.unwrap() == bytes);
    let listed = sandbox.exec(["ls", "/workspace/a/b"], ExecOptions::default()).await.unwrap();
    assert_eq!(listed.stdout_text(), "c.bin\n");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_may_be_empty_and_is_replaced_whole() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    for content in ["much longer", "", "short"] {
        sandbox.write_file("/workspace/file", content).await.unwrap();
        assert_eq!(sandbox.read_file("/workspace/file").await.unwrap(), content);
    }
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_the_largest_size_passes() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let bytes = vec![7; jetway::sandbox::MAX_FILE_BYTES];
    sandbox.write_file("/workspace/large", bytes.clone()).await.unwrap();
    assert!(sandbox.read_file("/workspace/large").await.unwrap() == bytes);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_mebibytes_are_more_than_one_call_carries_and_go_as_a_stream_both_ways() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let bytes: Vec<u8> = (0..(40 << 20) + 5_u32).map(|at| (at * 31 + (at >> 9)) as u8).collect();
    sandbox.write_file("/workspace/new/huge", bytes.clone()).await.unwrap();
    assert!(sandbox.read_file("/workspace/new/huge").await.unwrap() == bytes, "the bytes changed");
    let names: Vec<_> = sandbox.files().list("/workspace/new", 1).await.unwrap();
    assert_eq!(names.iter().map(|it| it.name()).collect::<Vec<_>>(), ["huge"], "nothing is left beside it");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_written_as_it_comes_and_nothing_appears_of_one_that_breaks_off() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let files = sandbox.files();
    let pieces = |fails: bool| {
        let whole = (0..6).map(|i| Ok(Bytes::from(vec![i; 512 * 1024])));
        let broken = fails.then(|| Err(Error::new(ErrorKind::Other, "the source broke")));
        stream::iter(whole.chain(broken))
    };
    assert_eq!(files.write_stream("/workspace/poured", pieces(false)).await.unwrap(), 3 << 20);
    assert_eq!(files.stat("/workspace/poured").await.unwrap().size, 3 << 20);
    let error = files.write_stream("/workspace/broken", pieces(true)).await.unwrap_err();
    assert_eq!(error.message(), "the source broke");
    let names = files.list("/workspace", 1).await.unwrap();
    assert_eq!(names.iter().map(|it| it.path.as_str()).collect::<Vec<_>>(), ["/workspace/poured"]);
    let error = files.write_stream("/proc/nowhere/file", pieces(false)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SandboxFile);
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_read_piece_by_piece_and_a_missing_one_fails_the_stream() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    sandbox.exec(["sh", "-c", "head -c 5000000 /dev/zero > /tmp/zeros"], ExecOptions::default()).await.unwrap();
    let mut reader = sandbox.files().read_stream("/tmp/zeros").await.unwrap();
    let mut len = 0;
    while let Some(piece) = reader.next().await {
        len += piece.unwrap().len();
    }
    assert_eq!(len, 5_000_000);
    let mut missing = sandbox.files().read_stream("/tmp/missing").await.unwrap();
    let error = missing.next().await.unwrap().unwrap_err();
    assert_eq!(error.reason(), Some("CWSANDBOX_FILE_NOT_FOUND"));
    assert!(missing.next().await.is_none());
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn directories_are_made_listed_moved_copied_and_removed() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    let files = sandbox.files();
    files.make_dir("/tmp/tree/a/b").await.unwrap();
    files.make_dir("/tmp/tree/a/b").await.unwrap();
    files.write("/tmp/tree/a/it's $HOME \n file", "x").await.unwrap();
    files.write("/tmp/tree/.hidden", "four").await.unwrap();
    sandbox.exec(["ln", "-s", "a", "/tmp/tree/link"], ExecOptions::default()).await.unwrap();
    let listed = files.list("/tmp/tree", 1).await.unwrap();
    let shown: Vec<_> = listed.iter().map(|it| (it.name(), it.kind, it.size)).collect();
    assert_eq!((shown[0], shown.len()), ((".hidden", FileKind::File, 4), 3));
    assert_eq!((shown[1].1, shown[2].1), (FileKind::Directory, FileKind::Symlink));
    assert_eq!(files.list("/tmp/tree", 2).await.unwrap()[3].name(), "it's $HOME \n file");
    assert!(files.is_dir("/tmp/tree/link").await.unwrap());
    files.copy("/tmp/tree/a", "/tmp/tree/c").await.unwrap();
    files.rename("/tmp/tree/c/it's $HOME \n file", "/tmp/tree/moved").await.unwrap();
    assert_eq!(files.read("/tmp/tree/moved").await.unwrap(), "x");
    let reason = |error: Error| error.reason().unwrap_or_default().to_owned();
    let onto = files.rename("/tmp/tree/moved", "/tmp/tree/a").await.unwrap_err();
    assert_eq!(reason(onto), "CWSANDBOX_FILE_IS_DIRECTORY");
    assert_eq!(files.remove("/tmp/tree/a", false).await.unwrap_err().kind(), ErrorKind::SandboxFile);
    files.remove("/tmp/tree", true).await.unwrap();
    assert!(!files.exists("/tmp/tree").await.unwrap());
    for error in [
        files.remove("/tmp/tree", true).await.unwrap_err(),
        files.list("/tmp/tree", 1).await.unwrap_err(),
        files.stat("/tmp/tree").await.unwrap_err(),
    ] {
        assert_eq!(reason(error), "CWSANDBOX_FILE_NOT_FOUND");
    }
    assert_eq!(reason(files.list("/etc/passwd", 1).await.unwrap_err()), "CWSANDBOX_FILE_NOT_A_DIRECTORY");
    assert_eq!(field(&files.make_dir("relative").await.unwrap_err()), "path");
    assert_eq!(field(&files.rename("/tmp/a", "b").await.unwrap_err()), "to");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_there_is_a_file_error_that_names_it() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    for (path, reason) in [("/no/such", "CWSANDBOX_FILE_NOT_FOUND"), ("/usr", "CWSANDBOX_FILE_IS_DIRECTORY")] {
        let error = sandbox.read_file(path).await.unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::SandboxFile, Some(reason)), "{error:?}");
        assert_eq!(error.metadata()["filepath"], path);
        assert_eq!(error.operation(), Some("ReadFile"));
    }
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_that_no_file_can_have_are_refused_by_name() {
    let site = Site::open().await;
    let sandbox = site.sandbox();
    for path in ["relative", "", "/a\0b"] {
        assert_eq!(field(&sandbox.read_file(path).await.unwrap_err()), "path");
        assert_eq!(field(&sandbox.write_file(path, "x").await.unwrap_err()), "path");
    }
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mounted_files_are_there_before_the_main_command_starts() {
    let site = Site::open().await;
    let options = SandboxOptions::new().mounted_file("/workspace/in.txt", "mounted\n").command([
        "/bin/sh",
        "-c",
        "cp /workspace/in.txt /workspace/out.txt; sleep 60",
    ]);
    let sandbox = Sandbox::create(&site.client, options).await.unwrap();
    for _ in 0..100 {
        if sandbox.read_file("/workspace/out.txt").await.is_ok_and(|content| content == "mounted\n") {
            return site.close().await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the main command did not see the file");
}
