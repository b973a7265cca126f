//! What the client promises, against a real server with real sandboxes. The JavaScript suite has the same names.

mod files;
mod lifecycle;
mod logs;
mod process;
mod refusals;
mod stdin;
mod support;
mod terminal;
