//! A sandbox's birth, from an empty directory to running main commands. Blocking: it runs on a thread of its own.
//! Must not know: tokio, images' names.

use std::io;

use super::{
    Site, clear,
    container::{self, Conception},
    host_view, plan,
    record::{Home, Record},
    roots::Root,
    volumes::Volumes,
};
use crate::runtime::{FilePlan, RuntimeError, SandboxPlan};

/// A sandbox that runs.
pub struct Born {
    /// Its directory.
    pub home: Home,
    /// First id of its block; `None` under an ordinary user.
    pub block: Option<u32>,
    /// In the plan's order.
    pub containers: Vec<container::Born>,
}

/// What exists so far, to be undone if the rest fails.
struct Partial<'a> {
    site: &'a Site,
    born: Option<Born>,
}

impl Drop for Partial<'_> {
    fn drop(&mut self) {
        if let Some(born) = &self.born {
            // What cannot be removed now, the next sweep finds.
            let _ = undo(self.site, born);
        }
    }
}

/// Kills a sandbox that nobody watches yet and removes what it used.
pub fn undo(site: &Site, born: &Born) -> io::Result<()> {
    for container in &born.containers {
        clear::kill(&container.process);
    }
    clear::remove(site, &born.home, born.containers.iter().map(|container| container.group.clone()), born.block)
}

/// Gives birth to `plan`'s sandbox; `roots` are its containers', in order.
pub fn give(site: &Site, plan: &SandboxPlan, roots: Vec<Root>) -> Result<Born, RuntimeError> {
    plan::check(plan)?;
    let limits = plan.containers.iter().map(|container| site.limits(&container.limits));
    let limits = limits.collect::<Result<Vec<_>, _>>()?;
    let block = match &site.blocks {
        None => None,
        Some(blocks) => Some(blocks.take().ok_or_else(|| RuntimeError::Unsupported("no user ids left".into()))?),
    };
    let home = Home::new(&site.sandboxes, &plan.id);
    let mut partial = Partial { site, born: Some(Born { home: home.clone(), block, containers: Vec::new() }) };
    let Some(born) = &mut partial.born else { return Err(RuntimeError::Gone("it was never begun".into())) };
    home.make().map_err(context("make the sandbox's directory"))?;

    let (mut family, egress) = (None, plan.network.egress.is_some());
    let mut volumes = Volumes::make(site, plan, &home, block)?;
    for (index, ((plan, root), limits)) in plan.containers.iter().zip(roots).zip(limits).enumerate() {
        let wanted =
            Conception { home: home.container(index), plan, root, limits, block, egress, volumes: &mut volumes };
        born.containers.push(container::give(site, wanted, &mut family)?);
    }
    let hosts = hosts(plan);
    for (plan, container) in plan.containers.iter().zip(&born.containers) {
        plan::write_files(&container.descriptor, &hosts)?;
        plan::write_files(&container.descriptor, &plan.files)?;
    }
    let containers = born.containers.iter().map(|container| container.record.clone()).collect();
    let volumes = plan.volumes.iter().map(|volume| volume.name.clone()).collect();
    home.write(&Record { block, containers, volumes }).map_err(context("record the sandbox"))?;
    for (plan, container) in plan.containers.iter().zip(&mut born.containers) {
        if !plan.deferred {
            container::start_main(&mut container.control)?;
        }
    }
    partial.born.take().ok_or_else(|| RuntimeError::Gone("it was lost".into()))
}

/// Containers share one network, so each one's name means this very machine.
fn hosts(plan: &SandboxPlan) -> Vec<FilePlan> {
    if plan.containers.len() < 2 {
        return Vec::new();
    }
    let names: Vec<&str> = plan.containers.iter().map(|container| container.name.as_str()).collect();
    let content = format!("{}127.0.0.1 {}\n", host_view::HOSTS, names.join(" "));
    vec![FilePlan { path: "/etc/hosts".into(), content: content.into_bytes() }]
}

pub(super) fn context(what: &'static str) -> impl Fn(io::Error) -> RuntimeError + Copy {
    move |source| RuntimeError::Io { context: what.into(), source }
}
