//! One file per subcommand.

pub mod code;
pub mod completion;
pub mod config;
pub mod cp;
pub mod doctor;
pub mod exec;
pub mod files;
pub mod get;
pub mod image;
pub mod login;
pub mod logs;
pub mod ls;
pub mod mcp;
pub mod port_forward;
pub mod proxy;
pub mod purge;
pub mod run;
pub mod runners;
pub mod secrets;
pub mod serve;
pub mod sh;
pub mod snapshots;
pub mod stop;
pub mod templates;
pub mod top;
pub mod volumes;
