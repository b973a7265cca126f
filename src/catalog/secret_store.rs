//! Places that secrets are taken from: their names, never their values.

use std::time::SystemTime;

use super::{given, named, pages};
use crate::{
    client::{self, CallOptions, Client},
    error::Error,
    sandbox::time,
    wire::{self, secret_store::ProviderConfig},
};

/// A store of secrets that sandboxes can name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SecretStore {
    /// Unique in the account; what a sandbox's `secrets` name.
    pub name: String,
    /// The Weights and Biases team whose secrets these are; `None` for a store of the server's own.
    pub wandb_team: Option<String>,
    /// That team's service, unless it is the public one.
    pub wandb_api_url: Option<String>,
    /// When it was registered; `None` for one that the operator configured.
    pub created_at: Option<SystemTime>,
    /// When it was changed last.
    pub updated_at: Option<SystemTime>,
}

/// A store to register.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SecretStoreOptions {
    /// Takes the secrets of this Weights and Biases team. Default: the server's own files.
    pub wandb_team: Option<String>,
    /// That team's service, unless it is the public one.
    pub wandb_api_url: Option<String>,
}

impl SecretStoreOptions {
    /// Takes the secrets of a Weights and Biases team.
    pub fn wandb_team(mut self, team: impl Into<String>) -> Self {
        self.wandb_team = Some(team.into());
        self
    }

    /// Sets where that team's service is.
    pub fn wandb_api_url(mut self, url: impl Into<String>) -> Self {
        self.wandb_api_url = Some(url.into());
        self
    }

    fn into_wire(self, name: &str) -> Result<wire::SecretStore, Error> {
        named("name", name)?;
        let mut store = wire::SecretStore { name: name.to_owned(), ..Default::default() };
        match (self.wandb_team, self.wandb_api_url) {
            (Some(team), api_url) => {
                named("wandbTeam", &team)?;
                store.set_provider_type(wire::SecretStoreProviderType::Wandb);
                let api_url = api_url.unwrap_or_default();
                store.provider_config = Some(ProviderConfig::Wandb(wire::WandBStoreConfig { api_url, team }));
            }
            (None, Some(_)) => return Err(Error::invalid("wandbApiUrl", "needs `wandbTeam`")),
            (None, None) => {}
        }
        Ok(store)
    }
}

impl SecretStore {
    /// Registers a store under `name`; the secrets stay with its provider.
    ///
    /// # Errors
    /// Validation for a wrong name; not supported for a provider that the server lacks; as any call.
    pub async fn create(client: &Client, name: &str, options: SecretStoreOptions) -> Result<Self, Error> {
        let store = options.into_wire(name)?;
        let request = wire::CreateSecretStoreRequest { secret_store: Some(store), request_id: client::request_id()? };
        client.create_secret_store(request, &CallOptions::default()).await.map(Self::from_wire)
    }

    /// The store of that name.
    ///
    /// # Errors
    /// Not found; as any call.
    pub async fn get(client: &Client, name: &str) -> Result<Self, Error> {
        named("name", name)?;
        let request = wire::GetSecretStoreRequest { name: name.to_owned() };
        client.get_secret_store(request, &CallOptions::default()).await.map(Self::from_wire)
    }

    /// Every store, by name.
    ///
    /// # Errors
    /// As any call.
    pub async fn list(client: &Client) -> Result<Vec<Self>, Error> {
        let found = pages::all(|page_token| async move {
            let request = wire::ListSecretStoresRequest { page_token, page_size: 0 };
            let page = client.list_secret_stores(request, &CallOptions::default()).await?;
            Ok((page.secret_stores, page.next_page_token))
        });
        Ok(found.await?.into_iter().map(Self::from_wire).collect())
    }

    /// Forgets a store. Sandboxes keep the values that they got. With `missing_ok` an unknown name is fine.
    ///
    /// # Errors
    /// Not found; as any call.
    pub async fn delete(client: &Client, name: &str, missing_ok: bool) -> Result<(), Error> {
        named("name", name)?;
        let request = wire::DeleteSecretStoreRequest { name: name.to_owned(), allow_missing: missing_ok };
        client.delete_secret_store(request, &CallOptions::default()).await
    }

    fn from_wire(store: wire::SecretStore) -> Self {
        let (wandb_team, wandb_api_url) = match store.provider_config {
            Some(ProviderConfig::Wandb(config)) => (given(config.team), given(config.api_url)),
            None => (None, None),
        };
        Self {
            name: store.name,
            wandb_team,
            wandb_api_url,
            created_at: store.create_time.and_then(time),
            updated_at: store.update_time.and_then(time),
        }
    }
}
