//! Turns a template's error into one for users: the file in the tree, its line, the chain of templates that led
//! there, and which value was nil.

use super::scope::Template;
use crate::error::Error;
use keyfill_diag::{Diagnostic, Place, Report as _, nearest};
use keyfill_template::funcs::{ADDED_BY_HELM_4, FAMILIES};
use keyfill_template::function::Registry;
use keyfill_template::value::{Map, Str, Value};
use keyfill_template::{Frame, NilChain};
use std::collections::HashSet;

/// How many steps of a chain of templates are shown at each end.
const SHOWN_STEPS: usize = 8;
/// The most characters of a message that are shown: a chart may call `fail` with a text of any length.
const LONGEST_MESSAGE: usize = 16 << 10;
/// The functions by which a chart refuses its values with a message of its own.
const REFUSE: [&str; 2] = ["fail", "required"];
/// The most characters of a piece of a template that are shown.
const LONGEST_CONTEXT: usize = 200;
/// The most maps of the values that are searched for the path of a nil value.
const MOST_MAPS: usize = 100_000;
/// The names that every template has in its dot.
const OF_A_DOT: [&str; 7] = ["Values", "Release", "Chart", "Capabilities", "Files", "Template", "Subcharts"];

/// What the templates were executed with. It explains their errors.
pub(super) struct Explain<'a> {
    pub(super) templates: &'a [Template],
    pub(super) registry: &'a Registry,
    /// The dot of the root chart.
    pub(super) top: &'a Map,
}

impl Explain<'_> {
    /// The error to report for a template's error.
    pub(super) fn failed(&self, error: &keyfill_template::Error) -> Error {
        let frames = error.frames();
        // The text that `tpl` executes is not a file: the place is that of the call of `tpl`.
        let frame = frames.iter().rev().find(|frame| self.template(&frame.file).is_some());
        let place = match frame {
            Some(frame) => Place {
                line: Some(frame.line),
                column: Some(frame.column + 1),
                width: u32::try_from(frame.context.chars().count()).unwrap_or(0),
                ..Place::file(frame.file.as_str(), None)
            },
            None => error.place(),
        };
        let template = place.file.as_deref().and_then(|file| self.template(file));
        let mut diagnostic = Diagnostic::error(error.class(), message(error)).at(in_tree(place, template));
        diagnostic.trail = shortened(frames.iter().flat_map(|frame| self.steps(frame)).collect());
        if let Some((line, text)) = error.parsed_text() {
            diagnostic.trail.push(text_of_tpl(line, None, text));
        }
        let nil = error.nil_chain().and_then(|chain| self.nil_hint(chain));
        diagnostic.hint = nil
            .or_else(|| self.function_hint(error.undefined_function()?))
            .or_else(|| error.hint().map(str::to_owned));
        Error::from_diagnostic(diagnostic).said_by_chart(refusal(error).is_some())
    }

    fn template(&self, name: &str) -> Option<&Template> {
        self.templates.iter().find(|template| template.name == name)
    }

    /// A step of the chain of templates, and the text of the line if it is not in a file.
    fn steps(&self, frame: &Frame) -> Vec<String> {
        let file = self.template(&frame.file).map_or(frame.file.as_str(), |t| &*t.file);
        let (line, column) = (frame.line, frame.column + 1);
        let context = cut(&frame.context, LONGEST_CONTEXT);
        let mut steps = vec![format!(
            "{file}:{line}:{column}: {:?} at <{context}>",
            cut(&frame.template, LONGEST_CONTEXT)
        )];
        steps.extend(frame.text.as_deref().map(|text| text_of_tpl(line, Some(column), text)));
        steps
    }

    /// A hint that names the value that was nil, by its path in the values as users write it. None if it is not
    /// one of the values.
    fn nil_hint(&self, chain: &NilChain) -> Option<String> {
        let missing = chain.links.last()?;
        let holder = self.path_of(missing.map);
        if OF_A_DOT.contains(&missing.name.as_str()) && !self.is_a_dot(missing.map) {
            let here = holder.map_or_else(|| "is another value".to_owned(), |path| format!("is {path}"));
            let name = &missing.name;
            return Some(format!(
                "inside `with`, `range` and what is included `.` {here}: $.{name} may be meant"
            ));
        }
        let holder = holder?;
        let path = |name: &str| format!("{holder}.{name}");
        let name = path(&cut(&missing.name, LONGEST_CONTEXT));
        Some(match &chain.near {
            _ if chain.is_null => format!("{name} is null: set it in the values"),
            Some(near) => format!("{name} is not set; did you mean {}?", path(near)),
            None => format!("{name} is not set: set it in the values"),
        })
    }

    fn is_a_dot(&self, map: usize) -> bool {
        self.templates.iter().any(|template| template.dot.address() == map)
    }

    /// The path of a map in the values: `.Values.a` for the root chart, `sub.a` for what the subchart `sub` calls
    /// `.Values.a`, since that is what users write.
    fn path_of(&self, address: usize) -> Option<String> {
        let Some(Value::Map(values)) = self.top.get(b"Values") else { return None };
        let root = values.address();
        let charts: HashSet<usize> =
            self.templates.iter().filter_map(|t| Some(t.dot.get(b"Values")?.as_map()?.address())).collect();
        let mut seen = HashSet::new();
        let mut waiting = vec![(values, Vec::new(), false)];
        while let Some((map, path, in_subchart)) = waiting.pop() {
            let at = map.address();
            if !seen.insert(at) || seen.len() > MOST_MAPS {
                continue;
            }
            let in_subchart = in_subchart || at != root && charts.contains(&at);
            if at == address {
                return Some(written(&path, in_subchart));
            }
            for (key, value) in map.entries().iter() {
                if let Value::Map(inner) = value {
                    let mut path = path.clone();
                    path.push(key.clone());
                    waiting.push((inner.clone(), path, in_subchart));
                }
            }
        }
        None
    }

    /// A hint for a function that does not exist: that helm 4 has it, or a similar name.
    fn function_hint(&self, name: &str) -> Option<String> {
        let in_helm_4 = ADDED_BY_HELM_4.iter().copied().flatten().any(|function| function.name == name);
        if in_helm_4 && self.registry.index(name).is_none() {
            return Some("helm 4 has this function: render with --helm-compat 4".to_owned());
        }
        near_function(name)
    }
}

/// A path in the values as users write it. Globals are copied to subcharts, but users write them at the top level.
fn written(path: &[Str], in_subchart: bool) -> String {
    let global = path.iter().position(|key| *key == "global").filter(|_| in_subchart);
    let path: Vec<_> = path[global.unwrap_or(0)..].iter().map(Str::to_text).collect();
    match path.join(".") {
        path if in_subchart && global.is_none() => path,
        path if path.is_empty() => ".Values".to_owned(),
        path => format!(".Values.{path}"),
    }
}

/// A step of the chain for a line of the text that `tpl` executes.
fn text_of_tpl(line: u32, column: Option<u32>, text: &str) -> String {
    let column = column.map_or_else(String::new, |column| format!(":{column}"));
    format!("the text that tpl runs, gotpl:{line}{column}: {text}")
}

/// The chart's own message, if it refused its values with `fail` or `required`.
fn refusal(error: &keyfill_template::Error) -> Option<&str> {
    error.failed_call().filter(|(name, _)| REFUSE.contains(name)).map(|(_, words)| words)
}

/// The innermost message. The message of `fail` and `required` is used unchanged.
fn message(error: &keyfill_template::Error) -> String {
    cut(refusal(error).unwrap_or(error.message()), LONGEST_MESSAGE)
}

/// The first `most` characters of a text, and how many bytes were left out.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}... ({} bytes more)", &text[..at], text.len() - at),
        None => text.to_owned(),
    }
}

/// Replaces helm's name of a template by its path in the tree, and adds the text of the line.
fn in_tree(mut place: Place, template: Option<&Template>) -> Place {
    let Some(template) = template else { return place };
    place.file = Some(template.file.to_string());
    let text = template.text.strip_suffix(b"\n").unwrap_or(&template.text);
    let lines = memchr::memchr_iter(b'\n', text).count() + 1;
    // An error at the end of a template, such as a missing `end`, has a line number after the last line.
    place.line = place.line.map(|line| line.min(u32::try_from(lines).unwrap_or(u32::MAX)));
    let at = place.line.and_then(|line| usize::try_from(line).ok()).and_then(|line| line.checked_sub(1));
    let line = at.and_then(|at| text.split(|b| *b == b'\n').nth(at));
    place.source_line = line.map(|line| String::from_utf8_lossy(line).trim_end_matches('\r').to_owned());
    place
}

/// Shortens a long chain, for example of endless recursion, to its first and last steps.
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

/// A hint with the known function whose name is most similar.
fn near_function(name: &str) -> Option<String> {
    let known = FAMILIES.iter().copied().flatten().map(|function| function.name);
    nearest(name, known).map(|meant| format!("did you mean {meant}?"))
}

#[cfg(test)]
mod tests {
    use super::{cut, near_function, shortened, written};

    #[test]
    fn a_path_is_shown_as_users_write_it() {
        let path = |parts: &[&str], in_subchart| {
            written(&parts.iter().map(|part| (*part).into()).collect::<Vec<_>>(), in_subchart)
        };
        assert_eq!(path(&[], false), ".Values");
        assert_eq!(path(&["auth"], false), ".Values.auth");
        assert_eq!(path(&["sub", "image"], true), "sub.image");
        assert_eq!(path(&["sub", "global", "image"], true), ".Values.global.image");
    }

    #[test]
    fn an_unknown_function_gets_a_hint_with_a_similar_name() {
        assert_eq!(near_function("toYmal").as_deref(), Some("did you mean toYaml?"));
        assert_eq!(near_function("zzzzzzzzz"), None);
    }

    #[test]
    fn long_chains_show_both_ends() {
        let steps = shortened((0..1000).map(|n| n.to_string()).collect());
        assert_eq!((steps.len(), steps[0].as_str(), steps[16].as_str()), (17, "0", "999"));
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("longer", 4), "long... (2 bytes more)");
    }
}
