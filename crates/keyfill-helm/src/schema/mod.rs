//! JSON Schema as helm's library implements it: the drafts 4, 6, 7, 2019-09 and 2020-12, with Go's regular
//! expressions and numbers of any size.
//!
//! A schema is written by an author, so its cost is bounded. Each part of a schema is evaluated at most once for
//! each part of the values, the deadline is checked meanwhile, and the depth of nesting is limited.

mod check;
mod compile;
mod formats;
mod keywords;
mod value;

use keyfill_diag::{Cx, Stopped};
use keyfill_go::json_decode;
use keyfill_template::value::{Map, Value};
use std::collections::BTreeSet;

/// The result of checking values against a schema.
pub(crate) struct Verdict {
    /// The problems, a line each. They name places and rules, but never show values.
    pub(crate) problems: Vec<String>,
    /// References to a `urn:` that nothing defines.
    pub(crate) ignored: BTreeSet<String>,
}

/// Why values could not be checked.
pub(crate) enum Failure {
    /// The schema cannot be used; the text says where and why.
    Wrong(String),
    /// The schema refers to another document, which is named.
    Elsewhere(String),
    Stopped(Stopped),
}

/// Checks values against the text of a schema.
pub(crate) fn check(schema: &[u8], values: &Map, cx: &Cx) -> Result<Verdict, Failure> {
    let document = json_decode::decode_exactly(schema, cx.limits.depth)
        .map_err(|error| Failure::Wrong(format!("it is not JSON: {error}")))?;
    let document = value::Json::from(document);
    let schema = compile::compile(&document, cx).map_err(|failure| match failure {
        compile::Failure::Wrong(wrong) => {
            let place = if wrong.pointer.is_empty() { "its root".to_owned() } else { wrong.pointer };
            Failure::Wrong(format!("at {place}: {}", wrong.what))
        }
        compile::Failure::Elsewhere(url) => Failure::Elsewhere(url),
        compile::Failure::Stopped(stopped) => Failure::Stopped(stopped),
    })?;
    let values = value::Json::from(&Value::Map(values.clone()));
    let problems = check::problems(&schema, &values, cx).map_err(|failure| match failure {
        check::Failure::Stopped(stopped) => Failure::Stopped(stopped),
        check::Failure::TooDeep => Failure::Wrong("its references are nested too deep".to_owned()),
        check::Failure::TooMuch => {
            Failure::Wrong("checking these values against it takes too many steps".to_owned())
        }
    })?;
    Ok(Verdict { problems, ignored: schema.ignored })
}

#[cfg(test)]
mod tests;
