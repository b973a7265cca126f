//! Hostile archives: each tries one thing, and is refused or confined.

use std::{
    fs,
    io::Write,
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use jetway_server::images::{Bounds, Image, ImageError, Images};
use tempfile::TempDir;

/// A store, and a directory beside it that nothing may reach.
pub struct Bench {
    dir: TempDir,
    pub images: Images,
}

impl Bench {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("secret"), "untouched").unwrap();
        let images = Images::open(&dir.path().join("data")).unwrap();
        Self { dir, images }
    }

    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn import(&self, archive: Vec<u8>) -> Result<PathBuf, ImageError> {
        let image = self.images.import("t", &self.file("t.tar", &archive))?;
        Ok(self.images.layers(&image).remove(0))
    }

    /// Nothing outside changed, and nothing is left of what was refused.
    fn unharmed(&self) {
        assert_eq!(fs::read_to_string(self.dir.path().join("secret")).unwrap(), "untouched");
        assert_eq!(self.images.list().unwrap(), Vec::<Image>::new());
        assert_eq!(fs::read_dir(self.dir.path().join("data/images/layers")).unwrap().count(), 0);
    }

    fn refuses(&self, archive: Vec<u8>, words: &str) {
        let error = self.import(archive).expect_err(words);
        assert!(error.to_string().contains(words), "{error}, not {words}");
        self.unharmed();
    }
}

/// A tar archive, entry by entry, names and all unchecked.
#[derive(Default)]
pub struct Tar(Vec<u8>);

impl Tar {
    pub fn entry(mut self, kind: u8, name: &str, target: &str, content: &[u8]) -> Self {
        let mut head = [0_u8; 512];
        let mut put = |at: usize, text: &[u8]| head[at..at + text.len()].copy_from_slice(text);
        put(0, name.as_bytes());
        put(100, b"0000755\0");
        put(108, b"0000000\0");
        put(116, b"0000000\0");
        put(124, format!("{:011o}\0", content.len()).as_bytes());
        put(136, b"00000000000\0");
        put(148, b"        ");
        put(156, &[kind]);
        put(157, target.as_bytes());
        put(257, b"ustar\x0000");
        let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
        head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0.extend_from_slice(&head);
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub fn file(self, name: &str, content: &str) -> Self {
        self.entry(b'0', name, "", content.as_bytes())
    }

    pub fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}

#[test]
fn a_path_that_climbs_is_refused() {
    for name in ["../secret", "a/../../secret", "..", "/../secret", "a/.."] {
        Bench::new().refuses(Tar::default().file(name, "x").end(), "climbs");
    }
}

#[test]
fn an_absolute_path_stays_inside() {
    let bench = Bench::new();
    let layer = bench.import(Tar::default().file("/etc/passwd", "inside").end()).unwrap();
    assert_eq!(fs::read_to_string(layer.join("etc/passwd")).unwrap(), "inside");
    assert_ne!(fs::read_to_string("/etc/passwd").unwrap(), "inside");
}

#[test]
fn an_entry_behind_an_absolute_link_stays_inside() {
    let bench = Bench::new();
    let outside = bench.dir.path().to_str().unwrap().to_owned();
    let archive = Tar::default().entry(b'2', "way", &outside, b"").file("way/secret", "x").end();
    // Inside, that directory does not exist: there is nothing to write to.
    assert!(bench.import(archive).is_err());
    bench.unharmed();
    let archive =
        Tar::default().entry(b'5', "real", "", b"").entry(b'2', "way", "/real", b"").file("way/file", "inside").end();
    let layer = bench.import(archive).unwrap();
    assert_eq!(fs::read_to_string(layer.join("real/file")).unwrap(), "inside");
}

#[test]
fn an_entry_behind_a_climbing_link_stays_inside() {
    let bench = Bench::new();
    let up = "../".repeat(30);
    let archive = Tar::default().entry(b'2', "way", &up, b"").file("way/secret", "inside").end();
    let layer = bench.import(archive).unwrap();
    assert_eq!(fs::read_to_string(layer.join("secret")).unwrap(), "inside");
    assert_eq!(fs::read_to_string(bench.dir.path().join("secret")).unwrap(), "untouched");
}

#[test]
fn a_file_replaces_a_link_and_is_not_written_through_it() {
    let bench = Bench::new();
    let outside = bench.dir.path().join("secret");
    let archive = Tar::default().entry(b'2', "f", outside.to_str().unwrap(), b"").file("f", "mine").end();
    let layer = bench.import(archive).unwrap();
    assert!(fs::symlink_metadata(layer.join("f")).unwrap().is_file());
    assert_eq!(fs::read_to_string(outside).unwrap(), "untouched");
}

#[test]
fn hard_links_to_the_outside_are_refused() {
    let bench = Bench::new();
    let outside = bench.dir.path().join("secret");
    for (target, words) in [
        ("../secret", "climbs"),
        (outside.to_str().unwrap(), "does not have"),
        ("/etc/passwd", "does not have"),
        ("nothing", "does not have"),
        ("", "without a target"),
    ] {
        bench.refuses(Tar::default().entry(b'1', "stolen", target, b"").end(), words);
    }
    let through = Tar::default().entry(b'2', "way", "/etc", b"").entry(b'1', "stolen", "way/passwd", b"").end();
    bench.refuses(through, "does not have");
}

#[test]
fn a_hard_link_inside_is_the_same_file() {
    let bench = Bench::new();
    let layer = bench.import(Tar::default().file("a", "x").entry(b'1', "b", "a", b"").end()).unwrap();
    let number = |name: &str| fs::metadata(layer.join(name)).unwrap().ino();
    assert_eq!(number("a"), number("b"));
}

#[test]
fn device_nodes_are_left_out() {
    let bench = Bench::new();
    let archive = Tar::default()
        .entry(b'3', "dev/mem", "", b"")
        .entry(b'4', "dev/sda", "", b"")
        // As a character device with number 0:0 it would be a whiteout.
        .entry(b'3', "etc/hidden", "", b"")
        .file("kept", "x")
        .end();
    let layer = bench.import(archive).unwrap();
    assert_eq!(fs::read_dir(&layer).unwrap().count(), 1, "only the file");
}

#[test]
fn whiteouts_hide_names_and_nothing_else() {
    for name in [".wh.", ".wh..", ".wh...", "a/.wh..", "a/.wh..."] {
        Bench::new().refuses(Tar::default().file(name, "").end(), "hides no file");
    }
    Bench::new().refuses(Tar::default().file(".wh.a/b", "").end(), "reserved for whiteouts");
    Bench::new().refuses(Tar::default().file("../.wh.secret", "").end(), "climbs");
    let bench = Bench::new();
    let layer = bench.import(Tar::default().file("d/.wh.gone", "").file("d/.wh..wh.plnk", "").end()).unwrap();
    assert!(fs::symlink_metadata(layer.join("d/gone")).unwrap().file_type().is_char_device());
    assert_eq!(fs::read_dir(layer.join("d")).unwrap().count(), 1);
}

#[test]
fn attributes_of_overlays_are_not_taken_from_archives() {
    let record = b"41 SCHILY.xattr.user.overlay.redirect=/x\n".as_slice();
    let bench = Bench::new();
    let layer = bench.import(Tar::default().entry(b'x', "pax", "", record).entry(b'5', "d", "", b"").end()).unwrap();
    let mut names = [0_u8; 64];
    assert_eq!(rustix::fs::listxattr(layer.join("d"), &mut names[..]).unwrap(), 0);
}

#[test]
fn set_id_bits_do_not_reach_the_host() {
    let bench = Bench::new();
    let mut archive = Tar::default().file("su", "x");
    archive.0[100..108].copy_from_slice(b"0006755\0");
    let sum: u32 = (0..512).map(|at| if (148..156).contains(&at) { 32 } else { u32::from(archive.0[at]) }).sum();
    archive.0[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let layer = bench.import(archive.end()).unwrap();
    assert_eq!(fs::metadata(layer.join("su")).unwrap().permissions().mode() & 0o7777, 0o755);
}

fn bounded(bytes: u64, entries: u64) -> Bench {
    let mut bench = Bench::new();
    bench.images = bench.images.bounded(Bounds { bytes, entries });
    bench
}

#[test]
fn a_bomb_is_stopped_at_the_bound() {
    let zeros = Tar::default().entry(b'0', "zeros", "", &vec![0; 8 << 20]).end();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&zeros).unwrap();
    let packed = packed.finish().unwrap();
    assert!(packed.len() < 64 << 10);
    let bench = bounded(1 << 20, 1000);
    bench.refuses(packed, "larger than 1048576 bytes");
    // What follows the archive's end counts, too.
    let mut trailing = Tar::default().file("a", "x").end();
    trailing.resize(4 << 20, 0);
    bench.refuses(trailing, "larger than 1048576 bytes");
}

#[test]
fn a_size_that_is_only_said_costs_nothing() {
    let mut archive = Tar::default().file("huge", "");
    archive.0[124..136].copy_from_slice(b"77777777777\0");
    let sum: u32 = (0..512).map(|at| if (148..156).contains(&at) { 32 } else { u32::from(archive.0[at]) }).sum();
    archive.0[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let bench = Bench::new();
    assert!(bench.import(archive.end()).is_err());
    bench.unharmed();
}

#[test]
fn too_many_files_and_directories_are_stopped() {
    let files = (0..50).fold(Tar::default(), |tar, index| tar.file(&format!("f{index}"), ""));
    bounded(1 << 20, 20).refuses(files.end(), "larger than 20 files");
    // One entry with forty directories above it.
    bounded(1 << 20, 20).refuses(Tar::default().file(&"d/".repeat(40), "").end(), "larger than 20 files");
}

#[test]
fn an_extension_header_is_no_way_into_memory() {
    Bench::new().refuses(Tar::default().entry(b'L', "x", "", &vec![b'a'; 2 << 20]).end(), "longer than any path");
    Bench::new().refuses(Tar::default().entry(b'L', "x", "", &[b'a'; 5000]).file("y", "").end(), "too long");
    Bench::new().refuses(Tar::default().entry(b'S', "x", "", b"").end(), "sparse");
}

#[test]
fn what_is_no_archive_is_refused() {
    let bench = Bench::new();
    bench.refuses(b"hello".repeat(500), "");
    bench.refuses(Vec::new(), "no tar archive");
    bench.refuses(b"\xfd7zXZ\0rest".to_vec(), "xz");
    bench.refuses(Tar::default().file("a", "x").file("a/b", "x").end(), "no directory");
    for name in ["", "UPPER", "a b", "x:y:z"] {
        assert!(matches!(bench.images.import(name, Path::new("/")), Err(ImageError::Name { .. })), "{name}");
    }
}
