//! Executes a template on a value.

use super::super::datum::scalar_text;
use super::ast::{Filter, Operator, Part, Slice, Step, Stop};
use super::{JsonPathError, Printed};
use keyfill_diag::Cx;
use keyfill_yaml::Value;
use std::borrow::Cow;
use std::cmp::Ordering;

type Result<T> = std::result::Result<T, JsonPathError>;

/// The most text that a template may print, in bytes.
const MOST_TEXT: usize = 16 << 20;
/// The most results that one step may have.
const MOST_RESULTS: usize = 1 << 20;
/// The most units of work of one execution: each result of each action costs one, a long text or a large map more.
const MOST_STEPS: u64 = 2_000_000;
/// The deepest nesting of loops.
const MOST_LOOPS: usize = 32;
/// Units of work between two checks for cancellation and the deadline.
const STEPS_A_LOOK: u64 = 1 << 14;

/// A result: borrowed from the value, or a new one that the template made.
type Item<'v> = Cow<'v, Value>;

/// For each part: if it begins a loop, the index of the part that ends the loop.
pub fn loop_ends(parts: &[Part]) -> Result<Vec<Option<usize>>> {
    let mut ends = vec![None; parts.len()];
    let mut open = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        if begins_loop(part) {
            open.push(at);
            if open.len() > MOST_LOOPS {
                return Err(JsonPathError::new(format!("more than {MOST_LOOPS} ranges inside each other")));
            }
        } else if has_word(part, "end")
            && let Some(begin) = open.pop()
        {
            ends[begin] = Some(at);
        }
    }
    Ok(ends)
}

/// Prints the results of all parts.
pub fn execute(parts: &[Part], ends: &[Option<usize>], value: &Value, cx: &Cx) -> Result<Printed> {
    let mut run =
        Run { parts, ends, out: String::new(), missed: true, work: Work { steps: 0, looked: 0, cx } };
    let mut at = 0;
    while at < parts.len() {
        at = run.part(at, value, 0)?;
    }
    let single = matches!(parts, [Part::Action(_)]);
    Ok(Printed { nothing: single && run.missed, text: run.out })
}

/// The work that an execution has done so far.
struct Work<'c> {
    steps: u64,
    looked: u64,
    cx: &'c Cx,
}

impl Work<'_> {
    fn spend(&mut self, steps: usize) -> Result<()> {
        self.steps = self.steps.saturating_add(u64::try_from(steps).unwrap_or(u64::MAX).saturating_add(1));
        if self.steps > MOST_STEPS {
            return Err(JsonPathError::new("the template takes too many steps"));
        }
        if self.steps - self.looked >= STEPS_A_LOOK {
            self.looked = self.steps;
            self.cx.check().map_err(|stopped| JsonPathError::new(stopped.to_string()))?;
        }
        Ok(())
    }
}

struct Run<'p> {
    parts: &'p [Part],
    ends: &'p [Option<usize>],
    out: String,
    /// No action has had a result other than null.
    missed: bool,
    work: Work<'p>,
}

impl Run<'_> {
    /// Executes one part, or a whole loop, and returns the index of the next part to execute.
    fn part(&mut self, at: usize, value: &Value, loops: u32) -> Result<usize> {
        self.work.spend(1)?;
        let parts = self.parts;
        let steps = match &parts[at] {
            Part::Text(text) => {
                self.print(text)?;
                return Ok(at + 1);
            }
            Part::Action(steps) => steps,
        };
        let results = self.work.steps_of(vec![Cow::Borrowed(value)], steps, loops)?;
        if !begins_loop(&parts[at]) {
            self.print_all(&results)?;
            return Ok(at + 1);
        }
        let end = self.ends[at].ok_or_else(|| JsonPathError::new("range without an {end}"))?;
        for result in &results {
            let mut inner = at + 1;
            while inner < end {
                inner = self.part(inner, result, loops + 1)?;
            }
        }
        Ok(end + 1)
    }

    fn print_all(&mut self, results: &[Item]) -> Result<()> {
        for (i, result) in results.iter().enumerate() {
            self.missed &= matches!(**result, Value::Null);
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
        self.work.spend(text.len() / 64)?;
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

impl Work<'_> {
    fn steps_of<'v>(
        &mut self,
        mut items: Vec<Item<'v>>,
        steps: &[Step],
        loops: u32,
    ) -> Result<Vec<Item<'v>>> {
        for step in steps {
            self.spend(items.len())?;
            items = self.step_of(items, step, loops)?;
            if items.len() > MOST_RESULTS {
                return Err(JsonPathError::new("the template has too many results"));
            }
        }
        self.spend(items.len())?;
        Ok(items)
    }

    fn step_of<'v>(&mut self, items: Vec<Item<'v>>, step: &Step, loops: u32) -> Result<Vec<Item<'v>>> {
        match step {
            // client-go returns a text once, but a number or a boolean once for each result of the step before.
            Step::Literal(text @ Value::Str(_)) => Ok(vec![Cow::Owned(text.clone())]),
            Step::Literal(value) => Ok(vec![Cow::Owned(value.clone()); items.len()]),
            Step::Field(name) => self.field(items, name),
            Step::Wildcard => {
                let mut found = Vec::new();
                for item in items {
                    self.spend(match &*item {
                        Value::Str(text) => text.len(),
                        Value::Map(entries) => entries.len(),
                        Value::Seq(items) => items.len(),
                        _ => 0,
                    })?;
                    found.extend(children(item));
                }
                Ok(found)
            }
            Step::Recursive => {
                let mut found = Vec::new();
                items.into_iter().try_for_each(|item| self.descend(item, &mut found))?;
                Ok(found)
            }
            Step::Slice(slice) => self.slices(items, *slice),
            Step::Filter(filter) => self.filtered(items, filter, loops),
            Step::Union(parts) => {
                let mut found = Vec::new();
                for part in parts {
                    self.spend(items.len())?;
                    found.extend(self.steps_of(items.clone(), part, loops)?);
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

    fn field<'v>(&mut self, items: Vec<Item<'v>>, name: &str) -> Result<Vec<Item<'v>>> {
        if items.is_empty() {
            return Ok(items);
        }
        let mut found = Vec::new();
        for item in items {
            // Looking up a key searches the map from its beginning, which takes time in large maps.
            self.spend(item.as_map().map_or(0, <[_]>::len) / 8)?;
            match item {
                Cow::Borrowed(value) => found.extend(value.get(name).map(Cow::Borrowed)),
                Cow::Owned(value) => found.extend(value.get(name).cloned().map(Cow::Owned)),
            }
        }
        if found.is_empty() {
            return Err(JsonPathError::not_found(format!("{name} is not found")));
        }
        Ok(found)
    }

    /// Collects the value and all values inside it, each before its own content. Values without content are skipped.
    fn descend<'v>(&mut self, item: Item<'v>, found: &mut Vec<Item<'v>>) -> Result<()> {
        if found.len() > MOST_RESULTS {
            return Err(JsonPathError::new("the template has too many results"));
        }
        let inner = if matches!(*item, Value::Str(ref text) if !text.is_empty()) {
            Vec::new()
        } else {
            let inner = children(item.clone());
            if inner.is_empty() {
                return self.spend(1);
            }
            inner
        };
        self.spend(inner.len())?;
        found.push(item);
        inner.into_iter().try_for_each(|item| self.descend(item, found))
    }

    fn slices<'v>(&mut self, items: Vec<Item<'v>>, slice: Slice) -> Result<Vec<Item<'v>>> {
        let mut found = Vec::new();
        for item in items {
            if matches!(*item, Value::Null) {
                continue;
            }
            let Value::Seq(list) = &*item else {
                return Err(JsonPathError::new(format!("a {} is not array or slice", item.type_name())));
            };
            let Some((from, to, step)) = bounds(slice, list.len())? else { return Ok(found) };
            self.spend((to - from) / step)?;
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

    fn filtered<'v>(&mut self, items: Vec<Item<'v>>, filter: &Filter, loops: u32) -> Result<Vec<Item<'v>>> {
        let mut found = Vec::new();
        for item in items {
            if !matches!(*item, Value::Seq(_)) {
                let what = item.type_name();
                return Err(JsonPathError::new(format!(
                    "a {what} is not array or slice and cannot be filtered"
                )));
            }
            for candidate in children(item) {
                if self.holds(filter, &candidate, loops)? {
                    found.push(candidate);
                }
            }
        }
        Ok(found)
    }

    fn holds(&mut self, filter: &Filter, item: &Value, loops: u32) -> Result<bool> {
        match filter {
            Filter::Exists(steps) => match self.steps_of(vec![Cow::Borrowed(item)], steps, loops) {
                Ok(found) => Ok(!found.is_empty()),
                // Exceeding the work limit is an error here too; only other errors mean that nothing was found.
                Err(error) => self.spend(0).and(if self.steps > MOST_STEPS { Err(error) } else { Ok(false) }),
            },
            Filter::Unknown(operator) => {
                Err(JsonPathError::new(format!("unrecognized filter operator {operator}")))
            }
            Filter::Compare(left, operator, right) => {
                let Some(left) = self.single(left, item, loops)? else { return Ok(false) };
                let Some(right) = self.single(right, item, loops)? else { return Ok(false) };
                let length = left.as_str().map_or(0, str::len);
                self.spend(length / 64)?;
                compare(&left, *operator, &right)
            }
        }
    }

    /// The single result of one side of a comparison; `None` if there is no result.
    fn single<'v>(&mut self, steps: &[Step], item: &'v Value, loops: u32) -> Result<Option<Item<'v>>> {
        let found = self.steps_of(vec![Cow::Borrowed(item)], steps, loops)?;
        match <[Item; 1]>::try_from(found) {
            Ok([one]) => Ok(Some(one)),
            Err(items) if items.is_empty() => Ok(None),
            Err(_) => Err(JsonPathError::new("can only compare one element at a time")),
        }
    }
}

/// The values inside a value. Those of a string are its bytes, as in Go.
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

/// The first index, the end (excluded) and the step of a slice in a list of this length; `None` if the slice is
/// empty.
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
    let outside = |index: i64| {
        JsonPathError::not_found(format!("array index out of bounds: index {index}, length {length}"))
    };
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

// Integers above 2^53 are rounded, which does not affect a comparison with a fraction.
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
