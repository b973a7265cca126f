//! Processes: the host's, the agent's memory, descriptors and socket, the server's environment.

use crate::{
    case::{Case, ensure},
    server::SECRET,
};

const HIDDEN: &str = "the agent is not dumpable: nobody may look into it, whatever their id";

fn agent_file(name: &'static str, attack: &'static str, action: &str) -> Case {
    Case::python(name, attack, &format!("attempt({action})")).prints("EACCES").blocked_by(HIDDEN)
}

pub fn cases() -> Vec<Case> {
    vec![
        Case::shell(
            "see_host_processes",
            "list the host's processes",
            "cat /proc/[0-9]*/comm | grep -v -e '^jetway-agent$' -e '^sleep$' -e '^sh$' -e '^cat$' -e '^grep$'",
        )
        .prints("")
        .blocked_by("its own process namespace, with a /proc of its own"),
        Case::scene("signal_the_server", "kill the server by its process number", |site| {
            Box::pin(async move {
                let sandbox = site.sandbox().await?;
                let seen = sandbox
                    .sh(&format!(
                        "kill -9 {} 2>&1 | grep -c 'No such process'",
                        site.pid + 1_000_000 * u32::from(site.pid < 100)
                    ))
                    .await?;
                ensure!(seen == "1", "{seen:?}");
                ensure!(sandbox.sh("echo alive").await? == "alive", "the server is gone");
                sandbox.delete().await;
                Ok(())
            })
        })
        .blocked_by("its own process namespace: the number means nobody"),
        Case::scene("kill_everybody", "kill -9 -1", |site| {
            Box::pin(async move {
                let sandbox = site.sandbox().await?;
                let bystander = site.sandbox().await?;
                let _ = sandbox.sh("kill -9 -1").await;
                ensure!(bystander.sh("echo alive").await? == "alive", "a neighbour died of it");
                sandbox.delete().await;
                bystander.delete().await;
                Ok(())
            })
        })
        .blocked_by("its own process namespace: everybody is the sandbox's own processes, and it has ended itself"),
        Case::shell(
            "kill_the_agent",
            "kill, stop or terminate process one",
            "for s in KILL STOP TERM INT HUP SEGV; do kill -$s 1; done; echo; cat /proc/1/comm",
        )
        .prints("jetway-agent")
        .blocked_by("the kernel: the first process of a namespace gets no signal from inside that it does not handle"),
        agent_file("agent_environment", "read the agent's environment", "lambda: open('/proc/1/environ', 'rb').read()"),
        agent_file("agent_memory", "read the agent's memory", "lambda: open('/proc/1/mem', 'rb').read(1)"),
        agent_file("agent_memory_write", "write the agent's memory", "lambda: open('/proc/1/mem', 'r+b')"),
        agent_file("agent_maps", "learn where the agent's code lies", "lambda: open('/proc/1/maps').read()"),
        agent_file("agent_descriptors", "open the agent's sockets and log files", "os.listdir, '/proc/1/fd'"),
        agent_file("agent_root", "go through the agent's root directory", "os.listdir, '/proc/1/root/'"),
        agent_file("agent_directory", "go through the agent's working directory", "os.listdir, '/proc/1/cwd/'"),
        agent_file(
            "agent_program",
            "overwrite the program that became the agent",
            "lambda: open('/proc/1/exe', 'r+b')",
        ),
        Case::syscall("trace_the_agent", "attach to the agent as a debugger", libc::SYS_ptrace, "16, 1, 0, 0")
            .prints("EPERM")
            .blocked_by("seccomp, and the agent is not dumpable"),
        Case::syscall(
            "read_another_process",
            "copy another process's memory",
            libc::SYS_process_vm_readv,
            "1, 0, 0, 0, 0, 0",
        )
        .prints("EPERM")
        .blocked_by("seccomp"),
        Case::syscall(
            "write_another_process",
            "change another process's memory",
            libc::SYS_process_vm_writev,
            "1, 0, 0, 0, 0, 0",
        )
        .prints("EPERM")
        .blocked_by("seccomp"),
        Case::syscall(
            "steal_a_descriptor",
            "take a descriptor out of another process",
            libc::SYS_pidfd_getfd,
            "0, 0, 0",
        )
        .prints("EPERM")
        .blocked_by("seccomp"),
        Case::syscall(
            "compare_kernel_objects",
            "learn kernel addresses by comparing objects",
            libc::SYS_kcmp,
            "1, 1, 0, 0, 0",
        )
        .prints("EPERM")
        .blocked_by("seccomp"),
        Case::scene(
            "sealed_program",
            "have the agent's own program run and overwrite it meanwhile (CVE-2019-5736)",
            |site| {
                Box::pin(async move {
                    let sandbox = site.sandbox().await?;
                    // Becomes the agent's program, which then says that it is not meant to be started by hand, or fails.
                    let started = sandbox.exec(&["/proc/self/exe", "--list"]).await?;
                    ensure!(started.code != 126, "it was not even started: {started:?}");
                    let program = "import os, subprocess, time\n\
                    done = set()\n\
                    for _ in range(200):\n\
                    \x20for pid in filter(str.isdigit, os.listdir('/proc')):\n\
                    \x20 try:\n\
                    \x20  if 'memfd' in os.readlink(f'/proc/{pid}/exe'):\n\
                    \x20   open(f'/proc/{pid}/exe', 'r+b').write(b'x'); done.add('written')\n\
                    \x20 except OSError: pass\n\
                    print(sorted(done))";
                    let (seen, _) = tokio::join!(sandbox.python(program), async {
                        for _ in 0..20 {
                            let _ = sandbox.exec(&["/proc/self/exe", "--list"]).await;
                        }
                    });
                    sandbox.delete().await;
                    ensure!(seen.as_deref() == Ok("[]"), "{seen:?}");
                    Ok(())
                })
            },
        )
        .blocked_by("the program is a sealed memory file, of which nothing can be changed"),
        Case::shell("inherited_descriptors", "find descriptors that were left open", "ls /proc/self/fd | tr '\\n' ' '")
            .prints("0 1 2 3")
            .blocked_by("every descriptor but the three standard ones is closed (3 is ls's own)"),
        Case::scene("server_environment", "find a secret of the server's environment", |site| {
            Box::pin(async move {
                let sandbox = site.sandbox().await?;
                let script = format!(
                    "cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n' | grep -c -e {} -e {}",
                    SECRET.0, SECRET.1
                );
                let seen = sandbox.sh(&script).await?;
                sandbox.delete().await;
                ensure!(seen == "0", "{seen}");
                Ok(())
            })
        })
        .blocked_by("an environment made from scratch; the agent's own is empty"),
        Case::shell(
            "agent_socket",
            "find the socket by which the server speaks to the agent",
            "tail -n +2 /proc/net/unix | grep -c /",
        )
        .prints("0")
        .blocked_by("the socket lies in the server's private directory, in another network namespace"),
        Case::python(
            "type_into_a_terminal",
            "push characters into the terminal's input (TIOCSTI)",
            "import fcntl, pty\nmaster, slave = pty.openpty()\nattempt(fcntl.ioctl, slave, 0x5412, b'x')",
        )
        .prints("EPERM")
        .blocked_by("seccomp"),
        Case::scene("orphans", "outlive an exec as a daemon of its own session", |site| {
            Box::pin(async move {
                let sandbox = site.sandbox().await?;
                // A number that nobody else sleeps for.
                let number = (900_000_000 + site.pid).to_string();
                sandbox.sh(&format!("setsid setsid sleep {number} >/dev/null 2>&1 & echo")).await?;
                for round in 0.. {
                    if host_runs(&number) {
                        break;
                    }
                    ensure!(round < 600, "the daemon does not start");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
                sandbox.delete().await;
                // On the host, nobody of that name may be left; deleting takes a moment.
                for _ in 0..600 {
                    if !host_runs(&number) {
                        return Ok(());
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
                Err("it lives on after its sandbox was deleted".to_owned())
            })
        })
        .blocked_by("it may run on in its sandbox, and dies with its process one"),
    ]
}

/// Whether a process with that argument runs anywhere on this machine, as far as it may be seen.
fn host_runs(argument: &str) -> bool {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.any(|line| line.split(|byte| *byte == 0).any(|word| word == argument.as_bytes()))
}
