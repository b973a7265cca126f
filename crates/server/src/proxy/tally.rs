//! Figures about calls and connections, for `/metrics`.
//! Must not know: what calls are.

use std::{
    fmt::Write,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

/// The figures. Clones share.
#[derive(Clone, Default)]
pub(super) struct Tally(Arc<Figures>);

#[derive(Default)]
struct Figures {
    calls: AtomicU64,
    open: AtomicI64,
    refused: AtomicU64,
    failed: AtomicU64,
    cut: AtomicU64,
    minted: AtomicU64,
    connections: AtomicI64,
    dialled: AtomicU64,
}

/// Counts something as there for as long as it lives.
pub(super) struct Present(Tally, fn(&Figures) -> &AtomicI64);

impl Drop for Present {
    fn drop(&mut self) {
        self.1(&self.0.0).fetch_sub(1, Ordering::Relaxed);
    }
}

impl Tally {
    /// A call that goes upstream.
    pub fn call(&self) -> Present {
        self.0.calls.fetch_add(1, Ordering::Relaxed);
        self.present(|figures| &figures.open)
    }

    /// A connection to the upstream.
    pub fn connection(&self) -> Present {
        self.0.dialled.fetch_add(1, Ordering::Relaxed);
        self.present(|figures| &figures.connections)
    }

    /// A call that the proxy turned away.
    pub fn refused(&self) {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// A call that the upstream did not answer, or not to the end.
    pub fn failed(&self) {
        self.0.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// A call that took or idled too long.
    pub fn cut(&self) {
        self.0.cut.fetch_add(1, Ordering::Relaxed);
    }

    /// A token that was made.
    pub fn minted(&self) {
        self.0.minted.fetch_add(1, Ordering::Relaxed);
    }

    fn present(&self, of: fn(&Figures) -> &AtomicI64) -> Present {
        of(&self.0).fetch_add(1, Ordering::Relaxed);
        Present(self.clone(), of)
    }

    /// As Prometheus reads them.
    pub fn text(&self) -> String {
        let figures = &*self.0;
        let count = |figure: &AtomicU64| i64::try_from(figure.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
        let rows = [
            ("calls_total", "counter", "Calls that went to the upstream.", count(&figures.calls)),
            ("calls_open", "gauge", "Calls that are under way.", figures.open.load(Ordering::Relaxed)),
            ("calls_refused_total", "counter", "Calls that the proxy turned away.", count(&figures.refused)),
            (
                "calls_failed_total",
                "counter",
                "Calls that the upstream did not answer to the end.",
                count(&figures.failed),
            ),
            (
                "calls_cut_total",
                "counter",
                "Calls that outlived their deadline or were idle too long.",
                count(&figures.cut),
            ),
            ("tokens_minted_total", "counter", "Tokens that were made.", count(&figures.minted)),
            ("connections_open", "gauge", "Connections to the upstream.", figures.connections.load(Ordering::Relaxed)),
            ("connections_total", "counter", "Connections made to the upstream.", count(&figures.dialled)),
        ];
        let mut text = String::new();
        for (name, kind, help, value) in rows {
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "# HELP jetway_proxy_{name} {help}\n# TYPE jetway_proxy_{name} {kind}\njetway_proxy_{name} {value}"
            );
        }
        text
    }
}
