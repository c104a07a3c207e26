//! The filter of audit events.

use std::net::IpAddr;

use async_graphql::{Context, ID, InputObject};

use crate::domain::audit::AuditFilter;
use crate::domain::ids::UserId;
use crate::schema::error::{Error, ErrorCode};
use crate::schema::request::ContextExt as _;
use crate::schema::scalars::Instant;
use crate::services::audit as recorded;

/// More than the number of actions.
const MAX_ACTIONS: usize = 100;

/// A filter for audit events. All given conditions must match.
#[derive(Debug, InputObject)]
pub struct AuditEventFilter {
    /// The ID of the user who acted.
    actor_id: Option<ID>,
    /// The ID of the user whom the event is about.
    subject_id: Option<ID>,
    /// One of these actions, as in `login.succeeded`.
    actions: Option<Vec<String>>,
    /// The network address of the client.
    ip_address: Option<String>,
    /// The request id.
    request_id: Option<String>,
    /// At or after this instant.
    since: Option<Instant>,
    /// Before this instant.
    until: Option<Instant>,
}

impl AuditEventFilter {
    pub(super) fn read(self, context: &Context<'_>) -> Result<AuditFilter, Error> {
        let wrong = |message: &str| Error::of(ErrorCode::BadUserInput, message);
        let person = |id: Option<ID>| {
            let read = id.map(|id| id.parse::<UserId>()).transpose();
            read.map_err(|_| wrong("This is not the identifier of a person."))
        };
        let address = self.ip_address.map(|text| text.parse::<IpAddr>());
        let address = address
            .transpose()
            .map_err(|_| wrong("This is not a network address."))?;
        if self
            .actions
            .as_ref()
            .is_some_and(|actions| actions.len() > MAX_ACTIONS)
        {
            return Err(wrong("There are fewer actions than that."));
        }
        Ok(AuditFilter {
            actor: person(self.actor_id)?,
            subject: person(self.subject_id)?,
            actions: self.actions,
            ip_blind_indices: address.map(|ip| recorded::ip_blind_indices(context.app(), ip)),
            request_id: self.request_id,
            since: self.since.map(|instant| instant.0),
            until: self.until.map(|instant| instant.0),
        })
    }
}
