//! The list of users: filters, orders, search, and the statements of a page.

use serde_json::{Value, json};

use super::admin;
use crate::harness::{SignedIn, TestApp};

/// Writes this many accounts, folded; what they are repeats in different periods.
async fn populate(app: &TestApp, count: usize) {
    let people: Vec<String> = (0..count).map(|number| row(app, number)).collect();
    for part in people.chunks(500) {
        app.execute(&format!(
            "INSERT INTO users (id, pid, email, email_canonical, first_name, last_name, role, \
             auth_provider, is_verified, country, last_login_at, created_at, updated_at) \
             VALUES {}",
            part.join(", ")
        ))
        .await;
    }
    app.fold_texts().await;
}

fn row(app: &TestApp, number: usize) -> String {
    let id = app.id_literal(&format!("01900000-0000-7000-8000-{number:012x}"));
    let role = ["client", "client", "vendor"][number % 3];
    let provider = ["email", "google"][number % 2];
    let country = ["FR", "DE", "NG", "US", "IN"][number % 5];
    let (minute, second) = (number / 60 % 60, number % 60);
    let instant = |hour: usize| {
        let hour = hour + number / 3600;
        format!("'2026-02-01T{hour:02}:{minute:02}:{second:02}+00:00'")
    };
    let login = if number.is_multiple_of(4) {
        "NULL".to_owned()
    } else {
        instant(12)
    };
    let flag = |value: bool| {
        if app.is_sqlite() {
            i32::from(value).to_string()
        } else {
            value.to_string()
        }
    };
    format!(
        "({id}, 'P{number}', 'Person{number}@Example.net', 'person{number}@example.net', \
         'First{}', 'Last{}', '{role}', '{provider}', {}, '{country}', {login}, {}, {})",
        number % 7,
        number % 11,
        flag(number.is_multiple_of(2)),
        instant(1),
        instant(1),
    )
}

async fn users(by: &SignedIn<'_>, arguments: &str, selection: &str) -> Value {
    let query = format!("{{ users({arguments}) {{ {selection} }} }}");
    by.ask(&query, json!({})).await.root("users").clone()
}

async fn count(by: &SignedIn<'_>, filter: &str) -> i64 {
    let list = users(by, &format!("first: 1, filter: {{{filter}}}"), "totalCount").await;
    list["totalCount"].as_i64().unwrap()
}

/// Walks through the whole list, forwards or backwards, and returns the field in list order.
async fn walk(by: &SignedIn<'_>, order: &str, field: &str, forwards: bool) -> Vec<Value> {
    let (size, from, end, more) = if forwards {
        ("first", "after", "endCursor", "hasNextPage")
    } else {
        ("last", "before", "startCursor", "hasPreviousPage")
    };
    let (mut found, mut cursor): (Vec<Value>, Value) = (Vec::new(), Value::Null);
    loop {
        let arguments = format!("{order}, {size}: 7, {from}: {cursor}");
        let selection = format!("nodes {{ {field} }} pageInfo {{ {end} {more} }}");
        let list = users(by, &arguments, &selection).await;
        let nodes = list["nodes"].as_array().unwrap().iter();
        let page: Vec<Value> = nodes.map(|node| node[field].clone()).collect();
        found = if forwards {
            [found, page].concat()
        } else {
            [page, found].concat()
        };
        cursor = list["pageInfo"][end].clone();
        if list["pageInfo"][more] == false {
            return found;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_is_walked_both_ways_without_gap_or_overlap() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    populate(&app, 40).await;
    for field in ["CREATED_AT", "LAST_LOGIN_AT", "EMAIL", "NAME"] {
        for direction in ["ASC", "DESC"] {
            let order = format!("orderBy: {{field: {field}, direction: {direction}}}");
            let forwards = walk(&root, &order, "id", true).await;
            let mut distinct = forwards.clone();
            distinct.sort_by_key(ToString::to_string);
            distinct.dedup();
            assert_eq!((forwards.len(), distinct.len()), (41, 41), "{order}");
            assert_eq!(walk(&root, &order, "id", false).await, forwards, "{order}");
        }
        let up = walk(&root, &format!("orderBy: {{field: {field}}}"), "id", true).await;
        let order = format!("orderBy: {{field: {field}, direction: DESC}}");
        let mut down = walk(&root, &order, "id", true).await;
        down.reverse();
        assert_eq!(up, down, "{field}");
    }
    let logins = walk(
        &root,
        "orderBy: {field: LAST_LOGIN_AT}",
        "lastLoginAt",
        true,
    )
    .await;
    assert!(logins[..10].iter().all(Value::is_null), "{logins:?}");
    assert!(logins[10..].iter().all(Value::is_string), "{logins:?}");
    let emails = walk(&root, "orderBy: {field: EMAIL}", "email", true).await;
    assert_eq!(
        (&emails[0], &emails[40]),
        (&json!("Person0@Example.net"), &json!("root@example.com"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_leave_those_that_fit_all_of_them() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    populate(&app, 60).await;
    app.execute("UPDATE users SET suspended_at = created_at WHERE pid = 'P5'")
        .await;
    app.execute("UPDATE users SET deleted_at = created_at WHERE pid = 'P6'")
        .await;
    let odd = "phone = '+16502530000', first_name = 'Zoé', last_name = 'O''Hara 100%', \
               first_name_folded = NULL";
    app.execute(&format!("UPDATE users SET {odd} WHERE pid = 'P7'"))
        .await;
    app.fold_texts().await;
    for (filter, expected) in [
        ("", 60),
        ("role: VENDOR", 20),
        ("role: ADMIN", 1),
        ("provider: GOOGLE", 30),
        ("verified: true", 30),
        ("verified: false, role: CLIENT", 20),
        ("suspended: true", 1),
        ("suspended: false", 59),
        ("deleted: true", 1),
        ("deleted: false", 60),
        ("country: \"NG\"", 12),
        ("country: \"ng\"", 0),
        (
            "createdSince: \"2026-02-01T01:00:30Z\", createdUntil: \"2026-02-01T01:00:40Z\"",
            10,
        ),
        ("search: \"PERSON12@\"", 1),
        ("search: \"erson5\"", 11),
        ("search: \"first3 last4\"", 1),
        ("search: \"last4 first3\"", 1),
        ("search: \"  \"", 60),
        ("search: \"2530\"", 1),
        ("search: \"zoé\"", 1),
        ("search: \"o'hara\"", 1),
        ("search: \"100%\"", 1),
        ("search: \"%\"", 1),
        // SQL injection, with and without the escape that some servers read.
        ("search: \"'or'1'='1\"", 0),
        ("search: \"')or(true)or('\"", 0),
        ("search: \"\\\\')or(true)--\"", 0),
        ("search: \"$1?\"", 0),
        ("search: \"_\"", 0),
        ("search: \"!\"", 0),
        ("search: \"' OR 1=1 --\"", 0),
        ("search: \"x\\\\' OR true --\"", 0),
        ("search: \"$1 ? :a\"", 0),
        ("search: \"nobody\"", 0),
    ] {
        assert_eq!(count(&root, filter).await, expected, "{filter}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_pages_and_searches_are_refused() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    let list = users(&root, "first: 1", "pageInfo { endCursor }").await;
    let foreign = list["pageInfo"]["endCursor"].clone();
    let long = "x".repeat(201);
    for arguments in [
        "first: 101".to_owned(),
        "first: -1".to_owned(),
        "first: 1, last: 1".to_owned(),
        "after: \"junk\"".to_owned(),
        format!("orderBy: {{field: NAME}}, after: {foreign}"),
        format!("filter: {{search: \"{long}\"}}"),
        "filter: {search: \"a b c d e f g h i\"}".to_owned(),
    ] {
        let query = format!("{{ users({arguments}) {{ nodes {{ id }} }} }}");
        let answer = root.ask(&query, json!({})).await;
        assert_eq!(
            answer.code(),
            "BAD_USER_INPUT",
            "{arguments}: {}",
            answer.text
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_costs_the_same_statements_however_deep_it_is() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    populate(&app, 2000).await;
    let page = "nodes { id email role permissions sessions(first: 1) { nodes { id } } } \
                pageInfo { endCursor hasNextPage }";
    let mut cursor = Value::Null;
    let mut costs = Vec::new();
    loop {
        let query = format!("{{ users(first: 50, after: {cursor}) {{ {page} }} }}");
        let (answer, work) = app.work_of(root.ask(&query, json!({}))).await;
        costs.push(work.statements);
        let info = &answer.root("users")["pageInfo"];
        cursor = info["endCursor"].clone();
        if info["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(costs.len(), 41);
    // The caller, the page, and the sessions of all users on it.
    assert!(costs.iter().all(|cost| *cost == 3), "{costs:?}");
    let counted = root.ask(
        "{ users(first: 100) { totalCount nodes { id } } }",
        json!({}),
    );
    let (answer, work) = app.work_of(counted).await;
    assert_eq!(answer.root("users")["totalCount"], 2001);
    assert_eq!(work.statements, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_count_by_kind_and_by_day() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    populate(&app, 60).await;
    let answer = root.run("UserStats", json!({})).await;
    let stats = answer.root("userStats");
    assert_eq!(
        (&stats["total"], &stats["verified"]),
        (&json!(61), &json!(31))
    );
    assert_eq!(stats["activeSessions"], 1);
    let roles = json!([
        { "role": "CLIENT", "count": 40 }, { "role": "VENDOR", "count": 20 },
        { "role": "STAFF", "count": 0 }, { "role": "ADMIN", "count": 1 },
    ]);
    assert_eq!(stats["byRole"], roles);
    let days = stats["newPerDay"].as_array().unwrap();
    assert_eq!(days.len(), 30);
    assert_eq!(days[29], json!({ "day": "2026-03-01", "count": 1 }));
    assert_eq!(days[1], json!({ "day": "2026-02-01", "count": 60 }));

    let february = json!({ "since": "2026-02-01T00:00:00Z", "until": "2026-02-02T00:00:00Z" });
    let (answer, work) = app.work_of(root.run("UserStats", february)).await;
    assert_eq!(answer.root("userStats")["total"], 60);
    assert_eq!(work.statements, 4);
    let long = json!({ "since": "2020-01-01T00:00:00Z", "until": "2026-02-02T00:00:00Z" });
    let answer = root.run("UserStats", long).await;
    assert_eq!(answer.code(), "BAD_USER_INPUT", "{}", answer.text);
}
