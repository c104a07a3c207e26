//! What strangers attempt: about an account it is an event, about nobody the first few are events
//! and the rest is counted.
//!
//! Anybody can invent tokens, codes and addresses, as many as the budgets let through, for ever. So
//! attempts that name nobody are kept one by one only up to [`KEPT`] an hour from networks that
//! share one of [`SLOTS`] slots; then they are counted, and at the end of the hour one event says
//! how many there were. The decision: `docs/decisions/counted-attempts.md`.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, DurationRound as _, Utc};
use serde_json::json;

use super::{About, Action, Event, record};
use crate::app::App;
use crate::domain::caller::Client;
use crate::domain::network;
use crate::fault::Fault;
use crate::stores::audit_tally::{self, Place};
use crate::stores::{Tx, decoy};

/// How long attempts are counted together.
const SPAN: Duration = Duration::hours(1);
/// How many slots share the networks of this world: what limits how many rows there can be.
const SLOTS: u8 = 64;
/// How many attempts about nobody are kept of each slot in each span.
const KEPT: i64 = 10;

/// Records an attempt that a stranger can make, at the same price whether or not it names an
/// account: a tally and an event, or a write to no row in its place.
pub(in crate::services) async fn attempt(
    tx: &Tx,
    app: &App,
    client: &Client,
    event: Event<'_>,
) -> Result<(), Fault> {
    let is_attributed = match event.about {
        About::Person { .. } | About::Whom(_) => true,
        About::Nobody(_) | About::System => false,
    };
    count(tx, app, client, event, is_attributed).await
}

/// Records an attempt that says little whomever it names, such as an old token of an ended session.
pub(in crate::services) async fn noise(
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
    let place = Place {
        action: event.action.as_str(),
        since: beginning(app.clock.now())?,
        slot: slot(app, client),
    };
    // Both kinds hold the same row until they commit: what one has to wait for, the other has, too.
    let unattributed = audit_tally::count(tx, place, is_attributed).await?;
    if is_attributed || unattributed <= KEPT {
        return record(tx, app, client, event).await;
    }
    app.metrics.unrecorded(place.action);
    decoy::write(tx, app.new_id()).await
}

fn beginning(now: DateTime<Utc>) -> Result<DateTime<Utc>, Fault> {
    Ok(now.duration_trunc(SPAN)?)
}

fn slot(app: &App, client: &Client) -> u8 {
    let network = network::bucket(client.address);
    let index = app.keyring.blind_index("audit-slot", &network);
    index.first().copied().unwrap_or_default() % SLOTS
}

/// Turns what was counted in spans that are over into one event for each action and span; returns
/// how many attempts those stand for.
pub(in crate::services) async fn sum_up(app: &App) -> Result<u64, Fault> {
    let tx = app.begin().await?;
    let until = beginning(app.clock.now())?;
    let mut sums: BTreeMap<(DateTime<Utc>, String), i64> = BTreeMap::new();
    for tally in audit_tally::take_before(&tx, until).await? {
        *sums.entry((tally.since, tally.action)).or_default() += (tally.unattributed - KEPT).max(0);
    }
    let client = Client::command_line(app.random.uuid_v7(app.clock.now()).to_string());
    let mut total = 0;
    for ((since, action), count) in sums {
        let Some(action) = Action::named(&action).filter(|_| count > 0) else {
            continue;
        };
        total += count;
        let event = Event::new(action, About::System).with(json!({
            "attempts": count,
            "since": since.to_rfc3339(),
            "until": (since + SPAN).to_rfc3339(),
        }));
        record(&tx, app, &client, event).await?;
    }
    tx.commit().await?;
    Ok(u64::try_from(total)?)
}
