//! Orders to stop: kept before they are acknowledged, because a sandbox that was deleted must not come back.

use std::time::Duration;

use rusqlite::params;

use super::{Store, StoreError};

/// An order as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptOrder {
    /// The sandbox that it is for.
    pub id: String,
    /// Between TERM and KILL.
    pub grace: Duration,
    /// Shown as the reason of the terminal state.
    pub reason: String,
}

impl Store {
    /// Keeps orders; the first one for a sandbox stays. Durable once this returns.
    pub async fn keep_orders(&self, orders: Vec<KeptOrder>) -> Result<(), StoreError> {
        self.run(move |connection| {
            let transaction = connection.transaction()?;
            for KeptOrder { id, grace, reason } in &orders {
                let grace_ms = i64::try_from(grace.as_millis()).unwrap_or(i64::MAX);
                transaction
                    .prepare_cached("INSERT OR IGNORE INTO stop_orders SELECT id, ?2, ?3 FROM sandboxes WHERE id = ?1")?
                    .execute(params![id, grace_ms, reason])?;
            }
            transaction.commit()
        })
        .await
    }

    /// Every order for a sandbox that is still known.
    pub async fn orders(&self) -> Result<Vec<KeptOrder>, StoreError> {
        self.run(|connection| {
            connection
                .prepare("SELECT id, grace_ms, reason FROM stop_orders")?
                .query_map([], |row| {
                    let grace = Duration::from_millis(row.get::<_, i64>(1)?.max(0).unsigned_abs());
                    Ok(KeptOrder { id: row.get(0)?, grace, reason: row.get(2)? })
                })?
                .collect()
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_order_for_nobody_is_not_kept() {
        let store = Store::open(None).unwrap();
        let order = KeptOrder { id: "gone".into(), grace: Duration::from_secs(1), reason: "deleted".into() };
        store.keep_orders(vec![order]).await.unwrap();
        assert_eq!(store.orders().await.unwrap(), []);
    }
}
