//! Images in files: an OCI layout or what `docker save` writes, in a directory of the host or unpacked from a tar file.
//! Must not know: registries.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{
    ImageConfig, ImageError,
    config::{ConfigFile, Descriptor, Manifest},
    layer::Announced,
    reading::{Budget, check, digest_of, digits},
    store::Images,
    tree::Tree,
};

/// Longest manifest or configuration.
const MAX_TEXT: u64 = 8 << 20;
/// What a mount takes as layers, with room for ours.
pub const MAX_LAYERS: usize = 120;
/// Indexes in indexes.
const MAX_DEPTH: usize = 4;

/// An image that was read from an archive.
pub struct Contents {
    /// Of its manifest, or of its configuration.
    pub digest: String,
    /// See `Image`.
    pub layers: Vec<String>,
    /// See `Image`.
    pub config: ImageConfig,
    /// See `Image`.
    pub size: u64,
}

/// One entry of `manifest.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    layers: Vec<String>,
}

/// What the archive in `directory` is, if it is one.
pub fn kind(directory: &Path) -> Option<Kind> {
    let is = |name: &str| directory.join(name).is_file();
    match () {
        () if is("oci-layout") && is("index.json") => Some(Kind::Layout),
        () if is("manifest.json") && !directory.join("bin").exists() && !directory.join("usr").exists() => {
            Some(Kind::Saved)
        }
        () => None,
    }
}

/// Formats of archives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `oci-layout`.
    Layout,
    /// `docker save`.
    Saved,
}

/// Reads the archive in `directory` into the store.
pub fn read(images: &Images, directory: &Path, kind: Kind, budget: &mut Budget) -> Result<Contents, ImageError> {
    let files = Files(Tree::new(directory).map_err(ImageError::io("open the archive"))?);
    match kind {
        Kind::Layout => layout(images, &files, budget),
        Kind::Saved => saved(images, &files, budget),
    }
}

/// Files of the archive, read without leaving it.
struct Files(Tree);

impl Files {
    fn text(&self, path: &Path) -> Result<Vec<u8>, ImageError> {
        let missing = format!("read {} of the archive", path.display());
        let file = self.0.open(path).map_err(ImageError::io(missing.clone()))?;
        let mut bytes = Vec::new();
        file.take(MAX_TEXT + 1).read_to_end(&mut bytes).map_err(ImageError::io(missing))?;
        match bytes.len() as u64 > MAX_TEXT {
            true => Err(ImageError::Hostile { entry: path.display().to_string(), reason: "is too long".into() }),
            false => Ok(bytes),
        }
    }

    fn blob(&self, descriptor: &Descriptor, what: &str) -> Result<Vec<u8>, ImageError> {
        let bytes = self.text(&blob_path(&descriptor.digest)?)?;
        check(what, &descriptor.digest, &digest_of(&bytes))?;
        Ok(bytes)
    }
}

fn blob_path(digest: &str) -> Result<PathBuf, ImageError> {
    Ok(Path::new("blobs/sha256").join(digits(digest)?))
}

fn layout(images: &Images, files: &Files, budget: &mut Budget) -> Result<Contents, ImageError> {
    let mut manifest = Manifest::parse(&files.text(Path::new("index.json"))?)?;
    let mut digest = String::new();
    for _ in 0..MAX_DEPTH {
        if manifest.config.is_some() {
            break;
        }
        let Some(next) = manifest.for_this_machine().or(manifest.manifests.first()).cloned() else { break };
        manifest = Manifest::parse(&files.blob(&next, "a manifest")?)?;
        digest = next.digest;
    }
    let Some(config) = &manifest.config else {
        return Err(ImageError::Unsupported("the archive's index leads to no image".into()));
    };
    let config = ConfigFile::parse(&files.blob(config, "the image's configuration")?)?;
    let blobs: Vec<_> = manifest
        .layers
        .iter()
        .map(|layer| Ok((blob_path(&layer.digest)?, Some(&*layer.digest))))
        .collect::<Result<_, _>>()?;
    layers(images, files, &blobs, config, digest, budget)
}

fn saved(images: &Images, files: &Files, budget: &mut Budget) -> Result<Contents, ImageError> {
    let entries: Vec<Saved> = serde_json::from_slice(&files.text(Path::new("manifest.json"))?)
        .map_err(|error| ImageError::Unsupported(format!("the archive's manifest.json cannot be read: {error}")))?;
    let [saved] = entries.as_slice() else {
        let text = format!("the archive holds {} images; save one at a time", entries.len());
        return Err(ImageError::Unsupported(text));
    };
    let bytes = files.text(Path::new(&saved.config))?;
    let config = ConfigFile::parse(&bytes)?;
    let blobs: Vec<_> = saved.layers.iter().map(|path| (PathBuf::from(path), None)).collect();
    layers(images, files, &blobs, config, digest_of(&bytes), budget)
}

fn layers(
    images: &Images,
    files: &Files,
    blobs: &[(PathBuf, Option<&str>)],
    config: ConfigFile,
    digest: String,
    budget: &mut Budget,
) -> Result<Contents, ImageError> {
    let ConfigFile { config, rootfs, .. } = config;
    count(blobs.len(), &rootfs.diff_ids)?;
    let mut size = 0;
    for ((path, blob), content) in blobs.iter().zip(&rootfs.diff_ids) {
        if images.has(content) {
            continue;
        }
        let file = files.0.open(path).map_err(ImageError::io(format!("read {} of the archive", path.display())))?;
        let announced = Announced { blob: *blob, content: Some(content) };
        size += images.add_layer(file, &announced, budget)?.1;
    }
    Ok(Contents { digest, layers: rootfs.diff_ids, config, size })
}

/// Manifest and configuration must speak of the same layers, and not of too many.
pub fn count(blobs: usize, contents: &[String]) -> Result<(), ImageError> {
    for content in contents {
        digits(content)?;
    }
    if blobs != contents.len() || blobs == 0 {
        let text = format!(
            "the manifest names {blobs} layers, the configuration {}; both must be one or more",
            contents.len()
        );
        return Err(ImageError::Unsupported(text));
    }
    if blobs > MAX_LAYERS {
        return Err(ImageError::Unsupported(format!(
            "the image has {blobs} layers; at most {MAX_LAYERS} can be mounted"
        )));
    }
    Ok(())
}
