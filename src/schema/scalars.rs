//! Scalars with a format of their own.

use std::borrow::Cow;

use async_graphql::registry::Registry;
use async_graphql::{InputType, InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{DateTime, Datelike as _, Utc};

/// An e-mail address, internationalised ones included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailAddress(pub String);

/// An e-mail address (RFC 5321, RFC 6531). Any string is accepted as input; the mutation validates
/// it and reports violations in its result.
#[Scalar(specified_by_url = "https://www.rfc-editor.org/rfc/rfc5321")]
impl ScalarType for EmailAddress {
    fn parse(value: Value) -> InputValueResult<Self> {
        text(value).map(Self)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// A phone number in E.164 format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneNumber(pub String);

/// A phone number in E.164 format, as in `+441632960961`. Any string is accepted as input; the
/// mutation validates it and reports violations in its result.
#[Scalar(specified_by_url = "https://www.itu.int/rec/T-REC-E.164")]
impl ScalarType for PhoneNumber {
    fn parse(value: Value) -> InputValueResult<Self> {
        text(value).map(Self)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteCount(pub i64);

/// A number of bytes. Any whole number of 64 bits is accepted as input; the mutation validates it and
/// reports violations in its result.
// No `Int`: the engine would check its range only when the field is resolved, after the mutations before
// it in the document.
#[Scalar]
impl ScalarType for ByteCount {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::Number(number) => number.as_i64().map(Self),
            _ => None,
        }
        .ok_or_else(|| InputValueError::expected_type(value))
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::Number(number) if number.is_i64())
    }

    fn to_value(&self) -> Value {
        Value::Number(self.0.into())
    }
}

fn text<T: InputType>(value: Value) -> Result<String, InputValueError<T>> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(InputValueError::expected_type(other)),
    }
}

/// An instant as input: a `DateTime` within the range that both databases store and compare
/// correctly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instant(pub DateTime<Utc>);

impl Instant {
    /// From microseconds since 1970, within the years 1 to 9999: `SQLite` compares instants as text
    /// with four-digit years, and Postgres begins at 4713 BC.
    #[must_use]
    pub fn from_micros(micros: i64) -> Option<Self> {
        let instant = DateTime::from_timestamp_micros(micros)?;
        (1..=9999)
            .contains(&instant.year())
            .then_some(Self(instant))
    }
}

impl InputType for Instant {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        <DateTime<Utc> as InputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <DateTime<Utc> as InputType>::create_type_info(registry)
    }

    /// A leap second becomes the following second, and nanoseconds are truncated to microseconds.
    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let given = <DateTime<Utc> as InputType>::parse(value);
        let given = given.map_err(InputValueError::propagate)?;
        Self::from_micros(given.timestamp_micros())
            .ok_or_else(|| InputValueError::custom("an instant is in the years 1 to 9999"))
    }

    fn to_value(&self) -> Value {
        InputType::to_value(&self.0)
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}
