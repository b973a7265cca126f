//! `cp` of directories, and copies that go on where they broke off.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    process::Command,
};

use rustix::process::Signal;

use crate::{
    harness::{Site, signal, wait_for},
    pty::Terminal,
};

fn tree(site: &Site) {
    fs::create_dir_all(site.path("tree/sub/empty")).unwrap();
    fs::write(site.path("tree/one"), "one").unwrap();
    fs::write(site.path("tree/sub/it's a tool"), "#!/bin/sh\necho works\n").unwrap();
    fs::set_permissions(site.path("tree/sub/it's a tool"), fs::Permissions::from_mode(0o755)).unwrap();
    // Past the names that the oldest format has room for.
    let deep = format!("tree/{0}/{0}/{0}", "d".repeat(80));
    fs::create_dir_all(site.path(&deep)).unwrap();
    fs::write(site.path(&format!("{deep}/file")), "deep").unwrap();
    symlink("../one", site.path("tree/sub/link")).unwrap();
}

fn same(site: &Site, one: &str, other: &str) {
    let diff =
        Command::new("diff").args(["-r", "--no-dereference", &site.path(one), &site.path(other)]).output().unwrap();
    assert!(diff.status.success(), "{}", String::from_utf8_lossy(&diff.stdout));
}

#[test]
fn directories_go_both_ways() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    tree(&site);
    let there = |path: &str| format!("{id}:{path}");
    site.jetway(&["cp", "tree", &there("/w")]).is(0, "", "");
    // Now it is there, and so the name is kept.
    site.jetway(&["cp", "tree", &there("/w")]).is(0, "", "");
    site.jetway(&["cp", "tree/.", &there("/what/is/in/it")]).is(0, "", "");
    site.jetway(&["exec", &id, "--", "/what/is/in/it/sub/it's a tool"]).is(0, "works\n", "");
    for (source, target, seen) in
        [("/w/tree", "new", "new"), ("/w", ".", "w/tree"), ("/what/is/in/it/.", "fresh", "fresh")]
    {
        site.jetway(&["cp", &there(source), target]).is(0, "", "");
        same(&site, "tree", seen);
    }
    let mode = fs::metadata(site.path("new/sub/it's a tool")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    site.jetway(&["cp", "-L", "tree/sub", &there("/followed")]).is(0, "", "");
    site.jetway(&["exec", &id, "--", "sh", "-c", "[ -L /followed/link ] || cat /followed/link"]).is(0, "one", "");
    let said = site.jetway(&["cp", &there("/none"), "none"]);
    assert_eq!(said.code, 1);
}

#[test]
fn a_directory_that_is_there_in_part_is_completed() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    tree(&site);
    let there = format!("{id}:/w");
    site.jetway(&["cp", "--resume", "tree/.", &there]).is(0, "", "");
    // What is as it was is not sent again: what is done to it in between stays.
    let spoil = "cd /w && cp -p one as-it-was && printf two >one && touch -r as-it-was one && rm as-it-was sub/link";
    site.jetway(&["exec", &id, "--", "sh", "-c", spoil]).is(0, "", "");
    site.jetway(&["cp", "--resume", "tree/.", &there]).is(0, "", "");
    site.jetway(&["exec", &id, "--", "sh", "-c", "cat /w/one; readlink /w/sub/link"]).is(0, "two../one\n", "");
    site.jetway(&["exec", &id, "--", "sh", "-c", "printf one >/w/one"]).is(0, "", "");
    site.jetway(&["cp", &format!("{there}/."), "back"]).is(0, "", "");
    fs::remove_file(site.path("back/sub/it's a tool")).unwrap();
    fs::remove_file(site.path("back/sub/link")).unwrap();
    site.jetway(&["cp", "--resume", &format!("{there}/."), "back"]).is(0, "", "");
    same(&site, "tree", "back");
    // Nothing is left to do.
    site.jetway(&["cp", "--resume", &format!("{there}/."), "back"]).is(0, "", "");
}

#[test]
fn a_file_goes_on_where_it_broke_off() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    let bytes: Vec<u8> = (0..3_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    fs::write(site.path("file"), &bytes).unwrap();
    let there = format!("{id}:/w/file");
    // Parts of this file, of another one, and longer than all of it.
    for part in [&bytes[..1_000_001], &[7; 1000], &[bytes.as_slice(), b"more"].concat()] {
        site.jetway_with(&["files", &id, "write", "/w/.file.jetway-part"], part).is(0, "", "");
        site.jetway(&["cp", "--resume", "file", &there]).is(0, "", "");
        site.jetway(&["exec", &id, "--", "ls", "-A", "/w"]).is(0, "file\n", "");
        fs::write(site.path(".back.jetway-part"), part).unwrap();
        site.jetway(&["cp", "--resume", &there, "back"]).is(0, "", "");
        assert!(fs::read(site.path("back")).unwrap() == bytes);
        assert!(!fs::exists(site.path(".back.jetway-part")).unwrap());
        site.jetway(&["files", &id, "rm", "/w/file"]).is(0, "", "");
    }
}

#[test]
fn an_interrupt_keeps_the_part_for_the_next_time() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    fs::File::create(site.path("huge")).unwrap().set_len(8 << 30).unwrap();
    let mut terminal = Terminal::start(site.command(&["cp", "--resume", "huge", &format!("{id}:/tmp/huge")]), 100, 24);
    terminal.expect("/8.00 GiB");
    let size = || site.jetway(&["exec", &id, "--", "sh", "-c", "wc -c </tmp/.huge.jetway-part"]).stdout;
    let size = || size().trim().parse::<u64>().ok();
    wait_for("the part", || size().filter(|size| *size > 0));
    signal(terminal.child(), Signal::INT);
    assert_eq!(terminal.exit_code(), 130);
    let part = size().unwrap();
    assert!(part > 0);
    // The rest is not worth waiting for: that it begins there is.
    fs::File::options().write(true).open(site.path("huge")).unwrap().set_len(part + 5).unwrap();
    site.jetway(&["cp", "--resume", "huge", &format!("{id}:/tmp/huge")]).is(0, "", "");
    site.jetway(&["exec", &id, "--", "sh", "-c", "wc -c </tmp/huge"]).is(0, &format!("{}\n", part + 5), "");
}
