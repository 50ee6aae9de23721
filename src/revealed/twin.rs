//! Finds the part of an error that does not depend on secrets, by comparing it with the error of the same
//! rendering with other secrets.
//!
//! A chart can compute anything from a value: reverse it, hash it, spell it letter by letter. No list of such
//! changes is complete. So a rendering that fails after it got secrets is repeated with random letters and digits
//! in place of those of the secrets, and only the text that both errors have in common is shown. It can reveal
//! only how long a value is and where it has letters and digits.

use super::HIDDEN;
use crate::report::Failure;
use keyfill_diag::{Cx, Diagnostic, ObjectRef, Place};
use keyfill_helm::{FillValues, Filler};
use keyfill_yaml::Value;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

/// How often the rendering is repeated. With one repetition a letter would be the same by chance once in 26 times.
pub const TWINS: usize = 2;

/// The hint for an error in which text is replaced.
const HINT: &str =
    "what stands in place of *** depends on secrets that were filled in or decrypted, and is not shown";

/// Replaces secrets by random values: always the same for one secret in one rendering, others in the next rendering.
#[derive(Clone, Default)]
pub struct Disguise(RandomState);

impl Disguise {
    /// The text with each letter replaced by a random letter, and each digit by a random digit.
    pub fn text(&self, text: &str) -> String {
        // These words are not secret and are not hidden in messages either.
        if matches!(text, "true" | "false" | "null" | "") {
            return text.to_owned();
        }
        let letter = |first: u8, count: u64, random: u64| {
            char::from(first + u8::try_from(random % count).unwrap_or_default())
        };
        let disguised = text.chars().enumerate().map(|(at, c)| {
            let random = self.0.hash_one((text, at));
            match c {
                'a'..='z' => letter(b'a', 26, random),
                'A'..='Z' => letter(b'A', 26, random),
                // No leading zero, so that a number stays a number with the same count of digits.
                '0'..='9' if at == 0 => letter(b'1', 9, random),
                '0'..='9' => letter(b'0', 10, random),
                other => other,
            }
        });
        disguised.collect()
    }

    fn value(&self, value: &Value) -> Value {
        let number = |text: String| self.text(&text);
        match value {
            Value::Null | Value::Bool(_) => value.clone(),
            Value::Int(n) => number(n.to_string()).parse().map_or(Value::Int(*n / 2), Value::Int),
            Value::Uint(n) => number(n.to_string()).parse().map_or(Value::Uint(*n / 2), Value::Uint),
            Value::Float(n) => number(n.to_string()).parse().map_or(Value::Float(*n / 2.0), Value::Float),
            Value::Number(text) => Value::Number(self.text(text).into()),
            Value::Str(text) => Value::Str(self.text(text).into()),
            Value::Seq(items) => Value::Seq(items.iter().map(|item| self.value(item)).collect()),
            Value::Map(entries) => {
                Value::Map(entries.iter().map(|(key, value)| (key.clone(), self.value(value))).collect())
            }
        }
    }

    /// A filler that fills values with `filler` and replaces the filled ones by random values.
    pub fn filler(&self, filler: &Filler) -> Filler {
        Filler(Arc::new(Disguised { filler: filler.clone(), disguise: self.clone() }))
    }
}

struct Disguised {
    filler: Filler,
    disguise: Disguise,
}

impl FillValues for Disguised {
    fn fill(&self, texts: Vec<(String, String)>, cx: &Cx) -> Result<Vec<Value>, Vec<Diagnostic>> {
        let before = texts.clone();
        let filled = self.filler.0.fill(texts, cx)?;
        let disguise = |((_, text), value): (&(String, String), &Value)| {
            if value.as_str() == Some(text) { value.clone() } else { self.disguise.value(value) }
        };
        Ok(before.iter().zip(&filled).map(disguise).collect())
    }
}

/// The failure, reduced to what it has in common with the failures of the repeated renderings.
pub fn in_common(failure: Failure, twins: &[Vec<Diagnostic>]) -> Failure {
    let mut at = 0..;
    failure.rewritten(|problem| {
        let number = at.next().unwrap_or_default();
        let shown = twins.iter().fold(problem.clone(), |shown, twin| match twin.get(number) {
            Some(twin) => common(shown, twin),
            None => hidden(shown),
        });
        if shown == problem || shown.hint.is_some() { shown } else { shown.hint(HINT) }
    })
}

/// The problem with everything hidden but the class and the file.
fn hidden(problem: Diagnostic) -> Diagnostic {
    let place = Place { file: problem.place.file, ..Place::default() };
    let message = HIDDEN.to_owned();
    Diagnostic { message, place, object: None, trail: Vec::new(), hint: None, ..problem }
}

fn common(problem: Diagnostic, twin: &Diagnostic) -> Diagnostic {
    // The repeated rendering had another error, so that even the position depends on the secret.
    if (problem.class, problem.rule) != (twin.class, twin.rule) || problem.place.file != twin.place.file {
        return hidden(Diagnostic { place: Place::default(), ..problem });
    }
    let text = |one: String, other: &str| common_text(&one, other);
    let option =
        |one: Option<String>, other: &Option<String>| Some(text(one?, other.as_deref().unwrap_or_default()));
    let same = |one: Option<u32>, other: Option<u32>| one.filter(|_| one == other);
    let place = Place {
        line: same(problem.place.line, twin.place.line),
        column: same(problem.place.column, twin.place.column),
        width: if problem.place.width == twin.place.width { problem.place.width } else { 0 },
        path: option(problem.place.path, &twin.place.path),
        source_line: option(problem.place.source_line, &twin.place.source_line),
        ..problem.place
    };
    let object = problem.object.zip(twin.object.as_ref()).map(|(one, other)| ObjectRef {
        kind: text(one.kind, &other.kind),
        namespace: text(one.namespace, &other.namespace),
        name: text(one.name, &other.name),
    });
    let trail = problem.trail.into_iter().zip(&twin.trail).map(|(one, other)| text(one, other)).collect();
    Diagnostic {
        message: text(problem.message, &twin.message),
        place,
        object,
        trail,
        hint: option(problem.hint, &twin.hint),
        ..problem
    }
}

/// The words that two texts have in common at their beginning and at their end.
fn common_text(one: &str, other: &str) -> String {
    if one == other {
        return one.to_owned();
    }
    let (ours, theirs) = (words(one), words(other));
    let same = |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| pairs.take_while(|(a, b)| a == b).count();
    let start = same(&mut ours.iter().zip(&theirs));
    let most = ours.len().min(theirs.len()) - start;
    let end = same(&mut ours.iter().rev().zip(theirs.iter().rev())).min(most);
    format!("{}{HIDDEN}{}", ours[..start].concat(), ours[ours.len() - end..].concat())
}

/// Splits a text into words and the white space between them. A word that differs is hidden as a whole.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_blank = first.is_whitespace();
        let end = rest.find(|c: char| c.is_whitespace() != is_blank).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        words.push(word);
        rest = after;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::{Disguise, common, common_text, in_common};
    use keyfill_diag::{Class, Diagnostic, Place};

    #[test]
    fn a_disguise_keeps_the_shape_and_is_the_same_for_the_same_text() {
        let disguise = Disguise::default();
        let (text, other) = (disguise.text("Hush-of 2024!"), Disguise::default().text("Hush-of 2024!"));
        assert_eq!(text, disguise.text("Hush-of 2024!"));
        assert_ne!(text, other);
        assert_ne!(text, "Hush-of 2024!");
        let shape = |text: &str| -> String {
            let kind = |c: char| {
                if c.is_ascii_alphabetic() {
                    'a'
                } else if c.is_ascii_digit() {
                    '0'
                } else {
                    c
                }
            };
            text.chars().map(kind).collect()
        };
        assert_eq!(shape(&text), "aaaa-aa 0000!");
        assert_eq!(disguise.text("true"), "true");
    }

    #[test]
    fn only_what_both_say_is_left() {
        for (one, other, left) in [
            ("the port is too large", "the port is too large", "the port is too large"),
            ("password hush is short", "password abcd is short", "password *** is short"),
            ("hush", "abcd", "***"),
            ("a a", "a", "a***"),
            ("", "a", "***"),
            ("x=hush: no", "x=abcd: no", "*** no"),
            ("a *** b", "a abcd b", "a *** b"),
        ] {
            let shown = common_text(one, other);
            assert_eq!(shown, left);
        }
        let problem = |message: &str, line| {
            Diagnostic::error(Class::Render, message).at(Place::file("a.yaml", Some(line)))
        };
        let shown = common(problem("is hush", 1), &problem("is abcd", 2));
        assert_eq!((shown.message.as_str(), shown.place.line), ("is ***", None));
        let shown = common(problem("is hush", 1), &Diagnostic::error(Class::Usage, "is hush"));
        assert_eq!((shown.message.as_str(), shown.place.file), ("***", None));
        let same = problem("is wrong", 1);
        assert_eq!(common(same.clone(), &same), same);
        let twin = |message: &str| vec![problem(message, 1)];
        let twins = [twin("the word abcd is bad"), twin("the word efgh is bad")];
        let shown = in_common(problem("the word hush is bad", 1).into(), &twins).into_problems().remove(0);
        assert_eq!(shown.message, "the word *** is bad");
        assert!(shown.hint.is_some());
        let shown =
            in_common(problem("hush", 1).into(), &[twin("abcd"), Vec::new()]).into_problems().remove(0);
        assert_eq!((shown.message.as_str(), shown.place.line), ("***", None));
    }
}
