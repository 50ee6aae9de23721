//! Parses the argument after a modifier's name.

use super::super::jsonpath::Template;
use super::super::placeholder::{self, Call};
use super::{Argument, Takes};

/// The most spaces that `indent` accepts: enough for any document, and too few to make a value very large.
const MOST_SPACES: i64 = 1_000;

/// Parses the argument of a call as the type that its modifier takes. AVP treats a negative number of spaces as 0.
pub fn read(takes: Takes, call: &Call, avp: bool) -> Result<Argument, String> {
    let written = call.argument.as_str();
    match takes {
        Takes::Nothing | Takes::OptionalText if written.is_empty() => Ok(Argument::Nothing),
        Takes::Nothing => Err(format!("takes no argument, but has {written:?}")),
        Takes::Level if written.is_empty() => Err("needs a number of spaces".to_owned()),
        Takes::Level => match text(call)?.parse::<i64>() {
            Ok(level) if level < 0 && avp => Ok(Argument::Level(0)),
            Ok(level) if (0..=MOST_SPACES).contains(&level) => {
                Ok(Argument::Level(usize::try_from(level).unwrap_or(0)))
            }
            _ => Err(format!("{written:?} is not a number of spaces (0 to {MOST_SPACES})")),
        },
        Takes::Template if written.is_empty() => Err("needs a template such as {.user}".to_owned()),
        Takes::Template => {
            let template =
                Template::parse(&with_single_spaces(written)).map_err(|error| error.to_string())?;
            Ok(Argument::Template(Box::new(template)))
        }
        Takes::Text if written.is_empty() => Err("needs a text; the empty one is \"\"".to_owned()),
        Takes::Text | Takes::OptionalText => text(call).map(Argument::Text),
        Takes::TwoTexts => match call.words.as_slice() {
            [old, new] => Ok(Argument::TwoTexts(word(old)?, word(new)?)),
            words => {
                Err(format!("takes two texts, but has {}; texts with spaces stand in quotes", words.len()))
            }
        },
    }
}

fn word(word: &placeholder::Argument) -> Result<String, String> {
    match word {
        placeholder::Argument::Plain(text) | placeholder::Argument::Quoted(text) => Ok(text.clone()),
        placeholder::Argument::Placeholder(_) => Err("takes a text, not a placeholder".to_owned()),
    }
}

/// An argument that is one text: a single quoted word, or, if it begins without quotes, the whole argument as
/// written.
fn text(call: &Call) -> Result<String, String> {
    if let Some(why) = call.words.iter().find_map(|part| word(part).err()) {
        return Err(why);
    }
    match call.words.as_slice() {
        [single] => word(single),
        [placeholder::Argument::Plain(_), ..] => Ok(call.argument.clone()),
        _ => Err("takes one text; put all of it into quotes".to_owned()),
    }
}

/// A jsonPath template in which each run of white space becomes one space, as in AVP; in quotes inside of braces
/// all white space stays.
fn with_single_spaces(template: &str) -> String {
    let mut out = String::with_capacity(template.len());
    let (mut in_braces, mut quote, mut escaped) = (false, None, false);
    for c in template.chars() {
        let is_space = c.is_whitespace() && quote.is_none();
        match c {
            '{' if quote.is_none() => in_braces = true,
            '}' if quote.is_none() => in_braces = false,
            '"' | '\'' if in_braces && quote.is_none() => quote = Some(c),
            c if quote == Some(c) && !escaped => quote = None,
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        if !is_space {
            out.push(c);
        } else if !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out
}
