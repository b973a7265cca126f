//! What the client promises, against a real server with real sandboxes. The JavaScript suite has the same names.

// Local sandboxes need Linux.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that meets what it does not expect must stop")]

mod catalog;
mod client;
mod code;
mod containers;
mod cuts;
mod directories;
mod files;
mod functions;
mod kept;
mod lifecycle;
mod logs;
mod loss;
mod network;
mod process;
mod readers;
mod refusals;
mod session;
mod stdin;
mod storage;
mod support;
mod terminal;
