//! Every page of a list. Must not know: what is on them.

use std::collections::BTreeSet;

use crate::error::{Error, ErrorKind};

/// Asks for page after page, by the token of the one before, until there is none.
pub(super) async fn all<T, Asking>(page: impl Fn(String) -> Asking) -> Result<Vec<T>, Error>
where
    Asking: Future<Output = Result<(Vec<T>, String), Error>>,
{
    let (mut found, mut token, mut seen) = (Vec::new(), String::new(), BTreeSet::new());
    loop {
        let (page, next) = page(token).await?;
        found.extend(page);
        if next.is_empty() {
            return Ok(found);
        }
        if !seen.insert(next.clone()) {
            return Err(Error::new(ErrorKind::Protocol, "the server repeats a page of a list"));
        }
        token = next;
    }
}
