//! `code`: once, and as a dialogue.

use std::fs;

use crate::{
    harness::{Site, wait_for},
    pty::Terminal,
};

#[test]
fn code_runs_once_and_remembers_in_its_sandbox() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    let code = |rest: &[&str]| site.jetway(&[&["code", &id], rest].concat());
    code(&["-c", "x = 41\nprint('out')\nx + 1"]).is(0, "out\n42\n", "");
    site.jetway_with(&["code", &id], b"import sys; print(x); print('err', file=sys.stderr)").is(0, "41\n", "err\n");
    fs::write(site.path("file.py"), "x += 1\nprint(x, end='')").unwrap();
    code(&["-f", "file.py"]).is(0, "42\n", "");
    let said = code(&["-c", "1 / 0"]);
    assert_eq!((said.code, &*said.stdout), (1, ""));
    assert!(said.stderr.ends_with("ZeroDivisionError: division by zero\n"), "{}", said.stderr);
    let said = code(&["-c", "y = 1\nwhile True: pass", "--timeout", "300ms"]);
    assert_eq!(said.code, 124);
    assert!(said.stderr.contains("time is over"), "{}", said.stderr);
    code(&["-c", "y"]).is(0, "1\n", "");
    code(&["-l", "bash", "-c", "echo $((6 * 7))"]).is(0, "42\n", "");
    assert_eq!(code(&["-l", "cobol", "-c", "x"]).code, 2);
    assert_eq!(code(&["-f", "none.py"]).code, 1);
    // One of its own is gone afterwards.
    site.jetway(&["code", "-c", "6 * 7"]).is(0, "42\n", "");
    wait_for("its end", || (site.running() == [&*id]).then_some(()));
}

/// What shows a picture without needing a library for it.
const PLOT: &str = "class P:\n  def _repr_png_(self): return b'\\x89PNG\\r\\n\\x1a\\n-picture'\nP()";

#[test]
fn plots_are_saved_and_named() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    site.jetway(&["code", &id, "-c", PLOT]).is(0, "", "jetway: plot saved as plot-1.png\n");
    assert!(fs::read(site.path("plot-1.png")).unwrap().ends_with(b"-picture"));
    // Never over one that is there.
    site.jetway(&["code", &id, "-c", PLOT]).is(0, "", "jetway: plot saved as plot-2.png\n");
    site.jetway(&["code", &id, "-c", PLOT, "--plots", "new/dir"]).is(
        0,
        "",
        "jetway: plot saved as new/dir/plot-1.png\n",
    );
}

#[test]
fn a_terminal_that_can_shows_plots() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    let mut terminal = Terminal::start(site.command(&["code", &id]), 80, 24);
    terminal.expect("\u{1b}[c");
    terminal.type_keys("\u{1b}_Gi=31;OK\u{1b}\\\u{1b}[?62;c");
    terminal.expect(">>> ");
    terminal.type_keys("class P:\r  def _repr_png_(self): return b'\\x89PNG'\r\r");
    terminal.expect(">>> ");
    terminal.type_keys("P()\r");
    terminal.expect("\u{1b}_Ga=T,f=100,q=2,m=0;iVBORw==\u{1b}\\");
    terminal.type_keys("\x04");
    assert_eq!(terminal.exit_code(), 0);
}

#[test]
fn a_dialogue_has_blocks_a_history_and_ctrl_c() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    let start = || {
        let terminal = Terminal::start(site.command(&["code", &id]), 80, 24);
        terminal.expect("\u{1b}[c");
        terminal.type_keys("\u{1b}[?62;c");
        terminal.expect(">>> ");
        terminal
    };
    let mut terminal = start();
    let before = terminal.initial_mode();
    terminal.type_keys("for n in range(3):\r    print('n', n * 7)\r\r");
    terminal.expect("n 14\r\n");
    terminal.expect(">>> ");
    terminal.type_keys("word = 'kept'; word * 2\r");
    terminal.expect("'keptkept'\r\n");
    terminal.expect(">>> ");
    // Dropped, not run.
    terminal.type_keys("word = 'lost'\x03");
    terminal.expect(">>> ");
    // Interrupted; what it knows stays.
    terminal.type_keys("import time; print('beg' + 'un'); time.sleep(600)\r");
    terminal.expect("begun\r\n");
    terminal.type_keys("\x03");
    terminal.expect("KeyboardInterrupt");
    terminal.expect(">>> ");
    terminal.type_keys("1 / 0\r");
    terminal.expect("division by zero");
    terminal.expect(">>> ");
    terminal.type_keys(":quit\r");
    assert_eq!(terminal.exit_code(), 0);
    assert_eq!(terminal.mode(), before);

    // Another day: the interpreter and the history are still there.
    let mut terminal = start();
    terminal.type_keys("word + '!'\r");
    terminal.expect("'kept!'\r\n");
    terminal.expect(">>> ");
    terminal.type_keys("\x1b[A\x1b[A\x1b[A\x1b[A\x1b[A\r");
    terminal.expect("'keptkept'\r\n");
    terminal.expect(">>> ");
    terminal.type_keys(":restart\r");
    terminal.expect("A new interpreter.\r\n");
    terminal.expect(">>> ");
    terminal.type_keys("word\r");
    terminal.expect("NameError");
    terminal.expect(">>> ");
    terminal.type_keys("\x04");
    assert_eq!(terminal.exit_code(), 0);
}

#[test]
fn a_dialogue_that_is_ended_gives_the_terminal_back() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    let mut terminal = Terminal::start(site.command(&["code", &id, "--plots", "."]), 80, 24);
    let before = terminal.initial_mode();
    terminal.expect(">>> ");
    wait_for("raw mode", || (terminal.mode() != before).then_some(()));
    crate::harness::signal(terminal.child(), rustix::process::Signal::TERM);
    assert_eq!(terminal.exit_code(), 143);
    assert_eq!(terminal.mode(), before);
}
