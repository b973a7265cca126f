//! The server as its clients see it: real port, real wire, real sandboxes.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod compose;
mod containers;
mod egress;
mod exec;
mod files;
mod front;
mod harness;
mod lifecycle;
mod logs;
mod pool;
mod proxy;
mod pulls;
mod refusals;
mod registry;
#[path = "../required/mod.rs"]
mod required;
mod rest;
mod restart;
mod secrets;
mod services;
mod sessions;
mod storage;
mod stream_exec;
mod templates;
mod terminals;
mod tokens;
mod websocket;
