//! Who to be at a registry, for one image. Must not know: where the values come from, how registries are asked.

use std::str::FromStr;

use oci_client::Reference;
use serde::Deserialize;

/// Names of the one public hub.
const HUB: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];

/// A user's name and password at one registry. `{:?}` shows neither.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// Host name, with its port where it has one, e.g. `registry.example:5000`.
    pub registry: String,
    /// Name of the user.
    pub user: String,
    /// Password, or an access token that stands for one.
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("registry", &self.registry).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Pair {
    username: String,
    password: String,
}

impl Login {
    /// From one text: `user:password`, or JSON with `username` and `password`. `None` when it is neither.
    pub fn parse(registry: &str, text: &str) -> Option<Self> {
        let (user, password) = match serde_json::from_str::<Pair>(text) {
            Ok(Pair { username, password }) => (username, password),
            Err(_) if text.trim_start().starts_with('{') => return None,
            Err(_) => {
                text.trim_end_matches(['\r', '\n']).split_once(':').map(|(user, pass)| (user.into(), pass.into()))?
            }
        };
        (!user.is_empty()).then(|| Self { registry: registry.to_owned(), user, password })
    }

    /// Whether it is meant for `registry`.
    pub fn is_for(&self, registry: &str) -> bool {
        same_registry(&self.registry, registry)
    }
}

/// Whether two names mean one registry.
pub fn same_registry(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || (HUB.contains(&one) && HUB.contains(&other))
}

/// The registry that an image's name means; `None` when it is no name.
pub fn registry_of(image: &str) -> Option<String> {
    Reference::from_str(image).ok().map(|reference| reference.registry().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_a_pair_however_it_is_written_and_shows_neither_part() {
        for text in ["me:pa:ss", "me:pa:ss\n", r#"{"username": "me", "password": "pa:ss"}"#] {
            let login = Login::parse("reg.example:5000", text).unwrap();
            assert_eq!((login.user.as_str(), login.password.as_str()), ("me", "pa:ss"), "{text}");
            assert!(!format!("{login:?}").contains("pa:ss"));
        }
        for text in ["", "me", ":x", "{}", r#"{"username": "me"}"#] {
            assert_eq!(Login::parse("r", text), None, "{text}");
        }
    }

    #[test]
    fn the_hub_has_several_names_and_other_registries_one() {
        assert!(same_registry("docker.io", "index.docker.io"));
        assert!(same_registry("Reg.example:5000", "reg.example:5000"));
        assert!(!same_registry("reg.example:5000", "reg.example"));
        assert_eq!(registry_of("redis:7").as_deref(), Some("docker.io"));
        assert_eq!(registry_of("localhost:5000/team/app:1").as_deref(), Some("localhost:5000"));
        assert_eq!(registry_of("Not A Name"), None);
    }
}
