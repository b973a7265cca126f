//! Who may import whom: a table per crate, read against every path that starts at the crate's root.

use crate::tree::{SourceFile, code};

/// A module and the modules of the same crate that it may name. A module may always name itself.
pub type Row = (&'static str, &'static [&'static str]);

/// The client's table. `lib` and `wire` are the crate's root and the generated types.
pub const CLIENT: [Row; 16] = [
    ("grpc_web", &[]),
    ("platform", &[]),
    ("error", &[]),
    // Interceptors are told how calls went.
    ("config", &["error"]),
    ("wire", &[]),
    ("transport", &["platform", "grpc_web", "error"]),
    ("client", &["transport", "grpc_web", "platform", "error", "config", "wire"]),
    ("process", &["client", "platform", "error", "wire"]),
    ("sandbox", &["process", "client", "platform", "error", "config", "wire"]),
    ("catalog", &["sandbox", "client", "error", "wire"]),
    // Natively only.
    ("disk", &["sandbox", "process", "error"]),
    ("cloud", &["client", "error", "wire"]),
    ("code", &["sandbox", "process", "client", "error", "platform"]),
    ("session", &["sandbox", "process", "client", "platform", "error", "config"]),
    // Tests of the whole engine, from above.
    ("engine_tests", &["session", "sandbox", "client", "config", "error", "wire"]),
    ("wasm", &["session", "catalog", "cloud", "code", "sandbox", "process", "client", "config", "error", "platform"]),
];

/// The server's floors, top to bottom; a floor may use what is below it.
pub const SERVER: [Row; 17] = [
    (
        "server",
        &[
            "front",
            "service",
            "supervisor",
            "egress",
            "runtime",
            "store",
            "images",
            "secrets",
            "tokens",
            "config",
            "identity",
            "wire",
        ],
    ),
    // Beside the front, from whose pieces it is made.
    ("proxy", &["server", "front", "service", "tokens", "config", "identity", "wire"]),
    ("front", &["service", "supervisor", "runtime", "hello", "tokens", "trace", "config", "identity", "wire"]),
    (
        "service",
        &[
            "supervisor",
            "egress",
            "runtime",
            "store",
            "images",
            "secrets",
            "tokens",
            "trace",
            "config",
            "identity",
            "wire",
        ],
    ),
    ("supervisor", &["egress", "runtime", "store", "images", "trace", "config", "identity", "wire"]),
    ("egress", &["runtime", "hello"]),
    ("hello", &[]),
    ("runtime", &["images", "trace", "config", "identity"]),
    ("store", &["config", "identity"]),
    ("images", &["config", "identity"]),
    ("secrets", &[]),
    ("config", &["secrets"]),
    ("identity", &["config"]),
    ("tokens", &[]),
    ("trace", &[]),
    ("wire", &[]),
    ("page", &[]),
];

/// What a file imports against the table. `source` is the crate's `src` folder.
pub fn broken(table: &[Row], source: &str, file: &SourceFile) -> Vec<String> {
    let inside = file.path.strip_prefix(source).unwrap_or(&file.path).trim_start_matches('/').trim_end_matches(".rs");
    let parts: Vec<&str> = inside.split('/').filter(|part| *part != "mod").collect();
    let module = parts[0];
    if matches!(module, "lib" | "main" | "bin" | "build") {
        return Vec::new();
    }
    let Some((_, allowed)) = table.iter().find(|(name, _)| *name == module) else {
        return vec![format!("module `{module}` is not in the table of tests/architecture/imports.rs")];
    };
    let mut wrong: Vec<&str> = Vec::new();
    let text = code(&file.text);
    for name in named_from_root(&text, parts.len()) {
        let is_module = table.iter().any(|(other, _)| *other == name);
        if is_module && name != module && !allowed.contains(&name) && !wrong.contains(&name) {
            wrong.push(name);
        }
    }
    wrong.into_iter().map(|name| format!("`{module}` must not import `{name}`; it may import {allowed:?}")).collect()
}

/// The first names of all paths that start at the crate's root: after `crate::`, and after as many `super::` as reach it.
fn named_from_root(code: &str, depth: usize) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            found.extend(heads(&code[at + "crate::".len()..]));
        }
    }
    let mut rest = code;
    while let Some(at) = rest.find("super::") {
        let mut after = &rest[at..];
        let mut steps = 0;
        while let Some(further) = after.strip_prefix("super::") {
            after = further;
            steps += 1;
        }
        if steps >= depth {
            found.extend(heads(after));
        }
        rest = after;
    }
    found
}

/// `a::b` begins with a; `{a::b, c::{d, e}}` with a and c.
fn heads(after: &str) -> Vec<&str> {
    let Some(group) = after.trim_start().strip_prefix('{') else { return word(after).into_iter().collect() };
    let mut heads = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                heads.extend(word(&group[start..at]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                heads.extend(word(&group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    heads
}

fn word(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    (end > 0).then(|| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(path: &str, text: &str) -> Vec<String> {
        broken(&CLIENT, "src", &SourceFile { path: path.to_owned(), text: text.to_owned() })
    }

    #[test]
    fn an_upward_import_is_found_however_it_is_written() {
        for text in [
            "use crate::sandbox::Sandbox;",
            "use crate::{error::Error, sandbox::{Sandbox, State}};",
            "use crate::{\n    error::{a, b},\n    sandbox,\n};",
            "fn f() -> crate::sandbox::Sandbox {}",
            "use super::super::sandbox::Sandbox;",
            "use super::super::{error, sandbox};",
        ] {
            let wrong = client("src/client/exec.rs", text);
            assert_eq!(wrong.len(), 1, "{text}: {wrong:?}");
            assert!(wrong[0].contains("`client` must not import `sandbox`"), "{wrong:?}");
        }
        assert_eq!(client("src/client/mod.rs", "use super::sandbox;").len(), 1);
        assert_eq!(client("src/config.rs", "use super::client::Client;").len(), 1);
    }

    #[test]
    fn what_the_table_allows_passes() {
        let text = "use crate::{client::x, error::Error, wire};\nuse super::output::sandbox; // crate::session\n\
                    let s = \"crate::session\"; use tonic::{a, b}; use super::sandbox;";
        assert_eq!(client("src/process/exec.rs", text), Vec::<String>::new());
    }

    #[test]
    fn the_frames_import_nothing_of_ours() {
        assert_eq!(client("src/grpc_web/frame.rs", "use crate::error::Error;").len(), 1);
        assert_eq!(client("src/grpc_web/frame.rs", "use crate::grpc_web::trailer; use super::trailer;").len(), 0);
    }

    #[test]
    fn a_module_must_be_in_the_table() {
        assert_eq!(client("src/helpers/x.rs", "").len(), 1);
    }

    #[test]
    fn a_server_floor_may_only_look_down() {
        let file = |path: &str, text: &str| {
            broken(&SERVER, "crates/server/src", &SourceFile { path: path.to_owned(), text: text.to_owned() }).len()
        };
        assert_eq!(file("crates/server/src/store/rows.rs", "use crate::supervisor::State;"), 1);
        assert_eq!(file("crates/server/src/runtime/local/mod.rs", "use crate::{store, service};"), 2);
        assert_eq!(file("crates/server/src/supervisor/life.rs", "use crate::{store, runtime};"), 0);
        assert_eq!(file("crates/server/src/front/cors.rs", "use crate::store::Store;"), 1);
    }
}
