//! SMTP submission (RFC 6409): one time limit per message, reused connections.
//!
//! The library's own pool takes back connections of cancelled sends; the next message would then read
//! the answers to the previous one, and a rejected message could count as delivered. Here a
//! connection is only reused after a completed message.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, Message};
use secrecy::ExposeSecret;

use crate::config::{self, SmtpSecurity, SmtpServer};
use crate::domain::email::EmailAddress;
use crate::fault::Fault;
use crate::fault::unreachable::{CONNECT_TIMEOUT, Reason, Service, Unreachable, attempt, place};
use crate::providers::{Outgoing, SendError, root_cause};

/// How long an idle connection is kept; servers close theirs after minutes.
const IDLE: Duration = Duration::from_secs(30);
/// Messages per connection; many servers close it after a hundred.
const MESSAGES: u32 = 50;

/// A mail server.
pub struct Smtp {
    server: SmtpServer,
    encryption: Encryption,
    from: Mailbox,
    timeout: Duration,
    name: ClientId,
    idle: Mutex<Vec<Connection>>,
}

/// The encryption of connections; plain ones need no certificate roots.
enum Encryption {
    Wrapped(TlsParameters),
    Required(TlsParameters),
    Opportunistic(TlsParameters),
    Plain,
}

impl Encryption {
    fn of(server: &SmtpServer) -> Result<Self, SmtpError> {
        let tls = || TlsParameters::new(server.host.clone());
        Ok(match server.security {
            SmtpSecurity::Wrapped => Self::Wrapped(tls()?),
            SmtpSecurity::Required => Self::Required(tls()?),
            SmtpSecurity::Opportunistic => Self::Opportunistic(tls()?),
            SmtpSecurity::Plain => Self::Plain,
        })
    }
}

/// A connection and the number of messages sent over it.
struct Connection {
    smtp: AsyncSmtpConnection,
    used_at: Instant,
    messages: u32,
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Smtp").finish_non_exhaustive()
    }
}

impl Smtp {
    pub(super) fn configured(settings: &config::Smtp) -> Result<Option<Self>, Fault> {
        let (Some(server), Some(from)) = (settings.server(), settings.sender()) else {
            return Ok(None);
        };
        Ok(Some(Self {
            encryption: Encryption::of(&server)?,
            server,
            from,
            timeout: Duration::from_secs(settings.timeout_seconds),
            name: ClientId::default(),
            idle: Mutex::new(Vec::new()),
        }))
    }

    pub(super) async fn send(&self, message: &Outgoing<'_>) -> Result<(), SendError> {
        let mail = self.compose(message)?;
        // One limit for all steps: a server that answers each of them just in time could otherwise
        // hold a message longer than its lease.
        let sent = tokio::time::timeout(self.timeout, self.transmit(&mail)).await;
        sent.unwrap_or_else(|_| {
            let seconds = self.timeout.as_secs();
            Err(SendError::Temporary(format!(
                "the mail server at {} did not finish within {seconds} seconds",
                self.place()
            )))
        })
    }

    /// Builds the mail. A retry has the same `Message-ID` (RFC 5322 §3.6.4), by which mail systems
    /// detect duplicates.
    fn compose(&self, message: &Outgoing<'_>) -> Result<Message, SendError> {
        let unfit = |what: &str| SendError::Permanent(format!("the message has no usable {what}"));
        // Messages written by an older version may contain a domain as typed.
        let to = EmailAddress::parse(message.to).map(|address| address.deliverable());
        let to = to.map_err(|_| unfit("address"))?;
        let to: Address = to.parse().map_err(|_| unfit("address"))?;
        // A line break in a subject would add a header (header injection).
        let subject: String = message
            .subject
            .chars()
            .map(|sign| if sign.is_control() { ' ' } else { sign })
            .collect();
        let domain = self.from.email.domain();
        // RFC 3834 §5: auto-responders must not answer automatic messages.
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let head = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .date(SystemTime::from(message.created_at))
            .message_id(Some(format!("<{}@{domain}>", message.id)))
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()));
        let composed = if message.html.is_empty() {
            head.header(ContentType::TEXT_PLAIN)
                .body(message.text.to_owned())
        } else {
            let (text, html) = (message.text.to_owned(), message.html.to_owned());
            head.multipart(MultiPart::alternative_plain_html(text, html))
        };
        composed.map_err(|_| unfit("form"))
    }

    async fn transmit(&self, mail: &Message) -> Result<(), SendError> {
        let mut connection = self.connection().await?;
        let text = mail.formatted();
        let sent = connection.smtp.send(mail.envelope(), &text);
        sent.await.map_err(|error| classify(&error))?;
        connection.used_at = Instant::now();
        connection.messages += 1;
        if connection.messages < MESSAGES {
            self.idle().push(connection);
        } else {
            connection.smtp.abort().await;
        }
        Ok(())
    }

    /// A live connection: a reused or a new one.
    ///
    /// Failures here are between the server and us, so they never reject the message.
    async fn connection(&self) -> Result<Connection, SendError> {
        loop {
            let Some(mut kept) = self.idle().pop() else {
                let made = self.connect().await;
                let unreachable = |error| self.unreachable(self.judge(&error));
                return made.map_err(|error| SendError::Temporary(unreachable(error).to_string()));
            };
            if kept.used_at.elapsed() < IDLE && kept.smtp.test_connected().await {
                return Ok(kept);
            }
        }
    }

    /// Opens a connection and keeps it for the first mail.
    pub(super) async fn reach(&self) -> Result<(), Unreachable> {
        let host = (self.server.host.as_str(), self.server.port);
        let judge = |error| self.judge(&error);
        let made = attempt(Some(host), CONNECT_TIMEOUT, self.connect(), judge).await;
        let connection = made.map_err(|reason| self.unreachable(reason))?;
        self.idle().push(connection);
        Ok(())
    }

    fn place(&self) -> String {
        place(&self.server.host, self.server.port)
    }

    fn unreachable(&self, reason: Reason) -> Unreachable {
        Unreachable {
            service: Service::Mail,
            place: self.place(),
            reason,
        }
    }

    /// Why connecting failed, without the server's words.
    fn judge(&self, error: &SmtpError) -> Reason {
        let is_plain = matches!(
            self.encryption,
            Encryption::Plain | Encryption::Opportunistic(_)
        );
        if let Some(code) = error.status() {
            // RFC 4954 §6, and 530 also as in RFC 3207 §4: STARTTLS first.
            return match code.to_string().as_str() {
                "530" | "538" if is_plain => Reason::NeedsTls,
                "530" => Reason::NoPassword,
                "534" | "535" => Reason::WrongPassword,
                "454" if !is_plain => Reason::NoTls,
                "421" => Reason::NotReady,
                _ => Reason::of_code(&status(error).unwrap_or_default()),
            };
        }
        let cause = std::error::Error::source(error).map(ToString::to_string);
        match cause.as_deref() {
            Some(NO_STARTTLS) => Reason::NoTls,
            // Many servers offer authentication only over TLS.
            Some(NO_MECHANISM) if is_plain => Reason::NeedsTls,
            Some(NO_MECHANISM) => {
                Reason::Other("the server offers no way to sign in that is known here".to_owned())
            }
            Some(CUT_SHORT) => Reason::Closed,
            _ if error.is_timeout() => Reason::NoAnswer(self.timeout),
            _ if error.is_response() => Reason::Foreign,
            _ => Reason::of(error).unwrap_or(Reason::UnknownHost),
        }
    }

    async fn connect(&self) -> Result<Connection, SmtpError> {
        let SmtpServer { host, port, .. } = &self.server;
        let wrapped = match &self.encryption {
            Encryption::Wrapped(tls) => Some(tls.clone()),
            _ => None,
        };
        let address = (host.as_str(), *port);
        let limit = Some(self.timeout);
        let mut smtp =
            AsyncSmtpConnection::connect_tokio1(address, limit, &self.name, wrapped, None).await?;
        match &self.encryption {
            Encryption::Wrapped(_) | Encryption::Plain => {}
            Encryption::Opportunistic(_) if !smtp.can_starttls() => {}
            // A server that does not offer STARTTLS, or a man in the middle who strips the offer, is an
            // error before anything is sent (RFC 8314 §5).
            Encryption::Required(tls) | Encryption::Opportunistic(tls) => {
                smtp.starttls(tls.clone(), &self.name).await?;
            }
        }
        if let Some((user, password)) = &self.server.credentials {
            let password = password.expose_secret().to_owned();
            let credentials = Credentials::new(user.clone(), password);
            smtp.auth(DEFAULT_MECHANISMS, &credentials).await?;
        }
        Ok(Connection {
            smtp,
            used_at: Instant::now(),
            messages: 0,
        })
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Classifies a failure: 5xx is permanent (RFC 5321 §4.2.1), unless it concerns our credentials.
fn classify(error: &SmtpError) -> SendError {
    let text = describe(error);
    let about_us = error
        .status()
        .is_some_and(|code| ["530", "534", "535", "538"].contains(&code.to_string().as_str()));
    // The library itself rejects what the server cannot carry, such as an address that needs
    // SMTPUTF8.
    if (error.is_permanent() && !about_us) || error.is_client() {
        SendError::Permanent(text)
    } else {
        SendError::Temporary(text)
    }
}

/// The library's own rejections.
const NO_STARTTLS: &str = "STARTTLS is not supported on this server";
const NO_MECHANISM: &str = "No compatible authentication mechanism was found";
const CUT_SHORT: &str = "incomplete response";

/// The failure without the server's words, which repeat addresses.
fn describe(error: &SmtpError) -> String {
    let Some(status) = status(error) else {
        return match error {
            error if error.is_response() => "the mail server broke off or spoke no SMTP".to_owned(),
            error => format!("mail could not be handed over: {}", root_cause(error)),
        };
    };
    let kind = if error.is_permanent() {
        "refused"
    } else {
        "put off"
    };
    format!("the mail server {kind} with {status}")
}

/// The status of a reply with its enhanced code, such as `550 5.1.1`.
fn status(error: &SmtpError) -> Option<String> {
    let code = error.status()?;
    let said = std::error::Error::source(error).map(ToString::to_string);
    let detail = said.as_deref().and_then(enhanced_status);
    Some(detail.map_or_else(|| code.to_string(), |detail| format!("{code} {detail}")))
}

/// The enhanced status code at the start of a reply (RFC 3463 §2), such as 5.1.1.
fn enhanced_status(reply: &str) -> Option<&str> {
    let word = reply.split_whitespace().next()?;
    let parts: Vec<&str> = word.split('.').collect();
    let numeric = |part: &&str| part.len() <= 3 && part.parse::<u16>().is_ok();
    (parts.len() == 3 && parts.iter().all(numeric)).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smtp() -> Smtp {
        Smtp {
            server: config::SmtpServer {
                host: "localhost".to_owned(),
                port: 25,
                security: SmtpSecurity::Plain,
                credentials: None,
            },
            encryption: Encryption::Plain,
            from: "Gate <no-reply@example.com>".parse().unwrap(),
            timeout: Duration::from_secs(1),
            name: ClientId::default(),
            idle: Mutex::default(),
        }
    }

    fn message<'a>(to: &'a str, subject: &'a str, html: &'a str) -> Outgoing<'a> {
        Outgoing {
            id: "019a9f3e-7c1d-7b52-8a44-0123456789ab".parse().unwrap(),
            kind: "login_code",
            channel: "email",
            to,
            subject,
            text: "Добрый день\n.\nBcc: eve@example.com\n",
            html,
            created_at: "2026-03-01T12:00:00Z".parse().unwrap(),
            now: "2026-03-01T12:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn no_value_begins_a_header_of_its_own() {
        let subject = "Hello\r\nBcc: eve@example.com\r\n\r\n\u{85}\u{2028}Ж";
        for html in ["", "<p>Bcc: eve@example.com</p>"] {
            let mail = smtp().compose(&message("ada@example.com", subject, html));
            let text = String::from_utf8(mail.unwrap().formatted()).unwrap();
            let (head, _) = text.split_once("\r\n\r\n").unwrap();
            let names: Vec<&str> = head
                .lines()
                .filter(|line| !line.starts_with([' ', '\t']))
                .map(|line| line.split(':').next().unwrap())
                .collect();
            assert!(!names.contains(&"Bcc"), "{head}");
            assert_eq!(names.iter().filter(|name| **name == "To").count(), 1);
            assert!(head.is_ascii(), "{head}");
        }
    }

    #[test]
    fn an_address_that_is_more_than_one_is_refused() {
        for to in [
            "ada@example.com\r\nBcc: eve@example.com",
            "ada@example.com, eve@example.com",
            "ada@example.com> RCPT TO:<eve@example.com",
            "Ada <ada@example.com>",
            "",
        ] {
            let refused = smtp().compose(&message(to, "Hello", "")).unwrap_err();
            let expected = "the message has no usable address".to_owned();
            assert_eq!(refused, SendError::Permanent(expected), "{to}");
        }
    }

    #[test]
    fn of_a_reply_only_the_status_is_kept() {
        assert_eq!(
            enhanced_status("5.1.1 <ada@example.com>: no"),
            Some("5.1.1")
        );
        for other in [
            "",
            "ada@example.com",
            "5.1.1.1 x",
            "5.x.1",
            "10.0.0.1 is listed",
        ] {
            assert_eq!(enhanced_status(other), None, "{other}");
        }
    }
}
