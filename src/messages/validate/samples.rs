//! One message of every kind, with made-up values.

use crate::domain::code::CodePurpose;
use crate::messages::Message;

pub(super) const LINK: &str =
    "https://id.example.com/confirm?token=idl_Sample-0nly_7GdTz4qVtW1xkLmR0yBnE";
const SIGN_IN: &str = "https://id.example.com/sign-in";
const CODE: &str = "123456";
const MINUTES: i64 = 30;

/// One message of every kind, for validation and previews.
#[must_use]
pub fn samples() -> Vec<Message<'static>> {
    let codes = CodePurpose::ALL.map(|purpose| Message::Code {
        purpose,
        code: CODE,
        minutes: 10,
    });
    let mut samples = vec![
        Message::VerifyEmail {
            link: LINK,
            hours: 24,
        },
        Message::AlreadyRegistered { sign_in: SIGN_IN },
        Message::ResetPassword {
            link: LINK,
            minutes: MINUTES,
        },
        Message::Invitation {
            link: LINK,
            hours: 168,
        },
        Message::SignInWithGoogle { sign_in: SIGN_IN },
        Message::PasswordChanged { sign_in: SIGN_IN },
        Message::ChangeEmail {
            link: LINK,
            code: CODE,
            minutes: MINUTES,
        },
        Message::EmailChanged {
            new_address: "a***@example.org",
            revert_link: LINK,
            days: 30,
        },
        Message::EmailReverted {
            link: LINK,
            minutes: MINUTES,
        },
        Message::EmailNoted {
            new_address: "a***@example.org",
        },
        Message::PhoneChanged {
            new_number: "+44******123",
        },
        Message::AccountReclaimed { sign_in: SIGN_IN },
        Message::IdentityLinked { provider: "Google" },
        Message::IdentityUnlinked { provider: "Google" },
        Message::IdentitiesEnded {
            provider: "Google",
            sign_in: SIGN_IN,
        },
    ];
    samples.extend(codes);
    samples
}
