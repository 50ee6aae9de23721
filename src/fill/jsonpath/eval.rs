//! Executes a template on a value.

use super::super::datum::scalar_text;
use super::JsonPathError;
use super::ast::{Filter, Operator, Part, Slice, Step, Stop};
use keyfill_yaml::Value;
use std::borrow::Cow;
use std::cmp::Ordering;

type Result<T> = std::result::Result<T, JsonPathError>;

/// How much text and how many results a template may make: a recursive one grows fast.
const MOST_TEXT: usize = 64 << 20;
const MOST_RESULTS: usize = 4 << 20;

/// A result: a part of the value, or made by the template.
type Item<'v> = Cow<'v, Value>;

/// Prints the results of all parts.
pub fn execute(parts: &[Part], value: &Value) -> Result<String> {
    let mut run = Run { out: String::new() };
    let mut at = 0;
    while at < parts.len() {
        at = run.part(parts, at, value, 0)?;
    }
    Ok(run.out)
}

struct Run {
    out: String,
}

impl Run {
    /// Executes one part, or a loop with all that is in it, and says where to go on.
    fn part(&mut self, parts: &[Part], at: usize, value: &Value, loops: u32) -> Result<usize> {
        let steps = match &parts[at] {
            Part::Text(text) => {
                self.print(text)?;
                return Ok(at + 1);
            }
            Part::Action(steps) => steps,
        };
        let results = steps_of(vec![Cow::Borrowed(value)], steps, loops)?;
        if !begins_loop(&parts[at]) {
            self.print_all(&results)?;
            return Ok(at + 1);
        }
        let end = matching_end(parts, at).ok_or_else(|| JsonPathError::new("range without an {end}"))?;
        for result in &results {
            let mut inner = at + 1;
            while inner < end {
                inner = self.part(parts, inner, result, loops + 1)?;
            }
        }
        Ok(end + 1)
    }

    fn print_all(&mut self, results: &[Item]) -> Result<()> {
        for (i, result) in results.iter().enumerate() {
            if i > 0 {
                self.print(" ")?;
            }
            match scalar_text(result) {
                Some(text) => self.print(&text)?,
                // Lists and maps as JSON, null as `null`.
                None => self.print(&String::from_utf8_lossy(&keyfill_yaml::to_json(&**result)))?,
            }
        }
        Ok(())
    }

    fn print(&mut self, text: &str) -> Result<()> {
        if self.out.len() + text.len() > MOST_TEXT {
            return Err(JsonPathError::new("the template prints too much"));
        }
        self.out.push_str(text);
        Ok(())
    }
}

fn has_word(part: &Part, word: &str) -> bool {
    matches!(part, Part::Action(steps) if steps.iter().any(|step| matches!(step, Step::Word(w) if w == word)))
}

fn begins_loop(part: &Part) -> bool {
    has_word(part, "range")
}

/// The `{end}` of the loop that begins at a place.
fn matching_end(parts: &[Part], at: usize) -> Option<usize> {
    let mut open = 0;
    for (i, part) in parts.iter().enumerate().skip(at) {
        if begins_loop(part) {
            open += 1;
        } else if has_word(part, "end") {
            open -= 1;
            if open == 0 {
                return Some(i);
            }
        }
    }
    None
}

fn steps_of<'v>(mut items: Vec<Item<'v>>, steps: &[Step], loops: u32) -> Result<Vec<Item<'v>>> {
    for step in steps {
        items = step_of(items, step, loops)?;
        if items.len() > MOST_RESULTS {
            return Err(JsonPathError::new("the template has too many results"));
        }
    }
    Ok(items)
}

fn step_of<'v>(items: Vec<Item<'v>>, step: &Step, loops: u32) -> Result<Vec<Item<'v>>> {
    match step {
        // client-go gives a text once, and a number or a boolean for each result so far.
        Step::Literal(text @ Value::Str(_)) => Ok(vec![Cow::Owned(text.clone())]),
        Step::Literal(value) => Ok(vec![Cow::Owned(value.clone()); items.len()]),
        Step::Field(name) => field(items, name),
        Step::Wildcard => Ok(items.into_iter().flat_map(children).collect()),
        Step::Recursive => {
            let mut found = Vec::new();
            items.into_iter().try_for_each(|item| descend(item, &mut found))?;
            Ok(found)
        }
        Step::Slice(slice) => slices(items, *slice),
        Step::Filter(filter) => filtered(items, filter, loops),
        Step::Union(parts) => {
            let mut found = Vec::new();
            for part in parts {
                found.extend(steps_of(items.clone(), part, loops)?);
            }
            Ok(found)
        }
        Step::Word(word) => match word.as_str() {
            "range" => Ok(items),
            "end" if loops > 0 => Ok(Vec::new()),
            "end" => Err(JsonPathError::new("not in range, nothing to end")),
            other => Err(JsonPathError::new(format!("unrecognized identifier {other}"))),
        },
    }
}

fn field<'v>(items: Vec<Item<'v>>, name: &str) -> Result<Vec<Item<'v>>> {
    if items.is_empty() {
        return Ok(items);
    }
    let of = |item: Item<'v>| match item {
        Cow::Borrowed(value) => value.get(name).map(Cow::Borrowed),
        Cow::Owned(value) => value.get(name).cloned().map(Cow::Owned),
    };
    let found: Vec<Item> = items.into_iter().filter_map(of).collect();
    if found.is_empty() { Err(JsonPathError::new(format!("{name} is not found"))) } else { Ok(found) }
}

/// The values inside a value. A string has its bytes, as in Go.
fn children(item: Item) -> Vec<Item> {
    let bytes = |text: &str| text.bytes().map(|b| Cow::Owned(Value::Int(b.into()))).collect();
    match item {
        Cow::Borrowed(Value::Map(entries)) => entries.iter().map(|(_, v)| Cow::Borrowed(v)).collect(),
        Cow::Borrowed(Value::Seq(items)) => items.iter().map(Cow::Borrowed).collect(),
        Cow::Owned(Value::Map(entries)) => entries.into_iter().map(|(_, v)| Cow::Owned(v)).collect(),
        Cow::Owned(Value::Seq(items)) => items.into_iter().map(Cow::Owned).collect(),
        Cow::Borrowed(Value::Str(text)) => bytes(text),
        Cow::Owned(Value::Str(text)) => bytes(&text),
        _ => Vec::new(),
    }
}

/// A value that has something in it, and all such values inside, each before what is in it.
fn descend<'v>(item: Item<'v>, found: &mut Vec<Item<'v>>) -> Result<()> {
    if found.len() > MOST_RESULTS {
        return Err(JsonPathError::new("the template has too many results"));
    }
    let inner = if matches!(*item, Value::Str(ref text) if !text.is_empty()) {
        Vec::new()
    } else {
        let inner = children(item.clone());
        if inner.is_empty() {
            return Ok(());
        }
        inner
    };
    found.push(item);
    inner.into_iter().try_for_each(|item| descend(item, found))
}

fn slices<'v>(items: Vec<Item<'v>>, slice: Slice) -> Result<Vec<Item<'v>>> {
    let mut found = Vec::new();
    for item in items {
        if matches!(*item, Value::Null) {
            continue;
        }
        let Value::Seq(list) = &*item else {
            return Err(JsonPathError::new(format!("a {} is not array or slice", item.type_name())));
        };
        let Some((from, to, step)) = bounds(slice, list.len())? else { return Ok(found) };
        match item {
            Cow::Borrowed(Value::Seq(list)) => {
                found.extend(list[from..to].iter().step_by(step).map(Cow::Borrowed));
            }
            other => {
                let kept = children(other).into_iter().take(to).skip(from).step_by(step);
                found.extend(kept);
            }
        }
    }
    Ok(found)
}

/// First place, end and step of a slice in a list; `None` when it asks for nothing.
fn bounds(slice: Slice, length: usize) -> Result<Option<(usize, usize, usize)>> {
    let size = i64::try_from(length).unwrap_or(i64::MAX);
    let first = slice.from.unwrap_or(0);
    let from = if first < 0 { first.saturating_add(size) } else { first };
    let to = match slice.to {
        Stop::End => size,
        Stop::Before(place) if place < 0 => place.saturating_add(size),
        Stop::Before(place) => place,
        Stop::One if first == -1 => size,
        Stop::One if first < 0 => first.saturating_add(1).saturating_add(size),
        Stop::One => first.saturating_add(1),
    };
    if from == to {
        return Ok(None);
    }
    let outside =
        |index: i64| JsonPathError::new(format!("array index out of bounds: index {index}, length {length}"));
    if from < 0 || from >= size {
        return Err(outside(from));
    }
    if to < 0 || to > size {
        return Err(outside(to.saturating_sub(1)));
    }
    if from > to {
        return Err(JsonPathError::new(format!("starting index {from} is greater than ending index {to}")));
    }
    let step = slice.step.unwrap_or(1);
    let place = |n: i64| usize::try_from(n).map_err(|_| JsonPathError::new("step must be > 0"));
    match place(step)? {
        0 => Err(JsonPathError::new("step must be > 0")),
        step => Ok(Some((place(from)?, place(to)?, step))),
    }
}

fn filtered<'v>(items: Vec<Item<'v>>, filter: &Filter, loops: u32) -> Result<Vec<Item<'v>>> {
    let mut found = Vec::new();
    for item in items {
        if !matches!(*item, Value::Seq(_)) {
            let what = item.type_name();
            return Err(JsonPathError::new(format!("a {what} is not array or slice and cannot be filtered")));
        }
        for candidate in children(item) {
            if holds(filter, &candidate, loops)? {
                found.push(candidate);
            }
        }
    }
    Ok(found)
}

fn holds(filter: &Filter, item: &Value, loops: u32) -> Result<bool> {
    let results = |steps: &[Step]| steps_of(vec![Cow::Owned(item.clone())], steps, loops);
    let single = |items: Vec<Item<'static>>| match <[Item; 1]>::try_from(items) {
        Ok([one]) => Ok(Some(one)),
        Err(items) if items.is_empty() => Ok(None),
        Err(_) => Err(JsonPathError::new("can only compare one element at a time")),
    };
    match filter {
        Filter::Exists(steps) => Ok(results(steps).is_ok_and(|found| !found.is_empty())),
        Filter::Unknown(operator) => {
            Err(JsonPathError::new(format!("unrecognized filter operator {operator}")))
        }
        Filter::Compare(left, operator, right) => {
            let Some(left) = single(results(left)?)? else { return Ok(false) };
            let Some(right) = single(results(right)?)? else { return Ok(false) };
            compare(&left, *operator, &right)
        }
    }
}

fn compare(left: &Value, operator: Operator, right: &Value) -> Result<bool> {
    let equality = matches!(operator, Operator::Equal | Operator::NotEqual);
    let order = match (left, right) {
        (Value::Str(a), Value::Str(b)) => Some(a.as_str().cmp(b)),
        // A number that keeps its spelling compares with text, as Go's json.Number does.
        (Value::Number(a), Value::Str(b)) | (Value::Str(a), Value::Number(b)) => Some(a.as_str().cmp(b)),
        (Value::Bool(a), Value::Bool(b)) if equality => Some(a.cmp(b)),
        (Value::Bool(_), Value::Bool(_)) => return Err(JsonPathError::new("invalid type for comparison")),
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        _ => match (number(left), number(right)) {
            (Some(a), Some(b)) => a.partial_cmp(&b),
            _ => {
                let (a, b) = (left.type_name(), right.type_name());
                return Err(JsonPathError::new(format!("incompatible types for comparison: {a} and {b}")));
            }
        },
    };
    Ok(order.is_some_and(|order| match operator {
        Operator::Equal => order == Ordering::Equal,
        Operator::NotEqual => order != Ordering::Equal,
        Operator::Less => order == Ordering::Less,
        Operator::LessOrEqual => order != Ordering::Greater,
        Operator::Greater => order == Ordering::Greater,
        Operator::GreaterOrEqual => order != Ordering::Less,
    }))
}

// Above 2^53 integers round, which matters to no comparison with a fraction.
#[allow(clippy::cast_precision_loss)]
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(n) => Some(*n as f64),
        Value::Uint(n) => Some(*n as f64),
        Value::Float(n) => Some(*n),
        Value::Number(text) => text.parse().ok(),
        _ => None,
    }
}
