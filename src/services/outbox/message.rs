//! The messages and their words.

use std::fmt::Write as _;

use super::Body;
use crate::domain::html::escaped;

/// The kinds of messages, as the outbox and the development mailbox name them.
pub mod kinds {
    /// Asks a new person to confirm their address.
    pub const VERIFY_EMAIL: &str = "verify_email";
    /// Tells an owner that somebody tried to register their address again.
    pub const ALREADY_REGISTERED: &str = "already_registered";
    /// Goes nowhere: keeps the work for unknown addresses equal to that for known ones.
    pub const NOTHING: &str = "nothing";
}

/// A message to a person.
#[derive(Debug)]
pub(in crate::services) enum Message<'a> {
    /// Confirm your address by this link.
    VerifyEmail {
        to: &'a str,
        link: &'a str,
        valid_hours: i64,
    },
    /// Somebody registered your address again; sign in instead.
    AlreadyRegistered { to: &'a str, sign_in: &'a str },
    /// Nobody gets this.
    ///
    /// Without it the time of an answer would tell whether an address has an account.
    Nothing,
}

impl Message<'_> {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::VerifyEmail { .. } => kinds::VERIFY_EMAIL,
            Self::AlreadyRegistered { .. } => kinds::ALREADY_REGISTERED,
            Self::Nothing => kinds::NOTHING,
        }
    }

    pub(super) fn channel(&self) -> &'static str {
        match self {
            Self::VerifyEmail { .. } | Self::AlreadyRegistered { .. } => "email",
            Self::Nothing => "none",
        }
    }

    pub(super) fn render(&self) -> Body {
        match self {
            Self::VerifyEmail {
                to,
                link,
                valid_hours,
            } => mail(
                to,
                "Confirm your e-mail address",
                "Please confirm that this address is yours. If you did not create an account, \
                 ignore this message: without your confirmation nothing happens.",
                Some(("Confirm address", link)),
                &format!("The link works once and for {valid_hours} hours."),
            ),
            Self::AlreadyRegistered { to, sign_in } => mail(
                to,
                "You already have an account",
                "Somebody, probably you, tried to create an account with this address. It has \
                 one already, so nothing was changed.",
                Some(("Sign in", sign_in)),
                "If you forgot your password you can set a new one from the sign-in page.",
            ),
            Self::Nothing => Body {
                to: String::new(),
                subject: String::new(),
                text: String::new(),
                html: String::new(),
            },
        }
    }
}

fn mail(
    to: &str,
    subject: &str,
    opening: &str,
    action: Option<(&str, &str)>,
    closing: &str,
) -> Body {
    let mut text = format!("{opening}\n\n");
    let mut button = String::new();
    if let Some((label, link)) = action {
        let _ = write!(text, "{label}: {link}\n\n");
        button = format!(
            "<p><a href=\"{link}\" style=\"display:inline-block;padding:12px 20px;\
             border-radius:6px;background:#1f4fd8;color:#ffffff;text-decoration:none\">\
             {label}</a></p><p style=\"font-size:13px;color:#5b6472;word-break:break-all\">\
             {link}</p>",
            link = escaped(link),
            label = escaped(label),
        );
    }
    text.push_str(closing);
    text.push('\n');
    let html = format!(
        "<!doctype html><html><body style=\"font-family:system-ui,sans-serif;color:#1b1f27;\
         max-width:560px;margin:0 auto;padding:24px\"><h1 style=\"font-size:20px\">{subject}</h1>\
         <p>{opening}</p>{button}<p style=\"color:#5b6472\">{closing}</p></body></html>",
        subject = escaped(subject),
        opening = escaped(opening),
        closing = escaped(closing),
    );
    Body {
        to: to.to_owned(),
        subject: subject.to_owned(),
        text,
        html,
    }
}
