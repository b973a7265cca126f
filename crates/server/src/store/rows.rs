//! One row per sandbox, and the statements that read and write it.

use rusqlite::{Connection, Row, named_params, params};

/// A sandbox as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SandboxRow {
    /// The sandbox's id.
    pub id: String,
    /// Empty when the caller gave none.
    pub request_id: String,
    /// Recognises a replay of the same request.
    pub request_digest: Vec<u8>,
    /// For people.
    pub display_name: String,
    /// A JSON list.
    pub tags: String,
    /// The encoded specification, as it is echoed.
    pub spec: Vec<u8>,
    /// The runtime's plan in JSON; with file contents until it was started, so that a start can be taken up again.
    pub plan: String,
    /// How the sandbox is served.
    pub runtime_class: String,
    /// 0 means without end.
    pub max_lifetime_seconds: i64,
    /// Nanoseconds since the epoch.
    pub created_ns: i64,
    /// How far it got.
    pub progress: Progress,
}

/// The part of a row that changes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Progress {
    /// The state's name.
    pub state: String,
    /// Why it is in that state; may be empty.
    pub reason: String,
    /// The main command's, once it ended by itself.
    pub exit_code: Option<i32>,
    /// Nanoseconds since the epoch.
    pub started_ns: Option<i64>,
    /// Nanoseconds since the epoch.
    pub ended_ns: Option<i64>,
}

pub(super) fn insert(connection: &Connection, row: &SandboxRow) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO sandboxes VALUES (:id, :request_id, :request_digest, :display_name, :tags, :spec, :plan,
             :runtime_class, :max_lifetime_seconds, :state, :reason, :exit_code, :created_ns, :started_ns, :ended_ns)",
        )?
        .execute(named_params! {
            ":id": row.id,
            ":request_id": row.request_id,
            ":request_digest": row.request_digest,
            ":display_name": row.display_name,
            ":tags": row.tags,
            ":spec": row.spec,
            ":plan": row.plan,
            ":runtime_class": row.runtime_class,
            ":max_lifetime_seconds": row.max_lifetime_seconds,
            ":state": row.progress.state,
            ":reason": row.progress.reason,
            ":exit_code": row.progress.exit_code,
            ":created_ns": row.created_ns,
            ":started_ns": row.progress.started_ns,
            ":ended_ns": row.progress.ended_ns,
        })?;
    Ok(())
}

pub(super) fn update(connection: &Connection, id: &str, progress: &Progress) -> rusqlite::Result<()> {
    let Progress { state, reason, exit_code, started_ns, ended_ns } = progress;
    connection
        .prepare_cached(
            "UPDATE sandboxes SET state = ?2, reason = ?3, exit_code = ?4, started_ns = ?5, ended_ns = ?6 WHERE id = ?1",
        )?
        .execute(params![id, state, reason, exit_code, started_ns, ended_ns])?;
    Ok(())
}

pub(super) fn shorten_plan(connection: &Connection, id: &str, plan: &str) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE sandboxes SET plan = ?2 WHERE id = ?1")?.execute([id, plan])?;
    Ok(())
}

pub(super) fn delete(connection: &Connection, id: &str) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM stop_orders WHERE id = ?1")?.execute([id])?;
    connection.prepare_cached("DELETE FROM sandboxes WHERE id = ?1")?.execute([id])?;
    Ok(())
}

pub(super) fn load(connection: &Connection) -> rusqlite::Result<Vec<SandboxRow>> {
    connection.prepare("SELECT * FROM sandboxes ORDER BY created_ns")?.query_map([], read)?.collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<SandboxRow> {
    Ok(SandboxRow {
        id: row.get("id")?,
        request_id: row.get("request_id")?,
        request_digest: row.get("request_digest")?,
        display_name: row.get("display_name")?,
        tags: row.get("tags")?,
        spec: row.get("spec")?,
        plan: row.get("plan")?,
        runtime_class: row.get("runtime_class")?,
        max_lifetime_seconds: row.get("max_lifetime_seconds")?,
        created_ns: row.get("created_ns")?,
        progress: Progress {
            state: row.get("state")?,
            reason: row.get("reason")?,
            exit_code: row.get("exit_code")?,
            started_ns: row.get("started_ns")?,
            ended_ns: row.get("ended_ns")?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    fn row(id: &str, request_id: &str) -> SandboxRow {
        SandboxRow {
            id: id.into(),
            request_id: request_id.into(),
            request_digest: vec![1, 2],
            display_name: "d".into(),
            tags: "[\"a\"]".into(),
            spec: vec![3],
            plan: "{}".into(),
            runtime_class: "local-host".into(),
            max_lifetime_seconds: 5,
            created_ns: 7,
            progress: Progress {
                state: "creating".into(),
                reason: String::new(),
                exit_code: None,
                started_ns: None,
                ended_ns: None,
            },
        }
    }

    #[tokio::test]
    async fn what_was_acknowledged_is_there_after_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        let mut first = row("sb-1", "r-1");
        {
            let store = Store::open(Some(&path)).unwrap();
            store.insert(first.clone()).await.unwrap();
            first.progress.state = "completed".into();
            first.progress.exit_code = Some(0);
            store.note("sb-1", first.progress.clone());
            store.insert(row("sb-2", "")).await.unwrap();
            store.insert(row("sb-3", "")).await.unwrap();
            store.delete("sb-3").await.unwrap();
        }
        let store = Store::open(Some(&path)).unwrap();
        assert_eq!(store.load().await.unwrap(), vec![first, row("sb-2", "")]);
    }

    #[tokio::test]
    async fn a_request_id_is_kept_once() {
        let store = Store::open(None).unwrap();
        store.insert(row("sb-1", "same")).await.unwrap();
        assert!(store.insert(row("sb-2", "same")).await.is_err());
    }
}
