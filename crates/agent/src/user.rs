//! Whose processes a container runs: a name or a number, looked up in the container's own files.
//! Must not know: images, the server.

use std::{fs::File, io::Read};

use rustix::process::{Gid, Uid};

use crate::{
    files,
    protocol::{Failure, Ids, Setup},
};

/// Longest `/etc/passwd` that is read.
const MAX_FILE: u64 = 4 << 20;

/// Ids to run as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// User id.
    pub uid: Uid,
    /// Its group.
    pub gid: Gid,
    /// The other groups it is in.
    pub groups: Vec<Gid>,
    /// Where it lives.
    pub home: String,
}

impl User {
    /// Whether it is the sandbox's root.
    pub fn is_root(&self) -> bool {
        self.uid.is_root()
    }
}

/// Who a container's processes are; their home goes into its environment.
///
/// # Errors
/// Naming what is missing, or that there is nobody but root.
pub fn of(setup: &mut Setup) -> Result<User, Failure> {
    let asked = &setup.container.user;
    let user = find(asked)?;
    if setup.ids == Ids::Single && !(user.is_root() && user.gid.is_root()) {
        let step = format!(
            "become {asked:?}: the server runs as an ordinary user, so root is the only user in its sandboxes; ask for user 0"
        );
        return Err(Failure { step, errno: libc::EPERM });
    }
    setup.container.env.entry("HOME".into()).or_insert_with(|| user.home.clone());
    Ok(user)
}

/// Looks `name`, `uid`, `name:group` or `uid:gid` up; empty means root.
fn find(asked: &str) -> Result<User, Failure> {
    resolve(asked, &read("/etc/passwd"), &read("/etc/group")).map_err(|missing| Failure {
        step: format!("find the user {asked:?} of the image: {missing}"),
        errno: libc::EINVAL,
    })
}

/// A file that is missing, or is something else than a file, knows nobody.
fn read(path: &str) -> String {
    let Ok((file, _)) = files::open(path) else { return String::new() };
    let mut bytes = Vec::new();
    match File::from(file).take(MAX_FILE).read_to_end(&mut bytes) {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => String::new(),
    }
}

fn resolve(asked: &str, passwd: &str, group: &str) -> Result<User, &'static str> {
    let (user, asked_group) = match asked.split_once(':') {
        Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
        None => (asked, None),
    };
    let user = if user.is_empty() { "0" } else { user };
    let number: Option<u32> = user.parse().ok();
    let entry = rows(passwd).find(|row| match number {
        Some(number) => row.get(2) == Some(&number.to_string().as_str()),
        None => row.first() == Some(&user),
    });
    let field = |index: usize| entry.as_ref().and_then(|row| row.get(index).copied());
    let uid = number.or_else(|| field(2)?.parse().ok()).ok_or("its /etc/passwd has no such name")?;
    let gid = match asked_group {
        None => field(3).and_then(|gid| gid.parse().ok()).unwrap_or(0),
        Some(name) => name
            .parse()
            .ok()
            .or_else(|| rows(group).find(|row| row.first() == Some(&name))?.get(2)?.parse().ok())
            .ok_or("its /etc/group has no such name")?,
    };
    let name = field(0);
    let member = |row: &Vec<&str>| row.get(3).is_some_and(|members| members.split(',').any(|one| Some(one) == name));
    let groups = match asked_group {
        // A group on its own means this group alone.
        Some(_) => Vec::new(),
        None => rows(group)
            .filter(member)
            .filter_map(|row| row.get(2)?.parse().ok())
            .filter(|other| *other != gid)
            .collect(),
    };
    let home = field(5).filter(|home| home.starts_with('/')).unwrap_or(if uid == 0 { "/root" } else { "/" });
    if uid == u32::MAX || gid == u32::MAX {
        return Err("its number is reserved");
    }
    let groups = groups.into_iter().filter(|id| *id != u32::MAX).map(Gid::from_raw).collect();
    Ok(User { uid: Uid::from_raw(uid), gid: Gid::from_raw(gid), groups, home: home.to_owned() })
}

fn rows(file: &str) -> impl Iterator<Item = Vec<&str>> {
    file.lines().map(|line| line.split(':').collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nredis:x:101:102::/var/lib/redis:/bin/false\n";
    const GROUP: &str = "root:x:0:\nredis:x:102:\nextra:x:200:redis,other\n";

    fn ids(asked: &str) -> (u32, u32, Vec<u32>, String) {
        let user = resolve(asked, PASSWD, GROUP).unwrap();
        let groups = user.groups.iter().map(|group| group.as_raw()).collect();
        (user.uid.as_raw(), user.gid.as_raw(), groups, user.home)
    }

    #[test]
    fn names_and_numbers_lead_to_ids() {
        assert_eq!(ids(""), (0, 0, vec![], "/root".into()));
        assert_eq!(ids("redis"), (101, 102, vec![200], "/var/lib/redis".into()));
        assert_eq!(ids("101"), (101, 102, vec![200], "/var/lib/redis".into()));
        assert_eq!(ids("redis:extra"), (101, 200, vec![], "/var/lib/redis".into()));
        assert_eq!(ids("1234:77"), (1234, 77, vec![], "/".into()));
        assert_eq!(ids("1234"), (1234, 0, vec![], "/".into()));
    }

    #[test]
    fn who_is_unknown_is_refused() {
        for asked in ["nobody-here", "redis:nothing", "4294967295", "-1"] {
            assert!(resolve(asked, PASSWD, GROUP).is_err(), "{asked}");
        }
    }
}
