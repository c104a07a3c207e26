//! Who may read what happened, by which filters and in which pages, and what a page costs.

use serde_json::{Value, json};

use crate::harness::{Answer, PASSWORD, SignedIn, TestApp};

const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const ADDRESS: &str = "203.0.113.77";
const PROXIES: (&str, &str) = ("IDGATE_SERVER__TRUSTED_PROXIES", "127.0.0.1/32");

/// A user with this role and function.
async fn employ<'a>(app: &'a TestApp, email: &str, role: &str, functions: &str) -> SignedIn<'a> {
    app.register(email).await;
    app.execute(&format!(
        "UPDATE users SET role = '{role}', staff_functions = '{functions}' WHERE email = '{email}'"
    ))
    .await;
    app.login(email).await
}

async fn events(auditor: &SignedIn<'_>, filter: Value) -> Vec<Value> {
    let variables = json!({ "filter": filter, "first": 50 });
    nodes(&auditor.run("AuditEvents", variables).await)
}

fn nodes(answer: &Answer) -> Vec<Value> {
    let nodes = &answer.root("auditEvents")["nodes"];
    nodes.as_array().expect(&answer.text).clone()
}

fn actions(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["action"].as_str().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_holders_of_the_permission_read_everything() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let query = "{ auditEvents { nodes { id } } }";
    let answer = app.anonymous().ask(query, json!({})).await;
    assert_eq!(answer.code(), "UNAUTHENTICATED", "{}", answer.text);
    for (email, role, functions, allowed) in [
        ("client@example.com", "client", "", false),
        ("vendor@example.com", "vendor", "", false),
        ("staff@example.com", "staff", "", false),
        ("editor@example.com", "staff", "editor sales", false),
        ("support@example.com", "staff", "support", true),
        ("admin@example.com", "admin", "", true),
    ] {
        let person = employ(&app, email, role, functions).await;
        let answer = person.ask(query, json!({})).await;
        let expected = if allowed { "" } else { "FORBIDDEN" };
        assert_eq!(answer.code(), expected, "{email}: {}", answer.text);
        assert!(allowed || !answer.text.contains("nodes"), "{}", answer.text);
        let of_ada = "query($id: ID!) { user(id: $id) { auditEvents { nodes { id } } } }";
        let answer = person.ask(of_ada, json!({ "id": ada.user_id })).await;
        assert_eq!(answer.code(), expected, "{email}: {}", answer.text);
    }
    // A demotion counts from the next request on.
    let admin = app.login("admin@example.com").await;
    app.execute("UPDATE users SET role = 'client'").await;
    let answer = admin.ask(query, json!({})).await;
    assert!(!answer.code().is_empty(), "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_shows_actor_action_and_location() {
    let app = TestApp::with(&[PROXIES]).await;
    let ada = app.register("ada@example.com").await;
    let root = employ(&app, "root@example.com", "admin", "").await;
    let input = json!({ "input": { "city": "London", "bio": "Poetical science" } });
    let answer = ada
        .clone()
        .located(AGENT, ADDRESS)
        .run("UpdateProfile", input)
        .await;
    let filter = json!({ "subjectId": ada.user_id, "actions": ["profile.updated"] });
    let found = events(&root, filter).await;
    let [event] = found.as_slice() else {
        panic!("one event: {found:?}");
    };
    assert_eq!(event["actor"]["id"], ada.user_id);
    assert_eq!(event["subject"]["id"], ada.user_id);
    assert_eq!(event["createdAt"], "2026-03-01T12:00:00+00:00");
    assert_eq!(
        (&event["ipAddress"], &event["userAgent"]),
        (&json!(ADDRESS), &json!(AGENT))
    );
    assert_eq!(
        (&event["browser"], &event["os"]),
        (&json!("Firefox 140"), &json!("Linux"))
    );
    assert_eq!(event["operationName"], "UpdateProfile");
    assert_eq!(event["requestId"], answer.header("x-request-id"));
    assert_eq!(
        event["changes"],
        json!([
            { "field": "bio", "before": "", "after": "Poetical science" },
            { "field": "city", "before": "", "after": "London" },
        ])
    );
    // What is no text, and what was only noted.
    let token = app.confirmation_token("ada@example.com").await;
    let proof = json!({ "input": { "token": token, "password": PASSWORD } });
    app.anonymous().run("VerifyEmail", proof).await;
    ada.run("RevokeOtherSessions", json!({})).await;
    let filter = json!({ "actions": ["email.verified", "session.others_revoked"] });
    let found = events(&root, filter).await;
    let changes: Vec<&Value> = found.iter().map(|event| &event["changes"][0]).collect();
    let verified = json!({ "field": "emailVerified", "before": "false", "after": "true" });
    assert!(changes.contains(&&verified), "{changes:?}");
    let noted = json!({ "field": "sessions", "before": null, "after": "1" });
    assert!(changes.contains(&&noted), "{changes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_event_tells_a_password_or_a_token() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let root = employ(&app, "root@example.com", "admin", "").await;
    let new = "another horse battery staple";
    let change = json!({ "input": { "currentPassword": PASSWORD, "newPassword": new } });
    let answer = ada.run("ChangePassword", change).await;
    assert_eq!(answer.typename("changePassword"), "PasswordChanged");
    let wanted = json!({ "input": { "emailOrPhone": "ada@example.com" } });
    app.anonymous().run("RequestPasswordReset", wanted).await;
    let token = app.token("ada@example.com", "password_reset").await;
    let text = json!(events(&root, json!({})).await).to_string();
    assert!(text.contains("password.changed"), "{text}");
    let secrets = [
        PASSWORD,
        new,
        "argon2",
        "lastLogin",
        &token,
        &ada.refresh_token,
    ];
    for secret in secrets {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_narrow_and_combine() {
    let app = TestApp::with(&[PROXIES]).await;
    let ada = app.register("ada@example.com").await;
    let root = employ(&app, "root@example.com", "admin", "").await;
    app.advance(60);
    let elsewhere = app.anonymous().with("x-forwarded-for", ADDRESS);
    let failed = elsewhere.login("ada@example.com", "not the password").await;
    app.advance(60);
    elsewhere.login("ada@example.com", PASSWORD).await;
    let request = failed.header("x-request-id");
    let ada_id = ada.user_id.clone();
    for (filter, expected) in [
        (
            json!({ "ipAddress": ADDRESS }),
            vec!["login.succeeded", "login.failed"],
        ),
        (
            json!({ "ipAddress": format!("::ffff:{ADDRESS}") }),
            vec!["login.succeeded", "login.failed"],
        ),
        (json!({ "ipAddress": "203.0.113.78" }), vec![]),
        (json!({ "requestId": request }), vec!["login.failed"]),
        (json!({ "actions": ["login.failed"] }), vec!["login.failed"]),
        (json!({ "actions": [] }), vec![]),
        (
            json!({ "actorId": ada_id }),
            vec!["login.succeeded", "user.registered"],
        ),
        (
            json!({ "subjectId": ada_id }),
            vec!["login.succeeded", "login.failed", "user.registered"],
        ),
        (
            json!({ "subjectId": ada_id, "since": "2026-03-01T12:01:00Z", "until": "2026-03-01T12:02:00Z" }),
            vec!["login.failed"],
        ),
        (
            json!({ "actorId": root.user_id, "subjectId": ada_id }),
            vec![],
        ),
    ] {
        let found = events(&root, filter.clone()).await;
        assert_eq!(actions(&found), expected, "{filter}");
    }
    for wrong in [
        json!({ "ipAddress": "somewhere" }),
        json!({ "actorId": "somebody" }),
        json!({ "actions": vec!["login.failed"; 101] }),
    ] {
        let variables = json!({ "filter": wrong });
        let answer = root.run("AuditEvents", variables).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_meet_in_both_directions_and_cost_the_same_everywhere() {
    let app = TestApp::spawn().await;
    let root = employ(&app, "root@example.com", "admin", "").await;
    for number in 0..30 {
        if number % 3 == 0 {
            app.advance(1);
        }
        app.register(&format!("p{number}@example.com")).await;
    }
    let all = "{ auditEvents(first: 100) { totalCount nodes { id } } }";
    let answer = root.ask(all, json!({})).await;
    assert_eq!(answer.root("auditEvents")["totalCount"], 32);
    let all: Vec<Value> = nodes(&answer)
        .iter()
        .map(|event| event["id"].clone())
        .collect();
    assert_eq!(all.len(), 32);
    let fields = "nodes { id actor { id } subject { pid } changes { field } ipAddress os } \
                  pageInfo { startCursor endCursor hasNextPage hasPreviousPage }";
    for (size, cursor, end, more) in [
        ("first: 7", "after", "endCursor", "hasNextPage"),
        ("last: 7", "before", "startCursor", "hasPreviousPage"),
    ] {
        let query =
            format!("query($at: String) {{ auditEvents({size}, {cursor}: $at) {{ {fields} }} }}");
        let (mut found, mut at) = (Vec::new(), json!(null));
        loop {
            let (answer, work) = app.work_of(root.ask(&query, json!({ "at": at }))).await;
            // Who asks; the events; the people; their keys.
            assert_eq!(work.statements, 4, "{}", answer.text);
            let page = nodes(&answer).into_iter().map(|event| event["id"].clone());
            if size.starts_with("first") {
                found.extend(page);
            } else {
                found = page.chain(found).collect();
            }
            let info = &answer.root("auditEvents")["pageInfo"];
            at = info[end].clone();
            if info[more] == false {
                break;
            }
        }
        assert_eq!(found, all, "{size}");
    }
    for arguments in ["first: 101", "first: 1, last: 1", "after: \"junk\""] {
        let query = format!("{{ auditEvents({arguments}) {{ nodes {{ id }} }} }}");
        let answer = root.ask(&query, json!({})).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_of_many_people_is_one_statement() {
    let app = TestApp::spawn().await;
    let root = employ(&app, "root@example.com", "admin", "").await;
    let mut fields = Vec::new();
    for number in 0..8 {
        let person = app.register(&format!("p{number}@example.com")).await;
        app.advance(1);
        let input = json!({ "input": { "city": format!("City {number}") } });
        person.run("UpdateProfile", input).await;
        fields.push(format!(
            "p{number}: user(id: \"{}\") {{ auditEvents(first: 2) {{ totalCount nodes {{ \
             action subject {{ id }} changes {{ after }} }} }} }} ",
            person.user_id
        ));
    }
    let fields = fields.concat();
    let (answer, work) = app
        .work_of(root.ask(&format!("{{ {fields} }}"), json!({})))
        .await;
    for number in 0..8 {
        let events = &answer.root(&format!("p{number}"))["auditEvents"];
        assert_eq!(events["totalCount"], 2, "{events}");
        let nodes = events["nodes"].as_array().unwrap();
        assert_eq!(actions(nodes), ["profile.updated", "user.registered"]);
        assert_eq!(nodes[0]["changes"][0]["after"], format!("City {number}"));
    }
    // Who asks; the people; their events; the counts; the keys.
    assert_eq!(work.statements, 5, "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_read_their_own_history_but_not_where_others_sat_who_changed_it() {
    let app = TestApp::with(&[PROXIES]).await;
    let ada = app.register("ada@example.com").await;
    let root = employ(&app, "root@example.com", "admin", "").await;
    ada.clone()
        .located(AGENT, ADDRESS)
        .run("UpdateProfile", json!({ "input": { "city": "London" } }))
        .await;
    let history = async |who: &SignedIn<'_>| {
        let answer = who.run("MyAuditEvents", json!({ "first": 10 })).await;
        assert!(answer.json["errors"].is_null(), "{}", answer.text);
        answer.root("me")["auditEvents"]["nodes"].clone()
    };
    let own = history(&ada).await;
    assert_eq!(own[0]["ipAddress"], ADDRESS, "{own}");
    assert_eq!(
        actions(own.as_array().unwrap()),
        ["profile.updated", "user.registered"]
    );

    // As if the administrator had done it.
    let on = if app.is_sqlite() {
        ""
    } else {
        " ON audit_events"
    };
    app.execute(&format!("DROP TRIGGER audit_events_update{on}"))
        .await;
    let administrator = "SELECT id FROM users WHERE email = 'root@example.com'";
    app.execute(&format!(
        "UPDATE audit_events SET actor_id = ({administrator}) WHERE action = 'profile.updated'"
    ))
    .await;
    let event = history(&ada).await[0].clone();
    assert_eq!(event["actor"]["id"], root.user_id);
    assert_eq!(event["changes"][0]["after"], "London");
    for hidden in ["ipAddress", "browser", "os"] {
        assert_eq!(event[hidden], Value::Null, "{hidden}");
    }
    let seen = events(&root, json!({ "actions": ["profile.updated"] })).await;
    assert_eq!(seen[0]["ipAddress"], ADDRESS);
}

#[tokio::test(flavor = "multi_thread")]
async fn details_open_and_addresses_are_found_after_the_master_key_was_changed() {
    let app = TestApp::with(&[PROXIES]).await;
    app.register("ada@example.com").await;
    employ(&app, "root@example.com", "admin", "").await;
    let elsewhere = app.anonymous().with("x-forwarded-for", ADDRESS);
    elsewhere.login("ada@example.com", "not the password").await;
    elsewhere
        .login("nobody@example.com", "not the password")
        .await;
    let rekeyed = app.rekeyed().await;
    let root = rekeyed.login("root@example.com").await;
    let elsewhere = rekeyed.anonymous().with("x-forwarded-for", ADDRESS);
    elsewhere.login("ada@example.com", "not the password").await;
    let found = events(&root, json!({ "ipAddress": ADDRESS })).await;
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(
        found.iter().all(|event| event["ipAddress"] == ADDRESS),
        "{found:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_persons_details_are_absent_and_damaged_ones_are_an_error() {
    let app = TestApp::spawn().await;
    app.register("ada@example.com").await;
    app.advance(1);
    let root = employ(&app, "root@example.com", "admin", "").await;
    app.execute(
        "DELETE FROM person_keys WHERE user_id <> (SELECT id FROM users WHERE role = 'admin')",
    )
    .await;
    let registered = json!({ "filter": { "actions": ["user.registered"] }, "first": 10 });
    let answer = root.run("AuditEvents", registered.clone()).await;
    let found = nodes(&answer);
    assert_eq!(found.len(), 2, "{}", answer.text);
    assert!(!found[0]["changes"].is_null() && !found[0]["ipAddress"].is_null());
    assert!(found[1]["changes"].is_null() && found[1]["ipAddress"].is_null());
    assert_eq!(found[1]["action"], "user.registered");

    let on = if app.is_sqlite() {
        ""
    } else {
        " ON audit_events"
    };
    app.execute(&format!("DROP TRIGGER audit_events_update{on}"))
        .await;
    app.execute("UPDATE audit_events SET sealed_details = mac WHERE action = 'user.registered'")
        .await;
    let answer = root.run("AuditEvents", registered).await;
    assert_eq!(answer.code(), "INTERNAL_SERVER_ERROR", "{}", answer.text);
    let nodes = answer.json["data"]["auditEvents"]["nodes"].as_array();
    assert_eq!(nodes.expect("the page itself").len(), 2);
}
