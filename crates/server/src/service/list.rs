//! ListSandboxes: filter first, then pages.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use prost::Message;

use super::{Api, Problem, view};
use crate::{
    supervisor::{Pooling, Sandbox, State},
    wire::sandbox::{ListSandboxesRequest, ListSandboxesResponse, SortDirection, State as WireState},
};

const DEFAULT_PAGE: usize = 200;
const MAX_PAGE: usize = 1000;
/// Specifications echo their files: a page ends early rather than outgrow a message.
const PAGE_BYTES: usize = 32 * 1024 * 1024;

impl Api {
    /// One page of sandboxes, the newest first unless asked otherwise.
    pub(super) fn page(&self, request: &ListSandboxesRequest) -> Result<ListSandboxesResponse, Problem> {
        let size = match usize::try_from(request.page_size) {
            Ok(0) => DEFAULT_PAGE,
            Ok(size) => size.min(MAX_PAGE),
            Err(_) => return Err(Problem::field("page_size", "must be 0 (the server's choice) or more")),
        };
        let wanted =
            WireState::try_from(request.state).map_err(|_| Problem::field("state", "must be a known state"))?;
        let mut all = self.supervisor().list();
        if request.sort_direction() == SortDirection::Ascending {
            all.reverse();
        }
        all.retain(|sandbox| self.matches(request, wanted, sandbox));
        let start = match request.page_token.as_str() {
            "" => 0,
            // The page goes on behind the last one shown, or where it was should it be forgotten meanwhile.
            token => after(&all, token, request.sort_direction() == SortDirection::Ascending)?,
        };
        let mut bytes = 0;
        let mut page = ListSandboxesResponse::default();
        for sandbox in &all[start..] {
            let shown = view::sandbox(self, sandbox);
            bytes += shown.encoded_len();
            if page.sandboxes.len() == size || (bytes > PAGE_BYTES && !page.sandboxes.is_empty()) {
                page.next_page_token = token(&all[start + page.sandboxes.len() - 1]);
                break;
            }
            page.sandboxes.push(shown);
        }
        Ok(page)
    }

    fn matches(&self, request: &ListSandboxesRequest, wanted: WireState, sandbox: &Sandbox) -> bool {
        let state = sandbox.reported_state();
        let state_fits = match wanted {
            WireState::Unspecified => request.show_terminated || !state.is_terminal(),
            wanted => view::wire_state(state) == wanted,
        };
        let runner_fits = request.runner_ids.is_empty() || request.runner_ids.contains(&self.0.runner_id);
        let volumes_fit = request.volume_ids.is_empty() || Self::uses(sandbox, &request.volume_ids);
        self.shows(sandbox)
            && state_fits
            && runner_fits
            && volumes_fit
            && request.tags.iter().all(|tag| sandbox.draft.tags.contains(tag))
    }

    /// Whether a list has it: the caller may know of it, and somebody uses it.
    fn shows(&self, sandbox: &Sandbox) -> bool {
        sandbox.holder().pool != Pooling::Idle && self.reaches(sandbox)
    }

    /// Sandboxes that are not over and have every one of these tags.
    pub(super) fn tagged(&self, tags: &[String]) -> Vec<std::sync::Arc<Sandbox>> {
        let mut all = self.supervisor().list();
        all.retain(|sandbox| {
            let state = sandbox.snapshot().state;
            self.shows(sandbox)
                && !state.is_terminal()
                && state != State::Terminating
                && tags.iter().all(|tag| sandbox.draft.tags.contains(tag))
        });
        all
    }
}

type Key = (std::time::SystemTime, String);

fn key(sandbox: &Sandbox) -> Key {
    (sandbox.draft.created, sandbox.draft.id.clone())
}

fn token(last: &Sandbox) -> String {
    let (created, id) = key(last);
    let nanos = created.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_nanos();
    URL_SAFE_NO_PAD.encode(format!("{nanos} {id}"))
}

fn after(all: &[std::sync::Arc<Sandbox>], token: &str, ascending: bool) -> Result<usize, Problem> {
    let parse = || -> Option<Key> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let (nanos, id) = text.split_once(' ')?;
        let since = std::time::Duration::from_nanos(nanos.parse().ok()?);
        Some((std::time::UNIX_EPOCH + since, id.to_owned()))
    };
    let last = parse().ok_or_else(|| Problem::field("page_token", "must be a next_page_token of this server"))?;
    Ok(all.partition_point(|sandbox| if ascending { key(sandbox) <= last } else { key(sandbox) >= last }))
}
