//! The pages that links in messages lead to while no front end serves them.
//!
//! Opening a page changes nothing, as mail scanners follow links; submitting its form redeems the link
//! through the same services as the mutations. Pages know nothing of HTTP: `transport` parses the
//! request, checks the origin of a form and writes the answer. `redeem` calls the services, `form`
//! has the fields, `home` is the page at `/`.

mod download;
mod form;
mod home;
mod redeem;

use secrecy::SecretString;

use self::redeem::Refusal;
use crate::app::App;
use crate::domain::caller::Client;
use crate::domain::link::LinkKind;
use crate::domain::token::{PlainToken, TokenKind};
use crate::messages::{Page, Voice, words_of};

pub use crate::services::Refused;
pub use crate::services::lifecycle::{Download, DownloadProblem};
pub use download::data_export;
pub use home::{Surface, development, home};

/// A page and the parts of its HTTP response.
#[derive(Debug)]
pub struct PageResponse {
    /// The HTTP status.
    pub status: u16,
    /// The `Retry-After` header in seconds.
    pub retry_after: Option<u64>,
    /// The page.
    pub html: String,
}

/// The submitted fields. Fields that a page does not have are ignored.
#[derive(Debug, Default)]
pub struct FormInput {
    /// The token of the link.
    pub token: String,
    /// The current password.
    pub password: Option<SecretString>,
    /// The new password.
    pub new_password: Option<SecretString>,
    /// The new password again.
    pub repeated: Option<SecretString>,
    /// The identifier of the account.
    pub email_or_phone: Option<String>,
}

/// What rendering needs besides the content.
#[derive(Clone, Copy, Debug)]
pub struct RenderContext<'a> {
    /// The `Accept-Language` header.
    pub languages: &'a str,
    /// The nonce of the response's Content-Security-Policy.
    pub nonce: &'a str,
}

/// The page of a link: its form, or why there is none. Looks nothing up.
#[must_use]
pub fn form_page(
    app: &App,
    context: RenderContext<'_>,
    kind: LinkKind,
    token: &str,
) -> PageResponse {
    let voice = app.templates.voice(context.languages);
    if PlainToken::parse(TokenKind::Link, token).is_none() {
        return refused(&voice, context, &Refusal::Link);
    }
    let page = form::page(app, &voice, kind, token, None);
    answer(&voice, context, 200, page)
}

/// Redeems a link with the submitted fields, and returns the resulting page.
pub async fn submit(
    app: &App,
    client: Client,
    context: RenderContext<'_>,
    kind: LinkKind,
    input: FormInput,
) -> PageResponse {
    let voice = app.templates.voice(context.languages);
    let (token, who) = (input.token.clone(), input.email_or_phone.clone());
    let request = client.request_id.clone();
    let refusal = match redeem::redeem(app, client, kind, input).await {
        Ok(()) => return done(&voice, context, kind),
        Err(refusal) => refusal,
    };
    if let Refusal::Fault(fault) = &refusal {
        tracing::error!(?fault, "a page could not redeem a link");
    }
    if !refusal.is_retryable() {
        return refused(&voice, context, &refusal);
    }
    let asked = form::Asked {
        who: who.as_deref().unwrap_or_default(),
        refusal: &refusal,
        request: &request,
    };
    let page = form::page(app, &voice, kind, &token, Some(asked));
    PageResponse {
        retry_after: refusal.retry_after(),
        ..answer(&voice, context, refusal.status(), page)
    }
}

/// The page for a form that was submitted from another site (CSRF).
#[must_use]
pub fn cross_site(app: &App, context: RenderContext<'_>) -> PageResponse {
    let voice = app.templates.voice(context.languages);
    refused(&voice, context, &Refusal::CrossSite)
}

/// The page for a form that does not parse.
#[must_use]
pub fn malformed(app: &App, context: RenderContext<'_>) -> PageResponse {
    let voice = app.templates.voice(context.languages);
    refused(&voice, context, &Refusal::Malformed)
}

/// The page for a request that timed out.
#[must_use]
pub fn timed_out(app: &App, context: RenderContext<'_>) -> PageResponse {
    let voice = app.templates.voice(context.languages);
    let page = Page {
        heading: voice.say("page-problem.busy"),
        ..Page::default()
    };
    answer(&voice, context, 503, page)
}

fn done(voice: &Voice<'_>, context: RenderContext<'_>, kind: LinkKind) -> PageResponse {
    let words = words_of(kind);
    let page = Page {
        heading: voice.say(&format!("{words}.done")),
        intro: paragraphs(&voice.say(&format!("{words}.done-intro"))),
        ..Page::default()
    };
    answer(voice, context, 200, page)
}

/// A page with a problem and no form.
fn refused(voice: &Voice<'_>, context: RenderContext<'_>, refusal: &Refusal) -> PageResponse {
    let name = match refusal {
        Refusal::CrossSite => "foreign",
        Refusal::Malformed => "malformed",
        Refusal::Taken => "taken",
        _ => "link",
    };
    let page = Page {
        heading: voice.say(&format!("page-problem.{name}")),
        intro: paragraphs(&voice.say(&format!("page-problem.{name}-intro"))),
        ..Page::default()
    };
    answer(voice, context, refusal.status(), page)
}

fn answer(voice: &Voice<'_>, context: RenderContext<'_>, status: u16, page: Page) -> PageResponse {
    let page = Page {
        nonce: context.nonce.to_owned(),
        ..page
    };
    PageResponse {
        status,
        retry_after: None,
        html: voice.render(&page),
    }
}

fn paragraphs(text: &str) -> Vec<String> {
    text.split("\n\n").map(str::to_owned).collect()
}
