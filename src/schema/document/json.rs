//! Counts the values of a JSON text before it is parsed.
//!
//! Parsing allocates for each value: 1 MB of `[[[1]]],` took 100 ms.

use super::{Limit, Limits, Refusal};

/// Rejects a text with more than twice the allowed variable values; the rest covers the members of
/// the request and its extensions.
pub(in crate::schema) fn check(text: &[u8], limits: &Limits) -> Result<(), Refusal> {
    let max = limits.variable_values.saturating_mul(2);
    Limit::Values.check(count_values(text), max)
}

/// The number of values in a JSON text; for invalid JSON at least the number that a parser reads
/// before it fails.
fn count_values(text: &[u8]) -> usize {
    let mut count = 1_usize;
    // Whether the last non-blank byte opened a list or an object.
    let mut opened = false;
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => continue,
            b',' => count += 1,
            b']' | b'}' => {}
            _ if opened => count += 1,
            _ => {}
        }
        opened = matches!(byte, b'[' | b'{');
        if *byte == b'"' {
            skip_string(&mut bytes);
        }
    }
    count
}

/// Skips the rest of a string after its opening quote.
fn skip_string(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn counted(value: &Value) -> usize {
        1 + match value {
            Value::Array(entries) => entries.iter().map(counted).sum(),
            Value::Object(members) => members.values().map(counted).sum(),
            _ => 0,
        }
    }

    #[test]
    fn each_value_counts_once_wherever_it_stands() {
        for (text, count) in [
            ("1", 1),
            (" [ ] ", 1),
            ("{}", 1),
            ("[1]", 2),
            ("[[],[],{}]", 4),
            (r#"{"a":{"b":[1,"2",null]}}"#, 6),
            (r#"[",,[[{{","\\",",\"[,"]"#, 4),
        ] {
            assert_eq!(count_values(text.as_bytes()), count, "{text}");
            assert_eq!(counted(&serde_json::from_str(text).unwrap()), count);
        }
    }

    /// Includes the values that a parser reads before it fails.
    #[test]
    fn text_that_breaks_off_holds_what_came_before() {
        assert_eq!(count_values(b"[1,2,3,"), 5);
        assert_eq!(count_values(br#"{"a":[[[["#), 5);
        assert_eq!(count_values(br#"[1,"2,3,4"#), 3);
        assert_eq!(count_values(b""), 1);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i32>().prop_map(|number| json!(number)),
            r#"[a-z,:"\\\[\]{}\n\u{1f600}]{0,8}"#.prop_map(|text| json!(text)),
        ];
        leaf.prop_recursive(4, 64, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                prop::collection::btree_map(r#"[a,"\\\[]{0,3}"#, inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_counted_is_what_is_parsed(value in json(), pretty: bool) {
            let text = if pretty {
                serde_json::to_string_pretty(&value).unwrap()
            } else {
                value.to_string()
            };
            prop_assert_eq!(count_values(text.as_bytes()), counted(&value));
        }
    }
}
