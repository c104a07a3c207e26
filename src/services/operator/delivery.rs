//! Delivering what waits in the outbox.

use chrono::Duration;

use crate::app::App;
use crate::fault::Fault;
use crate::providers::mailer::{Mail, MailError};
use crate::services::outbox;
use crate::stores::outbox_message::{self, ClaimedMessage};

/// How long a claimed message is out of other workers' sight.
const LEASE_SECONDS: i64 = 60;

/// Delivers the messages that are due and says how many were dealt with.
///
/// Delivery is at least once: a worker that dies between sending and noting it leaves the message
/// to the next one, which sends it under the same id.
pub async fn deliver_due(app: &App) -> Result<usize, Fault> {
    let Some(mailer) = &app.mailer else {
        return Ok(0);
    };
    let now = app.clock.now();
    let leased_until = now + Duration::seconds(LEASE_SECONDS);
    let batch = app.config.outbox.batch;
    let claimed = outbox_message::claim(&app.database, batch, leased_until, now).await?;
    let count = claimed.len();
    for message in claimed {
        if message.channel == outbox::NOWHERE {
            outbox_message::deliver(&app.database, message.id, app.clock.now()).await?;
            continue;
        }
        let body = outbox::open(app, message.id, &message.sealed_body)?;
        let mail = Mail {
            id: message.id,
            kind: &message.kind,
            channel: &message.channel,
            to: &body.to,
            subject: &body.subject,
            text: &body.text,
            html: &body.html,
            created_at: message.created_at,
        };
        match mailer.send(&mail).await {
            Ok(()) => {
                outbox_message::deliver(&app.database, message.id, app.clock.now()).await?;
            }
            Err(error) => postpone(app, &message, &error).await?,
        }
    }
    Ok(count)
}

async fn postpone(app: &App, message: &ClaimedMessage, error: &MailError) -> Result<(), Fault> {
    let now = app.clock.now();
    let given_up = message.attempts >= i64::from(app.config.outbox.max_attempts);
    let retry_at = (!given_up).then(|| now + back_off(app, message.attempts));
    tracing::warn!(
        message.id = %message.id,
        message.kind = message.kind,
        attempts = message.attempts,
        given_up,
        %error,
        "a message could not be delivered"
    );
    let failure = error.to_string();
    outbox_message::postpone(&app.database, message.id, &failure, retry_at, now).await
}

/// Doubles from five seconds to an hour, plus up to a quarter so that retries spread out.
fn back_off(app: &App, attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1))
        .unwrap_or(0)
        .min(10);
    let base = (5_i64 << doublings).min(3600);
    let jitter = app.random.below(u32::try_from(base / 4 + 1).unwrap_or(1));
    Duration::seconds(base + i64::from(jitter))
}
