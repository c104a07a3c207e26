//! Rows to domain values.

use crate::domain::audit::AuditEvent;
use crate::domain::data_export::DataExport;
use crate::domain::deletion::DeletedRecord;
use crate::domain::identity::Identity;
use crate::domain::ids::{SessionId, UserId};
use crate::domain::role::StaffFunctions;
use crate::domain::session::Session;
use crate::domain::user::{PublicProfile, User};

/// A column with a closed set of values holds another one, past its `CHECK` constraint.
#[derive(Debug, thiserror::Error)]
#[error("column {column} holds a value outside its set")]
pub struct Malformed {
    column: &'static str,
}

fn parse_column<T: std::str::FromStr>(column: &'static str, text: &str) -> Result<T, Malformed> {
    text.parse().map_err(|_| Malformed { column })
}

impl TryFrom<super::user::Model> for User {
    type Error = Malformed;

    fn try_from(row: super::user::Model) -> Result<Self, Malformed> {
        Ok(Self {
            id: UserId::from(row.id),
            pid: row.pid,
            legacy_id: row.legacy_id,
            role: parse_column("users.role", &row.role)?,
            staff_functions: StaffFunctions::from_text(&row.staff_functions),
            auth_provider: parse_column("users.auth_provider", &row.auth_provider)?,
            email: row.email,
            email_verified: row.email_verified,
            phone: row.phone,
            phone_verified: row.phone_verified,
            first_name: row.first_name,
            last_name: row.last_name,
            avatar: row.avatar,
            bio: row.bio,
            country: row.country,
            state: row.state,
            city: row.city,
            address: row.address,
            locale: row.locale,
            is_verified: row.is_verified,
            vendor_id: row.vendor_id,
            staff_note: row.staff_note,
            credential_version: row.credential_version,
            suspended_at: row.suspended_at,
            suspended_reason: row.suspended_reason,
            last_login_at: row.last_login_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
            first_verified_at: row.first_verified_at,
            reclaimed_at: row.reclaimed_at,
        })
    }
}

impl TryFrom<super::user::PublicModel> for PublicProfile {
    type Error = Malformed;

    fn try_from(row: super::user::PublicModel) -> Result<Self, Malformed> {
        Ok(Self {
            id: UserId::from(row.id),
            role: parse_column("users.role", &row.role)?,
            pid: row.pid,
            first_name: row.first_name,
            avatar: row.avatar,
        })
    }
}

impl From<super::audit_event::Model> for AuditEvent {
    fn from(row: super::audit_event::Model) -> Self {
        Self {
            id: row.id.into(),
            created_at: row.created_at,
            action: row.action,
            actor: row.actor_id.map(UserId::from),
            on_behalf_of: row.on_behalf_of_id.map(UserId::from),
            subject: row.subject_id.map(UserId::from),
            request_id: row.request_id,
            operation_name: row.operation_name,
            document_id: row.document_id,
            sealed_details: row.sealed_details,
        }
    }
}

impl TryFrom<super::data_export::Model> for DataExport {
    type Error = Malformed;

    fn try_from(row: super::data_export::Model) -> Result<Self, Malformed> {
        Ok(Self {
            id: row.id.into(),
            user: row.user_id.into(),
            state: parse_column("data_exports.state", &row.state)?,
            requested_at: row.requested_at,
            records_written: row.records_written,
            records_total: row.records_total,
            size: row.size,
            signature: row.signature,
            expires_at: row.expires_at,
        })
    }
}

impl From<super::session::Model> for Session {
    fn from(row: super::session::Model) -> Self {
        Self {
            id: SessionId::from(row.id),
            user_id: UserId::from(row.user_id),
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            expires_at: row.expires_at,
            auth_time: row.auth_time,
            amr: row.amr.split_whitespace().map(str::to_owned).collect(),
            ip_address: row.ip_address,
            user_agent: row.user_agent,
            browser: row.browser,
            os: row.os,
            device: row.device,
            revoked_at: row.revoked_at,
        }
    }
}

impl From<super::deleted_record::Model> for DeletedRecord {
    fn from(row: super::deleted_record::Model) -> Self {
        Self {
            id: row.id.into(),
            user: row.record_id.into(),
            deleted_by: row.deleted_by.map(UserId::from),
            deleted_at: row.deleted_at,
            restorable_until: row.restorable_until,
            sealed_data: row.sealed_data,
        }
    }
}

impl From<super::identity::Model> for Identity {
    fn from(row: super::identity::Model) -> Self {
        Self {
            id: row.id.into(),
            user_id: row.user_id.into(),
            issuer: row.issuer,
            email: row.email,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            unlinked_at: row.unlinked_at,
        }
    }
}
