//! The list of deleted accounts.

use serde_json::{Value, json};

use super::{ADA, DAY, admin, delete};
use crate::harness::{Answer, SignedIn, TestApp};

async fn list(root: &SignedIn<'_>, filter: Value) -> Answer {
    let variables = json!({ "first": 10, "filter": filter });
    root.run("DeletedRecords", variables).await
}

fn emails(answer: &Answer) -> Vec<String> {
    let nodes = answer.root("deletedRecords")["nodes"].as_array().unwrap();
    let email = |node: &Value| node["user"]["email"].as_str().unwrap().to_owned();
    nodes.iter().map(email).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_tells_what_was_deleted_by_whom_and_why() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    let ada = app.register(ADA).await;
    delete(&root, &ada.user_id).await;
    let answer = list(&root, json!({})).await;
    let records = answer.root("deletedRecords");
    assert_eq!(records["totalCount"], 1, "{}", answer.text);
    let record = &records["nodes"][0];
    assert_eq!(record["model"], "USER");
    assert_eq!(record["recordId"], ada.user_id);
    assert_eq!(record["user"]["email"], ADA);
    assert_eq!(record["deletedBy"]["email"], "root@example.com");
    assert_eq!(record["reason"], "asked for it");
    assert_eq!(record["restorableUntil"], "2026-03-31T12:00:00+00:00");
    let data: Value = serde_json::from_str(record["data"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&data["version"], &data["user"]["email"]),
        (&json!(1), &json!(ADA))
    );
    assert_eq!(data["user"]["deletedAt"], Value::Null);
    assert_eq!(data["identities"], json!([]));
    // The copy at rest is sealed.
    let rows = app.printed("deleted_records").await.join("\n");
    assert!(!rows.contains("Lovelace") && !rows.contains(ADA), "{rows}");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_filtered_and_read_page_by_page() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    let eve = app.appoint("eve@example.com", "admin").await;
    for number in 0..5 {
        let person = app.register(&format!("p{number}@example.com")).await;
        let by = if number == 3 { &eve } else { &root };
        delete(by, &person.user_id).await;
        app.advance(60);
    }
    let ada = app.register(ADA).await;
    ada.run("DeleteMyAccount", json!({})).await;
    let all = emails(&list(&root, json!({})).await);
    assert_eq!(all.len(), 6);
    assert_eq!((all[0].as_str(), all[5].as_str()), (ADA, "p0@example.com"));
    for (filter, expected) in [
        (json!({ "deletedBy": eve.user_id }), vec!["p3@example.com"]),
        (json!({ "deletedBy": ada.user_id }), vec![ADA]),
        (
            json!({ "emailOrPhone": "P1@Example.com" }),
            vec!["p1@example.com"],
        ),
        (
            json!({ "deletedBefore": "2026-03-01T12:01:00Z" }),
            vec!["p0@example.com"],
        ),
        (
            json!({ "deletedAfter": "2026-03-01T12:05:00Z", "model": "USER" }),
            vec![ADA],
        ),
        (json!({ "restorable": false }), vec![]),
    ] {
        assert_eq!(
            emails(&list(&root, filter.clone()).await),
            expected,
            "{filter}"
        );
    }
    let wrong = list(&root, json!({ "emailOrPhone": "neither" })).await;
    assert_eq!(wrong.code(), "BAD_USER_INPUT");

    let mut seen = Vec::new();
    let mut after = Value::Null;
    loop {
        let page = root
            .run("DeletedRecords", json!({ "first": 2, "after": after }))
            .await;
        seen.extend(emails(&page));
        let info = &page.root("deletedRecords")["pageInfo"];
        if info["hasNextPage"] == false {
            break;
        }
        after = info["endCursor"].clone();
    }
    assert_eq!(seen, all);
    app.advance(20 * DAY);
    let root = app.login("root@example.com").await;
    let over = emails(&list(&root, json!({ "restorable": false })).await);
    assert_eq!(over, [ADA], "the grace period of an owner is shorter");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_costs_the_same_statements_however_long_it_is() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    let mut costs = Vec::new();
    for round in 0..2 {
        for number in 0..4 {
            let person = app.register(&format!("p{round}{number}@example.com")).await;
            delete(&root, &person.user_id).await;
        }
        let (answer, work) = app.work_of(list(&root, json!({}))).await;
        assert_eq!(emails(&answer).len(), 4 * (round + 1));
        costs.push(work.statements);
    }
    assert_eq!(costs[0], costs[1]);
}
