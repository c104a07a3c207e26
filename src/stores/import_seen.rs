//! What a rehearsal of the import has seen, in a table that goes with its transaction.
//!
//! A rehearsal writes nothing, so it cannot find duplicates among the accounts.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait as _, Statement, Value};

use super::database::Tx;
use crate::fault::Fault;

/// Keys of one statement.
const BATCH: usize = 500;

/// Makes the table.
pub async fn create(tx: &Tx) -> Result<(), Fault> {
    let sql =
        "CREATE TEMPORARY TABLE import_seen (key text PRIMARY KEY, legacy_id bigint NOT NULL)";
    tx.execute_unprepared(sql).await?;
    Ok(())
}

fn list(count: usize, is_sqlite: bool, per_row: usize) -> String {
    let mut number = 0;
    let rows = (0..count).map(|_| {
        let row = (0..per_row).map(|_| {
            number += 1;
            if is_sqlite {
                "?".to_owned()
            } else {
                format!("${number}")
            }
        });
        format!("({})", row.collect::<Vec<_>>().join(", "))
    });
    rows.collect::<Vec<_>>().join(", ")
}

/// Adds keys that are new.
pub async fn insert(tx: &Tx, keys: &[(String, i64)], is_sqlite: bool) -> Result<(), Fault> {
    for keys in keys.chunks(BATCH) {
        let rows = list(keys.len(), is_sqlite, 2);
        let sql = format!("INSERT INTO import_seen (key, legacy_id) VALUES {rows}");
        let values: Vec<Value> = keys
            .iter()
            .flat_map(|(key, id)| [Value::from(key.as_str()), Value::from(*id)])
            .collect();
        let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
        tx.execute_raw(statement).await?;
    }
    Ok(())
}

/// Which of these keys were seen, and of which rows.
pub async fn find(
    tx: &Tx,
    keys: &[String],
    is_sqlite: bool,
) -> Result<BTreeMap<String, i64>, Fault> {
    let mut found = BTreeMap::new();
    for keys in keys.chunks(BATCH) {
        let rows = list(keys.len(), is_sqlite, 1);
        let sql = format!("SELECT key, legacy_id FROM import_seen WHERE key IN ({rows})");
        let values: Vec<Value> = keys.iter().map(|key| Value::from(key.as_str())).collect();
        let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
        for row in tx.query_all_raw(statement).await? {
            found.insert(row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        }
    }
    Ok(found)
}
