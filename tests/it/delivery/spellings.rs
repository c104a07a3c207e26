//! Other spellings of an address: mail goes to the normalized domain, however it was typed.

use serde_json::json;

use super::{deliver, with_mail};
use crate::harness::SmtpServer;

#[tokio::test(flavor = "multi_thread")]
async fn another_spelling_of_a_domain_keeps_no_mail_from_its_owner() {
    let server = SmtpServer::start().await;
    let required = [("IDGATE_REGISTRATION__CONFIRMATION", "required")];
    let app = with_mail(&server, "", &required).await;
    for (name, typed, known) in [
        ("one", "example\u{3002}com", "example.com"),
        ("two", "\u{ff45}xample\u{ff0e}com", "example.com"),
        ("three", "EXAMPLE.COM.", "example.com"),
        (
            "four",
            "b\u{fc}cher\u{ff61}example",
            "xn--bcher-kva.example",
        ),
        ("five", "xn--bcher-kva.example", "xn--bcher-kva.example"),
    ] {
        let before = server.mails().len();
        let (typed, owner) = (format!("{name}@{typed}"), format!("{name}@{known}"));
        let anonymous = app.anonymous();
        anonymous.register(&typed).await;
        // Again, by the owner: a message to the existing account.
        anonymous.register(&owner).await;
        let input = json!({ "input": { "email": typed } });
        anonymous.run("RequestEmailVerification", input).await;
        let input = json!({ "input": { "emailOrPhone": owner } });
        anonymous.run("RequestPasswordReset", input).await;
        anonymous.request_otp(&typed, "VERIFY").await;
        deliver(&app).await;
        let taken = server.mails();
        let sent = taken.get(before..).unwrap();
        assert!(sent.len() >= 3, "{typed}: {sent:?}");
        for mail in sent {
            assert_eq!(mail.to, owner, "{typed}");
            assert_eq!(mail.header("To"), owner, "{typed}");
        }
    }
}
