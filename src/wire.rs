//! The wire types, generated from `proto/`. Must not know: anything.

#![allow(missing_docs, dead_code, clippy::all, unused_qualifications, reason = "generated code")]

/// `coreweave.sandbox.v1`
pub mod coreweave {
    /// `coreweave.sandbox`
    pub mod sandbox {
        /// `coreweave.sandbox.v1`
        pub mod v1 {
            tonic::include_proto!("coreweave.sandbox.v1");
        }
    }
}

/// `jetway.v1`
pub mod jetway {
    /// `jetway.v1`
    pub mod v1 {
        tonic::include_proto!("jetway.v1");
    }
}

pub use coreweave::sandbox::v1::*;
