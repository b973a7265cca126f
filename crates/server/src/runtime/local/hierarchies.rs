//! Where this server may make control groups: at the top of a hierarchy as root, else below what somebody delegated to it.
//! Must not know: sandboxes.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::cgroups::{Cgroups, Place, make, write};

/// The leaf that a server moves into to make room for groups beside it.
const SERVER_LEAF: &str = "jetway-server";

/// Looks for writable controllers for groups below a group called `name`.
pub fn find(name: &str) -> Cgroups {
    let mounts = mounts(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default());
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    for mount in mounts.iter().filter(|mount| mount.controllers.is_none()) {
        let mut parents = vec![mount.point.clone()];
        // A group with processes of its own cannot share controllers out, so the one above comes first.
        let here = mount.group(path_in(&own, |hierarchy, _| hierarchy == "0"));
        parents.extend(here.parent().filter(|parent| parent.starts_with(&mount.point)).map(Path::to_path_buf));
        let found = parents.into_iter().find_map(|parent| unified_at(&parent.join(name)));
        if let Some(cgroups) = found.or_else(|| make_room(&here).and_then(|()| unified_at(&here.join(name)))) {
            return cgroups;
        }
    }
    let legacy = |controller: &str| {
        let has = |mount: &&Mount| mount.controllers.iter().flatten().any(|one| one == controller);
        let mount = mounts.iter().find(has)?;
        let here = mount.group(path_in(&own, |_, names| names.split(',').any(|one| one == controller)));
        [mount.point.clone(), here].into_iter().find_map(|above| {
            let parent = above.join(name);
            let usable =
                make(&parent).is_ok() && make(&parent.join("probe")).is_ok() && enterable(&parent.join("probe"));
            let _ = fs::remove_dir(parent.join("probe"));
            let _ = fs::remove_dir(&parent);
            usable.then_some(Place { parent, unified: false })
        })
    };
    Cgroups { memory: legacy("memory"), pids: legacy("pids"), cpu: legacy("cpu"), freezer: legacy("freezer") }
}

/// A mounted hierarchy; `controllers` is `None` for the unified one.
struct Mount {
    /// Which of its groups is mounted: not the top one in a container.
    root: PathBuf,
    point: PathBuf,
    controllers: Option<Vec<String>>,
}

impl Mount {
    /// Where the group at `path` of the hierarchy is found.
    fn group(&self, path: &str) -> PathBuf {
        let inside = Path::new(path).strip_prefix(&self.root).unwrap_or(Path::new(""));
        self.point.join(inside)
    }
}

fn mounts(table: &str) -> Vec<Mount> {
    let parse = |line: &str| {
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split(' ').skip(3).map(PathBuf::from);
        let (root, point) = (left.next()?, left.next()?);
        let mut right = right.split(' ');
        match (right.next()?, right.nth(1)?) {
            ("cgroup2", _) => Some(Mount { root, point, controllers: None }),
            ("cgroup", options) => {
                Some(Mount { root, point, controllers: Some(options.split(',').map(str::to_owned).collect()) })
            }
            _ => None,
        }
    };
    table.lines().filter_map(parse).collect()
}

/// The path of this process's group in the hierarchy that `is` picks by its number and its controllers.
fn path_in(own: &str, is: impl Fn(&str, &str) -> bool) -> &str {
    let parse = |line: &'_ str| -> Option<(String, String, usize)> {
        let (hierarchy, rest) = line.split_once(':')?;
        let (names, path) = rest.split_once(':')?;
        Some((hierarchy.to_owned(), names.to_owned(), line.len() - path.len()))
    };
    let found = own.lines().find_map(|line| {
        let (hierarchy, names, at) = parse(line)?;
        is(&hierarchy, &names).then(|| &line[at..])
    });
    found.unwrap_or("/")
}

/// Whether this process may put others into the group: a directory that can be made is not enough where somebody
/// delegated the directory and forgot its files.
fn enterable(group: &Path) -> bool {
    fs::OpenOptions::new().write(true).open(group.join("cgroup.procs")).is_ok()
}

/// Moves this process out of the group that was delegated to it, into a leaf below: only a group without processes of its
/// own can share controllers out. Fails where others live in the group, too.
fn make_room(here: &Path) -> Option<()> {
    let members = fs::read_to_string(here.join("cgroup.procs")).ok()?;
    let alone = members.lines().all(|pid| pid.trim().parse() == Ok(std::process::id()));
    let leaf = here.join(SERVER_LEAF);
    if !alone || make(&leaf).is_err() {
        return None;
    }
    let moved = write(&leaf, "cgroup.procs", std::process::id());
    if moved.is_err() {
        let _ = fs::remove_dir(&leaf);
    }
    moved.ok()
}

fn unified_at(group: &Path) -> Option<Cgroups> {
    make(group).ok()?;
    delegate(group);
    let shared = fs::read_to_string(group.join("cgroup.subtree_control")).unwrap_or_default();
    let _ = fs::remove_dir(group);
    let place = |controller: &str| {
        let parent = group.to_path_buf();
        shared.split_ascii_whitespace().any(|one| one == controller).then_some(Place { parent, unified: true })
    };
    // Freezing belongs to every group of this version; no controller is needed for it.
    let freezer = Some(Place { parent: group.to_path_buf(), unified: true });
    let cgroups = Cgroups { memory: place("memory"), pids: place("pids"), cpu: place("cpu"), freezer };
    (cgroups.limits() != (false, false, false)).then_some(cgroups)
}

/// Hands every controller down to a group's children, as far as it has them itself.
pub fn delegate(group: &Path) {
    for controller in ["+memory", "+pids", "+cpu"] {
        for level in [group.parent(), Some(group)].into_iter().flatten() {
            // What is refused here shows in `cgroup.subtree_control` afterwards.
            let _: io::Result<()> = write(level, "cgroup.subtree_control", controller);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_group_is_found_below_what_is_mounted() {
        let own = "9:name=systemd:/\n4:memory,hugetlb:/outer/inner\n0::/user.slice/app.scope\n";
        assert_eq!(path_in(own, |_, names| names.split(',').any(|one| one == "memory")), "/outer/inner");
        assert_eq!(path_in(own, |hierarchy, _| hierarchy == "0"), "/user.slice/app.scope");
        assert_eq!(path_in(own, |_, names| names == "cpu"), "/");
        let table = "30 20 0:25 /outer /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory,hugetlb\n\
                     31 20 0:26 / /sys/fs/cgroup/unified rw shared:4 - cgroup2 none rw\n\
                     32 20 8:1 / / rw - ext4 /dev/root rw\n";
        let [memory, unified] = mounts(table).try_into().ok().unwrap();
        assert_eq!(memory.controllers.as_deref(), Some(&["rw".to_owned(), "memory".into(), "hugetlb".into()][..]));
        assert_eq!(memory.group("/outer/inner"), Path::new("/sys/fs/cgroup/memory/inner"));
        assert_eq!(unified.group("/user.slice/app.scope"), Path::new("/sys/fs/cgroup/unified/user.slice/app.scope"));
    }
}
