//! xterm.js for the package's custom elements, with what they need of its add-ons: modules of their own, so that only
//! pages with a terminal load them, and no bundler has to be told.

use super::assemble::{esbuild, outfile};
use crate::{project, step::Step};
use anyhow::Result;
use std::path::Path;

/// The library in the bundles. Its add-ons are the same people's, under the same licence, and not all carry its text.
pub const LIBRARY: &str = "@xterm/xterm";

/// Turns `xterm.js` and `xterm_webgl.js` into modules that import nothing.
///
/// # Errors
/// When a library is missing, or esbuild refuses the code.
pub fn write(code: &Path, step: &Step) -> Result<()> {
    for name in ["xterm.js", "xterm_webgl.js"] {
        let module = code.join(name);
        esbuild()
            .env("NODE_PATH", project::root().join("tests/node_modules").as_os_str())
            .arg(&module)
            .args(["--bundle", "--minify", "--format=esm", "--target=es2022", "--platform=browser"])
            .args(["--loader:.css=text", "--legal-comments=none", "--allow-overwrite"])
            .arg(outfile(&module))
            .run(step)?;
    }
    Ok(())
}
