//! The worker: no message is lost, duplicated without need, or blocked by another.

use std::collections::BTreeSet;
use std::pin::pin;

use idgate::services::operator::{delivery, housekeeping};
use idgate::stores::outbox_message;

use super::{claim, counts, deliver, failures, post, with_mail};
use crate::harness::{Endpoint, SmtpBehaviour, SmtpServer, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_down_gets_everything_once() {
    let server = SmtpServer::start().await;
    let app = with_mail(&server, "", &[]).await;
    server.behave(SmtpBehaviour::Down);
    for number in 0..40 {
        post(&app, "email", &format!("p{number}@example.com"), None).await;
    }
    // Six hours.
    for _ in 0..24 {
        deliver(&app).await;
        app.advance(900);
    }
    assert_eq!(counts(&app).await, (0, 40, 0));
    server.behave(SmtpBehaviour::Normal);
    app.advance(900);
    deliver(&app).await;
    let to: BTreeSet<String> = server.mails().into_iter().map(|mail| mail.to).collect();
    assert_eq!((to.len(), server.mails().len()), (40, 40));
    assert_eq!(counts(&app).await, (40, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_share_the_queue_and_send_each_message_once() {
    let server = SmtpServer::start().await;
    let first = with_mail(&server, "", &[]).await;
    let second = first.second_instance().await;
    for number in 0..300 {
        post(&first, "email", &format!("p{number}@example.com"), None).await;
    }
    let (one, two) = tokio::join!(
        delivery::deliver_due(&first.app),
        delivery::deliver_due(&second.app)
    );
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one + two, 300);
    assert!(one > 0 && two > 0, "{one} {two}");
    let ids: BTreeSet<String> = server
        .mails()
        .iter()
        .map(|mail| mail.header("Message-ID").to_owned())
        .collect();
    assert_eq!((ids.len(), server.mails().len()), (300, 300));
    assert_eq!(counts(&first).await, (300, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sent_but_unrecorded_message_is_sent_again_under_the_same_id() {
    let server = SmtpServer::start().await;
    let app = with_mail(&server, "", &[]).await;
    post(&app, "email", "ada@example.com", None).await;
    // The server has the mail, but its answer is lost.
    server.behave(SmtpBehaviour::ClosesInsteadOfReply);
    deliver(&app).await;
    server.behave(SmtpBehaviour::Normal);
    app.advance(10);
    deliver(&app).await;
    // The worker ends between claiming and noting.
    post(&app, "email", "bob@example.com", None).await;
    claim(&app).await;
    deliver(&app).await;
    assert_eq!(server.mails().len(), 2, "another worker has it");
    app.advance(61);
    deliver(&app).await;
    let taken = server.mails();
    assert_eq!(taken.len(), 3);
    assert_eq!(taken[0].header("Message-ID"), taken[1].header("Message-ID"));
    assert_eq!(counts(&app).await, (2, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_slept_through_its_lease_notes_nothing() {
    let app = TestApp::spawn().await;
    post(&app, "email", "ada@example.com", None).await;
    let database = &app.app.database;
    let slow = claim(&app).await;
    app.advance(61);
    let quick = claim(&app).await;
    let now = app.app.clock.now();
    assert!(!outbox_message::deliver(database, &slow, now).await.unwrap());
    assert!(
        !outbox_message::dead_letter(database, &slow, "x", now)
            .await
            .unwrap()
    );
    assert_eq!(counts(&app).await, (0, 1, 0));
    assert!(
        outbox_message::deliver(database, &quick, now)
            .await
            .unwrap()
    );
    assert!(
        !outbox_message::deliver(database, &quick, now)
            .await
            .unwrap()
    );
    assert_eq!(counts(&app).await, (1, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_has_lost_its_point_is_dropped_with_its_contents() {
    let server = SmtpServer::start().await;
    let app = with_mail(&server, "", &[]).await;
    post(&app, "email", "ada@example.com", Some(600)).await;
    post(&app, "email", "bob@example.com", Some(599)).await;
    server.behave(SmtpBehaviour::Down);
    deliver(&app).await;
    server.behave(SmtpBehaviour::Normal);
    app.advance(599);
    deliver(&app).await;
    assert_eq!(server.mails().len(), 1);
    assert_eq!(counts(&app).await, (1, 0, 1));
    let failures = failures(&app).await;
    assert!(
        failures[0].starts_with("expired; the mail server"),
        "{failures:?}"
    );
    assert_eq!(
        app.number("SELECT COUNT(*) FROM outbox_messages WHERE sealed_body IS NOT NULL")
            .await,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_opened_stops_no_other() {
    let server = SmtpServer::start().await;
    let app = with_mail(&server, "", &[]).await;
    let broken = post(&app, "email", "ada@example.com", None).await;
    let sound = post(&app, "email", "bob@example.com", None).await;
    let id = |id: idgate::domain::ids::MessageId| {
        if app.is_sqlite() {
            format!("x'{}'", id.to_string().replace('-', ""))
        } else {
            format!("'{id}'")
        }
    };
    // A sealed body is bound to its row.
    app.execute(&format!(
        "UPDATE outbox_messages SET sealed_body = \
         (SELECT sealed_body FROM outbox_messages WHERE id = {}) WHERE id = {}",
        id(sound),
        id(broken)
    ))
    .await;
    deliver(&app).await;
    assert_eq!(server.mails().len(), 1);
    assert_eq!(counts(&app).await, (1, 0, 1));
    assert!(failures(&app).await[0].contains("cannot be opened"));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_so_many_attempts_a_message_is_set_aside() {
    let server = SmtpServer::start().await;
    let app = with_mail(&server, "", &[("IDGATE_OUTBOX__MAX_ATTEMPTS", "3")]).await;
    server.behave(SmtpBehaviour::Down);
    post(&app, "email", "ada@example.com", None).await;
    for _ in 0..3 {
        assert_eq!(counts(&app).await, (0, 1, 0));
        deliver(&app).await;
        app.advance(3600);
    }
    assert_eq!(counts(&app).await, (0, 0, 1));
    // A message that crashes its worker each time is given up, too.
    post(&app, "email", "bob@example.com", None).await;
    for _ in 0..3 {
        claim(&app).await;
        app.advance(61);
    }
    server.behave(SmtpBehaviour::Normal);
    deliver(&app).await;
    assert!(server.mails().is_empty());
    assert_eq!(counts(&app).await, (0, 0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_recipient_does_not_delay_others() {
    let server = SmtpServer::start().await;
    let endpoint = Endpoint::start().await;
    let app = with_mail(
        &server,
        "",
        &[
            ("IDGATE_OUTBOX__CONCURRENCY", "2"),
            ("IDGATE_SMS__URL", &endpoint.url("/")),
            ("IDGATE_SMS__KIND", "webhook"),
            ("IDGATE_SMS__WEBHOOK_SECRET", super::sms::KEY),
        ],
    )
    .await;
    server.behave(SmtpBehaviour::NoReplyTo("slow@example.com"));
    post(&app, "email", "slow@example.com", None).await;
    for number in 0..20 {
        post(&app, "email", &format!("p{number}@example.com"), None).await;
    }
    let mut delivering = pin!(deliver(&app));
    let mut others = pin!(async {
        until(|| server.mails().len() == 21).await;
        // What comes meanwhile is not kept waiting either, least of all in another channel.
        post(&app, "email", "late@example.com", None).await;
        post(&app, "sms", "+37499123456", None).await;
        app.app.wake_outbox();
        until(|| server.mails().len() == 22 && endpoint.requests().len() == 1).await;
    });
    tokio::select! {
        () = &mut delivering => panic!("all waited for the slow one"),
        () = &mut others => {}
    }
    server.behave(SmtpBehaviour::Down);
    delivering.await;
    assert_eq!(counts(&app).await, (22, 1, 0));
}

/// Waits for a condition, which has to come true soon.
async fn until(condition: impl Fn() -> bool) {
    let soon = std::time::Duration::from_mins(2);
    let waiting = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(soon, waiting).await.expect("soon");
}

#[tokio::test(flavor = "multi_thread")]
async fn decoy_messages_cost_one_statement_together() {
    let app = TestApp::spawn().await;
    let ((), idle) = app.work_of(deliver(&app)).await;
    for _ in 0..50 {
        post(&app, "none", "nobody@example.com", None).await;
    }
    let ((), busy) = app.work_of(deliver(&app)).await;
    assert_eq!(busy.statements, idle.statements);
    assert_eq!(counts(&app).await, (50, 0, 0));
    assert!(app.mail().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_told_to_stop_claims_nothing_more() {
    let app = TestApp::spawn().await;
    post(&app, "email", "ada@example.com", None).await;
    let count = delivery::deliver_while(&app.app, || false).await.unwrap();
    assert_eq!((count, counts(&app).await), (0, (0, 1, 0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn in_production_a_channel_without_a_provider_waits() {
    let server = SmtpServer::start().await;
    let app = with_mail(
        &server,
        "",
        &[
            ("IDGATE_ENV", "production"),
            ("IDGATE_SERVER__PUBLIC_URL", "https://id.example.com"),
            ("IDGATE_REDIS__ALLOW_IN_PROCESS", "true"),
            ("IDGATE_HASHING__MEMORY_KIB", "19456"),
            ("IDGATE_HASHING__ITERATIONS", "2"),
            (
                "IDGATE_KEYS__MASTER",
                "q83vEjRWeJCrze8SNFZ4kBHhE7p2r0yPo6bWkJ1x5Hc=",
            ),
        ],
    )
    .await;
    let warned = app
        .app
        .config
        .warnings()
        .iter()
        .any(|warning| warning.key == "sms.url");
    assert!(warned, "operators are told at start");
    post(&app, "sms", "+37499123456", Some(600)).await;
    post(&app, "email", "ada@example.com", Some(600)).await;
    deliver(&app).await;
    assert_eq!(counts(&app).await, (1, 1, 0));
    let attempts = "SELECT MAX(attempts) FROM outbox_messages WHERE channel = 'sms'";
    assert_eq!(app.number(attempts).await, 0);
    app.advance(600);
    deliver(&app).await;
    assert_eq!(counts(&app).await, (1, 0, 1));
    assert_eq!(failures(&app).await, ["expired; it was never tried"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn traces_go_in_time() {
    let server = SmtpServer::start().await;
    let app = with_mail(&server, "", &[]).await;
    post(&app, "email", "ada@example.com", None).await;
    deliver(&app).await;
    server.behave(SmtpBehaviour::RejectsRecipient("550 5.1.1 unknown"));
    post(&app, "email", "bob@example.com", None).await;
    deliver(&app).await;
    server.behave(SmtpBehaviour::Down);
    post(&app, "email", "eve@example.com", None).await;
    for (day, left) in [
        (0, (1, 1, 1)),
        (1, (0, 1, 1)),
        (6, (0, 1, 0)),
        (100, (0, 1, 0)),
    ] {
        app.advance(day * 86_400);
        housekeeping::tidy(&app.app).await.unwrap();
        assert_eq!(counts(&app).await, left, "after {day} more days");
    }
}
