//! The modifiers: what a placeholder may do with a value before it goes into the document.
//!
//! Users see [`MODIFIERS`] as a table in the documentation; a test walks every row.

use super::datum::{Datum, decode_base64, encode_base64, scalar_text};
use super::json::{self, NotJson, Numbers};
use super::jsonpath::Template;
use super::placeholder::Call;
use keyfill_diag::nearest;
use keyfill_yaml::{Limits, Value, load_object, load_value, to_json_plain};
use sha2::{Digest, Sha256};

/// A modifier.
#[derive(Debug)]
pub struct Modifier {
    /// Its name; case matters.
    pub name: &'static str,
    /// What it takes behind its name.
    pub takes: Takes,
    /// What it does, for the documentation.
    pub about: &'static str,
    apply: fn(&Datum, &Argument, Rules) -> Result<Datum, String>,
}

/// What a modifier takes behind its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing.
    Nothing,
    /// A number of spaces.
    Level,
    /// A jsonPath template.
    Template,
    /// A text, which may be quoted.
    Text,
    /// A text or nothing.
    OptionalText,
}

/// A modifier with its argument, both checked.
#[derive(Clone, Debug)]
pub struct Action {
    modifier: &'static Modifier,
    argument: Argument,
}

#[derive(Clone, Debug)]
enum Argument {
    Nothing,
    Level(usize),
    Template(Box<Template>),
    Text(String),
}

/// By whose rules values are read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    /// As AVP does: numbers of parsed JSON pass through floating point.
    pub avp: bool,
}

/// Every modifier, first AVP's, then ours.
pub static MODIFIERS: &[Modifier] = &[
    modifier("base64encode", Takes::Nothing, "encodes a string in base64", base64_encode),
    modifier("base64decode", Takes::Nothing, "decodes a base64 string", base64_decode),
    modifier("jsonPath", Takes::Template, "picks from JSON, in kubectl's template language", json_path),
    modifier("jsonParse", Takes::Nothing, "turns JSON text into its value", json_parse),
    modifier("yamlParse", Takes::Nothing, "turns YAML text into its value", yaml_parse),
    modifier("indent", Takes::Level, "trims each line and indents all but the first", indent),
    modifier("sha256sum", Takes::Nothing, "the SHA-256 of a string, in hexadecimal", sha256_sum),
    modifier("default", Takes::Text, "stands in when the key is missing or null", default),
    modifier("urlencode", Takes::Nothing, "escapes what has a meaning in a URL", url_encode),
    modifier("quote", Takes::Nothing, "a JSON string, with its quotes", quote),
    modifier("trim", Takes::Nothing, "takes white space off both ends", |d, _, _| {
        map_text(d, |t| t.trim().to_owned())
    }),
    modifier("upper", Takes::Nothing, "upper case", |d, _, _| map_text(d, str::to_uppercase)),
    modifier("lower", Takes::Nothing, "lower case", |d, _, _| map_text(d, str::to_lowercase)),
    modifier("join", Takes::OptionalText, "joins a list with a text between, a comma if none is given", join),
    modifier("toJson", Takes::Nothing, "any value as compact JSON", to_json),
];

type Apply = fn(&Datum, &Argument, Rules) -> Result<Datum, String>;

const fn modifier(name: &'static str, takes: Takes, about: &'static str, apply: Apply) -> Modifier {
    Modifier { name, takes, about, apply }
}

/// What is wrong with a modifier as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModifierError {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// Finds the modifier of a call and checks its argument.
pub fn prepare(call: &Call) -> Result<Action, ModifierError> {
    let Some(modifier) = MODIFIERS.iter().find(|m| m.name == call.name) else {
        let near = nearest(&call.name, MODIFIERS.iter().map(|m| m.name));
        return Err(ModifierError {
            message: format!("there is no modifier {}", call.name),
            hint: Some(near.map_or_else(all_names, |near| format!("did you mean {near}?"))),
        });
    };
    let argument = read_argument(modifier, &call.argument).map_err(|message| ModifierError {
        message: format!("{}: {message}", modifier.name),
        hint: Some(format!("{}: {}", modifier.name, modifier.about)),
    })?;
    Ok(Action { modifier, argument })
}

fn all_names() -> String {
    let names: Vec<&str> = MODIFIERS.iter().map(|m| m.name).collect();
    format!("there are {}", names.join(", "))
}

fn read_argument(modifier: &Modifier, text: &str) -> Result<Argument, String> {
    match modifier.takes {
        Takes::Nothing | Takes::OptionalText if text.is_empty() => Ok(Argument::Nothing),
        Takes::Nothing => Err(format!("takes no argument, but has {text:?}")),
        Takes::Level if text.is_empty() => Err("needs a number of spaces".to_owned()),
        Takes::Level => match text.parse::<usize>() {
            Ok(level) if level <= MOST_SPACES => Ok(Argument::Level(level)),
            _ => Err(format!("{text:?} is no number of spaces (0 to {MOST_SPACES})")),
        },
        Takes::Template if text.is_empty() => Err("needs a template such as {.user}".to_owned()),
        Takes::Template => {
            // Words are joined by one space, as in AVP.
            let template: Vec<&str> = text.split_whitespace().collect();
            let template = Template::parse(&template.join(" ")).map_err(|error| error.to_string())?;
            Ok(Argument::Template(Box::new(template)))
        }
        Takes::Text if text.is_empty() => Err("needs a text; the empty one is \"\"".to_owned()),
        Takes::Text | Takes::OptionalText => Ok(Argument::Text(unquoted(text).to_owned())),
    }
}

/// More than any document needs, few enough that no value is blown up.
const MOST_SPACES: usize = 1_000;

/// A text without the quotes around it.
fn unquoted(text: &str) -> &str {
    ['"', '\''].into_iter().find_map(|q| text.strip_prefix(q)?.strip_suffix(q)).unwrap_or(text)
}

impl Action {
    /// The modifier's name.
    pub fn name(&self) -> &'static str {
        self.modifier.name
    }

    /// Applies it. A missing value stays missing, but for `default`. The error holds no value.
    pub fn apply(&self, datum: &Datum, rules: Rules) -> Result<Datum, String> {
        if matches!(datum, Datum::Missing) && self.modifier.name != "default" {
            return Ok(Datum::Missing);
        }
        (self.modifier.apply)(datum, &self.argument, rules)
    }
}

fn expects(what: &str, datum: &Datum) -> String {
    format!("takes a {what}, but the value is a {}", datum.type_name())
}

fn bytes_of(datum: &Datum) -> Result<&[u8], String> {
    datum.as_bytes().ok_or_else(|| expects("string", datum))
}

fn str_of(datum: &Datum) -> Result<&str, String> {
    match datum {
        Datum::Value(Value::Str(text)) => Ok(text),
        other => Err(expects("string", other)),
    }
}

/// The text of a string, a number or a bool.
fn scalar_of(datum: &Datum) -> Result<String, String> {
    match datum {
        Datum::Value(value) => scalar_text(value).ok_or_else(|| expects("string, number or bool", datum)),
        other => Err(expects("string, number or bool", other)),
    }
}

fn map_text(datum: &Datum, change: impl Fn(&str) -> String) -> Result<Datum, String> {
    Ok(Datum::text(change(&scalar_of(datum)?)))
}

fn base64_encode(datum: &Datum, _: &Argument, _: Rules) -> Result<Datum, String> {
    Ok(Datum::text(encode_base64(bytes_of(datum)?)))
}

fn base64_decode(datum: &Datum, _: &Argument, _: Rules) -> Result<Datum, String> {
    let bytes = decode_base64(bytes_of(datum)?);
    bytes.map(Datum::bytes).ok_or_else(|| "the value is not valid base64".to_owned())
}

fn json_path(datum: &Datum, argument: &Argument, _: Rules) -> Result<Datum, String> {
    let Argument::Template(template) = argument else { return Err("needs a template".to_owned()) };
    let printed = match datum {
        Datum::Value(Value::Str(text)) => template.execute(&parse_json(text, Numbers::Exact)?),
        Datum::Value(value) => template.execute(value),
        other => return Err(expects("string, list or map", other)),
    };
    printed.map(Datum::text).map_err(|error| error.to_string())
}

fn json_parse(datum: &Datum, _: &Argument, rules: Rules) -> Result<Datum, String> {
    let numbers = if rules.avp { Numbers::Floating } else { Numbers::Exact };
    parse_json(str_of(datum)?, numbers).map(Datum::Value)
}

fn yaml_parse(datum: &Datum, _: &Argument, rules: Rules) -> Result<Datum, String> {
    let load = if rules.avp { load_value } else { load_object };
    let value = load(str_of(datum)?.as_bytes(), &Limits::default());
    // The loader's message may quote the text.
    value.map(Datum::Value).map_err(|error| match error.line() {
        0 => "the value is not valid YAML".to_owned(),
        line => format!("the value is not valid YAML (its line {line})"),
    })
}

/// Go's `strings.TrimSpace` on each line; empty ones but the first vanish.
fn indent(datum: &Datum, argument: &Argument, _: Rules) -> Result<Datum, String> {
    let Argument::Level(level) = argument else { return Err("needs a number of spaces".to_owned()) };
    let text = str_of(datum)?;
    let mut lines = text.split('\n');
    let mut out = lines.next().unwrap_or_default().trim().to_owned();
    if text.contains('\n') {
        out.push('\n');
    }
    let mut lines = lines.peekable();
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        out.extend(std::iter::repeat_n(' ', *level));
        out.push_str(line.trim());
        if lines.peek().is_some() {
            out.push('\n');
        }
    }
    Ok(Datum::text(out))
}

fn sha256_sum(datum: &Datum, _: &Argument, _: Rules) -> Result<Datum, String> {
    let sum = Sha256::digest(bytes_of(datum)?);
    Ok(Datum::text(sum.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}

fn default(datum: &Datum, argument: &Argument, _: Rules) -> Result<Datum, String> {
    match (datum, argument) {
        (Datum::Missing | Datum::Value(Value::Null), Argument::Text(text)) => Ok(Datum::text(text)),
        (datum, _) => Ok(datum.clone()),
    }
}

/// RFC 3986: all but letters, digits and `-._~` is escaped, so that the value fits any part of a URL.
fn url_encode(datum: &Datum, _: &Argument, _: Rules) -> Result<Datum, String> {
    let text = match datum {
        Datum::Bytes(bytes) => bytes.clone(),
        other => scalar_of(other)?.into_bytes(),
    };
    let mut out = String::with_capacity(text.len());
    for byte in text {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    Ok(Datum::text(out))
}

fn quote(datum: &Datum, _: &Argument, _: Rules) -> Result<Datum, String> {
    let text = Value::Str(scalar_of(datum)?.into());
    Ok(Datum::bytes(to_json_plain(&text)))
}

fn join(datum: &Datum, argument: &Argument, _: Rules) -> Result<Datum, String> {
    let Datum::Value(Value::Seq(items)) = datum else { return Err(expects("list", datum)) };
    let between = if let Argument::Text(text) = argument { text } else { "," };
    let text = |item: &Value| {
        scalar_text(item).ok_or_else(|| format!("the list holds a {}, not text", item.type_name()))
    };
    Ok(Datum::text(items.iter().map(text).collect::<Result<Vec<_>, _>>()?.join(between)))
}

fn to_json(datum: &Datum, _: &Argument, _: Rules) -> Result<Datum, String> {
    match datum {
        Datum::Value(value) => Ok(Datum::bytes(to_json_plain(value))),
        other => Err(expects("value that JSON can hold", other)),
    }
}

fn parse_json(text: &str, numbers: Numbers) -> Result<Value, String> {
    json::parse(text.as_bytes(), numbers).map_err(|NotJson { line, column }| {
        format!("the value is not valid JSON (its line {line}, column {column})")
    })
}

#[cfg(test)]
#[path = "modifiers_tests.rs"]
mod tests;
