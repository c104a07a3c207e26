//! A hash chain over the audit events, and triggers that make them append-only.
//!
//! `audit_chain` is one row: the head of the chain, and the position up to which retention may
//! remove. The triggers allow deletes only of linked rows up to that position.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::portable::{
    bytes, drop_tables, id, instant, optional_instant, required_text, run, table,
};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

fn number(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name));
    column.big_integer().not_null();
    column
}

/// No foreign keys: a link has to outlive its event, to show that it was removed.
fn tables() -> [TableCreateStatement; 4] {
    let unlinked = table("audit_unlinked")
        .col(id("audit_id").primary_key())
        .to_owned();
    let links = table("audit_links")
        .col(number("position").primary_key())
        .col(id("audit_id").unique_key())
        .col(bytes("hash"))
        .check(Expr::cust("position > 0"))
        .to_owned();
    let checkpoints = table("audit_checkpoints")
        .col(required_text("day").primary_key())
        .col(number("position"))
        .col(bytes("hash"))
        .col(instant("created_at"))
        .col(bytes("mac"))
        .to_owned();
    let chain = table("audit_chain")
        .col(number("id").primary_key())
        .col(number("position"))
        .col(bytes("hash"))
        .col(optional_instant("linked_at"))
        .col(number("removed_through"))
        .col(bytes("mac"))
        .check(Expr::cust("id = 1"))
        .check(Expr::cust(
            "removed_through >= 0 AND removed_through <= position",
        ))
        .to_owned();
    [unlinked, links, checkpoints, chain]
}

/// The head of an empty chain, and the queue of the events that exist already.
async fn fill(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = ["id", "position", "hash", "removed_through", "mac"];
    let beginning = Query::insert()
        .into_table(Alias::new("audit_chain"))
        .columns(columns.map(Alias::new))
        .values_panic([
            1_i64.into(),
            0_i64.into(),
            Vec::<u8>::new().into(),
            0_i64.into(),
            Vec::<u8>::new().into(),
        ])
        .to_owned();
    manager.get_connection().execute(&beginning).await?;
    let earlier = "INSERT INTO audit_unlinked (audit_id) SELECT id FROM audit_events";
    run(manager, &[earlier]).await
}

const INDICES: [&str; 3] = [
    "CREATE INDEX audit_events_action ON audit_events (action, created_at, id)",
    "CREATE INDEX audit_events_address ON audit_events (address_index, created_at, id)",
    "CREATE INDEX audit_events_request ON audit_events (request_id)",
];

const NO_INDICES: [&str; 3] = [
    "DROP INDEX audit_events_action",
    "DROP INDEX audit_events_address",
    "DROP INDEX audit_events_request",
];

const ON_POSTGRES: [&str; 14] = [
    "CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
     RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$",
    "CREATE FUNCTION audit_keep_event() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
     IF EXISTS (SELECT 1 FROM audit_links l JOIN audit_chain c ON l.position <= c.removed_through \
     WHERE l.audit_id = OLD.id) THEN RETURN OLD; END IF; \
     RAISE EXCEPTION 'audit_events is append-only' USING ERRCODE = 'restrict_violation'; END $$",
    "CREATE FUNCTION audit_keep_link() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
     IF EXISTS (SELECT 1 FROM audit_chain WHERE removed_through >= OLD.position) \
     THEN RETURN OLD; END IF; \
     RAISE EXCEPTION 'audit_links is append-only' USING ERRCODE = 'restrict_violation'; END $$",
    "CREATE FUNCTION audit_wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
     INSERT INTO audit_unlinked (audit_id) VALUES (NEW.id); RETURN NULL; END $$",
    "CREATE TRIGGER audit_events_wait AFTER INSERT ON audit_events \
     FOR EACH ROW EXECUTE FUNCTION audit_wait()",
    "CREATE TRIGGER audit_events_update BEFORE UPDATE ON audit_events \
     FOR EACH ROW EXECUTE FUNCTION audit_refuse()",
    "CREATE TRIGGER audit_events_delete BEFORE DELETE ON audit_events \
     FOR EACH ROW EXECUTE FUNCTION audit_keep_event()",
    "CREATE TRIGGER audit_events_truncate BEFORE TRUNCATE ON audit_events \
     FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
    "CREATE TRIGGER audit_links_update BEFORE UPDATE ON audit_links \
     FOR EACH ROW EXECUTE FUNCTION audit_refuse()",
    "CREATE TRIGGER audit_links_delete BEFORE DELETE ON audit_links \
     FOR EACH ROW EXECUTE FUNCTION audit_keep_link()",
    "CREATE TRIGGER audit_links_truncate BEFORE TRUNCATE ON audit_links \
     FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
    "CREATE TRIGGER audit_checkpoints_keep BEFORE UPDATE OR DELETE ON audit_checkpoints \
     FOR EACH ROW EXECUTE FUNCTION audit_refuse()",
    "CREATE TRIGGER audit_checkpoints_truncate BEFORE TRUNCATE ON audit_checkpoints \
     FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
    "CREATE TRIGGER audit_chain_delete BEFORE DELETE ON audit_chain \
     FOR EACH ROW EXECUTE FUNCTION audit_refuse()",
];

/// `INSERT OR REPLACE` deletes the old row without running delete triggers, hence the two insert
/// triggers.
const ON_SQLITE: [&str; 10] = [
    "CREATE TRIGGER audit_events_wait AFTER INSERT ON audit_events BEGIN \
     INSERT INTO audit_unlinked (audit_id) VALUES (NEW.id); END",
    "CREATE TRIGGER audit_events_insert BEFORE INSERT ON audit_events \
     WHEN EXISTS (SELECT 1 FROM audit_events WHERE id = NEW.id) BEGIN \
     SELECT RAISE(ABORT, 'audit_events is append-only'); END",
    "CREATE TRIGGER audit_events_update BEFORE UPDATE ON audit_events BEGIN \
     SELECT RAISE(ABORT, 'audit_events is append-only'); END",
    "CREATE TRIGGER audit_events_delete BEFORE DELETE ON audit_events \
     WHEN NOT EXISTS (SELECT 1 FROM audit_links l JOIN audit_chain c \
     ON l.position <= c.removed_through WHERE l.audit_id = OLD.id) BEGIN \
     SELECT RAISE(ABORT, 'audit_events is append-only'); END",
    "CREATE TRIGGER audit_links_insert BEFORE INSERT ON audit_links \
     WHEN EXISTS (SELECT 1 FROM audit_links WHERE position = NEW.position \
     OR audit_id = NEW.audit_id) BEGIN \
     SELECT RAISE(ABORT, 'audit_links is append-only'); END",
    "CREATE TRIGGER audit_links_update BEFORE UPDATE ON audit_links BEGIN \
     SELECT RAISE(ABORT, 'audit_links is append-only'); END",
    "CREATE TRIGGER audit_links_delete BEFORE DELETE ON audit_links \
     WHEN NOT EXISTS (SELECT 1 FROM audit_chain WHERE removed_through >= OLD.position) BEGIN \
     SELECT RAISE(ABORT, 'audit_links is append-only'); END",
    "CREATE TRIGGER audit_checkpoints_update BEFORE UPDATE ON audit_checkpoints BEGIN \
     SELECT RAISE(ABORT, 'audit_checkpoints is append-only'); END",
    "CREATE TRIGGER audit_checkpoints_delete BEFORE DELETE ON audit_checkpoints BEGIN \
     SELECT RAISE(ABORT, 'audit_checkpoints is append-only'); END",
    "CREATE TRIGGER audit_chain_delete BEFORE DELETE ON audit_chain BEGIN \
     SELECT RAISE(ABORT, 'audit_chain keeps its row'); END",
];

const OFF_POSTGRES: [&str; 8] = [
    "DROP TRIGGER audit_events_wait ON audit_events",
    "DROP TRIGGER audit_events_update ON audit_events",
    "DROP TRIGGER audit_events_delete ON audit_events",
    "DROP TRIGGER audit_events_truncate ON audit_events",
    "DROP FUNCTION audit_wait()",
    "DROP FUNCTION audit_keep_event()",
    "DROP FUNCTION audit_keep_link() CASCADE",
    "DROP FUNCTION audit_refuse() CASCADE",
];

const OFF_SQLITE: [&str; 4] = [
    "DROP TRIGGER audit_events_wait",
    "DROP TRIGGER audit_events_insert",
    "DROP TRIGGER audit_events_update",
    "DROP TRIGGER audit_events_delete",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in tables() {
            manager.create_table(table).await?;
        }
        fill(manager).await?;
        run(manager, &INDICES).await?;
        match manager.get_database_backend() {
            DbBackend::Sqlite => run(manager, &ON_SQLITE).await,
            _ => run(manager, &ON_POSTGRES).await,
        }
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        match manager.get_database_backend() {
            DbBackend::Sqlite => run(manager, &OFF_SQLITE).await?,
            _ => run(manager, &OFF_POSTGRES).await?,
        }
        run(manager, &NO_INDICES).await?;
        let tables = [
            "audit_chain",
            "audit_checkpoints",
            "audit_links",
            "audit_unlinked",
        ];
        drop_tables(manager, &tables).await
    }
}
