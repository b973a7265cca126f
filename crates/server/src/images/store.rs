//! The images of a data directory: small files for their names, directories for their layers.
//!
//! A server and `jetway image` use it at the same time. A lock file keeps them apart where it matters: whoever adds or
//! uses layers holds it together with others, whoever removes layers holds it alone.
//! Must not know: where images come from.

use std::{
    collections::HashSet,
    fs::{self, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    str::FromStr,
};

use oci_client::Reference;
use serde::{Deserialize, Serialize};

use super::{
    Bounds, ImageConfig, ImageError,
    reading::{digest_of, digits},
};

/// One image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Its whole name, e.g. `docker.io/library/redis:7`.
    pub name: String,
    /// Of its manifest, or of its only layer where there is no manifest.
    pub digest: String,
    /// Digests of the unpacked layers, the lowest first.
    pub layers: Vec<String>,
    /// Defaults of its processes.
    pub config: ImageConfig,
    /// Bytes of its unpacked archives.
    pub size: u64,
    /// For people: where it came from.
    pub source: String,
}

/// The images of one data directory. Cheap to make: it holds no state.
#[derive(Debug, Clone)]
pub struct Images {
    root: PathBuf,
    pub(super) bounds: Bounds,
}

/// While it lives, no layer is removed.
#[derive(Debug)]
pub struct Hold {
    _lock: File,
}

impl Images {
    /// The images of `data_dir`, which is made when it is missing.
    ///
    /// # Errors
    /// [`ImageError::Io`].
    pub fn open(data_dir: &Path) -> Result<Self, ImageError> {
        let root = data_dir.join("images");
        for name in ["names", "layers"] {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(root.join(name));
            made.map_err(ImageError::io("make the directory for images"))?;
        }
        Ok(Self { root, bounds: Bounds::default() })
    }

    /// The same with other bounds for the images that it takes in.
    pub fn bounded(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// The image of that name, if it is here.
    ///
    /// # Errors
    /// [`ImageError::Io`] when it is here and cannot be read.
    pub fn find(&self, name: &str) -> Result<Option<Image>, ImageError> {
        let Ok(reference) = parse(name) else { return Ok(None) };
        match fs::read(self.record(&reference.whole())) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| ImageError::Io {
                context: format!("read what is known of {name}"),
                source: error.into(),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ImageError::io(format!("look for {name}"))(error)),
        }
    }

    /// Every image, by name.
    ///
    /// # Errors
    /// [`ImageError::Io`].
    pub fn list(&self) -> Result<Vec<Image>, ImageError> {
        let entries = fs::read_dir(self.root.join("names")).map_err(ImageError::io("list the images"))?;
        let read = |entry: fs::DirEntry| serde_json::from_slice::<Image>(&fs::read(entry.path()).ok()?).ok();
        let mut images: Vec<Image> = entries.flatten().filter_map(read).collect();
        images.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(images)
    }

    /// Removes a name, and the layers that no image needs any more. `used` are layers that sandboxes stand on.
    ///
    /// # Errors
    /// [`ImageError::Missing`], [`ImageError::InUse`], [`ImageError::Io`].
    pub fn remove(&self, name: &str, used: impl FnOnce() -> HashSet<PathBuf>) -> Result<Image, ImageError> {
        let image = self.find(name)?.ok_or_else(|| ImageError::Missing(name.to_owned()))?;
        let lock = self.lock()?;
        lock.lock().map_err(ImageError::io("wait for other users of the images"))?;
        let used = used();
        let kept: HashSet<String> =
            self.list()?.into_iter().filter(|other| other.name != image.name).flat_map(|other| other.layers).collect();
        let orphans: Vec<PathBuf> =
            image.layers.iter().filter(|layer| !kept.contains(*layer)).map(|layer| self.layer(layer)).collect();
        if orphans.iter().any(|layer| used.contains(layer)) {
            return Err(ImageError::InUse(image.name));
        }
        fs::remove_file(self.record(&image.name)).map_err(ImageError::io("forget the image"))?;
        for layer in orphans {
            remove_tree(&layer).map_err(ImageError::io("remove a layer"))?;
        }
        self.sweep();
        Ok(image)
    }

    /// Where an image's layers lie, the topmost first.
    pub fn layers(&self, image: &Image) -> Vec<PathBuf> {
        image.layers.iter().rev().map(|layer| self.layer(layer)).collect()
    }

    /// Keeps every layer where it is for as long as the result lives. Blocks while another process removes some.
    ///
    /// # Errors
    /// [`ImageError::Io`].
    pub fn hold(&self) -> Result<Hold, ImageError> {
        let lock = self.lock()?;
        lock.lock_shared().map_err(ImageError::io("wait for other users of the images"))?;
        Ok(Hold { _lock: lock })
    }

    /// Keeps what is known of an image, whole or not at all.
    pub(super) fn keep(&self, image: &Image) -> Result<(), ImageError> {
        let path = self.record(&image.name);
        let draft = self.root.join(format!(".{}.part", uuid::Uuid::from_u128(random()?)));
        let text = serde_json::to_vec_pretty(image).unwrap_or_default();
        let kept = fs::write(&draft, text).and_then(|()| fs::rename(&draft, path));
        kept.map_err(ImageError::io("keep what is known of the image"))
    }

    /// Whether a layer is here already.
    pub(super) fn has(&self, layer: &str) -> bool {
        digits(layer).is_ok() && self.layer(layer).is_dir()
    }

    /// Where a layer lies.
    pub(super) fn layer(&self, layer: &str) -> PathBuf {
        self.root.join("layers").join(layer.trim_start_matches("sha256:"))
    }

    /// A new empty directory that becomes a layer, or nothing.
    pub(super) fn draft(&self) -> Result<Draft, ImageError> {
        let path = self.root.join("layers").join(format!(".{}.part", uuid::Uuid::from_u128(random()?)));
        fs::DirBuilder::new().mode(0o755).create(&path).map_err(ImageError::io("make a directory for a layer"))?;
        // Whatever the umask says: others than this server's user look at it from inside.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&path, open).map_err(ImageError::io("make a directory for a layer"))?;
        Ok(Draft { path: Some(path) })
    }

    fn record(&self, whole: &str) -> PathBuf {
        self.root.join("names").join(format!("{}.json", digest_of(whole.as_bytes()).trim_start_matches("sha256:")))
    }

    fn lock(&self) -> Result<File, ImageError> {
        let path = self.root.join("lock");
        let file = File::options().create(true).truncate(false).write(true).open(path);
        file.map_err(ImageError::io("open the images' lock"))
    }

    /// Removes what a crash left half done. Only while nobody else adds anything.
    fn sweep(&self) {
        for entry in fs::read_dir(self.root.join("layers")).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().ends_with(".part") {
                let _ = remove_tree(&entry.path());
            }
        }
    }
}

/// A layer before it is one. Dropping it removes it.
#[derive(Debug)]
pub struct Draft {
    path: Option<PathBuf>,
}

impl Draft {
    /// Where it is.
    pub fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new(""))
    }

    /// Makes it the layer at `place`; one that came first stays.
    pub fn settle(mut self, place: &Path) -> Result<(), ImageError> {
        let Some(path) = self.path.take() else { return Ok(()) };
        match fs::rename(&path, place) {
            Ok(()) => Ok(()),
            Err(error) => {
                let _ = remove_tree(&path);
                if place.is_dir() { Ok(()) } else { Err(ImageError::io("keep a layer")(error)) }
            }
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // A sweep takes another look.
            let _ = remove_tree(path);
        }
    }
}

/// A name as registries understand it.
pub(super) fn parse(name: &str) -> Result<Reference, ImageError> {
    Reference::from_str(name).map_err(|error| ImageError::Name { name: name.to_owned(), reason: error.to_string() })
}

fn random() -> Result<u128, ImageError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| ImageError::Unsupported(format!("the system gives no random numbers: {error}")))?;
    Ok(u128::from_le_bytes(bytes))
}

/// Directories of images may refuse even their owner.
fn remove_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            unlock(path);
            fs::remove_dir_all(path)
        }
        removed => removed,
    }
}

fn unlock(directory: &Path) {
    let _ = fs::set_permissions(directory, std::os::unix::fs::PermissionsExt::from_mode(0o700));
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            unlock(&entry.path());
        }
    }
}
