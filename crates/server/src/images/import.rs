//! Images from the host's files: a root directory, a tar file of one, an OCI layout, what `docker save` wrote.
//! Must not know: registries.

use std::{fs::File, path::Path};

use super::{
    ImageConfig, ImageError,
    archive::{self, Contents},
    layer::Announced,
    reading::Budget,
    store::{Image, Images, parse},
};

impl Images {
    /// Takes in what lies at `path`, under `name`. An image of that name is replaced. Blocking.
    ///
    /// # Errors
    /// [`ImageError`]; nothing is kept then.
    pub fn import(&self, name: &str, path: &Path) -> Result<Image, ImageError> {
        let name = parse(name)?.whole();
        let _hold = self.hold()?;
        let mut budget = Budget::new(self.bounds);
        let (contents, what) = match path.is_dir() {
            true => match archive::kind(path) {
                Some(kind) => (archive::read(self, path, kind, &mut budget)?, "archive"),
                None => (plain(self.copy_layer(path, &mut budget)?), "directory"),
            },
            false => self.import_file(path, &mut budget)?,
        };
        let source = format!("{what} {}", path.display());
        let Contents { digest, layers, config, size } = contents;
        let image = Image { name, digest, layers, config, size, source };
        self.keep(&image)?;
        Ok(image)
    }

    /// A tar file is unpacked once: either it is the root, or the image's files are read from what came out.
    fn import_file(&self, path: &Path, budget: &mut Budget) -> Result<(Contents, &'static str), ImageError> {
        let file = File::open(path).map_err(ImageError::io(format!("open {}", path.display())))?;
        let unpacked = self.unpack(file, &Announced::default(), budget)?;
        if let Some(kind) = archive::kind(unpacked.draft.path()) {
            return Ok((archive::read(self, unpacked.draft.path(), kind, budget)?, "archive"));
        }
        let empty = std::fs::read_dir(unpacked.draft.path()).map_or(true, |mut entries| entries.next().is_none());
        if empty {
            return Err(ImageError::Unsupported(format!("{} is no tar archive, or an empty one", path.display())));
        }
        unpacked.draft.settle(&self.layer(&unpacked.content))?;
        Ok((plain((unpacked.content, unpacked.size)), "tar file"))
    }
}

/// An image of one layer that says nothing about its processes.
fn plain((layer, size): (String, u64)) -> Contents {
    Contents { digest: layer.clone(), layers: vec![layer], config: ImageConfig::default(), size }
}
