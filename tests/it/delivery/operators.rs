//! The operators' view: metrics, and dead letters.

use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use idgate::services::operator::outbox;
use idgate::transport::{self, Audience, Limits, Server};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{counts, deliver, post, with_mail};
use crate::harness::{Answer, SmtpBehaviour, SmtpServer, TestApp, http};

/// The page of the operations listener.
async fn metrics(app: &TestApp) -> Answer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let draining = Arc::new(AtomicBool::new(false));
    let server = Server::new(Arc::clone(&app.app), Audience::Public, address, draining);
    let router = transport::operations_router(&server);
    let mut listening = tokio::task::JoinSet::new();
    listening.spawn(transport::listen(
        listener,
        router,
        Limits::of(&app.app.config),
        CancellationToken::new(),
    ));
    Answer::of(http().get(format!("http://{address}/metrics"))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_how_full_the_outbox_is_and_how_delivery_goes() {
    let server = SmtpServer::start().await;
    let app = with_mail(&server, "", &[]).await;
    server.behave(SmtpBehaviour::RejectsRecipient("550 5.1.1 unknown"));
    post(&app, "email", "ada@example.com", None).await;
    deliver(&app).await;
    server.behave(SmtpBehaviour::Down);
    post(&app, "email", "bob@example.com", None).await;
    post(&app, "none", "nobody@example.com", None).await;
    deliver(&app).await;
    app.advance(42);
    post(&app, "email", "eve@example.com", None).await;
    outbox::measure(&app.app).await.unwrap();
    let page = metrics(&app).await;
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    for line in [
        r#"idgate_outbox_waiting{channel="email"} 2"#,
        r#"idgate_outbox_waiting{channel="sms"} 0"#,
        r#"idgate_outbox_dead{channel="email"} 1"#,
        r#"idgate_outbox_oldest_waiting_seconds{channel="email"} 42"#,
        r#"idgate_deliveries_total{channel="email",outcome="dead"} 1"#,
        r#"idgate_deliveries_total{channel="email",outcome="postponed"} 1"#,
        r#"idgate_delivery_seconds_count{channel="email"} 2"#,
    ] {
        let found = page.text.lines().any(|found| found == line);
        assert!(found, "{line} in\n{}", page.text);
    }
    assert!(!page.text.contains("example.com"), "{}", page.text);
    assert_eq!(app.get("/metrics").await.status, 404, "not for the public");
}

fn idgate(app: &TestApp, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_idgate"))
        .env_clear()
        .envs(app.settings().iter().cloned())
        .arg("outbox")
        .args(arguments)
        .output()
        .unwrap()
}

fn output_of(output: &Output) -> String {
    let both = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8(both).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn given_up_messages_are_listed_and_sent_again() {
    let server = SmtpServer::start().await;
    let app = with_mail(&server, "", &[]).await;
    assert!(output_of(&idgate(&app, &["list"])).contains("No message was given up"));
    server.behave(SmtpBehaviour::RejectsRecipient(
        "550 5.1.1 ada@example.com is unknown",
    ));
    let ada = post(&app, "email", "ada@example.com", None)
        .await
        .to_string();
    post(&app, "email", "bob@example.com", None).await;
    deliver(&app).await;
    let eve = post(&app, "email", "eve@example.com", Some(0))
        .await
        .to_string();
    deliver(&app).await;

    let listed = idgate(&app, &["list", "--json"]);
    let rows: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 3);
    let row = rows
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["id"] == *ada);
    let row = row.expect("the message");
    assert_eq!(row["kind"], "login_code");
    assert_eq!(
        (&row["channel"], &row["attempts"]),
        (&"email".into(), &1.into())
    );
    assert_eq!(row["lastFailure"], "the mail server refused with 550 5.1.1");
    for text in [output_of(&listed), output_of(&idgate(&app, &["list"]))] {
        assert!(text.contains(&ada), "{text}");
        assert!(
            !text.contains("example.com") && !text.contains("123456"),
            "{text}"
        );
    }

    let expired = idgate(&app, &["retry", &eve]);
    assert!(!expired.status.success() && output_of(&expired).contains("has expired"));
    let unknown = idgate(&app, &["retry", "019a9f3e-7c1d-7b52-8a44-0123456789ab"]);
    assert!(!unknown.status.success() && output_of(&unknown).contains("outbox list"));
    assert_eq!(idgate(&app, &["retry"]).status.code(), Some(2));

    // The command uses the real clock, which is ahead of this test's.
    assert!(output_of(&idgate(&app, &["retry", &ada])).contains("will be sent again"));
    assert_eq!(counts(&app).await, (0, 1, 2));
    let all = output_of(&idgate(&app, &["retry", "--all"]));
    assert!(
        all.contains("1 message will") && all.contains("1 has expired"),
        "{all}"
    );
    assert_eq!(counts(&app).await, (0, 2, 1));
    server.behave(SmtpBehaviour::Normal);
    app.advance(100 * 365 * 86_400);
    deliver(&app).await;
    assert_eq!(counts(&app).await, (2, 0, 1));
}
