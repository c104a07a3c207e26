//! E-mail addresses: parsing what people type, and the canonical form that identifies an account.

use std::fmt;

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization;

/// RFC 5321 §4.5.3.1.1: octets of a local part.
const MAX_LOCAL: usize = 64;
/// RFC 5321 §4.5.3.1.3: octets of a path, less its two brackets.
const MAX_ADDRESS: usize = 254;
/// The longest accepted input in octets: normalization shortens some texts, but not beyond this.
const MAX_INPUT: usize = 1024;

/// Why a text is not an e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum EmailRule {
    /// It is empty.
    #[error("Enter an e-mail address.")]
    Empty,
    /// The address or one of its parts is too long.
    #[error("This e-mail address is too long.")]
    TooLong,
    /// There is no `@`, or more than one.
    #[error("An e-mail address has exactly one @.")]
    OneAt,
    /// The part before the `@` is invalid.
    #[error("The part before the @ is not valid.")]
    Local,
    /// The part after the `@` is invalid.
    #[error("The part after the @ is not a valid domain.")]
    Domain,
}

/// A valid e-mail address.
///
/// Equality is that of the canonical form, which ignores case.
#[derive(Clone)]
pub struct EmailAddress {
    written: String,
    canonical: String,
}

impl EmailAddress {
    /// Parses an address as typed.
    ///
    /// Folds compatibility forms before any check: a full-width `@` that only becomes one later
    /// would let an address name two domains (the class of GHSA-7rqj-j65f-68wh), and mail must go
    /// to the address that was compared (the class of CVE-2019-19844).
    ///
    /// # Errors
    ///
    /// The first rule that the text violates.
    pub fn parse(text: &str) -> Result<Self, EmailRule> {
        if text.len() > MAX_INPUT {
            return Err(EmailRule::TooLong);
        }
        let normal: String = text.nfkc().collect();
        let normal = normal.trim();
        if normal.is_empty() {
            return Err(EmailRule::Empty);
        }
        let (local, domain) = normal.split_once('@').ok_or(EmailRule::OneAt)?;
        if domain.contains('@') {
            return Err(EmailRule::OneAt);
        }
        let domain = domain.strip_suffix('.').unwrap_or(domain);
        let written = bounded(format!("{local}@{domain}"))?;
        check_local(local)?;
        let folded = fold(local);
        check_local(&folded)?;
        let domain = ascii_domain(domain)?;
        // Any of the forms may be the longest: `ẞ` folds to fewer octets, `é.` is `xn--9ca.`.
        bounded(format!("{local}@{domain}"))?;
        let canonical = bounded(format!("{folded}@{domain}"))?;
        Ok(Self { written, canonical })
    }

    /// The address as typed by its owner, which is stored and displayed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The form for protocols (RFC 5321 §2.3.11): the domain in ASCII, and the local part as
    /// typed, since only its own host may fold it.
    #[must_use]
    pub fn deliverable(&self) -> String {
        let local = self.written.split_once('@').map_or("", |(local, _)| local);
        let domain = self.canonical.split_once('@').map_or("", |(_, it)| it);
        format!("{local}@{domain}")
    }

    /// The unique form: local part in lower case, domain in ASCII.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }
}

impl PartialEq for EmailAddress {
    fn eq(&self, other: &Self) -> bool {
        self.canonical == other.canonical
    }
}

impl Eq for EmailAddress {}

impl EmailAddress {
    /// Enough for the owner to recognize it, too little for anyone else to use it.
    #[must_use]
    pub fn masked(&self) -> String {
        let (local, domain) = self.canonical.split_once('@').unwrap_or_default();
        let first: String = local.chars().take(1).collect();
        format!("{first}***@{domain}")
    }
}

impl fmt::Debug for EmailAddress {
    /// Enough to tell addresses apart in a log.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "EmailAddress({})", self.masked())
    }
}

fn bounded(address: String) -> Result<String, EmailRule> {
    if address.len() > MAX_ADDRESS {
        Err(EmailRule::TooLong)
    } else {
        Ok(address)
    }
}

/// RFC 5321 §4.1.2 and RFC 6531 §3.3: a dot-string of atoms, in ASCII or not.
///
/// Quoted local parts are legal but unused; the spaces, brackets and second `@` that they permit
/// are the tools of attacks on mail software.
fn check_local(local: &str) -> Result<(), EmailRule> {
    if local.len() > MAX_LOCAL {
        return Err(EmailRule::TooLong);
    }
    let forbidden = |character: char| {
        character.is_control()
            || character.is_whitespace()
            || is_invisible(character)
            || r#""<>()[]\,;:@"#.contains(character)
    };
    if local.is_empty()
        || local.starts_with('.')
        || local.ends_with('.')
        || local.contains("..")
        || local.contains(forbidden)
    {
        return Err(EmailRule::Local);
    }
    Ok(())
}

/// Unicode's default ignorable code points: addresses that differ only by these look alike.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// The domain in ASCII and lower case (RFC 5891 by UTS #46).
fn ascii_domain(domain: &str) -> Result<String, EmailRule> {
    if domain.contains(is_invisible) {
        return Err(EmailRule::Domain);
    }
    let ascii = Uts46::new()
        .to_ascii(
            domain.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
            DnsLength::Verify,
        )
        .map_err(|_| EmailRule::Domain)?
        .into_owned();
    let Some((_, top)) = ascii.rsplit_once('.') else {
        return Err(EmailRule::Domain);
    };
    // RFC 3696 §2: a top-level domain is never all digits, so this is a mistyped IP address.
    if top.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(EmailRule::Domain);
    }
    Ok(ascii)
}

/// Lower case character by character and independent of locale, so that an account has one form: a
/// dotless `ı` never becomes an `i`.
fn fold(local: &str) -> String {
    local.chars().flat_map(char::to_lowercase).nfkc().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(text: &str) -> String {
        EmailAddress::parse(text).unwrap().canonical().to_owned()
    }

    #[test]
    fn an_address_is_kept_as_written_and_compared_in_lower_case() {
        let address = EmailAddress::parse("  Ada.Lovelace+tag@Example.COM. ").unwrap();
        assert_eq!(address.as_str(), "Ada.Lovelace+tag@Example.COM");
        assert_eq!(address.canonical(), "ada.lovelace+tag@example.com");
        assert_eq!(
            address,
            EmailAddress::parse("ADA.lovelace+TAG@example.com").unwrap()
        );
    }

    #[test]
    fn every_writing_of_one_address_is_one_account() {
        for text in [
            "A@x.example",
            "a@x.example",
            "a@X.example.",
            "ａ@x.example",
            "a＠x.example",
        ] {
            assert_eq!(canonical(text), "a@x.example", "{text}");
        }
        assert_eq!(canonical("a@bücher.example"), "a@xn--bcher-kva.example");
        assert_eq!(canonical("a@BÜCHER。example"), "a@xn--bcher-kva.example");
        assert_eq!(
            canonical("a@xn--bcher-kva.example"),
            "a@xn--bcher-kva.example"
        );
    }

    #[test]
    fn an_apostrophe_is_part_of_many_names() {
        assert_eq!(
            canonical("Miles.O'Brien@example.com"),
            "miles.o'brien@example.com"
        );
    }

    #[test]
    fn an_at_sign_that_appears_by_folding_counts() {
        assert_eq!(
            EmailAddress::parse("a@good.example＠evil.example").unwrap_err(),
            EmailRule::OneAt
        );
    }

    #[test]
    fn letters_that_look_alike_stay_apart() {
        assert_ne!(canonical("mıke@example.com"), canonical("mike@example.com"));
        assert_ne!(canonical("MİKE@example.com"), canonical("mike@example.com"));
        assert_ne!(
            canonical("раураl@example.com"),
            canonical("paypal@example.com")
        );
    }

    #[test]
    fn a_compared_address_is_the_one_that_is_written_to() {
        // The Kelvin sign folds to K in the stored form too: mail never goes to another mailbox than
        // the one that was compared.
        let address = EmailAddress::parse("mi\u{212a}e@example.com").unwrap();
        assert_eq!(
            (address.as_str(), address.canonical()),
            ("miKe@example.com", "mike@example.com")
        );
    }

    #[test]
    fn what_cannot_be_an_address_is_refused_with_the_rule_it_breaks() {
        let too_long = format!("a@{}.example", vec!["x".repeat(61); 4].join("."));
        let capitals = "ẞ".repeat(21) + "@";
        let cases = [
            ("", EmailRule::Empty),
            (" \u{a0} ", EmailRule::Empty),
            ("ada", EmailRule::OneAt),
            ("ada@b@example.com", EmailRule::OneAt),
            ("@example.com", EmailRule::Local),
            (".ada@example.com", EmailRule::Local),
            ("ada.@example.com", EmailRule::Local),
            ("a..da@example.com", EmailRule::Local),
            ("a da@example.com", EmailRule::Local),
            ("a\u{200b}da@example.com", EmailRule::Local),
            ("a\r\nbcc:x@example.com", EmailRule::Local),
            ("\"ada\"@example.com", EmailRule::Local),
            ("ada,bob@example.com", EmailRule::Local),
            ("<ada@example.com>", EmailRule::Local),
            ("ada@", EmailRule::Domain),
            ("ada@localhost", EmailRule::Domain),
            ("ada@example..com", EmailRule::Domain),
            ("ada@.example.com", EmailRule::Domain),
            ("ada@-example.com", EmailRule::Domain),
            ("ada@exa_mple.com", EmailRule::Domain),
            ("ada@exam ple.com", EmailRule::Domain),
            ("ada@exa\u{ad}mple.com", EmailRule::Domain),
            ("ada@[127.0.0.1]", EmailRule::Domain),
            ("ada@127.0.0.1", EmailRule::Domain),
            ("ada@xn--a.example", EmailRule::Domain),
            ("ada@example.com..", EmailRule::Domain),
            (&too_long, EmailRule::TooLong),
            // 140 octets as typed, 234 folded, 255 as sent.
            (
                &(capitals + &"é.".repeat(23) + "example"),
                EmailRule::TooLong,
            ),
        ];
        for (text, rule) in cases {
            assert_eq!(EmailAddress::parse(text).map(|_| ()), Err(rule), "{text:?}");
        }
    }

    #[test]
    fn lengths_are_counted_in_octets() {
        let local = |length: usize| format!("{}@example.com", "a".repeat(length));
        assert!(EmailAddress::parse(&local(64)).is_ok());
        let wide = format!("{}@example.com", "é".repeat(33));
        for long in [local(65), wide, "x".repeat(1 << 20)] {
            let refused = EmailAddress::parse(&long).unwrap_err();
            assert_eq!(refused, EmailRule::TooLong);
        }
    }

    #[test]
    fn an_address_does_not_print() {
        let address = EmailAddress::parse("Ada.Lovelace@Example.com").unwrap();
        assert_eq!(format!("{address:?}"), "EmailAddress(a***@example.com)");
    }

    #[test]
    fn every_single_letter_folds_to_something_that_folds_to_itself() {
        let changes = |letter: &char| {
            letter.to_lowercase().ne([*letter]) || [*letter].into_iter().nfkc().ne([*letter])
        };
        for letter in ('\0'..=char::MAX).filter(changes) {
            let Ok(address) = EmailAddress::parse(&format!("x{letter}@example.com")) else {
                continue;
            };
            let again = EmailAddress::parse(address.canonical()).unwrap();
            assert_eq!(again.canonical(), address.canonical(), "{letter:?}");
            assert_eq!(again.as_str(), address.canonical(), "{letter:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in ".{0,80}(@.{0,80})?") {
            let _ = EmailAddress::parse(&text);
        }

        #[test]
        fn reading_twice_changes_nothing(
            local in "[a-zA-Z0-9À-ɏͰ-ϿА-я\u{212a}ﬀ-ﬆＡ-ｚ!#$%&'*+/=?^_`{|}~-]{1,16}",
            domain in "[a-zA-Z0-9À-ʯ]{1,12}[.。．][a-zé]{2,9}",
        ) {
            let Ok(address) = EmailAddress::parse(&format!("{local}@{domain}")) else {
                return Ok(());
            };
            let written = EmailAddress::parse(address.as_str()).unwrap();
            prop_assert_eq!(written.as_str(), address.as_str());
            prop_assert_eq!(written.canonical(), address.canonical());
            let canonical = EmailAddress::parse(address.canonical()).unwrap();
            prop_assert_eq!(canonical.as_str(), address.canonical());
            prop_assert_eq!(canonical.canonical(), address.canonical());
        }

        #[test]
        fn ordinary_addresses_are_read_in_any_case(
            text in "[a-z0-9]{1,20}([.+_-][a-z0-9]{1,9}){0,3}@[a-z]{1,20}\\.[a-z]{2,9}",
        ) {
            let upper = EmailAddress::parse(&text.to_uppercase()).unwrap();
            prop_assert_eq!(upper.canonical(), text.as_str());
            prop_assert!(upper.canonical().is_ascii());
        }
    }
}
