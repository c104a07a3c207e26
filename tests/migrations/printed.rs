//! `migrations/schema.sql`: the tables as they are after every migration, for people to read.
//!
//! `IDGATE_TEST_WRITE_SCHEMA=1` with a Postgres server writes it; otherwise it is compared.

use std::path::Path;

use migrations::{Migrator, MigratorTrait};
use sea_orm::DatabaseConnection;

use crate::backends::on_every_backend;
use crate::{is_sqlite, things};

const HEAD: &str = "\
-- The tables on Postgres after every migration, to be read. Nothing runs this file: what makes the
-- tables is src/, and a test compares the two (migrations/README.md says how to write it anew).
";

/// One text for each table: its columns, its constraints, its indices, then its triggers.
const TABLES: &str = "\
SELECT c.relname::text AS t, concat(\
  E'\\nCREATE TABLE ', c.relname, E' (\\n    ', concat_ws(E',\\n    ', \
    (SELECT string_agg(concat(a.attname, ' ', format_type(a.atttypid, a.atttypmod), \
        CASE WHEN a.attnotnull THEN ' NOT NULL' END, \
        ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid)), E',\\n    ' ORDER BY a.attnum) \
      FROM pg_attribute a LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum) \
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), \
    (SELECT string_agg(concat('CONSTRAINT ', k.conname, ' ', pg_get_constraintdef(k.oid)), \
        E',\\n    ' ORDER BY position(k.contype IN 'pufc'), k.conname) \
      FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype IN ('p', 'u', 'f', 'c'))), \
  E'\\n);\\n', \
  (SELECT string_agg(i.indexdef || E';\\n', '' ORDER BY i.indexname) FROM pg_indexes i \
    WHERE i.schemaname = 'public' AND i.tablename = c.relname AND NOT EXISTS \
      (SELECT 1 FROM pg_constraint k WHERE k.conrelid = c.oid AND k.conname = i.indexname)), \
  (SELECT string_agg(pg_get_triggerdef(g.oid) || E';\\n', '' ORDER BY g.tgname) FROM pg_trigger g \
    WHERE g.tgrelid = c.oid AND NOT g.tgisinternal)\
) AS thing FROM pg_class c \
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY c.relname COLLATE \"C\"";

#[test]
fn the_printed_schema_is_what_the_migrations_make() {
    on_every_backend(async |database: &DatabaseConnection| {
        if is_sqlite(database) {
            return;
        }
        Migrator::up(database, None).await.unwrap();
        let tables: String = things(database, TABLES).await.collect();
        let made = format!("{HEAD}{}", tables.replace(" public.", " "));
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/schema.sql");
        if is_to_be_written() {
            std::fs::write(&file, &made).unwrap();
        }
        let printed = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            printed == made,
            "migrations/schema.sql is not what the migrations make; migrations/README.md says how \
             to write it anew"
        );
    });
}

#[expect(
    clippy::disallowed_methods,
    reason = "what a test run does is no setting of idgate"
)]
fn is_to_be_written() -> bool {
    std::env::var_os("IDGATE_TEST_WRITE_SCHEMA").is_some()
}
