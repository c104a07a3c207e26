//! Parses a representation into an entity type and a key.

use async_graphql::Value;

use crate::schema::error::{Error, ErrorCode};

/// A reference to an entity, from a representation of another subgraph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reference<'a> {
    /// A user by ID.
    User { id: &'a str },
    /// A user by e-mail address.
    UserByEmail { email: &'a str },
    /// A session by ID.
    Session { id: &'a str },
}

impl<'a> Reference<'a> {
    /// Parses a representation: an object with `__typename` and the fields of a key. Other fields
    /// belong to other subgraphs and are ignored.
    ///
    /// # Errors
    ///
    /// `BAD_USER_INPUT` for an unknown type, a missing key, or a key that is not a string. It
    /// depends on the request alone, so it reveals nothing about accounts.
    pub(super) fn read(representation: &'a Value) -> Result<Self, Error> {
        let kind = text(representation, "__typename")?;
        let id = text(representation, "id")?;
        match (kind, id, text(representation, "email")?) {
            // `User` is the only implementation of `Principal`.
            (Some("User" | "Principal"), Some(id), _) => Ok(Self::User { id }),
            (Some("User"), None, Some(email)) => Ok(Self::UserByEmail { email }),
            (Some("Session"), Some(id), _) => Ok(Self::Session { id }),
            (Some("User"), None, None) => Err(invalid("A User needs its `id` or `email`.")),
            (Some("Principal" | "Session"), None, _) => {
                Err(invalid("This reference needs an `id`."))
            }
            (Some(_), ..) => Err(invalid("This subgraph has no entity of this type.")),
            (None, ..) => Err(invalid("A reference needs a `__typename`.")),
        }
    }
}

/// A string field of a representation; absent and `null` are the same.
fn text<'a>(representation: &'a Value, name: &str) -> Result<Option<&'a str>, Error> {
    let Value::Object(fields) = representation else {
        return Err(invalid("A reference is an object."));
    };
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(invalid("`__typename`, `id` and `email` are strings.")),
    }
}

fn invalid(message: &str) -> Error {
    Error::of(ErrorCode::BadUserInput, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(written: serde_json::Value) -> Result<String, ErrorCode> {
        let written = Value::from_json(written).unwrap();
        let reference = Reference::read(&written);
        reference
            .map(|name| format!("{name:?}"))
            .map_err(|error| error.code)
    }

    #[test]
    fn each_key_is_parsed_and_the_id_takes_precedence() {
        for (written, wanted) in [
            (
                json!({ "__typename": "User", "id": "1" }),
                "User { id: \"1\" }",
            ),
            (
                json!({ "__typename": "Principal", "id": "1" }),
                "User { id: \"1\" }",
            ),
            (
                json!({ "__typename": "User", "id": "1", "email": "a@b", "total": 3 }),
                "User { id: \"1\" }",
            ),
            (
                json!({ "__typename": "User", "id": null, "email": "a@b" }),
                "UserByEmail { email: \"a@b\" }",
            ),
            (
                json!({ "__typename": "Session", "id": "" }),
                "Session { id: \"\" }",
            ),
        ] {
            assert_eq!(read(written.clone()).as_deref(), Ok(wanted), "{written}");
        }
    }

    #[test]
    fn invalid_representations_are_refused() {
        for written in [
            json!(null),
            json!("User"),
            json!([]),
            json!({}),
            json!({ "id": "1" }),
            json!({ "__typename": null, "id": "1" }),
            json!({ "__typename": 1, "id": "1" }),
            json!({ "__typename": "User" }),
            json!({ "__typename": "User", "id": 1 }),
            json!({ "__typename": "User", "id": ["1"] }),
            json!({ "__typename": "User", "id": { "eq": "1" } }),
            json!({ "__typename": "User", "email": true }),
            json!({ "__typename": "Principal", "email": "a@b" }),
            json!({ "__typename": "Session", "email": "a@b" }),
            json!({ "__typename": "Session" }),
            json!({ "__typename": "Order", "id": "1" }),
            json!({ "__typename": "user", "id": "1" }),
        ] {
            assert_eq!(
                read(written.clone()),
                Err(ErrorCode::BadUserInput),
                "{written}"
            );
        }
    }
}
