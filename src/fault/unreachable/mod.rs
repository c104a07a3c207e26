//! A server that idgate depends on and cannot use: which one, why, and what to do about it.
//!
//! The text is for operators. It has the configured host and port, and never the server's own
//! message, which may quote names or forge log lines.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::rustls;

/// How long commands and checks try to connect.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);

/// The servers that idgate depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The relational database.
    Postgres,
    /// The store of short-lived shared state.
    Redis,
    /// The mail server.
    Mail,
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Self::Postgres => "Postgres",
            Self::Redis => "Redis",
            Self::Mail => "the mail server",
        }
    }

    /// The setting with its address.
    fn setting(self) -> &'static str {
        match self {
            Self::Postgres => "database.url (DATABASE_URL)",
            Self::Redis => "redis.url (REDIS_URL)",
            Self::Mail => "smtp.url (IDGATE_SMTP__URL)",
        }
    }

    /// What the setting needs for TLS.
    fn with_tls(self) -> &'static str {
        match self {
            Self::Postgres => "sslmode=require",
            Self::Redis => "rediss://",
            Self::Mail => "smtps://, or smtp:// with tls=required",
        }
    }

    /// What the setting needs for no TLS.
    fn without_tls(self) -> &'static str {
        match self {
            Self::Postgres => "sslmode=disable",
            Self::Redis => "redis://",
            Self::Mail => "smtp:// without tls",
        }
    }
}

/// Why a server cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nothing listens at the port.
    Refused,
    /// The host has no address.
    UnknownHost,
    /// The name server did not answer in time.
    NoNameServer,
    /// No route leads to the host.
    NoRoute,
    /// The Unix socket does not exist or cannot be opened.
    NoSocket,
    /// The server did not answer in this time.
    NoAnswer(Duration),
    /// The server closed the connection.
    Closed,
    /// The user name or the password is wrong.
    WrongPassword,
    /// The server requires a password, and none is configured or can be sent.
    NoPassword,
    /// The server rejects this user, whatever the password.
    NotAllowed,
    /// TLS is configured, and the server does not offer it.
    NoTls,
    /// The server requires TLS.
    NeedsTls,
    /// The certificate of the server is not trusted.
    Certificate(String),
    /// The TLS handshake failed.
    Handshake(String),
    /// The database, by name or number, does not exist.
    NoDatabase(String),
    /// The server has no connection left.
    Full,
    /// The server starts, stops or recovers.
    NotReady,
    /// The server accepts no writes.
    ReadOnly,
    /// The memory of the server is full.
    MemoryFull,
    /// Another protocol answers there.
    Foreign,
    /// The code of any other error.
    Code(String),
    /// Any other message of the operating system or the driver.
    Other(String),
}

impl Reason {
    /// Classifies an error of a connection by its causes.
    #[must_use]
    pub fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<rustls::Error>() {
                return Some(Self::of_tls(error));
            }
            if let Some(error) = error.downcast_ref::<io::Error>() {
                return Some(Self::of_io(error));
            }
            // The Redis client keeps its causes in an `Arc`.
            if let Some(error) = error.downcast_ref::<Arc<dyn Error + Send + Sync>>() {
                return Self::of(&**error);
            }
            cause = error.source();
        }
        None
    }

    /// The code of a server error without a reason of its own.
    #[must_use]
    pub fn of_code(code: &str) -> Self {
        Self::Code(plain(code))
    }

    fn of_io(error: &io::Error) -> Self {
        // A TLS error is wrapped in an I/O error.
        let inner = error.get_ref().map(|inner| inner as &(dyn Error + 'static));
        if let Some(inner) = inner.and_then(Self::of) {
            return inner;
        }
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::Refused,
            ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NetworkDown
            | ErrorKind::AddrNotAvailable => Self::NoRoute,
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::NotConnected
            | ErrorKind::UnexpectedEof => Self::Closed,
            ErrorKind::NotFound | ErrorKind::PermissionDenied => Self::NoSocket,
            // The standard library has no kind for errors of getaddrinfo.
            _ if error.to_string().starts_with(LOOKUP_FAILED) => Self::UnknownHost,
            _ => Self::Other(plain(&error.to_string())),
        }
    }

    fn of_tls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(why) => Self::Certificate(plain(&why.to_string())),
            // The response is not TLS.
            rustls::Error::InvalidMessage(_) => Self::NoTls,
            error => Self::Handshake(plain(&error.to_string())),
        }
    }

    fn write(&self, service: Service, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("connection refused, nothing listens there"),
            Self::UnknownHost => f.write_str("unknown host"),
            Self::NoNameServer => {
                f.write_str("the name server does not answer, so the host has no address")
            }
            Self::NoRoute => f.write_str("no route to this host"),
            Self::NoSocket => f.write_str("there is no such socket, or it may not be opened"),
            Self::NoAnswer(waited) => write!(f, "no answer within {}", Span(*waited)),
            Self::Closed => f.write_str("the connection was closed from there"),
            Self::WrongPassword => f.write_str("wrong user name or password"),
            Self::NoPassword => f.write_str("a password is required"),
            Self::NotAllowed => f.write_str("the server does not let this user in"),
            Self::NoTls => f.write_str("TLS is demanded, and the server does not offer it"),
            Self::NeedsTls => f.write_str("the server requires TLS"),
            Self::Certificate(why) => write!(f, "the certificate is not trusted ({why})"),
            Self::Handshake(why) => write!(f, "the TLS handshake failed ({why})"),
            Self::NoDatabase(name) => write!(f, "there is no database {name}"),
            Self::Full => f.write_str("the server has no connection left"),
            Self::NotReady => f.write_str("the server is starting, stopping or recovering"),
            Self::ReadOnly => f.write_str("the server takes no writes"),
            Self::MemoryFull => f.write_str("its memory is full (OOM)"),
            Self::Foreign => write!(f, "what answers there is not {}", service.name()),
            Self::Code(code) => write!(f, "the server refused with {code}"),
            Self::Other(why) => f.write_str(why),
        }
    }

    /// What to do about it.
    fn write_remedy(&self, service: Service, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, setting) = (service.name(), service.setting());
        let (with_tls, without_tls) = (service.with_tls(), service.without_tls());
        match self {
            Self::Refused => write!(f, "start {name}, or correct host and port in {setting}"),
            Self::UnknownHost => write!(f, "correct the host in {setting}"),
            Self::NoNameServer => write!(f, "check DNS, or correct the host in {setting}"),
            Self::NoRoute => write!(f, "check the network, or correct the host in {setting}"),
            // A server that waits for TLS or for plain text is as silent as one that hangs.
            Self::NoAnswer(_) => write!(
                f,
                "check that {name} runs there, that no firewall is in between, and that TLS \
                 ({with_tls}) or none ({without_tls}) is what it expects in {setting}"
            ),
            Self::NoSocket => write!(f, "start {name}, or correct the path in {setting}"),
            Self::Closed => write!(
                f,
                "check that {name} listens there, and that TLS ({with_tls}) or none \
                 ({without_tls}) is what it expects in {setting}"
            ),
            Self::WrongPassword | Self::NoPassword => write!(
                f,
                "correct user and password in {setting}, percent-encoded where a URL needs that"
            ),
            Self::NotAllowed => match service {
                Service::Postgres => write!(
                    f,
                    "let user, database and network in by the server's pg_hba.conf and GRANT \
                     CONNECT, or correct them in {setting}"
                ),
                _ => write!(
                    f,
                    "allow this user more at the server, or correct {setting}"
                ),
            },
            Self::NoTls => write!(
                f,
                "turn TLS on at the server, correct the port, or, where no one can listen in \
                 between, write {without_tls} in {setting}"
            ),
            Self::NeedsTls => write!(f, "write {with_tls} in {setting}"),
            Self::Certificate(_) => match service {
                Service::Postgres => write!(
                    f,
                    "name its authority as sslrootcert in {setting}, and the host as the \
                     certificate does"
                ),
                _ => write!(
                    f,
                    "add its authority to those that this system trusts, and write the host in \
                     {setting} as the certificate does"
                ),
            },
            Self::Handshake(_) => write!(f, "check the server's TLS, and the port in {setting}"),
            Self::NoDatabase(_) => match service {
                Service::Postgres => {
                    write!(f, "create it (createdb), or correct its name in {setting}")
                }
                _ => write!(f, "correct it in {setting}"),
            },
            Self::Full => f.write_str(
                "raise its max_connections, or lower database.max_connections of the instances",
            ),
            Self::NotReady => f.write_str("try again when it is up"),
            Self::ReadOnly => write!(f, "name the primary in {setting}"),
            Self::MemoryFull => f.write_str("raise its maxmemory, see the operations guide"),
            Self::Foreign => write!(f, "correct host and port in {setting}"),
            Self::Code(_) | Self::Other(_) => {
                write!(f, "see the log of the server, and check {setting}")
            }
        }
    }
}

/// The prefix of the standard library before messages of getaddrinfo.
const LOOKUP_FAILED: &str = "failed to lookup address information";

/// A server that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreachable {
    /// The server.
    pub service: Service,
    /// Host and port as configured, or the path of a socket.
    pub place: String,
    /// Why it cannot be used.
    pub reason: Reason,
}

impl fmt::Display for Unreachable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at {}: ", self.service.name(), self.place)?;
        self.reason.write(self.service, formatter)?;
        formatter.write_str("; ")?;
        self.reason.write_remedy(self.service, formatter)
    }
}

impl Error for Unreachable {}

/// Host and port as in a URL.
#[must_use]
pub fn place(host: &str, port: u16) -> String {
    let host = host.trim_matches(['[', ']']);
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// Connects within a time limit.
///
/// The host is resolved first, to tell a silent name server from a silent server; a Unix socket has
/// no host.
///
/// # Errors
///
/// Why the connection failed; `classify` knows the errors of the driver.
pub async fn attempt<T, E>(
    host: Option<(&str, u16)>,
    limit: Duration,
    connect: impl Future<Output = Result<T, E>>,
    classify: impl FnOnce(E) -> Reason,
) -> Result<T, Reason> {
    let deadline = Instant::now() + limit;
    if let Some((host, port)) = host {
        let host = host.trim_matches(['[', ']']);
        let found = timeout_at(deadline, lookup_host((host, port))).await;
        match found.map(|found| found.is_ok_and(|mut addresses| addresses.next().is_some())) {
            Ok(true) => {}
            Ok(false) => return Err(Reason::UnknownHost),
            Err(_) => return Err(Reason::NoNameServer),
        }
    }
    match timeout_at(deadline, connect).await {
        Ok(connected) => connected.map_err(classify),
        Err(_) => Err(Reason::NoAnswer(limit)),
    }
}

/// A message of another program, on one line and truncated.
fn plain(text: &str) -> String {
    const MAX_CHARS: usize = 200;
    let signs = text.chars().take(MAX_CHARS);
    signs
        .map(|sign| if sign.is_control() { ' ' } else { sign })
        .collect()
}

/// Whole seconds, or milliseconds.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.as_secs(), self.0.subsec_millis()) {
            (1, 0) => formatter.write_str("a second"),
            (seconds, 0) => write!(formatter, "{seconds} seconds"),
            _ => write!(formatter, "{} milliseconds", self.0.as_millis()),
        }
    }
}

#[cfg(test)]
mod tests;
