//! Valid rows for the constraint tests to break.

use chrono::{DateTime, Duration, Utc};
use idgate::entities::{
    audit_event, identity, link, outbox_message, refresh_token, session, signing_key, user,
};
use uuid::Uuid;

pub(crate) fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_750_000_000, 0).unwrap()
}

pub(crate) fn later() -> DateTime<Utc> {
    noon() + Duration::days(1)
}

pub(crate) fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub(crate) fn person(number: u128) -> user::Model {
    user::Model {
        id: id(number),
        pid: format!("PERSON{number}"),
        legacy_id: None,
        email: Some(format!("Person{number}@example.com")),
        email_canonical: Some(format!("person{number}@example.com")),
        email_verified: false,
        phone: None,
        phone_verified: false,
        first_name: "Ada".to_owned(),
        last_name: String::new(),
        avatar: None,
        bio: String::new(),
        country: String::new(),
        state: String::new(),
        city: String::new(),
        address: String::new(),
        locale: None,
        role: "client".to_owned(),
        staff_functions: String::new(),
        auth_provider: "email".to_owned(),
        is_verified: false,
        vendor_id: None,
        staff_note: String::new(),
        credential_version: 0,
        suspended_at: None,
        suspended_reason: None,
        last_login_at: None,
        created_at: noon(),
        updated_at: noon(),
        deleted_at: None,
        first_verified_at: None,
        reclaimed_at: None,
        email_changed_at: None,
        phone_changed_at: None,
        email_folded: None,
        first_name_folded: None,
        last_name_folded: None,
    }
}

pub(crate) fn session_of(user_id: Uuid) -> session::Model {
    session::Model {
        id: id(20),
        user_id,
        created_at: noon(),
        last_seen_at: noon(),
        expires_at: later(),
        auth_time: noon(),
        amr: "pwd".to_owned(),
        ip_address: None,
        user_agent: String::new(),
        browser: String::new(),
        os: String::new(),
        device: String::new(),
        revoked_at: None,
        revoked_reason: None,
    }
}

/// A token of the session that [`session_of`] makes.
pub(crate) fn token(number: u8) -> refresh_token::Model {
    refresh_token::Model {
        id: id(30),
        session_id: id(20),
        token_hash: vec![number; 32],
        created_at: noon(),
        expires_at: later(),
        predecessor_id: None,
        consumed_at: None,
        successor_id: None,
        sealed_successor: None,
    }
}

pub(crate) fn link_of(user_id: Uuid) -> link::Model {
    link::Model {
        id: id(40),
        user_id,
        purpose: "verify_email".to_owned(),
        address: "ada@example.com".to_owned(),
        token_hash: vec![4; 32],
        created_at: noon(),
        expires_at: later(),
    }
}

pub(crate) fn identity_of(user_id: Uuid) -> identity::Model {
    identity::Model {
        id: id(45),
        user_id,
        issuer: "https://accounts.google.com".to_owned(),
        subject: "10769150350006150715113082367".to_owned(),
        email: Some("ada@example.com".to_owned()),
        created_at: noon(),
        last_used_at: None,
        unlinked_at: None,
    }
}

pub(crate) fn message() -> outbox_message::Model {
    outbox_message::Model {
        id: id(50),
        kind: "verify_email".to_owned(),
        channel: "email".to_owned(),
        sealed_body: Some(vec![5]),
        created_at: noon(),
        available_at: noon(),
        attempts: 0,
        delivered_at: None,
        dead_at: None,
        last_failure: None,
        expires_at: None,
        user_id: None,
    }
}

pub(crate) fn signing_key() -> signing_key::Model {
    signing_key::Model {
        kid: "key".to_owned(),
        algorithm: "ES256".to_owned(),
        sealed_private_key: vec![6],
        public_jwk: "{}".to_owned(),
        created_at: noon(),
        active_from: noon(),
    }
}

pub(crate) fn event_about(user_id: Uuid) -> audit_event::Model {
    audit_event::Model {
        id: id(60),
        created_at: noon(),
        action: "login_succeeded".to_owned(),
        actor_id: Some(user_id),
        on_behalf_of_id: None,
        subject_id: Some(user_id),
        identifier_index: None,
        address_index: None,
        request_id: "request".to_owned(),
        operation_name: None,
        document_id: None,
        sealed_details: vec![7],
        mac: vec![8],
    }
}
