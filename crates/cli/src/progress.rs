//! How far a copy is, where somebody looks. Must not know: what is copied.

use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Cheap to clone; clones are the same bar, which goes with the last of them.
#[derive(Clone)]
pub struct Progress(Arc<Bar>);

struct Bar(ProgressBar);

impl Progress {
    /// Of something with this name; without a size only what has passed.
    pub fn of(name: &str, size: Option<u64>) -> Self {
        // Hidden by itself where standard error is no terminal.
        let bar = ProgressBar::with_draw_target(size, ProgressDrawTarget::stderr());
        let template = match size {
            Some(_) => "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
            None => "{msg} {spinner} {bytes} {bytes_per_sec}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(name.to_owned());
        Self(Arc::new(Bar(bar)))
    }

    /// So many bytes more.
    pub fn add(&self, bytes: usize) {
        self.0.0.inc(bytes as u64);
    }

    /// So many bytes were there before.
    pub fn skip(&self, bytes: u64) {
        self.0.0.set_position(bytes);
        self.0.0.reset_eta();
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
