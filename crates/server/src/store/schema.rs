//! The database's versions. Append only: a step that was released never changes.

use rusqlite::Connection;

use super::StoreError;

/// Step `n` brings a database from version `n` to `n + 1` (`PRAGMA user_version`).
const STEPS: &[&str] = &[
    "
    CREATE TABLE sandboxes (
        id                   TEXT PRIMARY KEY,
        request_id           TEXT NOT NULL,
        request_digest       BLOB NOT NULL,
        display_name         TEXT NOT NULL,
        tags                 TEXT NOT NULL,
        spec                 BLOB NOT NULL,
        plan                 TEXT NOT NULL,
        runtime_class        TEXT NOT NULL,
        max_lifetime_seconds INTEGER NOT NULL,
        state                TEXT NOT NULL,
        reason               TEXT NOT NULL,
        exit_code            INTEGER,
        created_ns           INTEGER NOT NULL,
        started_ns           INTEGER,
        ended_ns             INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX sandboxes_by_request ON sandboxes (request_id) WHERE request_id <> '';
",
    "
    CREATE TABLE documents (
        kind           TEXT NOT NULL,
        id             TEXT NOT NULL,
        request_id     TEXT NOT NULL,
        request_digest BLOB NOT NULL,
        body           BLOB NOT NULL,
        PRIMARY KEY (kind, id)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX documents_by_request ON documents (kind, request_id) WHERE request_id <> '';
",
    "
    CREATE TABLE sessions (
        id   TEXT PRIMARY KEY,
        body TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE holders (
        sandbox_id TEXT PRIMARY KEY REFERENCES sandboxes (id) ON DELETE CASCADE,
        user_id    TEXT NOT NULL,
        pool       TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
",
    "
    CREATE TABLE stop_orders (
        id       TEXT PRIMARY KEY,
        grace_ms INTEGER NOT NULL,
        reason   TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
",
];

/// Applies the steps that the database does not have yet, each in its own transaction.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let version: usize =
        connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))?.max(0) as usize;
    if version > STEPS.len() {
        return Err(StoreError::Newer { found: version, known: STEPS.len() });
    }
    for (index, step) in STEPS.iter().enumerate().skip(version) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", (index + 1) as i64)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_database_gets_every_step_and_a_second_run_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(version as usize, STEPS.len());
    }

    #[test]
    fn a_database_of_a_newer_server_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(migrate(&mut connection), Err(StoreError::Newer { found: 99, .. })));
    }
}
