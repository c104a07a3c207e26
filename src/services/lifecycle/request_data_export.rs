//! Requesting a copy of one's own data.

use std::convert::Infallible;

use chrono::Duration;

use crate::app::App;
use crate::domain::caller::{Caller, Fresh};
use crate::domain::data_export::{DataExport, DataExportState};
use crate::domain::user::User;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::refused::Refused;
use crate::services::throttle::{self, RateLimit};
use crate::stores::data_export;
use crate::stores::user;

/// Starts to write a copy of the caller's data; returns the one that is already being written, if
/// there is one. An earlier copy is deleted.
pub async fn request_data_export(
    app: &App,
    caller: &Caller,
    person: Fresh<'_>,
) -> Result<DataExport, Refused<Infallible, Infallible>> {
    let owner = person.user();
    let limit = RateLimit::AccountChange { user: owner };
    throttle::charge(app, &caller.client, limit).await?;
    let tx = app.begin().await?;
    // Two requests at once start one export.
    let held = user::lock(&tx, owner).await?;
    held.filter(User::may_sign_in)
        .ok_or(Refused::Unauthenticated)?;
    for earlier in data_export::all_of_user(&tx, owner).await? {
        match earlier.state {
            DataExportState::Waiting | DataExportState::Running => return Ok(earlier),
            DataExportState::Ready | DataExportState::Failed => {
                data_export::delete(&tx, earlier.id).await?;
            }
        }
    }
    let now = app.clock.now();
    let export = DataExport {
        id: app.new_id(),
        user: owner,
        state: DataExportState::Waiting,
        requested_at: now,
        records_written: 0,
        records_total: 0,
        size: 0,
        signature: None,
        expires_at: now + Duration::hours(app.config.lifecycle.export_hours),
    };
    data_export::insert(&tx, &export).await?;
    let event = Event::new(Action::DataExportRequested, Subject::User(owner)).by(caller);
    audit::record(&tx, app, &caller.client, event).await?;
    tx.commit().await?;
    app.wake_exports();
    Ok(export)
}
