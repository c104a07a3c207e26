//! The audit event of every successful mutation: actor, target, change, origin,
//! request and document, and no secret.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::harness::{Answer, PASSWORD, SignedIn, TestApp, queries};

pub(super) const AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
pub(super) const ADDRESS: &str = "203.0.113.77";
pub(super) const PROXIES: (&str, &str) = ("IDGATE_SERVER__TRUSTED_PROXIES", "127.0.0.1/32");

/// A mutation that wrote an event.
pub(super) struct Record {
    pub(super) document: String,
    request: String,
    /// The secrets in its response, which no event may repeat.
    secrets: Vec<String>,
}

impl Record {
    pub(super) fn of(document: &str, answer: &Answer) -> Self {
        let words = answer.text.split('"');
        let secrets = words.filter(|word| word.starts_with("idr_") || word.starts_with("eyJ"));
        Self {
            document: document.to_owned(),
            request: answer.header("x-request-id").to_owned(),
            secrets: secrets.map(str::to_owned).collect(),
        }
    }
}

const EVENTS: &str = "query($request: String!) { auditEvents(filter: { requestId: $request }) {
    nodes { action createdAt actor { id } onBehalfOf { id } subject { id email } changes { field before after }
        ipAddress userAgent browser os requestId operationName documentId } } }";

/// Every event of every mutation, for review:
/// `document: action who field=before>after`.
/// Who is `self` for a change to the actor's own account, `by about` for a change to
/// another's, and `about` for a change by an anonymous caller.
const EXPECTED: &str = "\
BeginAvatarUpload: avatar.upload_begun self
CancelAccountDeletion: account.deletion_cancelled self isDeleted=true>false
ChangePassword: password.changed self
ConfirmEmailChange: email.changed self email=ada@example.com>ada@example.org
ConfirmPasswordReset: password.reset self
ConfirmPhoneChange: phone.changed self phone=->+16502530000
DeleteMyAccount: account.deleted self isDeleted=false>true, reason=->moving, sessions=->1
DeleteUser: user.deleted by about isDeleted=false>true, sessions=->0
EraseUser: user.erased by wasDeleted=->false
InviteUser: user.invited by about role=->client
LinkGoogle: identity.linked self automatic=->false, provider=->Google
Login: login.succeeded self
LoginWithGoogle: login.succeeded self method=->google
Logout: session.ended self sessionId=->ID
Register: user.registered self role=->vendor
RemoveAvatar: avatar.removed self
RequestDataExport: data_export.requested self
RequestEmailChange: email.change_requested self email=ada@example.com>ada@example.org
RequestEmailVerification: email.verification_requested about
RequestOtp: code.requested about purpose=->login
RequestPasswordReset: password.reset_requested about
RequestPhoneChange: phone.change_requested self phone=->+16502530000
RestoreUser: user.restored by about isDeleted=true>false
RevertEmailChange: email.reverted self email=ada@example.org>ada@example.com
RevokeOtherSessions: session.others_revoked self sessions=->2
RevokeSession: session.revoked self sessionId=->ID
RevokeUserSessions: user.sessions_revoked by about sessions=->0
SetAvatar: avatar.set self
SetPassword: password.set self
SetStaffFunctions: user.staff_functions_changed by about staffFunctions=>sales
SetUserRole: user.role_changed by about role=client>staff
StepUp: session.stepped_up self
SuspendUser: user.suspended by about isSuspended=false>true, sessions=->0
UnlinkGoogle: identity.unlinked self identityId=->ID, provider=->Google
UnsuspendUser: user.unsuspended by about isSuspended=true>false
UpdateProfile: profile.updated self city=>London
UpdateUser: user.updated by about vendorId=->v-1
VerifyEmail: email.verified self emailVerified=false>true
VerifyOtp: login.succeeded self method=->otp";

/// Asserts that the events of these mutations are complete.
pub(super) async fn assert_complete(app: &TestApp, records: &[Record]) {
    let auditor = app.appoint("reader@example.com", "admin").await;
    let mut lines = BTreeSet::new();
    for record in records {
        for event in events(&auditor, record).await {
            assert_located(record, &event);
            assert_hides_secrets(record, &event);
            lines.insert(line(record, &event));
        }
    }
    let lines: Vec<String> = lines.into_iter().collect();
    assert_eq!(lines.join("\n"), EXPECTED, "\n{}", lines.join("\n"));
}

async fn events(auditor: &SignedIn<'_>, record: &Record) -> Vec<Value> {
    let variables = json!({ "request": record.request });
    let answer = auditor.ask(EVENTS, variables).await;
    let nodes = answer.root("auditEvents")["nodes"].as_array().unwrap();
    assert!(!nodes.is_empty(), "{}", record.document);
    nodes.clone()
}

fn assert_located(record: &Record, event: &Value) {
    let expected = BTreeMap::from([
        ("ipAddress", json!(ADDRESS)),
        ("userAgent", json!(AGENT)),
        ("browser", json!("Firefox 140")),
        ("os", json!("Linux")),
        ("requestId", json!(record.request)),
        ("operationName", json!(record.document)),
        ("documentId", json!(queries::id(&record.document))),
        // The actor is always the signed-in user.
        ("onBehalfOf", Value::Null),
    ]);
    for (field, value) in expected {
        assert_eq!(
            event[field], value,
            "{field} of {}: {event}",
            record.document
        );
    }
    let at = event["createdAt"].as_str().unwrap();
    assert!(
        at.starts_with("2026-03-01T12:"),
        "{}: {at}",
        record.document
    );
}

fn assert_hides_secrets(record: &Record, event: &Value) {
    let text = event["changes"].to_string();
    let never = [
        PASSWORD,
        "argon2",
        "idr_",
        "idl_",
        "lastLogin",
        "last_login",
    ];
    let secrets = record.secrets.iter().map(String::as_str);
    for secret in never.into_iter().chain(secrets) {
        assert!(!text.contains(secret), "{}: {text}", record.document);
    }
}

fn line(record: &Record, event: &Value) -> String {
    let (actor, subject) = (&event["actor"]["id"], &event["subject"]["id"]);
    let whom = match (actor.is_null(), subject.is_null()) {
        (true, true) => "nobody",
        (true, false) => "about",
        (false, true) => "by",
        (false, false) if actor == subject => "self",
        (false, false) => "by about",
    };
    let changes = event["changes"].as_array().unwrap();
    let fields: Vec<String> = changes.iter().map(change).collect();
    let action = event["action"].as_str().unwrap();
    let line = format!("{}: {action} {whom} {}", record.document, fields.join(", "));
    line.trim_end().to_owned()
}

/// A value before and after; identifiers are new in each run.
fn change(change: &Value) -> String {
    let value = |side: &str| match change[side].as_str() {
        None => "-".to_owned(),
        Some(text) if text.len() == 36 && text.matches('-').count() == 4 => "ID".to_owned(),
        Some(text) => text.to_owned(),
    };
    let field = change["field"].as_str().unwrap();
    format!("{field}={}>{}", value("before"), value("after"))
}
