//! Inserting many rows by few statements: on Postgres by COPY, on SQLite by INSERT with many rows.
//!
//! Both take part in the transaction, and meet the same indexes, checks and triggers.

use std::fmt::Write as _;

use chrono::SecondsFormat;
use sea_orm::sea_query::Value;
use sea_orm::{
    ActiveModelTrait, ActiveValue, ConnectionTrait as _, DatabaseBackend, DbErr, EntityName as _,
    EntityTrait, IdenStatic as _, Iterable as _, RuntimeErr,
};

use super::database::Tx;
use crate::fault::Fault;

/// Values that one statement binds: SQLite takes 32,766.
const MAX_VALUES: usize = 32_000;

/// Inserts rows; `false` when the database refuses one of them, by a unique index or another constraint,
/// which fails the transaction.
pub(super) async fn insert<A>(tx: &Tx, rows: Vec<A>) -> Result<bool, Fault>
where
    A: ActiveModelTrait + Send,
{
    if tx.get_database_backend() == DatabaseBackend::Postgres {
        return copy(tx, rows).await;
    }
    let columns = <A::Entity as EntityTrait>::Column::iter().count();
    let most = (MAX_VALUES / columns.max(1)).max(1);
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let batch: Vec<A> = rows.by_ref().take(most).collect();
        let outcome = A::Entity::insert_many(batch)
            .exec_without_returning(tx)
            .await;
        match outcome {
            Ok(_) => {}
            Err(error) if is_refusal(&error) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(true)
}

/// The same by COPY in its text format, which the server neither plans nor binds values for.
async fn copy<A>(tx: &Tx, mut rows: Vec<A>) -> Result<bool, Fault>
where
    A: ActiveModelTrait + Send,
{
    let Some(first) = rows.first() else {
        return Ok(true);
    };
    let columns: Vec<<A::Entity as EntityTrait>::Column> =
        <A::Entity as EntityTrait>::Column::iter()
            .filter(|column| !first.is_not_set(*column))
            .collect();
    let mut lines = String::new();
    for row in &mut rows {
        for (place, column) in columns.iter().enumerate() {
            if place > 0 {
                lines.push('\t');
            }
            let value = match row.take(*column) {
                ActiveValue::Set(value) | ActiveValue::Unchanged(value) => value,
                ActiveValue::NotSet => {
                    return Err(Fault::new("rows of one statement set different columns"));
                }
            };
            write_value(&mut lines, value)?;
        }
        lines.push('\n');
    }
    let names: Vec<String> = columns
        .iter()
        .map(|column| format!("\"{}\"", column.as_str()))
        .collect();
    let table = A::Entity::default();
    let statement = format!(
        "COPY \"{}\" ({}) FROM STDIN",
        table.table_name(),
        names.join(", ")
    );
    match tx.copy_in(&statement, lines.as_bytes()).await {
        Ok(()) => Ok(true),
        Err(error) if is_refusal(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Writes a value as COPY reads it.
fn write_value(line: &mut String, value: Value) -> Result<(), Fault> {
    let written = match value {
        Value::Bool(Some(value)) => line.write_str(if value { "t" } else { "f" }),
        Value::SmallInt(Some(value)) => write!(line, "{value}"),
        Value::Int(Some(value)) => write!(line, "{value}"),
        Value::BigInt(Some(value)) => write!(line, "{value}"),
        Value::Uuid(Some(value)) => write!(line, "{value}"),
        Value::ChronoDateTimeUtc(Some(value)) => {
            line.write_str(&value.to_rfc3339_opts(SecondsFormat::Micros, true))
        }
        Value::Bytes(Some(value)) => write!(line, "\\\\x{}", hex::encode(value)),
        Value::String(Some(value)) => {
            escape(line, &value);
            Ok(())
        }
        Value::Bool(None)
        | Value::SmallInt(None)
        | Value::Int(None)
        | Value::BigInt(None)
        | Value::Uuid(None)
        | Value::ChronoDateTimeUtc(None)
        | Value::Bytes(None)
        | Value::String(None) => line.write_str("\\N"),
        _ => return Err(Fault::new("a value of a kind that no bulk insert knows")),
    };
    written.map_err(Fault::from)
}

/// Escapes what ends a value or a row, and the escape itself.
fn escape(line: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '\\' => line.push_str("\\\\"),
            '\t' => line.push_str("\\t"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            other => line.push(other),
        }
    }
}

/// Whether the database refuses a row because of what is in it: classes 22 and 23 of SQLSTATE, and
/// `SQLITE_CONSTRAINT`.
pub(super) fn is_refusal(error: &DbErr) -> bool {
    const CONSTRAINT: i32 = 19;
    let (DbErr::Query(RuntimeErr::SqlxError(error)) | DbErr::Exec(RuntimeErr::SqlxError(error))) =
        error
    else {
        return false;
    };
    let Some(refusal) = error.as_database_error() else {
        return false;
    };
    let Some(code) = refusal.code() else {
        return false;
    };
    match code.parse::<i32>() {
        // The primary code of an extended one is its last byte.
        Ok(code) if code < 10_000 => code & 0xff == CONSTRAINT,
        _ => code.starts_with("22") || code.starts_with("23"),
    }
}
