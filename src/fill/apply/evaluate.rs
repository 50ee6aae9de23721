//! Replaces the placeholders in a string with their values.

use super::super::datum::{Datum, decode_base64, encode_base64, scalar_text, settled};
use super::super::missing::{Answer, missing_key};
use super::super::modifiers::Circumstances;
use super::super::options::FillOptions;
use super::super::plan::{Content, EVERY_KEY, Fetch, FetchStep, Part, Site, SitePlace, of_object, shown};
use super::super::problems::Problems;
use super::Wants;
use super::put::Put;
use keyfill_diag::{Class, Cx, Diagnostic, Severity, Stopped};
use keyfill_yaml::{Document, Value, to_json_plain};
use std::fmt::Write as _;
use std::ops::Range;

/// Fills the strings of one document.
pub struct Filler<'p> {
    pub(super) document: &'p Document,
    pub(super) wanted: Wants<'p>,
    pub(super) answers: &'p [Answer],
    pub(super) avp: bool,
    cx: &'p Cx,
    /// Why the run was stopped while a string was being filled: it was cancelled or exceeded its deadline.
    stopped: Option<Stopped>,
    /// Total size of the strings that were filled so far, in bytes.
    bytes: u64,
    pub(super) number: usize,
    pub(super) sink: Sink<'p>,
}

/// The lists to which problems are added.
pub struct Sink<'p> {
    /// Errors.
    pub problems: &'p mut Problems,
    /// Warnings.
    pub warnings: &'p mut Problems,
}

/// Why a placeholder has no value.
enum NoValue {
    /// The key is missing, and the entry is to be removed.
    Removed,
    /// The key is missing, and the text was only guessed to be a placeholder.
    Unknown,
    /// The problem was already reported: here, or as a failed read.
    Reported,
}

/// The position of a placeholder, for errors.
struct Spot<'s> {
    site: &'s Site,
    /// The part of the string that an error points to, in bytes; `None` if it cannot point to a part.
    span: Option<Range<usize>>,
    /// The offset of the part in the string.
    offset: usize,
    guess: bool,
}

impl<'p> Filler<'p> {
    /// Makes the filler of one document, which comes with its index in the stream.
    pub fn new(
        (number, document): (usize, &'p Document),
        wanted: Wants<'p>,
        answers: &'p [Answer],
        options: &FillOptions,
        cx: &'p Cx,
        sink: Sink<'p>,
    ) -> Self {
        Self { document, wanted, answers, avp: options.compat_avp, cx, stopped: None, bytes: 0, number, sink }
    }

    /// How many problems there are so far, those of other documents included.
    pub fn problems(&self) -> usize {
        self.sink.problems.len()
    }

    fn add(&mut self, spot: &Spot<'_>, severity: Severity, class: Class, make: impl FnOnce() -> Diagnostic) {
        let order = (self.number, spot.site.ordinal, spot.offset);
        let document = self.document;
        let to = match severity {
            Severity::Error => &mut *self.sink.problems,
            Severity::Warning => &mut *self.sink.warnings,
        };
        to.add(order, class, |exact| {
            let place = spot.site.place(document, spot.span.as_ref(), exact);
            of_object(Diagnostic { severity, ..make() }.at(place), &spot.site.object)
        });
    }

    fn error(&mut self, spot: &Spot<'_>, message: &str) {
        self.add(spot, Severity::Error, Class::Render, || Diagnostic::error(Class::Render, message));
    }

    /// Fills one string and says what to put in its place. An error ends the whole run.
    pub fn site(&mut self, site: &Site) -> Result<Put, String> {
        self.cx.check().map_err(|stopped| stopped.to_string())?;
        let whole = match site.parts.as_slice() {
            [Part { span, content: Content::Value(fetch) }] if *span == (0..site.text.len()) => Some(fetch),
            _ => None,
        };
        let spot = Spot { site, span: None, offset: 0, guess: false };
        let made = match whole {
            Some(fetch) => {
                let spot = Spot { span: Some(0..site.text.len()), ..spot };
                match self.value(&spot, fetch) {
                    Ok(datum) => self.alone(&spot, fetch, datum),
                    Err(why) => Err(why),
                }
            }
            None => self.text(&spot, &site.text, &site.parts, false, None).map(|bytes| {
                // Text around placeholders is text, and so were the values.
                Value::Str(String::from_utf8_lossy(&bytes).into())
            }),
        };
        if let Some(stopped) = self.stopped {
            return Err(stopped.to_string());
        }
        let made = match made {
            Ok(value) => value,
            Err(NoValue::Removed) => return Ok(Put::Remove),
            Err(NoValue::Unknown | NoValue::Reported) => return Ok(Put::Keep),
        };
        self.bytes += made.as_str().map_or(0, str::len) as u64;
        if self.bytes > self.cx.limits.output_bytes {
            return Err(format!("the result would be larger than {} MiB", self.cx.limits.output_bytes >> 20));
        }
        if site.place == SitePlace::Base64 {
            self.check_base64(site, &made);
        }
        Ok(Put::Set(made))
    }

    /// The data of a Secret is base64, and so is the binaryData of a ConfigMap, or Kubernetes refuses it.
    fn check_base64(&mut self, site: &Site, made: &Value) {
        let is = match made {
            Value::Null => return,
            Value::Str(text) if decode_base64(text.as_bytes()).is_some() => return,
            Value::Str(_) => "not".to_owned(),
            other => format!("a {}", other.type_name()),
        };
        let section = if site.object.kind == "ConfigMap" { "binaryData" } else { "data" };
        let kind = &site.object.kind;
        let message = format!("the {section} of a {kind} is base64, and what is filled in here is {is}");
        let severity = if self.avp { Severity::Warning } else { Severity::Error };
        let hint = match section {
            "data" => "put the entry into stringData, or encode the value: <... | base64encode>",
            _ => "put the entry into data, or encode the value: <... | base64encode>",
        };
        let spot = Spot { site, span: None, offset: 0, guess: false };
        self.add(&spot, severity, Class::Render, || Diagnostic::error(Class::Render, message).hint(hint));
    }

    /// Reports that two keys of a mapping are equal once they are filled.
    pub fn collision(&mut self, site: &Site) {
        let message = "this key is the same as another one of its mapping once it is filled";
        let spot = Spot { site, span: None, offset: 0, guess: false };
        self.error(&spot, message);
    }

    /// The text with each of its `parts` replaced by the text of the part's value.
    fn text(
        &mut self,
        spot: &Spot<'_>,
        text: &[u8],
        parts: &[Part],
        takes_bytes: bool,
        outer: Option<&Range<usize>>,
    ) -> Result<Vec<u8>, NoValue> {
        let mut out = Vec::with_capacity(text.len());
        let mut copied = 0;
        let mut failed = None;
        for part in parts {
            if let Err(stopped) = self.cx.check() {
                self.stopped = Some(stopped);
                return Err(NoValue::Reported);
            }
            let shown = match outer {
                None => Some(part.span.clone()),
                Some(outer) => (outer.len() < spot.site.text.len()).then(|| outer.clone()),
            };
            let offset = outer.unwrap_or(&part.span).start;
            let here = Spot { site: spot.site, span: shown, offset, guess: spot.guess };
            match self.part(&here, part, takes_bytes, outer) {
                Ok(bytes) => {
                    out.extend_from_slice(&text[copied..part.span.start]);
                    out.extend_from_slice(&bytes);
                    copied = part.span.end;
                }
                // A part that was only guessed to be a placeholder stays as it is.
                Err(NoValue::Unknown) if !spot.guess => {}
                // All problems of a string are reported. An error has priority over removing the entry.
                Err(why) => match (&failed, &why) {
                    (Some(NoValue::Reported), _) => {}
                    _ => failed = Some(why),
                },
            }
            if out.len() as u64 > self.cx.limits.output_bytes {
                self.error(&here, "the text becomes too large");
                return Err(NoValue::Reported);
            }
        }
        if let Some(failed) = failed {
            return Err(failed);
        }
        out.extend_from_slice(&text[copied..]);
        Ok(out)
    }

    fn part(
        &mut self,
        spot: &Spot<'_>,
        part: &Part,
        takes_bytes: bool,
        outer: Option<&Range<usize>>,
    ) -> Result<Vec<u8>, NoValue> {
        match &part.content {
            Content::Value(fetch) => {
                let datum = self.value(spot, fetch)?;
                match datum {
                    Datum::Bytes(bytes) if takes_bytes => Ok(bytes),
                    Datum::Value(value @ Value::Map(_)) if fetch.is_every_key() => Ok(to_json_plain(&value)),
                    other => {
                        text_of(&other).map(String::into_bytes).map_err(|why| self.wrong(spot, fetch, &why))
                    }
                }
            }
            Content::Encoded { codec, text, parts, guess } => {
                let outer = outer.unwrap_or(&part.span);
                let spot =
                    Spot { site: spot.site, span: spot.span.clone(), offset: spot.offset, guess: *guess };
                let inner = self.text(&spot, text, parts, codec.takes_bytes(), Some(outer))?;
                if codec.most_bytes(inner.len()) as u64 > self.cx.limits.output_bytes {
                    self.error(&spot, "the text becomes too large");
                    return Err(NoValue::Reported);
                }
                Ok(codec.encode(&inner))
            }
        }
    }

    /// The value of a placeholder after its modifiers were applied. A missing key is reported.
    fn value(&mut self, spot: &Spot<'_>, fetch: &Fetch) -> Result<Datum, NoValue> {
        let answers = self.answers;
        match (self.datum(spot, fetch)?, &answers[fetch.secret]) {
            (Datum::Missing, _) if spot.site.removable => Err(NoValue::Removed),
            (Datum::Missing, Ok(data)) => {
                let secret = &self.wanted[fetch.secret].secret;
                let make = || missing_key(&fetch.token, &fetch.key, secret, data);
                self.add(spot, Severity::Error, Class::Missing, make);
                Err(NoValue::Reported)
            }
            // The absent secret was reported.
            (Datum::Missing, Err(_)) => Err(NoValue::Reported),
            (datum, _) => Ok(datum),
        }
    }

    /// Like `value`, but a missing key is returned as [`Datum::Missing`] and not reported.
    fn datum(&mut self, spot: &Spot<'_>, fetch: &Fetch) -> Result<Datum, NoValue> {
        let answers = self.answers;
        let mut datum = match &answers[fetch.secret] {
            Ok(data) => match (data.get(&fetch.key), fetch.key.as_str()) {
                (Some(value), _) => super::sections::datum(value),
                (None, EVERY_KEY) => Datum::Value(every_key(data)),
                (None, _) => Datum::Missing,
            },
            Err(error) if error.is_absent() => Datum::Missing,
            // The failed read of the secret was already reported.
            Err(_) => return Err(NoValue::Reported),
        };
        if matches!(datum, Datum::Missing) && spot.guess && !fetch.has_default(0) {
            return Err(NoValue::Unknown);
        }
        let identity = if fetch.steps.is_empty() { String::new() } else { identity(spot.site) };
        for (number, step) in fetch.steps.iter().enumerate() {
            let has_default = fetch.has_default(number + 1);
            match step {
                FetchStep::Apply(action) => {
                    // The modifier `default` does not need text: bytes stay bytes.
                    let datum_in = if action.is_default() { datum } else { datum.into_text() };
                    let given =
                        Circumstances { avp: self.avp, has_default, identity: &identity, cx: self.cx };
                    datum = action.apply(&datum_in, &given).map_err(|message| {
                        self.wrong(spot, fetch, &format!("{}: {message}", action.name()))
                    })?;
                }
                FetchStep::Or(other) if matches!(datum, Datum::Missing | Datum::Value(Value::Null)) => {
                    datum = if has_default { self.datum(spot, other)? } else { self.value(spot, other)? };
                }
                FetchStep::Or(_) => {}
            }
        }
        Ok(datum)
    }

    fn wrong(&mut self, spot: &Spot<'_>, fetch: &Fetch, message: &str) -> NoValue {
        self.error(spot, &format!("{}: {message}", shown(&fetch.token)));
        NoValue::Reported
    }

    /// A placeholder that is the whole string: the value keeps its type where the document may hold one.
    fn alone(&mut self, spot: &Spot<'_>, fetch: &Fetch, datum: Datum) -> Result<Value, NoValue> {
        let place = match spot.site.place {
            SitePlace::Base64 if self.avp => SitePlace::Any,
            place => place,
        };
        let made = match (place, datum) {
            (SitePlace::Any, Datum::Value(value)) => return Ok(settled(value)),
            (SitePlace::TextSection | SitePlace::Base64Section, Datum::Value(Value::Map(_)))
                if fetch.is_every_key() =>
            {
                return self.every_key(spot, fetch);
            }
            (SitePlace::TextSection | SitePlace::Base64Section, Datum::Value(Value::Map(entries))) => {
                return self.section(spot, fetch, entries);
            }
            (_, Datum::Value(value @ Value::Map(_))) if fetch.is_every_key() => {
                return Ok(Value::Str(String::from_utf8_lossy(&to_json_plain(&value)).into()));
            }
            // A Secret's data is base64, whatever the bytes are. AVP writes them so everywhere but in a ConfigMap.
            (place, Datum::Bytes(bytes)) if self.is_base64_of(place, fetch) => {
                return Ok(Value::Str(encode_base64(&bytes).into()));
            }
            (_, Datum::Value(value)) => match scalar_text(&value) {
                Some(text) => Ok(Value::Str(text.into())),
                None => Err(not_text(&value, "only strings may stand here")),
            },
            (_, other) => text_of(&other).map(|text| Value::Str(text.into())),
        };
        made.map_err(|why| self.wrong(spot, fetch, &why))
    }

    /// Whether bytes become base64 at a place. This holds for bytes from the store, not for those that a modifier
    /// produced.
    fn is_base64_of(&self, place: SitePlace, fetch: &Fetch) -> bool {
        let as_stored = |step: &FetchStep| match step {
            FetchStep::Apply(action) => action.is_default(),
            FetchStep::Or(_) => true,
        };
        let base64 = place == SitePlace::Base64 || self.avp && place == SitePlace::Any;
        base64 && fetch.steps.iter().all(as_stored)
    }

    /// All keys of a secret as a section of an object.
    fn every_key(&mut self, spot: &Spot<'_>, fetch: &Fetch) -> Result<Value, NoValue> {
        let answers = self.answers;
        let Ok(data) = &answers[fetch.secret] else { return Err(NoValue::Reported) };
        let encode = spot.site.place == SitePlace::Base64Section;
        let entries = super::sections::of_secret(data).collect();
        super::sections::entries(entries, encode).map(Value::Map).map_err(|why| self.wrong(spot, fetch, &why))
    }

    fn section(
        &mut self,
        spot: &Spot<'_>,
        fetch: &Fetch,
        entries: Vec<(keyfill_yaml::Text, Value)>,
    ) -> Result<Value, NoValue> {
        let entries = entries.into_iter().map(|(key, value)| (key, Datum::Value(value))).collect();
        let encode = spot.site.place == SitePlace::Base64Section;
        super::sections::entries(entries, encode).map(Value::Map).map_err(|why| self.wrong(spot, fetch, &why))
    }
}

/// Every key of a secret as a mapping.
fn every_key(data: &keyfill_secrets::SecretData) -> Value {
    Value::Map(data.iter().map(|(key, value)| (key.into(), Value::from(value))).collect())
}

/// A stable name of a position: the object, and the path of the string in it.
fn identity(site: &Site) -> String {
    let object = &site.object;
    let mut text = format!("{}\n{}\n{}", object.kind, object.namespace, object.name);
    for key in &site.path {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{key:?}");
    }
    text
}

fn text_of(datum: &Datum) -> Result<String, String> {
    match datum {
        Datum::Value(value) => {
            scalar_text(value).ok_or_else(|| not_text(value, "it cannot stand inside text"))
        }
        Datum::Bytes(bytes) => std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| {
            "the value is binary, not text; base64encode it, or use it in the data of a Secret".to_owned()
        }),
        Datum::Missing => Err("the value is missing".to_owned()),
    }
}

fn not_text(value: &Value, why: &str) -> String {
    let advice =
        if matches!(value, Value::Null) { "" } else { "; pick from it with jsonPath, or use toJson" };
    format!("the value is a {}: {why}{advice}", value.type_name())
}
