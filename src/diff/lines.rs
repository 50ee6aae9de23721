//! Splits a changed field into lines and marks the words that differ; all formats for people use it.

use super::FieldChange;
use crate::edit_script;
use keyfill_yaml::Value;
use similar::{DiffTag, group_diff_ops};
use std::time::{Duration, Instant};

/// A line of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// `+`, `-`, or a space for an unchanged line; `@` for a summary of omitted lines.
    pub sign: char,
    /// Its text, split into equal and different pieces.
    pub pieces: Vec<Piece>,
}

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its text.
    pub text: String,
    /// Whether the other side has other text here.
    pub differs: bool,
}

/// The time limit for comparing two texts with all their lines.
const LONGEST: Duration = Duration::from_millis(500);
/// How many unchanged lines are shown around changed ones.
const AROUND: usize = 3;
/// Lines longer than this, in bytes, are not compared word by word.
const LONGEST_LINE: usize = 20_000;

impl Line {
    fn new(sign: char, text: &str) -> Self {
        Self { sign, pieces: vec![Piece { text: text.to_owned(), differs: false }] }
    }

    /// The line's text without its sign.
    pub fn text(&self) -> String {
        self.pieces.iter().map(|piece| piece.text.as_str()).collect()
    }
}

/// The text that is shown for a value: a string as it is, anything else as YAML.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Str(text) if text.is_empty() => "\"\"".to_owned(),
        // A string that would look like a value of another type is shown with quotes.
        Value::Str(text) if !text.contains('\n') => {
            let written = String::from_utf8_lossy(&keyfill_yaml::to_yaml(value)).into_owned();
            let written = written.trim_end();
            if written.len() == text.len() + 2 { written.to_owned() } else { text.to_string() }
        }
        Value::Str(text) => text.to_string(),
        other => String::from_utf8_lossy(&keyfill_yaml::to_yaml(other)).trim_end().to_owned(),
    }
}

/// Both values if each fits on one line, for `FIELD: BEFORE → AFTER`.
pub fn on_one_line(change: &FieldChange) -> Option<(Vec<Piece>, Vec<Piece>)> {
    const MOST: usize = 200;
    let (before, after) = (shown(change.before.as_ref()?), shown(change.after.as_ref()?));
    let is_short = |text: &str| text.len() <= MOST && !text.contains('\n');
    let is_scalar = |value: &Option<Value>| !matches!(value, Some(Value::Map(_) | Value::Seq(_)));
    let fits = is_short(&before) && is_short(&after) && is_scalar(&change.before) && is_scalar(&change.after);
    fits.then(|| words(&before, &after, Instant::now() + LONGEST))
}

/// A change as lines.
pub fn of(change: &FieldChange) -> Vec<Line> {
    let text = |value: &Option<Value>| value.as_ref().map(shown);
    match (text(&change.before), text(&change.after)) {
        (Some(before), Some(after)) => compared(&before, &after),
        (Some(before), None) => all('-', &before),
        (None, Some(after)) => all('+', &after),
        (None, None) => Vec::new(),
    }
}

/// Every line of a text with the same sign.
pub fn all(sign: char, text: &str) -> Vec<Line> {
    text.lines().map(|line| Line::new(sign, line)).collect()
}

fn compared(before: &str, after: &str) -> Vec<Line> {
    let deadline = Instant::now() + LONGEST;
    let lines_of = |text| -> Vec<&str> { str::split_inclusive(text, '\n').collect() };
    let (olds, news) = (lines_of(before), lines_of(after));
    let mut lines = Vec::new();
    let mut until = 0;
    for group in group_diff_ops(edit_script::operations(&olds, &news, deadline), AROUND) {
        let from = group.first().map_or(0, |op| op.old_range().start);
        if from > until {
            lines.push(Line::new('@', &count(from - until)));
        }
        until = group.last().map_or(until, |op| op.old_range().end);
        for op in group {
            let (tag, old, new) = op.as_tag_tuple();
            let (old, new) = (&olds[old], &news[new]);
            if tag == DiffTag::Replace && old.len() == new.len() {
                let (removed, added): (Vec<Line>, Vec<Line>) = old
                    .iter()
                    .zip(new)
                    .map(|(old, new)| {
                        let (old, new) = words(without_end(old), without_end(new), deadline);
                        (Line { sign: '-', pieces: old }, Line { sign: '+', pieces: new })
                    })
                    .unzip();
                lines.extend(removed);
                lines.extend(added);
                continue;
            }
            let whole = |sign| move |line: &&str| Line::new(sign, line.trim_end_matches('\n'));
            if tag == DiffTag::Equal {
                lines.extend(old.iter().map(whole(' ')));
            } else {
                lines.extend(old.iter().map(whole('-')).chain(new.iter().map(whole('+'))));
            }
        }
    }
    let total = olds.len();
    if total > until {
        lines.push(Line::new('@', &count(total - until)));
    }
    lines
}

fn without_end(line: &str) -> &str {
    line.trim_end_matches(['\n', '\r'])
}

fn count(lines: usize) -> String {
    format!("{lines} {} the same", if lines == 1 { "line is" } else { "lines are" })
}

/// Both lines, split at the words that differ; not split if the time limit is exceeded.
fn words(before: &str, after: &str, deadline: Instant) -> (Vec<Piece>, Vec<Piece>) {
    let whole = |text: &str| vec![Piece { text: text.to_owned(), differs: true }];
    if before.len().max(after.len()) > LONGEST_LINE || Instant::now() > deadline {
        return (whole(before), whole(after));
    }
    let (old, new) = (tokens(before), tokens(after));
    let ops = edit_script::operations(&old, &new, deadline);
    let (mut removed, mut added): (Vec<Piece>, Vec<Piece>) = (Vec::new(), Vec::new());
    let mut same = 0;
    for op in ops {
        let (tag, old_range, new_range) = op.as_tag_tuple();
        let differs = tag != DiffTag::Equal;
        let (one, other) = (old[old_range].concat(), new[new_range].concat());
        same += if differs { 0 } else { one.len() };
        for (pieces, text) in [(&mut removed, one), (&mut added, other)] {
            if !text.is_empty() {
                pieces.push(Piece { text, differs });
            }
        }
    }
    // Lines with very little in common are easier to read if they are not split.
    if same * 4 < before.len().max(after.len()) { (whole(before), whole(after)) } else { (removed, added) }
}

/// The words of a text, and each character between them.
fn tokens(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = match first.is_alphanumeric() {
            true => rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        let (token, after) = rest.split_at(end);
        found.push(token);
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Line, of, on_one_line};
    use crate::diff::FieldChange;
    use crate::diff::fields::Path;
    use keyfill_yaml::Value;
    use std::time::{Duration, Instant};

    fn change(before: &str, after: &str) -> FieldChange {
        let value = |text: &str| Some(Value::Str(text.into()));
        FieldChange { path: Path::default(), before: value(before), after: value(after), is_order: false }
    }

    fn text(line: &Line) -> String {
        let piece = |p: &super::Piece| if p.differs { format!("[{}]", p.text) } else { p.text.clone() };
        format!("{}{}", line.sign, line.pieces.iter().map(piece).collect::<String>())
    }

    #[test]
    fn words_that_differ_are_set_apart() {
        let (before, after) = on_one_line(&change("registry/app:1.2.3", "registry/app:1.3.3")).unwrap();
        let texts = |pieces: Vec<super::Piece>| -> Vec<String> {
            pieces.into_iter().filter(|p| p.differs).map(|p| p.text).collect()
        };
        assert_eq!((texts(before), texts(after)), (vec!["2".to_owned()], vec!["3".to_owned()]));
    }

    #[test]
    fn long_texts_show_what_is_around() {
        let long: String = (0..30).map(|n| format!("line {n}\n")).collect();
        let lines = of(&change(&long, &long.replace("line 15", "line fifteen")));
        let texts: Vec<String> = lines.iter().map(text).collect();
        assert_eq!(texts.first().map(String::as_str), Some("@12 lines are the same"));
        assert!(
            texts.contains(&"-line [15]".to_owned()) && texts.contains(&"+line [fifteen]".to_owned()),
            "{texts:?}"
        );
        assert_eq!(texts.last().map(String::as_str), Some("@11 lines are the same"));
    }

    #[test]
    fn texts_of_many_long_lines_are_compared_in_a_second() {
        let line = |word: &str| format!("{}\n", format!("{word} ").repeat(2_000));
        let text = |word: &str| (0..400).map(|n| format!("{}same {n}\n", line(word))).collect::<String>();
        let began = Instant::now();
        let lines = of(&change(&text("a b"), &text("b a")));
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert!(lines.iter().any(|line| line.sign == '-'), "{}", lines.len());
    }

    #[test]
    fn types_that_are_written_the_same_are_told_apart() {
        let change = FieldChange {
            before: Some(Value::Int(1)),
            after: Some(Value::Str("1".into())),
            ..change("", "")
        };
        let (before, after) = on_one_line(&change).unwrap();
        assert_eq!(
            (before[0].text.as_str(), after.iter().map(|p| p.text.as_str()).collect::<String>().as_str()),
            ("1", "\"1\"")
        );
    }
}
