//! Why the database server cannot be reached. The pool only reports a timeout.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection, PgDatabaseError};
use sea_orm::sqlx::{Connection as _, Error as DriverError};
use sea_orm::{DbErr, RuntimeErr};

use crate::fault::unreachable::{Reason, Service, Unreachable, attempt, place};

/// The timeout for closing a connection.
const CLOSING: Duration = Duration::from_secs(1);

/// A Postgres server and its connection options.
#[derive(Clone)]
pub(super) struct Server(Arc<PgConnectOptions>);

/// The options hold a password.
impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Server")
            .field(&self.place())
            .finish()
    }
}

impl Server {
    pub(super) fn new(options: PgConnectOptions) -> Self {
        Self(Arc::new(options))
    }

    /// Host and port, or the path of the socket.
    pub(super) fn place(&self) -> String {
        match self.socket() {
            Some(path) => path,
            None => place(self.0.get_host(), self.0.get_port()),
        }
    }

    /// The driver reads a host with a slash as a socket directory.
    fn socket(&self) -> Option<String> {
        let directory = match self.0.get_socket() {
            Some(path) => path.display().to_string(),
            None if self.0.get_host().starts_with('/') => self.0.get_host().to_owned(),
            None => return None,
        };
        Some(format!("{directory}/.s.PGSQL.{}", self.0.get_port()))
    }

    /// Opens one connection within the timeout, and closes it.
    pub(super) async fn reach(&self, patience: Duration) -> Result<(), Unreachable> {
        let host = match self.socket() {
            Some(_) => None,
            None => Some((self.0.get_host(), self.0.get_port())),
        };
        let connect = PgConnection::connect_with(&self.0);
        let connected = attempt(host, patience, connect, |error| self.judge(&error)).await;
        let connection = connected.map_err(|reason| self.unreachable(reason))?;
        // Only a probe: ignore how it closes.
        let _ = tokio::time::timeout(CLOSING, connection.close()).await;
        Ok(())
    }

    /// Why there is no connection; `None` for other errors.
    pub(super) fn why(&self, error: &DbErr) -> Option<Unreachable> {
        match error {
            DbErr::Conn(RuntimeErr::SqlxError(error)) => Some(self.unreachable(self.judge(error))),
            _ => None,
        }
    }

    fn unreachable(&self, reason: Reason) -> Unreachable {
        Unreachable {
            service: Service::Postgres,
            place: self.place(),
            reason,
        }
    }

    fn judge(&self, error: &DriverError) -> Reason {
        match error {
            DriverError::Database(error) => match error.try_downcast_ref::<PgDatabaseError>() {
                Some(error) => self.judge_code(error.code(), error.message()),
                None => Reason::Foreign,
            },
            DriverError::Tls(cause) if cause.to_string() == NO_TLS => Reason::NoTls,
            // Other messages may quote file contents.
            DriverError::Tls(cause) => Reason::of(&**cause).unwrap_or_else(|| {
                Reason::Handshake("certificates or host name cannot be used".to_owned())
            }),
            DriverError::Io(error) => match Reason::of(error) {
                Some(Reason::NoSocket) if self.socket().is_none() => {
                    Reason::Other("a file with certificates or a key cannot be read".to_owned())
                }
                reason => reason.unwrap_or(Reason::Closed),
            },
            DriverError::Protocol(_) => Reason::Foreign,
            // Drop the driver's message, which may quote the options.
            _ => Reason::Other("the driver cannot connect with these settings".to_owned()),
        }
    }

    /// PostgreSQL, appendix A. The message is inspected and not quoted.
    fn judge_code(&self, code: &str, message: &str) -> Reason {
        match (code, code.get(..2)) {
            ("28P01", _) => Reason::WrongPassword,
            // invalid_authorization_specification: pg_hba.conf, an unknown role, or a hosted server
            // that requires TLS.
            (_, Some("28")) if !self.has_tls() && wants_tls(message) => Reason::NeedsTls,
            // 42501: no CONNECT. 55000: the database takes no connections.
            (_, Some("28")) | ("42501" | "55000", _) => Reason::NotAllowed,
            ("3D000", _) => {
                let name = self.0.get_database().unwrap_or(self.0.get_username());
                Reason::NoDatabase(format!("{name:?}"))
            }
            ("53300", _) => Reason::Full,
            ("57P03" | "57P01" | "57P02", _) => Reason::NotReady,
            _ => Reason::of_code(&format!("SQLSTATE {code}")),
        }
    }

    /// Whether TLS is used if the server supports it.
    fn has_tls(&self) -> bool {
        use sea_orm::sqlx::postgres::PgSslMode::{Allow, Disable};
        !matches!(self.0.get_ssl_mode(), Allow | Disable)
    }
}

/// The driver's message for a server without TLS.
const NO_TLS: &str = "server does not support TLS";

/// Whether a message means that TLS is required: `no pg_hba.conf entry for host …, no encryption`
/// (`SSL off` before version 14), or the wording of hosted servers.
fn wants_tls(message: &str) -> bool {
    const WORDS: [&str; 5] = [
        "no encryption",
        "ssl off",
        "ssl connection is required",
        "sslmode=require",
        "connection is insecure",
    ];
    let message = message.to_ascii_lowercase();
    WORDS.iter().any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> Server {
        Server::new(url.parse().unwrap())
    }

    #[test]
    fn a_server_is_named_by_host_and_port_or_by_its_socket() {
        for (url, place) in [
            (
                "postgres://u:secret@db.example.com/idgate",
                "db.example.com:5432",
            ),
            ("postgres://u:secret@[::1]:6432/idgate", "[::1]:6432"),
            (
                "postgres://u:secret@%2Frun%2Fpostgresql/idgate",
                "/run/postgresql/.s.PGSQL.5432",
            ),
            (
                "postgres:///idgate?host=/run/postgresql&port=6432",
                "/run/postgresql/.s.PGSQL.6432",
            ),
        ] {
            assert_eq!(server(url).place(), place);
            assert!(!format!("{:?}", server(url)).contains("secret"));
        }
    }

    #[test]
    fn each_code_that_a_connection_may_end_with_has_its_reason() {
        let plain = server("postgres://ada:secret@db/idgate?sslmode=disable");
        let encrypted = server("postgres://ada:secret@db/idgate");
        let no_entry = "no pg_hba.conf entry for host \"10.0.0.1\", user \"ada\", no encryption";
        let needs = "SSL connection is required. Please specify SSL options and retry.";
        for (code, message, reason) in [
            ("28P01", "secret", Reason::WrongPassword),
            ("28000", "role \"tls\" does not exist", Reason::NotAllowed),
            ("28000", no_entry, Reason::NeedsTls),
            ("28000", needs, Reason::NeedsTls),
            (
                "3D000",
                "secret",
                Reason::NoDatabase("\"idgate\"".to_owned()),
            ),
            ("53300", "secret", Reason::Full),
            ("57P03", "secret", Reason::NotReady),
            ("42501", "secret", Reason::NotAllowed),
            ("55000", "secret", Reason::NotAllowed),
            ("XX000", "secret", Reason::of_code("SQLSTATE XX000")),
            ("X\nX", "secret", Reason::of_code("SQLSTATE X X")),
        ] {
            assert_eq!(plain.judge_code(code, message), reason, "{code}");
        }
        assert_eq!(encrypted.judge_code("28000", no_entry), Reason::NotAllowed);
        let nameless = server("postgres://ada:secret@db");
        assert_eq!(
            nameless.judge_code("3D000", ""),
            Reason::NoDatabase("\"ada\"".to_owned())
        );
    }
}
