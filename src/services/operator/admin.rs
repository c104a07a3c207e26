//! Creating the first administrator on the command line.

use secrecy::SecretString;
use serde_json::json;

use crate::app::App;
use crate::crypto::hasher::Overloaded;
use crate::domain::caller::Client;
use crate::domain::email::EmailAddress;
use crate::domain::identifier::Identifier;
use crate::domain::ids::UserId;
use crate::domain::password::Candidate;
use crate::domain::pid::Pid;
use crate::domain::role::{AuthProvider, Role};
use crate::domain::user::Contact;
use crate::domain::violation::{Violation, ViolationRule};
use crate::fault::Fault;
use crate::services::audit::{self, Action, Event, Subject};
use crate::services::new_password;
use crate::services::ownership;
use crate::stores::user::{NewUser, TieBreak};
use crate::stores::{password, person_key, user};

/// Why no administrator was created.
#[derive(Debug)]
pub enum AdminRefusal {
    /// An account has the address.
    Taken,
    /// The input violates a rule.
    Invalid(Vec<Violation>),
    /// An unexpected failure.
    Fault(Fault),
}

impl<E: Into<Fault>> From<E> for AdminRefusal {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

/// Creates a verified administrator. The operator vouches for the address, as mail may not be set up
/// yet.
pub async fn create(app: &App, email: &str, typed: SecretString) -> Result<UserId, AdminRefusal> {
    let email = EmailAddress::parse(email).map_err(|rule| {
        let message = rule.to_string();
        AdminRefusal::Invalid(vec![Violation::new(
            "email",
            ViolationRule::InvalidEmail,
            message,
        )])
    })?;
    let invalid = |violation| AdminRefusal::Invalid(vec![violation]);
    let candidate = Candidate::new(typed, &app.config.password.policy()).map_err(invalid)?;
    let overloaded = |Overloaded| Fault::new("the hashing queue is full");
    let rated = new_password::rate(app, candidate, &[email.as_str()]).await;
    let chosen = rated.map_err(overloaded)?.map_err(invalid)?;
    let hash = app.hasher.hash(chosen).await.map_err(overloaded)?;
    let now = app.clock.now();
    let id: UserId = app.new_id();
    let new = NewUser {
        id,
        pid: Pid::from_random(app.random.bytes()).as_str().to_owned(),
        email: Some(&email),
        phone: None,
        first_name: "",
        last_name: "",
        role: Role::Admin,
        auth_provider: AuthProvider::Email,
        verified: true,
        now,
    };
    let client = Client::command_line(app.random.uuid_v7(now).to_string());
    let tx = app.begin().await?;
    let identifier = Identifier::Email(email.clone());
    if let Some(holder) = user::find_by_identifier(&tx, &identifier, TieBreak::Owner).await?
        && !holder.user.email_verified
    {
        // An account that never verified the address must not keep it from its owner.
        ownership::detach_address(&tx, app, &client, &holder, Contact::Email).await?;
    }
    if !user::insert(&tx, new).await? {
        return Err(AdminRefusal::Taken);
    }
    let sealed_key = audit::new_person_key(app, id);
    person_key::insert(&tx, id, sealed_key.clone(), now).await?;
    password::insert(&tx, id, hash, now).await?;
    let subject = Subject::UserWithKey {
        user: id,
        sealed_key: Some(&sealed_key),
    };
    let changes = json!({ "role": { "before": null, "after": Role::Admin.as_str() } });
    let event = Event::new(Action::AdminCreated, subject).with(changes);
    audit::record(&tx, app, &client, event).await?;
    tx.commit().await?;
    Ok(id)
}
