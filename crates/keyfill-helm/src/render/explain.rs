//! Makes a template's error one for people: the file in the tree, its line, the way there, and what was nil.

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
/// How much of a message is shown: a chart may `fail` with all that it holds.
const LONGEST_MESSAGE: usize = 16 << 10;
/// The functions by which a chart refuses its values in its own words.
const REFUSE: [&str; 2] = ["fail", "required"];
/// How much of a piece of a template is shown.
const LONGEST_CONTEXT: usize = 200;
/// In how many maps of the values a nil is looked for.
const MOST_MAPS: usize = 100_000;
/// What every template finds in its dot.
const OF_A_DOT: [&str; 7] = ["Values", "Release", "Chart", "Capabilities", "Files", "Template", "Subcharts"];

/// What templates ran with: it explains what failed.
pub(super) struct Explain<'a> {
    pub(super) templates: &'a [Template],
    pub(super) registry: &'a Registry,
    /// The dot of the root chart.
    pub(super) top: &'a Map,
}

impl Explain<'_> {
    /// The error of a template.
    pub(super) fn failed(&self, error: &keyfill_template::Error) -> Error {
        let frames = error.frames();
        // The text of `tpl` is not a file: the place is where it was called.
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

    /// A step of the chain of templates, and the line itself where it stands in no file.
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

    /// Which value was nil, by its path in the values that people write; nothing where it is none of them.
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

    /// Where a map stands in the values: `.Values.a` in the root chart, `sub.a` for what a subchart calls
    /// `.Values.a`, since that is what people write.
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

    /// The function that was meant by one that is not there.
    fn function_hint(&self, name: &str) -> Option<String> {
        let in_helm_4 = ADDED_BY_HELM_4.iter().copied().flatten().any(|function| function.name == name);
        if in_helm_4 && self.registry.index(name).is_none() {
            return Some("helm 4 has this function: render with --helm-compat 4".to_owned());
        }
        near_function(name)
    }
}

/// A path into the values. Globals are copied to subcharts: people write them at the top.
fn written(path: &[Str], in_subchart: bool) -> String {
    let global = path.iter().position(|key| *key == "global").filter(|_| in_subchart);
    let path: Vec<_> = path[global.unwrap_or(0)..].iter().map(Str::to_text).collect();
    match path.join(".") {
        path if in_subchart && global.is_none() => path,
        path if path.is_empty() => ".Values".to_owned(),
        path => format!(".Values.{path}"),
    }
}

/// A line of a text that `tpl` was given.
fn text_of_tpl(line: u32, column: Option<u32>, text: &str) -> String {
    let column = column.map_or_else(String::new, |column| format!(":{column}"));
    format!("the text that tpl runs, gotpl:{line}{column}: {text}")
}

/// A chart's own words, where it refuses its values.
fn refusal(error: &keyfill_template::Error) -> Option<&str> {
    error.failed_call().filter(|(name, _)| REFUSE.contains(name)).map(|(_, words)| words)
}

/// The innermost message. What a chart says with `fail` and `required` is said as it is.
fn message(error: &keyfill_template::Error) -> String {
    cut(refusal(error).unwrap_or(error.message()), LONGEST_MESSAGE)
}

/// The beginning of a text, and how much there is besides.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}... ({} bytes more)", &text[..at], text.len() - at),
        None => text.to_owned(),
    }
}

/// The place in the tree instead of helm's name, with the line itself.
fn in_tree(mut place: Place, template: Option<&Template>) -> Place {
    let Some(template) = template else { return place };
    place.file = Some(template.file.to_string());
    let text = template.text.strip_suffix(b"\n").unwrap_or(&template.text);
    let lines = memchr::memchr_iter(b'\n', text).count() + 1;
    // What is missing at the end is missing behind the last line.
    place.line = place.line.map(|line| line.min(u32::try_from(lines).unwrap_or(u32::MAX)));
    let at = place.line.and_then(|line| usize::try_from(line).ok()).and_then(|line| line.checked_sub(1));
    let line = at.and_then(|at| text.split(|b| *b == b'\n').nth(at));
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

/// The function whose name is nearest.
fn near_function(name: &str) -> Option<String> {
    let known = FAMILIES.iter().copied().flatten().map(|function| function.name);
    nearest(name, known).map(|meant| format!("did you mean {meant}?"))
}

#[cfg(test)]
mod tests {
    use super::{cut, near_function, shortened, written};

    #[test]
    fn a_path_is_the_one_that_people_write() {
        let path = |parts: &[&str], in_subchart| {
            written(&parts.iter().map(|part| (*part).into()).collect::<Vec<_>>(), in_subchart)
        };
        assert_eq!(path(&[], false), ".Values");
        assert_eq!(path(&["auth"], false), ".Values.auth");
        assert_eq!(path(&["sub", "image"], true), "sub.image");
        assert_eq!(path(&["sub", "global", "image"], true), ".Values.global.image");
    }

    #[test]
    fn says_which_function_was_meant() {
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
