//! The parts of a message that its words and templates show.

/// What a template shows of one message, besides its words.
#[derive(Default)]
pub(super) struct MessageParts<'a> {
    pub(super) link: Option<&'a str>,
    /// Whether a text message leaves the link out; people know the way to the sign-in page.
    pub(super) only_by_mail: bool,
    pub(super) code: Option<&'a str>,
    pub(super) valid_for: Option<ValidFor>,
    /// Another value, by its name in the catalogs.
    pub(super) value: Option<(&'static str, &'a str)>,
}

/// A part of a message, with a sample that validation and previews show.
pub(super) trait Part<'a>: Copy {
    const SAMPLE: Self;

    fn add_to(self, parts: &mut MessageParts<'a>);
}

/// A link with a token.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a>(pub &'a str);

impl<'a> Part<'a> for Link<'a> {
    const SAMPLE: Self =
        Self("https://id.example.com/confirm?token=idl_Sample-0nly_7GdTz4qVtW1xkLmR0yBnE");

    fn add_to(self, parts: &mut MessageParts<'a>) {
        parts.link = Some(self.0);
    }
}

/// Where to sign in.
#[derive(Clone, Copy, Debug)]
pub struct SignIn<'a>(pub &'a str);

impl<'a> Part<'a> for SignIn<'a> {
    const SAMPLE: Self = Self("https://id.example.com/sign-in");

    fn add_to(self, parts: &mut MessageParts<'a>) {
        parts.link = Some(self.0);
        parts.only_by_mail = true;
    }
}

/// A one-time code.
#[derive(Clone, Copy, Debug)]
pub struct Code<'a>(pub &'a str);

impl<'a> Part<'a> for Code<'a> {
    const SAMPLE: Self = Self("123456");

    fn add_to(self, parts: &mut MessageParts<'a>) {
        parts.code = Some(self.0);
    }
}

/// How long a link or code is valid.
#[derive(Clone, Copy, Debug)]
pub enum ValidFor {
    /// In minutes.
    Minutes(i64),
    /// In hours.
    Hours(i64),
    /// In days.
    Days(i64),
}

impl ValidFor {
    /// The largest unit that is exact and stays above one: 1440 minutes are "24 hours".
    pub(super) const fn rounded(self) -> Self {
        match self {
            Self::Minutes(count) if count >= 120 && count % 60 == 0 => {
                Self::Hours(count / 60).rounded()
            }
            Self::Hours(count) if count >= 48 && count % 24 == 0 => Self::Days(count / 24),
            other => other,
        }
    }
}

impl Part<'_> for ValidFor {
    const SAMPLE: Self = Self::Minutes(30);

    fn add_to(self, parts: &mut MessageParts<'_>) {
        parts.valid_for = Some(self);
    }
}

/// A new e-mail address, partly hidden.
#[derive(Clone, Copy, Debug)]
pub struct NewAddress<'a>(pub &'a str);

impl<'a> Part<'a> for NewAddress<'a> {
    const SAMPLE: Self = Self("a***@example.org");

    fn add_to(self, parts: &mut MessageParts<'a>) {
        parts.value = Some(("address", self.0));
    }
}

/// A new phone number, partly hidden.
#[derive(Clone, Copy, Debug)]
pub struct NewNumber<'a>(pub &'a str);

impl<'a> Part<'a> for NewNumber<'a> {
    const SAMPLE: Self = Self("+44******123");

    fn add_to(self, parts: &mut MessageParts<'a>) {
        parts.value = Some(("number", self.0));
    }
}

/// A provider of sign-ins, such as "Google".
#[derive(Clone, Copy, Debug)]
pub struct Provider<'a>(pub &'a str);

impl<'a> Part<'a> for Provider<'a> {
    const SAMPLE: Self = Self("Google");

    fn add_to(self, parts: &mut MessageParts<'a>) {
        parts.value = Some(("provider", self.0));
    }
}
