//! The addresses of services that idgate connects to, which may hold credentials.
//!
//! Refused is what a driver would read as something else than was meant: a `/`, `?` or `#` in a
//! password ends the host early, and the rest of the password becomes a path or a parameter.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::Url;

/// User name and password.
pub(super) type Credentials = (String, SecretString);

/// Reads an address with one host, or with none where the scheme allows that.
///
/// # Errors
///
/// The reason, without any part of the address.
pub(super) fn read(text: &str) -> Result<Url, &'static str> {
    read_host(text, is_host)
}

/// The same where the host may be the percent-encoded path of a socket.
pub(super) fn read_with_socket(text: &str) -> Result<Url, &'static str> {
    let is_socket = |host: &str| host.to_ascii_lowercase().starts_with("%2f");
    read_host(text, |host| is_host(host) || is_socket(host))
}

fn read_host(text: &str, is_host: impl Fn(&str) -> bool) -> Result<Url, &'static str> {
    if text.chars().any(char::is_control) {
        return Err("the address holds a line break or another control character");
    }
    let url = Url::parse(text).map_err(|_| {
        "the address is no URL: it names no host or several, or a sign in its password is not \
         percent-encoded"
    })?;
    if url.fragment().is_some() {
        return Err("the address has a fragment: write # in a password as %23");
    }
    if url.port() == Some(0) {
        return Err("the address has port 0, where nothing listens");
    }
    if url.path().contains('@') || url.query().is_some_and(|query| query.contains('@')) {
        return Err(
            "there is an @ after the host: write /, ? and @ in a password as %2F, %3F, %40",
        );
    }
    match url.host_str() {
        None | Some("") => Ok(url),
        Some(host) if is_host(host) => Ok(url),
        Some(_) => Err("the address names several hosts, or one that is not written in ASCII"),
    }
}

/// Refuses parameters that nothing reads. Their names are not repeated: they may be the end of a
/// password.
pub(super) fn check_parameters(
    url: &Url,
    is_known: impl Fn(&str) -> bool,
) -> Result<(), &'static str> {
    if url.query_pairs().all(|(name, _)| is_known(&name)) {
        Ok(())
    } else {
        Err("the address has a parameter that means nothing here")
    }
}

/// Whether it is a DNS name or an IP address.
fn is_host(host: &str) -> bool {
    if let Some(inside) = host.strip_prefix('[') {
        let inside = inside.strip_suffix(']').unwrap_or_default();
        return inside.parse::<Ipv6Addr>().is_ok();
    }
    let plain = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '.' | '-' | '_');
    host.chars().all(plain)
}

/// User name and password of a URL, decoded.
pub(super) fn credentials(url: &Url) -> Result<Option<Credentials>, &'static str> {
    let decoded = |text: &str| {
        percent_decode_str(text)
            .decode_utf8()
            .map(Cow::into_owned)
            .map_err(|_| "the user name or password is not UTF-8")
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        ("", Some(_)) => Err("there is a password but no user name"),
        (_, None) => Err("there is a user name but no password"),
        (user, Some(password)) => Ok(Some((decoded(user)?, decoded(password)?.into()))),
    }
}

/// Whether the address is on this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_is_accepted_and_nothing_that_a_driver_would_misread() {
        for fine in [
            "postgres://u:p@db.example.com:5432/idgate?sslmode=require",
            "postgres://u:p%23%3F%2F%40@[2001:db8::1]/idgate",
            "postgres://u:@10.0.0.1/idgate",
            "postgres://%2Fvar%2Frun%2Fpostgresql/idgate",
            "postgres:///idgate?host=/run/postgresql",
            "redis://idgate_cache:6379/1",
            "unix:///run/redis.sock?db=1",
        ] {
            assert!(read_with_socket(fine).is_ok(), "{fine}");
        }
        for wrong in [
            "postgres://u:p@one,two/idgate",
            "postgres://u:p@one:5432,two:5432/idgate",
            "postgres://u:1#x@db/idgate",
            "postgres://u:1?x@db/idgate",
            "postgres://u:1/x@db/idgate",
            "postgres://u:p@db:0/idgate",
            "postgres://u:p@b\u{fc}cher.example/idgate",
            "postgres://u:p@d b/idgate",
            "postgres://u:p@[fe80::1%25eth0]/idgate",
            "postgres://u:p\n@db/idgate",
            "redis://:1#insecure",
            "redis://u:p#x@cache",
            "redis://",
        ] {
            let read = read(wrong).map(|url| url.has_host());
            assert!(matches!(read, Err(_) | Ok(false)), "{wrong}");
        }
    }
}
