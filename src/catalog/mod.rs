//! What sandboxes are made from and run on, as an account has it: templates, secret stores, runners, volumes.
//! Must not know: one sandbox's life.

mod pages;
mod runner;
mod secret_store;
mod template;
mod volume;

pub use runner::{Runner, RunnerCapacity, RunnerFilter};
pub use secret_store::{SecretStore, SecretStoreOptions};
pub use template::{Template, TemplateChanges};
pub use volume::{Volume, VolumeChanges, VolumeSpec, VolumeStatus};

use crate::error::Error;

/// Proto3 says "not given" with an empty string.
fn given(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn named(field: &str, name: &str) -> Result<(), Error> {
    match name.is_empty() || name.contains('\0') {
        true => Err(Error::invalid(field, "must not be empty")),
        false => Ok(()),
    }
}
