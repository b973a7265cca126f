//! System calls that sandboxed code has no business with.

use crate::case::Case;

fn refused(name: &'static str, attack: &'static str, number: libc::c_long, arguments: &str) -> Case {
    Case::syscall(name, attack, number, arguments).prints("EPERM").blocked_by("seccomp")
}

pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        refused("mount", "mount a file system", libc::SYS_mount, "b'none', b'/mnt', b'tmpfs', 0, 0"),
        refused("unmount", "uncover what a mask hides", libc::SYS_umount2, "b'/proc/kcore', 0"),
        refused("pivot_root", "change the root", libc::SYS_pivot_root, "b'/', b'/mnt'"),
        refused("open_tree", "clone a mount by descriptor", libc::SYS_open_tree, "-100, b'/', 1"),
        refused("move_mount", "attach a mount by descriptor", libc::SYS_move_mount, "-1, b'', -100, b'/mnt', 4"),
        refused("fsopen", "make a file system by the new interface", libc::SYS_fsopen, "b'tmpfs', 0"),
        refused("mount_setattr", "make a read-only mount writable", libc::SYS_mount_setattr, "-100, b'/', 0, 0, 0"),
        refused("setns", "join another namespace", libc::SYS_setns, "os.open('/proc/self/ns/net', 0), 0"),
        refused(
            "unshare_user",
            "make a user namespace, and be root with all capabilities in it",
            libc::SYS_unshare,
            "0x10000000",
        ),
        refused("unshare_mounts", "make a mount namespace", libc::SYS_unshare, "0x00020000"),
        refused("unshare_network", "make a network namespace", libc::SYS_unshare, "0x40000000"),
        refused("clone_user", "the same by clone", libc::SYS_clone, "0x10000011, 0, 0, 0, 0"),
        Case::syscall("clone3", "the same by clone3, whose flags no filter can see", libc::SYS_clone3, "0, 0")
            .prints("ENOSYS")
            .blocked_by("seccomp: the call does not exist, so that programs fall back to clone"),
        refused("keyctl", "read the kernel's key rings", libc::SYS_keyctl, "0, 0, 0, 0, 0"),
        refused("add_key", "fill the kernel's key rings", libc::SYS_add_key, "b'user', b'x', b'y', 1, 0"),
        refused("request_key", "have the kernel ask for a key", libc::SYS_request_key, "b'user', b'x', 0, 0"),
        refused("bpf", "load a program into the kernel", libc::SYS_bpf, "0, 0, 0"),
        refused("perf", "watch the processor's counters", libc::SYS_perf_event_open, "0, 0, 0, 0, 0"),
        refused("userfaultfd", "hold the kernel at a page fault", libc::SYS_userfaultfd, "0"),
        refused("io_uring", "make system calls past the filter by io_uring", libc::SYS_io_uring_setup, "1, 0"),
        refused(
            "file_handles",
            "open any inode of the file system by its handle",
            libc::SYS_open_by_handle_at,
            "-100, 0, 0",
        ),
        refused("load_module", "load a kernel module", libc::SYS_init_module, "0, 0, 0"),
        refused("load_module_file", "load a kernel module from a file", libc::SYS_finit_module, "0, 0, 0"),
        refused("kexec", "replace the kernel", libc::SYS_kexec_load, "0, 0, 0, 0"),
        refused("reboot", "reboot the machine", libc::SYS_reboot, "0xfee1dead, 0x28121969, 0x1234567, 0"),
        refused("swap", "take the machine's swap", libc::SYS_swapon, "b'/tmp/x', 0"),
        refused("clock", "set the machine's clock", libc::SYS_clock_settime, "0, 0"),
        refused("accounting", "have the kernel write a file at every process's end", libc::SYS_acct, "b'/tmp/x'"),
        refused("kernel_log", "read the kernel's log", libc::SYS_syslog, "2, 0, 0"),
        refused("quota", "change disk quotas", libc::SYS_quotactl, "0, 0, 0, 0"),
        refused("numa", "move other processes' pages", libc::SYS_move_pages, "1, 0, 0, 0, 0, 0"),
        Case::python(
            "hypervisor_sockets",
            "speak to the machine's hypervisor (AF_VSOCK), which knows no network namespaces",
            "attempt(socket.socket, 40, socket.SOCK_STREAM)",
        )
        .prints("EAFNOSUPPORT")
        .blocked_by("seccomp: only unix, IPv4, IPv6, netlink and packet sockets exist"),
        Case::python(
            "crypto_sockets",
            "reach the kernel's crypto code (AF_ALG)",
            "attempt(socket.socket, 38, socket.SOCK_SEQPACKET)",
        )
        .prints("EAFNOSUPPORT")
        .blocked_by("seccomp: only unix, IPv4, IPv6, netlink and packet sockets exist"),
        Case::python("fuse", "mount a file system that it serves itself", "attempt(os.open, '/dev/fuse', os.O_RDWR)")
            .prints("ENOENT")
            .blocked_by("no such device, and mount is refused"),
    ];
    #[cfg(target_arch = "x86_64")]
    cases.extend([
        Case::syscall("x32_table", "use the x32 table, which filters forget", 0x4000_0000 + 165, "0, 0, 0, 0, 0")
            .prints("ENOSYS")
            .blocked_by("seccomp: the whole table does not exist"),
        refused("ports", "reach the machine's I/O ports", libc::SYS_iopl, "3"),
        Case::python(
            "32_bit_table",
            "use the 32-bit table (int 0x80), whose numbers mean other calls",
            "import mmap\npage = mmap.mmap(-1, 4096, prot=7)\n\
             page.write(bytes.fromhex('b815000000cd80c3'))\n\
             if os.fork() == 0:\n\
             \x20libc.prctl(4, 0)\n\
             \x20ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()\n\
             \x20os._exit(0)\n\
             print(os.WTERMSIG(os.wait()[1]) in (11, 31))",
        )
        .prints("True")
        .blocked_by("seccomp: a process that uses another architecture's table is killed (SIGSYS)"),
    ]);
    cases
}
