//! The walls of `docs/architecture.md`, enforced: who may import whom, where the host may be asked about, how long a file
//! may be. Each rule is a pure function over a file's text with its own tests; here they meet the real tree.

#[path = "architecture/imports.rs"]
mod imports;
#[path = "architecture/manifests.rs"]
mod manifests;
#[path = "architecture/places.rs"]
mod places;
#[path = "architecture/shape.rs"]
mod shape;
#[path = "architecture/tree.rs"]
mod tree;

use tree::SourceFile;

/// Runs `rule` over `files` and fails with every line it returns.
fn enforce(files: &[SourceFile], rule: impl Fn(&SourceFile) -> Vec<String>) {
    assert!(!files.is_empty(), "the rule has lost its files");
    let broken: Vec<String> = files
        .iter()
        .flat_map(|file| rule(file).into_iter().map(move |what| format!("{}: {what}", file.path)))
        .collect();
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn client_modules_import_only_what_the_table_allows() {
    enforce(&tree::rust("src"), |file| imports::broken(&imports::CLIENT, "src", file));
}

#[test]
fn server_floors_never_call_upward() {
    enforce(&tree::rust("crates/server/src"), |file| imports::broken(&imports::SERVER, "crates/server/src", file));
}

#[test]
fn the_target_is_asked_about_in_three_files_only() {
    enforce(&tree::rust("src"), places::target_cfg);
}

#[test]
fn javascript_is_known_to_the_boundary_only() {
    enforce(&tree::rust("src"), places::javascript_bindings);
}

#[test]
fn the_client_never_reads_the_environment_and_the_frames_know_no_io() {
    enforce(&tree::rust("src"), places::forbidden_words);
}

#[test]
fn the_host_of_the_package_is_known_to_its_loaders_only() {
    enforce(&tree::javascript("pkg-template"), places::host_globals);
}

#[test]
fn files_stay_short() {
    enforce(&tree::all(), shape::too_long);
}

#[test]
fn the_list_of_long_files_only_shrinks() {
    let files = tree::all();
    assert_eq!(shape::outdated_allowances(&files), Vec::<String>::new());
}

#[test]
fn no_file_is_named_after_nothing() {
    enforce(&tree::all(), shape::nameless);
}

#[test]
fn every_rust_file_says_what_it_is_for() {
    let mut files = tree::rust("");
    files.retain(|file| !file.path.starts_with("target/"));
    enforce(&files, shape::undocumented);
}

#[test]
fn packages_depend_downward() {
    for (manifest, wall) in manifests::WALLS {
        let text = tree::read(manifest);
        assert_eq!(manifests::broken(&text, wall), Vec::<String>::new(), "{manifest}");
    }
}
