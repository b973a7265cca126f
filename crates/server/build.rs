//! Generates the services and wire types from the repository's `proto/` with protox: no protoc on anybody's machine.

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
    let proto = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    let files = protox::compile(PROTOS, [proto])?;
    tonic_prost_build::configure().build_client(false).bytes(".").compile_fds(files)?;
    Ok(())
}
