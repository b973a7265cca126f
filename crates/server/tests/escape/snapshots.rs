//! Snapshots of trees that a sandbox prepared, restored into another one.

use jetway_server::wire::sandbox::{
    Container, CreateFileSystemSnapshotRequest, SandboxSpec, SandboxVolume, ScratchVolume, SnapshotState, VolumeMount,
    sandbox_volume::Source,
};

use crate::{
    case::{Case, ensure},
    site::{Box as Sandbox, Site},
};

async fn with_volume(site: &Site, restore: &str) -> Result<Sandbox, String> {
    let scratch = ScratchVolume { restore_from_snapshot_id: restore.into(), ..ScratchVolume::default() };
    let mount = VolumeMount { volume: "work".into(), mount_path: "/work".into(), ..VolumeMount::default() };
    let spec = SandboxSpec {
        containers: vec![Container { volume_mounts: vec![mount], ..Container::default() }],
        volumes: vec![SandboxVolume { name: "work".into(), source: Some(Source::Scratch(scratch)) }],
        ..SandboxSpec::default()
    };
    site.create_from(spec).await.map_err(|status| format!("no sandbox: {status:?}"))
}

/// Prepares a tree, saves it, restores it elsewhere, and looks at it there.
async fn round_trip(site: &Site, prepare: &str, look: &str) -> Result<String, String> {
    let source = with_volume(site, "").await?;
    source.sh(prepare).await?;
    let request = CreateFileSystemSnapshotRequest { sandbox_id: source.id.clone(), ..Default::default() };
    let made = site.client().create_file_system_snapshot(request).await.map_err(|status| format!("{status:?}"))?;
    let made = made.into_inner();
    ensure!(made.state() == SnapshotState::Ready, "{made:?}");
    let restored = with_volume(site, &made.file_system_snapshot_id).await?;
    let seen = restored.sh(look).await;
    source.delete().await;
    restored.delete().await;
    seen
}

pub fn cases() -> Vec<Case> {
    vec![
        Case::scene("links_out_of_the_tree", "have the restore write through links that lead out of the volume", |site| {
            Box::pin(async move {
                let prepare = "cd /work; ln -s /etc etc; ln -s ../../../../tmp tmp; ln -s / root; mkdir -p real/passwd; echo x > real/file";
                let look = "cd /work; readlink etc tmp root; cat real/file; grep -c '^root:' /etc/passwd; ls /tmp | wc -l";
                let seen = round_trip(&site, prepare, look).await?;
                ensure!(seen == "/etc\n../../../../tmp\n/\nx\n1\n0", "{seen}");
                Ok(())
            })
        })
        .blocked_by("trees are saved and restored inside sandboxes, and links are restored as links"),
        Case::scene("odd_names_in_the_tree", "break out with names of files", |site| {
            Box::pin(async move {
                let prepare = "cd /work; touch -- '-rf' '..x' '...' '.. ' \"$(printf 'a\\nb')\" \"$(printf '\\377')\"";
                let look = "ls -A /work | wc -l; ls / | grep -c work";
                let seen = round_trip(&site, prepare, look).await?;
                ensure!(seen == "7\n2", "{seen}");
                Ok(())
            })
        })
        .blocked_by("names are single steps; a step up is none"),
        Case::scene("host_file_in_the_tree", "have the snapshot take a host's file along through a link", |site| {
            Box::pin(async move {
                let token = site.data_dir.path().join("token").display().to_string();
                let prepare = format!("ln -s {token} /work/token; ln -s /proc/1/environ /work/environ");
                let seen = round_trip(&site, &prepare, "cat /work/token /work/environ 2>/dev/null | wc -c; readlink /work/token").await?;
                ensure!(seen == format!("0\n{token}"), "{seen}");
                Ok(())
            })
        })
        .blocked_by("links are saved as links, by an agent that does not see the host"),
        Case::scene("set_uid_in_the_tree", "bring a set-uid program along", |site| {
            Box::pin(async move {
                let seen = round_trip(&site, "cp /usr/bin/id /work/id; chmod 4755 /work/id", "grep -o nosuid /proc/self/mounts | sort -u; /work/id -u").await?;
                ensure!(seen == "nosuid\n0", "{seen}");
                Ok(())
            })
        })
        .blocked_by("every file system of a sandbox is mounted nosuid, and no_new_privs"),
    ]
}
