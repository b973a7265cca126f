//! File calls on what a sandbox prepared: links, pipes, devices, races. The agent follows paths in the sandbox's own root,
//! so that the worst path leads to a place in that sandbox.

use std::sync::Arc;

use futures::future::BoxFuture;
use tonic::Code;

use crate::{
    case::{Case, Outcome, ensure},
    site::{Box as Sandbox, Site},
};

const OWN_ROOT: &str = "the agent follows paths, in the sandbox's own root; the server never does";

/// A file call on something prepared must fail with this code.
fn refused(
    site: Arc<Site>,
    script: &'static str,
    path: &'static str,
    codes: &'static [Code],
) -> BoxFuture<'static, Outcome> {
    Box::pin(async move {
        let sandbox = site.sandbox().await?;
        sandbox.sh(script).await?;
        let read = sandbox.read(path).await;
        sandbox.delete().await;
        match read {
            Err(status) if codes.contains(&status.code()) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
}

async fn expect_code(call: impl Future<Output = Result<(), tonic::Status>>, code: Code) -> Outcome {
    match call.await {
        Err(status) if status.code() == code => Ok(()),
        other => Err(format!("expected {code:?}, saw {other:?}")),
    }
}

pub fn cases() -> Vec<Case> {
    vec![
        Case::scene("link_to_a_host_file", "have the server read a host's file through a symbolic link", |site| {
            refused(site, "ln -s /etc/shadow /workspace/x", "/workspace/x", &[Code::NotFound])
        })
        .blocked_by(OWN_ROOT),
        Case::scene("link_to_the_token", "have the server read its own token through a symbolic link", |site| {
            Box::pin(async move {
                let sandbox = site.sandbox().await?;
                sandbox.sh(&format!("ln -s {}/token /workspace/x", site.data_dir.path().display())).await?;
                let read = sandbox.read("/workspace/x").await.map(drop);
                sandbox.delete().await;
                expect_code(async { read }, Code::NotFound).await
            })
        })
        .blocked_by(OWN_ROOT),
        Case::scene("dots", "climb out with ../", |site| {
            refused(site, "true", "/../../../../../../etc/shadow", &[Code::NotFound])
        })
        .blocked_by(OWN_ROOT),
        Case::scene("magic_link", "have the agent follow a magic link of /proc", |site| {
            refused(site, "ln -s /proc/self/root/etc/hostname /workspace/x", "/workspace/x", &[Code::Internal])
        })
        .blocked_by("openat2 without magic links"),
        Case::scene("agent_memory_by_link", "have the agent read its own memory or environment for the caller", |site| {
            refused(site, "ln -s /proc/self/mem /workspace/x", "/workspace/x", &[Code::PermissionDenied])
        })
        .blocked_by("the agent serves nothing that /proc says of itself"),
        Case::scene("write_a_setting", "have the agent, which has more privileges, change a kernel setting", |site| {
            Box::pin(async move {
                let sandbox = site.sandbox().await?;
                sandbox.sh("ln -s /proc/sys/net/ipv4/ip_forward /workspace/x").await?;
                let wrote = sandbox.write("/workspace/x", b"1").await;
                let value = sandbox.sh("cat /proc/sys/net/ipv4/ip_forward").await?;
                sandbox.delete().await;
                ensure!(value == "0", "{value}");
                expect_code(async { wrote }, Code::PermissionDenied).await
            })
        })
        .blocked_by("file calls write nothing below /proc"),
        Case::scene("pipe", "hang the agent on a named pipe", |site| {
            refused(site, "mkfifo /workspace/x", "/workspace/x", &[Code::FailedPrecondition])
        })
        .blocked_by("only regular files are served, and opening never waits"),
        Case::scene("endless_device", "feed the server from /dev/zero without end", |site| {
            refused(site, "ln -s /dev/zero /workspace/x", "/workspace/x", &[Code::FailedPrecondition])
        })
        .blocked_by("only regular files are served"),
        Case::scene("terminal", "have the agent open a terminal and become its owner", |site| {
            refused(site, "ln -s /dev/tty /workspace/x", "/workspace/x", &[Code::FailedPrecondition, Code::Internal])
        })
        .blocked_by("only regular files are served, and opening takes no terminal"),
        Case::scene("huge_file", "exhaust the server's memory with a file of a terabyte", |site| {
            refused(site, "truncate -s 1T /workspace/x", "/workspace/x", &[Code::ResourceExhausted])
        })
        .blocked_by("32 MiB a call, checked before reading"),
        Case::scene("growing_file", "let a file grow while it is read", |site| {
            Box::pin(async move {
                let sandbox = site.sandbox().await?;
                sandbox.sh("(while :; do head -c 4194304 /dev/zero >> /workspace/x; [ -e /workspace/end ] && exit; done) >/dev/null 2>&1 & \
                            until [ -s /workspace/x ]; do sleep 0.01; done").await?;
                let mut worst = Ok(());
                for _ in 0..400 {
                    match sandbox.read("/workspace/x").await {
                        Ok(content) if content.len() <= 32 << 20 => {}
                        Ok(content) => worst = Err(format!("{} bytes were served", content.len())),
                        Err(status) if status.code() == Code::ResourceExhausted => break,
                        Err(status) => worst = Err(format!("{status:?}")),
                    }
                }
                sandbox.sh("touch /workspace/end").await?;
                sandbox.delete().await;
                worst
            })
        })
        .blocked_by("never more than 32 MiB is read, whatever the file's size was"),
        Case::scene("symlink_race", "swap a directory for a link into /proc while the server writes to it", |site| {
            Box::pin(async move {
                let sandbox = site.sandbox().await?;
                sandbox.sh("mkdir -p /workspace/real; ln -s /proc/1/root /workspace/a; ln -s /proc/self/fd /workspace/b; ln -s / /workspace/c").await?;
                swap(&sandbox, "real", &["a", "b", "c"]).await?;
                let marker = format!("jetway-race-{}-{}", site.mode.name(), site.pid);
                let path = format!("/workspace/d/{marker}");
                let (mut written, mut tried) = (0, 0);
                // Enough for a race, and until the real directory had its turn at least once.
                while tried < 150 || (written == 0 && tried < 20_000) {
                    tried += 1;
                    match sandbox.write(&path, b"raced").await {
                        Ok(()) => written += 1,
                        Err(status) if status.code() == Code::Unavailable => return Err(format!("{status:?}")),
                        Err(_) => {}
                    }
                }
                sandbox.sh("touch /workspace/end").await?;
                let alive = sandbox.sh("echo alive").await?;
                sandbox.delete().await;
                ensure!(alive == "alive" && written > 0, "{alive} {written}");
                for place in ["/", "/tmp", "/proc/self/fd"] {
                    ensure!(!std::path::Path::new(place).join(&marker).exists(), "it was written to the host's {place}");
                }
                Ok(())
            })
        })
        .blocked_by(OWN_ROOT),
        Case::scene("read_race", "swap a harmless file for a link to the agent's memory between check and use", |site| {
            Box::pin(async move {
                let sandbox = site.sandbox().await?;
                sandbox.sh("echo harmless > /workspace/real; ln -s /proc/self/environ /workspace/a; ln -s /proc/self/maps /workspace/b; \
                            ln -s /proc/1/maps /workspace/c").await?;
                swap(&sandbox, "real", &["a", "b", "c"]).await?;
                let mut wrong = None;
                let (mut harmless, mut tried) = (0, 0);
                while tried < 300 || (harmless == 0 && tried < 20_000) {
                    tried += 1;
                    match sandbox.read("/workspace/d").await {
                        Ok(content) if content == b"harmless\n" => harmless += 1,
                        Ok(content) => wrong = Some(String::from_utf8_lossy(&content).into_owned()),
                        Err(_) => {}
                    }
                }
                sandbox.sh("touch /workspace/end").await?;
                sandbox.delete().await;
                ensure!(wrong.is_none() && harmless > 0, "{wrong:?} {harmless}");
                Ok(())
            })
        })
        .blocked_by("a file is opened once, and judged by its descriptor"),
        Case::scene("hard_link", "have the server write a host's program through a hard link", |site| {
            Box::pin(async move {
                let sandbox = site.sandbox().await?;
                let before = std::fs::read("/usr/bin/env").map_err(|error| error.to_string())?;
                sandbox.sh("ln /usr/bin/env /usr/local/bin/mine; ln /usr/bin/env /workspace/mine").await?;
                for path in ["/usr/local/bin/mine", "/workspace/mine", "/usr/bin/env"] {
                    let _ = sandbox.write(path, b"owned").await;
                }
                let after = std::fs::read("/usr/bin/env").map_err(|error| error.to_string())?;
                sandbox.delete().await;
                ensure!(before == after, "the host's program was changed");
                Ok(())
            })
        })
        .blocked_by("an overlay: links and writes are copies in the sandbox's own layer"),
        Case::scene("hard_link_race", "swap the file for hard links to another one while the server replaces it", |site| {
            Box::pin(async move {
                let sandbox = site.sandbox().await?;
                sandbox.sh("echo precious > /workspace/precious; \
                            (until [ -e /workspace/end ]; do ln -f /workspace/precious /workspace/d; rm -f /workspace/d; done) >/dev/null 2>&1 & echo").await?;
                for _ in 0..150 {
                    let _ = sandbox.write("/workspace/d", b"replaced").await;
                }
                sandbox.sh("touch /workspace/end").await?;
                let precious = sandbox.sh("cat /workspace/precious").await?;
                sandbox.delete().await;
                ensure!(precious == "precious", "{precious}");
                Ok(())
            })
        })
        .blocked_by("a file is replaced by renaming a new one over its name; nothing is written through a link"),
        Case::scene("temporary_names", "wait at the name of the draft with a link of its own", |site| {
            Box::pin(async move {
                let sandbox = site.sandbox().await?;
                sandbox.sh("echo precious > /workspace/precious; for n in $(seq 0 300); do ln -s /workspace/precious /workspace/.jetway-$n.part; done").await?;
                sandbox.write("/workspace/new", b"content").await.map_err(|status| format!("{status:?}"))?;
                let seen = sandbox.sh("cat /workspace/precious /workspace/new").await?;
                sandbox.delete().await;
                ensure!(seen == "precious\ncontent", "{seen}");
                Ok(())
            })
        })
        .blocked_by("drafts are made with O_EXCL, which follows nothing"),
        Case::scene("odd_names", "break the protocol with odd names", |site| {
            Box::pin(async move {
                let sandbox = site.sandbox().await?;
                for path in ["/workspace/a\nb", "/workspace/\u{202e}x", "/workspace/ 'q' \"$(touch /tmp/ran)\""] {
                    sandbox.write(path, b"x").await.map_err(|status| format!("{path:?}: {status:?}"))?;
                    ensure!(sandbox.read(path).await.ok().as_deref() == Some(b"x"), "{path:?}");
                }
                let long = format!("/{}x", "n/".repeat(3_000));
                expect_code(async { sandbox.write(&long, b"x").await }, Code::InvalidArgument).await?;
                expect_code(async { sandbox.write("/workspace/nul\0", b"x").await }, Code::InvalidArgument).await?;
                let ran = sandbox.sh("ls /tmp/ran 2>/dev/null").await?;
                sandbox.delete().await;
                ensure!(ran.is_empty(), "{ran}");
                Ok(())
            })
        })
        .blocked_by("names travel as bytes with a length; no shell ever sees them"),
    ]
}

/// Lets `/workspace/d` be the real thing and each of the links in turn, until `/workspace/end` exists.
async fn swap(sandbox: &Sandbox, real: &str, links: &[&str]) -> Outcome {
    let program = format!(
        "import os\nos.chdir('/workspace')\nnames = {links:?}\nos.symlink('{real}', 'next'); os.rename('next', 'd')\n\
         if os.fork() == 0:\n\
         \x20null = os.open('/dev/null', os.O_RDWR)\n\
         \x20for n in (0, 1, 2): os.dup2(null, n)\n\
         \x20while not os.path.exists('end'):\n\
         \x20 for name in ['{real}'] + names + ['{real}'] * 3:\n\
         \x20  os.symlink(name, 'next'); os.rename('next', 'd')\n\
         \x20os._exit(0)\n"
    );
    sandbox.python(&program).await.map(drop)
}
