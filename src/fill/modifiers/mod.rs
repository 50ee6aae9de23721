//! The modifiers: what a placeholder may do with a value before it goes into the document.
//!
//! Users see [`MODIFIERS`] as a table in the documentation; a test walks every row.

mod argument;
mod functions;
mod hashes;

use super::datum::Datum;
use super::jsonpath::Template;
use super::placeholder::Call;
use keyfill_diag::{Cx, nearest};
use keyfill_yaml::Value;

/// The largest value that a modifier may make, in bytes.
pub const MOST_BYTES: usize = 8 << 20;

/// A modifier.
#[derive(Debug)]
pub struct Modifier {
    /// Its name; case matters.
    pub name: &'static str,
    /// What it takes behind its name.
    pub takes: Takes,
    /// What it does, for the documentation.
    pub about: &'static str,
    apply: Apply,
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
    /// Two texts, each of which may be quoted.
    TwoTexts,
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
    TwoTexts(String, String),
}

/// What a modifier needs to know besides the value.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// Follow AVP: numbers of parsed JSON pass through floating point.
    pub avp: bool,
    /// A `default` follows, so that what is not found is no error.
    pub has_default: bool,
    /// Names the object and the place in it: salts differ between places and stay from run to run.
    pub identity: &'a str,
    /// The run.
    pub cx: &'a Cx,
}

type Apply = fn(&Datum, &Argument, &Circumstances<'_>) -> Result<Datum, String>;

/// Every modifier, first AVP's, then ours.
pub static MODIFIERS: &[Modifier] = &[
    modifier("base64encode", Takes::Nothing, "encodes a text in base64", functions::base64_encode),
    modifier("base64decode", Takes::Nothing, "decodes a base64 text", functions::base64_decode),
    modifier(
        "jsonPath",
        Takes::Template,
        "picks from JSON, in kubectl's template language",
        functions::json_path,
    ),
    modifier("jsonParse", Takes::Nothing, "turns JSON text into its value", functions::json_parse),
    modifier("yamlParse", Takes::Nothing, "turns YAML text into its value", functions::yaml_parse),
    modifier("indent", Takes::Level, "trims each line and indents all but the first", functions::indent),
    modifier("sha256sum", Takes::Nothing, "the SHA-256 of a text, in hexadecimal", hashes::sha256_sum),
    modifier(
        DEFAULT,
        Takes::Text,
        "stands in when the secret, the key or what jsonPath names is missing, or null",
        functions::default,
    ),
    modifier("urlencode", Takes::Nothing, "escapes what has a meaning in a URL", functions::url_encode),
    modifier("quote", Takes::Nothing, "a JSON string, with its quotes", functions::quote),
    modifier("trim", Takes::Nothing, "takes white space off both ends", functions::trim),
    modifier("upper", Takes::Nothing, "upper case", functions::upper),
    modifier("lower", Takes::Nothing, "lower case", functions::lower),
    modifier(
        "join",
        Takes::OptionalText,
        "joins a list with a text between, a comma if none is given",
        functions::join,
    ),
    modifier("toJson", Takes::Nothing, "any value as compact JSON", functions::to_json),
    modifier("toYaml", Takes::Nothing, "any value as YAML", functions::to_yaml),
    modifier("string", Takes::Nothing, "a number or a boolean as text", functions::string),
    modifier(
        "replace",
        Takes::TwoTexts,
        "puts the second text wherever the first one stands",
        functions::replace,
    ),
    modifier("b64url", Takes::Nothing, "encodes a text in the base64 of URLs, padded", functions::base64_url),
    modifier("sha512sum", Takes::Nothing, "the SHA-512 of a text, in hexadecimal", hashes::sha512_sum),
    modifier("bcrypt", Takes::Nothing, "the bcrypt hash of a password, the same at each run", hashes::bcrypt),
    modifier(
        "htpasswd",
        Takes::Text,
        "a line of an htpasswd file: the user's name and the bcrypt hash of the password",
        hashes::htpasswd,
    ),
];

/// The modifier that a missing value does not pass by.
pub const DEFAULT: &str = "default";

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

/// Finds the modifier of a call and checks its argument, with AVP's habits or without.
pub fn prepare(call: &Call, avp: bool) -> Result<Action, ModifierError> {
    let Some(modifier) = MODIFIERS.iter().find(|m| m.name == call.name) else {
        let near = nearest(&call.name, MODIFIERS.iter().map(|m| m.name));
        return Err(ModifierError {
            message: format!("there is no modifier {}", call.name),
            hint: Some(near.map_or_else(all_names, |near| format!("did you mean {near}?"))),
        });
    };
    let argument = argument::read(modifier.takes, call, avp).map_err(|message| ModifierError {
        message: format!("{}: {message}", modifier.name),
        hint: Some(format!("{}: {}", modifier.name, modifier.about)),
    })?;
    Ok(Action { modifier, argument })
}

fn all_names() -> String {
    let names: Vec<&str> = MODIFIERS.iter().map(|m| m.name).collect();
    format!("there are {}", names.join(", "))
}

impl Action {
    /// The modifier's name.
    pub fn name(&self) -> &'static str {
        self.modifier.name
    }

    /// Whether it takes the place of a missing value.
    pub fn is_default(&self) -> bool {
        self.modifier.name == DEFAULT
    }

    /// Applies it. A missing value stays missing, but for `default`. The error holds no value.
    pub fn apply(&self, datum: &Datum, given: &Circumstances<'_>) -> Result<Datum, String> {
        if matches!(datum, Datum::Missing) && !self.is_default() {
            return Ok(Datum::Missing);
        }
        if given.avp && STRINGS_ONLY.contains(&self.modifier.name) && is_number_or_bool(datum) {
            return Err(format!("takes a string, but the value is a {}", datum.type_name()));
        }
        let made = (self.modifier.apply)(datum, &self.argument, given)?;
        room(made.as_bytes().map_or(0, <[u8]>::len))?;
        Ok(made)
    }
}

/// What AVP refuses to do to numbers and booleans.
const STRINGS_ONLY: [&str; 6] =
    ["base64encode", "base64decode", "jsonParse", "yamlParse", "indent", "sha256sum"];

fn is_number_or_bool(datum: &Datum) -> bool {
    matches!(
        datum,
        Datum::Value(Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Float(_) | Value::Number(_))
    )
}

/// Refuses what would grow larger than any value has to be.
fn room(bytes: usize) -> Result<(), String> {
    if bytes > MOST_BYTES {
        return Err(format!("the value would be larger than {} MiB", MOST_BYTES >> 20));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
