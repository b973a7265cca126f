//! A hostile look around from inside: what is invisible, what is refused, what stays within.

use std::{sync::Arc, time::Duration};

use jetway_server::runtime::{
    Instance, Limits, Runtime, RuntimeError, SandboxPlan,
    local::{LocalConfig, LocalRuntime},
};

use crate::support::{config, plan, printed, run, sandbox, sh, site};

/// Makes one raw system call in Python and prints its error's name.
async fn syscall(sandbox: &Arc<dyn Instance>, number: i64, arguments: &str) -> String {
    let script = format!(
        "import ctypes, errno; libc = ctypes.CDLL(None, use_errno=True); \
         r = libc.syscall({number}, {arguments}); print(errno.errorcode[ctypes.get_errno()] if r < 0 else 'allowed')"
    );
    let outcome = run(sandbox, &["python3", "-c", &script]).await;
    assert_eq!(outcome.stderr, "");
    outcome.stdout.trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_is_not_there() {
    let site = site();
    let sandbox = sandbox(&site).await;
    let listing = sh(&sandbox, "ls -A /root /home /opt /mnt /run/lock /var/lib /sys; ls /").await;
    let expected = "/home:\n\n/mnt:\n\n/opt:\n\n/root:\n\n/run/lock:\n\n/sys:\n\n/var/lib:\n";
    let (directories, root) = listing.stdout.split_at(expected.len());
    assert_eq!((directories, listing.stderr.as_str()), (expected, ""));
    let known =
        "bin dev etc home lib lib32 lib64 libx32 media mnt opt proc root run sbin srv sys tmp usr var workspace";
    assert!(root.split_whitespace().all(|name| known.split(' ').any(|known| known == name)), "{root}");

    let data_dir = site.data_dir.path().to_str().unwrap();
    assert_eq!(sh(&sandbox, &format!("ls {data_dir}")).await.code, 2);
    // Neither mounts nor sockets nor descriptors give it away.
    let traces = format!(
        "cat /proc/mounts /proc/net/unix /proc/*/environ 2>/dev/null | grep -c {data_dir}; ls -l /proc/self/fd"
    );
    let seen = sh(&sandbox, &traces).await.stdout;
    assert!(seen.starts_with("0\n") && !seen.contains(data_dir), "{seen}");
    assert_eq!(sh(&sandbox, "cat /etc/shadow; cat /etc/pip.conf").await.stdout, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn process_one_gives_nothing_away() {
    let site = site();
    let sandbox = sandbox(&site).await;
    assert_eq!(sh(&sandbox, "tr '\\0' ' ' < /proc/1/cmdline").await.stdout, "jetway-agent --become-process-one ");
    for path in ["environ", "mem", "maps", "fd/", "cwd/", "exe", "map_files/"] {
        let outcome = sh(&sandbox, &format!("ls -lL /proc/1/{path} > /dev/null && head -c1 /proc/1/{path}")).await;
        assert_eq!((outcome.code != 0, outcome.stdout.as_str()), (true, ""), "/proc/1/{path}: {outcome:?}");
    }
    sh(&sandbox, "kill -9 1; kill -TERM 1; kill -STOP 1").await;
    assert_eq!(sh(&sandbox, "echo alive").await, printed("alive\n"));
    // The environment is the container's and nothing of the server's.
    let names = sh(&sandbox, "env | cut -d= -f1 | sort | tr '\\n' ' '").await.stdout;
    assert_eq!(names, "HOME HOSTNAME LANG PATH PWD ");
}

#[tokio::test(flavor = "multi_thread")]
async fn kernel_surface_is_refused() {
    let site = site();
    let sandbox = sandbox(&site).await;
    let status = sh(&sandbox, "grep -E '^(NoNewPrivs|Seccomp|CapBnd|CapEff):' /proc/self/status").await.stdout;
    let status: Vec<&str> = status.split_whitespace().collect();
    let caps = "00000000a80425fb";
    assert_eq!(status, ["CapEff:", caps, "CapBnd:", caps, "NoNewPrivs:", "1", "Seccomp:", "2"]);
    for (script, what) in [
        ("mount -t tmpfs none /mnt", "mount"),
        ("umount /proc", "umount"),
        ("unshare -U true", "unshare"),
        ("unshare -n true", "unshare net"),
        ("nsenter -t 1 -m true", "setns"),
        ("mknod /tmp/disk b 254 0", "mknod"),
        ("echo 1 > /proc/sys/kernel/hostname", "sysctl"),
        ("hostname other", "hostname"),
        ("dmesg", "syslog"),
        ("chroot /proc/1/root true", "the agent's root"),
        ("date -s 2001-01-01", "clock"),
    ] {
        let outcome = sh(&sandbox, script).await;
        assert_ne!(outcome.code, 0, "{what}: {outcome:?}");
    }
    #[cfg(target_arch = "x86_64")]
    for (number, arguments, expected) in [
        (101, "0, 0, 0, 0", "EPERM"),            // ptrace
        (272, "0x10000000", "EPERM"),            // unshare(NEWUSER)
        (56, "0x10000011, 0, 0, 0, 0", "EPERM"), // clone(NEWUSER)
        (435, "0, 0", "ENOSYS"),                 // clone3
        (425, "1, 0", "EPERM"),                  // io_uring_setup
        (321, "0, 0, 0", "EPERM"),               // bpf
        (250, "0, 0, 0, 0, 0", "EPERM"),         // keyctl
        (304, "0, 0, 0", "EPERM"),               // open_by_handle_at
        (323, "0", "EPERM"),                     // userfaultfd
        (0x4000_0000 + 39, "0", "ENOSYS"),       // getpid of the x32 table
        (39, "0", "allowed"),                    // getpid, so that the helper is known to work
    ] {
        assert_eq!(syscall(&sandbox, number, arguments).await, expected, "system call {number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_network_is_a_loopback_of_its_own() {
    let site = site();
    let sandbox = sandbox(&site).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = |host: &str, port: u16| {
        format!("import socket; s = socket.socket(); s.settimeout(3); print(s.connect_ex(('{host}', {port})))")
    };
    // 111: refused, by the sandbox's own loopback. 101: no route.
    assert_eq!(run(&sandbox, &["python3", "-c", &connect("127.0.0.1", port)]).await, printed("111\n"));
    assert_eq!(run(&sandbox, &["python3", "-c", &connect("1.1.1.1", 80)]).await, printed("101\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sandboxes_do_not_see_each_other() {
    let site = site();
    let one = site.runtime.start(plan("one")).await.unwrap();
    let two = site.runtime.start(plan("two")).await.unwrap();
    sh(&one, "echo secret > /workspace/f; echo secret > /tmp/f; echo secret > /usr/local/bin/f; sleep 4321 &").await;
    assert_eq!(sh(&two, "ls -A /workspace /tmp /usr/local/lib/node_modules; ls /usr/local/bin/f").await.code, 2);
    assert_eq!(sh(&two, "ps -e -o args= | grep -c '^sleep 4321'").await.stdout, "0\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_hog_ends_in_its_own_sandbox_only() {
    let site = site();
    if !site.runtime.capabilities().limits_memory {
        eprintln!("skipped: this machine has no writable memory controller");
        return;
    }
    let mut plan = plan("hog");
    plan.containers[0].limits = Limits { memory_bytes: Some(64 << 20), ..Limits::default() };
    let hog = site.runtime.start(plan).await.unwrap();
    let bystander = sandbox(&site).await;
    let outcome = run(&hog, &["python3", "-c", "b = bytearray(256 << 20); print(len(b))"]).await;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (137, ""));
    assert_eq!(sh(&hog, "echo fine").await, printed("fine\n"), "the sandbox itself goes on");
    assert_eq!(sh(&bystander, "echo fine").await, printed("fine\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_bomb_ends_in_its_own_sandbox_only() {
    let mut site = site();
    let mut plan = plan("bomb");
    plan.containers[0].limits = Limits { pids: Some(64), ..Limits::default() };
    if !site.runtime.capabilities().limits_pids {
        // Refused without a controller, unless the server may go without; a resource limit then does the work.
        let refused = site.runtime.start(plan.clone()).await.err().unwrap();
        assert!(matches!(&refused, RuntimeError::Unenforceable(text) if text.contains("process-count")), "{refused}");
        let config = LocalConfig { allow_unenforced_limits: true, ..config(site.data_dir.path()) };
        site.runtime = LocalRuntime::new(config).unwrap();
    }
    let bomb = site.runtime.start(plan).await.unwrap();
    let bystander = sandbox(&site).await;
    let handle = bomb.exec(crate::support::request(&["/bin/bash", "-c", ":(){ :|:& };:; sleep 60"])).await.unwrap();
    assert_eq!(sh(&bystander, "echo fine").await, printed("fine\n"));
    drop(handle);
    bomb.stop(Duration::from_millis(200)).await.unwrap();
    bomb.remove().await.unwrap();
    assert_eq!(sh(&bystander, "echo fine").await, printed("fine\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_served_is_refused_by_type() {
    let site = site();
    let none = SandboxPlan { id: "none".into(), ..SandboxPlan::default() };
    assert!(site.runtime.start(none).await.err().unwrap().to_string().contains("a container"));
    let mut unknown = plan("unknown");
    unknown.containers[0].image = "redis:7".into();
    assert!(matches!(site.runtime.start(unknown).await.err().unwrap(), RuntimeError::ImageNotFound(_)));
    for id in ["", "../up", "a/b", "a b"] {
        let error = site.runtime.start(plan(id)).await.err().unwrap();
        assert!(error.to_string().contains("id"), "{error}");
    }
    let mut relative = plan("relative");
    relative.containers[0].working_dir = "here".into();
    assert!(site.runtime.start(relative).await.err().unwrap().to_string().contains("working_dir"));
}
