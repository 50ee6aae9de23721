//! Puts the values of the secrets into the documents.

use super::datum::{Datum, encode_base64, scalar_text, settled};
use super::missing::{Answer, failed_reads, missing_key};
use super::modifiers::Rules;
use super::options::{FillOptions, Print};
use super::plan::{Part, Plan, Planned, Site, Wanted, shown};
use crate::report::Failure;
use keyfill_diag::{Class, Cx, Diagnostic};
use keyfill_yaml::{Document, Value, to_json, to_yaml};
use std::iter::Peekable;

/// What became of a document.
#[derive(Debug)]
pub enum Applied {
    /// It leaves as it came.
    AsIs,
    /// It is empty and left out.
    Nothing,
    /// It was printed anew, with nothing filled.
    Printed(Vec<u8>),
    /// It was filled and printed.
    Filled(Vec<u8>),
}

/// Fills and prints all documents, or says all that is wrong.
pub fn apply(
    documents: &[Document],
    plan: Plan,
    answers: &[Answer],
    options: &FillOptions,
    cx: &Cx,
) -> Result<Vec<Applied>, Failure> {
    let mut problems = failed_reads(documents, &plan, answers);
    let filler = Filler { wanted: &plan.wanted, answers, rules: Rules { avp: options.compat_avp } };
    let mut applied = Vec::with_capacity(plan.documents.len());
    for (document, planned) in documents.iter().zip(plan.documents) {
        if let Err(stopped) = cx.check() {
            problems.push(Diagnostic::error(Class::Other, format!("stopped while filling: {stopped}")));
            break;
        }
        applied.push(match planned {
            Planned::AsIs => Applied::AsIs,
            Planned::Nothing => Applied::Nothing,
            Planned::Printed(text) => Applied::Printed(text),
            Planned::Fill(mut value, sites) => {
                let outcomes =
                    sites.iter().map(|site| (site.ordinal, filler.site(document, site, &mut problems)));
                put(&mut value, &mut 0, &mut outcomes.peekable());
                if problems.is_empty() {
                    Applied::Filled(printed(&value, options.print))
                } else {
                    Applied::Nothing
                }
            }
        });
    }
    if problems.is_empty() { Ok(applied) } else { Err(Failure::in_order(problems)) }
}

fn printed(value: &Value, form: Print) -> Vec<u8> {
    match form {
        Print::Yaml => to_yaml(value),
        Print::Json => to_json(value),
    }
}

/// What becomes of a string.
enum Outcome {
    Set(Value),
    Remove,
    /// A problem was reported.
    Keep,
}

/// Puts outcomes at the strings whose numbers they carry; `false` when the value is to be taken out.
fn put(
    value: &mut Value,
    strings: &mut usize,
    outcomes: &mut Peekable<impl Iterator<Item = (usize, Outcome)>>,
) -> bool {
    match value {
        Value::Str(_) => {
            let here = outcomes.next_if(|(ordinal, _)| ordinal == strings);
            *strings += 1;
            match here {
                Some((_, Outcome::Set(new))) => *value = new,
                Some((_, Outcome::Remove)) => return false,
                Some((_, Outcome::Keep)) | None => {}
            }
        }
        Value::Seq(items) => items.retain_mut(|item| put(item, strings, outcomes)),
        Value::Map(entries) => entries.retain_mut(|(_, entry)| put(entry, strings, outcomes)),
        _ => {}
    }
    true
}

struct Filler<'p> {
    wanted: &'p [Wanted],
    answers: &'p [Answer],
    rules: Rules,
}

/// Why a placeholder has no value.
enum NoValue {
    /// The key is missing and the entry may go.
    Removed,
    /// It was reported: here, or as a failed read.
    Reported,
}

impl Filler<'_> {
    fn site(&self, document: &Document, site: &Site, problems: &mut Vec<Diagnostic>) -> Outcome {
        let mut values = Vec::with_capacity(site.parts.len());
        let mut removed = false;
        let mut reported = false;
        for part in &site.parts {
            match self.value(document, site, part, problems) {
                Ok(value) => values.push(value),
                Err(NoValue::Removed) => removed = true,
                Err(NoValue::Reported) => reported = true,
            }
        }
        if reported {
            return Outcome::Keep;
        }
        if removed {
            return Outcome::Remove;
        }
        let whole = site.parts.first().is_some_and(|part| part.span == (0..site.text.len()));
        let filled = match values.pop() {
            Some(value) if whole && !site.encoded => alone(site, value),
            last => {
                values.extend(last);
                inside_text(site, &values)
            }
        };
        match filled {
            Ok(value) => Outcome::Set(value),
            Err((number, message)) => {
                let part = &site.parts[number];
                report(problems, document, site, part, &message);
                Outcome::Keep
            }
        }
    }

    /// The value of a placeholder after its modifiers.
    fn value(
        &self,
        document: &Document,
        site: &Site,
        part: &Part,
        problems: &mut Vec<Diagnostic>,
    ) -> Result<Datum, NoValue> {
        // A read that failed was reported with the secret.
        let Ok(data) = &self.answers[part.secret] else { return Err(NoValue::Reported) };
        let mut datum = match data.get(&part.key).map(Value::from) {
            None | Some(Value::Null) => Datum::Missing,
            Some(value) => Datum::Value(value),
        };
        for action in &part.actions {
            datum = action.apply(&datum, self.rules).map_err(|message| {
                report(problems, document, site, part, &format!("{}: {message}", action.name()));
                NoValue::Reported
            })?;
        }
        match datum {
            Datum::Missing if site.removable => Err(NoValue::Removed),
            Datum::Missing => {
                let secret = &self.wanted[part.secret].secret;
                let place = site.place(document, &part.span, problems.len());
                problems.push(missing_key(site, part, secret, data).at(place));
                Err(NoValue::Reported)
            }
            datum => Ok(datum),
        }
    }
}

fn report(problems: &mut Vec<Diagnostic>, document: &Document, site: &Site, part: &Part, message: &str) {
    let token = shown(&site.text[part.span.clone()]);
    let place = site.place(document, &part.span, problems.len());
    problems.push(Diagnostic::error(Class::Render, format!("{token}: {message}")).at(place));
}

/// What is wrong, and with which placeholder of the string.
type Fault = (usize, String);

/// A placeholder that is the whole string: the value keeps its type where the document may hold one.
fn alone(site: &Site, datum: Datum) -> Result<Value, Fault> {
    match datum {
        Datum::Value(value) if site.strings_only => match scalar_text(&value) {
            Some(text) => Ok(Value::Str(text.into())),
            None => Err((0, not_text(&value, "only strings may stand here"))),
        },
        Datum::Value(value) => Ok(settled(value)),
        other => text_of(&other).map(|_| Value::Null).map_err(|message| (0, message)),
    }
}

/// A string with its placeholders replaced by the text of their values.
fn inside_text(site: &Site, values: &[Datum]) -> Result<Value, Fault> {
    let mut out = Vec::with_capacity(site.text.len());
    let mut copied = 0;
    for (number, (part, datum)) in site.parts.iter().zip(values).enumerate() {
        out.extend_from_slice(&site.text[copied..part.span.start]);
        copied = part.span.end;
        match datum {
            Datum::Bytes(bytes) if site.encoded => out.extend_from_slice(bytes),
            other => out.extend_from_slice(text_of(other).map_err(|message| (number, message))?.as_bytes()),
        }
    }
    out.extend_from_slice(&site.text[copied..]);
    if site.encoded {
        return Ok(Value::Str(encode_base64(&out).into()));
    }
    // Text around placeholders is text, and so were the values.
    Ok(Value::Str(String::from_utf8_lossy(&out).into()))
}

fn text_of(datum: &Datum) -> Result<String, String> {
    match datum {
        Datum::Value(value) => {
            scalar_text(value).ok_or_else(|| not_text(value, "it cannot stand inside text"))
        }
        Datum::Bytes(_) => {
            Err("the value is binary, not text; base64encode it, or use it inside base64 of a Secret"
                .to_owned())
        }
        Datum::Missing => Err("the value is missing".to_owned()),
    }
}

fn not_text(value: &Value, why: &str) -> String {
    let advice =
        if matches!(value, Value::Null) { "" } else { "; pick from it with jsonPath, or use toJson" };
    format!("the value is a {}: {why}{advice}", value.type_name())
}
