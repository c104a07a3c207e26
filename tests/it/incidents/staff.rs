//! Attempts by staff beyond their scope, and staff notes about users.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::sdl;
use crate::federation::{HEADER, ROUTER, SECRET};
use crate::harness::{Answer, SignedIn, TestApp};

const NOTE: &str = "a note about";

/// Every administrative mutation: a document, more input, and the event that success
/// would be.
const ADMINISTRATION: [(&str, &str, &str, &str); 9] = [
    (
        "inviteUser",
        "InviteUser",
        r#"{ "email": "new@example.com", "role": "ADMIN" }"#,
        "user.invited",
    ),
    (
        "updateUser",
        "UpdateUser",
        r#"{ "city": "London" }"#,
        "user.updated",
    ),
    (
        "setUserRole",
        "SetUserRole",
        r#"{ "role": "CLIENT" }"#,
        "user.role_changed",
    ),
    (
        "setStaffFunctions",
        "SetStaffFunctions",
        r#"{ "staffFunctions": ["SALES"] }"#,
        "user.staff_functions_changed",
    ),
    ("deleteUser", "DeleteUser", "{}", "user.deleted"),
    ("eraseUser", "EraseUser", "{}", "user.erased"),
    ("suspendUser", "SuspendUser", "{}", "user.suspended"),
    ("unsuspendUser", "UnsuspendUser", "{}", "user.unsuspended"),
    (
        "revokeUserSessions",
        "RevokeUserSessions",
        "{}",
        "user.sessions_revoked",
    ),
];

/// Tries it on a user.
async fn attempt(by: &SignedIn<'_>, document: &str, more: &str, on: &str) -> Answer {
    let mut input: Value = serde_json::from_str(more).unwrap();
    if document != "InviteUser" {
        input["userId"] = json!(on);
    }
    input["reason"] = json!("because");
    by.run(document, json!({ "input": input })).await
}

/// The newest refusal on record, as an auditor reads it, and how many there are.
async fn refusals(auditor: &SignedIn<'_>) -> (Value, usize) {
    let filter = json!({ "actions": ["administration.refused"] });
    let variables = json!({ "filter": filter, "first": 100 });
    let answer = auditor.run("AuditEvents", variables).await;
    let nodes = answer.root("auditEvents")["nodes"].as_array().unwrap();
    (nodes.first().cloned().unwrap_or_default(), nodes.len())
}

fn change<'a>(event: &'a Value, field: &str) -> &'a Value {
    let changes = event["changes"].as_array().unwrap();
    let found = changes.iter().find(|change| change["field"] == field);
    &found.unwrap_or_else(|| panic!("no {field} in {event}"))["after"]
}

#[test]
fn every_mutation_that_can_be_out_of_scope_is_tried_here() {
    let found: BTreeSet<String> = sdl::mutations()
        .into_iter()
        // Only administrators may restore, and each of them may restore every account.
        .filter(|(name, _)| name != "restoreUser")
        .filter(|(_, result)| {
            sdl::members(result)
                .iter()
                .any(|member| member == "OutOfScope")
        })
        .map(|(name, _)| name)
        .collect();
    assert_eq!(found, ADMINISTRATION.map(|entry| entry.0.to_owned()).into());
}

#[tokio::test(flavor = "multi_thread")]
async fn out_of_scope_attempts_are_recorded_with_actor_action_and_target() {
    let app = TestApp::spawn().await;
    let root = app.appoint("root@example.com", "admin").await;
    // Two of the staff, so that there is one whom the other does not reach.
    let support = app.appoint("support@example.com", "staff support").await;
    for (count, (field, document, more, action)) in (1..).zip(ADMINISTRATION) {
        app.advance(1);
        let of_admins = [
            "setUserRole",
            "setStaffFunctions",
            "deleteUser",
            "eraseUser",
        ];
        let needs_more = of_admins.contains(&field);
        let (by, on) = if needs_more {
            (&root, &root)
        } else {
            (&support, &root)
        };
        if needs_more {
            // Callers cannot change or delete themselves; with a second administrator.
            app.execute(
                "UPDATE users SET role = 'admin', is_verified = TRUE WHERE email = 'other@example.com'",
            )
            .await;
        }
        if count == 1 {
            app.appoint("other@example.com", "admin").await;
        }
        let answer = attempt(by, document, more, &on.user_id).await;
        assert_eq!(answer.typename(field), "OutOfScope", "{}", answer.text);
        let (event, found) = refusals(&root).await;
        assert_eq!(found, count, "{field}: {event}");
        assert_eq!(event["actor"]["id"], by.user_id, "{field}");
        let subject = if document == "InviteUser" {
            Value::Null
        } else {
            json!(on.user_id)
        };
        assert_eq!(event["subject"]["id"], subject, "{field}: {event}");
        assert_eq!(change(&event, "attempted"), action);
        assert_eq!(change(&event, "refusal"), "OUT_OF_SCOPE");
        assert_eq!(change(&event, "reason"), "because");
        assert_eq!(event["operationName"], document);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_administrator_and_missing_permissions_are_recorded_too() {
    let app = TestApp::spawn().await;
    let root = app.appoint("root@example.com", "admin").await;
    let answer = attempt(
        &root,
        "SetUserRole",
        r#"{ "role": "CLIENT" }"#,
        &root.user_id,
    )
    .await;
    assert_eq!(answer.typename("setUserRole"), "Conflict");
    let (event, count) = refusals(&root).await;
    assert_eq!(
        (count, change(&event, "refusal")),
        (1, &json!("LAST_ADMIN"))
    );
    assert_eq!(change(&event, "role"), "client");

    let editor = app.appoint("editor@example.com", "staff editor").await;
    let client = app.register("client@example.com").await;
    let mut expected = 1;
    for (field, document, more, action) in ADMINISTRATION {
        app.advance(1);
        let answer = attempt(&editor, document, more, &client.user_id).await;
        assert_eq!(answer.code(), "FORBIDDEN", "{field}: {}", answer.text);
        expected += 1;
        let (event, count) = refusals(&root).await;
        assert_eq!(count, expected, "{field}");
        assert_eq!(event["actor"]["id"], editor.user_id);
        assert_eq!(change(&event, "attempted"), action);
        assert_eq!(change(&event, "refusal"), "FORBIDDEN");
        // Callers without any permission are only counted: they could fill the log.
        attempt(&client, document, more, &editor.user_id).await;
        assert_eq!(refusals(&root).await.1, expected, "{field}");
    }
    let counted = format!(
        "idgate_audit_unrecorded_total{{action=\"administration.refused\"}} {}",
        ADMINISTRATION.len()
    );
    let page = app.app.metrics.render();
    assert!(page.contains(&counted), "{page}");
    // Refusals other than missing permissions are not recorded.
    let unknown = "01890a5d-ac96-774b-bcce-b302099a8057";
    let answer = attempt(&root, "SuspendUser", "{}", unknown).await;
    assert_eq!(answer.typename("suspendUser"), "NotFound");
    assert_eq!(refusals(&root).await.1, expected);
}

/// Every path that leads to a user, for a caller who asks about themselves: the note must not be
/// in the answer.
#[tokio::test(flavor = "multi_thread")]
async fn users_cannot_read_or_write_the_note_about_themselves() {
    let app = TestApp::with(&[ROUTER]).await;
    app.appoint("root@example.com", "admin").await;
    for what in ["staff", "staff support", "staff editor", "admin"] {
        let email = format!("{}@example.net", what.replace(' ', "-"));
        let person = app.appoint(&email, what).await;
        app.execute(&format!(
            "UPDATE users SET staff_note = '{NOTE} {email}' WHERE email = '{email}'"
        ))
        .await;
        let (id, note) = (&person.user_id, format!("{NOTE} {email}"));
        let paths = [
            "{ me { staffNote } }".to_owned(),
            format!("{{ user(id: \"{id}\") {{ staffNote }} }}"),
            format!("{{ users(filter: {{ search: \"{email}\" }}) {{ nodes {{ staffNote }} }} }}"),
            "{ me { auditEvents { nodes { actor { staffNote } subject { staffNote } changes { before after } } } } }"
                .to_owned(),
            "{ auditEvents { nodes { actor { staffNote } subject { staffNote } changes { before after } } } }"
                .to_owned(),
            format!(
                "mutation {{ updateUser(input: {{ userId: \"{id}\", city: \"London\" }}) {{ \
                 ... on UserUpdated {{ user {{ staffNote }} }} }} }}"
            ),
            "mutation { updateProfile(input: { bio: \"x\" }) { ... on ProfileUpdated { user { staffNote } } } }"
                .to_owned(),
            "query($r: [_Any!]!) { _entities(representations: $r) { ... on User { staffNote } } }"
                .to_owned(),
        ];
        for path in paths {
            let variables = json!({ "r": [{ "__typename": "User", "id": id }] });
            let answer = person
                .clone()
                .with(HEADER, SECRET)
                .ask(&path, variables)
                .await;
            assert!(
                !answer.text.contains(&note),
                "{what}: {path}: {}",
                answer.text
            );
            assert!(
                answer.text.contains("FORBIDDEN"),
                "{what}: {path}: {}",
                answer.text
            );
        }
        // The same person signs in by a document that shows them.
        let login = "mutation($i: LoginInput!) { login(input: $i) { ... on SignedIn { user { staffNote } } } }";
        let input = json!({ "i": { "emailOrPhone": email, "password": crate::harness::PASSWORD } });
        let answer = app.anonymous().ask(login, input).await;
        assert!(!answer.text.contains(&note), "{what}: {}", answer.text);
    }
    let support = app.login("staff-support@example.net").await;
    for more in [
        r#"{ "staffNote": "an angel" }"#,
        r#"{ "staffNote": "" }"#,
        r#"{ "vendorId": "v-1" }"#,
        r#"{ "vendorId": null, "city": "Paris" }"#,
    ] {
        let answer = attempt(&support, "UpdateUser", more, &support.user_id).await;
        assert_eq!(answer.typename("updateUser"), "OutOfScope", "{more}");
    }
    let kept = format!("SELECT COUNT(*) FROM users WHERE staff_note LIKE '{NOTE}%'");
    assert_eq!(app.number(&kept).await, 4);
    assert_eq!(
        app.number("SELECT COUNT(*) FROM users WHERE city = 'Paris'")
            .await,
        0
    );
    // Any other field they may change by either mutation.
    let answer = attempt(
        &support,
        "UpdateUser",
        r#"{ "city": "London" }"#,
        &support.user_id,
    )
    .await;
    let updated = &answer.json["data"]["updateUser"];
    assert_eq!(updated["__typename"], "UserUpdated", "{}", answer.text);
    assert_eq!(updated["user"]["staffNote"], Value::Null);
}
