//! Generates the services and wire types from the repository's `proto/` with protox: no protoc on anybody's machine.
//! Clients are generated too: the wire tests drive the server with them.

use std::{env, error::Error, path::PathBuf};

const PROTOS: &[&str] = &[
    "coreweave/sandbox/v1/sandbox.proto",
    "coreweave/sandbox/v1/sandbox_data_plane.proto",
    "coreweave/sandbox/v1/discovery.proto",
    "coreweave/sandbox/v1/sandbox_template.proto",
    "coreweave/sandbox/v1/settings.proto",
    "coreweave/sandbox/v1/volume.proto",
    "jetway/v1/jetway.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=../../proto");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../..");
    // Release builds embed the page, so a page built later must reach them. Debug builds read it from disk.
    if env::var("PROFILE")? == "release" || root.join("www/dist").exists() {
        println!("cargo:rerun-if-changed=../../www/dist");
    }
    let files = protox::compile(PROTOS, [root.join("proto")])?;
    // Ordered maps: the same request always encodes to the same bytes, which is how a replayed request id is recognised.
    tonic_prost_build::configure().build_transport(false).btree_map(".").bytes(".").compile_fds(files)?;
    Ok(())
}
