//! Reading bodies: a JSON object whose fields are all checked before the first violation is answered.
//!
//! Fields that an operation does not have are ignored, as the old system does: its clients send some.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::SecretString;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;

use super::refusal::Refusal;
use crate::domain::violation::{Violation, ViolationRule};

/// The fields of a body that were not read yet, and what was wrong with those that were.
#[derive(Debug)]
pub(super) struct Fields {
    members: BTreeMap<String, Value>,
    violations: Vec<Violation>,
}

/// A type of field.
pub(super) trait Field: Sized {
    /// Reads the value; `null` counts as absent.
    fn read(value: Option<Value>) -> Result<Self, (ViolationRule, &'static str)>;
}

impl Field for String {
    fn read(value: Option<Value>) -> Result<Self, (ViolationRule, &'static str)> {
        match value {
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err((ViolationRule::InvalidFormat, "has to be a string")),
            None => Err((ViolationRule::Required, "is required")),
        }
    }
}

impl Field for SecretString {
    fn read(value: Option<Value>) -> Result<Self, (ViolationRule, &'static str)> {
        String::read(value).map(Into::into)
    }
}

impl<T: Field> Field for Option<T> {
    fn read(value: Option<Value>) -> Result<Self, (ViolationRule, &'static str)> {
        value.map(|value| T::read(Some(value))).transpose()
    }
}

impl Fields {
    /// Reads a field under its name, or under another one that clients send.
    pub(super) fn take<T: Field>(&mut self, name: &'static str, others: &[&str]) -> Option<T> {
        let mut value = self.members.remove(name);
        for other in others {
            let found = self.members.remove(*other);
            value = value.or(found);
        }
        match T::read(value.filter(|value| !value.is_null())) {
            Ok(read) => Some(read),
            Err((rule, message)) => {
                self.violations.push(Violation::new(name, rule, message));
                None
            }
        }
    }

    /// Reads a text for which `null` means something: `Some(None)`.
    #[expect(
        clippy::option_option,
        reason = "absent and `null` are different things"
    )]
    pub(super) fn take_nullable(&mut self, name: &'static str) -> Option<Option<String>> {
        match self.members.remove(name)? {
            Value::Null => Some(None),
            Value::String(text) => Some(Some(text)),
            _ => {
                let rule = ViolationRule::InvalidFormat;
                let message = "has to be a string or null";
                self.violations.push(Violation::new(name, rule, message));
                None
            }
        }
    }
}

/// What a body is read as.
pub(super) trait Input: Sized {
    /// Takes the fields; `None` if one was noted as wrong.
    fn take(fields: &mut Fields) -> Option<Self>;
}

/// Reads a body. An empty one has no fields.
pub(super) fn read<T: Input>(body: &[u8]) -> Result<T, Refusal> {
    let mut fields = Fields {
        members: members(body)?,
        violations: Vec::new(),
    };
    let input = T::take(&mut fields);
    match input {
        Some(input) if fields.violations.is_empty() => Ok(input),
        _ => Err(Refusal::invalid(fields.violations)),
    }
}

fn members(body: &[u8]) -> Result<BTreeMap<String, Value>, Refusal> {
    let text = body.trim_ascii();
    match text.first() {
        None => return Ok(BTreeMap::new()),
        Some(b'{') => {}
        Some(_) => {
            let message = "The body has to be a JSON object, without a BOM.";
            return Err(Refusal::malformed(message));
        }
    }
    let members = serde_json::from_slice::<Members>(text).map_err(|error| {
        Refusal::malformed(if error.is_data() {
            "Each field can be given once."
        } else {
            "The body is not valid JSON in UTF-8."
        })
    })?;
    Ok(members.0)
}

/// The members of a JSON object. A duplicate is an error: what is in front may have read the other one.
struct Members(BTreeMap<String, Value>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("duplicate"));
                    }
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// Declares the body of an operation: its schema in the document, and how it is read.
///
/// `or` names another spelling that clients send; `nullable` keeps `null` apart from absent.
macro_rules! input {
    (
        $(#[$about:meta])*
        $visibility:vis struct $Input:ident {
            $($(#[$meta:meta])* $field:ident $(or $alias:literal)?: $type:ty $(= $reader:ident)?,)+
        }
    ) => {
        $(#[$about])*
        #[derive(utoipa::ToSchema)]
        $visibility struct $Input {
            $($(#[$meta])* pub(super) $field: $type,)+
        }

        impl $crate::rest::input::Input for $Input {
            fn take(fields: &mut $crate::rest::input::Fields) -> Option<Self> {
                $(let $field = $crate::rest::input::take!(fields, $field [$($alias)?] $($reader)?);)+
                Some(Self { $($field: $field?,)+ })
            }
        }
    };
}

macro_rules! take {
    ($fields:ident, $field:ident []  nullable) => {
        Some($fields.take_nullable(stringify!($field)))
    };
    ($fields:ident, $field:ident [$($alias:literal)?]) => {
        $fields.take(stringify!($field), &[$($alias)?])
    };
}

pub(super) use {input, take};

#[cfg(test)]
mod tests {
    use super::*;

    input! {
        /// For tests.
        struct Sample {
            /// Required.
            name or "old_name": String,
            /// Optional.
            secret: Option<String>,
            /// Nullable.
            locale: Option<Option<String>> = nullable,
        }
    }

    fn violations(body: &str) -> Vec<String> {
        let Err(Refusal::Failure(failure)) = read::<Sample>(body.as_bytes()) else {
            return Vec::new();
        };
        failure.violations().collect()
    }

    #[test]
    fn all_wrong_fields_are_answered_at_once() {
        assert_eq!(
            violations(r#"{"secret":1,"locale":[]}"#),
            [
                "name REQUIRED",
                "secret INVALID_FORMAT",
                "locale INVALID_FORMAT"
            ]
        );
        assert_eq!(violations(r#"{"name":null}"#), ["name REQUIRED"]);
        assert_eq!(violations(""), ["name REQUIRED"]);
    }

    #[test]
    fn null_is_absent_except_where_it_means_something() {
        let read = |body: &str| read::<Sample>(body.as_bytes()).unwrap();
        let sample = read(r#"{"old_name":"Ada","secret":null,"more":{"a":[1]}}"#);
        assert_eq!(
            (&*sample.name, sample.secret, sample.locale),
            ("Ada", None, None)
        );
        let sample = read(r#"{"name":"Ada","old_name":"B","locale":null}"#);
        assert_eq!((&*sample.name, sample.locale), ("Ada", Some(None)));
        let sample = read(r#"{"name":"Ada","locale":"en"}"#);
        assert_eq!(sample.locale, Some(Some("en".to_owned())));
    }

    #[test]
    fn what_two_parsers_could_read_differently_is_rejected() {
        for body in [
            r#"{"name":"a","name":"b"}"#,
            r#"{"name":"a","na\u006de":"b"}"#,
            r#"{"name":"a"} {}"#,
            "[]",
            "null",
            "\u{feff}{}",
            "{\"name\":\"\u{0}\"}",
            "{'name':1}",
        ] {
            let refused = read::<Sample>(body.as_bytes()).err();
            let Some(Refusal::Failure(failure)) = refused else {
                panic!("{body}");
            };
            assert_eq!(
                (failure.status(), failure.code()),
                (400, "BAD_USER_INPUT"),
                "{body}"
            );
        }
    }
}
