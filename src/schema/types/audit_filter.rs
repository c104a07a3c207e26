//! Which audit events somebody looks for.

use std::net::IpAddr;

use async_graphql::{Context, ID, InputObject};

use crate::domain::audit::AuditFilter;
use crate::domain::ids::UserId;
use crate::schema::error::{Error, ErrorCode};
use crate::schema::request::ContextExt as _;
use crate::schema::scalars::Instant;
use crate::services::audit as recorded;

/// More names than there are actions.
const MOST_ACTIONS: usize = 100;

/// Which events are wanted: those to which everything applies that is given.
#[derive(Debug, InputObject)]
pub struct AuditEventFilter {
    /// Who did it.
    actor_id: Option<ID>,
    /// Whom it was about.
    subject_id: Option<ID>,
    /// What happened, one of these, as in `login.succeeded`.
    actions: Option<Vec<String>>,
    /// The network address it came from.
    ip_address: Option<String>,
    /// The request it belongs to.
    request_id: Option<String>,
    /// Not before this instant.
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
            .is_some_and(|it| it.len() > MOST_ACTIONS)
        {
            return Err(wrong("There are fewer actions than that."));
        }
        Ok(AuditFilter {
            actor: person(self.actor_id)?,
            subject: person(self.subject_id)?,
            actions: self.actions,
            ip_blind_indices: address.map(|it| recorded::ip_blind_indices(context.app(), it)),
            request_id: self.request_id,
            since: self.since.map(|it| it.0),
            until: self.until.map(|it| it.0),
        })
    }
}
