//! Small things that people name and change: one encoded message per kind and id. Must not know what is in them.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Store, StoreError};

/// A new document, with the request that made it.
#[derive(Debug, Clone)]
pub(crate) struct NewDocument {
    /// What sort of thing it is.
    pub kind: &'static str,
    /// Unique in its kind.
    pub id: String,
    /// Empty when the caller gave none.
    pub request_id: String,
    /// Recognises a replay of the same request.
    pub request_digest: Vec<u8>,
    /// The thing itself.
    pub body: Vec<u8>,
}

/// What became of an insertion.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Insertion {
    /// It is there now.
    Added,
    /// The same request made this earlier.
    Replay(Vec<u8>),
    /// The request id was used for something else.
    RequestIdConflict,
    /// The id is taken.
    Taken,
}

impl Store {
    /// Adds a document unless its request was seen before. Durable once this returns.
    pub async fn add_document(&self, new: NewDocument) -> Result<Insertion, StoreError> {
        self.run(move |connection| add(connection, &new)).await
    }

    /// One document.
    pub async fn document(&self, kind: &'static str, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let id = id.to_owned();
        self.run(move |connection| get(connection, kind, &id)).await
    }

    /// What a request made, with the request's digest. Nothing for a request without an id.
    pub async fn document_of_request(
        &self,
        kind: &'static str,
        request_id: &str,
    ) -> Result<Option<(Vec<u8>, Vec<u8>)>, StoreError> {
        let request_id = request_id.to_owned();
        self.run(move |connection| of_request(connection, kind, &request_id)).await
    }

    /// Every document of a kind, by id.
    pub async fn documents(&self, kind: &'static str) -> Result<Vec<Vec<u8>>, StoreError> {
        self.run(move |connection| {
            connection
                .prepare_cached("SELECT body FROM documents WHERE kind = ?1 ORDER BY id")?
                .query_map([kind], |row| row.get(0))?
                .collect()
        })
        .await
    }

    /// Reads a document, lets `change` decide, and writes what it returns; nobody else writes in between. The outer
    /// error is the database's, the inner one that of `change`, after which nothing is written.
    pub async fn change_document<E: Send + 'static>(
        &self,
        kind: &'static str,
        id: &str,
        change: impl FnOnce(Option<Vec<u8>>) -> Result<Vec<u8>, E> + Send + 'static,
    ) -> Result<Result<Vec<u8>, E>, StoreError> {
        let id = id.to_owned();
        self.run(move |connection| {
            let body = match change(get(connection, kind, &id)?) {
                Ok(body) => body,
                Err(error) => return Ok(Err(error)),
            };
            connection
                .prepare_cached(
                    "INSERT INTO documents VALUES (?1, ?2, '', x'', ?3)
                     ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
                )?
                .execute(params![kind, id, body])?;
            Ok(Ok(body))
        })
        .await
    }

    /// Removes a document; says whether it was there.
    pub async fn remove_document(&self, kind: &'static str, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.run(move |connection| {
            let removed = connection
                .prepare_cached("DELETE FROM documents WHERE kind = ?1 AND id = ?2")?
                .execute(params![kind, id])?;
            Ok(removed > 0)
        })
        .await
    }
}

fn get(connection: &Connection, kind: &str, id: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached("SELECT body FROM documents WHERE kind = ?1 AND id = ?2")?
        .query_row(params![kind, id], |row| row.get(0))
        .optional()
}

fn of_request(connection: &Connection, kind: &str, id: &str) -> rusqlite::Result<Option<(Vec<u8>, Vec<u8>)>> {
    if id.is_empty() {
        return Ok(None);
    }
    connection
        .prepare_cached("SELECT request_digest, body FROM documents WHERE kind = ?1 AND request_id = ?2")?
        .query_row(params![kind, id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

fn add(connection: &Connection, new: &NewDocument) -> rusqlite::Result<Insertion> {
    let NewDocument { kind, id, request_id, request_digest, body } = new;
    match of_request(connection, kind, request_id)? {
        Some((digest, body)) if digest == *request_digest => return Ok(Insertion::Replay(body)),
        Some(_) => return Ok(Insertion::RequestIdConflict),
        None => {}
    }
    let added = connection
        .prepare_cached("INSERT INTO documents VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (kind, id) DO NOTHING")?
        .execute(params![kind, id, request_id, request_digest, body])?;
    Ok(if added > 0 { Insertion::Added } else { Insertion::Taken })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(id: &str, request_id: &str, digest: u8) -> NewDocument {
        NewDocument {
            kind: "template",
            id: id.into(),
            request_id: request_id.into(),
            request_digest: vec![digest],
            body: id.as_bytes().to_vec(),
        }
    }

    #[tokio::test]
    async fn a_request_adds_once_and_its_replay_gives_what_it_made() {
        let store = Store::open(None).unwrap();
        assert_eq!(store.add_document(new("a", "r", 1)).await.unwrap(), Insertion::Added);
        assert_eq!(store.add_document(new("b", "r", 1)).await.unwrap(), Insertion::Replay(b"a".to_vec()));
        assert_eq!(store.add_document(new("b", "r", 2)).await.unwrap(), Insertion::RequestIdConflict);
        assert_eq!(store.add_document(new("a", "", 3)).await.unwrap(), Insertion::Taken);
        assert_eq!(store.documents("template").await.unwrap(), [b"a".to_vec()]);
        assert_eq!(store.documents("secret store").await.unwrap(), Vec::<Vec<u8>>::new());
    }

    #[tokio::test]
    async fn a_refused_change_writes_nothing() {
        let store = Store::open(None).unwrap();
        store.add_document(new("a", "", 1)).await.unwrap();
        let refused = store.change_document("template", "a", |_| Err("no")).await.unwrap();
        assert_eq!(refused, Err("no"));
        assert_eq!(store.document("template", "a").await.unwrap(), Some(b"a".to_vec()));
        let changed = store.change_document("template", "a", |old| {
            assert_eq!(old.as_deref(), Some(&b"a"[..]));
            Ok::<_, ()>(b"new".to_vec())
        });
        assert_eq!(changed.await.unwrap(), Ok(b"new".to_vec()));
        assert_eq!(store.document("template", "a").await.unwrap(), Some(b"new".to_vec()));
        assert!(store.remove_document("template", "a").await.unwrap());
        assert!(!store.remove_document("template", "a").await.unwrap());
    }
}
