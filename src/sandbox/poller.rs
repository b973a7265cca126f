//! One loop that asks for a sandbox's state, however many wait for however different ones.
//! Must not know: what they wait for.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures::{
    FutureExt,
    channel::oneshot,
    future::{WeakShared, select},
};

use super::{Answer, Sandbox, SandboxInfo};
use crate::{
    client::CallOptions,
    error::Error,
    platform::{BoxFuture, sleep},
};

/// What takes its time is asked for seldom.
pub(super) const CALM: Duration = Duration::from_millis(200);
/// What should happen at once is asked for often at first.
pub(super) const EAGER: Duration = Duration::from_millis(25);
const INTERVAL_FACTOR: f64 = 1.5;
/// No pause between two questions is longer.
pub(super) const LAST_INTERVAL: Duration = Duration::from_secs(2);
/// How long one question may take.
pub(super) const POLL_TIMEOUT: Duration = Duration::from_secs(15);

/// Rounds of a pause and a question, each shared by all who wait for it. A round that nobody waits for is dropped.
#[derive(Default)]
pub(super) struct Poller(Mutex<State>);

#[derive(Default)]
struct State {
    round: Option<WeakShared<BoxFuture<'static, Result<SandboxInfo, Error>>>>,
    pause: Duration,
    /// Ends the pause of the round under way.
    hurry: Option<oneshot::Sender<()>>,
}

impl State {
    fn hurry_up(&mut self) {
        if let Some(hurry) = self.hurry.take() {
            // Nobody listens any more when the question is already out.
            let _ = hurry.send(());
        }
    }
}

impl Poller {
    /// Something happened: whoever waits need not wait out the pause.
    pub(super) fn hurry_up(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).hurry_up();
    }

    /// The answer of the round under way, or of a new one. Who comes anew says at which pace it wants to begin: it waits
    /// for no pause, and from there the pauses grow again.
    pub(super) fn round(&self, sandbox: &Sandbox, id: &str, anew: Option<Duration>) -> Answer<SandboxInfo> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pause = state.pause;
        if let Some(pace) = anew {
            (pause, state.pause) = (Duration::ZERO, pace);
            state.hurry_up();
        }
        // A round that has ended is no longer under way, even if somebody still holds its answer.
        let under_way = state.round.as_ref().and_then(WeakShared::upgrade).filter(|round| round.peek().is_none());
        if let Some(round) = under_way {
            return round;
        }
        if anew.is_none() {
            state.pause = state.pause.mul_f64(INTERVAL_FACTOR).min(LAST_INTERVAL);
        }
        let (hurry, hurried) = oneshot::channel();
        state.hurry = Some(hurry);
        let (sandbox, id) = (sandbox.clone(), id.to_owned());
        let round: BoxFuture<'static, _> = Box::pin(async move {
            if !pause.is_zero() {
                select(Box::pin(sleep(pause)), hurried).await;
            }
            sandbox.fetch(&id, &CallOptions::timeout(POLL_TIMEOUT)).await
        });
        let round = round.shared();
        state.round = round.downgrade();
        round
    }
}
