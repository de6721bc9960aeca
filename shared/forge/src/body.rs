//! Owns the way from a request's raw body to the JSON it carries.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use thiserror::Error;

/// Why a body carries no JSON that we read.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum BodyError {
    /// The content type is neither of the two.
    #[error("the content type is neither application/json nor application/x-www-form-urlencoded")]
    ContentType,
    /// A form without its one field.
    #[error("the form has no field payload")]
    NoPayload,
    /// The bytes are no UTF-8.
    #[error("the body is not UTF-8 from byte {at} on")]
    NotUtf8 {
        /// The first byte that is not, from 0.
        at: usize,
    },
    /// The text is no JSON.
    #[error("the body is not JSON: line {line}, column {column}")]
    NotJson {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// The JSON is not that of an object.
    #[error("the body is not a JSON object")]
    NotAnObject,
}

/// The JSON text in `raw`: the whole body, or the field `payload` of a form. Its syntax is checked
/// once, cheaply; nothing of it is understood or changed.
///
/// # Errors
/// [`BodyError`].
pub fn json_of<'a>(content_type: Option<&str>, raw: &'a [u8]) -> Result<Cow<'a, str>, BodyError> {
    let text = match media_type(content_type).as_deref() {
        Some("application/json") => Cow::Borrowed(utf8(raw)?),
        Some("application/x-www-form-urlencoded") => payload_field(raw)?,
        _ => return Err(BodyError::ContentType),
    };
    check(&text)?;
    Ok(text)
}

fn media_type(content_type: Option<&str>) -> Option<String> {
    let before_parameters = content_type?.split(';').next()?;
    Some(before_parameters.trim().to_ascii_lowercase())
}

fn utf8(bytes: &[u8]) -> Result<&str, BodyError> {
    std::str::from_utf8(bytes).map_err(|err| BodyError::NotUtf8 {
        at: err.valid_up_to(),
    })
}

fn payload_field(raw: &[u8]) -> Result<Cow<'_, str>, BodyError> {
    form_urlencoded::parse(raw)
        .find_map(|(name, value)| (name == "payload").then_some(value))
        .ok_or(BodyError::NoPayload)
}

fn check(text: &str) -> Result<(), BodyError> {
    serde_json::from_str::<IgnoredAny>(text).map_err(|err| BodyError::NotJson {
        line: err.line(),
        column: err.column(),
    })?;
    if text.trim_start().starts_with('{') {
        Ok(())
    } else {
        Err(BodyError::NotAnObject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: Option<&str> = Some("application/json");
    const FORM: Option<&str> = Some("application/x-www-form-urlencoded");

    #[test]
    fn the_json_is_found_by_the_content_type_and_not_changed() {
        let body = r#"{"id": 9007199254740993, "a": 1, "a": 2, "s": "🎉\u0000"}"#;
        let form: String = form_urlencoded::Serializer::new(String::new())
            .append_pair("payload", body)
            .finish();
        for (content_type, raw) in [
            (JSON, body),
            (Some("application/json; charset=utf-8"), body),
            (Some("Application/JSON;charset=UTF-8"), body),
            (FORM, &form),
            (FORM, &format!("x=1&{form}&payload=second")),
        ] {
            assert_eq!(
                json_of(content_type, raw.as_bytes()).as_deref(),
                Ok(body),
                "{raw}"
            );
        }
    }

    #[test]
    fn what_is_no_json_object_is_refused_with_its_place() {
        for (content_type, raw, expected) in [
            (None, b"{}".as_slice(), BodyError::ContentType),
            (Some("text/plain"), b"{}", BodyError::ContentType),
            (Some(""), b"{}", BodyError::ContentType),
            (JSON, b"", BodyError::NotJson { line: 1, column: 0 }),
            (
                JSON,
                b"{\n\"a\": }",
                BodyError::NotJson { line: 2, column: 6 },
            ),
            (JSON, b"{} {}", BodyError::NotJson { line: 1, column: 4 }),
            (JSON, b"{\"a\":\"\xff\"}", BodyError::NotUtf8 { at: 6 }),
            (JSON, b"[]", BodyError::NotAnObject),
            (JSON, b"null", BodyError::NotAnObject),
            (FORM, b"{}", BodyError::NoPayload),
            (FORM, b"payload=", BodyError::NotJson { line: 1, column: 0 }),
        ] {
            let shown = String::from_utf8_lossy(raw);
            assert_eq!(json_of(content_type, raw), Err(expected), "{shown}");
        }
    }

    #[test]
    fn a_body_that_is_nested_without_end_exhausts_nothing() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(json_of(JSON, deep.as_bytes()).is_ok());
    }
}
