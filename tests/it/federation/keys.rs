//! Each entity key: what it finds, for whom, and what other callers get.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    HEADER, ROUTER, SECRET, anonymous_entities, entities, errors, found, ids, session, unknown,
    user, user_of,
};
use crate::harness::{Answer, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn missing_entities_are_null_and_unreadable_ones_are_errors_at_their_path() {
    let app = TestApp::with(&[ROUTER]).await;
    let ada = app.register("ada@example.com").await;
    let gone = app.register("gone@example.com").await;
    app.execute("UPDATE users SET deleted_at = created_at WHERE email = 'gone@example.com'")
        .await;
    let of = [
        user(&unknown(1)),
        json!({ "__typename": "User", "id": 17 }),
        user("junk"),
        json!({ "id": ada.user_id }),
        user(&gone.user_id),
        json!({ "__typename": "Order", "id": "1" }),
        user(&ada.user_id),
        json!("User"),
        json!({ "__typename": "User" }),
    ];
    let answer = anonymous_entities(&app, &of).await;
    assert_eq!(answer.status, 200);
    assert_eq!(ids(&answer), ["", "", "", "", "", "", &ada.user_id, "", ""]);
    let refused = [1, 3, 5, 7, 8].map(|place| {
        let path = format!("[\"_entities\",{place}]");
        (path, "BAD_USER_INPUT".to_owned())
    });
    assert_eq!(errors(&answer), refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_principal_is_a_user_so_far() {
    let app = TestApp::with(&[ROUTER]).await;
    let ada = app.register("ada@example.com").await;
    let router = app.anonymous().with(HEADER, SECRET);
    let query = "query($of: [_Any!]!) { _entities(representations: $of) { __typename \
                 ... on Principal { id } ... on User { firstName } } }";
    let of = json!([{ "__typename": "Principal", "id": ada.user_id }]);
    let answer = router.ask(query, json!({ "of": of })).await;
    let expected = json!({ "__typename": "User", "id": ada.user_id, "firstName": "Ada" });
    assert_eq!(answer.root("_entities")[0], expected);
    let of = json!([{ "__typename": "Principal", "email": "ada@example.com" }]);
    let answer = router.ask(query, json!({ "of": of })).await;
    assert_eq!(answer.code(), "BAD_USER_INPUT", "{}", answer.text);
}

/// An answer without what names the request.
fn anonymised(mut answer: Answer) -> String {
    answer.json["errors"][0]["extensions"]["requestId"] = Value::Null;
    answer.json.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_for_its_owner_and_for_those_who_read_everybody() {
    let app = TestApp::with(&[ROUTER]).await;
    app.register("ada@example.com").await;
    let eve = app.register("eve@example.com").await;
    let others = [
        "ada@example.com",
        "ADA@example.com",
        "nobody@example.com",
        "junk",
        "",
        "a@b@c",
    ];
    let mut answers = BTreeSet::new();
    for email in others {
        for answer in [
            entities(&eve, &[user_of(email)]).await,
            anonymous_entities(&app, &[user_of(email)]).await,
        ] {
            assert_eq!(found(&answer), &[Value::Null]);
            assert_eq!(answer.code(), "FORBIDDEN", "{email}");
            answers.insert(anonymised(answer));
        }
        // Invalid keys cost no lookup.
        let of = [user_of(email)];
        let asked = anonymous_entities(&app, &of);
        assert_eq!(app.work_of(asked).await.1.statements, 0, "{email}");
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    for spelling in ["eve@example.com", " EVE@Example.COM.", "eve＠example.com"] {
        let (answer, work) = app.work_of(entities(&eve, &[user_of(spelling)])).await;
        assert_eq!(ids(&answer), [&eve.user_id], "{spelling}: {}", answer.text);
        assert_eq!(work.statements, 1);
    }

    let support = app.appoint("support@example.com", "staff support").await;
    let of = others.map(user_of);
    let answer = entities(&support, &of).await;
    assert_eq!(errors(&answer), []);
    let first_name = |it: &Value| it["firstName"].as_str().unwrap_or_default().to_owned();
    let names: Vec<String> = found(&answer).iter().map(first_name).collect();
    assert_eq!(names, ["Ada", "Ada", "", "", "", ""]);
    let editor = app.appoint("editor@example.com", "staff editor").await;
    assert_eq!(entities(&editor, &of[..1]).await.code(), "FORBIDDEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_for_its_owner_and_for_those_who_read_everybody() {
    let app = TestApp::with(&[ROUTER]).await;
    let ada = app.register("ada@example.com").await;
    let eve = app.register("eve@example.com").await;
    let support = app.appoint("support@example.com", "staff support").await;
    let id = ada.session_id().await;
    let over = app.login("ada@example.com").await;
    let over_id = over.session_id().await;
    over.run("Logout", json!({})).await;

    let own = entities(&ada, &[session(&id), session(&over_id)]).await;
    assert_eq!(ids(&own), [id.as_str(), ""]);
    assert_eq!(
        errors(&own),
        [("[\"_entities\",1]".to_owned(), "FORBIDDEN".to_owned())]
    );
    let mut answers = BTreeSet::new();
    for other in [id.as_str(), &over_id, &unknown(1), "junk", ""] {
        for answer in [
            entities(&eve, &[session(other)]).await,
            anonymous_entities(&app, &[session(other)]).await,
        ] {
            assert_eq!(answer.code(), "FORBIDDEN", "{other}");
            answers.insert(anonymised(answer));
        }
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    let of = [
        session(&id),
        session(&over_id),
        session(&unknown(1)),
        session("junk"),
    ];
    let answer = entities(&support, &of).await;
    assert_eq!(
        (ids(&answer), errors(&answer)),
        (vec![id.as_str(), "", "", ""], vec![])
    );
    let editor = app.appoint("editor@example.com", "staff editor").await;
    assert_eq!(entities(&editor, &of[..1]).await.code(), "FORBIDDEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_no_longer_holds_is_a_strangers() {
    let app = TestApp::with(&[ROUTER]).await;
    let ada = app.register("ada@example.com").await;
    ada.run("Logout", json!({})).await;
    let router = ada.clone().with(HEADER, SECRET);
    let query = "query($of: [_Any!]!) { _entities(representations: $of) \
                 { ... on User { id pid firstName avatarUrl role email } } }";
    let answer = router
        .ask(query, json!({ "of": [user(&ada.user_id)] }))
        .await;
    assert_eq!(found(&answer)[0]["firstName"], "Ada");
    assert_eq!(found(&answer)[0]["email"], Value::Null);
    assert_eq!(answer.code(), "FORBIDDEN");
    assert_eq!(
        answer.json["errors"][0]["path"],
        json!(["_entities", 0, "email"])
    );
}
