//! Having a sandbox created: the same request until it is accepted or refused for good, and another where it may go
//! elsewhere. Must not know: what becomes of it.

use std::time::Duration;

use super::{PlacementMode, PlacementSpillover, SandboxOptions, spec::creation};
use crate::{
    client::{self, Backoff, CallOptions, Client, Creation},
    error::{ERROR_DOMAIN, Error},
    platform::{now, sleep},
    wire,
};

/// Capacity comes back in seconds, not in milliseconds.
const FIRST_DELAY: Duration = Duration::from_secs(1);
const LONGEST_DELAY: Duration = Duration::from_secs(15);

/// No room, for now.
const CAPACITY: [&str; 2] = ["CWSANDBOX_RUNNER_CAPACITY_EXHAUSTED", "CWSANDBOX_RUNNER_OVERLOADED"];
/// No room there, but perhaps elsewhere.
const PLACEMENT: [&str; 4] = [
    "CWSANDBOX_PLACEMENT_REJECTED",
    "CWSANDBOX_PLACEMENT_CONSTRAINT_UNSATISFIED",
    "CWSANDBOX_NO_SUITABLE_RUNNER",
    "CWSANDBOX_RESOURCE_CEILING_EXCEEDED",
];

/// One creation. Its requests are made once: however often they are sent, each creates one sandbox at most.
pub(super) struct Placing {
    creation: Creation,
    /// For elsewhere, under an id of its own.
    spilled: Option<Creation>,
    budget: Duration,
}

impl Placing {
    /// Checks the options and freezes the requests.
    ///
    /// # Errors
    /// Validation, naming the option; configuration, when the host has no randomness to give.
    pub(super) fn new(mut options: SandboxOptions) -> Result<Self, Error> {
        let budget = options.create_retry_budget.unwrap_or_default();
        let modes = options.placement_spillover.map(modes);
        if modes.is_some() && options.placement_mode.is_some() {
            return Err(Error::invalid("placementSpillover", "says where to go already; leave out `placementMode`"));
        }
        if options.placement_spillover == Some(PlacementSpillover::ServerlessThenCks) && !options.runner_ids.is_empty()
        {
            return Err(Error::invalid("placementSpillover", "cannot begin serverless with `runnerIds`"));
        }
        let spilled = modes.map(|(_, mode)| {
            let runner_ids = if mode == PlacementMode::Cks { options.runner_ids.clone() } else { Vec::new() };
            let options = SandboxOptions { placement_mode: Some(mode), runner_ids, ..options.clone() };
            creation(options, client::request_id()?)
        });
        options.placement_mode = modes.map(|(mode, _)| mode).or(options.placement_mode);
        Ok(Self { creation: creation(options, client::request_id()?)?, spilled: spilled.transpose()?, budget })
    }

    /// One that is made already, for one place.
    pub(super) fn of(creation: Creation) -> Self {
        Self { creation, spilled: None, budget: Duration::ZERO }
    }

    /// Asks until somebody takes it, or nobody will.
    ///
    /// # Errors
    /// Resource exhausted, after the budget; as any call.
    pub(super) async fn run(&self, client: &Client, calls: &CallOptions) -> Result<wire::Sandbox, Error> {
        let start = now();
        let mut backoff = Backoff::new(FIRST_DELAY, LONGEST_DELAY);
        loop {
            let error = match self.place(client, calls).await {
                Ok(sandbox) => return Ok(sandbox),
                Err(error) => error,
            };
            let delay = backoff.next().max(error.retry_delay().unwrap_or_default());
            if !has(&error, &CAPACITY) || delay >= start.remaining(self.budget) {
                return Err(error);
            }
            sleep(delay).await;
        }
    }

    async fn place(&self, client: &Client, calls: &CallOptions) -> Result<wire::Sandbox, Error> {
        match (client.create_sandbox(self.creation.clone(), calls).await, &self.spilled) {
            (Err(error), Some(elsewhere)) if has(&error, &CAPACITY) || has(&error, &PLACEMENT) => {
                client.create_sandbox(elsewhere.clone(), calls).await
            }
            (answer, _) => answer,
        }
    }
}

fn modes(spillover: PlacementSpillover) -> (PlacementMode, PlacementMode) {
    match spillover {
        PlacementSpillover::ServerlessThenCks => (PlacementMode::Serverless, PlacementMode::Cks),
        PlacementSpillover::CksThenServerless => (PlacementMode::Cks, PlacementMode::Serverless),
    }
}

fn has(error: &Error, reasons: &[&str]) -> bool {
    error.domain() == Some(ERROR_DOMAIN) && error.reason().is_some_and(|reason| reasons.contains(&reason))
}

#[cfg(test)]
mod tests {
    use super::Placing;
    use crate::{
        client::Creation,
        sandbox::{PlacementMode, PlacementSpillover, SandboxOptions},
        wire,
    };

    fn request(creation: &Creation) -> (String, i32) {
        let Creation::Specified(request) = creation else { panic!("{creation:?}") };
        (request.request_id.clone(), request.sandbox.as_ref().unwrap().spec.as_ref().unwrap().mode)
    }

    fn modes(options: SandboxOptions) -> (i32, Option<i32>) {
        let placing = Placing::new(options).unwrap();
        (request(&placing.creation).1, placing.spilled.as_ref().map(|creation| request(creation).1))
    }

    #[test]
    fn spilling_over_is_another_request_for_the_other_machines() {
        let (serverless, cks) = (wire::SandboxMode::Serverless as i32, wire::SandboxMode::Cks as i32);
        assert_eq!(modes(SandboxOptions::new()), (wire::SandboxMode::Unspecified as i32, None));
        let first = SandboxOptions::new().placement_spillover(PlacementSpillover::ServerlessThenCks);
        assert_eq!(modes(first.clone()), (serverless, Some(cks)));
        let pinned = SandboxOptions::new().placement_spillover(PlacementSpillover::CksThenServerless).runner_id("r");
        assert_eq!(modes(pinned), (cks, Some(serverless)));
        let placing = Placing::new(first).unwrap();
        assert_ne!(request(&placing.creation).0, request(&placing.spilled.unwrap()).0);
    }

    #[test]
    fn placements_that_contradict_are_refused_by_name() {
        let begun = SandboxOptions::new().placement_spillover(PlacementSpillover::ServerlessThenCks);
        for options in [begun.clone().runner_id("r"), begun.placement_mode(PlacementMode::Cks)] {
            let error = Placing::new(options).map(drop).unwrap_err();
            assert_eq!(error.field_violations()[0].field, "placementSpillover");
        }
    }
}
