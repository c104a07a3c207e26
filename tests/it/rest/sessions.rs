//! Registration, sign-in, refresh and sign-out.

use serde_json::json;

use super::{Client, assert_refused};
use crate::account::REQUIRED;
use crate::harness::{PASSWORD, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_client_registers_signs_in_refreshes_and_signs_out() {
    let app = TestApp::spawn().await;
    let client = Client::of(&app);
    let registered = client.register("ada@example.com").await;
    assert_eq!(registered.status, 201, "{}", registered.text);
    let user = &registered.json["data"]["user"];
    assert_eq!(user["email"], "ada@example.com");
    assert_eq!(
        (&user["role"], &user["auth_provider"]),
        (&json!("client"), &json!("email"))
    );
    assert_eq!(user["is_verified"], false);

    let signed_in = client.login("ada@example.com", PASSWORD).await;
    assert_eq!(signed_in.status, 200, "{}", signed_in.text);
    let data = &signed_in.json["data"];
    assert_eq!(
        (&data["expires_in"], &data["user"]["id"]),
        (&json!(600), &user["id"])
    );
    assert!(data["device_token"].as_str().unwrap().starts_with("idd_"));

    let first = data["refresh"].as_str().unwrap().to_owned();
    let refreshed = client.post("refresh", json!({ "refresh": first })).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.text);
    // Where the envelope has them, and where clients of Simple JWT read them.
    for token in ["access", "refresh"] {
        assert_eq!(refreshed.json[token], refreshed.json["data"][token]);
    }
    let second = refreshed.json["refresh"].as_str().unwrap().to_owned();
    assert_ne!(first, second);

    let ada = Client::signed_in(&app, &refreshed);
    assert_eq!(ada.get("profile").await.json["data"]["id"], user["id"]);
    let out = ada.post("logout", json!({ "refresh": second })).await;
    assert_eq!((out.status, &out.json["data"]), (200, &json!(null)));
    let gone = ada.get("profile").await;
    assert_refused(&gone, 401, "UNAUTHENTICATED");
    assert_eq!(gone.json["error"]["code"], "token_not_valid");
    let refused = client.post("refresh", json!({ "refresh": second })).await;
    assert_refused(&refused, 401, "TOKEN_INVALID");
    assert_eq!(refused.json["error"]["code"], "token_not_valid");
    // The session of the registration is another one.
    let other = Client::signed_in(&app, &registered);
    assert_eq!(other.get("profile").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_alone_signs_out() {
    let app = TestApp::spawn().await;
    let client = Client::of(&app);
    let registered = client.register("ada@example.com").await;
    let refresh = &registered.json["data"]["refresh"];
    for _ in 0..2 {
        let out = client.post("logout", json!({ "refresh": refresh })).await;
        assert_eq!(out.status, 200, "{}", out.text);
    }
    let ada = Client::signed_in(&app, &registered);
    assert_eq!(ada.get("profile").await.status, 401);
    let nothing = client.post("logout", json!({})).await;
    assert_refused(&nothing, 401, "UNAUTHENTICATED");
    let junk = client.post("logout", json!({ "refresh": "junk" })).await;
    assert_refused(&junk, 401, "TOKEN_INVALID");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_refresh_token_ends_the_session() {
    let app = TestApp::spawn().await;
    let client = Client::of(&app);
    let registered = client.register("ada@example.com").await;
    let first = json!({ "refresh": registered.json["data"]["refresh"] });
    let refreshed = client.post("refresh", first.clone()).await;
    // A lost answer is repeated within the window.
    assert_eq!(
        client.post("refresh", first.clone()).await.json["refresh"],
        refreshed.json["refresh"]
    );
    app.advance(60);
    assert_refused(&client.post("refresh", first).await, 401, "TOKEN_INVALID");
    let successor = json!({ "refresh": refreshed.json["refresh"] });
    assert_refused(
        &client.post("refresh", successor).await,
        401,
        "TOKEN_INVALID",
    );
    assert_eq!(
        Client::signed_in(&app, &refreshed)
            .get("profile")
            .await
            .status,
        401
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sign_in_is_refused_for_has_the_status_of_django_rest_framework() {
    let app = TestApp::spawn().await;
    let client = Client::of(&app);
    let registered = client.register("ada@example.com").await;
    let wrong = client.login("ada@example.com", "not the password").await;
    assert_refused(&wrong, 401, "INVALID_CREDENTIALS");
    assert_eq!(wrong.json["message"], "Login failed.");
    assert!(wrong.json["error"].is_string(), "{}", wrong.text);

    let taken = client.register("ada@example.com").await;
    assert_refused(&taken, 409, "CONFLICT");
    let weak = client
        .post(
            "register",
            json!({ "email": "eve@example.com", "password": "password1" }),
        )
        .await;
    assert_refused(&weak, 400, "PASSWORD_TOO_WEAK");
    assert!(
        weak.json["error"]["password"][0].is_string(),
        "{}",
        weak.text
    );

    let id = registered.json["data"]["user"]["id"].as_str().unwrap();
    app.execute(&format!(
        "UPDATE users SET suspended_at = created_at WHERE id = {}",
        app.id_literal(id)
    ))
    .await;
    let suspended = client.login("ada@example.com", PASSWORD).await;
    assert_refused(&suspended, 403, "ACCOUNT_SUSPENDED");
    let wrong = client.login("ada@example.com", "not the password").await;
    assert_refused(&wrong, 401, "INVALID_CREDENTIALS");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_of_a_deleted_account_learns_how_to_keep_it() {
    let app = TestApp::spawn().await;
    let ada = app.register("ada@example.com").await;
    let deleted = ada.run("DeleteMyAccount", json!({ "input": {} })).await;
    assert_eq!(
        deleted.typename("deleteMyAccount"),
        "AccountDeletionScheduled",
        "{}",
        deleted.text
    );
    let answer = Client::of(&app).login("ada@example.com", PASSWORD).await;
    assert_refused(&answer, 403, "ACCOUNT_DELETED");
    let token = &answer.json["data"]["cancellation_token"];
    let input = json!({ "input": { "token": token } });
    let kept = app.anonymous().run("CancelAccountDeletion", input).await;
    assert!(kept.json["errors"].is_null(), "{}", kept.text);
    assert_eq!(
        Client::of(&app)
            .login("ada@example.com", PASSWORD)
            .await
            .status,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn where_addresses_are_confirmed_a_registration_never_signs_in() {
    let app = TestApp::with(&[REQUIRED]).await;
    let client = Client::of(&app);
    let registered = client.register("ada@example.com").await;
    assert_eq!(
        (registered.status, &registered.json["data"]),
        (201, &json!(null))
    );
    let pending = client.login("ada@example.com", PASSWORD).await;
    assert_refused(&pending, 401, "INVALID_CREDENTIALS");

    let ask = json!({ "email_or_phone": "ada@example.com", "purpose": "verify_email" });
    assert_eq!(client.post("otp/request", ask).await.status, 200);
    let code = app.code("ada@example.com", "verify_email").await;
    let body = json!({
        "email_or_phone": "ada@example.com", "purpose": "verify_email", "otp": code, "password": PASSWORD,
    });
    let verified = client.post("otp/verify", body).await;
    let ada = Client::signed_in(&app, &verified);
    let profile = ada.get("profile").await;
    assert_eq!(
        profile.json["data"]["email_verified"], true,
        "{}",
        profile.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_can_be_closed() {
    let app = TestApp::with(&[("IDGATE_REGISTRATION__ENABLED", "false")]).await;
    let refused = Client::of(&app).register("ada@example.com").await;
    assert_refused(&refused, 403, "FORBIDDEN");
}

/// Mass assignment: fields that an operation does not have change nothing (GHSA-xr8f-h2gw-9xh6).
#[tokio::test(flavor = "multi_thread")]
async fn fields_of_the_old_model_are_ignored_and_grant_nothing() {
    let app = TestApp::spawn().await;
    let client = Client::of(&app);
    let granted = json!({
        "email": "eve@example.com", "phone": "", "password": PASSWORD, "password2": PASSWORD,
        "is_staff": true, "is_superuser": true, "is_verified": true, "email_verified": true,
        "staff_functions": ["support"], "username": "eve", "id": 1, "pid": "mine", "role": "vendor",
    });
    let registered = client.post("register", granted.clone()).await;
    assert_eq!(registered.status, 201, "{}", registered.text);
    let eve = Client::signed_in(&app, &registered);
    let changed = eve.send(reqwest::Method::PATCH, "profile", &granted).await;
    let user = &changed.json["data"];
    assert_eq!(user["id"], registered.json["data"]["user"]["id"]);
    assert_eq!(
        (&user["is_verified"], &user["email_verified"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(
        (&user["role"], &user["email"]),
        (&json!("vendor"), &json!("eve@example.com"))
    );
    for role in ["staff", "admin", "nothing"] {
        let body = json!({ "email": "m@example.com", "password": PASSWORD, "role": role });
        let refused = client.post("register", body).await;
        assert_refused(&refused, 400, "INPUT_INVALID");
        assert!(
            refused.json["error"]["role"][0].is_string(),
            "{}",
            refused.text
        );
    }
}
