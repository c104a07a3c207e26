//! The refresh cookie (RFC 6265).
//!
//! Read and written here rather than by `cookie`: with it these functions are as long, and it wipes
//! no memory.

use axum::http::HeaderValue;
use chrono::{DateTime, Utc};

use crate::domain::token::{PlainToken, TokenKind};
use crate::schema::request::CookieChange;

/// The `__Host-` prefix binds the cookie to this host and https (RFC 6265bis §4.1.3.2).
const SECURE_NAME: &str = "__Host-idgate_refresh";
/// For plain http on localhost, where browsers reject the prefix.
const LOCAL_NAME: &str = "idgate_refresh";

fn name(secure: bool) -> &'static str {
    if secure { SECURE_NAME } else { LOCAL_NAME }
}

/// The refresh token in the `Cookie` headers.
pub(super) fn refresh_token<'a>(
    secure: bool,
    values: impl IntoIterator<Item = &'a HeaderValue>,
) -> Option<PlainToken> {
    values
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name(secure))
        .and_then(|(_, value)| PlainToken::parse(TokenKind::Refresh, value))
}

/// The `Set-Cookie` header for a change of the cookie.
pub(super) fn set_cookie(
    change: &CookieChange,
    secure: bool,
    same_site: &str,
    now: DateTime<Utc>,
) -> Option<HeaderValue> {
    let name = name(secure);
    let flag = if secure { "; Secure" } else { "" };
    let text = match change {
        CookieChange::Set { token, expires_at } => {
            let age = (*expires_at - now).num_seconds().max(0);
            let value = token.reveal();
            format!("{name}={value}; Path=/; HttpOnly; SameSite={same_site}; Max-Age={age}{flag}")
        }
        CookieChange::Clear => {
            format!("{name}=; Path=/; HttpOnly; SameSite={same_site}; Max-Age=0{flag}")
        }
    };
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change() -> CookieChange {
        let expires_at = DateTime::from_timestamp(100, 0).unwrap();
        CookieChange::Set {
            token: PlainToken::from_random(TokenKind::Refresh, [7; 32]),
            expires_at,
        }
    }

    #[test]
    fn the_cookie_is_bound_to_the_host_and_hidden_from_scripts() {
        let now = DateTime::from_timestamp(40, 0).unwrap();
        let value = set_cookie(&change(), true, "Lax", now).unwrap();
        let text = value.to_str().unwrap();
        assert!(text.starts_with("__Host-idgate_refresh=idr_"), "{text}");
        assert!(
            text.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure"),
            "{text}"
        );
        assert!(!text.contains("Domain"));
        assert!(
            !format!("{value:?}").contains("idr_"),
            "the value shows in Debug"
        );
    }

    #[test]
    fn what_is_set_can_be_read_again() {
        let now = DateTime::from_timestamp(0, 0).unwrap();
        for secure in [true, false] {
            let value = set_cookie(&change(), secure, "Lax", now).unwrap();
            let pair = value
                .to_str()
                .unwrap()
                .split(';')
                .next()
                .unwrap()
                .to_owned();
            let headers = [format!("a=b; {pair}").parse().unwrap()];
            assert!(refresh_token(secure, &headers).is_some());
            assert!(
                refresh_token(!secure, &headers).is_none(),
                "the names must not be mixed up"
            );
        }
    }
}
