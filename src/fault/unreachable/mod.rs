//! A server that idgate depends on and cannot use: which one, why, and what to do about it.
//!
//! The text is for operators. It names host and port, which the operator configured, and repeats
//! nothing that a server said in its own words: those may quote names, and end lines.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::rustls;

/// How long a server may take to be reached by somebody who waits for what is wrong.
pub const PATIENCE: Duration = Duration::from_secs(4);

/// The kinds of servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The relational database.
    Postgres,
    /// The shared store of budgets and codes.
    Redis,
    /// The server that takes mail.
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

    /// The setting that names it.
    fn setting(self) -> &'static str {
        match self {
            Self::Postgres => "database.url (DATABASE_URL)",
            Self::Redis => "redis.url (REDIS_URL)",
            Self::Mail => "smtp.url (IDGATE_SMTP__URL)",
        }
    }

    /// How the setting asks for TLS.
    fn with_tls(self) -> &'static str {
        match self {
            Self::Postgres => "sslmode=require",
            Self::Redis => "rediss://",
            Self::Mail => "smtps://, or smtp:// with tls=required",
        }
    }

    /// How the setting does without TLS.
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
    /// The name server did not say in time which address the host has.
    NoNameServer,
    /// No way leads to the host.
    NoRoute,
    /// There is no such socket in the file system, or it may not be opened.
    NoSocket,
    /// Nothing was heard for so long.
    NoAnswer(Duration),
    /// The connection ended before it could be used.
    Closed,
    /// The user name or the password is wrong.
    WrongPassword,
    /// The server wants a password, and none is configured or can be sent.
    NoPassword,
    /// The server does not let this user in, whatever the password.
    NotAllowed,
    /// TLS is demanded, and the server does not speak it there.
    NoTls,
    /// The server demands TLS.
    NeedsTls,
    /// The certificate of the server is not trusted.
    Certificate(String),
    /// The two sides found no TLS to speak.
    Handshake(String),
    /// There is no such database; its name or number.
    NoDatabase(String),
    /// The server has no room for another connection.
    Full,
    /// The server starts, stops or recovers.
    NotReady,
    /// The server answers and takes no writes.
    ReadOnly,
    /// The memory of the server is full.
    MemoryFull,
    /// Something else answers there.
    Foreign,
    /// The code of an error that has no reason of its own.
    Code(String),
    /// What the operating system or the driver says.
    Other(String),
}

impl Reason {
    /// What an error of a connection means, looked for among its causes.
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
            // As the library of Redis keeps its causes.
            if let Some(error) = error.downcast_ref::<Arc<dyn Error + Send + Sync>>() {
                return Self::of(&**error);
            }
            cause = error.source();
        }
        None
    }

    /// The code of an error that a server sent, and that has no reason of its own.
    #[must_use]
    pub fn of_code(code: &str) -> Self {
        Self::Code(plain(code))
    }

    fn of_io(error: &io::Error) -> Self {
        // An error of TLS is handed over inside of one of the operating system.
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
            // What came back is no TLS at all.
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
            // A server that waits for TLS, or for plain text, is as silent as one that hangs.
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
                "turn TLS on at the server, correct the port, or, where nobody can listen in \
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

/// What the standard library puts before the words of getaddrinfo.
const LOOKUP_FAILED: &str = "failed to lookup address information";

/// A server that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreachable {
    /// What it is for.
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

/// Host and port as one writes them in an address.
#[must_use]
pub fn place(host: &str, port: u16) -> String {
    let host = host.trim_matches(['[', ']']);
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// Connects in so much time.
///
/// A host is looked up first, so that a silent name server is not taken for a silent server; none
/// is given where the server is a socket.
///
/// # Errors
///
/// Why no connection came about; `judge` knows the errors of the driver.
pub async fn attempt<T, E>(
    host: Option<(&str, u16)>,
    patience: Duration,
    connect: impl Future<Output = Result<T, E>>,
    judge: impl FnOnce(E) -> Reason,
) -> Result<T, Reason> {
    let deadline = Instant::now() + patience;
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
        Ok(connected) => connected.map_err(judge),
        Err(_) => Err(Reason::NoAnswer(patience)),
    }
}

/// A text from outside on one line, and not endless.
fn plain(text: &str) -> String {
    const LONGEST: usize = 200;
    let signs = text.chars().take(LONGEST);
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
