//! The rows about a person, for an export of their data: one page at a time, as JSON.
//!
//! Left out are secrets and what only makes sense here: hashes, sealed values, forms for searching.
//! `tests/it/lifecycle/references.rs` holds that every table with a person's key is here or is left out
//! for a reason.

use chrono::SecondsFormat;
use sea_orm::prelude::DateTimeUtc;
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait, PaginatorTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::database::Tx;
use crate::domain::audit::AuditEvent;
use crate::domain::ids::{AuditEventId, UserId};
use crate::domain::user::User;
use crate::entities::{
    audit_event, data_export, identity, link, outbox_message, password, session, user,
};
use crate::fault::Fault;

/// Rows of one page.
const PAGE: u64 = 500;

/// The rows of one table that a person has any number of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonalList {
    /// Linked and unlinked identities.
    Identities,
    /// Sessions, ended ones as well.
    Sessions,
    /// Links that were sent and have not been used.
    Links,
    /// Messages: what was sent when, without their contents.
    Messages,
    /// Exports.
    DataExports,
}

impl PersonalList {
    /// Every list.
    pub const ALL: [Self; 5] = [
        Self::Identities,
        Self::Sessions,
        Self::Links,
        Self::Messages,
        Self::DataExports,
    ];

    /// Its name in the archive.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identities => "identities",
            Self::Sessions => "sessions",
            Self::Links => "links",
            Self::Messages => "messages",
            Self::DataExports => "dataExports",
        }
    }
}

/// The account and the time of its password, if it has one; `None` once it is gone.
pub async fn account(tx: &Tx, id: UserId) -> Result<Option<(User, Value, Value)>, Fault> {
    let Some(row) = user::Entity::find_by_id(id.uuid()).one(tx).await? else {
        return Ok(None);
    };
    let password = password::Entity::find_by_id(id.uuid()).one(tx).await?;
    let password = password.map_or(
        Value::Null,
        |password| json!({ "changedAt": time(password.changed_at) }),
    );
    let account = account_as_json(&row);
    Ok(Some((row.try_into()?, account, password)))
}

fn account_as_json(row: &user::Model) -> Value {
    json!({
        "id": row.id,
        "pid": row.pid,
        "legacyId": row.legacy_id,
        "email": row.email,
        "emailVerified": row.email_verified,
        "phone": row.phone,
        "phoneVerified": row.phone_verified,
        "firstName": row.first_name,
        "lastName": row.last_name,
        "avatar": row.avatar,
        "bio": row.bio,
        "country": row.country,
        "state": row.state,
        "city": row.city,
        "address": row.address,
        "locale": row.locale,
        "role": row.role,
        "staffFunctions": row.staff_functions,
        "authProvider": row.auth_provider,
        "isVerified": row.is_verified,
        "vendorId": row.vendor_id,
        "suspendedAt": row.suspended_at.map(time),
        "suspendedReason": row.suspended_reason,
        "lastLoginAt": row.last_login_at.map(time),
        "createdAt": time(row.created_at),
        "updatedAt": time(row.updated_at),
        "firstVerifiedAt": row.first_verified_at.map(time),
        "reclaimedAt": row.reclaimed_at.map(time),
        "emailChangedAt": row.email_changed_at.map(time),
        "phoneChangedAt": row.phone_changed_at.map(time),
    })
}

fn time(instant: DateTimeUtc) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// One page of rows of `$entity` after the id `$after`, oldest id first.
macro_rules! page {
    ($entity:ident, $tx:expr, $user:expr, $after:expr, |$row:ident| $json:expr) => {{
        let mut select = $entity::Entity::find()
            .filter($entity::Column::UserId.eq($user.uuid()))
            .order_by_asc($entity::Column::Id)
            .limit(PAGE);
        if let Some(after) = $after {
            select = select.filter($entity::Column::Id.gt(after));
        }
        let rows = select.all($tx).await?;
        rows.into_iter().map(|$row| ($row.id, $json)).collect()
    }};
}

/// The next rows of a list with their ids, after the id `after`; none when the list is at its end.
pub async fn page(
    tx: &Tx,
    list: PersonalList,
    user: UserId,
    after: Option<Uuid>,
) -> Result<Vec<(Uuid, Value)>, Fault> {
    Ok(match list {
        PersonalList::Identities => page!(identity, tx, user, after, |row| json!({
            "id": row.id,
            "issuer": row.issuer,
            "subject": row.subject,
            "email": row.email,
            "createdAt": time(row.created_at),
            "lastUsedAt": row.last_used_at.map(time),
            "unlinkedAt": row.unlinked_at.map(time),
        })),
        PersonalList::Sessions => page!(session, tx, user, after, |row| json!({
            "id": row.id,
            "createdAt": time(row.created_at),
            "lastSeenAt": time(row.last_seen_at),
            "expiresAt": time(row.expires_at),
            "authTime": time(row.auth_time),
            "amr": row.amr.split_whitespace().collect::<Vec<_>>(),
            "ipAddress": row.ip_address,
            "userAgent": row.user_agent,
            "browser": row.browser,
            "os": row.os,
            "device": row.device,
            "revokedAt": row.revoked_at.map(time),
            "revokedReason": row.revoked_reason,
        })),
        PersonalList::Links => page!(link, tx, user, after, |row| json!({
            "id": row.id,
            "purpose": row.purpose,
            "address": row.address,
            "createdAt": time(row.created_at),
            "expiresAt": time(row.expires_at),
        })),
        PersonalList::Messages => page!(outbox_message, tx, user, after, |row| json!({
            "id": row.id,
            "kind": row.kind,
            "channel": row.channel,
            "createdAt": time(row.created_at),
            "deliveredAt": row.delivered_at.map(time),
            "expiresAt": row.expires_at.map(time),
        })),
        PersonalList::DataExports => page!(data_export, tx, user, after, |row| json!({
            "id": row.id,
            "state": row.state,
            "requestedAt": time(row.requested_at),
            "expiresAt": time(row.expires_at),
        })),
    })
}

/// The next audit events about a person after the event with this time and id; none at the end.
pub async fn events(
    tx: &Tx,
    user: UserId,
    after: Option<(DateTimeUtc, AuditEventId)>,
) -> Result<Vec<AuditEvent>, Fault> {
    use audit_event::Column;

    let mut select = audit_event::Entity::find()
        .filter(Column::SubjectId.eq(user.uuid()))
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .limit(PAGE);
    if let Some((at, id)) = after {
        let same_instant = Condition::all()
            .add(Column::CreatedAt.eq(at))
            .add(Column::Id.gt(id.uuid()));
        let later = Condition::any()
            .add(Column::CreatedAt.gt(at))
            .add(same_instant);
        select = select.filter(later);
    }
    let rows = select.all(tx).await?;
    Ok(rows.into_iter().map(AuditEvent::from).collect())
}

/// How many rows all lists and the audit events have together.
pub async fn count(tx: &Tx, user: UserId) -> Result<i64, Fault> {
    let id = user.uuid();
    let counts = [
        identity::Entity::find()
            .filter(identity::Column::UserId.eq(id))
            .count(tx)
            .await?,
        session::Entity::find()
            .filter(session::Column::UserId.eq(id))
            .count(tx)
            .await?,
        link::Entity::find()
            .filter(link::Column::UserId.eq(id))
            .count(tx)
            .await?,
        outbox_message::Entity::find()
            .filter(outbox_message::Column::UserId.eq(id))
            .count(tx)
            .await?,
        data_export::Entity::find()
            .filter(data_export::Column::UserId.eq(id))
            .count(tx)
            .await?,
        audit_event::Entity::find()
            .filter(audit_event::Column::SubjectId.eq(id))
            .count(tx)
            .await?,
    ];
    Ok(i64::try_from(counts.into_iter().sum::<u64>())?)
}
