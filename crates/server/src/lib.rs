//! The local sandbox server behind `jetway serve`: `coreweave.sandbox.v1` over gRPC, gRPC-web and WebSocket on one port.
//!
//! Floors, top to bottom, and nothing calls upward:
//!
//! ```text
//! server       puts the floors together; what tests and the command line start
//! proxy/       the way to a gRPC server elsewhere; uses the front's pieces, and nothing below the services' errors
//! front/       one port: Host, Origin, credentials, gRPC-web, WebSocket, page
//! service/     one file per rpc family: wire types in, wire types out
//! supervisor/  the life of a sandbox: desired and actual state, timers, one task each
//! egress/      the way out of a sandbox
//! runtime/     what sandboxes run in        store/  what survives a restart        secrets  values that nothing keeps
//! images/      what their roots are made from                                  tokens   who calls, and what for
//! ```

mod config;
mod egress;
mod front;
mod hello;
mod identity;
pub mod images;
mod proxy;
pub mod runtime;
mod secrets;
mod server;
mod service;
mod store;
mod supervisor;
mod tokens;
mod trace;

pub use config::{Access, ImageSource, Pull, RuntimeChoice, ServerConfig, ServiceUrls};
pub use proxy::{Credentials, Proxy, ProxyConfig};
pub use secrets::{SecretSource, is_name as is_secret_store_name};
pub use server::{BindError, Server};
pub use trace::TRACE_TARGET;

/// The generated wire types, servers and clients.
#[allow(missing_docs, clippy::all, clippy::pedantic, unused_qualifications)]
pub mod wire {
    /// Where the generated code looks for the public sandbox wire.
    pub mod coreweave {
        /// `coreweave.sandbox`
        pub mod sandbox {
            /// `coreweave.sandbox.v1`
            pub mod v1 {
                tonic::include_proto!("coreweave.sandbox.v1");
            }
        }
    }
    /// Jetway's own services.
    pub mod jetway {
        /// `jetway.v1`
        pub mod v1 {
            tonic::include_proto!("jetway.v1");
        }
        pub use v1::*;
    }
    /// The public sandbox wire.
    pub use coreweave::sandbox::v1 as sandbox;
}
