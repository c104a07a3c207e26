//! The pages that links in messages lead to: from the mail to the result, as a browser goes.

mod hostile;
mod place;
mod scanners;

use reqwest::Method;
use serde_json::json;

use crate::harness::{Answer, PASSWORD, SignedIn, TestApp};

const ADA: &str = "ada@example.com";
const NEW: &str = "ada@example.org";
const ANOTHER: &str = "staple battery horse correct";

/// The headers of a browser that posts a form of this server.
const FROM_HERE: [(&str, &str); 2] = [("sec-fetch-site", "same-origin"), ("origin", "null")];

/// Every kind of link: its path, and the message that carries it.
const KINDS: [(&str, &str); 6] = [
    ("verify_email", "verify_email"),
    ("password_reset", "password_reset"),
    ("invitation", "invitation"),
    ("change_email", "change_email"),
    ("revert_email", "email_changed"),
    ("cancel_deletion", "account_deleted"),
];

async fn send(app: &TestApp, path: &str, fields: &[(&str, &str)]) -> Answer {
    send_with(app, path, &FROM_HERE, fields).await
}

async fn send_with(
    app: &TestApp,
    path: &str,
    headers: &[(&str, &str)],
    fields: &[(&str, &str)],
) -> Answer {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(fields);
    let mut request = app
        .request(Method::POST, &format!("/{path}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.finish());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::of(request).await
}

/// Makes an account that waits for this link, and returns the token from the message.
async fn token_for(app: &TestApp, path: &str) -> String {
    let (_, kind) = KINDS.into_iter().find(|(known, _)| *known == path).unwrap();
    if path == "invitation" {
        let root = app.appoint("root@example.com", "admin").await;
        let input = json!({
            "email": ADA, "firstName": "Ada", "lastName": "Lovelace", "role": "CLIENT",
        });
        let answer = root.run("InviteUser", json!({ "input": input })).await;
        assert_eq!(
            answer.typename("inviteUser"),
            "UserInvited",
            "{}",
            answer.text
        );
        return app.token(ADA, kind).await;
    }
    let ada = app.register(ADA).await;
    if path == "verify_email" {
        return app.token(ADA, kind).await;
    }
    app.execute("UPDATE users SET email_verified = TRUE, is_verified = TRUE")
        .await;
    if path == "password_reset" {
        let input = json!({ "emailOrPhone": ADA });
        app.anonymous()
            .run("RequestPasswordReset", json!({ "input": input }))
            .await;
        return app.token(ADA, kind).await;
    }
    if path == "cancel_deletion" {
        let answer = ada.run("DeleteMyAccount", json!({})).await;
        let kind_of_answer = answer.typename("deleteMyAccount");
        assert_eq!(kind_of_answer, "AccountDeletionScheduled");
        return app.token(ADA, kind).await;
    }
    move_away(&ada).await;
    if path == "change_email" {
        return app.token(NEW, kind).await;
    }
    let token = app.token(NEW, "change_email").await;
    let input = json!({ "token": token });
    let answer = ada
        .run("ConfirmEmailChange", json!({ "input": input }))
        .await;
    assert_eq!(answer.typename("confirmEmailChange"), "EmailChanged");
    app.token(ADA, kind).await
}

async fn move_away(ada: &SignedIn<'_>) {
    let input = json!({ "email": NEW });
    let answer = ada
        .run("RequestEmailChange", json!({ "input": input }))
        .await;
    assert_eq!(
        answer.typename("requestEmailChange"),
        "EmailChangeRequested"
    );
}

/// What redeems the link of this path.
fn filled<'a>(path: &str, token: &'a str) -> Vec<(&'static str, &'a str)> {
    let mut fields = vec![("token", token)];
    match path {
        "verify_email" => fields.push(("password", PASSWORD)),
        "password_reset" | "invitation" => {
            fields.extend([("newPassword", ANOTHER), ("repeated", ANOTHER)]);
        }
        "change_email" => fields.extend([("emailOrPhone", ADA), ("password", PASSWORD)]),
        _ => {}
    }
    fields
}

/// Whether the link of this path had its effect.
async fn has_effect(app: &TestApp, path: &str) -> bool {
    let count = match path {
        "verify_email" => "SELECT COUNT(*) FROM users WHERE email_verified",
        "change_email" => {
            "SELECT COUNT(*) FROM users WHERE email = 'ada@example.org' AND email_verified"
        }
        "revert_email" => "SELECT COUNT(*) FROM users WHERE email = 'ada@example.com'",
        "cancel_deletion" => {
            "SELECT COUNT(*) FROM users WHERE email = 'ada@example.com' AND deleted_at IS NULL"
        }
        _ => {
            let answer = app.anonymous().login(ADA, ANOTHER).await;
            return answer.typename("login") == "SignedIn";
        }
    };
    app.number(count).await == 1
}

#[tokio::test(flavor = "multi_thread")]
async fn every_link_leads_from_the_message_to_its_result() {
    for (path, kind) in KINDS {
        let app = TestApp::spawn().await;
        let token = token_for(&app, path).await;
        let to = if path == "change_email" { NEW } else { ADA };
        let mail = app.message(to, kind).await.unwrap();
        let address = app.url(&format!("/{path}?token={token}"));
        assert!(mail["text"].as_str().unwrap().contains(&address), "{mail}");

        let page = app.get(&format!("/{path}?token={token}")).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        assert!(
            page.text
                .contains(&format!("method=\"post\" action=\"{path}\""))
        );
        for (name, _) in filled(path, &token) {
            assert!(
                page.text.contains(&format!("name=\"{name}\"")),
                "{path} {name}"
            );
        }
        assert!(
            !has_effect(&app, path).await,
            "{path}: looking changed something"
        );

        let answer = send(&app, path, &filled(path, &token)).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        assert!(!answer.text.contains("<form"), "{path}: {}", answer.text);
        assert!(has_effect(&app, path).await, "{path}: {}", answer.text);
        if path == "revert_email" {
            assert!(app.message(ADA, "email_reverted").await.is_some());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_leaves_a_session_behind() {
    for (path, _) in KINDS {
        let app = TestApp::spawn().await;
        let token = token_for(&app, path).await;
        let live = "SELECT COUNT(*) FROM sessions WHERE revoked_at IS NULL";
        let before = app.number(live).await;
        assert_eq!(send(&app, path, &filled(path, &token)).await.status, 200);
        assert!(app.number(live).await <= before, "{path}");
        // Using the link again leaves no session behind either.
        send(&app, path, &filled(path, &token)).await;
        assert!(app.number(live).await <= before, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_used_too_old_or_unknown_is_said_to_be_so() {
    for (path, _) in KINDS {
        let app = TestApp::spawn().await;
        let token = token_for(&app, path).await;
        let unknown = format!("idl_{}", "A".repeat(43));
        for wrong in ["", "idl_", "x", &unknown, &format!("{token}x")] {
            let answer = send(&app, path, &filled(path, wrong)).await;
            assert_eq!(answer.status, 400, "{path} {wrong:?}: {}", answer.text);
            assert!(answer.text.contains("This link does not work"), "{path}");
        }
        // The link of another kind: those for a password serve each other.
        for (other, _) in KINDS {
            let alike = ["password_reset", "invitation"];
            if other != path && !(alike.contains(&other) && alike.contains(&path)) {
                let answer = send(&app, other, &filled(other, &token)).await;
                assert_ne!(answer.status, 200, "{path} at {other}");
            }
        }
        app.advance(31 * 86_400);
        let answer = send(&app, path, &filled(path, &token)).await;
        assert_eq!(answer.status, 400, "{path} is too old: {}", answer.text);
        assert!(!has_effect(&app, path).await, "{path}");
    }
    let app = TestApp::spawn().await;
    let token = token_for(&app, "password_reset").await;
    let fields = filled("password_reset", &token);
    assert_eq!(send(&app, "password_reset", &fields).await.status, 200);
    let again = send(&app, "password_reset", &fields).await;
    assert!(
        again.text.contains("This link does not work"),
        "{}",
        again.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_input_is_shown_at_its_field_and_does_not_consume_the_link() {
    let app = TestApp::spawn().await;
    let token = token_for(&app, "password_reset").await;
    for (one, two, message) in [
        ("", "", "Fill this in."),
        (ANOTHER, "", "Fill this in."),
        (ANOTHER, PASSWORD, "The two passwords are different."),
        ("short", "short", "Use at least 8 characters."),
        ("password1234", "password1234", "easy to guess"),
        (ADA, ADA, "easy to guess"),
    ] {
        let fields = [("token", &*token), ("newPassword", one), ("repeated", two)];
        let answer = send(&app, "password_reset", &fields).await;
        assert_eq!(answer.status, 400, "{one:?} {two:?}: {}", answer.text);
        assert!(
            answer.text.contains(message),
            "{one:?} {two:?}: {}",
            answer.text
        );
        assert!(answer.text.contains("aria-invalid=\"true\""));
        assert!(answer.text.contains(&format!("value=\"{token}\"")));
        for typed in [one, two].into_iter().filter(|typed| typed.len() > 5) {
            assert!(
                !answer.text.contains(typed),
                "a password is shown: {}",
                answer.text
            );
        }
    }
    assert_eq!(
        send(&app, "password_reset", &filled("password_reset", &token))
            .await
            .status,
        200
    );

    let app = TestApp::spawn().await;
    let token = token_for(&app, "change_email").await;
    let wrong = [
        ("token", &*token),
        ("emailOrPhone", ADA),
        ("password", "wrong"),
    ];
    let answer = send(&app, "change_email", &wrong).await;
    assert!(
        answer.text.contains("No account has this address"),
        "{}",
        answer.text
    );
    assert!(answer.text.contains(&format!("value=\"{ADA}\"")));
    let empty = [
        ("token", &*token),
        ("emailOrPhone", ""),
        ("password", PASSWORD),
    ];
    assert!(
        send(&app, "change_email", &empty)
            .await
            .text
            .contains("Fill this in.")
    );
    // The right password of another account.
    app.register("eve@example.com").await;
    let eve = [
        ("token", &*token),
        ("emailOrPhone", "eve@example.com"),
        ("password", PASSWORD),
    ];
    let answer = send(&app, "change_email", &eve).await;
    assert!(
        answer.text.contains("This link does not work"),
        "{}",
        answer.text
    );
    assert_eq!(
        send(&app, "change_email", &filled("change_email", &token))
            .await
            .status,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budgets_of_the_mutations_are_those_of_the_pages() {
    let app = TestApp::with(&[
        ("IDGATE_THROTTLE__SCALE", "1"),
        ("IDGATE_THROTTLE__VERIFY_ADDRESS", "2/600"),
    ])
    .await;
    let unknown = format!("idl_{}", "A".repeat(43));
    for (path, _) in [KINDS[0], KINDS[1]] {
        let answer = send(&app, path, &filled(path, &unknown)).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text);
    }
    for (path, _) in [KINDS[0], KINDS[1], KINDS[2], KINDS[4]] {
        let answer = send(&app, path, &filled(path, &unknown)).await;
        assert_eq!(answer.status, 429, "{path}: {}", answer.text);
        assert!(
            answer.text.contains("Too many attempts."),
            "{}",
            answer.text
        );
        assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
        assert!(
            answer.text.contains("<form"),
            "{path}: it can be tried again"
        );
    }
}
