//! What stores with access tokens and JSON answers share: forms, headers, parsing of answers, and errors of refusals.

use crate::rest::{call, quoted, secret_header};
use crate::{Error, Secret};
use http::{HeaderMap, HeaderValue, Method};
use keyfill_http::{Answer, Call};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

/// The characters that are percent-encoded in forms and in parts of a URL: all but letters, digits and `-_.~`.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A text as one part of a URL. Percent-encoded, what an author writes adds neither a path segment nor a parameter.
pub(crate) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// The body of a form. It may contain a credential.
pub(crate) fn form(fields: &[(&str, &str)]) -> Zeroizing<String> {
    let mut body = Zeroizing::new(String::new());
    for (name, value) in fields {
        if !body.is_empty() {
            body.push('&');
        }
        body.push_str(name);
        body.push('=');
        body.extend(utf8_percent_encode(value, PLAIN));
    }
    body
}

/// A `POST` request with a form.
pub(crate) fn post_form(address: &str, body: &Zeroizing<String>) -> Result<Call, Error> {
    let mut headers = HeaderMap::new();
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(http::header::CONTENT_TYPE, kind);
    headers.insert(http::header::ACCEPT, HeaderValue::from_static("application/json"));
    call(Method::POST, address, headers, body.as_bytes())
}

/// A `GET` request with a credential in a header. `what` is the credential's name in errors.
pub(crate) fn get(address: &str, header: &'static str, value: &Secret, what: &str) -> Result<Call, Error> {
    let mut headers = HeaderMap::new();
    headers.insert(header, secret_header(value.expose(), what)?);
    headers.insert(http::header::ACCEPT, HeaderValue::from_static("application/json"));
    call(Method::GET, address, headers, "")
}

/// The value of an `Authorization` header: `Bearer TOKEN`.
pub(crate) fn bearer(token: &Secret) -> Secret {
    Secret::new(format!("Bearer {}", token.expose()))
}

/// Parses an answer's JSON. `store` is the store's name in errors, which contain nothing of the answer.
pub(crate) fn json<T: DeserializeOwned>(answer: &Answer, store: &str) -> Result<T, Error> {
    serde_json::from_slice(&answer.body).map_err(|_| {
        Error::store(format!("the answer of {store} is not usable: it is not JSON of what was asked for"))
            .hint("check the address that is set, and HTTPS_PROXY: something else may have answered")
    })
}

/// The error for an answer that is not a success. `what` was requested; `hint` says how to permit it.
pub(crate) fn refused(answer: &Answer, store: &str, what: &str, hint: &str) -> Error {
    let reason = reason(&answer.body).map(|reason| format!(": {reason}")).unwrap_or_default();
    match answer.status.as_u16() {
        404 => Error::missing(format!("{store} has no {what}{reason}")).absent(),
        status @ (401 | 403) => Error::store(format!("{store} refuses ({status}){reason}")).hint(hint),
        status => Error::store(format!("{store} answered {status}{reason}")),
    }
}

/// The message in the JSON of an error. Servers have different fields for it.
fn reason(body: &[u8]) -> Option<String> {
    let json: serde_json::Value = serde_json::from_slice(body).ok()?;
    let text = ["message", "error_description", "error", "errorMessage"].iter().find_map(|name| {
        let value = json.get(name)?;
        value.as_str().or_else(|| value.get("message")?.as_str())
    });
    let first = || {
        let list = json.get("errors").or_else(|| json.get("messages"))?.as_array()?.first()?;
        list.as_str().or_else(|| list.get("message")?.as_str())
    };
    text.or_else(first).map(quoted).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{escaped, form, reason};

    #[test]
    fn an_authors_text_stays_one_part_of_an_address() {
        assert_eq!(escaped("a/../b?c=d&e#f %"), "a%2F..%2Fb%3Fc%3Dd%26e%23f%20%25");
        assert_eq!(form(&[("a", "x&y"), ("b", "1")]).as_str(), "a=x%26y&b=1");
    }

    #[test]
    fn the_message_of_an_error_is_found_in_each_form() {
        for json in [
            r#"{"message": "no"}"#,
            r#"{"error": "no"}"#,
            r#"{"error": {"message": "no"}}"#,
            r#"{"errors": [{"message": "no"}]}"#,
            r#"{"messages": ["no"]}"#,
        ] {
            assert_eq!(reason(json.as_bytes()).as_deref(), Some("no"), "{json}");
        }
        assert_eq!(reason(b"<html>"), None);
    }
}
