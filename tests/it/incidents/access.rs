//! Access control: ended sessions, others' records, privilege escalation, forged tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::sdl;
use crate::harness::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn better_auth_ghsa_2vg6_77g8_24mp_nothing_survives_the_end_of_an_account() {
    for (change, refreshes) in [
        (
            "UPDATE users SET suspended_at = created_at, suspended_reason = 'test'",
            false,
        ),
        ("UPDATE users SET deleted_at = created_at", false),
        ("DELETE FROM users", false),
        // A new role ends the access tokens that say the old one; the session goes on.
        ("UPDATE users SET role = 'vendor'", true),
    ] {
        let app = TestApp::spawn().await;
        let other = app.second_instance().await;
        let ada = app.register("ada@example.com").await;
        assert!(ada.at(&other).is_signed_in().await);
        app.execute(change).await;
        assert!(!ada.is_signed_in().await, "{change}");
        assert!(!ada.at(&other).is_signed_in().await, "{change}");
        let answer = app.anonymous().refresh(&ada.refresh_token).await;
        let goes_on = answer.typename("refreshSession") == "SignedIn";
        assert_eq!(goes_on, refreshes, "{change}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn better_auth_ghsa_4vcf_q4xf_f48m_users_cannot_revoke_sessions_of_others() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let eve = app.register("eve@example.com").await;
    // Every input that names something by an id is tried below; a new one has to come here.
    let others = [
        "DeleteUserInput",
        "EraseUserInput",
        "RestoreUserInput",
        "RevokeUserSessionsInput",
        "SetStaffFunctionsInput",
        "SetUserRoleInput",
    ];
    let more = ["SuspendUserInput", "UnsuspendUserInput", "UpdateUserInput"];
    // Ids of other users in these are covered by `administration/closed.rs`.
    let administration = others
        .iter()
        .chain(&more)
        .map(|name| format!("{name}.userId"));
    let mut named: Vec<String> = administration.collect();
    named.push("RevokeSessionInput.sessionId".to_owned());
    // Tried in `google::link`.
    named.push("UnlinkGoogleInput.identityId".to_owned());
    // Tried in `media::hostile`.
    named.push("SetAvatarInput.uploadId".to_owned());
    // Tried in the next lines.
    named.push("AuditEventFilter.actorId".to_owned());
    named.push("AuditEventFilter.subjectId".to_owned());
    named.push("DeletedRecordFilter.deletedBy".to_owned());
    named.sort();
    let mut found = sdl::inputs_with("ID");
    found.sort();
    assert_eq!(found, named);
    for (filter, id) in [("actorId", &ada.user_id), ("subjectId", &eve.user_id)] {
        let wanted = json!({ "filter": { filter: id } });
        let answer = eve.run("AuditEvents", wanted).await;
        assert_eq!(answer.code(), "FORBIDDEN", "{}", answer.text);
    }
    let wanted = json!({ "filter": { "deletedBy": eve.user_id } });
    let answer = eve.run("DeletedRecords", wanted).await;
    assert_eq!(answer.code(), "FORBIDDEN", "{}", answer.text);
    let id = ada.session_id().await;
    let answer = eve
        .run("RevokeSession", json!({ "input": { "sessionId": id } }))
        .await;
    let missing = json!({ "input": { "sessionId": "00000000-0000-7000-8000-000000000000" } });
    let malformed = json!({ "input": { "sessionId": "1 OR 1=1" } });
    assert_eq!(answer.typename("revokeSession"), "NotFound");
    assert_eq!(answer.text, eve.run("RevokeSession", missing).await.text);
    assert_eq!(answer.text, eve.run("RevokeSession", malformed).await.text);
    assert!(ada.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_person_is_forbidden_whether_or_not_there_is_one() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let eve = app.register("eve@example.com").await;
    let mut answers = Vec::new();
    for id in [
        ada.user_id.as_str(),
        "00000000-0000-7000-8000-000000000000",
        "junk",
        "",
    ] {
        let mut answer = eve.run("User", json!({ "id": id })).await;
        assert_eq!(answer.code(), "FORBIDDEN", "{id}");
        answer.json["errors"][0]["extensions"]["requestId"] = Value::Null;
        answers.push(answer.json);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    let anonymous = app
        .anonymous()
        .run("User", json!({ "id": ada.user_id }))
        .await;
    assert_eq!(anonymous.code(), "UNAUTHENTICATED");
    app.execute("UPDATE users SET role = 'admin' WHERE email = 'eve@example.com'")
        .await;
    let admin = eve.refreshed().await;
    let answer = admin.run("User", json!({ "id": ada.user_id })).await;
    assert_eq!(answer.root("user")["firstName"], "Ada");
}

#[tokio::test(flavor = "multi_thread")]
async fn better_auth_ghsa_xr8f_h2gw_9xh6_callers_cannot_choose_their_own_role() {
    for forbidden in [
        "isStaff",
        "isVerified",
        "emailVerified",
        "phoneVerified",
        "isSuspended",
        "permissions",
        "id",
        "createdAt",
    ] {
        assert_eq!(sdl::inputs_named(forbidden), [""; 0], "{forbidden}");
    }
    // Set only by others: requires a permission, and never applies to oneself.
    for (name, inputs) in [
        ("role", vec!["InviteUser", "Register", "SetUserRole"]),
        ("staffFunctions", vec!["InviteUser", "SetStaffFunctions"]),
        ("vendorId", vec!["UpdateUser"]),
        ("staffNote", vec!["UpdateUser"]),
    ] {
        let mut found = sdl::inputs_named(name);
        found.retain(|input| !input.starts_with("UserFilter."));
        found.sort();
        let expected: Vec<String> = inputs
            .iter()
            .map(|input| format!("{input}Input.{name}"))
            .collect();
        assert_eq!(found, expected);
    }

    let app = TestApp::spawn().await;
    for field in ["isStaff", "isVerified", "emailVerified"] {
        let mut input = json!({ "email": "eve@example.com", "password": "a very good password" });
        input[field] = json!(true);
        let answer = app
            .anonymous()
            .run("Register", json!({ "input": input }))
            .await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{field}: {}", answer.text);
    }
    for role in ["STAFF", "ADMIN"] {
        let input = json!({
            "email": "eve@example.com", "password": "a very good password", "role": role,
        });
        let answer = app
            .anonymous()
            .run("Register", json!({ "input": input }))
            .await;
        assert_eq!(answer.violations("register"), ["role NOT_ALLOWED"]);
    }
    assert_eq!(app.number("SELECT COUNT(*) FROM users").await, 0);
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn jsonwebtoken_cve_2026_25537_a_forged_token_is_refused() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let [header, claims, signature]: [&str; 3] = ada
        .access_token
        .split('.')
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    let decode = |part: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let with = |part: &str, key: &str, value: Value| {
        let mut changed = decode(part);
        changed[key] = value;
        encoded(&changed)
    };
    let mut tokens = vec![
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "a.b.c".to_owned(),
        format!("{header}.{claims}."),
        format!("{header}.{claims}"),
        format!("{header}.{claims}.{signature}.{signature}"),
        format!("{}.{claims}.", with(header, "alg", json!("none"))),
        format!(
            "{}.{claims}.{signature}",
            with(header, "alg", json!("HS256"))
        ),
        format!(
            "{}.{claims}.{signature}",
            with(header, "kid", json!("../../etc/passwd"))
        ),
        format!("{}.{claims}.{signature}", with(header, "typ", json!("JWT"))),
        format!("{}.{claims}.{signature}", "A".repeat(7_000)),
    ];
    for (key, value) in [
        ("exp", json!("never")),
        ("exp", json!(4_102_444_800_i64)),
        ("exp", Value::Null),
        ("nbf", json!("x")),
        ("role", json!("admin")),
        ("scope", json!("users:read")),
        ("sub", json!("00000000-0000-7000-8000-000000000000")),
    ] {
        tokens.push(format!("{header}.{}.{signature}", with(claims, key, value)));
    }
    for token in tokens {
        let client = app
            .anonymous()
            .with("authorization", format!("Bearer {token}"));
        let answer = client.run("Me", json!({})).await;
        assert_eq!(answer.code(), "UNAUTHENTICATED", "{token}: {}", answer.text);
        assert!(answer.json["data"]["me"].is_null());
    }
    assert!(ada.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn next_auth_ghsa_xmf8_cvqr_rfgj_a_header_of_a_megabyte_stops_nothing() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let huge = "A".repeat(1_000_000);
    let answer = app.exchange(|connection| {
        use std::io::Write as _;
        let start = "POST /graphql HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n";
        connection.write_all(start.as_bytes())?;
        connection.write_all(format!("authorization: Bearer {huge}\r\n\r\n").as_bytes())
    });
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431 "),
        "{answer}"
    );
    assert!(ada.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn django_allauth_65_11_1_no_password_is_not_the_empty_password() {
    let app = TestApp::spawn().await;
    app.register("ada@example.com").await;
    app.execute("DELETE FROM passwords").await;
    let refused = app.anonymous().login("ada@example.com", "\u{0}").await;
    assert_eq!(refused.code(), "BAD_USER_INPUT");
    for password in ["", " ", "!", "null", crate::harness::PASSWORD] {
        let answer = app.anonymous().login("ada@example.com", password).await;
        let kind = answer.typename("login");
        assert!(
            ["InvalidCredentials", "InputInvalid"].contains(&kind),
            "{password:?}: {kind}"
        );
    }
    assert_eq!(app.number("SELECT COUNT(*) FROM sessions").await, 1);
}
