//! What only a terminal shows: raw mode, keys, sizes, colours, and the terminal as it was afterwards.

use rustix::process::Signal;

use crate::{
    harness::{Site, signal, wait_for},
    pty::Terminal,
    required::missing,
};

/// Typed in two halves, so that the echo of the typing is not taken for the answer.
pub fn ask(terminal: &Terminal, command: &str, answer: &str) {
    terminal.type_keys(&format!("{command}; echo do''ne\r"));
    let shown = terminal.expect("done\r\n");
    assert!(shown.contains(answer), "{answer:?} is not in {shown:?}");
}

#[test]
fn a_shell_has_the_keys_the_size_and_its_exit_code() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    let mut terminal = Terminal::start(site.command(&["sh", &id]), 91, 33);
    let before = terminal.initial_mode();
    ask(&terminal, "stty size; tty; echo $TERM", "33 91");
    assert_ne!(terminal.mode(), before, "not in raw mode");
    terminal.resize(120, 40);
    wait_for("the new size", || {
        terminal.type_keys("stty size; echo do''ne\r");
        terminal.expect("done\r\n").contains("40 120").then_some(())
    });
    // Ctrl-C ends what runs, not the shell and not us.
    terminal.type_keys("echo beg''un; sleep 600\r");
    terminal.expect("begun\r\n");
    terminal.type_keys("\x03");
    ask(&terminal, "echo code $?", "code 130");
    // Ctrl-Z suspends what runs; between two commands nothing does, and the key is lost.
    terminal.type_keys("sh -c 'echo beg''un; exec sleep 601'\r");
    terminal.expect("begun\r\n");
    terminal.type_keys("\x1a");
    terminal.expect("topped");
    ask(&terminal, "jobs", "sleep 601");
    ask(&terminal, "kill %%", "");
    terminal.type_keys("exit 9\r");
    assert_eq!(terminal.exit_code(), 9);
    assert_eq!(terminal.mode(), before);
    assert_eq!(site.running(), [id]);
}

/// Whichever editor of that family this machine, and so a sandbox with the host's view, has.
fn editor() -> Option<&'static str> {
    let path = std::env::var_os("PATH").unwrap();
    let found =
        ["vim.tiny", "vim"].into_iter().find(|name| std::env::split_paths(&path).any(|it| it.join(name).is_file()));
    if found.is_none() {
        missing("vim (Debian's vim-tiny)");
    }
    found
}

#[test]
fn an_editor_has_the_whole_screen_and_gives_it_back() {
    let Some(editor) = editor() else { return };
    let site = Site::new();
    let id = site.sandbox(&[]);
    let mut terminal = Terminal::start(site.command(&["sh", &id]), 72, 19);
    ask(&terminal, "echo be''fore", "before\r\n");
    terminal.type_keys(&format!("{editor} /tmp/note\r"));
    // The other screen, all of it: its last line, and the lines that the file has not.
    terminal.expect("\u{1b}[?1049h");
    terminal.expect("\u{1b}[18;1H");
    terminal.type_keys("ifirst\rsecond\u{1b}");
    terminal.expect("second");
    terminal.resize(60, 15);
    terminal.expect("\u{1b}[14;1H");
    terminal.type_keys("othird\u{1b}");
    terminal.type_keys(":wq\r");
    // And the one from before. Only then anything more: vim reads ahead, and what it has read is lost to the shell.
    terminal.expect("\u{1b}[?1049l");
    ask(&terminal, "cat /tmp/note; stty size", "15 60");
    let said = site.jetway(&["exec", &id, "--", "cat", "/tmp/note"]);
    said.is(0, "first\nsecond\nthird\n", "");
    terminal.type_keys("exit\r");
    assert_eq!(terminal.exit_code(), 0);
    assert_eq!(terminal.mode(), terminal.initial_mode());
}

#[test]
fn a_shell_in_a_new_sandbox_takes_it_along_even_when_killed() {
    let site = Site::new();
    for (sent, code) in [(Signal::TERM, 143), (Signal::HUP, 129)] {
        let mut terminal = Terminal::start(site.command(&["sh"]), 80, 24);
        let before = terminal.initial_mode();
        ask(&terminal, "stty size", "24 80");
        assert_eq!(site.running().len(), 1);
        signal(terminal.child(), sent);
        assert_eq!(terminal.exit_code(), code);
        assert_eq!(terminal.mode(), before);
        wait_for("the sandbox to end", || site.running().is_empty().then_some(()));
    }
}

#[test]
fn a_lost_server_gives_the_terminal_back() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    let mut terminal = Terminal::start(site.command(&["sh", &id]), 80, 24);
    let before = terminal.initial_mode();
    ask(&terminal, "stty size", "24 80");
    drop(site);
    assert_ne!(terminal.exit_code(), 0);
    assert_eq!(terminal.mode(), before);
}

#[test]
fn a_server_that_does_not_answer_can_be_left() {
    let site = Site::new();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let mut terminal = Terminal::start(site.command(&["sh", "--url", &url, "--token", "t"]), 80, 24);
    let before = terminal.initial_mode();
    // Once it is there: it has connected.
    let _connection = silent.accept().unwrap();
    terminal.type_keys("\x03");
    terminal.expect("Ctrl-C leaves it");
    terminal.type_keys("\x03");
    terminal.expect("not deleted (interrupted)");
    assert_eq!(terminal.exit_code(), 130);
    assert_eq!(terminal.mode(), before);

    let mut terminal = Terminal::start(site.command(&["exec", "some-id", "--url", &url, "--token", "t", "ls"]), 80, 24);
    let _connection = silent.accept().unwrap();
    terminal.type_keys("\x03");
    assert_eq!(terminal.exit_code(), 130);
}

#[test]
fn other_commands_get_a_terminal_when_asked() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    let mut terminal =
        Terminal::start(site.command(&["exec", "-ti", &id, "--", "sh", "-c", "tty && read x; echo got $x"]), 80, 24);
    terminal.expect("/dev/pts/");
    terminal.type_keys("hello\r");
    terminal.expect("got hello\r\n");
    assert_eq!(terminal.exit_code(), 0);
    let mut terminal = Terminal::start(site.command(&["sh", &id, "--cmd", "echo $((40 + 2)); exit 4"]), 80, 24);
    terminal.expect("42\r\n");
    assert_eq!(terminal.exit_code(), 4);
    // From a pipe, too: as `ssh -tt` does it.
    let said = site.jetway_with(&["sh", &id], b"echo $((40 + 2))\nexit 6\n");
    assert_eq!(said.code, 6);
    assert!(said.stdout.contains("42\r\n"), "{said:?}");
}

#[test]
fn ctrl_c_without_a_terminal_over_there_is_an_interrupt() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    let mut terminal = Terminal::start(
        site.command(&["exec", &id, "--", "python3", "-c", "import time; print('begun', flush=True); time.sleep(60)"]),
        80,
        24,
    );
    terminal.expect("begun");
    terminal.type_keys("\x03");
    terminal.expect("KeyboardInterrupt");
    assert_eq!(terminal.exit_code(), 130);
}

#[test]
fn colours_are_for_terminals() {
    let site = Site::new();
    site.sandbox(&[]);
    let mut terminal = Terminal::start(site.command(&["ls"]), 120, 24);
    assert_eq!(terminal.exit_code(), 0);
    wait_for("colours", || terminal.screen().contains("\u{1b}[32mrunning").then_some(()));
    let mut command = site.command(&["ls"]);
    command.env("NO_COLOR", "1");
    let mut terminal = Terminal::start(command, 120, 24);
    assert_eq!(terminal.exit_code(), 0);
    terminal.expect("running");
    assert!(!terminal.screen().contains('\u{1b}'));
}
