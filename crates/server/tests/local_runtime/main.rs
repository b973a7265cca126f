//! The local runtime through its trait, with real sandboxes on this machine.

mod confinement;
mod files;
mod life;
mod process;
mod support;
mod terminal;
