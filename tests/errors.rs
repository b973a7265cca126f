//! The error kinds' one table, compared with the JavaScript classes and their types: who adds a kind is told what is missing.

use std::{collections::BTreeMap, fs, path::Path};

use jetway::ErrorKind;

/// Class name to code and parent's class name, by the table.
fn table() -> BTreeMap<String, (String, String)> {
    let row = |kind: &ErrorKind| {
        let info = kind.info();
        let parent = info.parent.map_or("Error", |parent| parent.info().class);
        (info.class.to_owned(), (info.code.to_owned(), parent.to_owned()))
    };
    ErrorKind::ALL.iter().map(row).collect()
}

fn package() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pkg-template/src")
}

/// The arguments of each `define("code", "Class", Parent)`.
fn defined(source: &str) -> Vec<[String; 3]> {
    let arguments = source.split("define(").skip(1).filter_map(|rest| rest.split_once(')'));
    arguments
        .filter_map(|(arguments, _)| {
            let parts: Vec<_> = arguments.split(',').map(|part| part.trim().trim_matches('"').to_owned()).collect();
            <[String; 3]>::try_from(parts).ok()
        })
        .collect()
}

#[test]
fn every_kind_has_its_javascript_class_with_the_same_code_and_parent() {
    let source = fs::read_to_string(package().join("errors.js")).unwrap_or_else(|error| panic!("errors.js: {error}"));
    let mut classes: BTreeMap<_, _> =
        defined(&source).into_iter().map(|[code, class, parent]| (class, (code, parent))).collect();
    // The function's own parameters look like a call of it.
    classes.remove("name");
    classes.insert("JetwayError".to_owned(), ("jetway_error".to_owned(), "Error".to_owned()));
    assert_eq!(classes, table());
}

#[test]
fn every_kind_has_its_type_with_the_same_parent() {
    let files = fs::read_dir(package()).unwrap_or_else(|error| panic!("pkg-template/src: {error}"));
    let types: String = files
        .filter_map(Result::ok)
        .filter(|file| file.path().to_string_lossy().ends_with(".d.ts"))
        .filter_map(|file| fs::read_to_string(file.path()).ok())
        .collect();
    for (class, (_, parent)) in table() {
        let declaration = format!("export class {class} extends {parent} ");
        assert!(types.contains(&declaration), "no `{declaration}` in the package's types");
    }
}
