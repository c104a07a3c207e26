//! Why a connection is closed, and the close code that says so.

/// Why a connection with subscriptions is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseReason {
    /// The message is not part of the protocol.
    InvalidMessage(&'static str),
    /// A `subscribe` before `connection_init`.
    NotInitialised,
    /// The session ended, the account was suspended or deleted, or the role changed.
    SignedOut,
    /// The access token is invalid.
    Forbidden,
    /// The access token was valid and has expired.
    TokenExpired,
    /// The client did not offer the subprotocol.
    SubprotocolNotAcceptable,
    /// No `connection_init` in time.
    InitTimeout,
    /// Two subscriptions under one id.
    DuplicateId,
    /// A second `connection_init`.
    DuplicateInit,
    /// The user has too many connections.
    TooManyConnections,
    /// The client does not read what it is sent.
    SlowConsumer,
    /// The connection fell behind the event bus and missed events.
    Lagged,
    /// The user cannot be authenticated because of a fault.
    Unavailable,
    /// The gateway shuts down.
    ShuttingDown,
    /// The client closed the connection, or stopped answering pings.
    Disconnected,
}

impl CloseReason {
    /// The close code and its reason; `None` when the client is gone.
    ///
    /// The codes above 4000 are those of the graphql-transport-ws protocol. Its clients give up at
    /// 4401 and reconnect after 4403 and 1013.
    pub(super) fn close_code(self) -> Option<(u16, &'static str)> {
        Some(match self {
            Self::InvalidMessage(reason) => (4400, reason),
            Self::NotInitialised | Self::SignedOut => (4401, "Unauthorized"),
            Self::Forbidden => (4403, "Forbidden"),
            Self::TokenExpired => (4403, "The access token has expired"),
            Self::SubprotocolNotAcceptable => (4406, "Subprotocol not acceptable"),
            Self::InitTimeout => (4408, "Connection initialisation timeout"),
            Self::DuplicateId => (4409, "Subscriber already exists"),
            Self::DuplicateInit => (4429, "Too many initialisation requests"),
            Self::TooManyConnections => (1013, "Too many connections"),
            Self::SlowConsumer => (1013, "Events were not read in time"),
            Self::Lagged | Self::Unavailable => (1013, "Try again later"),
            Self::ShuttingDown => (1001, "Going away"),
            Self::Disconnected => return None,
        })
    }

    /// The value of the label in the metrics.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::InvalidMessage(_)
            | Self::NotInitialised
            | Self::SubprotocolNotAcceptable
            | Self::DuplicateId
            | Self::DuplicateInit => "protocol",
            Self::SignedOut => "signed_out",
            Self::Forbidden => "refused",
            Self::TokenExpired => "token_expired",
            Self::InitTimeout => "silent",
            Self::TooManyConnections => "too_many",
            Self::SlowConsumer => "slow",
            Self::Lagged => "behind",
            Self::Unavailable => "unavailable",
            Self::ShuttingDown => "stopping",
            Self::Disconnected => "gone",
        }
    }
}
