//! Typed ids, so that the id of a session cannot be passed as that of a user.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The text is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier")]
pub struct MalformedId;

macro_rules! id {
    ($(#[$documentation:meta])* $name:ident) => {
        $(#[$documentation])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// The bare UUID.
            #[must_use]
            pub fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, formatter)
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;

            fn from_str(text: &str) -> Result<Self, MalformedId> {
                hyphenated(text).map(Self)
            }
        }
    };
}

impl SessionId {
    /// Whether it is the session of a token that the old system issued: its id follows from the token
    /// (RFC 9562 §5.8).
    #[must_use]
    pub fn is_of_legacy_token(self) -> bool {
        self.0.get_version_num() == 8
    }
}

/// Accepts only the form that we print (RFC 9562 §4): no braces, URNs or bare digits.
fn hyphenated(text: &str) -> Result<Uuid, MalformedId> {
    if text.len() != uuid::fmt::Hyphenated::LENGTH {
        return Err(MalformedId);
    }
    Uuid::try_parse(text).map_err(|_| MalformedId)
}

id! {
    /// A user; the `sub` of access tokens.
    UserId
}
id! {
    /// A session; the `sid` of access tokens.
    SessionId
}
id! {
    /// One refresh token of a session's family.
    RefreshTokenId
}
id! {
    /// An audit event.
    AuditEventId
}
id! {
    /// A message in the outbox.
    MessageId
}
id! {
    /// A link in a message.
    LinkId
}
id! {
    /// A linked identity.
    IdentityId
}
id! {
    /// The record of a soft-deleted account.
    DeletedRecordId
}

id! {
    /// An export of a person's data.
    DataExportId
}
id! {
    /// A place for an upload.
    UploadId
}
id! {
    /// An object that is to be removed.
    RemovalId
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "019a9f3e-7c1d-7b52-8a44-0123456789ab";

    #[test]
    fn only_the_hyphenated_form_is_read() {
        assert_eq!(TEXT.parse::<UserId>().unwrap().to_string(), TEXT);
        let bare = TEXT.replace('-', "");
        let others = [
            bare.clone(),
            format!("{{{TEXT}}}"),
            format!("urn:uuid:{TEXT}"),
            format!("{bare}0000"),
        ];
        for other in others {
            assert_eq!(other.parse::<UserId>(), Err(MalformedId), "{other}");
        }
    }

    #[test]
    fn an_id_is_written_to_json_as_bare_text() {
        let id: SessionId = TEXT.parse().unwrap();
        assert_eq!(serde_json::to_value(id).unwrap(), serde_json::json!(TEXT));
        assert_eq!(
            serde_json::from_value::<SessionId>(serde_json::json!(TEXT)).unwrap(),
            id
        );
    }

    proptest! {
        #[test]
        fn every_id_reads_back(bits: u128) {
            let id = LinkId::from(Uuid::from_u128(bits));
            prop_assert_eq!(id.to_string().parse::<LinkId>(), Ok(id));
        }

        #[test]
        fn no_text_breaks_the_reader(text in ".*") {
            let _ = text.parse::<UserId>();
        }
    }
}
