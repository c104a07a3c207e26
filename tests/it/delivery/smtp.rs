//! Mail as the mail server gets it.

use super::{counts, deliver, failures, post, with_mail};
use crate::harness::{SmtpBehaviour, SmtpServer};

#[tokio::test(flavor = "multi_thread")]
async fn mail_arrives_with_both_parts_and_its_headers() {
    let server = SmtpServer::start().await;
    let app = with_mail(&server, "", &[]).await;
    let id = post(&app, "email", "ada@example.com", None).await;
    deliver(&app).await;
    let taken = server.mails();
    let [mail] = taken.as_slice() else {
        panic!("{taken:?}")
    };
    assert_eq!(mail.to, "ada@example.com");
    assert_eq!(mail.login, Some(("idgate".to_owned(), "p@ss".to_owned())));
    assert_eq!(mail.header("From"), "Gate <no-reply@id.example.com>");
    assert_eq!(mail.header("To"), "ada@example.com");
    assert_eq!(mail.header("Subject"), "Your code");
    assert_eq!(mail.header("Date"), "Sun, 01 Mar 2026 12:00:00 +0000");
    assert_eq!(mail.header("Message-ID"), format!("<{id}@id.example.com>"));
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    assert!(
        mail.header("Content-Type")
            .starts_with("multipart/alternative")
    );
    let plain = mail.text.find("Content-Type: text/plain").unwrap();
    let html = mail.text.find("Content-Type: text/html").unwrap();
    // A reader shows the last part it understands (RFC 2046 §5.1.4).
    assert!(plain < html, "{}", mail.text);
    assert!(mail.text.contains("<b>123456</b>"), "{}", mail.text);
    assert_eq!(counts(&app).await, (1, 0, 0));
    assert_eq!(
        app.number("SELECT COUNT(*) FROM outbox_messages WHERE sealed_body IS NOT NULL")
            .await,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn registering_sends_the_confirmation_and_no_mailbox_shows_it() {
    let server = SmtpServer::start().await;
    let app = with_mail(&server, "", &[]).await;
    app.register("ada@example.com").await;
    assert!(app.mail().await.is_empty());
    let taken = server.mails();
    assert_eq!(taken.len(), 1);
    assert!(taken[0].text.contains("verify_email"), "{}", taken[0].text);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_untrusted_certificate_is_refused_before_anything_is_sent() {
    let server = SmtpServer::start().await;
    server.behave(SmtpBehaviour::SelfSigned);
    for query in ["?tls=required", "?tls=opportunistic"] {
        let app = with_mail(&server, query, &[]).await;
        post(&app, "email", "ada@example.com", None).await;
        deliver(&app).await;
        assert_eq!(counts(&app).await, (0, 1, 0), "{query}");
        let failure = app.printed("outbox_messages").await.join("");
        assert!(failure.contains("certificate"), "{failure}");
    }
    assert!(server.mails().is_empty());
    let plaintext = server.plaintext();
    let harmless = |line: &String| line.starts_with("EHLO") || line == "STARTTLS";
    assert!(plaintext.iter().all(harmless), "{plaintext:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_the_encryption_that_is_required_hears_no_password() {
    let server = SmtpServer::start().await;
    let app = with_mail(&server, "?tls=required", &[]).await;
    post(&app, "email", "ada@example.com", None).await;
    deliver(&app).await;
    assert_eq!(counts(&app).await, (0, 1, 0));
    let plaintext = server.plaintext();
    let harmless = |line: &String| line.starts_with("EHLO") || line == "QUIT";
    assert!(plaintext.iter().all(harmless), "{plaintext:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_speaks_tls_alone_is_not_spoken_to_in_clear() {
    let server = SmtpServer::start().await;
    let url = server.url("").replace("smtp://", "smtps://");
    let app = with_mail(&server, "", &[("IDGATE_SMTP__URL", &url)]).await;
    post(&app, "email", "ada@example.com", None).await;
    deliver(&app).await;
    assert_eq!(counts(&app).await, (0, 1, 0));
    assert!(server.mails().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_final_refusal_sets_a_message_aside_without_repeating_the_address() {
    let server = SmtpServer::start().await;
    server.behave(SmtpBehaviour::RejectsRecipient(
        "550 5.1.1 <ada@example.com> is not known here",
    ));
    let app = with_mail(&server, "", &[]).await;
    post(&app, "email", "ada@example.com", None).await;
    deliver(&app).await;
    assert_eq!(counts(&app).await, (0, 0, 1));
    assert_eq!(
        failures(&app).await,
        ["the mail server refused with 550 5.1.1"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn temporary_failures_are_retried() {
    let server = SmtpServer::start().await;
    let app = with_mail(&server, "", &[]).await;
    let hasty = app.over(&[("IDGATE_SMTP__TIMEOUT_SECONDS", "1")]).await;
    post(&app, "email", "ada@example.com", None).await;
    for mood in [
        SmtpBehaviour::RejectsRecipient("450 4.2.1 ada@example.com is busy"),
        // The gateway is not let in: no message is at fault.
        SmtpBehaviour::RejectsLogin("535 5.7.8 no such user"),
        SmtpBehaviour::RejectsRecipient("530 5.7.0 sign in first"),
        SmtpBehaviour::Down,
        SmtpBehaviour::NoReply,
    ] {
        server.behave(mood);
        let is_silent = mood == SmtpBehaviour::NoReply;
        deliver(if is_silent { &hasty } else { &app }).await;
        assert_eq!(counts(&app).await, (0, 1, 0), "{mood:?}");
        let rows = app.printed("outbox_messages").await.join("");
        assert!(!rows.contains("ada@example.com"), "{rows}");
        app.advance(3600);
    }
    assert_eq!(app.number("SELECT attempts FROM outbox_messages").await, 5);
    server.behave(SmtpBehaviour::Normal);
    deliver(&app).await;
    assert_eq!(counts(&app).await, (1, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_given_up_halfway_carries_nothing_more() {
    let server = SmtpServer::start().await;
    let settings = [
        ("IDGATE_OUTBOX__CONCURRENCY", "1"),
        // The second message has to be answered within it, on the same instance.
        ("IDGATE_SMTP__TIMEOUT_SECONDS", "8"),
    ];
    let app = with_mail(&server, "", &settings).await;
    server.behave(SmtpBehaviour::NoReply);
    post(&app, "email", "first@example.com", None).await;
    deliver(&app).await;
    server.behave(SmtpBehaviour::RejectsRecipient("550 5.1.1 unknown"));
    post(&app, "email", "second@example.com", None).await;
    deliver(&app).await;
    // On the old connection the late answer to the first would have passed for one to the second.
    assert_eq!(counts(&app).await, (0, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_used_again() {
    let server = SmtpServer::start().await;
    let app = with_mail(&server, "", &[("IDGATE_OUTBOX__CONCURRENCY", "2")]).await;
    for number in 0..20 {
        post(&app, "email", &format!("p{number}@example.com"), None).await;
    }
    deliver(&app).await;
    assert_eq!(server.mails().len(), 20);
    let greetings = server.plaintext();
    let greetings = greetings.iter().filter(|line| line.starts_with("EHLO"));
    assert!(greetings.count() <= 2);
}
