//! Builds the playground page, `www/` to `www/dist`, where it is out of date.

use crate::{command::Program, fingerprint::Fingerprint, project, step};
use anyhow::{Result, ensure};

/// Builds the page from the npm package that `package` left.
///
/// # Errors
/// When the build fails.
pub fn build() -> Result<()> {
    step::run("page", |step| {
        let www = project::root().join("www");
        let stamp = project::target().join("npm/.page-stamp");
        let mut inputs = Fingerprint::default().path(&project::npm_package())?;
        for entry in std::fs::read_dir(&www)? {
            let entry = entry?;
            if entry.file_name() != "dist" && entry.file_name() != "node_modules" {
                inputs = inputs.path(&entry.path())?;
            }
        }
        let page = www.join("dist/index.html");
        if inputs.matches(&stamp) && page.is_file() {
            step.note("www/dist is up to date");
            return Ok(());
        }
        Program::new("npm").args(["run", "--silent", "build"]).dir(&www).run(step)?;
        ensure!(page.is_file(), "`npm run build` left no www/dist/index.html");
        step.note("www/dist");
        inputs.keep(&stamp)
    })
}
