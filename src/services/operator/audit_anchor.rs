//! A place in the audit chain that an operator keeps apart from the database.
//!
//! Everything in the database can be put back as it once was, codes included. Only what is kept
//! elsewhere tells that something came after it.

use std::fmt;

use crate::app::App;
use crate::crypto::keyring::Keyring;
use crate::fault::Fault;
use crate::services::audit::{Author, Proof};
use crate::services::operator::audit_seal::hex;
use crate::stores::audit_chain;

/// Hexadecimal digits of a hash, which is a MAC.
const DIGITS: usize = 2 * Keyring::MAC_BYTES;

/// A link of the chain as it was when somebody looked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Anchor {
    /// Its position; 0 is the chain before its first link.
    pub position: i64,
    /// Its hash; empty at position 0.
    pub hash: Vec<u8>,
}

impl fmt::Display for Anchor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.position, self.hash_text())
    }
}

/// Why something is no anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAnAnchor {
    /// It is something else.
    SomethingElse,
    /// A part of one: its hash has this many digits.
    CutShort(usize),
}

impl fmt::Display for NotAnAnchor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SomethingElse => formatter.write_str("not an anchor"),
            Self::CutShort(digits) => write!(
                formatter,
                "not a whole anchor: its hash has {digits} digits in place of {DIGITS}"
            ),
        }
    }
}

impl Anchor {
    /// Reads `POSITION:HASH`, as [`Anchor`] is printed.
    ///
    /// # Errors
    ///
    /// When it is something else, or a part of an anchor.
    pub fn parse(text: &str) -> Result<Self, NotAnAnchor> {
        let (position, hash) = text
            .trim()
            .split_once(':')
            .ok_or(NotAnAnchor::SomethingElse)?;
        let position = position.parse().map_err(|_| NotAnAnchor::SomethingElse)?;
        Self::of(position, hash)
    }

    /// The hash in hexadecimal.
    #[must_use]
    pub fn hash_text(&self) -> String {
        hex(&self.hash)
    }

    /// An anchor of a position and a hash in hexadecimal.
    ///
    /// # Errors
    ///
    /// When they are none, or the hash is not whole.
    pub fn of(position: i64, hash: &str) -> Result<Self, NotAnAnchor> {
        let digits = hash.as_bytes();
        let is_hexadecimal = digits.iter().all(u8::is_ascii_hexdigit);
        match (position, digits.len()) {
            (0, 0) | (1.., DIGITS) if is_hexadecimal => {}
            (1.., length) if is_hexadecimal => return Err(NotAnAnchor::CutShort(length)),
            _ => return Err(NotAnAnchor::SomethingElse),
        }
        let hash: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
        let hash = hash.ok_or(NotAnAnchor::SomethingElse)?;
        Ok(Self { position, hash })
    }
}

fn byte(digits: &[u8]) -> Option<u8> {
    let [high, low] = digits else { return None };
    let value = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(value(*high)? * 16 + value(*low)?).ok()
}

/// The last link there is; none before the first event is linked.
///
/// # Errors
///
/// That the end of the chain is not as idgate wrote it, so it is nothing to hold on to.
pub async fn last(app: &App) -> Result<Option<Anchor>, Fault> {
    let found = audit_chain::find(&app.database).await?;
    let author = found.as_ref().map(|(head, mac)| Proof(app).head(head, mac));
    let head = match (found, author) {
        (Some((head, _)), Some(Author::Idgate)) => head,
        (_, Some(Author::Unknown)) => {
            return Err(Fault::new(
                "the end of the audit chain has a code that names no master key known here, so it \
                 is no anchor; if the key was rotated, give the old one as \
                 IDGATE_KEYS__MASTER_PREVIOUS",
            ));
        }
        _ => {
            return Err(Fault::new(
                "the end of the audit chain is not as idgate wrote it, so it is no anchor; run \
                 `idgate audit verify`",
            ));
        }
    };
    Ok((head.position > 0).then_some(Anchor {
        position: head.position,
        hash: head.hash,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_again_and_nothing_else_is() {
        let hash = "0a".repeat(Keyring::MAC_BYTES);
        for text in [
            "0:",
            &format!("1:{hash}"),
            &format!("9223372036854775807:{hash}"),
        ] {
            let anchor = Anchor::parse(text).unwrap();
            assert_eq!(anchor.to_string(), text);
        }
        let spelled = Anchor::parse(&format!(" 7:{} \n", hash.to_uppercase()));
        assert_eq!(spelled.unwrap().to_string(), format!("7:{hash}"));
        for (hash, digits) in [
            ("", 0),
            ("00", 2),
            ("0", 1),
            (&hash[1..], DIGITS - 1),
            (&format!("{hash}0"), DIGITS + 1),
        ] {
            let text = format!("1:{hash}");
            assert_eq!(
                Anchor::parse(&text),
                Err(NotAnAnchor::CutShort(digits)),
                "{text}"
            );
        }
        let foreign = format!("1:{}zz", &hash[2..]);
        for text in [
            "",
            ":",
            "0:00",
            "-1:00",
            "1:0g",
            "1:+1",
            "x:00",
            "1",
            "yesterday",
            &foreign,
        ] {
            assert_eq!(
                Anchor::parse(text),
                Err(NotAnAnchor::SomethingElse),
                "{text}"
            );
        }
    }
}
