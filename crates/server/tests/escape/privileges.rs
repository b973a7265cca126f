//! Privileges: getting back what was given up, and limits of one's own.

use crate::case::{Case, Verdict};

pub fn cases() -> Vec<Case> {
    vec![
        Case::shell("no_new_privileges", "gain by exec", "grep NoNewPrivs /proc/self/status | tr -s '\\t' ' '")
            .prints("NoNewPrivs: 1")
            .blocked_by("no_new_privs, for every process from its start"),
        Case::shell("capabilities", "use a capability beyond a container's usual ones", "grep -E '^Cap(Eff|Bnd|Prm):' /proc/self/status | cut -f2 | sort -u")
            .prints("00000000a80425fb")
            .blocked_by("dropped from every set, the bounding one included; the rest holds in its own user namespace only"),
        Case::python(
            "regain_capabilities",
            "take all capabilities back",
            "header = (ctypes.c_uint * 2)(0x20080522, 0)\nall = (ctypes.c_uint * 6)(0xffffffff, 0xffffffff, 0, 0x1ff, 0x1ff, 0)\n\
             print('allowed' if libc.capset(header, all) == 0 else errno.errorcode[ctypes.get_errno()])",
        )
        .prints("EPERM")
        .blocked_by("dropped capabilities do not come back"),
        Case::python(
            "set_uid_program",
            "become root again by a set-uid program",
            "import shutil, subprocess\nshutil.copy('/usr/bin/id', '/tmp/id')\nos.chmod('/tmp/id', 0o4755)\n\
             try:\n\
             \x20print(subprocess.run(['/tmp/id', '-u'], user=1000, capture_output=True, text=True).stdout.strip())\n\
             except OSError as error: print(errno.errorcode[error.errno])",
        )
        .prints("1000")
        .blocked_by("no_new_privs and nosuid mounts")
        .prints_to_user("EINVAL")
        .for_user(Verdict::Blocked("there is no other user to be: one id is mapped")),
        Case::python("drop_the_filter", "replace the system-call filter", "libc.prctl(22, 0); print(errno.errorcode[ctypes.get_errno()])")
            .prints("EINVAL")
            .blocked_by("a filter can only be added to"),
        Case::python("protect_from_oom", "have the kernel kill others first when memory is short", "attempt(put, '/proc/self/oom_score_adj', '-1000')")
            .prints("EACCES")
            .blocked_by("no CAP_SYS_RESOURCE: it cannot go below where it was put"),
        Case::python("priority", "run before everybody else", "attempt(os.setpriority, os.PRIO_PROCESS, 0, -20)")
            .prints("EACCES")
            .blocked_by("no CAP_SYS_NICE"),
        Case::python("real_time", "run in real time", "attempt(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(50))")
            .prints("EPERM")
            .blocked_by("no CAP_SYS_NICE"),
        Case::python(
            "raise_limits",
            "raise its own resource limits",
            "import resource\ntry: resource.setrlimit(resource.RLIMIT_NOFILE, (1 << 20, 1 << 20)); print('allowed')\n\
             except ValueError as error: print(error)",
        )
        .prints("not allowed to raise maximum limit")
        .blocked_by("hard limits can only be lowered"),
        Case::python("host_name", "rename the machine", "attempt(socket.sethostname, 'owned')")
            .prints("EPERM")
            .blocked_by("no CAP_SYS_ADMIN, and a host name of its own"),
        Case::python(
            "network_interfaces",
            "add a network interface",
            "import struct\ns = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)\n\
             name = b'evil0\\0\\0\\0'\nattribute = struct.pack('HH', 10, 3) + name\n\
             kind = struct.pack('HH', 9, 1) + b'dummy\\0\\0\\0'\nlink = struct.pack('HH', 4 + len(kind), 18) + kind\n\
             body = struct.pack('BxHiII', 0, 0, 0, 0, 0) + attribute + link\n\
             s.send(struct.pack('IHHII', 16 + len(body), 16, 0x605, 1, 0) + body)\n\
             print(errno.errorcode[-struct.unpack('i', s.recv(4096)[16:20])[0]])",
        )
        .prints("EPERM")
        .blocked_by("no CAP_NET_ADMIN"),
        Case::python("file_handles_by_capability", "give a program capabilities for others to gain", "attempt(os.setxattr, '/proc/self/exe', 'security.capability', b'\\x01\\0\\0\\x02' + b'\\xff' * 16)")
            .prints("EPERM")
            .blocked_by("the host's program is not its own to mark"),
    ]
}
