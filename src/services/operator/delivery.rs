//! Delivering what waits in the outbox.
//!
//! Delivery is at least once: a worker that dies between sending and noting it leaves the message
//! to the next one, which sends it under the same id. See `docs/decisions/outbox.md`.

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
use crate::providers::{Outgoing, Undelivered};
use crate::services::outbox;
use crate::services::throttle::{self, RateLimit, RecipientTrust};
use crate::stores::outbox_message::{self, ClaimedMessage};
use crate::stores::user::{self, Meant};

/// How long a claimed message is out of other workers' sight. Sending may take 30 seconds at most
/// (`config/smtp.rs`, `config/sms.rs`), noting the outcome 15.
const LEASE_SECONDS: i64 = 60;
/// After so many messages decoys and expired messages have their turn again.
const TIDY_EVERY: usize = 500;
/// The longest wait between two attempts, before jitter: a provider that is back gets its
/// messages this soon.
const LONGEST_WAIT_SECONDS: i64 = 900;

/// Delivers the messages that are due and says how many were dealt with.
pub async fn deliver_due(app: &App) -> Result<usize, Fault> {
    deliver_while(app, || true).await
}

/// The same, but claims nothing more once `go_on` says no; what is on its way is seen through.
pub async fn deliver_while(app: &App, go_on: impl Fn() -> bool) -> Result<usize, Fault> {
    let mut round = Round::new(app);
    loop {
        if go_on() && round.fault.is_none() {
            round.fill().await;
        }
        if round.sending.is_empty() {
            break;
        }
        round.wait().await;
    }
    round.fault.map_or(Ok(round.count), Err)
}

/// What is on its way.
///
/// A message is claimed when it can be sent at once, never to wait in this process: its lease
/// would run meanwhile, and another worker would send it too.
struct Round<'a> {
    app: &'a App,
    lanes: Vec<Lane>,
    sending: FuturesUnordered<BoxFuture<'a, Done>>,
    count: usize,
    tidy_at: usize,
    fault: Option<Fault>,
}

/// The room of one channel, so that a mail server that hangs holds up no text message.
struct Lane {
    channel: &'static str,
    free: usize,
    /// Nothing was due when last asked.
    dry: bool,
}

/// The channel of a message that was dealt with.
type Done = (&'static str, Result<(), Fault>);

impl<'a> Round<'a> {
    fn new(app: &'a App) -> Self {
        let lane = |channel| Lane {
            channel,
            free: app.config.outbox.concurrency,
            dry: false,
        };
        Self {
            app,
            lanes: app.channels().into_iter().map(lane).collect(),
            sending: FuturesUnordered::new(),
            count: 0,
            tidy_at: 0,
            fault: None,
        }
    }

    /// Claims as many messages as there is room for.
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

    /// Does something while messages are on their way.
    ///
    /// Nothing is awaited without them: who is about to note an outcome may hold the connection to
    /// the database that this work waits for.
    async fn beside<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                outcome = &mut work => return outcome,
                Some(done) = self.sending.next() => self.finish(done),
            }
        }
    }

    /// How many messages of this channel may be claimed.
    fn room(&self, channel: &str) -> usize {
        let lane = self.lanes.iter().find(|lane| lane.channel == channel);
        lane.map_or(0, |lane| if lane.dry { 0 } else { lane.free })
    }

    fn start(&mut self, channel: &'static str, claimed: Vec<ClaimedMessage>, asked: usize) {
        let app = self.app;
        self.count += claimed.len();
        if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.channel == channel) {
            lane.dry = claimed.len() < asked;
            lane.free = lane.free.saturating_sub(claimed.len());
        }
        for message in claimed {
            let sending = async move { (channel, deliver(app, message).await) };
            self.sending.push(sending.boxed());
        }
    }

    /// Waits until there is room, or something new.
    async fn wait(&mut self) {
        tokio::select! {
            Some(done) = self.sending.next() => self.finish(done),
            // Something new need not wait for a slow one.
            () = self.app.outbox_woken() => self.lanes.iter_mut().for_each(|lane| lane.dry = false),
        }
        // Whoever is done by now is replaced in one step.
        while let Some(Some(done)) = self.sending.next().now_or_never() {
            self.finish(done);
        }
    }

    fn finish(&mut self, (channel, outcome): Done) {
        if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.channel == channel) {
            lane.free += 1;
            lane.dry = false;
        }
        self.remember(outcome);
    }

    /// The first fault ends the round, once what is on its way has been noted.
    fn remember(&mut self, outcome: Result<(), Fault>) {
        if let Err(fault) = outcome {
            self.fault.get_or_insert(fault);
        }
    }
}

/// Settles what is not sent: decoys, and what has lost its point.
async fn tidy(app: &App) -> Result<(), Fault> {
    let now = app.clock.now();
    outbox_message::settle_decoys(&app.database, now).await?;
    outbox_message::expire(&app.database, now).await?;
    Ok(())
}

async fn claim(app: &App, channel: &str, free: usize) -> Result<Vec<ClaimedMessage>, Fault> {
    let now = app.clock.now();
    let leased_until = now + Duration::seconds(LEASE_SECONDS);
    let limit = u64::try_from(free)?;
    outbox_message::claim(&app.database, channel, limit, leased_until, now).await
}

/// One attempt at one message, from opening it to noting how it went.
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
        Err(Undelivered::Failed(failure)) if !tried_enough => {
            let retry_at = now + back_off(app, message.attempts);
            let noted = outbox_message::postpone(database, &message, failure, retry_at).await?;
            (noted, "postponed")
        }
        Err(Undelivered::Failed(failure) | Undelivered::Rejected(failure)) => {
            let noted = outbox_message::bury(database, &message, failure, now).await?;
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

async fn attempt(app: &App, message: &ClaimedMessage) -> Result<(), Undelivered> {
    if message.attempts > i64::from(app.config.outbox.max_attempts) {
        // The last attempt was never noted: its worker died, perhaps of this very message.
        let text = "the worker ended during the last attempt";
        return Err(Undelivered::Rejected(text.to_owned()));
    }
    let body = outbox::open(app, message.id, &message.sealed_body)
        .map_err(|fault| Undelivered::Rejected(format!("the message cannot be opened: {fault}")))?;
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

/// Whether a text message may leave. Charged here, where it costs money: an answer to whoever asked
/// must not tell whether a message leaves at all.
///
/// The number is looked at again: rows may be older than the rules, or imported.
async fn charge_text(app: &App, message: &ClaimedMessage, to: &str) -> Result<(), Undelivered> {
    let rejected = |text: String| Undelivered::Rejected(text);
    let number = PhoneNumber::parse(to, None).map_err(|rule| rejected(rule.to_string()))?;
    let destination = app.config.sms.destination(&number);
    let country = destination.map_err(|rule| rejected(format!("{rule} (sms.countries)")))?;
    let trust = recipient_trust(app, message, &number).await;
    let trust = trust.map_err(|fault| Undelivered::Failed(fault.to_string()))?;
    let nobody = Client::command_line(message.id.to_string());
    let limit = RateLimit::SendText {
        number: &number,
        country: &country,
        trust,
    };
    let charged = throttle::charge(app, &nobody, limit).await;
    charged.map_err(|_| {
        let text = "so many text messages leave that this one waits (throttle.sms_*)";
        Undelivered::Failed(text.to_owned())
    })
}

async fn recipient_trust(
    app: &App,
    message: &ClaimedMessage,
    number: &PhoneNumber,
) -> Result<RecipientTrust, Fault> {
    let identifier = Identifier::Phone(number.clone());
    let found = user::find_by_identifier(&app.database, &identifier, Meant::Owner).await?;
    if found.is_some_and(|found| found.user.phone_verified) {
        return Ok(RecipientTrust::Verified);
    }
    // Only somebody signed in, with a proven address and a recent sign-in, asks for this one.
    let is_change = message.kind == CodePurpose::ChangePhone.as_str();
    Ok(if is_change {
        RecipientTrust::SignedIn
    } else {
        RecipientTrust::Unknown
    })
}

/// Doubles from five seconds to a quarter of an hour, plus up to a quarter, so that messages that
/// failed together do not come back together.
fn back_off(app: &App, attempts: i64) -> Duration {
    let base = wait_seconds(attempts);
    let jitter = app.random.below(u32::try_from(base / 4 + 1).unwrap_or(1));
    Duration::seconds(base + i64::from(jitter))
}

/// The wait after so many attempts, before jitter.
fn wait_seconds(attempts: i64) -> i64 {
    let doublings = attempts.saturating_sub(1).clamp(0, 10);
    (5_i64 << doublings).min(LONGEST_WAIT_SECONDS)
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
