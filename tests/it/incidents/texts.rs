//! SMS pumping: texts to premium-rate numbers or numbers the attacker earns from.

use serde_json::{Value, json};

use crate::harness::TestApp;

/// One number of each kind that takes no texts, and one of a country that is not served.
const REFUSED: [(&str, &str); 14] = [
    ("premium", "+19002345678"),
    ("premium", "+33891234567"),
    ("premium, international", "+979123456789"),
    ("satellite", "+870773111632"),
    ("satellite", "+881612345678"),
    ("premium, national", "+448431234567"),
    ("shared cost, international", "+80812345678"),
    ("free", "+18005550123"),
    ("free, international", "+80012345678"),
    ("personal", "+447012345678"),
    ("company", "+443001234567"),
    ("pager", "+4916412345678"),
    ("landline", "+37410123456"),
    ("another country", "+77012345678"),
];

/// Every operation that sends a text message to a number from its input.
fn operations(number: &str) -> Vec<(&'static str, Value, &'static str)> {
    let mut operations = vec![
        (
            "Register",
            json!({ "phone": number, "firstName": "Ada" }),
            "phone NOT_ALLOWED",
        ),
        (
            "RequestPasswordReset",
            json!({ "emailOrPhone": number }),
            "emailOrPhone NOT_ALLOWED",
        ),
        (
            "RequestPhoneChange",
            json!({ "phone": number }),
            "phone NOT_ALLOWED",
        ),
    ];
    for purpose in ["LOGIN", "RESET_PASSWORD", "VERIFY_PHONE", "STEP_UP"] {
        let input = json!({ "emailOrPhone": number, "purpose": purpose });
        operations.push(("RequestOtp", input, "emailOrPhone NOT_ALLOWED"));
    }
    operations
}

#[tokio::test(flavor = "multi_thread")]
async fn no_text_is_sent_to_a_premium_rate_number() {
    let app = TestApp::with(&[("IDGATE_SMS__COUNTRIES", "AM,US,GB,DE,FR")]).await;
    let ada = app.register("ada@example.com").await;
    app.execute("UPDATE users SET email_verified = TRUE, is_verified = TRUE")
        .await;
    let messages = app.number("SELECT COUNT(*) FROM outbox_messages").await;
    for (kind, number) in REFUSED {
        for (document, input, violation) in operations(number) {
            let field = format!("{}{}", document[..1].to_lowercase(), &document[1..]);
            let mut answers = Vec::new();
            // Alike whether or not an account has the number.
            for has in ["NULL", &format!("'{number}'")] {
                app.execute(&format!(
                    "UPDATE users SET phone = {has}, phone_verified = {}",
                    if has == "NULL" { "FALSE" } else { "TRUE" }
                ))
                .await;
                let answer = ada.run(document, json!({ "input": input })).await;
                assert_eq!(
                    answer.violations(&field),
                    [violation],
                    "{kind} {document}: {}",
                    answer.text
                );
                answers.push(answer.root(&field).clone());
            }
            assert_eq!(answers[0], answers[1], "{kind} {document}");
        }
    }
    let after = app.number("SELECT COUNT(*) FROM outbox_messages").await;
    assert_eq!(after, messages);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mobile_number_of_a_served_country_gets_its_text() {
    let app = TestApp::with(&[("IDGATE_SMS__COUNTRIES", "AM,US")]).await;
    for number in ["+37477123456", "+16502530000"] {
        let input = json!({ "phone": number });
        let answer = app
            .anonymous()
            .run("Register", json!({ "input": input }))
            .await;
        assert_eq!(answer.typename("register"), "Registered", "{}", answer.text);
        assert_eq!(app.messages(number, "verify_phone").await, 1);
    }
}
