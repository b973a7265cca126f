//! The rpcs about templates, secret stores, runners, snapshots and volumes. Must not know: what is made from them.

use super::{CallOptions, Client};
use crate::{
    error::{CallContext, Error, Operation},
    wire,
};

macro_rules! calls {
    ($($(#[$doc:meta])* $method:ident: $operation:ident($request:ident) -> $answer:ty;)*) => {
        impl Client {
            $($(#[$doc])*
            pub(crate) async fn $method(
                &self,
                request: wire::$request,
                options: &CallOptions,
            ) -> Result<$answer, Error> {
                self.unary(CallContext::new(Operation::$operation), options, request).await
            })*
        }
    };
}

calls! {
    /// Stores a template; the request id must be set and stay the same over repetitions.
    create_template: CreateSandboxTemplate(CreateSandboxTemplateRequest) -> wire::SandboxTemplate;
    /// One template.
    get_template: GetSandboxTemplate(GetSandboxTemplateRequest) -> wire::SandboxTemplate;
    /// One page of templates.
    list_templates: ListSandboxTemplates(ListSandboxTemplatesRequest) -> wire::ListSandboxTemplatesResponse;
    /// Changes what the mask names.
    update_template: UpdateSandboxTemplate(UpdateSandboxTemplateRequest) -> wire::SandboxTemplate;
    /// Hides a template.
    delete_template: DeleteSandboxTemplate(DeleteSandboxTemplateRequest) -> ();
    /// Registers a store; the request id must be set and stay the same over repetitions.
    create_secret_store: CreateSecretStore(CreateSecretStoreRequest) -> wire::SecretStore;
    /// One store.
    get_secret_store: GetSecretStore(GetSecretStoreRequest) -> wire::SecretStore;
    /// One page of stores.
    list_secret_stores: ListSecretStores(ListSecretStoresRequest) -> wire::ListSecretStoresResponse;
    /// Forgets a store.
    delete_secret_store: DeleteSecretStore(DeleteSecretStoreRequest) -> ();
    /// One page of runners.
    list_runners: ListAvailableRunners(ListAvailableRunnersRequest) -> wire::ListAvailableRunnersResponse;
    /// One runner.
    get_runner: GetAvailableRunner(GetAvailableRunnerRequest) -> wire::AvailableRunner;
    /// Takes a snapshot; the request id must be set and stay the same over repetitions.
    create_snapshot: CreateFileSystemSnapshot(CreateFileSystemSnapshotRequest) -> wire::FileSystemSnapshot;
    /// One snapshot.
    get_snapshot: GetFileSystemSnapshot(GetFileSystemSnapshotRequest) -> wire::FileSystemSnapshot;
    /// One page of snapshots.
    list_snapshots: ListFileSystemSnapshots(ListFileSystemSnapshotsRequest) -> wire::ListFileSystemSnapshotsResponse;
    /// Removes a snapshot.
    delete_snapshot: DeleteFileSystemSnapshot(DeleteFileSystemSnapshotRequest) -> wire::FileSystemSnapshot;
    /// Registers a volume; the request id must be set and stay the same over repetitions.
    create_volume: CreateVolume(CreateVolumeRequest) -> wire::Volume;
    /// One volume.
    get_volume: GetVolume(GetVolumeRequest) -> wire::Volume;
    /// One page of volumes.
    list_volumes: ListVolumes(ListVolumesRequest) -> wire::ListVolumesResponse;
    /// Changes what the mask names.
    update_volume: UpdateVolume(UpdateVolumeRequest) -> wire::Volume;
    /// Forgets a volume.
    delete_volume: DeleteVolume(DeleteVolumeRequest) -> wire::Volume;
    /// Checks a volume again.
    validate_volume: ValidateVolume(ValidateVolumeRequest) -> wire::Volume;
}
