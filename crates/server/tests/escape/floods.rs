//! Floods: processes, memory, disk, output, descriptors. What a sandbox takes, its neighbours and the server must not miss.

use std::time::Duration;

use jetway_server::wire::sandbox::{
    Container, ExecRequest, ExecStreamInit, ExecStreamRequest, State, exec_stream_request,
};
use tonic::Code;

use crate::{
    case::{Case, Outcome, Verdict, ensure},
    server::PROCESSES,
    site::Site,
};

/// Resident bytes of a process.
fn resident(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}

async fn alive(site: &Site) -> Outcome {
    let bystander = site.sandbox().await?;
    let seen = bystander.sh("echo fine").await?;
    bystander.delete().await;
    ensure!(seen == "fine", "a bystander suffers: {seen:?}");
    Ok(())
}

/// Starts processes until no more are given, and counts them.
const BOMB: &str = "import os, time\ncount = 0\ntry:\n while count < 100000:\n  pid = os.fork()\n  if pid == 0:\n   \
                    time.sleep(600); os._exit(0)\n  count += 1\nexcept OSError as error:\n print(count, error.errno)";

/// Starts processes that end at once and processes that do the same, whatever it is told, and never gives up.
const RELENTLESS: &str = "import os, signal\nfor s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(s, signal.SIG_IGN)\n\
                          while True:\n try:\n  if os.fork() == 0 and os.getpid() % 3 == 0: os._exit(0)\n except OSError: pass";

/// Takes memory and touches it.
const HOG: &str = "b = bytearray(400 << 20); print(len(b))";

pub fn cases() -> Vec<Case> {
    vec![
        Case::scene("fork_bomb", "start processes without end", |site| {
            Box::pin(async move {
                let sandbox = site.sandbox().await?;
                let seen = sandbox.python(BOMB).await?;
                let (count, reason) = seen.split_once(' ').unwrap_or_default();
                ensure!(reason == "11" && count.parse::<i64>().is_ok_and(|count| count < PROCESSES), "{seen}");
                alive(&site).await?;
                sandbox.delete().await;
                Ok(())
            })
        })
        .blocked_by("the pids control group (EAGAIN), and RLIMIT_NPROC behind it")
        .for_user(Verdict::Blocked("RLIMIT_NPROC, which counts in the sandbox's user namespace (EAGAIN)"))
        .about_limits(),
        Case::scene("thread_bomb", "start threads without end", |site| {
            Box::pin(async move {
                let sandbox = site.sandbox().await?;
                let program = "import _thread, time\n_thread.stack_size(32768)\ncount = 0\ntry:\n while count < 100000:\n  \
                               _thread.start_new_thread(time.sleep, (60,)); count += 1\nexcept RuntimeError: print(count)\nimport os; os._exit(0)";
                let seen = sandbox.exec(&["python3", "-u", "-c", program]).await?;
                ensure!(seen.stdout.trim().parse::<i64>().is_ok_and(|count| count < PROCESSES), "{seen:?}");
                alive(&site).await?;
                sandbox.delete().await;
                Ok(())
            })
        })
        .blocked_by("the pids control group counts threads, too")
        .for_user(Verdict::Blocked("RLIMIT_NPROC counts threads, too")),
        Case::scene("bomb_then_stop", "keep bombing while it is stopped", |site| {
            Box::pin(async move {
                let container = Container {
                    command: "python3".into(),
                    args: vec!["-c".into(), RELENTLESS.into()],
                    ..Container::default()
                };
                let sandbox = site.create(container).await.map_err(|status| format!("{status:?}"))?;
                alive(&site).await?;
                let twin = crate::site::Box::named(&site, &sandbox.id);
                sandbox.delete().await;
                for _ in 0..1200 {
                    let state = twin.state().await.map_err(|status| format!("{status:?}"))?;
                    ensure!(state != State::Completed && state != State::Failed, "it ended by itself: {state:?}");
                    if state == State::Terminated {
                        return Ok(());
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err("it does not end".to_owned())
            })
        })
        .blocked_by("the end of process one ends every process of its namespace at once")
        .about_limits(),
        Case::scene("memory_hog", "take more memory than it asked for", |site| {
            Box::pin(async move {
                let Some(sandbox) = site.sandbox_with_memory("96Mi").await? else { return Ok(()) };
                let seen = sandbox.exec(&["python3", "-c", HOG]).await?;
                ensure!((seen.code, seen.stdout.as_str()) == (137, ""), "{seen:?}");
                ensure!(sandbox.sh("echo fine").await? == "fine", "the sandbox itself is gone");
                alive(&site).await?;
                sandbox.delete().await;
                Ok(())
            })
        })
        .blocked_by("the memory control group: the hog is killed (137), its sandbox goes on")
        .for_user(Verdict::Blocked("refused before it starts: a limit that cannot be enforced is not accepted (FAILED_PRECONDITION)"))
        .about_limits(),
        Case::scene("memory_hog_by_file", "take memory as files in /dev/shm", |site| {
            Box::pin(async move {
                let Some(sandbox) = site.sandbox_with_memory("96Mi").await? else { return Ok(()) };
                // Nobody's death frees files: in the end it is the sandbox as a whole.
                let seen = sandbox.exec(&["sh", "-c", "head -c 400M /dev/zero > /dev/shm/x"]).await;
                ensure!(seen.as_ref().map_or(true, |seen| seen.code != 0), "{seen:?}");
                alive(&site).await?;
                sandbox.delete().await;
                Ok(())
            })
        })
        .blocked_by("files in memory count as memory: the sandbox ends, and nobody else does")
        .for_user(Verdict::Open("up to 512 MiB a sandbox, where /dev/shm ends"))
        .about_limits(),
        Case::shell("shared_memory_size", "fill half the machine's memory by /dev/shm", "df -B1M --output=size /dev/shm | tail -1 | tr -d ' '")
            .prints("512")
            .blocked_by("/dev/shm ends at 512 MiB"),
        Case::scene("memory_hog_without_limit", "take memory without having asked for a limit", |site| {
            Box::pin(async move {
                let sandbox = site.sandbox().await?;
                let seen = sandbox.python("b = bytearray(64 << 20); print(len(b))").await?;
                sandbox.delete().await;
                ensure!(seen == "67108864", "{seen}");
                Ok(())
            })
        })
        .blocked_by("it gets three quarters of the machine's memory at most, by its control group")
        .for_user(Verdict::Open("nothing but the machine's memory; run the server as root, or in a delegated control group")),
        Case::scene("disk_flood", "fill the disk", |site| {
            Box::pin(async move {
                let sandbox = site.sandbox().await?;
                let inside = sandbox.sh("df -B1 --output=size /workspace | tail -1 | tr -d ' '").await?;
                sandbox.delete().await;
                let found = rustix::fs::statvfs(site.data_dir.path()).map_err(|error| error.to_string())?;
                ensure!(inside == (found.f_blocks * found.f_frsize).to_string(), "{inside} inside");
                Ok(())
            })
        })
        .open("a sandbox can fill the file system that holds the server's data directory: give it one of its own, or use --root-size"),
        Case::scene("inode_flood", "use the disk's inodes up", |site| {
            Box::pin(async move {
                let sandbox = site.sandbox().await?;
                let seen = sandbox.sh("mkdir /tmp/many; cd /tmp/many; seq 2000 | xargs touch; ls | wc -l").await?;
                sandbox.delete().await;
                ensure!(seen == "2000", "{seen}");
                Ok(())
            })
        })
        .open("as with the disk: give the data directory a file system of its own, or use --root-size"),
        Case::scene("output_flood", "print without end into a call that collects output", |site| {
            Box::pin(async move {
                let sandbox = site.sandbox().await?;
                let command = ["sh", "-c", "yes | head -c 300000000"].map(str::to_owned).to_vec();
                let request = ExecRequest { sandbox_id: sandbox.id.clone(), command, max_output_bytes: 1 << 20, ..Default::default() };
                let answer = site.client().exec(request).await.map_err(|status| format!("{status:?}"))?.into_inner();
                sandbox.delete().await;
                let kept = answer.stdout.len();
                ensure!(kept == 1 << 20 && answer.stdout_truncated && answer.stdout_bytes_produced == 300_000_000, "{kept}");
                Ok(())
            })
        })
        .blocked_by("32 MiB of each stream are kept (or what the caller says), the rest is counted"),
        Case::scene("unread_output", "print without end at a caller that does not read", |site| {
            Box::pin(async move {
                let sandbox = site.sandbox().await?;
                let init = ExecStreamInit {
                    sandbox_id: sandbox.id.clone(),
                    command: ["sh", "-c", "yes 0123456789012345678901234567890"].map(str::to_owned).to_vec(),
                    ..Default::default()
                };
                let first = ExecStreamRequest { message: Some(exec_stream_request::Message::Init(init)) };
                let (keep, requests) = tokio::sync::mpsc::channel(1);
                keep.send(first).await.map_err(|error| error.to_string())?;
                let stream = tokio_stream::wrappers::ReceiverStream::new(requests);
                let mut answers = site.client().stream_exec(stream).await.map_err(|status| format!("{status:?}"))?.into_inner();
                answers.message().await.map_err(|status| format!("{status:?}"))?;
                // Until the printing program stands still, which it does once every buffer on the way is full.
                let mut before = String::new();
                for round in 0.. {
                    let written = sandbox.sh("grep wchar /proc/$(cat /proc/[0-9]*/stat | grep '(yes)' | cut -d' ' -f1)/io").await?;
                    if written == before && !written.is_empty() {
                        break;
                    }
                    ensure!(round < 600, "it never stands still: {written}");
                    before = written;
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                let size = resident(site.pid);
                drop(answers);
                drop(keep);
                sandbox.delete().await;
                ensure!(size < 600 << 20, "the server holds {size} bytes");
                Ok(())
            })
        })
        .blocked_by("back-pressure: bounded queues all the way, so the program waits in its write"),
        Case::shell("open_files", "open files without end", "python3 -c \"\nimport os\nn = 0\ntry:\n while True: os.open('/dev/null', 0); n += 1\nexcept OSError as e: print(n <= 65536, e.errno)\"")
            .prints("True 24")
            .blocked_by("RLIMIT_NOFILE: 65,536 a process"),
        Case::scene("zombies", "leave dead processes behind for process one", |site| {
            Box::pin(async move {
                let sandbox = site.sandbox().await?;
                sandbox.sh("for n in $(seq 300); do (sh -c 'exit 0' &); done").await?;
                for _ in 0..600 {
                    if sandbox.sh("cat /proc/[0-9]*/stat | grep -c ') Z '").await? == "0" {
                        sandbox.delete().await;
                        return Ok(());
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err("dead processes stay".to_owned())
            })
        })
        .blocked_by("the agent takes every orphan's status"),
        Case::scene("huge_arguments", "pass a command line that no kernel takes", |site| {
            Box::pin(async move {
                let sandbox = site.sandbox().await?;
                let seen = sandbox.exec(&["echo".to_owned(), "x".repeat(2 << 20)]).await?;
                ensure!(seen.code == 126 && seen.stderr.contains("argument list too long"), "{} {}", seen.code, seen.stderr);
                let command = vec!["echo".to_owned(), "x".repeat(20 << 20)];
                let request = ExecRequest { sandbox_id: sandbox.id.clone(), command, ..Default::default() };
                let refused = site.client().exec(request).await.err().ok_or("20 MiB of arguments were taken")?;
                ensure!(refused.code() == Code::InvalidArgument, "{refused:?}");
                ensure!(sandbox.sh("echo fine").await? == "fine", "the agent is gone");
                sandbox.delete().await;
                Ok(())
            })
        })
        .blocked_by("the kernel (exit code 126 and the reason), and 4 MiB before anything is started (INVALID_ARGUMENT)"),
        Case::scene("many_sandboxes", "create sandboxes without end", |site| {
            Box::pin(async move {
                let mut made = Vec::new();
                let refused = loop {
                    match site.create(Container::default()).await {
                        Ok(sandbox) => made.push(sandbox),
                        Err(status) => break status,
                    }
                    if made.len() > 60 {
                        break tonic::Status::ok("no end");
                    }
                };
                for sandbox in made {
                    sandbox.delete().await;
                }
                let details = tonic_types::StatusExt::get_error_details(&refused);
                ensure!(refused.code() == Code::ResourceExhausted && details.retry_info().is_some(), "{refused:?}");
                Ok(())
            })
        })
        .blocked_by("--max-sandboxes: RESOURCE_EXHAUSTED, with RetryInfo"),
        Case::shell("processor_hog", "use every processor all the time", "for n in 1 2 3 4; do (timeout 1 sh -c 'while :; do :; done' >/dev/null 2>&1 &); done; echo started")
            .prints("started")
            .open("unless it has a CPU limit, or its caller sets one: the kernel shares among sandboxes with control groups, else among processes"),
    ]
}
