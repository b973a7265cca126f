//! The client commands as their users run them: the real binary against a real `jetway serve`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod catalog;
mod code;
mod completion;
mod contexts;
mod copy;
mod detaching;
mod directories;
mod files;
mod harness;
mod help;
mod live;
mod mcp;
mod processes;
mod pty;
#[path = "../../../server/tests/required/mod.rs"]
mod required;
mod sandboxes;
mod terminal;
mod wire;
