//! The database schema: migrations apply and revert, the entities describe it, and
//! (in `constraints`) the database itself refuses invalid rows.
//!
//! Every test runs on an empty SQLite database, and on an empty Postgres database as well when
//! `IDGATE_TEST_POSTGRES_URL` names a server.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]
#![expect(
    clippy::needless_pass_by_value,
    reason = "a check is a closure, written where it is handed over"
)]

#[path = "migrations/backends.rs"]
mod backends;
#[path = "migrations/constraints.rs"]
mod constraints;
#[path = "migrations/identities.rs"]
mod identities;
#[path = "migrations/media.rs"]
mod media;
#[path = "migrations/printed.rs"]
mod printed;
#[path = "migrations/rows.rs"]
mod rows;

use std::collections::BTreeSet;

use idgate::entities;
use migrations::{Migrator, MigratorTrait};
use sea_orm::{
    ColumnTrait, ColumnType, ConnectionTrait, DatabaseBackend, DatabaseConnection, EntityTrait,
    IdenStatic, Iterable, QueryResult, Statement,
};

use backends::on_every_backend;

/// The migrator's own table.
const LEDGER: &str = "seaql_migrations";

#[test]
fn every_migration_applies_to_an_empty_database_once() {
    on_every_backend(async |database: &DatabaseConnection| {
        let known = Migrator::migrations().len();
        assert_eq!(
            Migrator::get_pending_migrations(database)
                .await
                .unwrap()
                .len(),
            known
        );
        Migrator::up(database, None).await.unwrap();
        assert!(
            Migrator::get_pending_migrations(database)
                .await
                .unwrap()
                .is_empty()
        );
        let before = dump(database).await;
        Migrator::up(database, None).await.unwrap();
        assert_eq!(dump(database).await, before);
    });
}

#[test]
fn going_down_leaves_nothing_and_up_again_gives_the_same() {
    on_every_backend(async |database: &DatabaseConnection| {
        Migrator::up(database, None).await.unwrap();
        let first = dump(database).await;
        Migrator::down(database, None).await.unwrap();
        assert_eq!(dump(database).await, BTreeSet::new());
        Migrator::up(database, None).await.unwrap();
        assert_eq!(dump(database).await, first);
    });
}

#[test]
fn every_step_can_be_taken_back_alone() {
    on_every_backend(async |database: &DatabaseConnection| {
        for _ in Migrator::migrations() {
            let before = dump(database).await;
            Migrator::up(database, Some(1)).await.unwrap();
            let after = dump(database).await;
            assert_ne!(after, before, "a migration that changes nothing");
            Migrator::down(database, Some(1)).await.unwrap();
            assert_eq!(dump(database).await, before);
            Migrator::up(database, Some(1)).await.unwrap();
            assert_eq!(dump(database).await, after);
        }
    });
}

#[test]
fn the_entities_are_the_tables() {
    on_every_backend(async |database: &DatabaseConnection| {
        Migrator::up(database, None).await.unwrap();
        assert_eq!(differences(database).await, [""; 0]);
    });
}

#[test]
fn an_entity_that_differs_from_its_table_is_seen() {
    on_every_backend(async |database: &DatabaseConnection| {
        Migrator::up(database, None).await.unwrap();
        let [text, instant] = [ColumnType::Text, ColumnType::TimestampWithTimeZone]
            .map(|kind| spelled(&kind, database));
        let steps = [
            (
                "ALTER TABLE person_keys ADD COLUMN forgotten text NULL",
                vec![format!("no entity has person_keys.forgotten {text} null")],
            ),
            ("ALTER TABLE person_keys DROP COLUMN forgotten", vec![]),
            (
                "ALTER TABLE person_keys DROP COLUMN created_at",
                vec![format!(
                    "no table has person_keys.created_at {instant} not null"
                )],
            ),
            (
                "ALTER TABLE person_keys ADD COLUMN created_at text NULL",
                vec![
                    format!("no entity has person_keys.created_at {text} null"),
                    format!("no table has person_keys.created_at {instant} not null"),
                ],
            ),
        ];
        for (change, expected) in steps {
            database.execute_unprepared(change).await.unwrap();
            assert_eq!(differences(database).await, expected, "after {change}");
        }
    });
}

/// The differences between entities and tables, sorted.
async fn differences(database: &DatabaseConnection) -> Vec<String> {
    let (described, stored) = (described(database), stored(database).await);
    let unknown = stored
        .difference(&described)
        .map(|column| format!("no entity has {column}"));
    let missing = described
        .difference(&stored)
        .map(|column| format!("no table has {column}"));
    unknown.chain(missing).collect()
}

/// The columns that the entities describe, each with its type and whether it may be null.
fn described(database: &DatabaseConnection) -> BTreeSet<String> {
    [
        columns::<entities::audit_chain::Entity>(database),
        columns::<entities::audit_checkpoint::Entity>(database),
        columns::<entities::audit_event::Entity>(database),
        columns::<entities::data_export::Entity>(database),
        columns::<entities::data_export_part::Entity>(database),
        columns::<entities::deleted_record::Entity>(database),
        columns::<entities::erasure_request::Entity>(database),
        columns::<entities::avatar_upload::Entity>(database),
        columns::<entities::identity::Entity>(database),
        columns::<entities::import_record::Entity>(database),
        columns::<entities::import_run::Entity>(database),
        columns::<entities::audit_link::Entity>(database),
        columns::<entities::audit_tally::Entity>(database),
        columns::<entities::audit_unlinked::Entity>(database),
        columns::<entities::legacy_sign_out::Entity>(database),
        columns::<entities::link::Entity>(database),
        columns::<entities::media_removal::Entity>(database),
        columns::<entities::outbox_message::Entity>(database),
        columns::<entities::password::Entity>(database),
        columns::<entities::person_key::Entity>(database),
        columns::<entities::refresh_token::Entity>(database),
        columns::<entities::session::Entity>(database),
        columns::<entities::signing_key::Entity>(database),
        columns::<entities::redemption::Entity>(database),
        columns::<entities::user::Entity>(database),
    ]
    .concat()
    .into_iter()
    .collect()
}

fn columns<E: EntityTrait>(database: &DatabaseConnection) -> Vec<String> {
    let table = E::default();
    let columns = E::Column::iter().map(|column| {
        let definition = column.def();
        let kind = spelled(definition.get_column_type(), database);
        let nullable = if definition.is_null() {
            "null"
        } else {
            "not null"
        };
        format!(
            "{}.{} {kind} {nullable}",
            table.table_name(),
            column.as_str()
        )
    });
    columns.collect()
}

/// The column type that the migrations choose for values of this kind.
fn spelled(kind: &ColumnType, database: &DatabaseConnection) -> &'static str {
    let (sqlite, postgres) = match kind {
        ColumnType::String(_) | ColumnType::Text => ("text", "text"),
        ColumnType::BigInteger => ("integer", "bigint"),
        ColumnType::Boolean => ("boolean", "boolean"),
        ColumnType::Uuid => ("uuid_text", "uuid"),
        ColumnType::VarBinary(_) | ColumnType::Blob => ("blob", "bytea"),
        ColumnType::TimestampWithTimeZone => {
            ("timestamp_with_timezone_text", "timestamp with time zone")
        }
        other => panic!("say here how the databases spell {other:?}"),
    };
    if is_sqlite(database) {
        sqlite
    } else {
        postgres
    }
}

/// The actual columns, in the format of [`described`].
async fn stored(database: &DatabaseConnection) -> BTreeSet<String> {
    let query = if is_sqlite(database) {
        "SELECT t.name AS t, t.name || '.' || c.name || ' ' || lower(c.type) || ' ' || \
         CASE WHEN c.\"notnull\" THEN 'not null' ELSE 'null' END AS thing \
         FROM sqlite_master t JOIN pragma_table_info(t.name) c WHERE t.type = 'table'"
    } else {
        "SELECT table_name::text AS t, table_name || '.' || column_name || ' ' || data_type || ' ' \
         || CASE is_nullable WHEN 'NO' THEN 'not null' ELSE 'null' END AS thing \
         FROM information_schema.columns WHERE table_schema = 'public'"
    };
    things(database, query).await.collect()
}

/// Every object in the database except the migrator's table, one text each.
async fn dump(database: &DatabaseConnection) -> BTreeSet<String> {
    let query = if is_sqlite(database) {
        "SELECT tbl_name AS t, tbl_name || ': ' || type || ' ' || name || ' ' || \
         coalesce(sql, '') AS thing FROM sqlite_master"
    } else {
        "SELECT table_name::text AS t, concat_ws(' ', table_name, row_number() \
         OVER (PARTITION BY table_name ORDER BY ordinal_position), column_name, data_type, is_nullable, column_default) AS thing \
         FROM information_schema.columns WHERE table_schema = 'public' \
         UNION ALL SELECT tablename::text, indexdef FROM pg_indexes WHERE schemaname = 'public' \
         UNION ALL SELECT conrelid::regclass::text, concat_ws(' ', conrelid::regclass, conname, \
         pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace = 'public'::regnamespace \
         UNION ALL SELECT tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger \
         WHERE NOT tgisinternal UNION ALL SELECT proname::text, pg_get_functiondef(oid) \
         FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND NOT EXISTS \
         (SELECT 1 FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')"
    };
    things(database, query).await.collect()
}

/// The column `thing` of every row that is not about the ledger.
async fn things(database: &DatabaseConnection, query: &str) -> impl Iterator<Item = String> {
    let statement = Statement::from_string(database.get_database_backend(), query);
    let rows = database.query_all_raw(statement).await.unwrap().into_iter();
    let named = |row: &QueryResult| row.try_get::<String>("", "t").unwrap() != LEDGER;
    rows.filter(named)
        .map(|row| row.try_get("", "thing").unwrap())
}

fn is_sqlite(database: &DatabaseConnection) -> bool {
    database.get_database_backend() == DatabaseBackend::Sqlite
}
