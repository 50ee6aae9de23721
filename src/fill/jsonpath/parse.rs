//! Parses templates.

use super::JsonPathError;
use super::ast::{Filter, Operator, Part, Slice, Step, Stop};
use keyfill_go::quote::unquote_between;
use keyfill_go::unicode::{is_digit, is_letter};
use keyfill_yaml::Value;

type Result<T> = std::result::Result<T, JsonPathError>;

/// How deep unions and filters may be nested.
const DEPTH: u32 = 32;

/// Parses a template into its parts.
pub fn template(text: &str) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        if open > 0 {
            parts.push(Part::Text(rest[..open].to_owned()));
        }
        let mut reader = Reader { rest: &rest[open + 1..], depth: 0 };
        parts.push(Part::Action(reader.action()?));
        rest = reader.rest;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    Ok(parts)
}

/// Parses the content of one pair of braces.
struct Reader<'t> {
    rest: &'t str,
    depth: u32,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next();
        self.rest = chars.as_str();
        c
    }

    fn take(&mut self, prefix: &str) -> bool {
        self.rest.strip_prefix(prefix).map(|rest| self.rest = rest).is_some()
    }

    /// Parses the steps up to the closing brace.
    fn action(&mut self) -> Result<Vec<Step>> {
        let mut steps = Vec::new();
        loop {
            if self.take("}") {
                return Ok(steps);
            } else if self.take("[?(") {
                steps.push(self.filter()?);
                continue;
            } else if self.take("..") {
                self.recursive(&mut steps)?;
                continue;
            }
            let start = self.rest;
            match self.next() {
                None | Some('\n' | '\r') => return Err(JsonPathError::new("unclosed action")),
                Some(' ' | '@' | '$') => {}
                Some('[') => self.brackets(&mut steps)?,
                Some(quote @ ('"' | '\'')) => {
                    steps.push(Step::Literal(Value::Str(self.quoted(quote)?.into())));
                }
                Some('.') => steps.push(self.field()),
                Some(c) if c == '+' || c == '-' || is_digit(c) => {
                    self.rest = start;
                    steps.push(self.number()?);
                }
                Some(c) if is_word(c) => {
                    self.rest = start;
                    steps.push(self.word());
                }
                Some(c) => {
                    return Err(JsonPathError::new(format!("unrecognized character in action: {c:?}")));
                }
            }
        }
    }

    fn recursive(&mut self, steps: &mut Vec<Step>) -> Result<()> {
        if steps.last() == Some(&Step::Recursive) {
            return Err(JsonPathError::new("invalid multiple recursive descent"));
        }
        steps.push(Step::Recursive);
        if self.rest.starts_with(is_word) {
            steps.push(self.field());
        }
        Ok(())
    }

    /// Parses a field's name up to a character that ends it; a character after a backslash belongs to the name.
    fn field(&mut self) -> Step {
        let mut name = String::new();
        let mut chars = self.rest.char_indices();
        let end = loop {
            match chars.next() {
                None => break self.rest.len(),
                Some((_, '\\')) => {
                    if let Some((_, c)) = chars.next() {
                        name.push(c);
                    }
                }
                Some((at, c)) if ends_word(c) => break at,
                Some((_, c)) => name.push(c),
            }
        };
        let written = &self.rest[..end];
        self.rest = &self.rest[end..];
        if written == "*" { Step::Wildcard } else { Step::Field(name) }
    }

    fn word(&mut self) -> Step {
        let end = self.rest.find(ends_word).unwrap_or(self.rest.len());
        let word = &self.rest[..end];
        self.rest = &self.rest[end..];
        match word {
            "true" => Step::Literal(Value::Bool(true)),
            "false" => Step::Literal(Value::Bool(false)),
            other => Step::Word(other.to_owned()),
        }
    }

    fn number(&mut self) -> Result<Step> {
        let digits = self.rest.strip_prefix(['+', '-']).unwrap_or(self.rest);
        let length = digits.find(|c: char| c != '.' && !is_digit(c)).unwrap_or(digits.len());
        let end = self.rest.len() - digits.len() + length;
        let text = &self.rest[..end];
        self.rest = &self.rest[end..];
        if let Ok(n) = text.parse::<i64>() {
            return Ok(Step::Literal(Value::Int(n)));
        }
        match text.parse::<f64>() {
            Ok(n) if n.is_finite() => Ok(Step::Literal(Value::Float(n))),
            _ => Err(JsonPathError::new(format!("cannot parse number {text}"))),
        }
    }

    /// Parses a quoted text with Go's escapes, after its opening quote.
    fn quoted(&mut self, quote: char) -> Result<String> {
        let mut escaped = false;
        let end = self.rest.find(|c| {
            let ends = c == '\n' || (c == quote && !escaped);
            escaped = c == '\\' && !escaped;
            ends
        });
        let closed = end.filter(|end| self.rest[*end..].starts_with(quote));
        let Some(end) = closed else { return Err(JsonPathError::new("unterminated quoted string")) };
        let text = unquote_between(&self.rest.as_bytes()[..end], quote as u8);
        self.rest = &self.rest[end + quote.len_utf8()..];
        text.ok()
            .and_then(|text| String::from_utf8(text).ok())
            .ok_or_else(|| JsonPathError::new("invalid escape in a quoted string"))
    }

    /// Parses the content of brackets, after the opening bracket: an index, a slice, a key, or several of them.
    fn brackets(&mut self, steps: &mut Vec<Step>) -> Result<()> {
        let unterminated = || JsonPathError::new("unterminated array");
        let end = self.rest.find([']', '\n']).ok_or_else(unterminated)?;
        let text = &self.rest[..end];
        if !self.rest[end..].starts_with(']') {
            return Err(unterminated());
        }
        self.rest = &self.rest[end + 1..];
        if text.contains(',') {
            let each = |item: &str| self.nested(&format!("[{}]", item.trim_matches(' ')));
            steps.push(Step::Union(text.split(',').map(each).collect::<Result<_>>()?));
        } else if let Some(key) = quoted_key(text) {
            if key.contains([' ', '\t']) {
                steps.push(Step::Field(key.replace('\\', "")));
            } else {
                steps.extend(self.nested(&format!(".{key}"))?);
            }
        } else {
            steps.push(Step::Slice(slice(text)?));
        }
        Ok(())
    }

    /// Parses the steps of a separate text, as if it stood in braces.
    fn nested(&self, text: &str) -> Result<Vec<Step>> {
        if self.depth >= DEPTH {
            return Err(JsonPathError::new("the template is nested too deep"));
        }
        let closed = format!("{text}}}");
        Reader { rest: &closed, depth: self.depth + 1 }.action()
    }

    /// Parses a condition, after its `[?(`.
    fn filter(&mut self) -> Result<Step> {
        let (text, rest) = filter_text(self.rest)?;
        self.rest = rest;
        let Some((left, operator, right)) = sides(text) else {
            return Ok(Step::Filter(Filter::Exists(self.nested(text)?)));
        };
        let (left, right) = (self.nested(left)?, self.nested(right)?);
        Ok(Step::Filter(match operator {
            "==" => Filter::Compare(left, Operator::Equal, right),
            "!=" => Filter::Compare(left, Operator::NotEqual, right),
            "<" => Filter::Compare(left, Operator::Less, right),
            "<=" => Filter::Compare(left, Operator::LessOrEqual, right),
            ">" => Filter::Compare(left, Operator::Greater, right),
            ">=" => Filter::Compare(left, Operator::GreaterOrEqual, right),
            other => Filter::Unknown(other.to_owned()),
        }))
    }
}

/// Splits off the text of a condition from the text after its `)]`. A `)` inside the first pair of quotes does not
/// end it.
fn filter_text(text: &str) -> Result<(&str, &str)> {
    let unterminated = || JsonPathError::new("unterminated filter");
    let mut quote = None;
    let mut closed = false;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '\n' => return Err(unterminated()),
            '"' | '\'' if quote.is_none() => quote = Some(c),
            '"' | '\'' if before != '\\' && quote == Some(c) => closed = true,
            ')' if quote.is_some() == closed => {
                return match text[at + 1..].strip_prefix(']') {
                    Some(rest) => Ok((&text[..at], rest)),
                    None => Err(JsonPathError::new("unclosed array expect ]")),
                };
            }
            _ => {}
        }
        before = c;
    }
    Err(unterminated())
}

/// The left side, the operator and the right side of a comparison.
fn sides(text: &str) -> Option<(&str, &str, &str)> {
    let is_operator = |c: char| matches!(c, '!' | '<' | '>' | '=');
    let start = text.find(is_operator).filter(|start| *start > 0)?;
    let length = text[start..].find(|c| !is_operator(c))?;
    let (operator, right) = text[start..].split_at(length);
    Some((&text[..start], operator, right))
}

fn quoted_key(text: &str) -> Option<&str> {
    ['\'', '"']
        .into_iter()
        .find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote).filter(|key| !key.contains(quote)))
}

fn slice(text: &str) -> Result<Slice> {
    let text = if text == "*" { ":" } else { text };
    let invalid = || JsonPathError::new(format!("invalid array index {text}"));
    let mut parts = text.splitn(4, ':').map(|part| {
        let digits = part.strip_prefix('-').unwrap_or(part);
        if part.is_empty() {
            Ok(None)
        } else if digits.bytes().all(|b| b.is_ascii_digit()) {
            let number = part.parse().map(Some);
            number.map_err(|_| JsonPathError::new(format!("array index {part} is not a number")))
        } else {
            Err(invalid())
        }
    });
    let from = parts.next().transpose()?.flatten();
    let to = match parts.next().transpose()? {
        None => Stop::One,
        Some(None) => Stop::End,
        Some(Some(place)) => Stop::Before(place),
    };
    let step = parts.next().transpose()?.flatten();
    if parts.next().is_some() { Err(invalid()) } else { Ok(Slice { from, to, step }) }
}

/// Whether a character may begin a word or a field after `..`.
fn is_word(c: char) -> bool {
    c == '_' || is_letter(c) || is_digit(c)
}

fn ends_word(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | '.' | ',' | '[' | ']' | '$' | '@' | '{' | '}')
}
