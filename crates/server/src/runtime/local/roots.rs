//! What a container's root is built on, and the overlays that make it one.
//! Must not know: images' names, agents.

use std::path::{Path, PathBuf};

use jetway_agent::protocol::{Lower, Overlay};

use super::host_view;
use crate::runtime::ImageView;

/// A root before it is mounted.
#[derive(Debug, Clone)]
pub struct Root {
    /// The sandbox's root may read everything in them.
    layers: Vec<PathBuf>,
    /// The host's `/usr` and its like go below them.
    host: bool,
    view: ImageView,
}

impl Root {
    /// The host view whose layer directory is `directory`.
    pub fn host(directory: &Path, view: ImageView) -> Root {
        Root { layers: host_view::LAYERS.map(|name| directory.join(name)).to_vec(), host: true, view }
    }

    /// An image: its layers, the topmost first.
    pub fn image(layers: Vec<PathBuf>, view: ImageView) -> Root {
        Root { layers, host: false, view }
    }

    /// Whether it is an image's, and not the host view.
    pub fn is_image(&self) -> bool {
        !self.host
    }

    /// The directories of the server's own that it is built on, the topmost first.
    pub fn layers(&self) -> &[PathBuf] {
        &self.layers
    }

    /// How the image is served.
    pub fn view(&self) -> &ImageView {
        &self.view
    }

    /// The overlays in mounting order. `passed` says that the layers come along as mounts, in their order.
    pub fn overlays(&self, passed: bool) -> Vec<Overlay> {
        let own = |index: usize| if passed { Lower::Passed(index) } else { path(&self.layers[index]) };
        if !self.host {
            return vec![overlay("", "root", (0..self.layers.len()).map(own).collect())];
        }
        let mut overlays =
            vec![overlay("", "root", vec![own(0)]), overlay("usr", "usr", vec![own(1), path(Path::new("/usr"))])];
        // Only on systems that keep these apart from /usr.
        for name in host_view::SYSTEM {
            let directory = Path::new("/").join(name);
            if directory.is_dir() && !directory.is_symlink() {
                overlays.push(overlay(name, name, vec![path(&directory)]));
            }
        }
        overlays
    }

    /// The directories that the overlays write to.
    pub fn writable(&self) -> Vec<String> {
        self.overlays(false).into_iter().flat_map(|overlay| [overlay.upper, overlay.work]).collect()
    }
}

fn path(path: &Path) -> Lower {
    Lower::Path(path.as_os_str().as_encoded_bytes().to_vec())
}

fn overlay(target: &str, name: &str, lowers: Vec<Lower>) -> Overlay {
    Overlay { target: target.into(), lowers, upper: format!("{name}.upper"), work: format!("{name}.work") }
}
