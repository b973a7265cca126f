//! Whole files, in and out.

use jetway::{ErrorKind, ExecOptions, Sandbox, SandboxOptions};

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
async fn forty_mebibytes_in_one_write_are_refused_with_their_size_and_a_way_out() {
    let site = Site::open().await;
    let error = site.sandbox().write_file("/workspace/large", vec![0; 40 << 20]).await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::SandboxFile, Some("CWSANDBOX_FILE_TOO_LARGE")));
    assert!(error.message().contains("content") && error.message().contains("41943040"), "{error}");
    assert!(error.hint().unwrap().contains("stdin"));
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
