//! Values that pass through a plan and must not be kept or shown.

use std::collections::BTreeMap;

/// Variables whose values must not reach a log through `{:?}`.
#[derive(Clone, Default)]
pub struct SecretEnv(pub BTreeMap<String, String>);

impl std::fmt::Debug for SecretEnv {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
