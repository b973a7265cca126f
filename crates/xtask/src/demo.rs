//! `cargo xtask demo`: everything built, a server started, and the packed npm package put to work against it.
//!
//! The scripts are `tests/demo/*.mjs`. They run inside a scratch project that has installed the packed tarball, as a
//! consumer of the package would.

use crate::{children, command::Program, package, page, project, server, setup, step, step::took};
use anyhow::{Context, Result, anyhow};
use std::path::Path;
use std::time::{Duration, Instant};

/// How `demo` is asked for.
#[derive(clap::Args)]
pub struct Options {
    /// Check everything, in Node and in headless Chromium, and exit; without it, run Python once and keep serving.
    #[arg(long)]
    check: bool,
}

/// What each script proves, in order. The first one is also the demo without `--check`.
const IN_NODE: (&str, &str) = ("(a) node: ten lines of Python arrive live", "node-live.mjs");
const IN_CHROMIUM: &[(&str, &str)] = &[
    ("(b) page: Run shows ten lines live", "page-live.mjs"),
    ("(c) chromium: a process asks three times", "browser-interactive.mjs"),
    ("(d) chromium: a shell follows its window", "browser-resize.mjs"),
];

/// Builds, starts, shows.
///
/// # Errors
/// When a part fails; the error says which.
pub fn run(options: &Options) -> Result<()> {
    let start = Instant::now();
    let tarball = package::run(&package::Options::default())?;
    if options.check {
        setup::for_browsers()?;
    }
    page::build()?;
    let binary = server::build(true)?;

    let scratch = children::scratch("jetway-demo-")?;
    let consumer = scratch.path().join("consumer");
    step::run("a consumer installs the packed package", |step| install(&tarball, &consumer, step))?;
    let mut server = server::Server::start(&binary, scratch.path())?;
    let shown = show(options, &consumer, &server.ready);
    shown.map_err(|error| anyhow!("{error:#}\n{}", server.log_tail()))?;

    if options.check {
        server.stop()?;
        step::heading(&format!("demo: all of it works ({})", took(start.elapsed())));
        return Ok(());
    }
    step::heading(&format!("ready after {}", took(start.elapsed())));
    println!(
        "\n  open    {}\n  server  {}\n  Ctrl-C  ends the server and its sandboxes\n",
        server.ready.launch_url, server.ready.url
    );
    server.keep_serving()
}

fn show(options: &Options, consumer: &Path, ready: &server::Ready) -> Result<()> {
    script(IN_NODE, consumer, ready)?;
    if options.check {
        IN_CHROMIUM.iter().try_for_each(|script_of| script(*script_of, consumer, ready))?;
    }
    Ok(())
}

fn install(tarball: &Path, consumer: &Path, step: &step::Step) -> Result<()> {
    project::make_dir(consumer)?;
    std::fs::write(consumer.join("package.json"), "{ \"private\": true, \"type\": \"module\" }\n")?;
    Program::new("npm")
        .args(["install", "--offline", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"])
        .arg(tarball)
        .dir(consumer)
        .run(step)?;
    let scripts = project::root().join("tests/demo");
    for entry in std::fs::read_dir(&scripts).context("cannot read tests/demo")? {
        let entry = entry?;
        std::fs::copy(entry.path(), consumer.join(entry.file_name()))?;
    }
    step.note(format!("{}, offline", tarball.file_name().unwrap_or_default().to_string_lossy()));
    Ok(())
}

fn script((name, file): (&str, &str), consumer: &Path, ready: &server::Ready) -> Result<()> {
    let pictures = project::target().join("demo");
    project::make_dir(&pictures)?;
    step::run(name, |step| {
        let program = Program::new("node")
            .arg(file)
            .dir(consumer)
            .env("JETWAY_DEMO_URL", &ready.url)
            .env("JETWAY_DEMO_TOKEN", &ready.token)
            .env("JETWAY_DEMO_LAUNCH_URL", &ready.launch_url)
            .env("JETWAY_DEMO_PICTURES", &pictures)
            .env("JETWAY_DEMO_TOOLS", project::root().join("tests/package.json"))
            .limit(Duration::from_secs(90))
            .echo();
        let program = match file.starts_with("node-") {
            true => program,
            false => program.env("JETWAY_CHROMIUM", server::browser()?),
        };
        program.run(step).map(drop)
    })
}
