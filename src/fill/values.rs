//! Fills placeholders in a chart's values before the chart is rendered, so that template functions, schemas and
//! `tpl` see the secret itself.

use super::options::{FillOptions, Print};
use super::scan;
use crate::report::Failure;
use keyfill_diag::{Class, Cx, Diagnostic, Place};
use keyfill_secrets::Reads;
use keyfill_yaml::{Body, Document, Limits, Origin, Text, Value, load_object, to_json};
use memchr::memmem;

/// Texts in a chart's values: for each the path and the text.
pub type Texts = Vec<(String, String)>;

/// Whether any of the texts contains a placeholder, or a reference of vals if those are filled.
pub fn hold_placeholders(texts: &[(String, String)], options: &FillOptions) -> bool {
    let reference = |text: &[u8]| options.vals_refs && memmem::find(text, scan::REFERENCE).is_some();
    texts.iter().any(|(_, text)| scan::holds_placeholder(text.as_bytes()) || reference(text.as_bytes()))
}

/// The value that replaces each text, in their order: a text without placeholders is not changed; a placeholder
/// that is the whole text becomes the secret's value with its type.
pub async fn fill_values(
    texts: Texts,
    options: &FillOptions,
    reads: &Reads,
    cx: &Cx,
) -> Result<Vec<Value>, Failure> {
    // A chart's values are not a manifest, so that options for manifests do not apply.
    let options = FillOptions {
        compat_avp: false,
        kinds: Vec::new(),
        print: Print::Json,
        sources: None,
        ..options.clone()
    };
    let (paths, texts): (Vec<String>, Vec<Value>) =
        texts.into_iter().map(|(path, text)| (path, Value::Str(text.into()))).unzip();
    // The keys are numbers, since a path may contain characters with a meaning in paths of diagnostics.
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

/// Gives a problem its path in the values, and no file, since values come from several files.
fn placed(mut problem: Diagnostic, paths: &[String]) -> Diagnostic {
    let path = problem.place.path.take();
    let at = path.as_deref().and_then(|path| path.strip_prefix('v')).and_then(|at| at.parse::<usize>().ok());
    problem.place = Place { path: at.and_then(|at| paths.get(at)).cloned().or(path), ..Place::default() };
    problem.object = None;
    problem
}

/// Calls `found` with each text in a value.
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
