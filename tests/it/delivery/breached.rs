//! Looking up leaked passwords without disclosing them (k-anonymity).

use idgate::providers::breached::{Breached, Lookup};
use serde_json::json;

use crate::harness::{Endpoint, PASSWORD, TestApp};

/// The SHA-1 of "password" begins with 5BAA6 and ends with this.
const SUFFIX: &str = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";

async fn asking(endpoint: &Endpoint, min_count: &str) -> TestApp {
    TestApp::with(&[
        ("IDGATE_BREACHED__URL", &endpoint.url("/range")),
        ("IDGATE_BREACHED__MIN_COUNT", min_count),
    ])
    .await
}

fn service(app: &TestApp) -> &Breached {
    app.app.breached.as_ref().expect("a service")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaked_password_is_known_by_five_digits_of_its_hash() {
    let endpoint = Endpoint::start().await;
    endpoint.answer(200, &format!("{}:1\r\n{SUFFIX}:3\r\n", "0".repeat(35)));
    let app = asking(&endpoint, "3").await;
    assert_eq!(service(&app).lookup("password").await, Lookup::Known);
    let asked = endpoint.requests();
    assert_eq!(asked[0].path, "/range/5BAA6");
    assert_eq!(asked[0].header("add-padding"), "true");
    let request = format!("{:?}", asked[0]);
    assert!(
        !request.contains(SUFFIX) && !request.contains("\"password"),
        "{request}"
    );

    assert_eq!(service(&app).lookup("another").await, Lookup::Unknown);
    let app = asking(&endpoint, "4").await;
    assert_eq!(service(&app).lookup("password").await, Lookup::Unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_lookup_does_not_block_users() {
    let endpoint = Endpoint::start().await;
    let app = asking(&endpoint, "1").await;
    endpoint.answer(503, "");
    assert_eq!(service(&app).lookup("password").await, Lookup::Unavailable);
    endpoint.answer(302, "");
    assert_eq!(service(&app).lookup("password").await, Lookup::Unavailable);
    endpoint.answer(200, &"x".repeat(300 * 1024));
    assert_eq!(service(&app).lookup("password").await, Lookup::Unavailable);
    assert_eq!(endpoint.requests().len(), 3, "no redirect is followed");
    let page = app.app.metrics.render();
    let counted = r#"idgate_breached_lookups_total{outcome="unavailable"} 3"#;
    assert!(page.contains(counted), "{page}");
    endpoint.hang();
    let limit = [("IDGATE_BREACHED__TIMEOUT_MILLISECONDS", "300")];
    let hasty = app.over(&limit).await;
    let answer = service(&hasty).lookup("password").await;
    assert_eq!(answer, Lookup::Unavailable);
    let page = hasty.app.metrics.render();
    let counted = r#"idgate_breached_lookups_total{outcome="unavailable"} 1"#;
    assert!(page.contains(counted), "{page}");
    assert!(TestApp::spawn().await.app.breached.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaked_password_is_refused_wherever_one_is_chosen() {
    let endpoint = Endpoint::start().await;
    let app = asking(&endpoint, "1").await;
    endpoint.answer(200, "");
    let ada = app.register("ada@example.com").await;
    let leaked = "staple battery horse correct";
    endpoint.answer(200, &format!("{}:7\r\n", sha1_suffix(leaked)));
    let change = json!({ "currentPassword": PASSWORD, "newPassword": leaked });
    let answer = ada.run("ChangePassword", json!({ "input": change })).await;
    assert_eq!(answer.typename("changePassword"), "PasswordBreached");
    let register = json!({ "email": "eve@example.com", "password": leaked });
    let answer = app
        .anonymous()
        .run("Register", json!({ "input": register }))
        .await;
    assert_eq!(answer.typename("register"), "PasswordBreached");
    app.execute("UPDATE users SET email_verified = TRUE").await;
    let wanted = json!({ "input": { "emailOrPhone": "ada@example.com" } });
    app.anonymous().run("RequestPasswordReset", wanted).await;
    let token = app.token("ada@example.com", "password_reset").await;
    let reset = json!({ "input": { "token": token, "newPassword": leaked } });
    let answer = app.anonymous().run("ConfirmPasswordReset", reset).await;
    assert_eq!(answer.typename("confirmPasswordReset"), "PasswordBreached");
    app.login("ada@example.com").await;
}

fn sha1_suffix(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY,
        text.as_bytes(),
    );
    hex::encode(digest.as_ref())[5..].to_uppercase()
}
