//! SettingsService: secret stores, and the settings of a hosted service that one machine has no use for. Reading those
//! gives their defaults; changing them is refused rather than accepted and ignored.

use tonic::{Request, Response, Status};

use super::{Api, Problem, snapshot};
use crate::wire::sandbox::{self as wire, settings_service_server::SettingsService};

const NO_BUILDS: &str = "leave it out: nothing is built here, so there is nowhere to keep builds";
const NO_FEDERATION: &str = "leave it out, and give the sandbox credentials of its own through a secret store";

#[tonic::async_trait]
impl SettingsService for Api {
    async fn get_build_storage_config(
        &self,
        _: Request<wire::GetBuildStorageConfigRequest>,
    ) -> Result<Response<wire::BuildStorageConfig>, Status> {
        Ok(Response::new(wire::BuildStorageConfig::default()))
    }

    async fn update_build_storage_config(
        &self,
        _: Request<wire::UpdateBuildStorageConfigRequest>,
    ) -> Result<Response<wire::BuildStorageConfig>, Status> {
        Err(Problem::cannot_honour("build_storage_config", NO_BUILDS).into())
    }

    async fn get_object_storage_wif_config(
        &self,
        _: Request<wire::GetObjectStorageWifConfigRequest>,
    ) -> Result<Response<wire::ObjectStorageWifConfig>, Status> {
        Ok(Response::new(wire::ObjectStorageWifConfig::default()))
    }

    async fn update_object_storage_wif_config(
        &self,
        _: Request<wire::UpdateObjectStorageWifConfigRequest>,
    ) -> Result<Response<wire::ObjectStorageWifConfig>, Status> {
        Err(Problem::cannot_honour("object_storage_wif_config", NO_FEDERATION).into())
    }

    async fn delete_object_storage_wif_config(
        &self,
        request: Request<wire::DeleteObjectStorageWifConfigRequest>,
    ) -> Result<Response<()>, Status> {
        if request.into_inner().allow_missing {
            return Ok(Response::new(()));
        }
        let text = "there is no object storage configuration here; set allow_missing if that is fine";
        Err(Problem::new(tonic::Code::NotFound, "CWSANDBOX_INVALID_REQUEST", text).into())
    }

    async fn get_file_system_snapshot_bucket_config(
        &self,
        _: Request<wire::GetFileSystemSnapshotBucketConfigRequest>,
    ) -> Result<Response<wire::FileSystemSnapshotBucketConfig>, Status> {
        Ok(Response::new(own_bucket()))
    }

    async fn update_file_system_snapshot_bucket_config(
        &self,
        request: Request<wire::UpdateFileSystemSnapshotBucketConfigRequest>,
    ) -> Result<Response<wire::FileSystemSnapshotBucketConfig>, Status> {
        let asked = request.into_inner().file_system_snapshot_bucket_config.unwrap_or_default();
        let named = [asked.bucket_name.as_str(), asked.region.as_str()].iter().any(|name| !name.is_empty());
        if asked.mode() == wire::FileSystemSnapshotBucketMode::BringYourOwn || named {
            let fix = "leave it: snapshots are kept in this server's data directory, and nowhere else";
            return Err(Problem::cannot_honour("file_system_snapshot_bucket_config", fix).into());
        }
        Ok(Response::new(own_bucket()))
    }

    async fn create_secret_store(
        &self,
        request: Request<wire::CreateSecretStoreRequest>,
    ) -> Result<Response<wire::SecretStore>, Status> {
        Ok(Response::new(self.create_store(request.into_inner()).await?))
    }

    async fn get_secret_store(
        &self,
        request: Request<wire::GetSecretStoreRequest>,
    ) -> Result<Response<wire::SecretStore>, Status> {
        Ok(Response::new(self.get_store(&request.get_ref().name).await?))
    }

    async fn list_secret_stores(
        &self,
        request: Request<wire::ListSecretStoresRequest>,
    ) -> Result<Response<wire::ListSecretStoresResponse>, Status> {
        Ok(Response::new(self.list_stores(request.into_inner()).await?))
    }

    async fn update_secret_store(
        &self,
        request: Request<wire::UpdateSecretStoreRequest>,
    ) -> Result<Response<wire::SecretStore>, Status> {
        Ok(Response::new(self.update_store(request.into_inner()).await?))
    }

    async fn delete_secret_store(
        &self,
        request: Request<wire::DeleteSecretStoreRequest>,
    ) -> Result<Response<()>, Status> {
        self.delete_store(request.into_inner()).await?;
        Ok(Response::new(()))
    }
}

/// The only bucket there is.
fn own_bucket() -> wire::FileSystemSnapshotBucketConfig {
    wire::FileSystemSnapshotBucketConfig {
        mode: wire::FileSystemSnapshotBucketMode::CwManaged.into(),
        effective_bucket_name: snapshot::BUCKET.to_owned(),
        ..Default::default()
    }
}
