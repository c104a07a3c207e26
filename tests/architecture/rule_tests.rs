//! Each architecture rule rejects a source that breaks it, in every way of writing it.
//!
//! A case is a line: a path, a colon, the file's text, and after an arrow why it is
//! wrong.

use crate::reader::{module_of, uses};
use crate::{Source, rules, statements};

type Rule = fn(&[Source]) -> Vec<String>;

fn broken(rule: Rule, case: &str) -> Vec<String> {
    let (path, text) = case.split_once(": ").expect("a case begins with a path");
    let (path, text) = (path.trim().to_owned(), text.to_owned());
    rule(&[Source { path, text }])
}

fn assert_caught(rule: Rule, cases: &str) {
    for line in cases.lines().filter(|line| !line.trim().is_empty()) {
        let (case, why) = line.split_once(" => ").expect("a case ends with a reason");
        let violations = broken(rule, case);
        let is_named = violations.iter().any(|violation| violation.contains(why));
        assert!(is_named, "{line}\nis caught as {violations:?}");
    }
}

fn assert_fine(rule: Rule, cases: &str) {
    for case in cases.lines().filter(|line| !line.trim().is_empty()) {
        assert_eq!(broken(rule, case), Vec::<String>::new(), "{case}");
    }
}

#[test]
fn a_use_of_a_layer_above_is_caught() {
    let cases = "
        src/selectors/user.rs: use crate::stores::user; => selectors may not use stores
        src/stores/user.rs: use crate::{domain::ids, services::audit}; => stores may not use services
        src/schema/query.rs: fn f() { crate::stores::user::find(); } => schema may not use stores
        src/services/session/login.rs: use super::super::super::schema::query; => services may not use schema
        src/services/session.rs: mod tests { use super::super::super::schema; } => services may not use schema
        src/services/session.rs: mod a {} mod b { use super::super::super::schema; } => services may not use schema
        src/services/audit.rs: use crate::selectors::user; => services may not use selectors
        src/domain/clock.rs: use crate::config::Config; => domain may not use config
        src/domain/clock.rs: use crate::fault::Fault; => domain may not use fault
        src/fault.rs: use crate::domain::ids::UserId; => fault may not use domain
        src/telemetry.rs: use crate::config::Config; => telemetry may not use config
        src/config/mod.rs: use crate::crypto::seal; => config may not use crypto
        src/pages/redeem.rs: use crate::selectors::user; => pages may not use selectors
        src/pages/redeem.rs: use crate::stores::user; => pages may not use stores
        src/volatile/mod.rs: pub use crate::stores as rows; => volatile may not use stores
        src/util/mod.rs: use crate::domain::ids; => util is in no row of the layer table
        src/schema/query.rs: use crate::util::text; => util is in no row of the layer table
        src/schema/query.rs: use crate as root; => the root of the crate is no layer
        src/schema/query.rs: use crate::*; => the root of the crate is no layer
        src/schema/query.rs: use idgate::stores::user; => schema may not use stores
    ";
    assert_caught(rules::layers, cases);
}

#[test]
fn transport_that_does_more_than_authenticate_is_caught() {
    let cases = "
        src/transport/graphql.rs: use crate::services::session::login; => transport may only authenticate
        src/transport/graphql.rs: use crate::services::session; => transport may only authenticate
        src/transport/graphql.rs: use crate::services::session::{authenticate, login}; => transport may only
        src/transport/graphql.rs: use crate::stores::user; => transport may not use stores
    ";
    assert_caught(rules::layers, cases);
    let fine = "
        src/transport/authentication.rs: use crate::services::session::{authenticate, Authenticated};
        src/transport/authentication.rs: crate::services::session::authenticate(app, client, bearer).await
    ";
    assert_fine(rules::layers, fine);
}

#[test]
fn layers_below_may_be_used() {
    let cases = r##"
        src/services/session/login.rs: use super::refresh; use crate::stores::{Tx, user};
        src/config/telemetry.rs: use crate::telemetry::Settings;
        src/command/serve.rs: use crate::{stores, transport, volatile};
        src/main.rs: use idgate::stores;
        src/schema/query.rs: // use crate::stores::user;
        src/schema/query.rs: /* crate::stores /* in */ crate::stores */
        src/schema/query.rs: const A: &str = "\" crate::stores"; const B: char = '"';
        src/schema/query.rs: const A: &str = r#"a " crate::stores"#; const B: u8 = b'"';
        src/schema/query.rs: const A: &[u8] = b"crate::stores"; const B: char = '\'';
        src/stores/user.rs: pub(in crate::stores) fn f() {} pub(crate) fn g() {}
    "##;
    assert_fine(rules::layers, cases);
}

#[test]
fn a_literal_hides_nothing_behind_it() {
    let cases = r#"
        src/schema/query.rs: const B: char = '"'; use crate::stores::user; => may not use stores
        src/schema/query.rs: const B: char = '\''; use crate::stores::user; => may not use stores
        src/schema/query.rs: fn f<'a>(b: &'a str) {} use crate::stores; => may not use stores
        src/schema/query.rs: const A: &str = "\\"; use crate::stores; => may not use stores
        src/schema/query.rs: const A: &str = r"\"; use crate::stores; => may not use stores
        src/schema/query.rs: /* a /* b */ c */ use crate::stores; => may not use stores
    "#;
    assert_caught(rules::layers, cases);
}

#[test]
fn a_service_that_uses_an_entry_service_is_caught() {
    let cases = "
        src/services/session/login.rs: use crate::services::account::register; => session may not use account
        src/services/session/login.rs: use super::super::account; => session may not use account
        src/services/account.rs: use super::session; => account may not use session
        src/services/audit.rs: use crate::services::{session::login}; => audit may not use session
        src/services/operator/admin.rs: use crate::services::account; => operator may not use account
        src/services/session/login.rs: use crate::services::*; => session may not use *
    ";
    assert_caught(rules::services, cases);
    let fine = "
        src/services/session/login.rs: use crate::services::audit; use super::refresh;
        src/services/operator/delivery.rs: use crate::services::outbox;
        src/services/mod.rs: pub use self::outbox::Body;
        src/schema/mutations/session.rs: use crate::services::session;
    ";
    assert_fine(rules::services, fine);
}

#[test]
fn an_incomplete_capability_is_caught() {
    let complete = "
        src/services/mod.rs
        src/services/operator/admin.rs
        src/services/audit.rs
        src/services/avatar.rs
        src/services/outbox.rs
        src/services/ownership.rs
        src/services/recovery.rs
        src/services/refused.rs
        src/services/code.rs
        src/services/deletion.rs
        src/services/device.rs
        src/services/erasure.rs
        src/services/export_archive.rs
        src/services/staff_change/mod.rs
        src/services/links.rs
        src/services/new_password.rs
        src/services/profile_rules.rs
        src/services/step_up.rs
        src/services/sign_in.rs
        src/services/throttle.rs
        src/services/session/mod.rs
        src/services/session/login.rs
        src/schema/mutations/session.rs
        tests/it/session/refresh.rs
        queries/session/Login.graphql
    ";
    let without = |left_out: &str| {
        let kept = complete.split_whitespace().filter(|path| *path != left_out);
        rules::capabilities(&kept.map(str::to_owned).collect::<Vec<_>>())
    };
    assert_eq!(without(""), Vec::<String>::new());
    let cases = "
        src/schema/mutations/session.rs => services/session has no src/schema/mutations/session
        tests/it/session/refresh.rs => services/session has no tests/it/session
        queries/session/Login.graphql => services/session has no queries/session/*.graphql
        src/services/audit.rs => the supporting service audit does not exist
    ";
    for (left_out, why) in cases
        .lines()
        .filter_map(|line| line.trim().split_once(" => "))
    {
        assert_eq!(without(left_out), [why]);
    }
}

#[test]
fn an_outside_library_away_from_home_is_caught() {
    let cases = "
        src/services/session.rs: use sea_orm::EntityTrait; => sea_orm belongs to entities
        src/services/session.rs: type Row = ::sea_orm::DbErr; => sea_orm belongs to entities
        src/services/session.rs: fn f() -> ::sea_orm::DbErr {} => sea_orm belongs to entities
        src/schema/query.rs: use {std::fmt, sqlx::Row}; => sqlx belongs to entities
        src/command/serve.rs: axum::serve(listener, router).await => axum belongs to transport
        src/schema/mod.rs: use async_graphql_axum as http; => async_graphql_axum belongs to transport
        src/app.rs: use redis::Client; => redis belongs to volatile
        src/config/mod.rs: use bb8_redis::{bb8, RedisConnectionManager}; => bb8_redis belongs to volatile
        src/lib.rs: extern crate bb8; => bb8 belongs to volatile
    ";
    assert_caught(rules::homes, cases);
    let fine = "
        src/app.rs: use sea_orm::DatabaseConnection;
        src/transport/mod.rs: use axum::Router;
        src/volatile/redis.rs: use redis::Script; use bb8_redis::bb8::Pool;
        src/config/mod.rs: mod redis; pub use self::redis::Redis; fn f() { config.redis.url() }
        src/config/mod.rs: use crate::config::{redis::Redis, server::Server};
    ";
    assert_fine(rules::homes, fine);
}

#[test]
fn the_librarys_error_elsewhere_is_caught() {
    let cases = "
        src/schema/query.rs: use async_graphql::{Context, Error}; => belongs to src/schema/error.rs
        src/schema/query.rs: fn f() -> async_graphql::Error {} => belongs to src/schema/error.rs
        src/transport/graphql.rs: use async_graphql::*; => belongs to src/schema/error.rs
        src/schema/query.rs: use async_graphql as engine; => belongs to src/schema/error.rs
        src/schema/query.rs: use async_graphql::{self as engine}; => belongs to src/schema/error.rs
    ";
    assert_caught(rules::errors, cases);
    let fine = "
        src/schema/error.rs: use async_graphql::Error;
        src/schema/query.rs: use async_graphql::{Context, Object}; use crate::schema::Error;
        src/schema/extensions/limits.rs: use async_graphql::extensions::*;
    ";
    assert_fine(rules::errors, fine);
}

#[test]
fn a_header_that_is_read_elsewhere_is_caught() {
    let cases = "
        src/transport/graphql.rs: request.headers().get(ACCEPT) => src/transport/request_head.rs
        src/transport/graphql.rs: f(&parts.headers) => src/transport/request_head.rs
        src/transport/tls.rs: fn f(headers: HeaderMap) {} => src/transport/request_head.rs
    ";
    assert_caught(rules::headers, cases);
    let fine = "
        src/transport/request_head.rs: request.headers().get(ACCEPT)
        src/transport/graphql.rs: response.headers_mut().insert(VARY, value);
        src/providers/http.rs: response.headers().get(AGE)
    ";
    assert_fine(rules::headers, fine);
}

#[test]
fn a_long_file_is_caught() {
    let of_length = |lines: usize| {
        let (path, text) = ("tests/it/main.rs".to_owned(), "\n".repeat(lines));
        rules::lengths(&[Source { path, text }])
    };
    assert_eq!(of_length(400), Vec::<String>::new());
    assert_eq!(of_length(401).len(), 1);
}

#[test]
fn lines_and_modules_are_told_as_an_editor_would() {
    let text = "//! First.\n\nuse std::fmt;\nuse crate::{\n    domain,\n};\n";
    let found = uses("src/app.rs", text);
    let found: Vec<_> = found
        .into_iter()
        .map(|used| (used.line, used.path))
        .collect();
    assert_eq!(found, [(3, path("std::fmt")), (4, path("domain"))]);
    assert_eq!(
        module_of("src/services/session/mod.rs"),
        path("services::session")
    );
    assert_eq!(module_of("src/lib.rs"), Vec::<String>::new());
}

fn path(text: &str) -> Vec<String> {
    text.split("::").map(str::to_owned).collect()
}

#[test]
fn a_raw_statement_that_is_taken_for_another_kind_is_caught() {
    let cases = r#"
        src/stores/user.rs: const S: &str = "WITH a AS (SELECT 1) SELECT * FROM a"; => taken for one that writes
        src/stores/user.rs: fn f() { run(&format!("SELECT * FROM (DELETE FROM a {b})")); } => taken for a read
        src/selectors/user.rs: const S: &str = r"MERGE INTO a USING b"; => is_write does not know
        src/app/mod.rs: const S: &str = " UPDATE a SET b = 1"; => at the very beginning
    "#;
    assert_caught(statements::raw, cases);
    let fine = r#"
        src/stores/user.rs: const S: &str = "SELECT id FROM a FOR UPDATE";
        src/stores/user.rs: const S: &str = "WITH a AS (UPDATE b SET c = 1 RETURNING d) SELECT d FROM a";
        src/stores/user.rs: #[doc = "WITH care"] const S: [&str; 2] = ["DELETE", "WITH"];
        src/services/user.rs: const S: &str = "WITH care";
    "#;
    assert_fine(statements::raw, fine);
}
