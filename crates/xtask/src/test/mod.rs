//! `cargo xtask test`: every suite, what each needs built first, and one closing line with the sum.
//!
//! Suites learn where things are from the environment (see `environment`), so each can also be run by hand.

mod again;
pub mod counts;

use crate::{
    command::{Finished, Program},
    package, page, project, server, setup, step,
    step::Step,
    tools,
};
use anyhow::Result;
use clap::ValueEnum;
use counts::{Counts, Dialect};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How `test` is asked for.
#[derive(clap::Args)]
pub struct Options {
    /// Only tests with this in their name, in every suite.
    filter: Option<String>,
    /// Only these suites.
    #[arg(long, value_enum, value_delimiter = ',')]
    suite: Vec<Suite>,
}

/// The suites, in the order they run: the quickest news first.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Suite {
    /// cargo test over the workspace.
    Rust,
    /// tests/js: the built package in Node.
    Node,
    /// tests/consumers: projects that install the packed package.
    Consumers,
    /// tests/browser: the page and the package in headless Chromium.
    Browser,
    /// tests/peers: other people's clients against our server.
    Peers,
}

/// Longer than any suite should take; a hang is reported, not waited for.
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// Runs the suites and prints the closing line.
///
/// # Errors
/// When something cannot be built, or any test failed.
pub fn run(options: &Options) -> Result<()> {
    let chosen = |suite: &Suite| options.suite.is_empty() || options.suite.contains(suite);
    let suites: Vec<Suite> = Suite::value_variants().iter().copied().filter(chosen).collect();
    if suites.iter().any(|suite| matches!(suite, Suite::Node | Suite::Consumers | Suite::Browser)) {
        package::run(&package::Options::default())?;
    }
    if suites.contains(&Suite::Consumers) {
        setup::for_consumers()?;
        setup::for_browsers()?;
    }
    if suites.contains(&Suite::Rust) {
        setup::for_images();
        setup::for_terminals();
    }
    if suites.contains(&Suite::Browser) {
        setup::for_browsers()?;
        setup::for_gateways();
        page::build()?;
    }
    if suites.contains(&Suite::Rust) {
        // Makes the command too, which the other suites run: for itself it would be built with other features, and all
        // that it depends on once more.
        step::run("the Rust tests and the server (debug)", |step| workspace().arg("--no-run").run(step).map(drop))?;
    } else {
        server::build(false)?;
    }
    let mut total = Counts::default();
    for suite in suites {
        let filter = options.filter.as_deref();
        let counts = match suite {
            Suite::Rust => rust(filter),
            Suite::Node => node("node tests", "tests/js", filter),
            Suite::Consumers => node("consumer tests", "tests/consumers", filter),
            Suite::Browser => node("chromium tests", "tests/browser", filter),
            Suite::Peers => peers(filter),
        }?;
        total += counts;
    }
    if total.failed > 0 {
        eprintln!("whole outputs are in {}", project::shown(&project::target().join("xtask-logs")));
    }
    println!("{total}");
    if total.failed > 0 { Err(step::Told.into()) } else { Ok(()) }
}

fn rust(filter: Option<&str>) -> Result<Counts> {
    suite("rust tests", Dialect::Cargo, |_, only| {
        // A program that a test needs is there by now, or the test fails: here nothing is left out unseen.
        let cargo = workspace().arg("--no-fail-fast").env("JETWAY_REQUIRE", "1");
        Ok(Some(match only {
            [] => cargo.args(filter),
            names => cargo.args(["--", "--exact"]).args(names),
        }))
    })
}

fn workspace() -> Program {
    Program::cargo().args(["test", "--workspace"])
}

fn node(name: &str, folder: &str, filter: Option<&str>) -> Result<Counts> {
    suite(name, Dialect::Node, |step, only| {
        let mut files: Vec<PathBuf> = only.iter().map(PathBuf::from).collect();
        if files.is_empty() {
            test_files(&project::root().join(folder), &mut files)?;
        }
        if files.is_empty() {
            step.note(format!("no *.test.* files in {folder}"));
            return Ok(None);
        }
        files.sort();
        let program = Program::new("node").args(["--test", "--test-reporter=spec"]);
        let program = program.args(filter.map(|filter| format!("--test-name-pattern={filter}"))).args(files);
        Ok(Some(environment(program)))
    })
}

fn peers(filter: Option<&str>) -> Result<Counts> {
    let folder = project::root().join("tests/peers");
    if tools::on_path("python3").is_none() {
        return step::run("peer tests", |step| {
            step.note("skipped: there is no python3 on the PATH");
            Ok(Counts { skipped: 1, ..Counts::default() })
        });
    }
    let python = step::run("python for other people's clients", setup::python::ensure)?;
    suite("peer tests", Dialect::Pytest, |_, only| {
        let program = Program::new(&python).args(["-m", "pytest", "--color=no"]);
        let program = if only.is_empty() { program.arg(&folder) } else { program.args(only) };
        Ok(Some(environment(program.args(filter.into_iter().flat_map(|filter| ["-k", filter])))))
    })
}

/// Makes the program of a suite: for all of its tests, or only for those named.
trait Plan: Fn(&Step, &[String]) -> Result<Option<Program>> {}
impl<F: Fn(&Step, &[String]) -> Result<Option<Program>>> Plan for F {}

/// Runs one suite as a step. Its failures are counted, not returned: the others still run.
fn suite(name: &str, dialect: Dialect, plan: impl Plan) -> Result<Counts> {
    let mut counts = Counts::default();
    let outcome = step::run(name, |step| {
        let Some((mut read, finished)) = run_once(dialect, step, &plan, &[])? else { return Ok(()) };
        let mut flaky = Vec::new();
        if read.failed > 0 {
            again::details(dialect, &finished.lines).into_iter().for_each(|line| step.say(line));
            flaky = again::candidates(dialect, &finished.lines);
        }
        if !flaky.is_empty() {
            step.say(&format!("again, alone: {}", flaky.join(", ")));
            match run_once(dialect, step, &plan, &flaky)? {
                Some((second, _)) if second.failed == 0 && second.passed > 0 => {
                    read.flaky = std::mem::take(&mut read.failed);
                    step.say(&format!("flaky, passed when run again: {}", flaky.join(", ")));
                }
                _ => {}
            }
        }
        counts = read;
        step.note(read.to_string());
        match read.failed {
            0 if read.flaky > 0 || finished.status.success() => Ok(()),
            _ => Err(finished.complaint(&format!("{read} ({})", finished.status))),
        }
    });
    if let Err(error) = outcome {
        eprintln!("{error:#}\n");
        counts.failed = counts.failed.max(1);
    }
    Ok(counts)
}

fn run_once(dialect: Dialect, step: &Step, plan: &impl Plan, only: &[String]) -> Result<Option<(Counts, Finished)>> {
    let Some(program) = plan(step, only)? else { return Ok(None) };
    let finished = program.limit(LIMIT).finish(step)?;
    match counts::read(dialect, &finished.lines) {
        Some(read) => Ok(Some((read, finished))),
        None => Err(finished.complaint(&format!("no summary in the output ({})", finished.status))),
    }
}

/// Where a suite finds what was built: the same names for every language.
fn environment(program: Program) -> Program {
    let program = program
        .env("JETWAY_BIN", project::jetway_binary(false))
        .env("JETWAY_PACKAGE", project::npm_package())
        .env("JETWAY_TARBALL", project::npm_tarball());
    match tools::chromium() {
        Some(chromium) => program.env("JETWAY_CHROMIUM", chromium),
        None => program,
    }
}

/// `*.test.js`, `.mjs` and `.cjs` below a folder, installed packages excepted.
fn test_files(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "node_modules" {
            test_files(&path, found)?;
        } else if [".test.js", ".test.mjs", ".test.cjs"].iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
    Ok(())
}
