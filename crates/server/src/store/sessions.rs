//! Sessions, each as the text that the supervisor writes; and who holds a sandbox.

use std::collections::HashMap;

use rusqlite::params;

use super::{Store, StoreError};

impl Store {
    /// Keeps a session, new or changed. Durable once this returns.
    pub async fn keep_session(&self, id: &str, body: String) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.run(move |connection| {
            let statement = "INSERT INTO sessions VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET body = excluded.body";
            connection.prepare_cached(statement)?.execute(params![id, body]).map(drop)
        })
        .await
    }

    /// Forgets a session.
    pub async fn delete_session(&self, id: &str) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.run(move |connection| connection.execute("DELETE FROM sessions WHERE id = ?1", [id]).map(drop)).await
    }

    /// Every session: id and text.
    pub async fn sessions(&self) -> Result<Vec<(String, String)>, StoreError> {
        self.run(|connection| {
            let mut statement = connection.prepare("SELECT id, body FROM sessions")?;
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .await
    }

    /// Keeps who has a sandbox. Durable once this returns.
    pub async fn hold(&self, id: &str, user: &str, pool: &'static str) -> Result<(), StoreError> {
        let (id, user) = (id.to_owned(), user.to_owned());
        self.run(move |connection| {
            let statement = "INSERT INTO holders VALUES (?1, ?2, ?3)
                 ON CONFLICT (sandbox_id) DO UPDATE SET user_id = excluded.user_id, pool = excluded.pool";
            connection.prepare_cached(statement)?.execute(params![id, user, pool]).map(drop)
        })
        .await
    }

    /// Who has what: user and pool by sandbox. Sandboxes of nobody in particular are left out.
    pub async fn holders(&self) -> Result<HashMap<String, (String, String)>, StoreError> {
        self.run(|connection| {
            let mut statement = connection.prepare("SELECT sandbox_id, user_id, pool FROM holders")?;
            statement.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?.collect()
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_kept_last_is_there_after_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        {
            let store = Store::open(Some(&path)).unwrap();
            store.keep_session("a", "first".into()).await.unwrap();
            store.keep_session("a", "second".into()).await.unwrap();
            store.keep_session("b", "gone".into()).await.unwrap();
            store.delete_session("b").await.unwrap();
        }
        let store = Store::open(Some(&path)).unwrap();
        assert_eq!(store.sessions().await.unwrap(), [("a".to_owned(), "second".to_owned())]);
        assert!(store.hold("no such sandbox", "ada", "").await.is_err());
        assert!(store.holders().await.unwrap().is_empty());
    }
}
