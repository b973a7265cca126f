//! `cargo xtask peers`: the whole integration suite that PyPI's `cwsandbox` ships in its source archive, as it is,
//! against a fresh server of ours. Says what passed, failed and was skipped, and which tests one machine cannot serve.
//!
//! Must not know what the tests do: `tests/peers/beyond.txt` names the ones that cannot pass here.

use crate::{
    children,
    command::{Finished, Program},
    project, server,
    setup::{self, python},
    step::{self, Step},
    test::counts::{self, Counts, Dialect},
    tools,
};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How `peers` is asked for.
#[derive(clap::Args)]
pub struct Options {
    /// Only tests that this pytest expression selects.
    filter: Option<String>,
    /// Against the release build.
    #[arg(long)]
    release: bool,
    /// Make the images that the suite names from Debian's packages, and pull them from a registry on loopback (needs root
    /// and debootstrap; some minutes the first time). They stand in for the real ones.
    #[arg(long)]
    images: bool,
    /// Run the server as this user id, e.g. 54321 (needs root).
    #[arg(long, value_name = "UID")]
    user: Option<u32>,
}

/// What cannot pass on one machine, and why.
const BEYOND: &str = "tests/peers/beyond.txt";
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// Fetches the suite, starts a server, runs it, says what came of it.
///
/// # Errors
/// When something cannot be had, or a test failed that should pass here.
pub fn run(options: &Options) -> Result<()> {
    let binary = server::build(options.release)?;
    let python = step::run("python for other people's clients", python::ensure)?;
    let suite = step::run("cwsandbox's source archive", |step| fetch(&python, step))?;
    let beyond = beyond()?;
    let scratch = children::scratch("jetway-peers-")?;
    let binary = match options.user {
        Some(id) => hand_over(&binary, scratch.path(), id)?,
        None => binary,
    };
    if options.images {
        setup::for_images();
        step::run("images from a registry of our own", |step| images(&binary, scratch.path(), options.user, step))?;
    }
    let server = server::Server::start_as(options.user, &binary, scratch.path())?;
    let (finished, counts) = step::run("cwsandbox's integration suite", |step| {
        let finished = pytest(&python, &suite, scratch.path(), &server, options, step)?;
        let Some(counts) = counts::read(Dialect::Pytest, &finished.lines) else {
            return Err(finished.complaint(&format!("no summary in the output ({})", finished.status)));
        };
        step.note(counts.to_string());
        Ok((finished, counts))
    })?;
    server.stop()?;
    conclude(&finished, counts, &beyond)
}

/// Gives the directory to a user, with a copy of the program that the user can reach.
fn hand_over(binary: &Path, dir: &Path, user: u32) -> Result<PathBuf> {
    let copy = dir.join("jetway");
    fs::copy(binary, &copy)?;
    for path in [dir, &copy] {
        chown(path, Some(user), Some(user)).with_context(|| format!("cannot give {} away", project::shown(path)))?;
    }
    Ok(copy)
}

fn images(binary: &Path, dir: &Path, user: Option<u32>, step: &Step) -> Result<()> {
    let registry = tools::on_path(setup::REGISTRY).unwrap_or_else(setup::unpacked_registry);
    let finished = Program::new("python3")
        .arg(project::root().join("tests/peers/images.py"))
        .arg(binary)
        .arg(dir.join("data"))
        .arg(project::target().join("peers-images"))
        .arg(registry)
        .args(user.map(|id| id.to_string()))
        .limit(LIMIT)
        .hint("install debootstrap and run this as root")
        .run(step)?;
    finished.lines.iter().filter(|line| line.contains("Debian")).for_each(|line| step.say(line));
    Ok(())
}

fn pytest(
    python: &Path,
    suite: &Path,
    data: &Path,
    server: &server::Server,
    options: &Options,
    step: &Step,
) -> Result<Finished> {
    let mut program = Program::new(python)
        .args(["-m", "pytest", "tests/integration", "--override-ini=addopts=", "--color=no", "-p", "no:cacheprovider"])
        .args(["--timeout=180", "-v", "-rfEs"])
        .dir(suite)
        .limit(LIMIT);
    // Nothing of the developer's own account: the suite must meet this server only.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CWSANDBOX_") || name.starts_with("WANDB_")) {
        program = program.without_env(&name);
    }
    program = program
        .env("CWSANDBOX_BASE_URL", server.ready.url.trim_end_matches('/'))
        .env("CWSANDBOX_API_KEY", &server.ready.token)
        // HTTPS endpoints are certified by the server's own authority.
        .env("SSL_CERT_FILE", data.join("data/ca.pem"));
    program.args(options.filter.iter().flat_map(|filter| ["-k", filter])).finish(step)
}

/// Downloads and unpacks the archive of the version that the requirements name, once.
fn fetch(python: &Path, step: &Step) -> Result<PathBuf> {
    let version = version()?;
    let folder = project::target().join("peers-suite");
    let suite = folder.join(format!("cwsandbox-{version}"));
    if suite.join("tests/integration").is_dir() {
        step.note(format!("{version}, {}", project::shown(&suite)));
        return Ok(suite);
    }
    project::make_dir(&folder)?;
    Program::new(python)
        .args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-binary", ":all:"])
        .arg("--dest")
        .arg(&folder)
        .arg(format!("cwsandbox=={version}"))
        .limit(Duration::from_secs(600))
        .hint("check that pip reaches its index, then repeat")
        .run(step)?;
    let archive = folder.join(format!("cwsandbox-{version}.tar.gz"));
    Program::new(python).args(["-m", "tarfile", "-e"]).arg(&archive).arg(&folder).run(step)?;
    if !suite.join("tests/integration").is_dir() {
        bail!("{} holds no tests/integration", project::shown(&archive));
    }
    step.note(format!("{version}, downloaded"));
    Ok(suite)
}

fn version() -> Result<String> {
    let text = fs::read_to_string(project::root().join(python::PEERS))?;
    let line = text.lines().find(|line| line.starts_with("cwsandbox"));
    let version = line.and_then(|line| line.split_once("==")).map(|(_, version)| version.trim().to_owned());
    version.with_context(|| format!("{} pins no version of cwsandbox", python::PEERS))
}

fn beyond() -> Result<BTreeMap<String, String>> {
    let text = fs::read_to_string(project::root().join(BEYOND)).with_context(|| format!("cannot read {BEYOND}"))?;
    Ok(parse_beyond(&text))
}

fn parse_beyond(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.split_once(char::is_whitespace));
    pairs.map(|(name, reason)| (name.to_owned(), reason.trim().to_owned())).collect()
}

/// The names of the tests whose line says `outcome`: `path::name[parameter] PASSED  [ 12%]`.
fn named<'a>(lines: &'a [String], outcome: &'a str) -> impl Iterator<Item = &'a str> {
    lines.iter().filter(|line| line.starts_with("tests/")).filter_map(move |line| {
        let (_, test) = line.rsplit_once("::")?;
        let word = test.rfind(outcome).filter(|at| *at > 0 && test.as_bytes()[at - 1] == b' ')?;
        test[..word].trim_end().split('[').next()
    })
}

fn conclude(finished: &Finished, counts: Counts, beyond: &BTreeMap<String, String>) -> Result<()> {
    for line in finished.lines.iter().filter(|line| line.starts_with("SKIPPED [")) {
        eprintln!("     {line}");
    }
    let bad: Vec<&str> = ["FAILED", "ERROR"].into_iter().flat_map(|word| named(&finished.lines, word)).collect();
    let (known, news): (Vec<&str>, Vec<&str>) = bad.into_iter().partition(|name| beyond.contains_key(*name));
    if !known.is_empty() {
        eprintln!("     one machine without accounts cannot serve:");
        known.iter().for_each(|name| eprintln!("       {name}: {}", beyond[*name]));
    }
    for name in named(&finished.lines, "PASSED").filter(|name| beyond.contains_key(*name)) {
        eprintln!("     {name} passed although {BEYOND} says it cannot; strike it out there");
    }
    news.iter().for_each(|name| eprintln!("FAIL {name}"));
    let Counts { passed, failed, skipped, .. } = counts;
    println!(
        "{passed} passed, {failed} failed ({} of them beyond one machine), {skipped} skipped; whole output: {}",
        known.len(),
        project::shown(&finished.log)
    );
    // A collection error names no test.
    let unexplained = failed > known.len() as u64;
    if unexplained || !news.is_empty() { Err(step::Told.into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_read_from_the_lines_that_name_tests() {
        let text = "tests/integration/a.py::test_one PASSED   [  1%]\n\
            tests/integration/a.py::test_two[x y] FAILED [  2%]\n\
            FAILED tests/integration/a.py::test_two[x y] - assert 1 == 2\n\
            tests/integration/b.py::test_three SKIPPED (why) [  3%]";
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        assert_eq!(named(&lines, "PASSED").collect::<Vec<_>>(), ["test_one"]);
        assert_eq!(named(&lines, "FAILED").collect::<Vec<_>>(), ["test_two"]);
    }

    #[test]
    fn the_list_of_what_cannot_pass_has_a_reason_for_each() {
        let text = fs::read_to_string(project::root().join(BEYOND)).unwrap();
        let beyond = parse_beyond(&text);
        assert!(!beyond.is_empty());
        assert!(beyond.iter().all(|(name, reason)| name.starts_with("test_") && reason.len() > 20), "{beyond:?}");
        assert_eq!(parse_beyond("# no\ntest_a   because of b\n").get("test_a").unwrap(), "because of b");
    }
}
