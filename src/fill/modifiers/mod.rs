//! The modifiers: functions that a placeholder can apply to its value.
//!
//! The documentation shows [`MODIFIERS`] as a table; a test checks every row.

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
    /// The argument that it takes.
    pub takes: Takes,
    /// A description for the documentation.
    pub about: &'static str,
    apply: Apply,
}

/// The argument that a modifier takes after its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// No argument.
    Nothing,
    /// A number of spaces.
    Level,
    /// A jsonPath template.
    Template,
    /// A text, which may be quoted.
    Text,
    /// An optional text.
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

/// The context in which a modifier is applied.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// Follow AVP: numbers of parsed JSON pass through floating point.
    pub avp: bool,
    /// A `default` follows, so that a missing value is not an error.
    pub has_default: bool,
    /// The object and the position in it. A salt is derived from it, so that salts differ between positions and
    /// are the same in each run.
    pub identity: &'a str,
    /// The deadline, cancellation and limits of the run.
    pub cx: &'a Cx,
}

type Apply = fn(&Datum, &Argument, &Circumstances<'_>) -> Result<Datum, String>;

/// Every modifier: first AVP's, then those that only keyfill has.
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

/// The modifier that replaces a missing value.
pub const DEFAULT: &str = "default";

const fn modifier(name: &'static str, takes: Takes, about: &'static str, apply: Apply) -> Modifier {
    Modifier { name, takes, about, apply }
}

/// An error in a modifier as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModifierError {
    /// The error message.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Finds the modifier of a call and checks its argument; `avp` is for compatibility with AVP.
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

    /// Whether it replaces a missing value.
    pub fn is_default(&self) -> bool {
        self.modifier.name == DEFAULT
    }

    /// Applies the modifier. A missing value stays missing, except for `default`. The error message does not
    /// contain the value.
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

/// The modifiers that AVP refuses to apply to numbers and booleans.
const STRINGS_ONLY: [&str; 6] =
    ["base64encode", "base64decode", "jsonParse", "yamlParse", "indent", "sha256sum"];

fn is_number_or_bool(datum: &Datum) -> bool {
    matches!(
        datum,
        Datum::Value(Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Float(_) | Value::Number(_))
    )
}

/// Returns an error if a value would be larger than [`MOST_BYTES`].
fn room(bytes: usize) -> Result<(), String> {
    if bytes > MOST_BYTES {
        return Err(format!("the value would be larger than {} MiB", MOST_BYTES >> 20));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
