//! Secret stores: their names, and what a sandbox asked for out of them. Values go into the container's environment
//! only; no answer, log or database ever has them.

use std::{collections::BTreeMap, time::SystemTime};

use prost::Message;
use sha2::{Digest, Sha256};
use tonic::Code;

use super::{Api, Problem, pages, view};
use crate::{
    runtime::{SandboxPlan, SecretEnv},
    secrets,
    store::{Insertion, NewDocument},
    wire::sandbox::{
        CreateSecretStoreRequest, DeleteSecretStoreRequest, ListSecretStoresRequest, ListSecretStoresResponse,
        SandboxSpec, SecretStore, SecretStoreProviderType, UpdateSecretStoreRequest,
    },
};

const KIND: &str = "secret store";

impl Api {
    /// Fetches every secret that a specification names into the plan.
    pub(super) async fn inject_secrets(&self, spec: &SandboxSpec, plan: &mut SandboxPlan) -> Result<(), Problem> {
        if spec.containers.iter().any(|container| !container.secret_stores.is_empty()) {
            self.may_use_secrets()?;
        }
        for (index, container) in spec.containers.iter().enumerate() {
            let mut found = BTreeMap::new();
            for (position, reference) in container.secret_stores.iter().enumerate() {
                let field = |rest: &str| format!("sandbox.spec.containers[{index}].secret_stores[{position}].{rest}");
                if !self.knows_store(&reference.store_name).await? {
                    let fix = format!("there is no secret store {:?}; list them", reference.store_name);
                    return Err(Problem::field(field("store_name"), fix));
                }
                for (number, wanted) in reference.secrets.iter().enumerate() {
                    let field = |name: &str| field(&format!("secrets[{number}].{name}"));
                    let name = &wanted.env_var;
                    if name.is_empty() || name.contains(['=', '\0']) {
                        return Err(Problem::field(field("env_var"), "must name an environment variable"));
                    }
                    if container.environment_variables.contains_key(name) || found.contains_key(name) {
                        return Err(Problem::field(field("env_var"), format!("{name} is set twice; rename one")));
                    }
                    let value = self.secrets().read(&reference.store_name, &wanted.path, &wanted.field);
                    let value = value.map_err(|error| Problem::field(field("path"), error.to_string()))?;
                    found.insert(name.clone(), value);
                }
            }
            // By name: the plan has the primary one first, the specification wherever its author put it.
            if let Some(planned) = plan.containers.iter_mut().find(|planned| planned.name == container.name) {
                planned.secret_env = SecretEnv(found);
            }
        }
        Ok(())
    }

    /// Secrets are not for everybody who may have sandboxes.
    pub(super) fn may_use_secrets(&self) -> Result<(), Problem> {
        if self.caller().is_admin() {
            return Ok(());
        }
        let text = "secrets are for administrators; use the server's token or one with the role \"admin\"";
        Err(Problem::new(Code::PermissionDenied, "CWSANDBOX_ROLE_REQUIRED", text))
    }

    pub(super) async fn knows_store(&self, name: &str) -> Result<bool, Problem> {
        Ok(self.secrets().configured().any(|known| known == name) || self.store().document(KIND, name).await?.is_some())
    }

    pub(super) async fn create_store(&self, request: CreateSecretStoreRequest) -> Result<SecretStore, Problem> {
        let CreateSecretStoreRequest { secret_store, request_id } = request;
        let asked = secret_store.ok_or_else(|| Problem::field("secret_store", "must be set"))?;
        check(&asked)?;
        if self.secrets().configured().any(|known| known == asked.name) {
            return Err(taken(&asked.name));
        }
        let request_digest = Sha256::digest(asked.encode_to_vec()).to_vec();
        let now = Some(view::timestamp(SystemTime::now()));
        let made = SecretStore { create_time: now, update_time: now, ..asked };
        let (id, body) = (made.name.clone(), made.encode_to_vec());
        let new = NewDocument { kind: KIND, id, request_id: request_id.clone(), request_digest, body };
        match self.store().add_document(new).await? {
            Insertion::Added => Ok(made),
            Insertion::Replay(body) => decode(&body),
            Insertion::RequestIdConflict => Err(Problem::request_id_conflict(&request_id, "a secret store")),
            Insertion::Taken => Err(taken(&made.name)),
        }
    }

    pub(super) async fn get_store(&self, name: &str) -> Result<SecretStore, Problem> {
        match self.store().document(KIND, name).await? {
            Some(body) => decode(&body),
            None if self.secrets().configured().any(|known| known == name) => Ok(configured(name)),
            None => Err(not_found(name)),
        }
    }

    pub(super) async fn list_stores(
        &self,
        request: ListSecretStoresRequest,
    ) -> Result<ListSecretStoresResponse, Problem> {
        let mut all: BTreeMap<String, SecretStore> =
            self.secrets().configured().map(|name| (name.to_owned(), configured(name))).collect();
        for body in self.store().documents(KIND).await? {
            let store = decode(&body)?;
            all.insert(store.name.clone(), store);
        }
        let (secret_stores, next_page_token) =
            pages::page(all.into_iter().collect(), request.page_size, &request.page_token)?;
        Ok(ListSecretStoresResponse { secret_stores, next_page_token })
    }

    pub(super) async fn update_store(&self, request: UpdateSecretStoreRequest) -> Result<SecretStore, Problem> {
        let asked = request.secret_store.ok_or_else(|| Problem::field("secret_store", "must be set"))?;
        // A store of this server has its name and nothing else, so an update can only be refused or change nothing.
        check(&asked)?;
        if let Some(path) = request.update_mask.unwrap_or_default().paths.first() {
            return Err(Problem::field(
                "update_mask",
                format!("{path:?} cannot be changed; a local store has only its name"),
            ));
        }
        self.get_store(&asked.name).await
    }

    pub(super) async fn delete_store(&self, request: DeleteSecretStoreRequest) -> Result<(), Problem> {
        let DeleteSecretStoreRequest { name, allow_missing } = request;
        if self.store().remove_document(KIND, &name).await? || allow_missing {
            return Ok(());
        }
        if self.secrets().configured().any(|known| known == name) {
            let text = format!("secret store {name:?} was given with --secret-store; restart the server without it");
            return Err(Problem::new(Code::FailedPrecondition, "CWSANDBOX_INVALID_REQUEST", text));
        }
        Err(not_found(&name))
    }
}

fn check(store: &SecretStore) -> Result<(), Problem> {
    if !secrets::is_name(&store.name) {
        return Err(Problem::field("secret_store.name", "must have 1 to 63 of a-z, 0-9, '-' and '_'"));
    }
    if store.provider_type() == SecretStoreProviderType::Unspecified && store.provider_config.is_none() {
        return Ok(());
    }
    let fix = "leave it unset: this server reads secrets from its own files (see `jetway serve --help`)";
    Err(Problem::cannot_honour("secret_store.provider_type", fix))
}

/// A store that the operator named at the start.
fn configured(name: &str) -> SecretStore {
    SecretStore { name: name.to_owned(), ..Default::default() }
}

fn decode(body: &[u8]) -> Result<SecretStore, Problem> {
    SecretStore::decode(body).map_err(|error| Problem::unreadable("a secret store", &error))
}

fn taken(name: &str) -> Problem {
    let text = format!("there is a secret store {name:?} already; choose another name");
    Problem::new(Code::AlreadyExists, "CWSANDBOX_SECRET_STORE_EXISTS", text)
}

fn not_found(name: &str) -> Problem {
    let text = format!("there is no secret store {name:?}; list them, or make it with CreateSecretStore");
    Problem::new(Code::NotFound, "CWSANDBOX_SECRET_STORE_NOT_FOUND", text)
}
