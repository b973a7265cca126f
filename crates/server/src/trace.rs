//! What spans are called, so that whoever collects traces can take these and nothing else, and logs are not full of them.
//! Nobody who listens means that none is made.

/// The target of every span of this server. Logs should leave it out: these are for a collector of traces.
pub const TRACE_TARGET: &str = "jetway::trace";

/// Notes on the call's span which sandbox it is about.
pub(crate) fn about(sandbox: &str) {
    tracing::Span::current().record("jetway.sandbox", sandbox);
}
