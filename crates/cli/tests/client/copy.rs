//! `cp`: every byte, both ways, whole or not at all.

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt,
};

use rustix::process::Signal;

use crate::{
    harness::{Site, signal, wait_for},
    pty::Terminal,
};

#[test]
fn files_go_both_ways() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    let there = |path: &str| format!("{id}:{path}");
    // Beyond what one call carries, and of no round size.
    for size in [0, 5, 33 * 1024 * 1024 + 7] {
        let bytes: Vec<u8> = (0..size).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        fs::write(site.path("up"), &bytes).unwrap();
        site.jetway(&["cp", &site.path("up"), &there("/new/dir/file")]).is(0, "", "");
        site.jetway(&["cp", &there("/new/dir/file"), &site.path("down")]).is(0, "", "");
        assert!(fs::read(site.path("down")).unwrap() == bytes, "{size} bytes");
    }
    site.jetway(&["exec", &id, "--", "ls", "/new/dir"]).is(0, "file\n", "");
}

#[test]
fn a_directory_as_target_keeps_the_name_and_programs_stay_programs() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    fs::write(site.path("it's a tool"), "#!/bin/sh\necho works\n").unwrap();
    fs::set_permissions(site.path("it's a tool"), fs::Permissions::from_mode(0o755)).unwrap();
    for target in ["/tmp", "/opt/new/"] {
        site.jetway(&["cp", "./it's a tool", &format!("{id}:{target}")]).is(0, "", "");
        let path = format!("{}/it's a tool", target.trim_end_matches('/'));
        site.jetway(&["exec", &id, "--", &path]).is(0, "works\n", "");
    }
    fs::create_dir(site.path("here")).unwrap();
    site.jetway(&["cp", &format!("{id}:/tmp/it's a tool"), "here"]).is(0, "", "");
    let mode = fs::metadata(site.path("here/it's a tool")).unwrap().permissions().mode();
    assert_eq!(mode & 0o100, 0o100);
    // Into what a link leads to, not in its place.
    std::os::unix::fs::symlink(site.path("real"), site.path("link")).unwrap();
    fs::write(site.path("real"), "old").unwrap();
    site.jetway(&["cp", &format!("{id}:/tmp/it's a tool"), "link"]).is(0, "", "");
    assert!(fs::symlink_metadata(site.path("link")).unwrap().is_symlink());
    assert!(fs::read_to_string(site.path("real")).unwrap().contains("works"));
}

#[test]
fn what_cannot_be_copied_is_told() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    fs::create_dir(site.path("dir")).unwrap();
    fs::write(site.path("file"), "x").unwrap();
    let fails = |source: &str, target: &str, code: i32, words: &str| {
        let said = site.jetway(&["cp", source, target]);
        assert_eq!((said.code, &*said.stdout), (code, ""));
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
    };
    fails("none", &format!("{id}:/tmp/"), 1, "none");
    fails(&format!("{id}:/none"), "there", 1, "/none");
    fails("file", "other", 2, "ID:/path");
    fails("file", &format!("{id}:tmp"), 2, "/tmp");
    fails("file", &format!("{id}:/proc/x/y"), 1, "/proc/x/y");
    fails(&format!("{id}:/etc/hostname"), "dir/none/there", 1, "dir/none/there");
    assert!(!fs::exists(site.path("there")).unwrap());
    assert_eq!(fs::read_dir(site.path("dir")).unwrap().count(), 0);
}

#[test]
fn a_copy_that_is_interrupted_leaves_no_part() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    // Sparse, and long enough not to arrive before the signal does.
    File::create(site.path("huge")).unwrap().set_len(8 << 30).unwrap();
    let mut terminal = Terminal::start(site.command(&["cp", "huge", &format!("{id}:/tmp/huge")]), 100, 24);
    let progress = terminal.expect("/8.00 GiB");
    assert!(progress.contains("huge"), "{progress:?}");
    let files = || site.jetway(&["exec", &id, "--", "find", "/tmp", "-name", "huge*"]).stdout;
    wait_for("the part", || files().contains(".part").then_some(()));
    signal(terminal.child(), Signal::INT);
    assert_eq!(terminal.exit_code(), 130);
    assert_eq!(files(), "");
}
