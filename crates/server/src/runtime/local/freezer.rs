//! Freezing by control group, version 2 or 1: the kernel holds every process where it is. Blocking, for moments.
//! Must not know: sandboxes.

use std::{
    fs, io,
    path::PathBuf,
    thread::sleep,
    time::{Duration, Instant},
};

use super::cgroups::write;

/// How long the kernel may take: a process in a system call that cannot be interrupted holds it up.
const PATIENCE: Duration = Duration::from_secs(10);

/// A group whose processes can be frozen.
pub struct Freezer {
    group: PathBuf,
    unified: bool,
}

impl Freezer {
    /// The freezer of a group's directory.
    pub fn at(group: PathBuf, unified: bool) -> Freezer {
        Freezer { group, unified }
    }

    /// Freezes all of them, or none.
    pub fn freeze(&self) -> io::Result<()> {
        self.order(true)?;
        let deadline = Instant::now() + PATIENCE;
        while !self.is_frozen()? {
            if Instant::now() >= deadline {
                self.order(false)?;
                let text = "a process is in the middle of something that the kernel cannot interrupt";
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Lets them go on. A group that is gone has nobody to let go.
    pub fn thaw(&self) -> io::Result<()> {
        match self.order(false) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            ordered => ordered,
        }
    }

    fn order(&self, frozen: bool) -> io::Result<()> {
        match (self.unified, frozen) {
            (true, frozen) => write(&self.group, "cgroup.freeze", u8::from(frozen)),
            (false, true) => write(&self.group, "freezer.state", "FROZEN"),
            (false, false) => write(&self.group, "freezer.state", "THAWED"),
        }
    }

    fn is_frozen(&self) -> io::Result<bool> {
        Ok(match self.unified {
            true => fs::read_to_string(self.group.join("cgroup.events"))?.lines().any(|line| line == "frozen 1"),
            false => fs::read_to_string(self.group.join("freezer.state"))?.trim() == "FROZEN",
        })
    }
}
