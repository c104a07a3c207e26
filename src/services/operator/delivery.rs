//! Delivering the messages of the outbox.
//!
//! Delivery is at least once: when a worker dies between sending a message and recording it, the
//! next one sends it again under the same id. See `docs/decisions/outbox.md`.

use std::pin::pin;
use std::time::Instant;

use chrono::Duration;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};

use crate::app::App;
use crate::domain::caller::Client;
use crate::domain::code::CodePurpose;
use crate::domain::identifier::Identifier;
use crate::domain::phone::PhoneNumber;
use crate::fault::Fault;
use crate::messages::Channel;
use crate::providers::{Outgoing, SendError};
use crate::services::outbox;
use crate::services::throttle::{self, RateLimit, RecipientTrust};
use crate::stores::outbox_message::{self, ClaimedMessage};
use crate::stores::user::{self, TieBreak};

/// The lease of a claimed message. Sending takes 30 seconds at most (`config/smtp.rs`,
/// `config/sms.rs`), recording the outcome 15.
const LEASE_SECONDS: i64 = 60;
/// Messages between two cleanups of decoys and expired messages.
const TIDY_EVERY: usize = 500;
/// The longest backoff before jitter: how late a provider that recovers gets its messages.
const MAX_BACKOFF_SECONDS: i64 = 900;

/// Delivers the messages that are due; returns how many were attempted.
pub async fn deliver_due(app: &App) -> Result<usize, Fault> {
    deliver_while(app, || true).await
}

/// The same, but claims no more messages once `go_on` is false; those in flight are finished.
pub async fn deliver_while(app: &App, go_on: impl Fn() -> bool) -> Result<usize, Fault> {
    let mut run = DeliveryRun::new(app);
    loop {
        if go_on() && run.fault.is_none() {
            run.fill().await;
        }
        if run.sending.is_empty() {
            break;
        }
        run.wait().await;
    }
    run.fault.map_or(Ok(run.count), Err)
}

/// A delivery run.
///
/// A message is claimed only when it can be sent at once. In a local queue its lease would run
/// out, and another worker would send it too.
struct DeliveryRun<'a> {
    app: &'a App,
    channels: Vec<ChannelSlots>,
    sending: FuturesUnordered<BoxFuture<'a, Done>>,
    count: usize,
    tidy_at: usize,
    fault: Option<Fault>,
}

/// The free slots of one channel, so that a hanging mail server delays no text message.
struct ChannelSlots {
    channel: &'static str,
    free: usize,
    /// The last claim found fewer messages than there were slots.
    drained: bool,
}

/// The channel of a finished attempt, and its outcome.
type Done = (&'static str, Result<(), Fault>);

impl<'a> DeliveryRun<'a> {
    fn new(app: &'a App) -> Self {
        let slots = |channel| ChannelSlots {
            channel,
            free: app.config.outbox.concurrency,
            drained: false,
        };
        Self {
            app,
            channels: app.channels().into_iter().map(slots).collect(),
            sending: FuturesUnordered::new(),
            count: 0,
            tidy_at: 0,
            fault: None,
        }
    }

    /// Claims as many messages as there are free slots.
    async fn fill(&mut self) {
        if self.count >= self.tidy_at {
            self.tidy_at = self.count + TIDY_EVERY;
            let tidied = self.beside(tidy(self.app)).await;
            self.remember(tidied);
        }
        for channel in self.app.channels() {
            let free = self.room(channel);
            if free == 0 {
                continue;
            }
            match self.beside(claim(self.app, channel, free)).await {
                Ok(claimed) => self.start(channel, claimed, free),
                Err(fault) => self.remember(Err(fault)),
            }
        }
    }

    /// Runs work while messages are in flight.
    ///
    /// Both are polled together: an attempt that records its outcome may hold the database
    /// connection that this work waits for.
    async fn beside<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                outcome = &mut work => return outcome,
                Some(done) = self.sending.next() => self.finish(done),
            }
        }
    }

    /// The messages of this channel that may be claimed.
    fn room(&self, channel: &str) -> usize {
        let slots = self.channels.iter().find(|slots| slots.channel == channel);
        slots.map_or(0, |slots| if slots.drained { 0 } else { slots.free })
    }

    fn start(&mut self, channel: &'static str, claimed: Vec<ClaimedMessage>, asked: usize) {
        let app = self.app;
        self.count += claimed.len();
        if let Some(slots) = self
            .channels
            .iter_mut()
            .find(|slots| slots.channel == channel)
        {
            slots.drained = claimed.len() < asked;
            slots.free = slots.free.saturating_sub(claimed.len());
        }
        for message in claimed {
            let sending = async move { (channel, deliver(app, message).await) };
            self.sending.push(sending.boxed());
        }
    }

    /// Waits for a free slot or a new message.
    async fn wait(&mut self) {
        tokio::select! {
            Some(done) = self.sending.next() => self.finish(done),
            // A new message does not wait for a slow one.
            () = self.app.outbox_woken() => self.channels.iter_mut().for_each(|slots| slots.drained = false),
        }
        // Refill all finished slots at once.
        while let Some(Some(done)) = self.sending.next().now_or_never() {
            self.finish(done);
        }
    }

    fn finish(&mut self, (channel, outcome): Done) {
        if let Some(slots) = self
            .channels
            .iter_mut()
            .find(|slots| slots.channel == channel)
        {
            slots.free += 1;
            slots.drained = false;
        }
        self.remember(outcome);
    }

    /// The first fault ends the run, after the messages in flight.
    fn remember(&mut self, outcome: Result<(), Fault>) {
        if let Err(fault) = outcome {
            self.fault.get_or_insert(fault);
        }
    }
}

/// Completes decoys and dead-letters expired messages.
async fn tidy(app: &App) -> Result<(), Fault> {
    let now = app.clock.now();
    outbox_message::complete_decoys(&app.database, now).await?;
    outbox_message::expire(&app.database, now).await?;
    Ok(())
}

async fn claim(app: &App, channel: &str, free: usize) -> Result<Vec<ClaimedMessage>, Fault> {
    let now = app.clock.now();
    let leased_until = now + Duration::seconds(LEASE_SECONDS);
    let limit = u64::try_from(free)?;
    outbox_message::claim(&app.database, channel, limit, leased_until, now).await
}

/// One attempt at one message, from opening it to recording the outcome.
async fn deliver(app: &App, message: ClaimedMessage) -> Result<(), Fault> {
    let started = Instant::now();
    let outcome = attempt(app, &message).await;
    let took = started.elapsed();
    let (database, now) = (&app.database, app.clock.now());
    let tried_enough = message.attempts >= i64::from(app.config.outbox.max_attempts);
    let (noted, label) = match &outcome {
        Ok(()) => {
            let noted = outbox_message::deliver(database, &message, now).await?;
            (noted, "delivered")
        }
        Err(SendError::Temporary(failure)) if !tried_enough => {
            let retry_at = now + back_off(app, message.attempts);
            let noted = outbox_message::postpone(database, &message, failure, retry_at).await?;
            (noted, "postponed")
        }
        Err(SendError::Temporary(failure) | SendError::Permanent(failure)) => {
            let noted = outbox_message::dead_letter(database, &message, failure, now).await?;
            (noted, "dead")
        }
    };
    app.metrics.delivery(&message.channel, label, took);
    if let Err(error) = outcome {
        tracing::warn!(
            message.id = %message.id,
            message.kind = message.kind,
            attempts = message.attempts,
            outcome = label,
            %error,
            "a message could not be delivered"
        );
    }
    if !noted {
        tracing::warn!(
            message.id = %message.id,
            "a worker took longer than its lease, so this message may have been sent twice"
        );
    }
    Ok(())
}

async fn attempt(app: &App, message: &ClaimedMessage) -> Result<(), SendError> {
    if message.attempts > i64::from(app.config.outbox.max_attempts) {
        // The last attempt was never recorded: its worker died, perhaps of this message.
        let text = "the worker ended during the last attempt";
        return Err(SendError::Permanent(text.to_owned()));
    }
    let body = outbox::open(app, message.id, &message.sealed_body)
        .map_err(|fault| SendError::Permanent(format!("the message cannot be opened: {fault}")))?;
    if message.channel == Channel::Sms.as_str() {
        charge_text(app, message, &body.to).await?;
    }
    let outgoing = Outgoing {
        id: message.id,
        kind: &message.kind,
        channel: &message.channel,
        to: &body.to,
        subject: &body.subject,
        text: &body.text,
        html: &body.html,
        created_at: message.created_at,
        now: app.clock.now(),
    };
    app.send(&outgoing).await
}

/// Charges a text message, here and not at the request: its answer must not reveal whether a
/// message is sent (user enumeration).
///
/// The number is checked again, because a row may be older than the rules, or imported.
async fn charge_text(app: &App, message: &ClaimedMessage, to: &str) -> Result<(), SendError> {
    let rejected = |text: String| SendError::Permanent(text);
    let number = PhoneNumber::parse(to, None).map_err(|rule| rejected(rule.to_string()))?;
    let destination = app.config.sms.destination(&number);
    let country = destination.map_err(|rule| rejected(format!("{rule} (sms.countries)")))?;
    let trust = recipient_trust(app, message, &number).await;
    let trust = trust.map_err(|fault| SendError::Temporary(fault.to_string()))?;
    let client = Client::command_line(message.id.to_string());
    let limit = RateLimit::SendText {
        number: &number,
        country: &country,
        trust,
    };
    let charged = throttle::charge(app, &client, limit).await;
    charged.map_err(|_| {
        let text = "so many text messages leave that this one waits (throttle.sms_*)";
        SendError::Temporary(text.to_owned())
    })
}

async fn recipient_trust(
    app: &App,
    message: &ClaimedMessage,
    number: &PhoneNumber,
) -> Result<RecipientTrust, Fault> {
    let identifier = Identifier::Phone(number.clone());
    let found = user::find_by_identifier(&app.database, &identifier, TieBreak::Owner).await?;
    if found.is_some_and(|found| found.user.phone_verified) {
        return Ok(RecipientTrust::Verified);
    }
    // Requested by a signed-in person with a verified address and a recent sign-in.
    let is_change = message.kind == CodePurpose::ChangePhone.as_str();
    Ok(if is_change {
        RecipientTrust::SignedIn
    } else {
        RecipientTrust::Unknown
    })
}

/// Exponential backoff from 5 seconds to 15 minutes, plus up to a quarter of jitter, so that
/// messages that failed together are not retried together.
pub(super) fn back_off(app: &App, attempts: i64) -> Duration {
    let base = wait_seconds(attempts);
    let jitter = app.random.below(u32::try_from(base / 4 + 1).unwrap_or(1));
    Duration::seconds(base + i64::from(jitter))
}

/// The backoff after so many attempts, before jitter.
fn wait_seconds(attempts: i64) -> i64 {
    let doublings = attempts.saturating_sub(1).clamp(0, 10);
    (5_i64 << doublings).min(MAX_BACKOFF_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_doubles_and_then_stays() {
        let waits: Vec<i64> = (1..=10).map(wait_seconds).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
        assert_eq!(wait_seconds(i64::MAX), 900);
        assert_eq!(wait_seconds(i64::MIN), 5);
    }

    #[test]
    fn sixty_attempts_outlast_half_a_day() {
        let altogether: i64 = (1..60).map(wait_seconds).sum();
        assert!(altogether > 12 * 3600, "{altogether}");
    }
}
