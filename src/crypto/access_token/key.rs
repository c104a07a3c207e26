//! A signing key pair: stored as PKCS#8, published as a JWK, identified by its thumbprint.

use std::fmt;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use serde_json::Value;
use zeroize::Zeroizing;

use super::claims::{Claims, TokenError};
use crate::config::Algorithm;

/// RFC 9068 §2.1: prevents an ID token from passing as an access token.
const TOKEN_TYPE: &str = "at+jwt";
/// RFC 8725 §3.11: a signature over a document must not pass as a token of any kind. Its payload is
/// no claims set, either.
const DOCUMENT_TYPE: &str = "document+jws";

/// Why a key pair cannot be created or used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The cryptographic library could not create a key pair.
    #[error("a signing key could not be generated")]
    Generation,
    /// The stored bytes are not a private key of this algorithm.
    #[error("a stored signing key is not a private key of its algorithm")]
    Rejected,
    /// The key set is empty.
    #[error("there is no signing key")]
    NoKey,
    /// The library rejected the key.
    #[error("a signing key cannot be used")]
    Unusable(#[from] jsonwebtoken::errors::Error),
    /// The public key could not be serialized.
    #[error("a public key cannot be written as JSON")]
    Unwritable(#[from] serde_json::Error),
}

const fn in_library(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    match algorithm {
        Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
    }
}

fn generate_pkcs8(
    algorithm: Algorithm,
) -> Result<Zeroizing<Vec<u8>>, aws_lc_rs::error::Unspecified> {
    let bytes = match algorithm {
        Algorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?
            .to_pkcs8v1()?
            .as_ref()
            .to_vec(),
        Algorithm::EdDsa => Ed25519KeyPair::generate()?.to_pkcs8v1()?.as_ref().to_vec(),
        Algorithm::Rs256 => RsaKeyPair::generate(KeySize::Rsa2048)?
            .as_der()?
            .as_ref()
            .to_vec(),
    };
    Ok(Zeroizing::new(bytes))
}

fn read_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<EncodingKey, KeyError> {
    let well_formed = match algorithm {
        Algorithm::Es256 => {
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).is_ok()
        }
        Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(pkcs8).is_ok(),
        Algorithm::Rs256 => RsaKeyPair::from_pkcs8(pkcs8).is_ok(),
    };
    if !well_formed {
        return Err(KeyError::Rejected);
    }
    Ok(match algorithm {
        Algorithm::Es256 => EncodingKey::from_ec_der(pkcs8),
        Algorithm::EdDsa => EncodingKey::from_ed_der(pkcs8),
        // From DER the library accepts PKCS#1 only; from PEM it unwraps PKCS#8.
        Algorithm::Rs256 => EncodingKey::from_rsa_pem(pem(pkcs8).as_bytes())?,
    })
}

fn pem(pkcs8: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(pkcs8));
    let marked = |edge: &str| format!("-----{edge} PRIVATE KEY-----\n");
    let mut text = Zeroizing::new(String::with_capacity(body.len() + body.len() / 32 + 64));
    text.push_str(&marked("BEGIN"));
    for (place, character) in body.char_indices() {
        if place > 0 && place % 64 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text.push('\n');
    text.push_str(&marked("END"));
    text
}

/// A key pair that signs and verifies access tokens.
pub struct SigningKey {
    kid: String,
    algorithm: Algorithm,
    active_from: DateTime<Utc>,
    private_der: Zeroizing<Vec<u8>>,
    public_jwk: Value,
    header: Header,
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl SigningKey {
    /// Generates a key pair that signs from `active_from` on, and verifies once published.
    pub fn generate(algorithm: Algorithm, active_from: DateTime<Utc>) -> Result<Self, KeyError> {
        let pkcs8 = generate_pkcs8(algorithm).map_err(|_| KeyError::Generation)?;
        Self::from_pkcs8(algorithm, pkcs8, active_from)
    }

    /// Restores a key pair from its stored private key.
    pub fn from_pkcs8(
        algorithm: Algorithm,
        private_der: Zeroizing<Vec<u8>>,
        active_from: DateTime<Utc>,
    ) -> Result<Self, KeyError> {
        let encoding = read_pkcs8(algorithm, &private_der)?;
        let mut public_jwk = Jwk::from_encoding_key(&encoding, in_library(algorithm))?;
        // RFC 7638: the thumbprint is the same on every instance, without a registry.
        let kid = public_jwk.thumbprint(ThumbprintHash::SHA256)?;
        public_jwk.common.key_id = Some(kid.clone());
        public_jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let decoding = DecodingKey::from_jwk(&public_jwk)?;
        let mut header = Header::new(in_library(algorithm));
        header.typ = Some(TOKEN_TYPE.to_owned());
        header.kid = Some(kid.clone());
        Ok(Self {
            kid,
            algorithm,
            active_from,
            private_der,
            public_jwk: serde_json::to_value(&public_jwk)?,
            header,
            encoding,
            decoding,
            validation: signature_only(algorithm),
        })
    }

    /// The `kid`: the thumbprint of the public key (RFC 7638).
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The only algorithm that this key signs or verifies with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// When it starts to sign, so that every verifier has fetched the public key by then.
    #[must_use]
    pub fn active_from(&self) -> DateTime<Utc> {
        self.active_from
    }

    /// The private key as PKCS#8 DER, to be sealed and stored.
    #[must_use]
    pub fn private_der(&self) -> &[u8] {
        &self.private_der
    }

    /// The public key as a JSON Web Key with `kid`, `alg` and `use`.
    #[must_use]
    pub fn public_jwk(&self) -> &Value {
        &self.public_jwk
    }

    /// Signs the claims into a compact token.
    pub(super) fn sign(&self, claims: &Claims) -> Result<String, KeyError> {
        Ok(jsonwebtoken::encode(&self.header, claims, &self.encoding)?)
    }

    /// Signs the SHA-256 digest of a document (RFC 7515 §3.1).
    pub(super) fn sign_document(&self, digest: &[u8; 32]) -> Result<String, KeyError> {
        let mut header = self.header.clone();
        header.typ = Some(DOCUMENT_TYPE.to_owned());
        let payload = serde_json::json!({ "sha256": hex::encode(digest) });
        Ok(jsonwebtoken::encode(&header, &payload, &self.encoding)?)
    }

    /// Verifies a token with this key and its algorithm, and returns the claims.
    pub(super) fn read(&self, token: &str) -> Result<Claims, TokenError> {
        use jsonwebtoken::errors::ErrorKind;

        let read = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation);
        read.map(|token| token.claims)
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidSignature => TokenError::WrongSignature,
                ErrorKind::InvalidAlgorithm => TokenError::WrongAlgorithm,
                _ => TokenError::Malformed,
            })
    }

    /// Whether the `typ` of a header is ours; RFC 9068 §4 also permits the long form.
    pub(super) fn is_token_type(typ: &str) -> bool {
        let short = typ
            .get(..12)
            .filter(|prefix| prefix.eq_ignore_ascii_case("application/"));
        let typ = short
            .and_then(|prefix| typ.get(prefix.len()..))
            .unwrap_or(typ);
        typ.eq_ignore_ascii_case(TOKEN_TYPE)
    }
}

/// Times, issuer and audience are checked by us: the library would use the system's clock.
fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(in_library(algorithm));
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SigningKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .field("active_from", &self.active_from)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap()
    }

    #[test]
    fn every_algorithm_makes_keys_that_store_and_rebuild() {
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
            let made = SigningKey::generate(algorithm, instant()).unwrap();
            let stored = Zeroizing::new(made.private_der().to_vec());
            let rebuilt = SigningKey::from_pkcs8(algorithm, stored, instant()).unwrap();
            assert_eq!(made.kid(), rebuilt.kid());
            assert_eq!(made.public_jwk(), rebuilt.public_jwk());
            assert_eq!(algorithm.as_str().parse(), Ok(algorithm));
        }
    }

    #[test]
    fn a_private_key_of_another_algorithm_is_rejected() {
        let made = SigningKey::generate(Algorithm::Es256, instant()).unwrap();
        for (algorithm, bytes) in [
            (Algorithm::Rs256, made.private_der()),
            (Algorithm::EdDsa, made.private_der()),
            (Algorithm::Es256, b"junk".as_slice()),
        ] {
            let bytes = Zeroizing::new(bytes.to_vec());
            let rebuilt = SigningKey::from_pkcs8(algorithm, bytes, instant());
            assert!(matches!(rebuilt, Err(KeyError::Rejected)), "{algorithm:?}");
        }
    }

    /// The example of RFC 8037 appendix A: a private key, its public key and its thumbprint.
    #[test]
    fn the_published_thumbprint_comes_out() {
        let seed = [
            0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec,
            0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03,
            0x1c, 0xae, 0x7f, 0x60,
        ];
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let pkcs8 = Zeroizing::new(pair.to_pkcs8v1().unwrap().as_ref().to_vec());
        let key = SigningKey::from_pkcs8(Algorithm::EdDsa, pkcs8, instant()).unwrap();
        assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let jwk = key.public_jwk();
        assert_eq!(jwk["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    }

    #[test]
    fn a_debugged_key_shows_nothing_private() {
        let key = SigningKey::generate(Algorithm::EdDsa, instant()).unwrap();
        let text = format!("{key:?}");
        assert!(
            text.contains(key.kid()) && !text.contains("private"),
            "{text}"
        );
    }

    #[test]
    fn the_token_type_is_read_in_both_forms() {
        for (typ, expected) in [
            ("at+jwt", true),
            ("AT+JWT", true),
            ("application/at+jwt", true),
            ("JWT", false),
            ("application/jwt", false),
            ("applicatioñ/at+jwt", false),
            ("", false),
        ] {
            assert_eq!(SigningKey::is_token_type(typ), expected, "{typ}");
        }
    }
}
