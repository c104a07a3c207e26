//! The same services: one budget, the same audit events and the same problems as by GraphQL.

use serde_json::json;

use super::{Client, assert_refused};
use crate::account::REQUIRED;
use crate::account::no_oracle::assert_indistinguishable;
use crate::harness::{PASSWORD, TestApp};

/// `VilnaCRM-Org/user-service#315`: a limit that one surface charges and the other does not.
#[tokio::test(flavor = "multi_thread")]
async fn attempts_over_both_surfaces_are_one_budget() {
    let app = TestApp::with(&[
        ("IDGATE_THROTTLE__SCALE", "1"),
        ("IDGATE_THROTTLE__LOGIN_ADDRESS", "1000/60"),
        ("IDGATE_THROTTLE__LOGIN_IDENTIFIER", "10/300"),
    ])
    .await;
    app.register("ada@example.com").await;
    let (rest, graph) = (Client::of(&app), app.anonymous());
    for _ in 0..5 {
        let answer = rest.login("Ada@Example.com", "not the password").await;
        assert_refused(&answer, 401, "INVALID_CREDENTIALS");
        let answer = graph.login("ada@example.com", "not the password").await;
        assert_eq!(answer.typename("login"), "InvalidCredentials");
    }
    let (limited, work) = app.work_of(rest.login("ada@example.com", PASSWORD)).await;
    assert_refused(&limited, 429, "RATE_LIMITED");
    assert_eq!((work.hashes, work.statements), (0, 0));
    let answer = graph.login("ada@example.com", PASSWORD).await;
    assert_eq!(answer.typename("login"), "RateLimited");
    assert_eq!(
        answer.root("login")["retryAfter"],
        limited.json["retry_after"]
    );
    assert_eq!(
        answer.root("login")["message"],
        limited.json["error"]["detail"]
    );
    app.advance(300);
    assert_eq!(rest.login("ada@example.com", PASSWORD).await.status, 200);
}

/// Every budget that an anonymous client can use up, and that of one's own account.
#[tokio::test(flavor = "multi_thread")]
async fn every_operation_has_a_budget() {
    let app = TestApp::with(&[("IDGATE_THROTTLE__SCALE", "0.05")]).await;
    let client = Client::of(&app);
    let to = "nobody@example.com";
    let junk = "idr_4bB0uS3Pq6nXyZ1aC2dE5fG7hI8jK9lM0nO1pQ2rS3t";
    let bodies = [
        (
            "login",
            json!({ "email_or_phone": to, "password": PASSWORD }),
        ),
        ("register", json!({ "email": to, "password": "short" })),
        ("refresh", json!({ "refresh": junk })),
        (
            "logout",
            json!({ "refresh": "idr_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }),
        ),
        ("google", json!({ "id_token": "junk" })),
        ("otp/request", json!({ "email_or_phone": to })),
        (
            "otp/verify",
            json!({ "email_or_phone": to, "otp": "000000" }),
        ),
        ("password/reset", json!({ "email_or_phone": to })),
        (
            "password/confirm",
            json!({ "token": "idl_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "new_password": PASSWORD }),
        ),
    ];
    for (path, body) in bodies {
        let mut is_limited = false;
        for _ in 0..60 {
            is_limited |= client.post(path, body.clone()).await.status == 429;
            if is_limited {
                break;
            }
        }
        assert!(is_limited, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_have_the_code_and_the_words_of_graphql() {
    let app = TestApp::spawn().await;
    app.register("ada@example.com").await;
    let (rest, graph) = (Client::of(&app), app.anonymous());
    let same =
        |code: &serde_json::Value, message: &serde_json::Value, answer: &crate::harness::Answer| {
            assert_eq!(
                (code, message),
                (&answer.json["code"], &answer.json["error"]),
                "{}",
                answer.text
            );
        };
    let graphql = graph.login("ada@example.com", "not the password").await;
    let problem = graphql.root("login");
    same(
        &problem["code"],
        &problem["message"],
        &rest.login("ada@example.com", "not the password").await,
    );

    let graphql = graph.register("ada@example.com").await;
    let problem = graphql.root("register");
    same(
        &problem["code"],
        &problem["message"],
        &rest.register("ada@example.com").await,
    );

    let graphql = graph.verify_otp("ada@example.com", "LOGIN", "000000").await;
    let problem = graphql.root("verifyOtp");
    let body = json!({ "email_or_phone": "ada@example.com", "otp": "000000" });
    same(
        &problem["code"],
        &problem["message"],
        &rest.post("otp/verify", body).await,
    );

    let token = "idl_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let input = json!({ "input": { "token": token, "newPassword": PASSWORD } });
    let graphql = graph.run("ConfirmPasswordReset", input).await;
    let problem = graphql.root("confirmPasswordReset");
    let body = json!({ "token": token, "new_password": PASSWORD });
    same(
        &problem["code"],
        &problem["message"],
        &rest.post("password/confirm", body).await,
    );
}

/// The actions in the audit log, with how often each was recorded.
async fn actions(app: &TestApp) -> String {
    let list = if app.is_sqlite() {
        "group_concat(line, ';')"
    } else {
        "string_agg(line, ';')"
    };
    let sql = format!(
        "SELECT {list} FROM (SELECT action || ' ' || CAST(COUNT(*) AS TEXT) AS line \
         FROM audit_events GROUP BY action ORDER BY 1) AS lines"
    );
    app.text(&sql).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_says_the_same_whichever_surface_was_used() {
    let new = "seven brave otters juggling";
    let graph = {
        let app = TestApp::spawn().await;
        let ada = app.register("ada@example.com").await;
        let client = app.anonymous();
        client.login("ada@example.com", "not the password").await;
        client.login("unknown@example.com", PASSWORD).await;
        let input = json!({ "input": { "firstName": "Augusta" } });
        ada.run("UpdateProfile", input).await;
        let input = json!({ "input": { "currentPassword": "wrong password", "newPassword": new } });
        ada.run("ChangePassword", input).await;
        let input = json!({ "input": { "currentPassword": PASSWORD, "newPassword": new } });
        ada.run("ChangePassword", input).await;
        client
            .refresh("idr_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
            .await;
        client.request_otp("ada@example.com", "LOGIN").await;
        client
            .verify_otp("ada@example.com", "LOGIN", "000000")
            .await;
        let input = json!({ "input": { "emailOrPhone": "ada@example.com" } });
        client.run("RequestPasswordReset", input).await;
        ada.run("Logout", json!({})).await;
        actions(&app).await
    };
    let app = TestApp::spawn().await;
    let client = Client::of(&app);
    let ada = Client::signed_in(&app, &client.register("ada@example.com").await);
    client.login("ada@example.com", "not the password").await;
    client.login("unknown@example.com", PASSWORD).await;
    ada.send(
        reqwest::Method::PATCH,
        "profile",
        &json!({ "first_name": "Augusta" }),
    )
    .await;
    for current in ["wrong password", PASSWORD] {
        let body = json!({ "current_password": current, "new_password": new });
        ada.post("password/change", body).await;
    }
    let junk = json!({ "refresh": "idr_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" });
    client.post("refresh", junk).await;
    let to = json!({ "email_or_phone": "ada@example.com", "otp": "000000" });
    for path in ["otp/request", "otp/verify", "password/reset"] {
        client.post(path, to.clone()).await;
    }
    assert_eq!(ada.post("logout", json!({})).await.status, 200);
    let rest = actions(&app).await;
    assert!(rest.contains("password.changed 1"), "{rest}");
    assert_eq!(rest, graph);
    let named = "SELECT COUNT(*) FROM audit_events WHERE operation_name = 'rest.login'";
    assert!(app.number(named).await > 0);
    let unnamed = "SELECT COUNT(*) FROM audit_events WHERE operation_name NOT LIKE 'rest.%'";
    assert_eq!(app.number(unnamed).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_and_a_sign_in_do_not_tell_whether_there_is_an_account() {
    let app = TestApp::with(&[REQUIRED]).await;
    let client = Client::of(&app);
    client.register("known@example.com").await;
    app.execute("UPDATE users SET email_verified = TRUE, is_verified = TRUE")
        .await;
    let unknown = app.work_of(client.register("unknown@example.com")).await;
    assert_eq!(unknown.0.status, 201, "{}", unknown.0.text);
    let known = app.work_of(client.register("known@example.com")).await;
    assert_eq!(known.0.json["message"], unknown.0.json["message"]);
    assert_indistinguishable(&known, &unknown);

    let wrong = |who: &str| {
        let body = json!({ "email_or_phone": who, "password": "not the password" });
        client
            .request(reqwest::Method::POST, "login")
            .header("x-request-id", "the-same")
            .json(&body)
    };
    let known = app
        .work_of(crate::harness::Answer::of(wrong("known@example.com")))
        .await;
    assert_eq!((known.1.hashes, known.1.events), (1, 1));
    for who in [
        "never@example.com",
        "unknown@example.com",
        "+16502530000",
        "no address",
    ] {
        let answer = app.work_of(crate::harness::Answer::of(wrong(who))).await;
        assert_indistinguishable(&answer, &known);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_are_counted_by_name_and_code() {
    let app = TestApp::spawn().await;
    let client = Client::of(&app);
    client.register("ada@example.com").await;
    client.login("ada@example.com", "not the password").await;
    client.post("login", json!({})).await;
    let page = app.app.metrics.render();
    for line in [
        "idgate_operations_total{operation=\"rest.register\",code=\"OK\"} 1",
        "idgate_operations_total{operation=\"rest.login\",code=\"INVALID_CREDENTIALS\"} 1",
        "idgate_operations_total{operation=\"rest.login\",code=\"INPUT_INVALID\"} 1",
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }
}
