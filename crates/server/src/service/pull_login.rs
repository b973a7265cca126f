//! Credentials for the registries of images: out of the secret store that a container names, into the plan, and nowhere
//! else. An image that was fetched with them is this server's from then on, as with any container engine.

use super::{Api, Problem};
use crate::{
    images::{Login, registry_of, same_registry},
    runtime::SandboxPlan,
    secrets::SecretError,
    wire::sandbox::{ImagePullCredentials, SandboxSpec, SecretSource},
};

impl Api {
    /// Fetches what the containers of a specification name into the plan.
    pub(super) async fn inject_logins(&self, spec: &SandboxSpec, plan: &mut SandboxPlan) -> Result<(), Problem> {
        for (index, container) in spec.containers.iter().enumerate() {
            let Some(ImagePullCredentials { registry, credentials }) = &container.image_pull_credentials else {
                continue;
            };
            self.may_use_secrets()?;
            let field = |rest: &str| format!("sandbox.spec.containers[{index}].image_pull_credentials.{rest}");
            let own = registry_of(&container.image).unwrap_or_default();
            if !registry.is_empty() && !same_registry(registry, &own) {
                let fix = format!("image {:?} is from {own}, not from {registry}", container.image);
                return Err(Problem::field(field("registry"), fix));
            }
            let Some(source) = credentials else {
                return Err(Problem::field(field("credentials"), "name a value in a secret store"));
            };
            if !self.knows_store(&source.store_name).await? {
                let fix = format!("there is no secret store {:?}; list them", source.store_name);
                return Err(Problem::field(field("credentials.store_name"), fix));
            }
            let login = self.login(&own, source).map_err(|fix| Problem::field(field("credentials.path"), fix))?;
            if let Some(planned) = plan.containers.iter_mut().find(|planned| planned.name == container.name) {
                planned.login = Some(login);
            }
        }
        Ok(())
    }

    /// One value that holds both parts, or a secret with the fields `username` and `password`.
    fn login(&self, registry: &str, source: &SecretSource) -> Result<Login, String> {
        let SecretSource { store_name, path, field } = source;
        let read = |field: &str| self.secrets().read(store_name, path, field);
        match read(field) {
            // Its text must not be quoted.
            Ok(text) => Login::parse(registry, &text).ok_or_else(|| {
                format!("secret {path:?} must be user:password, or JSON with \"username\" and \"password\"")
            }),
            Err(SecretError::Missing(why)) if field.is_empty() => match (read("username"), read("password")) {
                (Ok(user), Ok(password)) => Ok(Login { registry: registry.to_owned(), user, password }),
                _ => Err(why),
            },
            Err(error) => Err(error.to_string()),
        }
    }
}
