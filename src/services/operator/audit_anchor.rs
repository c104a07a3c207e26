//! A link of the audit chain that an operator keeps outside the database.
//!
//! Restoring an old backup restores valid MACs with it. Only a value kept elsewhere shows that later
//! events are missing.

use std::fmt;

use crate::app::App;
use crate::crypto::keyring::Keyring;
use crate::fault::Fault;
use crate::services::audit::{AuditMac, MacCheck};
use crate::stores::audit_chain;

/// Hexadecimal digits of a hash, which is a MAC.
const DIGITS: usize = 2 * Keyring::MAC_BYTES;

/// The head of the chain at some moment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Anchor {
    /// Its position; 0 is the chain before its first link.
    pub position: i64,
    /// Its hash; empty at position 0.
    pub hash: Vec<u8>,
}

impl fmt::Display for Anchor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.position, self.hash_hex())
    }
}

/// Why a text is not an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnchorParseError {
    /// It does not have the form of an anchor.
    Malformed,
    /// Its hash has only this many digits.
    Truncated(usize),
}

impl fmt::Display for AnchorParseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => formatter.write_str("not an anchor"),
            Self::Truncated(digits) => write!(
                formatter,
                "not a whole anchor: its hash has {digits} digits in place of {DIGITS}"
            ),
        }
    }
}

impl Anchor {
    /// Parses `POSITION:HASH`, the form in which an [`Anchor`] is printed.
    pub fn parse(text: &str) -> Result<Self, AnchorParseError> {
        let (position, hash) = text
            .trim()
            .split_once(':')
            .ok_or(AnchorParseError::Malformed)?;
        let position = position.parse().map_err(|_| AnchorParseError::Malformed)?;
        Self::from_parts(position, hash)
    }

    /// The hash in hexadecimal.
    #[must_use]
    pub fn hash_hex(&self) -> String {
        hex::encode(&self.hash)
    }

    /// An anchor from its position and its hash in hexadecimal.
    pub fn from_parts(position: i64, hash: &str) -> Result<Self, AnchorParseError> {
        let digits = hash.as_bytes();
        let is_hexadecimal = digits.iter().all(u8::is_ascii_hexdigit);
        match (position, digits.len()) {
            (0, 0) | (1.., DIGITS) if is_hexadecimal => {}
            (1.., length) if is_hexadecimal => return Err(AnchorParseError::Truncated(length)),
            _ => return Err(AnchorParseError::Malformed),
        }
        let hash = hex::decode(hash).map_err(|_| AnchorParseError::Malformed)?;
        Ok(Self { position, hash })
    }
}

/// The current head of the chain; `None` before the first event is linked.
///
/// # Errors
/// The MAC of the head is not valid, so the head is not a trustworthy anchor.
pub async fn current(app: &App) -> Result<Option<Anchor>, Fault> {
    let found = audit_chain::find(&app.database).await?;
    let checked = found
        .as_ref()
        .map(|(head, mac)| AuditMac(app).check_head(head, mac));
    let head = match (found, checked) {
        (Some((head, _)), Some(MacCheck::Valid)) => head,
        (_, Some(MacCheck::UnknownKey)) => {
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
    fn an_anchor_parses_as_printed_and_nothing_else_does() {
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
                Err(AnchorParseError::Truncated(digits)),
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
                Err(AnchorParseError::Malformed),
                "{text}"
            );
        }
    }
}
