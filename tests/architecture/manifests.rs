//! Which package may depend on which, and what must not reach the wasm build. Reads Cargo.toml by its lines.

/// Names that a manifest must not list, by the kind of section.
pub struct Wall {
    /// Not in `[dependencies]`, nor for wasm.
    pub wasm: &'static [&'static str],
    /// In no section that ships: dev-dependencies may have them.
    pub shipped: &'static [&'static str],
    /// In no section at all.
    pub anywhere: &'static [&'static str],
}

/// Who must not know whom.
pub const WALLS: &[(&str, Wall)] = &[
    (
        "Cargo.toml",
        Wall {
            wasm: &["tokio", "hyper", "mio", "rustls", "chrono"],
            shipped: &["jetway-server", "jetway-agent", "jetway-cli"],
            anywhere: &["openssl", "native-tls"],
        },
    ),
    // So that the client's tests can run the server in-process.
    ("crates/server/Cargo.toml", Wall { wasm: &[], shipped: &[], anywhere: &["jetway", "jetway-cli"] }),
    // Process one of a sandbox: small, synchronous, no network stack.
    (
        "crates/agent/Cargo.toml",
        Wall { wasm: &[], shipped: &["tokio", "tonic", "prost", "axum"], anywhere: &["jetway", "jetway-server"] },
    ),
    // The first thing that a fresh clone compiles.
    (
        "crates/xtask/Cargo.toml",
        Wall { wasm: &[], shipped: &["tokio", "tonic"], anywhere: &["jetway", "jetway-server", "jetway-agent"] },
    ),
];

/// The lines of a manifest that a wall forbids.
pub fn broken(manifest: &str, wall: &Wall) -> Vec<String> {
    let mut section = String::new();
    let mut found = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line.to_owned();
            // `[dependencies.name]`
            let name = section.trim_matches(['[', ']']).rsplit_once("dependencies.").map(|(_, name)| name.to_owned());
            found.extend(name.and_then(|name| forbidden(&section, &name, wall)));
        } else if section.ends_with("dependencies]") {
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            found.extend(forbidden(&section, name, wall));
        }
    }
    found
}

fn forbidden(section: &str, name: &str, wall: &Wall) -> Option<String> {
    if section.starts_with("[workspace.") || name.is_empty() || name.starts_with('#') {
        return None;
    }
    let for_wasm = section.starts_with("[dependencies") || (section.contains("wasm32") && !section.contains("not("));
    let shipped = !section.contains("dev-dependencies");
    let wrong = wall.anywhere.contains(&name)
        || (shipped && wall.shipped.contains(&name))
        || (for_wasm && wall.wasm.contains(&name));
    wrong.then(|| format!("{section} must not list {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: Wall = Wall { wasm: &["tokio"], shipped: &["server"], anywhere: &["openssl"] };

    #[test]
    fn each_section_has_its_own_rules() {
        let rows = [
            ("[dependencies]\ntokio.workspace = true", 1),
            ("[dependencies]\ntokio = \"1\"", 1),
            ("[dependencies.tokio]\nversion = \"1\"", 1),
            ("[target.'cfg(target_arch = \"wasm32\")'.dependencies]\ntokio = \"1\"", 1),
            ("[target.'cfg(not(target_arch = \"wasm32\"))'.dependencies]\ntokio = { workspace = true }", 0),
            ("[dependencies]\ntokio-stream = \"1\"", 0),
            ("[dev-dependencies]\nserver = { path = \"x\" }\ntokio = \"1\"", 0),
            ("[build-dependencies]\nserver = { path = \"x\" }", 1),
            ("[dev-dependencies]\nopenssl = \"1\"", 1),
            ("[workspace.dependencies]\nopenssl = \"1\"", 0),
        ];
        for (manifest, wrong) in rows {
            assert_eq!(broken(manifest, &WALL).len(), wrong, "{manifest}");
        }
    }
}
