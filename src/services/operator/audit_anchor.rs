//! A place in the audit chain that an operator keeps apart from the database.
//!
//! Everything in the database can be put back as it once was, codes included. Only what is kept
//! elsewhere tells that something came after it.

use std::fmt;

use crate::app::App;
use crate::fault::Fault;
use crate::services::audit::{Author, Proof};
use crate::services::operator::audit_seal::hex;
use crate::stores::audit_chain;

/// The longest hash that is read, in hexadecimal digits.
const LONGEST: usize = 256;

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

impl Anchor {
    /// Reads `POSITION:HASH`, as [`Anchor`] is printed; `None` if it is something else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (position, hash) = text.trim().split_once(':')?;
        Self::of(position.parse().ok()?, hash)
    }

    /// The hash in hexadecimal.
    #[must_use]
    pub fn hash_text(&self) -> String {
        hex(&self.hash)
    }

    /// An anchor of a position and a hash in hexadecimal; `None` if they are none.
    #[must_use]
    pub fn of(position: i64, hash: &str) -> Option<Self> {
        let digits = hash.as_bytes();
        let fits = position >= 0 && digits.is_empty() == (position == 0) && digits.len() <= LONGEST;
        let hash: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
        hash.filter(|_| fits).map(|hash| Self { position, hash })
    }
}

fn byte(digits: &[u8]) -> Option<u8> {
    let [high, low] = digits else { return None };
    let value = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(value(*high)? * 16 + value(*low)?).ok()
}

/// The last link there is.
///
/// # Errors
///
/// That the end of the chain is not as idgate wrote it, so it is nothing to hold on to.
pub async fn last(app: &App) -> Result<Anchor, Fault> {
    let found = audit_chain::find(&app.database).await?;
    let ours = found.filter(|(head, mac)| Proof(app).head(head, mac) == Author::Idgate);
    let (head, _) = ours.ok_or_else(|| {
        Fault::new(
            "the end of the audit chain is not as idgate wrote it, so it is no anchor; run \
             `idgate audit verify`",
        )
    })?;
    Ok(Anchor {
        position: head.position,
        hash: head.hash,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_again_and_nothing_else_is() {
        for text in ["0:", "1:00", "9223372036854775807:0aff"] {
            let anchor = Anchor::parse(text).expect(text);
            assert_eq!(anchor.to_string(), text);
        }
        assert_eq!(
            Anchor::parse(" 7:0A \n").map(|it| it.to_string()),
            Some("7:0a".to_owned())
        );
        let long = format!("1:{}", "00".repeat(200));
        for text in [
            "", ":", "1:", "0:00", "-1:00", "1:0", "1:0g", "1:+1", "x:00", "1", &long,
        ] {
            assert_eq!(Anchor::parse(text), None, "{text}");
        }
    }
}
