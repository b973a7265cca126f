//! The local runtime through its trait, with real sandboxes on this machine.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod archives;
mod confinement;
mod containers;
mod files;
mod images;
mod life;
mod process;
#[path = "../required/mod.rs"]
mod required;
mod storage;
mod support;
mod terminal;
