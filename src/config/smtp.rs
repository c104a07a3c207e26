//! `[smtp]`: the mail server.

use std::fmt;
use std::net::IpAddr;

use lettre::Address;
use lettre::message::Mailbox;
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::diagnostics::Diagnostics;
use super::section::{Check, section};
use super::service_url;

const REMEDY: &str = "Write smtps://user:password@host, or smtp://user:password@host?tls=required; \
                      percent-encode what is special in a URL.";

section! {
    /// The mail server.
    pub struct Smtp("smtp") {
        /// The mail server: `smtps://user:password@host`, or `smtp://host?tls=required`. Empty sends no
        /// mail.
        pub url: Option<SecretString> = "";
        /// The sender of mail, such as "Example <no-reply@example.com>"; required with a mail server.
        pub from: Option<String> = "";
        /// Seconds for one mail, well below the minute for which a worker claims it.
        pub timeout_seconds: u64 = 10, in 1..=30;
    }
}

/// The submission server (RFC 6409).
#[derive(Clone)]
pub struct SmtpServer {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Whether and how the connection is encrypted.
    pub security: SmtpSecurity,
    /// User name and password.
    pub credentials: Option<(String, SecretString)>,
}

impl fmt::Debug for SmtpServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SmtpServer")
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// How a connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS from the first byte (RFC 8314 §3.3).
    Wrapped,
    /// By STARTTLS; without it nothing is sent.
    Required,
    /// By STARTTLS if offered; a man in the middle can strip the offer.
    Opportunistic,
    /// Not at all.
    Plain,
}

impl Smtp {
    /// The server; `None` when none is named.
    #[must_use]
    pub fn server(&self) -> Option<SmtpServer> {
        SmtpServer::read(self.url.as_ref()?.expose_secret()).ok()
    }

    /// The sender of mail; its domain in ASCII, because servers may lack SMTPUTF8 (RFC 6531).
    #[must_use]
    pub fn sender(&self) -> Option<Mailbox> {
        let written: Mailbox = self.from.as_ref()?.parse().ok()?;
        let (local, domain) = (written.email.user(), written.email.domain());
        if !local.is_ascii() {
            return None;
        }
        let domain = if domain.is_ascii() {
            domain.to_owned()
        } else {
            Host::parse(domain).ok()?.to_string()
        };
        let email = Address::new(local, domain).ok()?;
        Some(Mailbox::new(written.name, email))
    }
}

impl Check for Smtp {
    fn check(&self, diagnostics: &mut Diagnostics<'_>) {
        if self.from.is_some() && self.sender().is_none() {
            diagnostics.refuse(
                "smtp.from",
                "the text is no address, or not one that every mail server takes",
                "Write an address such as \"Example <no-reply@example.com>\".",
            );
        }
        let Some(url) = &self.url else { return };
        if let Err(reason) = SmtpServer::read(url.expose_secret()) {
            diagnostics.refuse("smtp.url", reason, REMEDY);
        } else if self.from.is_none() {
            diagnostics.refuse(
                "smtp.from",
                "there is a mail server, but mail would be from nobody",
                "Write an address such as \"Example <no-reply@example.com>\".",
            );
        }
    }
}

impl SmtpServer {
    /// Reads `smtps://user:password@host:465` or `smtp://host:587?tls=required`.
    fn read(written: &str) -> Result<Self, &'static str> {
        let url = service_url::read(written)?;
        let security = security(&url)?;
        let named = url.host_str().filter(|host| !host.is_empty());
        let host = named.ok_or("the address names no server")?;
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err("the address has a path or a fragment, which mean nothing here");
        }
        let usual = match security {
            SmtpSecurity::Wrapped => 465,
            SmtpSecurity::Required | SmtpSecurity::Opportunistic => 587,
            SmtpSecurity::Plain => 25,
        };
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(usual),
            security,
            credentials: service_url::credentials(&url)?,
        })
    }

    /// Whether mail can be read on its way to the server.
    pub(super) fn is_exposed(&self) -> bool {
        let open = matches!(
            self.security,
            SmtpSecurity::Plain | SmtpSecurity::Opportunistic
        );
        open && !self.is_local()
    }

    fn is_local(&self) -> bool {
        self.host.parse::<IpAddr>().map_or_else(
            |_| self.host == "localhost" || self.host.ends_with(".localhost"),
            |address| address.is_loopback(),
        )
    }
}

fn security(url: &Url) -> Result<SmtpSecurity, &'static str> {
    let mut pairs = url.query_pairs();
    let tls = match (pairs.next(), pairs.next()) {
        (None, _) => None,
        (Some((name, value)), None) if name == "tls" => Some(value),
        _ => return Err("the address has a query other than tls"),
    };
    match (url.scheme(), tls.as_deref()) {
        ("smtps", None) => Ok(SmtpSecurity::Wrapped),
        ("smtp", Some("required")) => Ok(SmtpSecurity::Required),
        ("smtp", Some("opportunistic")) => Ok(SmtpSecurity::Opportunistic),
        ("smtp", None) => Ok(SmtpSecurity::Plain),
        ("smtp" | "smtps", _) => Err("tls is \"required\" or \"opportunistic\", with smtp only"),
        _ => Err("the address starts with neither smtps:// nor smtp://"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_holds_server_encryption_and_credentials() {
        let server =
            SmtpServer::read("smtps://ada%40example.com:p%2Fw%3A@mail.example.com").unwrap();
        assert_eq!(
            (server.host.as_str(), server.port),
            ("mail.example.com", 465)
        );
        assert_eq!(server.security, SmtpSecurity::Wrapped);
        let (user, password) = server.credentials.unwrap();
        assert_eq!(
            (user.as_str(), password.expose_secret()),
            ("ada@example.com", "p/w:")
        );
        let server = SmtpServer::read("smtp://mail:2525/?tls=required").unwrap();
        assert_eq!(
            (server.port, server.security),
            (2525, SmtpSecurity::Required)
        );
        assert_eq!(
            SmtpServer::read("smtp://mail?tls=opportunistic")
                .unwrap()
                .port,
            587
        );
        assert_eq!(SmtpServer::read("smtp://mail").unwrap().port, 25);
    }

    #[test]
    fn plain_connections_are_exposed_except_on_this_machine() {
        let exposed = |url: &str| SmtpServer::read(url).unwrap().is_exposed();
        for fine in [
            "smtps://mail",
            "smtp://mail?tls=required",
            "smtp://127.0.0.1:1025",
            "smtp://[::1]:1025",
            "smtp://localhost",
        ] {
            assert!(!exposed(fine), "{fine}");
        }
        for open in [
            "smtp://mail",
            "smtp://10.0.0.1",
            "smtp://mail?tls=opportunistic",
        ] {
            assert!(exposed(open), "{open}");
        }
    }

    #[test]
    fn urls_that_are_not_mail_servers_are_refused() {
        for wrong in [
            "mail.example.com",
            "https://mail.example.com",
            "smtp://",
            "smtp://mail/path",
            "smtp://mail?tls=maybe",
            "smtp://mail?tls=required&x=y",
            "smtps://mail?tls=required",
            "smtps://ada@mail",
            "smtps://:password@mail",
            "smtps://ada:%ff@mail",
        ] {
            assert!(SmtpServer::read(wrong).is_err(), "{wrong}");
        }
    }
}
