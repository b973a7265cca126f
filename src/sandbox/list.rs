//! Finding sandboxes. Must not know: what is done with them.

use std::collections::BTreeSet;

use futures::{Stream, TryStreamExt, stream};

use super::{Sandbox, SandboxStatus};
use crate::{
    client::{self, CallOptions, Client},
    error::{Error, ErrorKind},
    wire,
};

/// Which sandboxes to list. The default is all that have not ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListOptions {
    /// Those with all of these tags.
    pub tags: Vec<String>,
    /// Those in this state.
    pub status: Option<SandboxStatus>,
    /// Those on one of these runners.
    pub runner_ids: Vec<String>,
    /// Those with one of these volumes.
    pub volume_ids: Vec<String>,
    /// Also those that have ended.
    pub show_terminated: bool,
    /// How many a page has. Default: the server's.
    pub page_size: Option<u32>,
}

impl ListOptions {
    /// Adds a tag that they must have.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Sets the state that they must be in.
    pub fn status(mut self, status: SandboxStatus) -> Self {
        self.status = Some(status);
        self
    }

    /// Sets whether those that have ended are listed too.
    pub fn show_terminated(mut self, show: bool) -> Self {
        self.show_terminated = show;
        self
    }

    /// Sets how many a page has.
    pub fn page_size(mut self, size: u32) -> Self {
        self.page_size = Some(size);
        self
    }

    fn into_request(self) -> Result<wire::ListSandboxesRequest, Error> {
        let Self { tags, status, runner_ids, volume_ids, show_terminated, page_size } = self;
        let page_size = match page_size {
            Some(0) => return Err(Error::invalid("pageSize", "must be at least 1; leave it out for the default")),
            size => i32::try_from(size.unwrap_or(0)).map_err(|_| Error::invalid("pageSize", "is too large"))?,
        };
        if status == Some(SandboxStatus::Unspecified) {
            return Err(Error::invalid("status", "cannot be `unspecified`; leave it out for any"));
        }
        Ok(wire::ListSandboxesRequest {
            page_size,
            tags,
            state: status.map_or(0, |status| status.to_wire() as i32),
            show_terminated,
            runner_ids,
            volume_ids,
            ..Default::default()
        })
    }
}

/// Sandboxes, page by page. Nothing is asked for before the first page is.
pub struct SandboxList {
    client: Client,
    request: Option<Result<wire::ListSandboxesRequest, Error>>,
    seen: BTreeSet<String>,
}

impl SandboxList {
    /// One by one, page after page; nothing is asked for before it is needed.
    ///
    /// ```no_run
    /// # async fn example(client: jetway::Client) -> Result<(), jetway::Error> {
    /// use futures::TryStreamExt;
    /// use jetway::{Sandbox, sandbox::ListOptions};
    ///
    /// let mut found = Sandbox::list(&client, ListOptions::default().tag("ci")).into_stream();
    /// while let Some(sandbox) = found.try_next().await? {
    ///     println!("{:?}", sandbox.id());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_stream(self) -> impl Stream<Item = Result<Sandbox, Error>> + Unpin + use<> {
        let pages = stream::unfold(self, |mut list| async move { Some((list.next_page().await?, list)) });
        Box::pin(pages.map_ok(|page| stream::iter(page.into_iter().map(Ok))).try_flatten())
    }

    /// The next page; `None` after the last one, and after an error.
    pub async fn next_page(&mut self) -> Option<Result<Vec<Sandbox>, Error>> {
        let mut request = match self.request.take()? {
            Ok(request) => request,
            Err(error) => return Some(Err(error)),
        };
        let page = match self.client.list_sandboxes(request.clone(), &CallOptions::default()).await {
            Ok(page) => page,
            Err(error) => return Some(Err(error)),
        };
        if !page.next_page_token.is_empty() {
            if !self.seen.insert(page.next_page_token.clone()) {
                return Some(Err(Error::new(ErrorKind::Protocol, "the server repeats a page of sandboxes")));
            }
            request.page_token = page.next_page_token;
            self.request = Some(Ok(request));
        }
        Some(Ok(page.sandboxes.into_iter().map(|sandbox| Sandbox::known(&self.client, sandbox)).collect()))
    }

    /// Everything that is left.
    ///
    /// # Errors
    /// Validation for wrong options; as any call.
    pub async fn all(mut self) -> Result<Vec<Sandbox>, Error> {
        let mut all = Vec::new();
        while let Some(page) = self.next_page().await {
            all.extend(page?);
        }
        Ok(all)
    }
}

/// What removing many sandboxes did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PurgeReport {
    /// How many are removed, or would be.
    pub count: u32,
    /// Which could not be.
    pub failed: Vec<String>,
    /// Which of those may work later.
    pub retryable: Vec<String>,
}

impl Sandbox {
    /// Finds sandboxes.
    pub fn list(client: &Client, options: ListOptions) -> SandboxList {
        SandboxList { client: client.clone(), request: Some(options.into_request()), seen: BTreeSet::new() }
    }

    /// Removes every sandbox that has all of `tags`, in one call. With `dry_run` it only counts them.
    ///
    /// # Errors
    /// Validation for no tags: removing everything has to be asked for by a tag; as any call.
    pub async fn purge(client: &Client, tags: Vec<String>, dry_run: bool) -> Result<PurgeReport, Error> {
        if tags.is_empty() || tags.iter().any(String::is_empty) {
            return Err(Error::invalid("tags", "must name at least one tag, and none may be empty"));
        }
        let request =
            wire::PurgeSandboxesRequest { tags, dry_run, request_id: client::request_id()?, purge_all: false };
        let answer = client.purge_sandboxes(request, &CallOptions::default()).await?;
        Ok(PurgeReport {
            count: u32::try_from(answer.purge_count).unwrap_or_default(),
            failed: answer.failed_sandbox_ids,
            retryable: answer.retryable_failed_sandbox_ids,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::ListOptions;
    use crate::sandbox::SandboxStatus;

    #[test]
    fn wrong_options_are_refused_by_name() {
        let field = |options: ListOptions| options.into_request().unwrap_err().field_violations()[0].field.clone();
        assert_eq!(field(ListOptions::default().page_size(0)), "pageSize");
        assert_eq!(field(ListOptions::default().page_size(u32::MAX)), "pageSize");
        assert_eq!(field(ListOptions::default().status(SandboxStatus::Unspecified)), "status");
    }
}
