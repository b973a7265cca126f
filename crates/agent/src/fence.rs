//! Landlock around process one and everything it starts, as depth behind the namespaces: from here on nobody in the
//! sandbox mounts anything, makes device nodes, or sends `ioctl`s to devices outside `/dev`.
//!
//! Around all of them at once, because two domains beside each other could not look at each other in `/proc`.
//! Must not know: requests.

use std::io;

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError,
};

use crate::protocol::Failure;

/// Raises it. A kernel without Landlock, or with an older one, fences less: the other walls stand anyway.
pub fn raise(roots: &[&str]) -> Result<(), Failure> {
    fence(roots).map_err(|error| Failure::at(format!("raise the Landlock fence ({error})"))(io::Error::other(error)))
}

fn fence(roots: &[&str]) -> Result<(), RulesetError> {
    // Only what is named here is judged at all; reading and writing stay the file systems' own business.
    let judged: BitFlags<AccessFs> = AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev | AccessFs::Refer;
    let judged = judged & AccessFs::from_all(ABI::V5);
    let mut rules = Ruleset::default().set_compatibility(CompatLevel::BestEffort).handle_access(judged)?.create()?;
    for root in roots {
        // Moving files between directories is refused to whoever does not ask for it.
        if let Ok(directory) = PathFd::new(root) {
            rules = rules.add_rule(PathBeneath::new(directory, AccessFs::Refer))?;
        }
        if let Ok(devices) = PathFd::new(format!("{root}/dev")) {
            rules = rules.add_rule(PathBeneath::new(devices, AccessFs::IoctlDev))?;
        }
    }
    rules.restrict_self().map(drop)
}
