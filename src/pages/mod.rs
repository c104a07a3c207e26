//! The pages that links in messages lead to while no front end serves them.
//!
//! Plain forms for people: showing one reads and changes nothing, since programs that scan mail
//! follow links; sending one redeems the link through the same services as the mutations. No page
//! knows HTTP: `transport` reads the request, checks where a form came from and writes the answer.
//! `redeem` calls the services, `form` has the fields, `home` is the page at `/`.

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

pub use home::{Place, development, home};

/// A page with what HTTP has to know about it.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Seconds after which trying again makes sense.
    pub retry_after: Option<u64>,
    /// The page.
    pub html: String,
}

/// What somebody filled in. What a page does not ask for is left alone.
#[derive(Debug, Default)]
pub struct Filled {
    /// The token of the link.
    pub token: String,
    /// A password they have.
    pub password: Option<SecretString>,
    /// A password they want.
    pub new_password: Option<SecretString>,
    /// The same again.
    pub repeated: Option<SecretString>,
    /// Who they are.
    pub email_or_phone: Option<String>,
}

/// What a page is made with, besides its contents.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// The `Accept-Language` header.
    pub languages: &'a str,
    /// The nonce of the policy that the answer is sent with.
    pub nonce: &'a str,
}

/// The page of a link: a form, or why there is none. Nothing is looked up.
#[must_use]
pub fn show(app: &App, look: Look<'_>, kind: LinkKind, token: &str) -> Answer {
    let voice = app.templates.voice(look.languages);
    if PlainToken::parse(TokenKind::Link, token).is_none() {
        return refused(&voice, look, &Refusal::Link);
    }
    let page = form::page(app, &voice, kind, token, None);
    answer(&voice, look, 200, page)
}

/// Redeems a link with what was filled in, and says what came of it.
pub async fn send(
    app: &App,
    client: Client,
    look: Look<'_>,
    kind: LinkKind,
    filled: Filled,
) -> Answer {
    let voice = app.templates.voice(look.languages);
    let (token, who) = (filled.token.clone(), filled.email_or_phone.clone());
    let request = client.request_id.clone();
    let refusal = match redeem::redeem(app, client, kind, filled).await {
        Ok(()) => return done(&voice, look, kind),
        Err(refusal) => refusal,
    };
    if let Refusal::Fault(fault) = &refusal {
        tracing::error!(?fault, "a page could not redeem a link");
    }
    if !refusal.leaves_hope() {
        return refused(&voice, look, &refusal);
    }
    let asked = form::Asked {
        who: who.as_deref().unwrap_or_default(),
        refusal: &refusal,
        request: &request,
    };
    let page = form::page(app, &voice, kind, &token, Some(asked));
    Answer {
        retry_after: refusal.retry_after(),
        ..answer(&voice, look, refusal.status(), page)
    }
}

/// The page for a form that another page sent.
#[must_use]
pub fn foreign(app: &App, look: Look<'_>) -> Answer {
    let voice = app.templates.voice(look.languages);
    refused(&voice, look, &Refusal::Foreign)
}

/// The page for a form that cannot be read.
#[must_use]
pub fn malformed(app: &App, look: Look<'_>) -> Answer {
    let voice = app.templates.voice(look.languages);
    refused(&voice, look, &Refusal::Malformed)
}

/// The page for a request that took too long.
#[must_use]
pub fn timed_out(app: &App, look: Look<'_>) -> Answer {
    let voice = app.templates.voice(look.languages);
    let page = Page {
        heading: voice.say("page-problem.busy"),
        ..Page::default()
    };
    answer(&voice, look, 503, page)
}

fn done(voice: &Voice<'_>, look: Look<'_>, kind: LinkKind) -> Answer {
    let words = words_of(kind);
    let page = Page {
        heading: voice.say(&format!("{words}.done")),
        intro: paragraphs(&voice.say(&format!("{words}.done-intro"))),
        ..Page::default()
    };
    answer(voice, look, 200, page)
}

/// A page that says why there is nothing to fill in.
fn refused(voice: &Voice<'_>, look: Look<'_>, refusal: &Refusal) -> Answer {
    let name = match refusal {
        Refusal::Foreign => "foreign",
        Refusal::Malformed => "malformed",
        Refusal::Taken => "taken",
        _ => "link",
    };
    let page = Page {
        heading: voice.say(&format!("page-problem.{name}")),
        intro: paragraphs(&voice.say(&format!("page-problem.{name}-intro"))),
        ..Page::default()
    };
    answer(voice, look, refusal.status(), page)
}

fn answer(voice: &Voice<'_>, look: Look<'_>, status: u16, page: Page) -> Answer {
    let page = Page {
        nonce: look.nonce.to_owned(),
        ..page
    };
    Answer {
        status,
        retry_after: None,
        html: voice.lay_out(&page),
    }
}

fn paragraphs(text: &str) -> Vec<String> {
    text.split("\n\n").map(str::to_owned).collect()
}
