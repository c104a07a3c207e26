//! Opaque tokens: handed out once in plain text, stored only as a hash.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Random bytes in a token: 256 bits cannot be guessed.
const SECRET_BYTES: usize = 32;
/// Their length in unpadded base64.
const SECRET_CHARACTERS: usize = 43;

/// The purpose of a token. The prefix keeps kinds apart and lets secret scanners find leaks; existing
/// prefixes never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// Continues a session.
    Refresh,
    /// Proves the receipt of a message.
    Link,
    /// Identifies a device that signed in before.
    Device,
}

impl TokenKind {
    /// The prefix of tokens of this kind.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Refresh => "idr_",
            Self::Link => "idl_",
            Self::Device => "idd_",
        }
    }
}

/// A token in plain text. It does not print, and its memory is wiped.
#[derive(Clone)]
pub struct PlainToken(Zeroizing<String>);

impl PlainToken {
    /// A new token from random bytes.
    #[must_use]
    pub fn from_random(kind: TokenKind, secret: [u8; SECRET_BYTES]) -> Self {
        let secret = Zeroizing::new(secret);
        let length = kind.prefix().len() + SECRET_CHARACTERS;
        let mut text = Zeroizing::new(String::with_capacity(length));
        text.push_str(kind.prefix());
        URL_SAFE_NO_PAD.encode_string(*secret, &mut text);
        Self(text)
    }

    /// Parses a presented token of this kind, in its canonical encoding only.
    #[must_use]
    pub fn parse(kind: TokenKind, text: &str) -> Option<Self> {
        let encoded = text.strip_prefix(kind.prefix())?;
        if encoded.len() != SECRET_CHARACTERS {
            return None;
        }
        let mut secret = Zeroizing::new([0; SECRET_BYTES + 1]);
        let length = URL_SAFE_NO_PAD.decode_slice(encoded, &mut *secret).ok()?;
        (length == SECRET_BYTES).then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The token, for the answer or message that carries it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The hash that is stored. Unsalted is enough: 256 random bits cannot be searched.
    #[must_use]
    pub fn hash(&self) -> HashedToken {
        HashedToken(Sha256::digest(self.0.as_bytes()).into())
    }

    /// A key that only the holder of the token can derive (RFC 5869, without salt, as the token is
    /// uniformly random). Seals the successor for a repeated presentation of this token.
    #[must_use]
    pub fn derive_key(&self, label: &str) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        let hkdf = Hkdf::<Sha256>::new(None, self.0.as_bytes());
        if hkdf.expand(label.as_bytes(), key.as_mut()).is_err() {
            unreachable!("HKDF-SHA256 gives up to 8160 bytes");
        }
        key
    }
}

impl fmt::Debug for PlainToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PlainToken(***)")
    }
}

/// What a client presents as its refresh token.
#[derive(Debug)]
pub enum RefreshCredential {
    /// A refresh token of ours.
    Token(PlainToken),
    /// Perhaps a refresh token that the old system issued: only its key can tell.
    Legacy(SecretString),
}

impl RefreshCredential {
    /// Reads a refresh token; `None` if it can be neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(token) = PlainToken::parse(TokenKind::Refresh, text) {
            return Some(Self::Token(token));
        }
        // RFC 7515 §7.1: three parts.
        (text.split('.').count() == 3).then(|| Self::Legacy(text.into()))
    }
}

/// The SHA-256 of a token: enough to find it, useless to an attacker.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct HashedToken([u8; 32]);

impl HashedToken {
    /// The hash as stored.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A stored hash, or the digest of something else that may be used only once.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for HashedToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HashedToken(***)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KINDS: [TokenKind; 3] = [TokenKind::Refresh, TokenKind::Link, TokenKind::Device];

    #[test]
    fn neither_form_of_a_token_prints() {
        let token = PlainToken::from_random(TokenKind::Refresh, [7; 32]);
        assert_eq!(
            format!("{token:?} {:?}", token.hash()),
            "PlainToken(***) HashedToken(***)"
        );
    }

    #[test]
    fn a_token_looks_as_it_always_did() {
        let token = PlainToken::from_random(TokenKind::Refresh, [0; 32]);
        assert_eq!(token.reveal(), format!("idr_{}", "A".repeat(43)));
        assert!(
            token
                .hash()
                .as_bytes()
                .starts_with(&[0xd3, 0x1f, 0xa0, 0x99])
        );
    }

    #[test]
    fn a_second_spelling_of_the_same_bytes_is_refused() {
        // 43 characters hold two bits more than 32 bytes; they must be zero.
        let other = format!("idr_{}B", "A".repeat(42));
        assert!(PlainToken::parse(TokenKind::Refresh, &other).is_none());
    }

    #[test]
    fn keys_differ_by_label_and_token() {
        let token = PlainToken::from_random(TokenKind::Refresh, [1; 32]);
        let other = PlainToken::from_random(TokenKind::Refresh, [2; 32]);
        assert_eq!(token.derive_key("a"), token.derive_key("a"));
        assert_ne!(token.derive_key("a"), token.derive_key("b"));
        assert_ne!(token.derive_key("a"), other.derive_key("a"));
        assert_ne!(*token.derive_key("a"), *token.hash().as_bytes());
    }

    proptest! {
        #[test]
        fn every_token_reads_back_as_its_own_kind_only(secret: [u8; 32], kind in 0_usize..3) {
            let token = PlainToken::from_random(KINDS[kind], secret);
            for (place, other) in KINDS.into_iter().enumerate() {
                let parsed = PlainToken::parse(other, token.reveal());
                prop_assert_eq!(parsed.is_some(), place == kind);
                if let Some(parsed) = parsed {
                    prop_assert_eq!(parsed.hash(), token.hash());
                }
            }
        }

        #[test]
        fn no_text_breaks_the_reader(text in "(idr_)?.{0,60}") {
            let _ = PlainToken::parse(TokenKind::Refresh, &text);
        }

        #[test]
        fn a_changed_character_changes_the_hash_or_the_token(
            secret: [u8; 32],
            place in 4_usize..47,
        ) {
            let token = PlainToken::from_random(TokenKind::Link, secret);
            let mut text = token.reveal().as_bytes().to_vec();
            text[place] = if text[place] == b'A' { b'Q' } else { b'A' };
            let text = String::from_utf8(text).unwrap();
            if let Some(changed) = PlainToken::parse(TokenKind::Link, &text) {
                prop_assert_ne!(changed.hash(), token.hash());
            }
        }
    }
}
