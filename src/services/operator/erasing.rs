//! Erasing deleted accounts that cannot be restored any more.

use chrono::{DateTime, Duration, Utc};
use serde_json::json;

use crate::app::App;
use crate::domain::caller::Client;
use crate::fault::Fault;
use crate::services::audit::{Action, Event, Subject};
use crate::services::erasure;
use crate::stores::{expired, user};

/// Accounts that are erased in one transaction, which must not hold up others for long.
const BATCH_SIZE: u64 = 25;

/// How many accounts are due.
pub async fn due(app: &App) -> Result<u64, Fault> {
    user::count_due(&app.database, app.clock.now(), unrecorded_until(app)).await
}

/// Erases accounts whose time to be restored is over, in at most so many batches; returns how many.
pub async fn erase_due(
    app: &App,
    max_batches: usize,
    report: &mut (dyn FnMut(u64) + Send),
) -> Result<u64, Fault> {
    let mut erased = 0;
    for _ in 0..max_batches {
        let batch = erase_batch(app).await?;
        if batch == 0 {
            break;
        }
        erased += batch;
        report(batch);
    }
    Ok(erased)
}

/// Accounts without a record were deleted before this.
fn unrecorded_until(app: &App) -> DateTime<Utc> {
    app.clock.now() - Duration::days(app.config.lifecycle.restore_days)
}

async fn erase_batch(app: &App) -> Result<u64, Fault> {
    let now = app.clock.now();
    let client = Client::command_line(app.random.uuid_v7(now).to_string());
    let tx = app.begin().await?;
    if !expired::lock(&tx).await? {
        return Ok(0);
    }
    let due = user::lock_due(&tx, BATCH_SIZE, now, unrecorded_until(app)).await?;
    let mut erased = Vec::with_capacity(due.len());
    for person in &due {
        let event = Event::new(Action::UserErased, Subject::Erased(person.id))
            .with(json!({ "wasDeleted": true, "expired": true }));
        erased.push(erasure::erase(&tx, app, &client, person, event).await?);
    }
    tx.commit().await?;
    if !erased.is_empty() {
        erasure::forget(app, &erased).await;
    }
    Ok(u64::try_from(due.len())?)
}
