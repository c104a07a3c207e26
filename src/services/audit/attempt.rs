//! Recording attempts that need no account: an event each if they concern an account, else an event
//! for the first few and a count of the rest.
//!
//! Anyone can invent tokens, codes and addresses at the rate that the limits permit, and so flood
//! the log. Unattributed attempts are therefore recorded one by one only up to [`MAX_RECORDED`] an
//! hour per slot of networks; further ones are counted, and one event an hour states their number.
//! The decision: `docs/decisions/counted-attempts.md`.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, DurationRound as _, Utc};
use serde_json::json;

use super::{Action, Event, Subject, record};
use crate::app::App;
use crate::domain::caller::Client;
use crate::domain::network;
use crate::fault::Fault;
use crate::stores::audit_tally::{self, Bucket};
use crate::stores::{Tx, decoy};

/// The interval in which attempts are counted together.
const INTERVAL: Duration = Duration::hours(1);
/// The number of slots that all networks hash into, which bounds the number of tallies.
const SLOTS: u8 = 64;
/// Unattributed attempts recorded per slot and interval.
const MAX_RECORDED: i64 = 10;

/// Records an attempt that an unauthenticated client can make. Costs the same statements with and
/// without an account: a tally and an event, or a decoy write in its place.
pub(in crate::services) async fn record_attempt(
    tx: &Tx,
    app: &App,
    client: &Client,
    event: Event<'_>,
) -> Result<(), Fault> {
    let is_attributed = match event.subject {
        Subject::UserWithKey { .. } | Subject::User(_) | Subject::Erased(_) => true,
        Subject::UnknownIdentifier(_) | Subject::System => false,
    };
    count(tx, app, client, event, is_attributed).await
}

/// Does the same in a transaction of its own.
pub(in crate::services) async fn record_attempt_alone(
    app: &App,
    client: &Client,
    event: Event<'_>,
) -> Result<(), Fault> {
    let tx = app.begin().await?;
    record_attempt(&tx, app, client, event).await?;
    tx.commit().await
}

/// Records an attempt that is counted even if it concerns an account, such as an old token of an
/// ended session.
pub(in crate::services) async fn record_unattributed(
    tx: &Tx,
    app: &App,
    client: &Client,
    event: Event<'_>,
) -> Result<(), Fault> {
    count(tx, app, client, event, false).await
}

async fn count(
    tx: &Tx,
    app: &App,
    client: &Client,
    event: Event<'_>,
    is_attributed: bool,
) -> Result<(), Fault> {
    let bucket = Bucket {
        action: event.action.as_str(),
        since: interval_start(app.clock.now())?,
        slot: slot(app, client),
    };
    // Both kinds lock the same row until they commit, so lock waits do not tell them apart.
    let unattributed = audit_tally::count(tx, bucket, is_attributed).await?;
    if is_attributed || unattributed <= MAX_RECORDED {
        return record(tx, app, client, event).await;
    }
    app.metrics.unrecorded(bucket.action);
    decoy::write(tx, app.new_id()).await
}

fn interval_start(now: DateTime<Utc>) -> Result<DateTime<Utc>, Fault> {
    Ok(now.duration_trunc(INTERVAL)?)
}

fn slot(app: &App, client: &Client) -> u8 {
    let network = network::bucket(client.address);
    let index = app.keyring.blind_index("audit-slot", &network);
    index.first().copied().unwrap_or_default() % SLOTS
}

/// Writes one event per action for each interval that is over; returns how many attempts were
/// counted.
pub(in crate::services) async fn summarize_attempts(app: &App) -> Result<u64, Fault> {
    let tx = app.begin().await?;
    let until = interval_start(app.clock.now())?;
    let mut sums: BTreeMap<(DateTime<Utc>, String), i64> = BTreeMap::new();
    for tally in audit_tally::take_before(&tx, until).await? {
        *sums.entry((tally.since, tally.action)).or_default() +=
            (tally.unattributed - MAX_RECORDED).max(0);
    }
    let client = Client::command_line(app.random.uuid_v7(app.clock.now()).to_string());
    let mut total = 0;
    for ((since, action), count) in sums {
        let Some(action) = Action::parse(&action).filter(|_| count > 0) else {
            continue;
        };
        total += count;
        let event = Event::new(action, Subject::System).with(json!({
            "attempts": count,
            "since": since.to_rfc3339(),
            "until": (since + INTERVAL).to_rfc3339(),
        }));
        record(&tx, app, &client, event).await?;
    }
    tx.commit().await?;
    Ok(u64::try_from(total)?)
}
