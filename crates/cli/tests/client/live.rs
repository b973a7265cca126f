//! `top` and `port-forward`: what goes on until somebody ends it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Stdio},
};

use rustix::process::Signal;
use serde_json::Value;

use crate::{
    harness::{Piped, Said, Site, signal, wait_for},
    pty::Terminal,
};

#[test]
fn top_says_what_sandboxes_use() {
    let site = Site::new();
    let busy = site.sandbox(&["python3", "-c", "x = bytearray(64 << 20)\nwhile True: pass"]);
    let calm = site.sandbox(&[]);
    let of =
        |list: &Value, id: &str| list.as_array().unwrap().iter().find(|it| it["sandboxId"] == id).cloned().unwrap();
    wait_for("the load", || {
        let list: Value = serde_json::from_str(&site.jetway(&["top", "-o", "json"]).stdout).unwrap();
        let (busy, calm) = (of(&list, &busy), of(&list, &calm));
        let more = busy["cpuPercent"].as_f64()? > calm["cpuPercent"].as_f64()?;
        (more && busy["memoryBytes"].as_u64()? > 64 << 20 && busy["processes"].as_u64()? >= 1).then_some(())
    });
    let said = site.jetway(&["top", &busy, &calm]);
    let lines: Vec<&str> = said.stdout.lines().collect();
    assert_eq!((said.code, lines.len(), lines[0].split_whitespace().next()), (0, 3, Some("ID")));
    assert!(!said.stdout.contains('\u{1b}'), "{}", said.stdout);
    assert_eq!(site.jetway(&["top", "--tag", "none"]).stdout.lines().count(), 1);
    assert_eq!(site.jetway(&["top", "no-such-sandbox"]).code, 1);

    let mut terminal = Terminal::start(site.command(&["top", "--interval", "200ms"]), 120, 24);
    // Drawn again and again.
    for _ in 0..3 {
        terminal.expect("PROCESSES");
        terminal.expect(&busy);
    }
    terminal.type_keys("\x03");
    assert_eq!(terminal.exit_code(), 130);
}

struct Forwarding(Child);

impl Drop for Forwarding {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn forward(site: &Site, id: &str, ports: &[&str]) -> (Forwarding, Vec<String>) {
    let mut child =
        site.command(&[&["port-forward", id], ports].concat()).piped().stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().take(ports.len());
    let here = lines.map(|line| line.unwrap().split_whitespace().nth(1).unwrap().to_owned()).collect();
    (Forwarding(child), here)
}

/// Sends back what it got, turned round, once it got all of it.
const ECHO: &str = "
import socket, threading
def serve(c):
    data = b''
    while (part := c.recv(65536)): data += part
    c.sendall(data[::-1]); c.close()
s = socket.create_server(('127.0.0.1', 7777))
while True: threading.Thread(target=serve, args=s.accept()[:1]).start()";

#[test]
fn ports_lead_into_the_sandbox() {
    let site = Site::new();
    let id = site.sandbox(&["python3", "-c", ECHO]);
    let (mut forwarding, here) = forward(&site, &id, &[":7777", ":7778"]);
    let bytes: Vec<u8> = (0..300_000u32).flat_map(u32::to_le_bytes).collect();
    let ask = |bytes: &[u8]| {
        let mut connection = TcpStream::connect(&here[0]).unwrap();
        connection.write_all(bytes).unwrap();
        // Half closed: the answer comes only then.
        connection.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).unwrap();
        answer.reverse();
        answer
    };
    wait_for("the service", || (ask(b"x") == b"x").then_some(()));
    let asking: Vec<_> = (0..4).map(|n| bytes[n * 1000..].to_vec()).collect();
    std::thread::scope(|scope| {
        for bytes in &asking {
            scope.spawn(|| assert!(ask(bytes) == *bytes));
        }
    });
    let mut nobody = TcpStream::connect(&here[1]).unwrap();
    assert_eq!(nobody.read(&mut [0; 8]).unwrap_or(0), 0);
    signal(&forwarding.0, Signal::INT);
    assert_eq!(forwarding.0.wait().unwrap().code(), Some(130));
    let mut told = String::new();
    forwarding.0.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(told.contains("port 7778: nothing listens there in the sandbox\n"), "{told}");
}

#[test]
fn a_port_that_is_taken_is_told_with_a_way_out() {
    let site = Site::new();
    let id = site.sandbox(&[]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let _held = std::net::TcpListener::bind(taken).unwrap();
    let child = site.command(&["port-forward", &id, &format!("{}:80", taken.port())]).piped().spawn().unwrap();
    let said = Said::at_the_end_of(child);
    assert_eq!((said.code, &*said.stdout), (1, ""));
    assert!(said.stderr.contains(&taken.to_string()) && said.stderr.contains(":80 for any"), "{}", said.stderr);
    assert_eq!(site.jetway(&["port-forward", &id, "x"]).code, 2);
}
