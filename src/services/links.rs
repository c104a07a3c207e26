//! Single-use links: a token sent in a message, bound to a purpose, a user and the address that it
//! was sent to.

use chrono::{DateTime, Duration, Utc};
use url::Url;

use crate::app::App;
use crate::domain::email::EmailAddress;
use crate::domain::link::LinkKind;
use crate::domain::token::{HashedToken, PlainToken, TokenKind};
use crate::domain::user::{Contact, User};
use crate::fault::Fault;
use crate::stores::link::{self, Link, LinkPurpose};
use crate::stores::{Tx, redemption};

/// A new link.
#[derive(Debug)]
pub(super) struct CreatedLink {
    pub(super) token: PlainToken,
    pub(super) url: Url,
    pub(super) expires_at: DateTime<Utc>,
}

/// A link whose token was presented; it counts once it is consumed.
#[derive(Debug)]
pub(super) struct PresentedLink {
    pub(super) link: Link,
    digest: HashedToken,
}

/// Stores a new link to be sent to this address. One statement.
pub(super) async fn create(
    tx: &Tx,
    app: &App,
    user: &User,
    purpose: LinkPurpose,
    address: String,
    lifetime: Duration,
) -> Result<CreatedLink, Fault> {
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
    Ok(CreatedLink {
        url: url(app, purpose, &token)?,
        token,
        expires_at: row.expires_at,
    })
}

/// Built from the configured base only: a request header must never choose the target of a link
/// (host header injection).
fn url(app: &App, purpose: LinkPurpose, token: &PlainToken) -> Result<Url, Fault> {
    let path = match purpose {
        LinkPurpose::VerifyEmail => LinkKind::VerifyEmail.path(),
        LinkPurpose::ResetPassword => LinkKind::PasswordReset.path(),
        LinkPurpose::ChangeEmail => LinkKind::ChangeEmail.path(),
        LinkPurpose::RevertEmail => LinkKind::RevertEmail.path(),
        LinkPurpose::Invitation => LinkKind::Invitation.path(),
        LinkPurpose::CancelDeletion => LinkKind::CancelDeletion.path(),
    };
    let mut url = app.config.links.base_url.join(path)?;
    url.query_pairs_mut().append_pair("token", token.reveal());
    Ok(url)
}

/// Finds the live link with this purpose and token.
pub(super) async fn find(
    app: &App,
    purpose: LinkPurpose,
    typed: &str,
) -> Result<Option<PresentedLink>, Fault> {
    let Some(token) = PlainToken::parse(TokenKind::Link, typed) else {
        return Ok(None);
    };
    let digest = token.hash();
    let found = link::find(&app.database, purpose, &digest).await?;
    Ok(found
        .filter(|link| link.expires_at > app.clock.now())
        .map(|link| PresentedLink { link, digest }))
}

impl PresentedLink {
    /// Consumes the link in this transaction; `false` if it was consumed or deleted before, be it by
    /// a concurrent request. The caller has locked the user's row: deleting links locks it first.
    pub(super) async fn consume(&self, tx: &Tx, app: &App) -> Result<bool, Fault> {
        let (until, now) = (self.link.expires_at, app.clock.now());
        let is_first = redemption::record(tx, &self.digest, until, now).await?;
        Ok(is_first && link::delete(tx, self.link.id).await?)
    }

    /// The contact that the link was sent to, if the account still has that address.
    pub(super) fn sent_to(&self, user: &User) -> Option<Contact> {
        [Contact::Email, Contact::Phone]
            .into_iter()
            .find(|contact| address(user, *contact).as_ref() == Some(&self.link.address))
    }
}

/// The canonical form of one of the user's addresses.
pub(super) fn address(user: &User, contact: Contact) -> Option<String> {
    match contact {
        Contact::Email => {
            let email = EmailAddress::parse(user.email.as_deref()?).ok()?;
            Some(email.canonical().to_owned())
        }
        Contact::Phone => user.phone.clone(),
    }
}
