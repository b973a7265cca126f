//! The host's files and devices: what is not there, what cannot be written, what can be read after all.

use crate::case::{Case, ensure};

const NO_SUCH: &str = "its own mount namespace: only what the image takes from the host is there";
const UNMAPPED: &str = "the host's root is nobody in the sandbox's user namespace";

pub fn cases() -> Vec<Case> {
    vec![
        Case::shell("home_directories", "list the host's /root, /home, /var/lib", "ls -A /root /home /var/lib | grep -v :")
            .prints("")
            .blocked_by(NO_SUCH),
        Case::shell("shadow", "read the host's /etc/shadow", "cat /etc/shadow /etc/gshadow 2>/dev/null; ls /etc/shadow 2>&1 | grep -c 'No such'")
            .prints("1")
            .blocked_by(NO_SUCH),
        Case::scene("data_directory", "find the server's data directory by its path, its mounts, its sockets", |site| {
            Box::pin(async move {
                let sandbox = site.sandbox().await?;
                let path = site.data_dir.path().display();
                let script = format!(
                    "ls -d {path} 2>/dev/null; cat /proc/mounts /proc/self/mountinfo /proc/net/unix /proc/*/environ 2>/dev/null \
                     | tr '\\0' '\\n' | grep -F {path}; ls -l /proc/self/fd | grep -F {path}"
                );
                let seen = sandbox.sh(&script).await?;
                sandbox.delete().await;
                ensure!(seen.is_empty(), "{seen}");
                Ok(())
            })
        })
        .blocked_by("its own mount namespace; layers are mounted by descriptor, so that no path shows"),
        Case::python(
            "leave_a_chroot",
            "climb above / with the chroot and fchdir trick",
            "root = os.open('/', os.O_RDONLY)\nos.makedirs('/tmp/jail')\nos.chroot('/tmp/jail')\nos.fchdir(root)\n\
             for _ in range(64): os.chdir('..')\nos.chroot('.')\n\
             print(os.path.exists('/workspace'), os.path.exists('/boot') or os.path.exists('/lost+found'))",
        )
        .prints("True False")
        .blocked_by("pivot_root: the host's root is not above the sandbox's, it is nowhere"),
        Case::python(
            "write_a_host_program",
            "append to /usr/bin/env, which the host shares with the sandbox",
            "attempt(lambda: open('/usr/bin/env', 'ab').write(b'x'))",
        )
        .prints("EACCES")
        .blocked_by(UNMAPPED),
        Case::scene("plant_a_program", "put a file where the host would run it", |site| {
            Box::pin(async move {
                let sandbox = site.sandbox().await?;
                let name = format!("jetway-planted-{}-{}", site.mode.name(), site.pid);
                let script = format!("for d in /usr/local/bin /etc /tmp /var/tmp; do echo x > $d/{name} && echo ok; done");
                let planted = sandbox.sh(&script).await?;
                let found = ["/usr/local/bin", "/etc", "/tmp", "/var/tmp"];
                let found: Vec<_> = found.iter().filter(|dir| std::path::Path::new(dir).join(&name).exists()).collect();
                sandbox.delete().await;
                ensure!(planted == "ok\nok\nok\nok" && found.is_empty(), "{planted}; on the host: {found:?}");
                Ok(())
            })
        })
        .blocked_by("an overlay: what a sandbox writes lies in a layer of its own, which goes with it"),
        Case::shell("devices", "open the machine's memory, kernel log and disks", "ls /dev/mem /dev/kmsg /dev/port /dev/sd* /dev/vd* /dev/nvme* /dev/kvm /dev/fuse /dev/net/tun 2>/dev/null | wc -l")
            .prints("0")
            .blocked_by("a /dev of its own with null, zero, full, random, urandom, tty and terminals"),
        Case::python("make_a_disk_node", "make a block device node and open it", "import stat\ntry: os.mknod('/tmp/disk', 0o600 | stat.S_IFBLK, os.makedev(254, 0)); print(\'made\')\nexcept PermissionError: print(\'refused\')")
            .prints("refused")
            .blocked_by("Landlock; without it EPERM by the user namespace, and nodev mounts behind both"),
        Case::python("make_a_character_node", "make /dev/mem as a node of its own", "import stat\ntry: os.mknod('/tmp/mem', 0o600 | stat.S_IFCHR, os.makedev(1, 1)); print(\'made\')\nexcept PermissionError: print(\'refused\')")
            .prints("refused")
            .blocked_by("Landlock; without it EPERM by the user namespace, and nodev mounts behind both"),
        Case::python("core_pattern", "have the host's kernel run a program of its own at the next crash", "attempt(put, '/proc/sys/kernel/core_pattern', '|/tmp/x')")
            .prints("EACCES")
            .blocked_by(UNMAPPED),
        Case::python("overcommit", "change how the host's kernel gives memory out", "attempt(put, '/proc/sys/vm/overcommit_memory', '1')")
            .prints("EACCES")
            .blocked_by(UNMAPPED),
        Case::python("drop_caches", "empty the host's caches, as a nuisance", "attempt(put, '/proc/sys/vm/drop_caches', '3')")
            .prints("EACCES")
            .blocked_by(UNMAPPED),
        Case::python(
            "masked_files",
            "read the kernel's memory, keys and addresses, or reboot the host by sysrq-trigger",
            "import stat\nnames = ['kcore', 'keys', 'key-users', 'sysrq-trigger', 'timer_list', 'kallsyms']\n\
             there = [name for name in names if os.path.exists('/proc/' + name)]\n\
             print(all(stat.S_ISCHR(os.stat('/proc/' + name).st_mode) for name in there), len(there) > 0)",
        )
        .prints("True True")
        .blocked_by("masked: /dev/null is mounted over what there is of them"),
        Case::shell("sysfs", "change devices by /sys", "ls -A /sys | wc -l").prints("0").blocked_by("/sys is empty"),
        Case::shell("cgroups", "raise its own limits in the control groups' file system", "grep -c cgroup /proc/mounts; ls /sys/fs 2>/dev/null | wc -l")
            .prints("0\n0")
            .blocked_by("control groups are not mounted inside, and mount is refused"),
        Case::shell("read_usr", "read a world-readable file below the host's /usr", "test -r /usr/bin/env && echo readable")
            .prints("readable")
            .open("the host view shares /usr; keep secrets elsewhere, or use an image"),
        Case::shell("machine_size", "learn how much memory and how many processors the host has", "grep -c MemTotal /proc/meminfo")
            .prints("1")
            .open("/proc/meminfo and /proc/cpuinfo are the host's"),
    ]
}
