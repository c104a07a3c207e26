//! Why a connection ends, as the client is told.

/// Why a connection with live events ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// A message is none of the protocol.
    BadMessage(&'static str),
    /// A subscription before it was said who listens.
    NotInitialised,
    /// The session is over, the account is closed to its person, or the role changed.
    SignedOut,
    /// The token does not open anything.
    Refused,
    /// The token worked and has expired.
    TokenExpired,
    /// The client does not speak our protocol.
    WrongProtocol,
    /// Nobody said in time who listens.
    InitTimeout,
    /// Two subscriptions under one id.
    DuplicateId,
    /// It was said twice who listens.
    InitTwice,
    /// One person, or one address, has too many connections.
    TooMany,
    /// The client does not read what it is sent.
    Slow,
    /// More happened than this process could look at.
    Behind,
    /// It cannot be found out who may listen.
    Unavailable,
    /// The gateway stops.
    Stopping,
    /// The client left, or says nothing any more.
    Gone,
}

impl Ending {
    /// The close code with its reason; nothing for a client that is gone.
    ///
    /// The codes above 4000 are those of the graphql-transport-ws protocol. Its clients give up at
    /// 4401 and try again at 4403 and 1013.
    pub(super) fn close(self) -> Option<(u16, &'static str)> {
        Some(match self {
            Self::BadMessage(reason) => (4400, reason),
            Self::NotInitialised | Self::SignedOut => (4401, "Unauthorized"),
            Self::Refused => (4403, "Forbidden"),
            Self::TokenExpired => (4403, "The access token has expired"),
            Self::WrongProtocol => (4406, "Subprotocol not acceptable"),
            Self::InitTimeout => (4408, "Connection initialisation timeout"),
            Self::DuplicateId => (4409, "Subscriber already exists"),
            Self::InitTwice => (4429, "Too many initialisation requests"),
            Self::TooMany => (1013, "Too many connections"),
            Self::Slow => (1013, "Events were not read in time"),
            Self::Behind | Self::Unavailable => (1013, "Try again later"),
            Self::Stopping => (1001, "Going away"),
            Self::Gone => return None,
        })
    }

    /// Its name among the metrics.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::BadMessage(_)
            | Self::NotInitialised
            | Self::WrongProtocol
            | Self::DuplicateId
            | Self::InitTwice => "protocol",
            Self::SignedOut => "signed_out",
            Self::Refused => "refused",
            Self::TokenExpired => "token_expired",
            Self::InitTimeout => "silent",
            Self::TooMany => "too_many",
            Self::Slow => "slow",
            Self::Behind => "behind",
            Self::Unavailable => "unavailable",
            Self::Stopping => "stopping",
            Self::Gone => "gone",
        }
    }
}
