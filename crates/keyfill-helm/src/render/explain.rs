//! Makes a template's error one for people: the file in the tree, its line, the way there, and what was nil.

use super::scope::Template;
use crate::error::Error;
use keyfill_diag::{Diagnostic, Place, nearest};
use keyfill_template::funcs::FAMILIES;
use keyfill_template::value::{Map, Value};

/// How many steps of a chain of templates are shown at each end.
const SHOWN_STEPS: usize = 8;

/// The error of a template. `dot` is what the failed template saw; none while templates are parsed.
pub(super) fn failed(error: &keyfill_template::Error, templates: &[Template], dot: Option<&Map>) -> Error {
    let frames = error.frames();
    let find = |name: &str| templates.iter().find(|t| t.name == name);
    // The text of `tpl` is no file: the place is where it was called.
    let frame = frames.iter().rev().find(|frame| find(&frame.file).is_some());
    let place = match frame {
        Some(frame) => Place {
            line: Some(frame.line),
            column: Some(frame.column + 1),
            width: u32::try_from(frame.context.chars().count()).unwrap_or(0),
            ..Place::file(frame.file.as_str(), None)
        },
        None => error.place(),
    };
    let template = place.file.as_deref().and_then(find);
    let mut diagnostic = Diagnostic::error(error.class(), message(error)).at(in_tree(place, template));
    let steps: Vec<String> = frames
        .iter()
        .map(|frame| {
            let file = find(&frame.file).map_or(frame.file.as_str(), |t| &*t.file);
            format!("{file}:{}:{}: {:?} at <{}>", frame.line, frame.column + 1, frame.template, frame.context)
        })
        .collect();
    diagnostic.trail = shortened(steps);
    let context = frames.last().map(|frame| frame.context.as_str());
    let nil = context.zip(dot).and_then(|(context, dot)| nil_hint(context, dot));
    diagnostic.hint = nil.or_else(|| function_hint(error.message()));
    Error::from_diagnostic(diagnostic)
}

/// The innermost message. What a chart says with `fail` and `required` is said as it is.
fn message(error: &keyfill_template::Error) -> String {
    let message = error.message();
    let own = ["error calling fail: ", "error calling required: "];
    own.iter().find_map(|prefix| message.strip_prefix(prefix)).unwrap_or(message).to_owned()
}

/// The place in the tree instead of helm's name, with the line itself.
fn in_tree(mut place: Place, template: Option<&Template>) -> Place {
    let Some(template) = template else { return place };
    place.file = Some(template.file.to_string());
    let at = place.line.and_then(|line| usize::try_from(line).ok()).and_then(|line| line.checked_sub(1));
    let line = at.and_then(|at| template.text.split(|b| *b == b'\n').nth(at));
    place.source_line = line.map(|line| String::from_utf8_lossy(line).trim_end_matches('\r').to_owned());
    place
}

/// A chain that is long, as of endless recursion, shows both its ends.
fn shortened(mut steps: Vec<String>) -> Vec<String> {
    if steps.len() <= 2 * SHOWN_STEPS {
        return steps;
    }
    let left_out = steps.len() - 2 * SHOWN_STEPS;
    let tail = steps.split_off(steps.len() - SHOWN_STEPS);
    steps.truncate(SHOWN_STEPS);
    steps.push(format!("... {left_out} more ..."));
    steps.extend(tail);
    steps
}

/// The function that was meant by one that is not there.
fn function_hint(message: &str) -> Option<String> {
    let name = message.strip_prefix("function \"")?.strip_suffix("\" not defined")?;
    let known = FAMILIES.iter().copied().flatten().map(|function| function.name);
    nearest(name, known).map(|meant| format!("did you mean {meant}?"))
}

/// Where on a path such as `.Values.a.b` nothing is, and what was meant perhaps.
fn nil_hint(context: &str, dot: &Map) -> Option<String> {
    let path = context.strip_prefix('$').unwrap_or(context).strip_prefix('.')?;
    if !path.starts_with("Values.") || path.contains(|c: char| c.is_whitespace() || c == '(') {
        return None;
    }
    let mut value = Value::Map(dot.clone());
    let mut walked = String::new();
    for part in path.split('.') {
        let Value::Map(map) = &value else { return None };
        let next = map.get(part.as_bytes());
        let before = walked.clone();
        walked = format!("{before}.{part}");
        value = match next {
            None => {
                let keys: Vec<String> =
                    map.entries().keys().filter_map(|k| k.to_str().map(str::to_owned)).collect();
                let meant = nearest(part, keys.iter().map(String::as_str));
                return Some(match meant {
                    Some(meant) => format!("{walked} is not set; did you mean {before}.{meant}?"),
                    None => format!("{walked} is not set: set it in the values"),
                });
            }
            Some(Value::Nil) => return Some(format!("{walked} is null: set it in the values")),
            Some(next) => next,
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{function_hint, nil_hint, shortened};
    use keyfill_template::value::{Map, Value};

    #[test]
    fn says_what_is_nil_and_what_was_meant() {
        let inner: Map = [("username", Value::from("u")), ("none", Value::Nil)].into_iter().collect();
        let values: Map = [("auth", inner)].into_iter().collect();
        let dot: Map = [("Values", values)].into_iter().collect();
        let hint = |context| nil_hint(context, &dot);
        assert_eq!(
            hint("$.Values.auth.usrname.x").as_deref(),
            Some(".Values.auth.usrname is not set; did you mean .Values.auth.username?")
        );
        assert_eq!(
            hint(".Values.auth.none.x").as_deref(),
            Some(".Values.auth.none is null: set it in the values")
        );
        assert_eq!(hint(".Values.zzz.x").as_deref(), Some(".Values.zzz is not set: set it in the values"));
        assert_eq!(hint("include \"a\" ."), None);
    }

    #[test]
    fn says_which_function_was_meant() {
        let hint = function_hint("function \"toYmal\" not defined");
        assert_eq!(hint.as_deref(), Some("did you mean toYaml?"));
        assert_eq!(function_hint("function \"zzzzzzzzz\" not defined"), None);
    }

    #[test]
    fn long_chains_show_both_ends() {
        let steps = shortened((0..1000).map(|n| n.to_string()).collect());
        assert_eq!((steps.len(), steps[0].as_str(), steps[16].as_str()), (17, "0", "999"));
    }
}
