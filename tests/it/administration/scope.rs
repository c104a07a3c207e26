//! Which users staff can act on, which permissions they can grant, and the last administrator.

use futures_util::future::join;
use serde_json::json;

use super::{admin, on};
use crate::harness::{SignedIn, TestApp};

/// The refusal of an administrative mutation on a user.
const CHANGES: [(&str, &str); 3] = [
    ("UpdateUser", "updateUser"),
    ("SuspendUser", "suspendUser"),
    ("RevokeUserSessions", "revokeUserSessions"),
];

#[tokio::test(flavor = "multi_thread")]
async fn staff_cannot_act_on_users_with_permissions_they_lack() {
    let app = TestApp::spawn().await;
    let support = app.appoint("support@example.com", "staff support").await;
    for (what, reached) in [
        ("admin", false),
        ("staff editor", false),
        ("staff support,sales", false),
        ("staff support", true),
        ("staff", true),
        ("vendor", true),
        ("client", true),
    ] {
        let email = format!("{}@example.com", what.replace([' ', ','], "-"));
        let email = email.replace("staff-support@", "colleague@");
        let other = app.appoint(&email, what).await;
        for (document, field) in CHANGES {
            let answer = on(&support, document, &other.user_id, json!({})).await;
            let refused = answer.typename(field) == "OutOfScope";
            assert_eq!(refused, !reached, "{document} {what}: {}", answer.text);
        }
        assert_eq!(other.is_signed_in().await, !reached, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_cannot_grant_permissions_they_lack() {
    let app = TestApp::spawn().await;
    let support = app.appoint("support@example.com", "staff support").await;
    for (role, functions, kind) in [
        ("ADMIN", json!([]), "OutOfScope"),
        ("STAFF", json!(["EDITOR"]), "OutOfScope"),
        ("STAFF", json!(["SUPPORT"]), "OutOfScope"),
        ("STAFF", json!([]), "OutOfScope"),
        ("VENDOR", json!([]), "UserInvited"),
        ("CLIENT", json!([]), "UserInvited"),
        ("CLIENT", json!(["SALES"]), "InputInvalid"),
    ] {
        let email = format!("{}@example.com", role.to_lowercase());
        let input = json!({ "email": email, "role": role, "staffFunctions": functions });
        let answer = support.run("InviteUser", json!({ "input": input })).await;
        assert_eq!(answer.typename("inviteUser"), kind, "{input}");
    }
    let ada = app.register("ada@example.com").await;
    let answer = on(
        &support,
        "SetUserRole",
        &ada.user_id,
        json!({ "role": "CLIENT" }),
    )
    .await;
    assert_eq!(answer.code(), "FORBIDDEN", "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_cannot_change_their_own_role_or_status() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    app.appoint("second@example.com", "admin").await;
    for (document, field, more) in [
        ("SetUserRole", "setUserRole", json!({ "role": "CLIENT" })),
        ("SetUserRole", "setUserRole", json!({ "role": "ADMIN" })),
        (
            "SetStaffFunctions",
            "setStaffFunctions",
            json!({ "staffFunctions": ["SALES"] }),
        ),
        ("SuspendUser", "suspendUser", json!({})),
    ] {
        let answer = on(&root, document, &root.user_id, more).await;
        assert_eq!(answer.typename(field), "OutOfScope", "{}", answer.text);
    }
    assert!(root.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_administrator_stays() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    // Neither of these could administer: one has not answered, the other is kept out.
    let invited = json!({ "input": { "email": "new@example.com", "role": "ADMIN" } });
    let answer = root.run("InviteUser", invited).await;
    assert_eq!(answer.typename("inviteUser"), "UserInvited");
    let other = app.appoint("other@example.com", "admin").await;
    let answer = on(&root, "SuspendUser", &other.user_id, json!({})).await;
    assert_eq!(answer.typename("suspendUser"), "UserSuspended");
    let role = json!({ "role": "CLIENT" });
    let answer = on(&root, "SetUserRole", &root.user_id, role.clone()).await;
    assert_eq!(answer.typename("setUserRole"), "Conflict");
    let answer = on(&root, "SuspendUser", &root.user_id, json!({})).await;
    assert_eq!(answer.typename("suspendUser"), "Conflict");
    let answer = on(&root, "SetUserRole", &other.user_id, role).await;
    assert_eq!(answer.typename("setUserRole"), "UserRoleChanged");
    assert!(root.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_administrators_who_remove_each_other_at_once_one_stays() {
    let app = TestApp::spawn().await;
    let other = app.second_instance().await;
    for round in 0..10 {
        app.execute("UPDATE users SET role = 'client'").await;
        let [a, b] = ["a", "b"].map(|name| format!("{name}{round}@example.com"));
        let a = app.appoint(&a, "admin").await;
        let b = app.appoint(&b, "admin").await;
        let (first, second) = join(remove(&a, &b, round), remove(&b.at(&other), &a, round)).await;
        let outcomes = [first, second];
        let removed = outcomes
            .iter()
            .filter(|outcome| *outcome == "removed")
            .count();
        assert_eq!(removed, 1, "{outcomes:?}");
        let left = "SELECT COUNT(*) FROM users WHERE role = 'admin' AND suspended_at IS NULL";
        assert_eq!(app.number(left).await, 1, "{outcomes:?}");
    }
}

/// Takes an administrator away by one of the ways; says what came of it.
async fn remove(by: &SignedIn<'_>, whom: &SignedIn<'_>, round: i32) -> String {
    let (document, field, more) = if round % 2 == 0 {
        ("SetUserRole", "setUserRole", json!({ "role": "CLIENT" }))
    } else {
        ("SuspendUser", "suspendUser", json!({}))
    };
    let answer = on(by, document, &whom.user_id, more).await;
    if !answer.code().is_empty() {
        assert_eq!(answer.code(), "UNAUTHENTICATED", "{}", answer.text);
        return answer.code().to_owned();
    }
    match answer.typename(field) {
        "UserRoleChanged" | "UserSuspended" => "removed".to_owned(),
        kind => {
            assert_eq!(kind, "Conflict", "{}", answer.text);
            kind.to_owned()
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_and_unknown_users_are_not_found() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    let ada = app.register("ada@example.com").await;
    app.execute("UPDATE users SET deleted_at = created_at WHERE email = 'ada@example.com'")
        .await;
    let unknown = "00000000-0000-7000-8000-000000000000";
    for id in [ada.user_id.as_str(), unknown, "junk", ""] {
        for (document, field) in CHANGES {
            let answer = on(&root, document, id, json!({})).await;
            assert_eq!(answer.typename(field), "NotFound", "{document} {id}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_are_for_staff() {
    let app = TestApp::spawn().await;
    let root = admin(&app).await;
    let ada = app.register("ada@example.com").await;
    let sales = json!({ "staffFunctions": ["SALES"] });
    let answer = on(&root, "SetStaffFunctions", &ada.user_id, sales).await;
    assert_eq!(answer.typename("setStaffFunctions"), "Conflict");
}
