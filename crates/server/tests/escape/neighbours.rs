//! Other sandboxes: their processes, files, sockets, ids; and what a caller could name instead of a sandbox.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use crate::{
    case::{Case, Verdict, ensure},
    site::Mode,
};

pub fn cases() -> Vec<Case> {
    vec![
        Case::scene("their_processes", "see and signal a neighbour's processes", |site| {
            Box::pin(async move {
                let (victim, thief) = (site.sandbox().await?, site.sandbox().await?);
                victim.sh("sleep 45671 >/dev/null 2>&1 & echo").await?;
                let seen =
                    thief.sh("cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -o 'sleep 4567[1]' | wc -l").await?;
                ensure!(seen == "0", "{seen}");
                thief.sh("kill -9 -1").await.ok();
                let alive =
                    victim.sh("cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -o 'sleep 4567[1]' | wc -l").await?;
                ensure!(alive == "1", "{alive}");
                victim.delete().await;
                thief.delete().await;
                Ok(())
            })
        })
        .blocked_by("a process namespace for each"),
        Case::scene("their_files", "read what a neighbour wrote to /tmp, /workspace, /dev/shm, /usr/local", |site| {
            Box::pin(async move {
                let (victim, thief) = (site.sandbox().await?, site.sandbox().await?);
                let wrote = victim
                    .sh("for d in /tmp /workspace /dev/shm /usr/local/lib; do echo secret > $d/mine && echo ok; done")
                    .await?;
                let seen =
                    thief.sh("cat /tmp/mine /workspace/mine /dev/shm/mine /usr/local/lib/mine 2>/dev/null").await?;
                ensure!(wrote == "ok\nok\nok\nok" && seen.is_empty(), "{wrote} {seen}");
                victim.delete().await;
                thief.delete().await;
                Ok(())
            })
        })
        .blocked_by("an upper layer and a mount namespace for each"),
        Case::scene("their_ports", "reach a neighbour's server on the loopback", |site| {
            Box::pin(async move {
                let (victim, thief) = (site.sandbox().await?, site.sandbox().await?);
                let serve = "import socket, subprocess, sys\ns = socket.create_server(('127.0.0.1', 8123))\n\
                             s.settimeout(60)\nopen('/tmp/up', 'w').close()\ns.accept()";
                victim
                    .sh(&format!(
                        "python3 -c \"{serve}\" >/dev/null 2>&1 & while [ ! -e /tmp/up ]; do sleep 0.02; done"
                    ))
                    .await?;
                let reach =
                    "import socket; s = socket.socket(); s.settimeout(20); print(s.connect_ex(('127.0.0.1', 8123)))";
                let (stranger, own) = (thief.python(reach).await?, victim.python(reach).await?);
                ensure!((stranger.as_str(), own.as_str()) == ("111", "0"), "stranger {stranger}, own {own}");
                victim.delete().await;
                thief.delete().await;
                Ok(())
            })
        })
        .blocked_by("a network namespace for each"),
        Case::scene("abstract_sockets", "reach a socket of the host or a neighbour that has no file", |site| {
            Box::pin(async move {
                use std::os::linux::net::SocketAddrExt;
                let name = format!("jetway-escape-{}-{}", site.mode.name(), site.pid);
                let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).map_err(|e| e.to_string())?;
                let _listener = std::os::unix::net::UnixListener::bind_addr(&address).map_err(|e| e.to_string())?;
                let sandbox = site.sandbox().await?;
                let reach = format!("import socket; print(socket.socket(socket.AF_UNIX).connect_ex('\\0{name}'))");
                let seen = sandbox.python(&reach).await?;
                sandbox.delete().await;
                ensure!(seen == "111", "{seen}");
                Ok(())
            })
        })
        .blocked_by("its own network namespace"),
        Case::scene("shared_memory", "attach to System V memory of the host", |site| {
            Box::pin(async move {
                let key = 0x6a77_0000 + (site.pid % 0xffff) as i32;
                // SAFETY: plain calls; the segment is removed below.
                let id = unsafe { libc::shmget(key, 4096, libc::IPC_CREAT | 0o666) };
                let sandbox = site.sandbox().await?;
                let program = format!(
                    "import ctypes, errno; l = ctypes.CDLL(None, use_errno=True); r = l.shmget({key}, 4096, 0); \
                     print('allowed' if r >= 0 else errno.errorcode[ctypes.get_errno()])"
                );
                let seen = sandbox.python(&program).await;
                // SAFETY: removes what was made above.
                unsafe { libc::shmctl(id, libc::IPC_RMID, std::ptr::null_mut()) };
                sandbox.delete().await;
                ensure!(id >= 0 && seen.as_deref() == Ok("ENOENT"), "{id} {seen:?}");
                Ok(())
            })
        })
        .blocked_by("its own ipc namespace"),
        Case::scene("their_ids", "own a neighbour's files after an escape", |site| {
            Box::pin(async move {
                let (one, two) = (site.sandbox().await?, site.sandbox().await?);
                let owner = |id: &str| upper(&site.data_dir.path().join("sandboxes").join(id));
                one.sh("true").await?;
                two.sh("true").await?;
                let owners = (owner(&one.id), owner(&two.id));
                let (Some(first), Some(second)) = owners else { return Err(format!("{owners:?}")) };
                match site.mode {
                    Mode::User => ensure!(first == second, "documented as one id: {first} {second}"),
                    _ => ensure!(first != second && first >= 100_000 && second >= 100_000, "{first} {second}"),
                }
                one.delete().await;
                two.delete().await;
                Ok(())
            })
        })
        .blocked_by("65,536 user ids for each, which nobody else on the host has")
        .for_user(Verdict::Open("one id for all: whoever escapes a sandbox is the server's user, and has its files")),
        Case::scene("private_directories", "enter a sandbox's directory as another user of the host", |site| {
            Box::pin(async move {
                let sandbox = site.sandbox().await?;
                sandbox.sh("true").await?;
                let home = site.data_dir.path().join("sandboxes").join(&sandbox.id);
                let modes: Vec<u32> = [site.data_dir.path().join("sandboxes"), home]
                    .iter()
                    .map(|path| fs::metadata(path).map(|found| found.mode() & 0o777).unwrap_or(0))
                    .collect();
                let token =
                    fs::metadata(site.data_dir.path().join("token")).map(|found| found.mode() & 0o777).unwrap_or(0);
                sandbox.delete().await;
                ensure!(modes == [0o700, 0o700] && token == 0o600, "{modes:?} {token:o}");
                Ok(())
            })
        })
        .blocked_by("directories that only the server's user may enter; a token that only it may read"),
        Case::scene("sandbox_names", "name a path, or another table's row, instead of a sandbox", |site| {
            Box::pin(async move {
                let sandbox = site.sandbox().await?;
                for id in ["../..", ".", "/etc", "a/../b", "%2e%2e", "' OR 1=1 --", "\0", "*"] {
                    let forged = crate::site::Box::named(&site, id);
                    let status = forged.read("/etc/hostname").await.err().ok_or(format!("{id:?} was served"))?;
                    ensure!(status.code() == tonic::Code::NotFound, "{id:?}: {status:?}");
                }
                sandbox.delete().await;
                Ok(())
            })
        })
        .blocked_by("sandboxes are looked up in a table by their whole id; ids are made by the server"),
    ]
}

/// Who owns the layer that a sandbox writes to.
fn upper(folder: &Path) -> Option<u32> {
    let entries: Vec<_> = fs::read_dir(folder).ok()?.flatten().filter(|entry| entry.path().is_dir()).collect();
    let own = entries.iter().find(|entry| entry.file_name().to_string_lossy().ends_with(".upper"));
    match own {
        Some(own) => own.metadata().ok().map(|found| found.uid()),
        None => entries.iter().find_map(|entry| upper(&entry.path())),
    }
}
