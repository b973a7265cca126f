//! The client commands as their users run them: the real binary against a real `jetway serve`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod copy;
mod harness;
mod help;
mod processes;
mod pty;
mod sandboxes;
mod terminal;
