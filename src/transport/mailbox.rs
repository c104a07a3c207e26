//! The development mailbox: what would have been sent, for people and for programs.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};

use super::Server;
use crate::app::StoredMail;
use crate::domain::html::escaped;

/// Messages are shown inside a frame that runs no script and reaches no network.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
                      frame-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; \
                      form-action 'none'";

pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/dev/mailbox", get(page))
        .route("/dev/mailbox.json", get(list))
}

async fn list(State(server): State<Arc<Server>>) -> Response {
    match server.app.mailbox().await {
        Ok(messages) => Json(messages).into_response(),
        Err(fault) => failed(&fault),
    }
}

async fn page(State(server): State<Arc<Server>>) -> Response {
    match server.app.mailbox().await {
        Ok(messages) => (
            [(header::CONTENT_SECURITY_POLICY, POLICY)],
            Html(render(&messages)),
        )
            .into_response(),
        Err(fault) => failed(&fault),
    }
}

fn failed(fault: &crate::fault::Fault) -> Response {
    tracing::error!(?fault, "the development mailbox cannot be read");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

fn render(messages: &[StoredMail]) -> String {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Mailbox</title><style>\
         body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:820px;padding:24px;\
         color:#1b1f27;background:#f5f6f8}h1{font-size:22px}article{background:#fff;\
         border:1px solid #dfe3ea;border-radius:8px;margin:16px 0;padding:16px}\
         h2{font-size:17px;margin:0}dl{color:#5b6472;font-size:14px;margin:4px 0 12px}\
         dt,dd{display:inline;margin:0 6px 0 0}iframe{width:100%;height:680px;\
         border:1px solid #dfe3ea;border-radius:6px;background:#fff}.sms{max-width:320px;\
         background:#e3ebfd;border-radius:18px 18px 18px 4px;padding:10px 16px;margin:0;\
         font-family:inherit}pre{white-space:pre-wrap;\
         overflow-wrap:anywhere}</style></head><body><h1>Development mailbox</h1>\
         <p>Nothing here was sent to anybody. Reload to see new messages.</p>",
    );
    if messages.is_empty() {
        page.push_str("<p><strong>No messages yet.</strong></p>");
    }
    for message in messages {
        let title = if message.subject.is_empty() {
            "Text message"
        } else {
            &message.subject
        };
        let _ = write!(
            page,
            "<article><h2>{}</h2><dl><dt>to</dt><dd>{}</dd><dt>kind</dt><dd>{}</dd>\
             <dt>at</dt><dd>{}</dd></dl>",
            escaped(title),
            escaped(&message.to),
            escaped(&message.kind),
            escaped(&message.created_at),
        );
        push_body(&mut page, message);
    }
    page.push_str("</body></html>");
    page
}

/// A text message as a phone would show it; a mail in a frame, with its plain part below.
fn push_body(page: &mut String, message: &StoredMail) {
    let text = escaped(&message.text);
    if message.html.is_empty() {
        let _ = write!(page, "<pre class=\"sms\">{text}</pre></article>");
        return;
    }
    // Links open beside the mailbox, as pages of their own that may run their scripts.
    let _ = write!(
        page,
        "<iframe sandbox=\"allow-popups allow-popups-to-escape-sandbox\" title=\"message\" \
         srcdoc=\"{}\"></iframe><details><summary>Plain text</summary><pre>{text}</pre></details>\
         </article>",
        escaped(&message.html)
    );
}
