//! No account enumeration through codes and password resets.

use serde_json::json;

use crate::account::no_oracle::assert_indistinguishable;
use crate::harness::{PASSWORD, TestApp};

/// An account with a proven address and a proven number.
async fn app_with_ada() -> TestApp {
    let app = TestApp::spawn().await;
    app.register("known@example.com").await;
    app.execute(
        "UPDATE users SET email_verified = TRUE, is_verified = TRUE, phone = '+16502530000', \
         phone_verified = TRUE",
    )
    .await;
    app
}

const PAIRS: [[&str; 2]; 2] = [
    ["known@example.com", "unknown@example.com"],
    ["+16502530000", "+16502530001"],
];

#[tokio::test(flavor = "multi_thread")]
async fn asking_for_a_code() {
    let app = app_with_ada().await;
    let client = app.anonymous();
    for [known, unknown] in PAIRS {
        for purpose in ["LOGIN", "RESET_PASSWORD"] {
            for later in [0, 0, 70, 90, 20] {
                app.advance(later);
                let one = app.work_of(client.request_otp(known, purpose)).await;
                let other = app.work_of(client.request_otp(unknown, purpose)).await;
                assert_indistinguishable(&one, &other);
            }
        }
    }
    for [known, unknown] in PAIRS {
        let purpose = if known.contains('@') {
            "VERIFY_EMAIL"
        } else {
            "VERIFY_PHONE"
        };
        let one = app.work_of(client.request_otp(known, purpose)).await;
        let other = app.work_of(client.request_otp(unknown, purpose)).await;
        assert_indistinguishable(&one, &other);
    }
    let codes = "SELECT COUNT(*) FROM outbox_messages WHERE channel <> 'none'";
    assert_eq!(
        app.number(codes).await,
        13,
        "the account gets its four codes three times and its first link"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn typing_a_wrong_code_until_it_is_dead() {
    let app = app_with_ada().await;
    let client = app.anonymous();
    for [known, unknown] in PAIRS {
        client.request_otp(known, "LOGIN").await;
        client.request_otp(unknown, "LOGIN").await;
        for _ in 0..7 {
            let one = app
                .work_of(client.verify_otp(known, "LOGIN", "000000"))
                .await;
            let other = app
                .work_of(client.verify_otp(unknown, "LOGIN", "000000"))
                .await;
            assert_indistinguishable(&one, &other);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forgetting_a_password() {
    let app = app_with_ada().await;
    let client = app.anonymous();
    for [known, unknown] in PAIRS {
        let request = |who: &str| {
            let input = json!({ "emailOrPhone": who });
            client.run("RequestPasswordReset", json!({ "input": input }))
        };
        for _ in 0..2 {
            let one = app.work_of(request(known)).await;
            let other = app.work_of(request(unknown)).await;
            assert_indistinguishable(&one, &other);
        }
        let confirm = |who: &str| {
            let input = json!({ "emailOrPhone": who, "code": "000000", "newPassword": PASSWORD });
            client.run("ConfirmPasswordReset", json!({ "input": input }))
        };
        for _ in 0..7 {
            let one = app.work_of(confirm(known)).await;
            let other = app.work_of(confirm(unknown)).await;
            assert_indistinguishable(&one, &other);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn registering_a_number() {
    let app = TestApp::with(&[crate::account::REQUIRED]).await;
    let client = app.anonymous();
    let register = |phone: &str| {
        let input = json!({ "phone": phone, "password": PASSWORD });
        client.run("Register", json!({ "input": input }))
    };
    register("+16502530000").await;
    app.execute("UPDATE users SET phone_verified = TRUE").await;
    register("+16502530001").await;
    app.advance(61);
    let unknown = app.work_of(register("+16502530002")).await;
    assert_indistinguishable(&app.work_of(register("+16502530000")).await, &unknown);
    assert_indistinguishable(&app.work_of(register("+16502530001")).await, &unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_for_one_address_says_nothing_about_another_of_the_same_person() {
    let app = app_with_ada().await;
    let client = app.anonymous();
    client.request_otp("known@example.com", "LOGIN").await;
    let linked = client.request_otp("+16502530000", "LOGIN").await;
    let unlinked = client.request_otp("+16502530001", "LOGIN").await;
    assert_eq!(linked.text, unlinked.text);
}
