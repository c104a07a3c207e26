//! Single-use links: a token that travels in a message, bound to a purpose, a person and the
//! address it was sent to.

use chrono::{DateTime, Duration, Utc};
use url::Url;

use crate::app::App;
use crate::domain::email::EmailAddress;
use crate::domain::link::LinkKind;
use crate::domain::token::{HashedToken, PlainToken, TokenKind};
use crate::domain::user::{Contact, User};
use crate::fault::Fault;
use crate::stores::link::{self, Link, LinkPurpose};
use crate::stores::{Tx, spent_proof};

/// A link that was just made.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) token: PlainToken,
    pub(super) url: Url,
    pub(super) expires_at: DateTime<Utc>,
}

/// A link that somebody followed; it counts once it is spent.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) link: Link,
    digest: HashedToken,
}

/// Stores a new link of a person, to be sent to this address: one statement.
pub(super) async fn create(
    tx: &Tx,
    app: &App,
    user: &User,
    purpose: LinkPurpose,
    address: String,
    lifetime: Duration,
) -> Result<Made, Fault> {
    let now = app.clock.now();
    let token = PlainToken::from_random(TokenKind::Link, app.random.bytes());
    let row = Link {
        id: app.new_id(),
        user_id: user.id,
        address,
        created_at: now,
        expires_at: now + lifetime,
    };
    link::insert(tx, &row, purpose, &token.hash()).await?;
    Ok(Made {
        url: url(app, purpose, &token)?,
        token,
        expires_at: row.expires_at,
    })
}

/// Built from the configured base alone: a request header must never choose where a link leads.
fn url(app: &App, purpose: LinkPurpose, token: &PlainToken) -> Result<Url, Fault> {
    let path = match purpose {
        LinkPurpose::VerifyEmail => LinkKind::VerifyEmail.path(),
        LinkPurpose::ResetPassword => LinkKind::PasswordReset.path(),
        LinkPurpose::ChangeEmail => LinkKind::ChangeEmail.path(),
        LinkPurpose::RevertEmail => LinkKind::RevertEmail.path(),
        LinkPurpose::Invitation => LinkKind::Invitation.path(),
    };
    let mut url = app.config.links.base_url.join(path)?;
    url.query_pairs_mut().append_pair("token", token.reveal());
    Ok(url)
}

/// The live link of this purpose with this token.
pub(super) async fn follow(
    app: &App,
    purpose: LinkPurpose,
    typed: &str,
) -> Result<Option<Followed>, Fault> {
    let Some(token) = PlainToken::parse(TokenKind::Link, typed) else {
        return Ok(None);
    };
    let digest = token.hash();
    let found = link::find(&app.database, purpose, &digest).await?;
    Ok(found
        .filter(|link| link.expires_at > app.clock.now())
        .map(|link| Followed { link, digest }))
}

impl Followed {
    /// Redeems the link in this transaction; `false` when it was redeemed or ended before, also by
    /// a request at this very moment. The person's row is held by then: whoever ends links changes
    /// that row first.
    pub(super) async fn spend(&self, tx: &Tx, app: &App) -> Result<bool, Fault> {
        let (until, now) = (self.link.expires_at, app.clock.now());
        let is_first = spent_proof::spend(tx, &self.digest, until, now).await?;
        Ok(is_first && link::delete(tx, self.link.id).await?)
    }

    /// Which address of the account the link was sent to, if the account still has it.
    pub(super) fn sent_to(&self, user: &User) -> Option<Contact> {
        [Contact::Email, Contact::Phone]
            .into_iter()
            .find(|contact| address(user, *contact).as_ref() == Some(&self.link.address))
    }
}

/// The canonical form of one of a person's addresses.
pub(super) fn address(user: &User, contact: Contact) -> Option<String> {
    match contact {
        Contact::Email => {
            let email = EmailAddress::parse(user.email.as_deref()?).ok()?;
            Some(email.canonical().to_owned())
        }
        Contact::Phone => user.phone.clone(),
    }
}
