//! The Redis server in error messages, and why it is unavailable.

use std::sync::Arc;
use std::time::Duration;

use redis::{ConnectionAddr, ConnectionInfo, ErrorKind, RedisError};

use super::Unavailable;
use crate::fault::unreachable::{Reason, Service, Unreachable, place};

/// A Redis server, without credentials.
#[derive(Clone, Debug)]
pub(super) struct Server {
    place: Arc<str>,
    database: i64,
    timeout: Duration,
}

impl Server {
    pub(super) fn new(info: &ConnectionInfo, timeout: Duration) -> Self {
        let place = match info.addr() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                place(host, *port)
            }
            other => other.to_string(),
        };
        Self {
            place: place.into(),
            database: info.redis_settings().db(),
            timeout,
        }
    }

    /// No answer within the timeout.
    pub(super) fn timed_out(&self) -> Unavailable {
        self.because(Reason::NoAnswer(self.timeout))
    }

    pub(super) fn because(&self, reason: Reason) -> Unavailable {
        Unavailable(Arc::new(Unreachable {
            service: Service::Redis,
            place: self.place.to_string(),
            reason,
        }))
    }

    /// Explains an error without quoting the server or the URL, which hold credentials.
    pub(super) fn failed(&self, error: &RedisError) -> Unavailable {
        self.because(self.judge(error))
    }

    fn judge(&self, error: &RedisError) -> Reason {
        if error.is_timeout() {
            return Reason::NoAnswer(self.timeout);
        }
        match error.kind() {
            // From the operating system, the resolver or TLS, which never see credentials.
            ErrorKind::Io => return Reason::of(error).unwrap_or(Reason::Closed),
            ErrorKind::AuthenticationFailed => return Reason::WrongPassword,
            ErrorKind::Parse => return Reason::Foreign,
            _ => {}
        }
        if error.to_string().starts_with(NO_DATABASE) {
            return Reason::NoDatabase(self.database.to_string());
        }
        match error.code() {
            Some("WRONGPASS") => Reason::WrongPassword,
            Some("NOAUTH") => Reason::NoPassword,
            Some("NOPERM") => Reason::NotAllowed,
            Some("LOADING" | "MASTERDOWN") => Reason::NotReady,
            Some("READONLY") => Reason::ReadOnly,
            Some("OOM") => Reason::MemoryFull,
            Some(code) => Reason::of_code(code),
            None => Reason::of_code(error.category()),
        }
    }
}

/// The library's message when the server refuses `SELECT`.
const NO_DATABASE: &str = "Redis server refused to switch database";

#[cfg(test)]
mod tests {
    use redis::{IntoConnectionInfo as _, ServerErrorKind};

    use super::*;

    const KINDS: [ErrorKind; 25] = [
        ErrorKind::Parse,
        ErrorKind::AuthenticationFailed,
        ErrorKind::UnexpectedReturnType,
        ErrorKind::InvalidClientConfig,
        ErrorKind::Client,
        ErrorKind::Extension,
        ErrorKind::MasterNameNotFoundBySentinel,
        ErrorKind::NoValidReplicasFoundBySentinel,
        ErrorKind::EmptySentinelList,
        ErrorKind::ClusterConnectionNotFound,
        ErrorKind::RESP3NotSupported,
        ErrorKind::Server(ServerErrorKind::ResponseError),
        ErrorKind::Server(ServerErrorKind::ExecAbort),
        ErrorKind::Server(ServerErrorKind::BusyLoading),
        ErrorKind::Server(ServerErrorKind::NoScript),
        ErrorKind::Server(ServerErrorKind::Moved),
        ErrorKind::Server(ServerErrorKind::Ask),
        ErrorKind::Server(ServerErrorKind::TryAgain),
        ErrorKind::Server(ServerErrorKind::ClusterDown),
        ErrorKind::Server(ServerErrorKind::CrossSlot),
        ErrorKind::Server(ServerErrorKind::MasterDown),
        ErrorKind::Server(ServerErrorKind::ReadOnly),
        ErrorKind::Server(ServerErrorKind::NotBusy),
        ErrorKind::Server(ServerErrorKind::NoSub),
        ErrorKind::Server(ServerErrorKind::NoPerm),
    ];

    fn server(url: &str) -> Server {
        Server::new(
            &url.into_connection_info().unwrap(),
            Duration::from_millis(250),
        )
    }

    #[test]
    fn a_server_is_named_by_host_and_port_or_by_its_socket() {
        for (url, place) in [
            ("redis://user:sesame@cache/3", "cache:6379"),
            ("rediss://:sesame@[::1]:7000", "[::1]:7000"),
            ("unix:///run/redis.sock?pass=sesame", "/run/redis.sock"),
        ] {
            let text = format!("{:?}", server(url));
            assert_eq!(&*server(url).place, place);
            assert!(!text.contains("sesame"), "{text}");
        }
    }

    #[test]
    fn every_kind_of_error_has_a_reason_without_what_was_sent() {
        for kind in KINDS {
            let error = RedisError::from((kind, "told", "user sesame".to_owned()));
            let reason = server("redis://:sesame@cache").failed(&error).to_string();
            assert!(reason.starts_with("Redis at cache:6379: "), "{kind:?}");
            assert!(
                !reason.contains(": ;") && !reason.contains("with ;"),
                "{reason}"
            );
            assert!(!reason.contains("sesame"), "{kind:?}: {reason}");
        }
    }

    #[test]
    fn an_error_of_the_server_is_named_by_its_code_alone() {
        for (line, reason) in [
            ("-OOM command not allowed: sesame", Reason::MemoryFull),
            ("-READONLY sesame", Reason::ReadOnly),
            ("-NOAUTH sesame", Reason::NoPassword),
            ("-NOPERM sesame", Reason::NotAllowed),
            ("-LOADING sesame", Reason::NotReady),
            ("-MISCONF sesame", Reason::of_code("MISCONF")),
            ("-ERR sesame", Reason::of_code("ERR")),
        ] {
            let value = redis::parse_redis_value(format!("{line}\r\n").as_bytes());
            let error = value.unwrap().extract_error().unwrap_err();
            assert_eq!(server("redis://cache").judge(&error), reason, "{line}");
        }
    }
}
