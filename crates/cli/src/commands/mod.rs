//! One file per subcommand.

pub mod completion;
pub mod cp;
pub mod doctor;
pub mod exec;
pub mod get;
pub mod image;
pub mod logs;
pub mod ls;
pub mod proxy;
pub mod purge;
pub mod run;
pub mod serve;
pub mod sh;
pub mod stop;
