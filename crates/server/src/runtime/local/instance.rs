//! One live sandbox behind the runtime's trait: its containers, each with an agent of its own.
//! Must not know: images, how it was born.

use std::{fs::File, io, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::future::join_all;
use jetway_agent::protocol::Tree;
use tokio::net::{TcpListener, TcpStream};

use super::{
    Site,
    birth::Born,
    clear, exec, file_calls,
    member::Member,
    network,
    record::{Home, Record},
    trees,
};
use crate::runtime::{
    ExecHandle, ExecRequest, ExitStatus, FileError, FileWriter, Freezing, ImageView, Instance, LogFiles, OpenFile,
    RuntimeError, SandboxPlan, TreePlace, TreeSum, Usage,
};

/// A sandbox of the local runtime.
pub struct LocalInstance {
    site: Arc<Site>,
    home: Home,
    block: Option<u32>,
    /// Names in order.
    volumes: Vec<String>,
    /// The primary one.
    primary: Member,
    /// The others.
    others: Vec<Member>,
}

impl LocalInstance {
    /// Watches a sandbox that was just born after `plan`.
    pub fn begin(site: Arc<Site>, born: Born, plan: &SandboxPlan) -> io::Result<LocalInstance> {
        let Born { home, block, containers } = born;
        let volumes = plan.volumes.iter().map(|volume| volume.name.clone()).collect();
        let deferred = plan.containers.iter().map(|container| container.deferred);
        let members = containers.into_iter().zip(deferred).map(|(born, deferred)| Member::begin(born, deferred));
        Self::of(site, home, block, volumes, members.collect::<io::Result<_>>()?)
    }

    /// Finds a sandbox again. `None` when it is gone.
    pub async fn adopt(site: Arc<Site>, id: &str) -> Result<Option<LocalInstance>, RuntimeError> {
        let home = Home::new(&site.sandboxes, id);
        let Ok(Record { block, containers, volumes }) = home.record() else { return Ok(None) };
        let mut members = Vec::new();
        for (index, container) in containers.into_iter().enumerate() {
            match Member::adopt(&site, home.container(index), container).await? {
                Some(member) => members.push(member),
                // A sandbox without one of its containers is not the one that was asked for.
                None => return Ok(None),
            }
        }
        Self::of(site, home, block, volumes, members)
            .map(Some)
            .map_err(RuntimeError::starting("find the sandbox again"))
    }

    fn of(
        site: Arc<Site>,
        home: Home,
        block: Option<u32>,
        volumes: Vec<String>,
        mut members: Vec<Member>,
    ) -> io::Result<LocalInstance> {
        if members.is_empty() {
            return Err(io::Error::other("a sandbox without containers"));
        }
        let primary = members.remove(0);
        site.enlist(&home);
        Ok(LocalInstance { site, home, block, volumes, primary, others: members })
    }

    fn members(&self) -> impl Iterator<Item = &Member> {
        std::iter::once(&self.primary).chain(&self.others)
    }

    fn find(&self, container: &str) -> Option<&Member> {
        match container {
            "" => Some(&self.primary),
            name => self.members().find(|member| member.record().name == name),
        }
    }

    fn member(&self, container: &str) -> Result<&Member, RuntimeError> {
        self.find(container).ok_or_else(|| RuntimeError::ContainerNotFound(container.to_owned()))
    }

    fn file_member(&self, container: &str, path: &str) -> Result<&Member, FileError> {
        let reason = format!("sandbox has no container named {container:?}");
        self.find(container).ok_or_else(|| FileError::Io { path: path.to_owned(), reason })
    }

    /// Whose agent knows a tree, and under which name.
    fn tree<'a>(&self, tree: &'a TreePlace) -> Result<(&Member, Tree, &'a str), FileError> {
        match tree {
            TreePlace::Volume(name) => {
                let index = self.volumes.iter().position(|own| own == name);
                let reason = format!("sandbox has no volume named {name:?}");
                let index = index.ok_or(FileError::Io { path: name.clone(), reason })?;
                Ok((&self.primary, Tree::Volume(index), name))
            }
            TreePlace::Directory { container, path } => {
                Ok((self.file_member(container, path)?, Tree::Directory(path.clone()), path))
            }
        }
    }
}

#[async_trait]
impl Instance for LocalInstance {
    async fn start_main(&self, container: &str) -> Result<(), RuntimeError> {
        self.member(container)?.start_main().await
    }

    async fn exec(&self, request: ExecRequest) -> Result<ExecHandle, RuntimeError> {
        let member = self.member(&request.container)?;
        exec::start(member.descriptor(), request).await
    }

    async fn open_file(&self, container: &str, path: &str) -> Result<OpenFile, FileError> {
        file_calls::open(self.file_member(container, path)?.descriptor(), path).await
    }

    async fn create_file(&self, container: &str, path: &str) -> Result<FileWriter, FileError> {
        file_calls::create(self.file_member(container, path)?.descriptor(), path).await
    }

    async fn dial(&self, port: u16) -> Result<TcpStream, RuntimeError> {
        network::dial(self.primary.descriptor(), port).await
    }

    async fn egress(&self) -> Result<TcpListener, RuntimeError> {
        network::egress(self.primary.descriptor()).await
    }

    async fn save_tree(&self, tree: &TreePlace, into: File) -> Result<TreeSum, FileError> {
        let (member, place, name) = self.tree(tree)?;
        trees::save(member.descriptor(), place, name, &into).await
    }

    async fn restore_tree(&self, tree: &TreePlace, from: File) -> Result<TreeSum, FileError> {
        let (member, place, name) = self.tree(tree)?;
        trees::restore(member.descriptor(), place, name, &from).await
    }

    fn logs(&self, container: &str) -> Option<LogFiles> {
        self.find(container).map(Member::logs)
    }

    fn exit_code(&self, container: &str) -> Option<i32> {
        self.find(container)?.exit_code()
    }

    async fn main_exit(&self, container: &str) -> ExitStatus {
        match self.find(container) {
            Some(member) => member.main_exit().await,
            None => ExitStatus { code: 127, lost: Some(format!("sandbox has no container named {container:?}")) },
        }
    }

    async fn freeze(&self) -> Result<Freezing, RuntimeError> {
        let frozen: Result<Vec<_>, _> = join_all(self.members().map(Member::freeze)).await.into_iter().collect();
        match frozen {
            Ok(by) if by.contains(&Freezing::Signal) => Ok(Freezing::Signal),
            Ok(_) => Ok(Freezing::ControlGroup),
            Err(error) => {
                // All of them or none.
                let _ = self.thaw().await;
                Err(error)
            }
        }
    }

    async fn thaw(&self) -> Result<(), RuntimeError> {
        join_all(self.members().map(Member::thaw)).await.into_iter().collect()
    }

    async fn stop(&self, grace: Duration) -> Result<(), RuntimeError> {
        // What is frozen hears no signal. Failing shows in what follows.
        let _ = self.thaw().await;
        let stopped = join_all(self.members().map(|member| member.stop(grace))).await;
        stopped.into_iter().collect()
    }

    async fn remove(&self) -> Result<(), RuntimeError> {
        for member in self.members() {
            // What is frozen does not even die.
            let _ = member.unfreeze().await;
        }
        self.members().for_each(Member::kill);
        for member in self.members() {
            member.ended().await?;
        }
        let groups: Vec<_> = self.members().map(|member| member.group().clone()).collect();
        let (site, home, block) = (self.site.clone(), self.home.clone(), self.block);
        let removed = tokio::task::spawn_blocking(move || {
            let removed = clear::remove(&site, &home, groups, block);
            site.discharge(&home);
            removed
        });
        let removed = removed.await.map_err(io::Error::other).and_then(|removed| removed);
        removed.map_err(|source| RuntimeError::Io { context: "remove the sandbox".into(), source })
    }

    async fn gone(&self) {
        self.primary.gone().await;
    }

    async fn usage(&self) -> Usage {
        let used = join_all(self.members().map(Member::usage)).await;
        used.into_iter().fold(Usage::default(), |sum, one| Usage {
            cpu_millicores: sum.cpu_millicores + one.cpu_millicores,
            memory_bytes: sum.memory_bytes + one.memory_bytes,
        })
    }

    fn view(&self) -> &ImageView {
        &self.primary.record().view
    }
}
