//! The page at `/`.

use super::{PageResponse, RenderContext, answer, paragraphs};
use crate::app::App;
use crate::messages::{Link, Page};

/// A surface of this server, for developers.
#[derive(Debug)]
pub struct Surface {
    /// The path or URL.
    pub href: String,
    /// The name.
    pub label: &'static str,
    /// The description.
    pub note: &'static str,
}

/// For users: the name of the service and a link to where it is used. Says nothing about the software.
#[must_use]
pub fn home(app: &App, context: RenderContext<'_>) -> PageResponse {
    let voice = app.templates.voice(context.languages);
    let (front_end, own) = (&app.config.links.base_url, &app.config.server.public_url);
    let leads_away = front_end.origin() != own.origin();
    let link = leads_away.then(|| Link {
        href: front_end.to_string(),
        label: voice.say("page-home.link"),
        note: None,
    });
    let page = Page {
        heading: voice.say("page-home.heading"),
        intro: paragraphs(&voice.say("page-home.intro")),
        links: link.into_iter().collect(),
        ..Page::default()
    };
    answer(&voice, context, 200, page)
}

/// For developers, in English: what this server serves.
#[must_use]
pub fn development(app: &App, context: RenderContext<'_>, places: Vec<Surface>) -> PageResponse {
    let english = RenderContext {
        languages: "en",
        ..context
    };
    let voice = app.templates.voice(english.languages);
    let links = places.into_iter().map(|place| Link {
        href: place.href,
        label: place.label.to_owned(),
        note: Some(place.note.to_owned()),
    });
    let version = env!("CARGO_PKG_VERSION");
    let mut intro = vec![format!(
        "idgate {version} runs here for development: accounts, sign-in and sessions over GraphQL."
    )];
    let guides = "The guides are in docs/ of the source: links.md is for front ends, operations.md \
                  for running it.";
    intro.push(guides.to_owned());
    if app.config.hosted_links().is_some() {
        let note = "Links in messages lead to plain pages of this server (links.hosted) until a \
                    front end has pages of its own (links.base_url).";
        intro.push(note.to_owned());
    }
    let page = Page {
        heading: "An identity gateway".to_owned(),
        intro,
        links: links.collect(),
        ..Page::default()
    };
    answer(&voice, english, 200, page)
}
