//! What a handle knows of its sandbox: the latest answer, whoever asked for it. Must not know: how to ask.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{SandboxInfo, SandboxStatus};
use crate::platform::{Instant, now, wall_clock};

/// The latest that is known. Answers may come in another order than they were asked for.
#[derive(Default)]
pub(super) struct Knowledge(Mutex<Known>);

#[derive(Default)]
struct Known {
    info: SandboxInfo,
    /// When the server accepted the creation, until it is seen to run.
    accepted: Option<Instant>,
    asked: u64,
    heard: u64,
}

/// The number of a question: an answer to an older one does not overwrite that to a newer one.
#[derive(Clone, Copy)]
pub(super) struct Ticket(u64);

impl Knowledge {
    /// What a server just described.
    pub(super) fn of(info: SandboxInfo) -> Self {
        let knowledge = Self::default();
        let ticket = knowledge.ask();
        knowledge.learn(ticket, info);
        knowledge
    }

    pub(super) fn info(&self) -> SandboxInfo {
        self.lock().info.clone()
    }

    pub(super) fn status(&self) -> SandboxStatus {
        self.lock().info.status
    }

    /// Before asking the server.
    pub(super) fn ask(&self) -> Ticket {
        let mut known = self.lock();
        known.asked += 1;
        Ticket(known.asked)
    }

    /// The server accepted the creation.
    pub(super) fn accepted(&self, ticket: Ticket, info: SandboxInfo) {
        self.lock().accepted = Some(now());
        self.learn(ticket, info);
    }

    /// Takes an answer, unless more is known already: nothing follows the end of a sandbox. Gives how long it took to
    /// start, when this is how it is seen to run for the first time.
    pub(super) fn learn(&self, ticket: Ticket, info: SandboxInfo) -> Option<Duration> {
        let mut known = self.lock();
        let ended = known.info.status.is_terminal() && !info.status.is_terminal();
        if ticket.0 <= known.heard || ended {
            return None;
        }
        known.heard = ticket.0;
        // Told once, in the answer to the creation.
        let share_token = known.info.share_token.take();
        known.info = info;
        known.info.share_token = share_token.or(known.info.share_token.take());
        known.info.status_updated_at = Some(wall_clock());
        let runs = known.info.status == SandboxStatus::Running;
        known.accepted.take_if(|_| runs).map(Instant::elapsed)
    }

    /// It is gone, or never was.
    pub(super) fn end(&self) {
        let mut known = self.lock();
        if !known.info.status.is_terminal() {
            known.info.status = SandboxStatus::Terminated;
            known.info.status_updated_at = Some(wall_clock());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Knowledge, SandboxInfo, SandboxStatus};

    fn info(status: SandboxStatus) -> SandboxInfo {
        SandboxInfo { status, ..SandboxInfo::default() }
    }

    #[test]
    fn an_answer_that_was_overtaken_changes_nothing() {
        let knowledge = Knowledge::default();
        let (early, late) = (knowledge.ask(), knowledge.ask());
        knowledge.learn(late, info(SandboxStatus::Running));
        knowledge.learn(early, info(SandboxStatus::Creating));
        assert_eq!(knowledge.status(), SandboxStatus::Running);
        assert!(knowledge.info().status_updated_at.is_some());
    }

    #[test]
    fn nothing_follows_the_end() {
        let knowledge = Knowledge::of(info(SandboxStatus::Running));
        knowledge.end();
        let ticket = knowledge.ask();
        knowledge.learn(ticket, info(SandboxStatus::Running));
        assert_eq!(knowledge.status(), SandboxStatus::Terminated);
        let ticket = knowledge.ask();
        knowledge.learn(ticket, info(SandboxStatus::Completed));
        assert_eq!(knowledge.status(), SandboxStatus::Completed, "the server knows better how it ended");
    }

    #[test]
    fn starting_is_timed_once() {
        let knowledge = Knowledge::default();
        let ticket = knowledge.ask();
        knowledge.accepted(ticket, info(SandboxStatus::Creating));
        let (first, second) = (knowledge.ask(), knowledge.ask());
        assert!(knowledge.learn(first, info(SandboxStatus::Running)).is_some());
        assert!(knowledge.learn(second, info(SandboxStatus::Running)).is_none());
    }
}
