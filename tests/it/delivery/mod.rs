//! Delivery over real SMTP and HTTP, through an outbox that loses and duplicates nothing.

mod breached;
mod operators;
mod sms;
mod smtp;
mod spellings;
mod texts;
mod worker;

use chrono::Duration;
use idgate::crypto::keyring::Purpose;
use idgate::domain::ids::MessageId;
use idgate::messages::Body;
use idgate::services::operator::delivery;
use idgate::stores::outbox_message::{self, ClaimedMessage, NewMessage};

use crate::harness::{SmtpServer, TestApp};

/// A gateway that sends its mail to this server, with more settings.
async fn with_mail(server: &SmtpServer, query: &str, more: &[(&str, &str)]) -> TestApp {
    let url = server.url(query);
    let mut settings = vec![
        ("IDGATE_SMTP__URL", url.as_str()),
        ("IDGATE_SMTP__FROM", "Gate <no-reply@id.example.com>"),
    ];
    settings.extend(more);
    TestApp::with(&settings).await
}

/// Puts a message into the outbox; it loses its point after `seconds`, if any.
async fn post(app: &TestApp, channel: &'static str, to: &str, seconds: Option<i64>) -> MessageId {
    let body = Body {
        to: to.to_owned(),
        subject: "Your code".to_owned(),
        text: "Your code is 123456.".to_owned(),
        html: "<p>Your code is <b>123456</b>.</p>".to_owned(),
    };
    let app = &app.app;
    let (id, now): (MessageId, _) = (app.new_id(), app.clock.now());
    let plain = serde_json::to_vec(&body).unwrap();
    let sealed_body = app
        .keyring
        .seal(Purpose::Outbox, &app.random, id.uuid().as_bytes(), &plain);
    let message = NewMessage {
        id,
        kind: "login_code",
        channel,
        sealed_body,
        expires_at: seconds.map(|seconds| now + Duration::seconds(seconds)),
        user: None,
    };
    let tx = app.begin().await.unwrap();
    outbox_message::insert(&tx, message, now).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn deliver(app: &TestApp) {
    delivery::deliver_due(&app.app).await.unwrap();
}

/// Claims one mail as a worker does.
async fn claim(app: &TestApp) -> ClaimedMessage {
    let now = app.app.clock.now();
    let until = now + Duration::seconds(60);
    let claimed = outbox_message::claim(&app.app.database, "email", 1, until, now).await;
    claimed.unwrap().pop().expect("a message that is due")
}

/// How many messages are delivered, waiting and dead.
async fn counts(app: &TestApp) -> (i64, i64, i64) {
    let count = async |which: &str| {
        app.number(&format!(
            "SELECT COUNT(*) FROM outbox_messages WHERE {which}"
        ))
        .await
    };
    (
        count("delivered_at IS NOT NULL").await,
        count("delivered_at IS NULL AND dead_at IS NULL").await,
        count("dead_at IS NOT NULL").await,
    )
}

/// The recorded errors.
async fn failures(app: &TestApp) -> Vec<String> {
    let dead = outbox_message::dead_letters(&app.app.database, 100)
        .await
        .unwrap();
    dead.into_iter().map(|dead| dead.last_failure).collect()
}
