//! Placeholders in a chart's values, filled before the chart sees them: functions, schemas and `tpl` work on the
//! secret itself.

use super::options::{FillOptions, Print};
use super::scan;
use crate::report::Failure;
use keyfill_diag::{Class, Cx, Diagnostic, Place};
use keyfill_secrets::Reads;
use keyfill_yaml::{Body, Document, Limits, Origin, Text, Value, load_object, to_json};
use memchr::memmem;

/// Texts that stand in values, each with its path.
pub type Texts = Vec<(String, String)>;

/// Whether any of the texts holds a placeholder, or a reference of vals where those are filled.
pub fn hold_placeholders(texts: &[(String, String)], options: &FillOptions) -> bool {
    let reference = |text: &[u8]| options.vals_refs && memmem::find(text, scan::REFERENCE).is_some();
    texts.iter().any(|(_, text)| scan::holds_placeholder(text.as_bytes()) || reference(text.as_bytes()))
}

/// What stands in each text's place, in their order: a text without placeholders stays, a placeholder that is the
/// whole text becomes the secret's own value.
pub async fn fill_values(
    texts: Texts,
    options: &FillOptions,
    reads: &Reads,
    cx: &Cx,
) -> Result<Vec<Value>, Failure> {
    // Values are no manifest of any kind, whoever's habits are followed.
    let options = FillOptions {
        compat_avp: false,
        kinds: Vec::new(),
        print: Print::Json,
        sources: None,
        ..options.clone()
    };
    let (paths, texts): (Vec<String>, Vec<Value>) =
        texts.into_iter().map(|(path, text)| (path, Value::Str(text.into()))).unzip();
    // Numbers as keys: a path may hold what the language of paths gives a meaning to.
    let named = |(at, value): (usize, &Value)| (Text::from(format!("v{at}")), value.clone());
    let body = Value::Map(texts.iter().enumerate().map(named).collect());
    let document = Document {
        before: Default::default(),
        body: Body::Raw(to_json(&body).into()),
        origin: Origin::default(),
    };
    let filled = super::fill(vec![document], &options, reads, cx).await.map_err(|failure| {
        Failure::new(failure.into_problems().into_iter().map(|problem| placed(problem, &paths)).collect())
    })?;
    if !filled.filled.contains(&true) {
        return Ok(texts);
    }
    let broken = || Failure::from(Diagnostic::error(Class::Other, "the filled values cannot be read again"));
    let Some(Document { body: Body::Raw(text), .. }) = filled.documents.into_iter().next() else {
        return Err(broken());
    };
    let Ok(Value::Map(entries)) = load_object(&text, &Limits::from(cx)) else { return Err(broken()) };
    let mut values: Vec<Option<Value>> = vec![None; paths.len()];
    for (key, value) in entries {
        let at = key.strip_prefix('v').and_then(|at| at.parse::<usize>().ok());
        if let Some(slot) = at.and_then(|at| values.get_mut(at)) {
            *slot = Some(value);
        }
    }
    Ok(values.into_iter().map(Option::unwrap_or_default).collect())
}

/// A problem at its path in the values: they stand in no one file.
fn placed(mut problem: Diagnostic, paths: &[String]) -> Diagnostic {
    let path = problem.place.path.take();
    let at = path.as_deref().and_then(|path| path.strip_prefix('v')).and_then(|at| at.parse::<usize>().ok());
    problem.place = Place { path: at.and_then(|at| paths.get(at)).cloned().or(path), ..Place::default() };
    problem.object = None;
    problem
}

/// The texts in a value.
pub fn texts_of(value: &Value, found: &mut dyn FnMut(&str)) {
    match value {
        Value::Str(text) | Value::Number(text) => found(text),
        Value::Int(n) => found(&n.to_string()),
        Value::Uint(n) => found(&n.to_string()),
        Value::Float(n) => found(&n.to_string()),
        Value::Seq(items) => items.iter().for_each(|item| texts_of(item, found)),
        Value::Map(entries) => entries.iter().for_each(|(_, value)| texts_of(value, found)),
        Value::Null | Value::Bool(_) => {}
    }
}
