//! What every process in a sandbox gives up before it runs: capabilities, privileges by exec, dangerous system calls.
//! Must not know: which process it is.

use std::{collections::BTreeMap, io};

use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{CapabilitySet, CapabilitySets},
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    sock_filter,
};

use crate::{protocol::Failure, user::User};

/// What container engines leave to root inside a container; each holds in the sandbox's user namespace only.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::NET_RAW)
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::MKNOD)
    .union(CapabilitySet::AUDIT_WRITE)
    .union(CapabilitySet::SETFCAP);

/// Refused with EPERM: kernel surface that sandboxed code has no business with.
const DENIED: &[libc::c_long] = &[
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_vhangup,
    libc::SYS_lookup_dcookie,
    libc::SYS_nfsservctl,
    libc::SYS_mbind,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    libc::SYS_set_mempolicy,
];

/// `clone` with any of these is refused; `clone3`, whose flags a filter cannot see, says it does not exist.
const NAMESPACE_FLAGS: &[libc::c_int] = &[
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];

/// The compiled filters; made once, used by every child.
pub struct Confinement {
    missing: BpfProgram,
    denied: BpfProgram,
    open_files: u64,
    processes: Option<u64>,
}

impl Confinement {
    /// Compiles the filters for this machine. `processes` limits what one user id of the sandbox may run at a time.
    pub fn compile(processes: Option<u64>) -> Result<Confinement, Failure> {
        let denied = denied().map_err(|error| Failure { step: format!("compile the filter: {error}"), errno: 0 })?;
        let open_files = getrlimit(Resource::Nofile).maximum.unwrap_or(65_536).min(65_536);
        Ok(Confinement { missing: missing(), denied, open_files, processes })
    }

    /// Confines the calling process for good, as `user`. Everything but `execve` and `write` should be done before.
    pub fn apply(&self, user: &User) -> io::Result<()> {
        let limit = |value| Rlimit { current: Some(value), maximum: Some(value) };
        setrlimit(Resource::Core, limit(0))?;
        setrlimit(Resource::Nofile, limit(self.open_files))?;
        if let Some(processes) = self.processes {
            // Counted per user namespace, so the server's other processes do not matter. A lower limit stays.
            let lowest = getrlimit(Resource::Nproc).maximum.map_or(processes, |maximum| maximum.min(processes));
            setrlimit(Resource::Nproc, limit(lowest))?;
        }
        for capability in CapabilitySet::all().difference(KEPT).iter() {
            match rustix::thread::remove_capability_from_bounding_set(capability) {
                // The kernel is older than the capability.
                Ok(()) | Err(rustix::io::Errno::INVAL) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let kept = if user.is_root() { KEPT } else { CapabilitySet::empty() };
        if !user.is_root() || !user.gid.is_root() {
            rustix::thread::set_thread_groups(&user.groups)?;
            rustix::thread::set_thread_res_gid(user.gid, user.gid, user.gid)?;
            rustix::thread::set_thread_res_uid(user.uid, user.uid, user.uid)?;
        }
        let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
        rustix::thread::set_capabilities(None, sets)?;
        rustix::thread::set_no_new_privs(true)?;
        seccompiler::apply_filter(&self.missing).map_err(io::Error::other)?;
        seccompiler::apply_filter(&self.denied).map_err(io::Error::other)
    }
}

fn denied() -> Result<BpfProgram, Box<dyn std::error::Error>> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = DENIED.iter().map(|number| (*number, Vec::new())).collect();
    #[cfg(target_arch = "x86_64")]
    rules.extend(
        [libc::SYS_iopl, libc::SYS_ioperm, libc::SYS__sysctl, libc::SYS_uselib].map(|number| (number, Vec::new())),
    );
    let mut namespaces = Vec::new();
    for flag in NAMESPACE_FLAGS {
        let flag = *flag as u32 as u64;
        let set = SeccompCmpOp::MaskedEq(flag);
        namespaces.push(SeccompRule::new(vec![SeccompCondition::new(0, SeccompCmpArgLen::Dword, set, flag)?])?);
    }
    // Pushing characters into a terminal's input would reach whoever owns the terminal.
    let push_input = SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, libc::TIOCSTI as _)?;
    rules.insert(libc::SYS_ioctl, vec![SeccompRule::new(vec![push_input])?]);
    rules.insert(libc::SYS_clone, namespaces);
    let architecture = std::env::consts::ARCH.try_into()?;
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    Ok(SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture)?.try_into()?)
}

/// Families of sockets that programs may open; each of them ends in the sandbox's own network. Others do not: `AF_VSOCK`
/// knows no network namespaces and reaches the machine's hypervisor, `AF_ALG` and its like are kernel surface.
const FAMILIES: &[libc::c_int] = &[libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK, libc::AF_PACKET];

/// ENOSYS for `clone3`, so that libc falls back to `clone`, and for the whole x32 table, which the other filter's numbers
/// do not cover; EAFNOSUPPORT for sockets of other families. Written by hand because a compiled filter knows one action.
fn missing() -> BpfProgram {
    const X32: u32 = 0x4000_0000;
    /// Where the first argument's lower half lies in what a filter reads.
    const FIRST_ARGUMENT: u32 = if cfg!(target_endian = "little") { 16 } else { 20 };
    let statement = |code: u32, k: u32| sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let jump = |code: u32, k: u32, jt: u8, jf: u8| sock_filter { code: code as u16, jt, jf, k };
    let equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    let word = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let answer = libc::BPF_RET | libc::BPF_K;
    let refuse = |errno: libc::c_int| statement(answer, libc::SECCOMP_RET_ERRNO | errno as u32);
    let mut program = vec![
        // The system call's number is the first word of the data.
        statement(word, 0),
        jump(equal, libc::SYS_clone3 as u32, 1, 0),
        jump(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, X32, 0, 1),
        refuse(libc::ENOSYS),
        jump(equal, libc::SYS_socket as u32, 2, 0),
        jump(equal, libc::SYS_socketpair as u32, 1, 0),
        statement(answer, libc::SECCOMP_RET_ALLOW),
        statement(word, FIRST_ARGUMENT),
    ];
    for (left, family) in (1..=FAMILIES.len()).rev().zip(FAMILIES) {
        program.push(jump(equal, *family as u32, left as u8, 0));
    }
    program.extend([refuse(libc::EAFNOSUPPORT), statement(answer, libc::SECCOMP_RET_ALLOW)]);
    program
}
