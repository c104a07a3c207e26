//! Limits on text messages, checked again at delivery.

use serde_json::json;

use super::{counts, deliver, post};
use crate::harness::{Endpoint, TestApp};

async fn gateway(endpoint: &Endpoint, budgets: &[(&str, &str)]) -> TestApp {
    let url = endpoint.url("/send");
    let mut settings = vec![
        ("IDGATE_SMS__URL", url.as_str()),
        ("IDGATE_SMS__ACCOUNT", "AC1"),
        ("IDGATE_SMS__TOKEN", "t0ken"),
        ("IDGATE_SMS__FROM", "Gate"),
        ("IDGATE_THROTTLE__SCALE", "1"),
    ];
    settings.extend(budgets);
    TestApp::with(&settings).await
}

/// The numbers that got a text.
fn sent_to(endpoint: &Endpoint) -> Vec<String> {
    let to = |body: &str| {
        let (_, rest) = body.split_once("To=%2B").unwrap();
        format!("+{}", rest.split('&').next().unwrap())
    };
    endpoint
        .requests()
        .iter()
        .map(|request| to(&request.body))
        .collect()
}

/// Numbers of this country's mobile phones, each in a range of its own.
fn apart(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("+3747{}0000", 7100 + number * 10))
        .map(|number| number[..12].to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_number_that_takes_no_texts_gets_none() {
    let endpoint = Endpoint::start().await;
    let app = gateway(&endpoint, &[("IDGATE_SMS__COUNTRIES", "AM")]).await;
    for number in [
        "+19002345678",
        "+870773111632",
        "+16502530000",
        "not one",
        "",
    ] {
        post(&app, "sms", number, None).await;
    }
    post(&app, "sms", "+37477123456", None).await;
    deliver(&app).await;
    assert_eq!(sent_to(&endpoint), ["+37477123456"]);
    assert_eq!(counts(&app).await, (1, 0, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_number_one_range_and_one_country_get_so_many_texts() {
    let sequential: Vec<String> = (0..9).map(|last| format!("+3747712000{last}")).collect();
    let same = vec!["+37477123456".to_owned(); 9];
    let cases = [
        ("IDGATE_THROTTLE__SMS_NUMBER", same),
        ("IDGATE_THROTTLE__SMS_RANGE", sequential),
        ("IDGATE_THROTTLE__SMS_COUNTRY", apart(9)),
    ];
    for (budget, numbers) in cases {
        let endpoint = Endpoint::start().await;
        let app = gateway(&endpoint, &[(budget, "4/3600")]).await;
        for number in &numbers {
            post(&app, "sms", number, None).await;
        }
        deliver(&app).await;
        assert_eq!(counts(&app).await, (4, 5, 0), "{budget}");
        // Others go on.
        post(&app, "sms", "+491701234567", None).await;
        deliver(&app).await;
        assert_eq!(counts(&app).await, (5, 5, 0), "{budget}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_leave_a_share_to_people_who_are_known() {
    let endpoint = Endpoint::start().await;
    let budgets = [
        ("IDGATE_THROTTLE__SMS_GLOBAL", "10/3600"),
        ("IDGATE_THROTTLE__SMS_STRANGERS", "6/3600"),
        ("IDGATE_THROTTLE__SMS_COUNTRY", "8/3600"),
        ("IDGATE_THROTTLE__SMS_RANGE", "8/3600"),
    ];
    let app = gateway(&endpoint, &budgets).await;
    let ada = app.register("ada@example.com").await;
    app.execute(
        "UPDATE users SET phone = '+37499123456', phone_verified = TRUE, \
         email_verified = TRUE, is_verified = TRUE",
    )
    .await;
    for number in apart(20) {
        post(&app, "sms", &number, None).await;
    }
    deliver(&app).await;
    assert_eq!(endpoint.requests().len(), 6, "{:?}", sent_to(&endpoint));

    // A verified number whose owner asks for a code, and a signed-in user who changes numbers.
    app.anonymous().request_otp("+37499123456", "LOGIN").await;
    deliver(&app).await;
    assert!(sent_to(&endpoint).contains(&"+37499123456".to_owned()));
    let ask = json!({ "input": { "phone": "+37498123456" } });
    ada.run("RequestPhoneChange", ask).await;
    deliver(&app).await;
    assert!(sent_to(&endpoint).contains(&"+37498123456".to_owned()));

    // No share exceeds the total.
    for _ in 0..6 {
        post(&app, "sms", "+37499123456", None).await;
    }
    deliver(&app).await;
    assert_eq!(endpoint.requests().len(), 10);
}
