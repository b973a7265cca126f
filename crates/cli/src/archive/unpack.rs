//! A tar stream from a sandbox into a directory here. What is in there may be hostile: nothing leaves the directory, and only
//! files, directories and links are made. Must not know: where the stream comes from.

use std::path::Path;

use anyhow::{Context, Result};
use tar::{Archive, EntryType};

use super::pipe::Source;

/// Unpacks it.
pub fn unpack(from: Source, into: &Path) -> Result<()> {
    let said = || into.display().to_string();
    let into = into.canonicalize().with_context(said)?;
    let mut archive = Archive::new(from);
    // Neither owners nor set-id bits: they mean something else here.
    archive.set_preserve_permissions(false);
    archive.set_preserve_mtime(true);
    archive.set_overwrite(true);
    for entry in archive.entries().context("the sandbox sent no archive")? {
        let mut entry = entry.context("the archive broke off")?;
        let kind = entry.header().entry_type();
        if !matches!(kind, EntryType::Regular | EntryType::Directory | EntryType::Symlink | EntryType::Link) {
            continue;
        }
        let name = entry.path().map(|path| path.display().to_string()).unwrap_or_default();
        // False for what would lie outside: left out, as tar does it.
        entry.unpack_in(&into).with_context(|| format!("{name:?} cannot be written to {}", said()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::unpack;
    use crate::archive::pipe;

    #[test]
    fn nothing_leaves_the_directory() {
        let home = tempfile::tempdir().unwrap();
        let (inside, outside) = (home.path().join("in"), home.path().join("out"));
        fs::create_dir(&inside).unwrap();
        fs::create_dir(&outside).unwrap();
        let mut tar = tar::Builder::new(Vec::new());
        let mut link = tar::Header::new_gnu();
        link.set_entry_type(tar::EntryType::Symlink);
        link.set_size(0);
        tar.append_link(&mut link, "door", &outside).unwrap();
        let file = |name: &str, tar: &mut tar::Builder<Vec<u8>>| {
            let mut header = tar::Header::new_gnu();
            header.set_size(1);
            header.set_mode(0o4755);
            // Past what the crate would refuse to pack.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            tar.append(&header, &b"x"[..]).unwrap();
        };
        file("good", &mut tar);
        file("../out/dots", &mut tar);
        let mut device = tar::Header::new_gnu();
        device.set_entry_type(tar::EntryType::Fifo);
        device.set_size(0);
        tar.append_data(&mut device, "pipe", std::io::empty()).unwrap();
        file("door/through", &mut tar);
        let bytes = tar.into_inner().unwrap();

        let (feed, source) = pipe::source();
        let feeding = std::thread::spawn(move || {
            for piece in bytes.chunks(100) {
                // Refused before the end is what this is about.
                if feed.blocking_send(piece.to_vec().into()).is_err() {
                    return;
                }
            }
        });
        let error = unpack(source, &inside).unwrap_err();
        feeding.join().unwrap();
        assert!(format!("{error:#}").contains("door/through"), "{error:#}");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
        let good = fs::metadata(inside.join("good")).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&good.permissions()) & 0o7000, 0);
        assert!(!inside.join("pipe").exists());
    }
}
