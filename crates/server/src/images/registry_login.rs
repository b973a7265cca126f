//! Credentials for registries, from the file that `docker login` writes.
//! Must not know: which registry is asked when.

use std::path::Path;

use base64::Engine as _;
use oci_client::secrets::RegistryAuth;
use serde::Deserialize;

use super::{Login, same_registry};

/// The name under which Docker Hub's credentials are kept.
const HUB: &str = "https://index.docker.io/v1/";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DockerConfig {
    auths: std::collections::HashMap<String, Entry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: String,
    username: String,
    password: String,
}

/// Who to be at `registry`: what came with the request, else what the file says; nobody when neither says anything of it.
pub fn login(own: Option<&Login>, file: Option<&Path>, registry: &str) -> RegistryAuth {
    if let Some(Login { user, password, .. }) = own.filter(|own| own.is_for(registry)) {
        return RegistryAuth::Basic(user.clone(), password.clone());
    }
    let text = file.and_then(|file| std::fs::read(file).ok()).unwrap_or_default();
    let config: DockerConfig = serde_json::from_slice(&text).unwrap_or_default();
    let hub = same_registry(registry, "docker.io");
    let names = [registry.to_owned(), format!("https://{registry}"), format!("http://{registry}")];
    let names = names.iter().map(String::as_str).chain(hub.then_some(HUB));
    let found = names.into_iter().find_map(|name| config.auths.get(name)?.pair());
    found.map_or(RegistryAuth::Anonymous, |(user, password)| RegistryAuth::Basic(user, password))
}

impl Entry {
    fn pair(&self) -> Option<(String, String)> {
        if !self.username.is_empty() {
            return Some((self.username.clone(), self.password.clone()));
        }
        let text = String::from_utf8(base64::engine::general_purpose::STANDARD.decode(&self.auth).ok()?).ok()?;
        let (user, password) = text.split_once(':')?;
        (!user.is_empty()).then(|| (user.to_owned(), password.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_registry_gets_its_own_credentials_and_strangers_none() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = r#"{"auths":{"reg.example:5000":{"auth":"dXNlcjpwYTpzcw=="},"https://index.docker.io/v1/":{"username":"hub","password":"p"},"broken":{"auth":"?"}}}"#;
        std::fs::write(file.path(), text).unwrap();
        let of = |registry| login(None, Some(file.path()), registry);
        assert_eq!(of("reg.example:5000"), RegistryAuth::Basic("user".into(), "pa:ss".into()));
        assert_eq!(of("docker.io"), RegistryAuth::Basic("hub".into(), "p".into()));
        assert_eq!(of("reg.example"), RegistryAuth::Anonymous);
        assert_eq!(of("broken"), RegistryAuth::Anonymous);
        assert_eq!(login(None, None, "docker.io"), RegistryAuth::Anonymous);
        let own = Login::parse("reg.example:5000", "me:mine").unwrap();
        let with = |registry| login(Some(&own), Some(file.path()), registry);
        assert_eq!(with("reg.example:5000"), RegistryAuth::Basic("me".into(), "mine".into()));
        assert_eq!(with("docker.io"), RegistryAuth::Basic("hub".into(), "p".into()));
    }
}
