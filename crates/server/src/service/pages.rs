//! Pages of a short list that is sorted by a key: the token is the last key shown, so that entries which come and go
//! between two pages move nothing.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::Problem;

const DEFAULT_PAGE: usize = 100;
const MAX_PAGE: usize = 1000;

/// One page of `all` (sorted by key, each key once) and the token of the next; the token is empty at the end.
pub(super) fn page<T>(all: Vec<(String, T)>, size: i32, token: &str) -> Result<(Vec<T>, String), Problem> {
    let size = match usize::try_from(size) {
        Ok(0) => DEFAULT_PAGE,
        Ok(size) => size.min(MAX_PAGE),
        Err(_) => return Err(Problem::field("page_size", "must be 0 (the server's choice) or more")),
    };
    let unknown = || Problem::field("page_token", "must be a next_page_token of this server");
    let shown = match token {
        "" => None,
        token => {
            let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| unknown())?;
            Some(String::from_utf8(bytes).map_err(|_| unknown())?)
        }
    };
    let mut rest = all.into_iter().skip_while(|(key, _)| shown.as_ref().is_some_and(|shown| key <= shown)).peekable();
    let mut found = Vec::new();
    let mut last = String::new();
    while found.len() < size
        && let Some((key, item)) = rest.next()
    {
        last = key;
        found.push(item);
    }
    let next = if rest.peek().is_some() { URL_SAFE_NO_PAD.encode(last) } else { String::new() };
    Ok((found, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(keys: &[&str]) -> Vec<(String, String)> {
        keys.iter().map(|key| ((*key).to_owned(), (*key).to_owned())).collect()
    }

    #[test]
    fn pages_follow_each_other_though_entries_come_and_go() {
        let Ok((first, token)) = page(list(&["a", "b", "c"]), 2, "") else { panic!("a page") };
        assert_eq!(first, ["a", "b"]);
        let Ok((second, token)) = page(list(&["a", "aa", "c", "d"]), 2, &token) else { panic!("a page") };
        assert_eq!((second, token.as_str()), (vec!["c".to_owned(), "d".to_owned()], ""));
    }

    #[test]
    fn foreign_tokens_and_negative_sizes_are_refused() {
        assert!(page(list(&["a"]), 1, "\u{1F680}").is_err());
        assert!(page(list(&["a"]), -1, "").is_err());
    }
}
