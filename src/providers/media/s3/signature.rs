//! AWS Signature Version 4, for single requests whose bodies are known or unsigned.
//!
//! Written here because the announced size has to be part of a signed upload URL: a client could
//! otherwise send five gigabytes. See `docs/decisions/media.md`.

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::fault::Fault;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "s3";
/// The hash of a body that is not signed.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// RFC 3986 §2.3: every other byte of a query is encoded.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// An access key.
pub(super) struct Signer {
    pub(super) region: String,
    pub(super) access_key: String,
    pub(super) secret_key: SecretString,
}

/// A request to be signed. Header names are in lower case.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) url: &'a Url,
    /// Headers besides `host` and those that signing adds.
    pub(super) headers: &'a [(&'static str, String)],
    pub(super) now: DateTime<Utc>,
}

impl Signer {
    /// The headers with which a request is sent, `Authorization` among them.
    pub(super) fn headers(
        &self,
        request: &Request<'_>,
        body: &[u8],
    ) -> Result<Vec<(&'static str, String)>, Fault> {
        let hash = hex::encode(Sha256::digest(body));
        let mut headers = request.headers.to_vec();
        headers.push(("x-amz-content-sha256", hash.clone()));
        headers.push(("x-amz-date", timestamp(request.now)));
        let signed = Signed::of(request.url, &headers);
        let query = request.url.query().unwrap_or_default();
        let signature = self.signature(request, &signed, query, &hash)?;
        let value = format!(
            "{ALGORITHM} Credential={}, SignedHeaders={}, Signature={signature}",
            self.credential(request.now),
            signed.names
        );
        headers.push(("authorization", value));
        Ok(headers)
    }

    /// The address at which anyone may send this request for so many seconds. The headers have to be
    /// sent with it as they are.
    pub(super) fn presigned(&self, request: &Request<'_>, seconds: i64) -> Result<Url, Fault> {
        let signed = Signed::of(request.url, request.headers);
        let credential = self.credential(request.now);
        let encoded = |text: &str| utf8_percent_encode(text, QUERY).to_string();
        // In the order of their names, as the canonical request has them.
        let query = format!(
            "X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={}&X-Amz-Date={}&X-Amz-Expires={seconds}\
             &X-Amz-SignedHeaders={}",
            encoded(&credential),
            timestamp(request.now),
            encoded(&signed.names),
        );
        let signature = self.signature(request, &signed, &query, UNSIGNED)?;
        let mut url = request.url.clone();
        url.set_query(Some(&format!("{query}&X-Amz-Signature={signature}")));
        Ok(url)
    }

    fn signature(
        &self,
        request: &Request<'_>,
        signed: &Signed,
        query: &str,
        payload: &str,
    ) -> Result<String, Fault> {
        let canonical = format!(
            "{}\n{}\n{query}\n{}\n{}\n{payload}",
            request.method,
            request.url.path(),
            signed.lines,
            signed.names
        );
        let to_sign = format!(
            "{ALGORITHM}\n{}\n{}\n{}",
            timestamp(request.now),
            self.scope(request.now),
            hex::encode(Sha256::digest(canonical))
        );
        let secret = format!("AWS4{}", self.secret_key.expose_secret());
        let mut key = mac(secret.as_bytes(), &day(request.now))?;
        for part in [self.region.as_str(), SERVICE, "aws4_request"] {
            key = mac(&key, part)?;
        }
        Ok(hex::encode(mac(&key, &to_sign)?))
    }

    fn credential(&self, now: DateTime<Utc>) -> String {
        format!("{}/{}", self.access_key, self.scope(now))
    }

    fn scope(&self, now: DateTime<Utc>) -> String {
        format!("{}/{}/{SERVICE}/aws4_request", day(now), self.region)
    }
}

/// The signed headers, in canonical form.
struct Signed {
    /// `name:value`, each with a line break.
    lines: String,
    /// The names, joined by semicolons.
    names: String,
}

impl Signed {
    fn of(url: &Url, headers: &[(&'static str, String)]) -> Self {
        let mut all: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (*name, value.trim()))
            .collect();
        let host = host(url);
        all.push(("host", &host));
        all.sort_unstable();
        let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        let lines = all.iter().map(|(name, value)| format!("{name}:{value}\n"));
        Self {
            names: names.join(";"),
            lines: lines.collect(),
        }
    }
}

/// The `Host` header that the HTTP client sends.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn mac(key: &[u8], text: &str) -> Result<Vec<u8>, Fault> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key)?;
    mac.update(text.as_bytes());
    Ok(mac.finalize().into_bytes().to_vec())
}

fn day(now: DateTime<Utc>) -> String {
    now.format("%Y%m%d").to_string()
}

fn timestamp(now: DateTime<Utc>) -> String {
    now.format("%Y%m%dT%H%M%SZ").to_string()
}

#[cfg(test)]
mod tests {
    //! The examples of the Amazon S3 API reference, "Authenticating Requests (AWS Signature Version
    //! 4)".

    use super::*;

    fn signer() -> Signer {
        Signer {
            region: "us-east-1".to_owned(),
            access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
        }
    }

    fn signature(request: &Request<'_>, body: &[u8]) -> String {
        let headers = signer().headers(request, body).unwrap();
        let (_, value) = headers.last().unwrap();
        value.rsplit_once("Signature=").unwrap().1.to_owned()
    }

    #[test]
    fn requests_are_signed_as_in_the_examples() {
        let now = "2013-05-24T00:00:00Z".parse().unwrap();
        let url = |path: &str| {
            Url::parse(&format!("https://examplebucket.s3.amazonaws.com/{path}")).unwrap()
        };
        let get = Request {
            method: "GET",
            url: &url("test.txt"),
            headers: &[("range", "bytes=0-9".to_owned())],
            now,
        };
        assert_eq!(
            signature(&get, b""),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
        let put = Request {
            method: "PUT",
            url: &url("test%24file.text"),
            headers: &[
                ("date", "Fri, 24 May 2013 00:00:00 GMT".to_owned()),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY".to_owned()),
            ],
            now,
        };
        assert_eq!(
            signature(&put, b"Welcome to Amazon S3."),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
        );
        let presigned = Request {
            method: "GET",
            url: &url("test.txt"),
            headers: &[],
            now,
        };
        let presigned = signer().presigned(&presigned, 86_400).unwrap();
        assert_eq!(
            presigned.query().unwrap(),
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2F\
             us-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&\
             X-Amz-SignedHeaders=host&X-Amz-Signature=\
             aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        );
    }

    #[test]
    fn the_size_and_the_type_are_part_of_a_signed_address() {
        let url = Url::parse("http://127.0.0.1:9000/bucket/uploads/1").unwrap();
        let signed = |length: &str| {
            let headers = [
                ("content-length", length.to_owned()),
                ("content-type", "image/png".to_owned()),
            ];
            let request = Request {
                method: "PUT",
                url: &url,
                headers: &headers,
                now: DateTime::UNIX_EPOCH,
            };
            signer().presigned(&request, 600).unwrap()
        };
        assert_ne!(signed("1"), signed("2"));
        let names = "X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost";
        assert!(signed("1").query().unwrap().contains(names));
    }
}
