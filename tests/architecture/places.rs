//! Where something may stand: the target, JavaScript, the environment, I/O, a host's globals.

use crate::tree::{SourceFile, code};

const TARGET_CFG: &[&str] = &["src/lib.rs", "src/transport/mod.rs", "src/platform/mod.rs"];

/// `cfg(target_…)` outside the three files that choose between two hosts.
pub fn target_cfg(file: &SourceFile) -> Vec<String> {
    if TARGET_CFG.contains(&file.path.as_str()) {
        return Vec::new();
    }
    lines_with(&code(&file.text), &["target_arch", "target_os", "target_family", "target_env"])
        .into_iter()
        .map(|line| format!("{line}: asks about the target; only {TARGET_CFG:?} may"))
        .collect()
}

const BINDINGS: &[&str] =
    &["js_sys", "web_sys", "wasm_bindgen", "wasm_bindgen_futures", "gloo_timers", "serde_wasm_bindgen"];

/// The JavaScript bindings outside the boundary, the web platform and the wasm transports.
pub fn javascript_bindings(file: &SourceFile) -> Vec<String> {
    let may = file.path.starts_with("src/wasm/")
        || file.path == "src/wasm.rs"
        || file.path == "src/platform/web.rs"
        || (file.path.starts_with("src/transport/") && file.path != "src/transport/channel.rs");
    if may {
        return Vec::new();
    }
    let found = lines_with(&code(&file.text), BINDINGS);
    found
        .iter()
        .map(|line| format!("{line}: knows JavaScript; that is for wasm/, platform/web.rs and transport/"))
        .collect()
}

/// Words that a part of the client must not know.
const FORBIDDEN: &[(&str, &[&str], &str)] = &[
    ("src/", &["std::env", "env::var"], "configuration is a value, never the environment"),
    (
        "src/grpc_web/",
        &["async", "await", "prost", "tonic", "tokio", "std::net", "std::io"],
        "bytes in, values out: no I/O",
    ),
    ("src/process/", &["tonic", "tokio"], "the network is transport/ and client/"),
    ("src/sandbox/", &["tonic", "tokio"], "the network is transport/ and client/"),
    ("src/session/", &["tonic", "tokio", "prost"], "the network is transport/ and client/"),
];

/// The forbidden words of a file's folder.
pub fn forbidden_words(file: &SourceFile) -> Vec<String> {
    let rules = FORBIDDEN.iter().filter(|(folder, _, _)| file.path.starts_with(folder));
    let text = code(&file.text);
    let mut broken = Vec::new();
    for (_, words, why) in rules {
        broken.extend(lines_with(&text, words).iter().map(|line| format!("{line}: {why}")));
    }
    broken
}

/// Names that only exist in one host, and the files of the package that may ask for them.
const HOST_GLOBALS: &[&str] = &["process.env", "process.versions", "Deno", "Bun", "require"];
const HOST_FILES: &[&str] =
    &["node.js", "deno.js", "bun.js", "workerd.js", "inline.js", "index.js", "environment.js", "http2.js"];

/// A host's globals outside the loaders and the one environment file.
pub fn host_globals(file: &SourceFile) -> Vec<String> {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    // Remote functions are code for another host, whose names they must know.
    let is_for_elsewhere = file.path.starts_with("pkg-template/src/function/");
    if HOST_FILES.contains(&name) || name.contains(".d.") || is_for_elsewhere {
        return Vec::new();
    }
    let found = lines_with(&code(&file.text), HOST_GLOBALS);
    found.iter().map(|line| format!("{line}: asks about the host; only {HOST_FILES:?} may")).collect()
}

/// The numbers of the lines that hold one of `words` as a word of its own.
fn lines_with(code: &str, words: &[&str]) -> Vec<usize> {
    let part_of_a_word = |c: char| c.is_alphanumeric() || c == '_';
    let holds = |line: &str, word: &str| {
        line.match_indices(word).any(|(at, _)| {
            !line[..at].ends_with(part_of_a_word) && !line[at + word.len()..].starts_with(part_of_a_word)
        })
    };
    let lines = code.lines().enumerate();
    lines.filter(|(_, line)| words.iter().any(|word| holds(line, word))).map(|(number, _)| number + 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_target_cfg_elsewhere_is_found() {
        let text = "//! cfg(target_arch)\n#[cfg(target_arch = \"wasm32\")]\nuse a;\nif cfg!(target_os = \"linux\") {}";
        assert_eq!(target_cfg(&file("src/client/exec.rs", text)).len(), 2);
        assert!(target_cfg(&file("src/lib.rs", text)).is_empty());
    }

    #[test]
    fn javascript_elsewhere_is_found() {
        let text = "use js_sys::Array;\nfn f(v: wasm_bindgen::JsValue) {}\nlet my_js_sys_thing = 1;";
        assert_eq!(javascript_bindings(&file("src/sandbox/mod.rs", text)).len(), 2);
        assert_eq!(javascript_bindings(&file("src/transport/channel.rs", text)).len(), 2);
        assert!(javascript_bindings(&file("src/wasm/sandbox.rs", text)).is_empty());
        assert!(javascript_bindings(&file("src/platform/web.rs", text)).is_empty());
    }

    #[test]
    fn the_environment_and_io_are_found() {
        assert_eq!(forbidden_words(&file("src/config.rs", "let a = std::env::var(\"X\");")).len(), 1);
        assert_eq!(forbidden_words(&file("src/grpc_web/frame.rs", "pub async fn f() {}\nuse tokio::x;")).len(), 2);
        assert!(forbidden_words(&file("src/grpc_web/frame.rs", "fn asynchronous() {} // async")).is_empty());
    }

    #[test]
    fn a_host_global_outside_the_loaders_is_found() {
        let text = "const a = process.env.X;\nif (globalThis.Deno) {}\n// Deno\nconst processed = 1;";
        assert_eq!(host_globals(&file("pkg-template/src/sandbox.js", text)).len(), 2);
        assert!(host_globals(&file("pkg-template/src/environment.js", text)).is_empty());
        assert!(host_globals(&file("pkg-template/src/index.d.ts", text)).is_empty());
    }
}
