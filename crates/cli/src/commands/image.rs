//! `jetway image`: what the server of this machine can make roots from. Works on the data directory, server or not.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use jetway_server::images::{self, Images, Remote};
use serde_json::{Value, json};

use crate::{
    data_dir, output,
    show::{self, Format},
};

/// Manage the images of this machine's server.
///
/// What is brought in here wins over the host view and over registries. A server that runs sees it at once.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  jetway image import app:1 ./rootfs          a directory that holds a root file system
  docker save app:1 | gzip > app.tar.gz; jetway image import app:1 app.tar.gz
  jetway image pull redis:7
  jetway image pull localhost:5000/redis:7 --as redis:7
  jetway image list
  jetway image remove app:1")]
pub struct Image {
    /// Where the server keeps its state [default: $XDG_DATA_HOME/jetway or ~/.local/share/jetway]
    #[arg(long, value_name = "DIR", env = "JETWAY_DATA_DIR", global = true)]
    data_dir: Option<PathBuf>,

    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Bring in a directory, a tar file, an OCI layout, or what `docker save` wrote
    Import {
        /// What it is to be called, e.g. redis:7
        name: String,
        /// Where it is; archives may be compressed with gzip or zstd
        path: PathBuf,
    },
    /// Fetch an image from its registry; logged in as `docker login` did
    Pull {
        /// Which one, e.g. redis:7 or registry.example/team/app:1
        reference: String,
        /// What it is to be called here [default: the same]
        #[arg(long = "as", value_name = "NAME")]
        name: Option<String>,
    },
    /// List what is here
    #[command(visible_alias = "ls")]
    List {
        /// How to print them
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Remove an image, and the layers that no other one needs
    #[command(visible_alias = "rm")]
    Remove {
        /// Which one
        name: String,
    },
}

/// Does it.
pub fn run(image: Image) -> Result<()> {
    let data_dir = image.data_dir.or_else(data_dir::of_user);
    let data_dir =
        data_dir.context("no home directory is known; say where the server keeps its state with --data-dir DIR")?;
    let images = Images::open(&data_dir)?;
    match image.action {
        Action::Import { name, path } => told("imported", &images.import(&name, &path)?),
        Action::Pull { reference, name } => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
            let name = name.unwrap_or_else(|| reference.clone());
            let pulled = runtime.block_on(async {
                Remote::find(&reference, None, data_dir::docker_config()).await?.fetch(&images, &name).await
            });
            told("pulled", &pulled?)
        }
        Action::List { output } => list(&images, output),
        Action::Remove { name } => {
            let used = || jetway_server::runtime::local::layers_in_use(&data_dir);
            told("removed", &images.remove(&name, used)?)
        }
    }
}

fn told(done: &str, image: &images::Image) -> Result<()> {
    output::print(&format!("{done} {} ({}, {} layers)\n", image.name, image.digest, image.layers.len()))
}

fn list(images: &Images, format: Format) -> Result<()> {
    let found = images.list()?;
    let json = |image: &images::Image| {
        json!({
            "name": image.name, "digest": image.digest, "layers": image.layers, "size": image.size,
            "source": image.source,
        })
    };
    let row = |image: &images::Image| {
        let digest: String = image.digest.chars().skip("sha256:".len()).take(12).collect();
        vec![image.name.clone(), digest, image.layers.len().to_string(), image.source.clone()]
    };
    let table = || show::table(&["IMAGE", "DIGEST", "LAYERS", "SOURCE"], &found.iter().map(row).collect::<Vec<_>>());
    show::print(format, || Value::Array(found.iter().map(json).collect()), table)
}
