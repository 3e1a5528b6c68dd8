//! JSON objects in which no key comes twice: readers disagree on which one counts, so none is taken.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::images::input;

/// Parse an object; the error is a reason with line and column.
pub(super) fn object(bytes: &[u8]) -> Result<Map<String, Value>, String> {
    let bytes = python_numbers(input::without_mark(bytes));
    let parsed: Strict = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    match parsed.0 {
        Value::Object(fields) => Ok(fields),
        other => Err(format!("expected an object, got {}", kind(&other))),
    }
}

/// Python writes numbers that JSON does not have, and diffusers' schedulers have such fields. They become texts: of use to no
/// field that is read, and in the way of none that is not.
fn python_numbers(bytes: &[u8]) -> Cow<'_, [u8]> {
    const NUMBERS: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];
    let mut written: Option<Vec<u8>> = None;
    let (mut at, mut is_text) = (0, false);
    while at < bytes.len() {
        let rest = &bytes[at..];
        let number = NUMBERS.iter().find(|number| rest.starts_with(number));
        if let (false, Some(number)) = (is_text, number) {
            let written = written.get_or_insert_with(|| bytes[..at].to_vec());
            written.extend([b"\"", *number, b"\""].concat());
            at += number.len();
            continue;
        }
        let len = match rest {
            [b'\\', _, ..] if is_text => 2,
            [b'"', ..] => {
                is_text = !is_text;
                1
            }
            _ => 1,
        };
        if let Some(written) = &mut written {
            written.extend(&rest[..len]);
        }
        at += len;
    }
    written.map_or(Cow::Borrowed(bytes), Cow::Owned)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A value whose objects have each key once, at any depth.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(key) = object.next_key::<String>()? {
            if fields.contains_key(&key) {
                return Err(A::Error::custom(format!("the key `{key}` comes twice")));
            }
            let Strict(value) = object.next_value()?;
            fields.insert(key, value);
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_serde_json_reads() {
        let text = r#"{"a": [1, -2, 2.5, null, true, "\u00e9"], "b": {"c": {}, "d": 1e300}, "": 18446744073709551615}"#;
        let expected: Map<String, Value> = serde_json::from_str(text).unwrap();
        assert_eq!(object(text.as_bytes()).unwrap(), expected);
        assert_eq!(
            object(format!("\u{FEFF}{text}").as_bytes()).unwrap(),
            expected
        );
    }

    #[test]
    fn numbers_that_only_python_has_are_texts() {
        let text = r#"{"a": -Infinity, "NaN": [NaN, Infinity], "b": "\"NaN, \\", "c": 1}"#;
        let expected =
            r#"{"a": "-Infinity", "NaN": ["NaN", "Infinity"], "b": "\"NaN, \\", "c": 1}"#;
        let expected: Map<String, Value> = serde_json::from_str(expected).unwrap();
        assert_eq!(object(text.as_bytes()).unwrap(), expected);
        let message = object(b"{\"a\": NaN").unwrap_err();
        assert!(message.contains("EOF"), "{message}");
    }

    #[test]
    fn a_key_that_comes_twice_is_refused_at_any_depth() {
        for text in [
            r#"{"a": 1, "a": 1}"#,
            r#"{"b": [{"a": 1, "c": 2, "a": 3}]}"#,
            r#"{"\u0061": 1, "a": 2}"#,
        ] {
            let message = object(text.as_bytes()).unwrap_err();
            assert!(message.contains("`a` comes twice"), "{message}");
        }
        assert!(object(b"[1]").unwrap_err().contains("a list"));
        assert!(object(b"{} x").unwrap_err().contains("trailing"));
    }
}
