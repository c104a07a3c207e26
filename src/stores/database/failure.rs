//! Classifies database errors: whether the connection is kept, whether to retry, and whether the
//! database as a whole is unavailable.

use sea_orm::sqlx::Error as DriverError;
use sea_orm::sqlx::error::DatabaseError;
use sea_orm::sqlx::postgres::{PgDatabaseError, PgSeverity};
use sea_orm::sqlx::sqlite::SqliteError;
use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, SqlErr};

use crate::fault::Fault;

/// A class of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The connection is broken; a new one may work.
    Connection,
    /// The server is read-only; a new connection may reach another one.
    ReadOnly,
    /// Disk, memory or connections are exhausted, or the disk fails.
    Exhausted,
    /// Locks, timeouts or conflicts with other transactions.
    Contention,
    /// An error of the statement or its rows.
    Other,
}

impl Failure {
    /// The label in metrics.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::ReadOnly => "read_only",
            Self::Exhausted => "exhausted",
            Self::Contention => "contention",
            Self::Other => "other",
        }
    }

    /// Whether the connection must not be used again.
    pub(super) fn retires(self) -> bool {
        matches!(self, Self::Connection | Self::ReadOnly)
    }

    /// Whether an idempotent step is retried at once, on another connection.
    pub(super) fn is_retried(self) -> bool {
        matches!(self, Self::Connection)
    }

    /// Whether the client should retry later.
    pub(super) fn is_unavailable(self) -> bool {
        !matches!(self, Self::Other)
    }

    /// Whether this affects all requests.
    pub(super) fn is_outage(self) -> bool {
        matches!(self, Self::Connection | Self::ReadOnly | Self::Exhausted)
    }

    /// Classifies an error.
    pub(super) fn of(error: &DbErr) -> Self {
        match error {
            DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => Self::Contention,
            // No connection, whatever the reason.
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => Self::Connection,
            DbErr::Exec(RuntimeErr::SqlxError(source))
            | DbErr::Query(RuntimeErr::SqlxError(source)) => Self::of_driver(source),
            _ => Self::Other,
        }
    }

    /// Classifies an error of the driver.
    pub(super) fn of_driver(error: &DriverError) -> Self {
        match error {
            DriverError::Database(error) => Self::of_database(error.as_ref()),
            DriverError::Io(_)
            | DriverError::Tls(_)
            | DriverError::Protocol(_)
            | DriverError::WorkerCrashed
            | DriverError::BeginFailed
            | DriverError::InvalidSavePointStatement
            | DriverError::PoolClosed => Self::Connection,
            DriverError::PoolTimedOut => Self::Contention,
            _ => Self::Other,
        }
    }

    fn of_database(error: &dyn DatabaseError) -> Self {
        if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
            let severity = error.severity();
            // The server ends a connection after either of them (PostgreSQL, table 19.2).
            let is_fatal = matches!(severity, PgSeverity::Fatal | PgSeverity::Panic);
            return Self::of_postgres(error.code(), error.routine(), is_fatal);
        }
        if error.try_downcast_ref::<SqliteError>().is_some() {
            let code = error.code().and_then(|code| code.parse().ok());
            return code.map_or(Self::Other, Self::of_sqlite);
        }
        Self::Other
    }

    /// PostgreSQL, appendix A.
    fn of_postgres(code: &str, routine: Option<&str>, is_fatal: bool) -> Self {
        match (code, code.get(..2)) {
            // 08: connection exception. 57P01 admin_shutdown, 57P02 crash_shutdown, 57P03
            // cannot_connect_now, 57P04 database_dropped, 57P05 idle_session_timeout. 25P03 and
            // 25P04 end an idle or overlong transaction together with its connection.
            (_, Some("08"))
            | ("57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "25P03" | "25P04", _) => {
                Self::Connection
            }
            // Prepared statements are unknown or duplicate: the connection reaches another backend,
            // for example behind a pooler.
            ("26000" | "42P05", _) => Self::Connection,
            // "cached plan must not change result type": the table changed under this connection.
            ("0A000", _) if routine == Some("RevalidateCachedQuery") => Self::Connection,
            // read_only_sql_transaction: a standby, or a server that was told to take no writes.
            ("25006", _) => Self::ReadOnly,
            // 53: insufficient resources (disk_full, out_of_memory, too_many_connections, …).
            // 58: system error (io_error, undefined_file, …).
            (_, Some("53" | "58")) => Self::Exhausted,
            // 55P03 lock_not_available, 40001 serialization_failure (also a standby that cannot
            // wait), 40P01 deadlock_detected, 40003 statement_completion_unknown. 57: operator
            // intervention, first of all 57014 query_canceled.
            ("55P03" | "40001" | "40003" | "40P01", _) | (_, Some("57")) => Self::Contention,
            _ if is_fatal => Self::Connection,
            _ => Self::Other,
        }
    }

    /// <https://www.sqlite.org/rescode.html>; the lowest byte of an extended code is its kind.
    fn of_sqlite(code: i32) -> Self {
        match code & 0xff {
            // BUSY, LOCKED, INTERRUPT, PROTOCOL (a race for the write-ahead log).
            5 | 6 | 9 | 15 => Self::Contention,
            // NOMEM, FULL, NOLFS (the file got larger than it may get).
            7 | 13 | 22 => Self::Exhausted,
            // READONLY
            8 => Self::ReadOnly,
            // IOERR, CANTOPEN
            10 | 14 => Self::Connection,
            _ => Self::Other,
        }
    }
}

/// Whether the database is unavailable, so that retrying later helps.
#[must_use]
pub fn is_unavailable(fault: &Fault) -> bool {
    fault
        .source()
        .downcast_ref::<DbErr>()
        .is_some_and(|error| Failure::of(error).is_unavailable())
}

/// Whether a row that was to be written belongs to one that is gone: the account was erased meanwhile.
#[must_use]
pub fn is_orphaned(fault: &Fault) -> bool {
    let error = fault.source().downcast_ref::<DbErr>();
    let kind = error.and_then(DbErr::sql_err);
    matches!(kind, Some(SqlErr::ForeignKeyConstraintViolation(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name of a kind, and the codes that belong to it.
    const POSTGRES: [(Failure, &str); 5] = [
        (
            Failure::Connection,
            "08000 08001 08003 08004 08006 08007 08P01 57P01 57P02 57P03 57P04 57P05 25P03 25P04 \
             26000 42P05",
        ),
        (Failure::ReadOnly, "25006"),
        (
            Failure::Exhausted,
            "53000 53100 53200 53300 53400 58000 58030 58P01 58P02 58P03",
        ),
        (Failure::Contention, "40001 40003 40P01 55P03 57000 57014"),
        (
            Failure::Other,
            "00000 0A000 21000 22001 22P05 23502 23503 23505 23514 25001 25P02 28P01 3D000 40002 \
             42501 42703 42P01 55000 55006 P0001 XX000 XX001 5",
        ),
    ];

    #[test]
    fn every_postgres_code_has_its_kind() {
        for (kind, codes) in POSTGRES {
            for code in codes.split_whitespace() {
                assert_eq!(Failure::of_postgres(code, None, false), kind, "{code}");
            }
        }
        let plan = Some("RevalidateCachedQuery");
        assert_eq!(
            Failure::of_postgres("0A000", plan, false),
            Failure::Connection
        );
    }

    #[test]
    fn a_fatal_error_ends_the_connection_whatever_its_code() {
        for code in ["XX000", "28P01", "3D000", "42501", "P0001"] {
            assert!(Failure::of_postgres(code, None, true).retires(), "{code}");
        }
    }

    /// The primary result codes by number, and the kind of each with all its extended codes.
    const SQLITE: [(Failure, &[i32]); 5] = [
        (Failure::Contention, &[5, 6, 9, 15]),
        (Failure::Exhausted, &[7, 13, 22]),
        (Failure::ReadOnly, &[8]),
        (Failure::Connection, &[10, 14]),
        (
            Failure::Other,
            &[
                1, 2, 3, 4, 11, 12, 16, 17, 18, 19, 20, 21, 23, 24, 25, 26, 27, 28, 100, 101,
            ],
        ),
    ];

    #[test]
    fn every_sqlite_code_has_its_kind_and_so_have_its_extended_codes() {
        for (kind, codes) in SQLITE {
            for code in codes {
                for extended in 0..40 {
                    let code = code | (extended << 8);
                    assert_eq!(Failure::of_sqlite(code), kind, "{code}");
                }
            }
        }
    }

    #[test]
    fn errors_of_the_driver_itself_concern_the_connection() {
        let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        for (error, kind) in [
            (DriverError::Io(reset), Failure::Connection),
            (DriverError::Protocol("?".into()), Failure::Connection),
            (DriverError::WorkerCrashed, Failure::Connection),
            (DriverError::BeginFailed, Failure::Connection),
            (DriverError::InvalidSavePointStatement, Failure::Connection),
            (DriverError::PoolClosed, Failure::Connection),
            (DriverError::PoolTimedOut, Failure::Contention),
            (DriverError::RowNotFound, Failure::Other),
            (DriverError::ColumnNotFound("a".into()), Failure::Other),
        ] {
            assert_eq!(Failure::of_driver(&error), kind, "{error}");
            let wrapped = DbErr::Exec(RuntimeErr::SqlxError(error.into()));
            assert_eq!(Failure::of(&wrapped), kind, "{wrapped}");
        }
        let timeout = DbErr::ConnectionAcquire(ConnAcquireErr::Timeout);
        assert_eq!(Failure::of(&timeout), Failure::Contention);
        let closed = DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed);
        assert_eq!(Failure::of(&closed), Failure::Connection);
        assert_eq!(Failure::of(&DbErr::Custom("?".into())), Failure::Other);
    }

    #[test]
    fn what_follows_from_a_kind_is_consistent() {
        for kind in SQLITE.map(|(kind, _)| kind) {
            let unavailable = kind.is_unavailable();
            assert!(unavailable || !(kind.retires() || kind.is_retried() || kind.is_outage()));
            // A step is repeated only where the connection that failed is out of the way.
            assert!(kind.retires() || !kind.is_retried());
        }
    }
}
