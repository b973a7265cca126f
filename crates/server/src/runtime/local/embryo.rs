//! A stage 0 that waits for its sandbox, already inside its control groups.
//!
//! Moving a process between groups can take the kernel ten milliseconds after a quiet moment (it waits for every
//! processor), far longer than the rest of a birth. So one process is always a move ahead. It knows nothing yet, holds
//! nothing of the server but its end of a socket, and ends when the server does.
//! Must not know: plans, images.

use std::{
    io,
    os::{fd::OwnedFd, unix::net::UnixStream, unix::process::CommandExt},
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use jetway_agent::protocol;

use super::{
    agent_exe::AgentExe,
    cgroups::{Cgroups, Group},
};

/// A stage 0 before its first message.
#[derive(Debug)]
pub struct Embryo {
    child: Child,
    /// The server's end of the conversation.
    control: Option<UnixStream>,
    group: Group,
    handed_over: bool,
}

impl Embryo {
    fn new(exe: &AgentExe, cgroups: &Cgroups) -> io::Result<Embryo> {
        let (control, far) = UnixStream::pair()?;
        let child = Command::new(exe.path())
            .arg0(protocol::ARGV[0])
            .arg(protocol::ARGV[1])
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(far)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let group = cgroups.group(&format!("{nanos:x}-{}", child.id()));
        let embryo = Embryo { child, control: Some(control), group, handed_over: false };
        embryo.group.enter(embryo.child.id())?;
        Ok(embryo)
    }

    /// Its process number, for as long as this value lives.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its control groups.
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// The socket to talk to it; once.
    pub fn take_control(&mut self) -> io::Result<UnixStream> {
        self.control.take().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Stage 0 has made process one, which has its groups from now on. Returns once stage 0 ended.
    pub fn hand_over(mut self) -> io::Result<()> {
        self.handed_over = true;
        self.child.wait().map(drop)
    }
}

impl Drop for Embryo {
    fn drop(&mut self) {
        if !self.handed_over {
            // Both fail only when it ended by itself, and a group that stays is swept later.
            let _ = self.child.kill();
            let _ = self.child.wait();
            let _ = self.group.remove();
        }
    }
}

/// Where the spare one waits.
#[derive(Debug, Default)]
pub struct Nursery {
    spare: Mutex<Option<Embryo>>,
}

impl Nursery {
    /// Takes the spare one, or makes one.
    pub fn take(&self, exe: &AgentExe, cgroups: &Cgroups) -> io::Result<Embryo> {
        let spare = self.lock().take();
        if let Some(mut spare) = spare
            // The kernel may have ended it, short of memory.
            && matches!(spare.child.try_wait(), Ok(None))
        {
            return Ok(spare);
        }
        Embryo::new(exe, cgroups)
    }

    /// Makes a spare one if there is none and groups make it worth while. Blocking; off everybody's way.
    pub fn refill(&self, exe: &AgentExe, cgroups: &Cgroups) {
        if cgroups.limits() == (false, false, false) || self.lock().is_some() {
            return;
        }
        // Without one the next birth makes its own, and reports why it cannot.
        if let Ok(embryo) = Embryo::new(exe, cgroups) {
            let surplus = self.lock().replace(embryo);
            drop(surplus);
        }
    }

    /// Ends the spare one.
    pub fn clear(&self) {
        let spare = self.lock().take();
        drop(spare);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Embryo>> {
        // The slot is whole after every statement, so a panic elsewhere does not spoil it.
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
