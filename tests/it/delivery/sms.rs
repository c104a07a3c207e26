//! Text messages as providers get them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{counts, deliver, failures, post};
use crate::harness::{Endpoint, TestApp, free_address};

pub(super) const KEY: &str = "whsec_q83vEjRWeJCrze8SNFZ4kBHhE7p2r0yPo6bWkJ1x5Hc=";

async fn twilio(endpoint: &Endpoint) -> TestApp {
    TestApp::with(&[
        (
            "IDGATE_SMS__URL",
            &endpoint.url("/Accounts/AC1/Messages.json"),
        ),
        ("IDGATE_SMS__FROM", "+15005550006"),
        ("IDGATE_SMS__ACCOUNT", "AC1"),
        ("IDGATE_SMS__TOKEN", "t0ken"),
    ])
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_message_is_a_form_for_twilio() {
    let endpoint = Endpoint::start().await;
    endpoint.answer(201, r#"{"sid":"SM1","status":"queued"}"#);
    let app = twilio(&endpoint).await;
    let id = post(&app, "sms", "+37499123456", None).await;
    deliver(&app).await;
    let asked = endpoint.requests();
    assert_eq!(asked.len(), 1);
    let request = &asked[0];
    assert_eq!(request.method, "POST");
    assert_eq!(request.path, "/Accounts/AC1/Messages.json");
    assert_eq!(
        request.body,
        "To=%2B37499123456&From=%2B15005550006&Body=Your+code+is+123456."
    );
    let media = request.header("content-type");
    assert_eq!(media, "application/x-www-form-urlencoded");
    let login = STANDARD.encode("AC1:t0ken");
    assert_eq!(request.header("authorization"), format!("Basic {login}"));
    assert_eq!(request.header("idempotency-key"), id.to_string());
    assert_eq!(counts(&app).await, (1, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_may_stand_in_the_address() {
    let endpoint = Endpoint::start().await;
    let url = endpoint
        .url("/send")
        .replace("http://", "http://us%40er:pa%3Ass@");
    let app = TestApp::with(&[("IDGATE_SMS__URL", &url), ("IDGATE_SMS__FROM", "Gate")]).await;
    post(&app, "sms", "+37499123456", None).await;
    deliver(&app).await;
    let login = STANDARD.encode("us@er:pa:ss");
    let asked = endpoint.requests();
    assert_eq!(asked[0].header("authorization"), format!("Basic {login}"));
    assert_eq!(asked[0].path, "/send");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_proves_that_it_is_from_here() {
    let endpoint = Endpoint::start().await;
    endpoint.answer(204, "");
    let app = TestApp::with(&[
        ("IDGATE_SMS__URL", &endpoint.url("/sms")),
        ("IDGATE_SMS__KIND", "webhook"),
        ("IDGATE_SMS__WEBHOOK_SECRET", KEY),
    ])
    .await;
    let id = post(&app, "sms", "+37499123456", None).await.to_string();
    app.advance(7);
    deliver(&app).await;
    let asked = endpoint.requests();
    let request = &asked[0];
    let body: Value = serde_json::from_str(&request.body).unwrap();
    let expected = json!({
        "type": "sms.send",
        "timestamp": "2026-03-01T12:00:00Z",
        "data": {
            "id": id, "kind": "login_code", "to": "+37499123456", "from": null,
            "text": "Your code is 123456.",
        },
    });
    assert_eq!(body, expected);
    assert_eq!(request.header("webhook-id"), id);
    let timestamp = request.header("webhook-timestamp");
    assert_eq!(timestamp, app.app.clock.now().timestamp().to_string());
    let key = STANDARD
        .decode(KEY.strip_prefix("whsec_").unwrap())
        .unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{id}.{timestamp}.{}", request.body).as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    assert_eq!(
        request.header("webhook-signature"),
        format!("v1,{signature}")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_final_unless_it_may_pass() {
    let endpoint = Endpoint::start().await;
    let app = twilio(&endpoint).await;
    post(&app, "sms", "+37499123456", None).await;
    for status in [401, 408, 429, 500, 503, 302] {
        endpoint.answer(status, "+37499123456");
        deliver(&app).await;
        assert_eq!(counts(&app).await, (0, 1, 0), "{status}");
        app.advance(3600);
    }
    endpoint.hang();
    let hasty = app.over(&[("IDGATE_SMS__TIMEOUT_SECONDS", "1")]).await;
    deliver(&hasty).await;
    assert_eq!(counts(&app).await, (0, 1, 0), "a provider that hangs");
    app.advance(3600);
    let body = r#"{"code":21211,"message":"The number +37499123456 is not valid"}"#;
    endpoint.answer(400, body);
    deliver(&app).await;
    assert_eq!(counts(&app).await, (0, 0, 1));
    let expected = "the SMS provider answered 400 (code 21211)";
    assert_eq!(failures(&app).await, [expected]);
    let followed = endpoint
        .requests()
        .iter()
        .any(|request| request.path == "/elsewhere");
    assert!(!followed, "a redirect was followed");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_failure_repeats_the_address_of_the_provider() {
    let closed = format!("http://user:hunter2@{}/send", free_address());
    let app = TestApp::with(&[("IDGATE_SMS__URL", &closed), ("IDGATE_SMS__FROM", "Gate")]).await;
    post(&app, "sms", "+37499123456", None).await;
    deliver(&app).await;
    assert_eq!(counts(&app).await, (0, 1, 0));
    let rows = app.printed("outbox_messages").await.join("");
    assert!(rows.contains("refused"), "{rows}");
    assert!(
        !rows.contains("hunter2") && !rows.contains("37499"),
        "{rows}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_channel_goes_its_own_way() {
    let endpoint = Endpoint::start().await;
    let app = twilio(&endpoint).await;
    post(&app, "sms", "+37499123456", None).await;
    post(&app, "email", "ada@example.com", None).await;
    let shown = app.mail().await;
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0]["to"], "ada@example.com");
    assert_eq!(endpoint.requests().len(), 1);

    let app = TestApp::spawn().await;
    post(&app, "sms", "+37499123456", None).await;
    let shown = app.mail().await;
    assert_eq!(
        (&shown[0]["channel"], &shown[0]["to"]),
        (&json!("sms"), &json!("+37499123456"))
    );
}
