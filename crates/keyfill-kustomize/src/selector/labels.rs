//! Label selectors in the syntax of Kubernetes: `a=b,c!=d,e in (f,g),!h,i>1`.

use crate::error::{Error, Result};
use crate::resource::{metadata, text_of_scalar};
use keyfill_yaml::{Map, Node, Text};

/// A list of requirements, all of which must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector {
    requirements: Vec<Requirement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: Text,
    operator: Operator,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Operator {
    In(Vec<Text>),
    NotIn(Vec<Text>),
    Exists,
    DoesNotExist,
    GreaterThan(i64),
    LessThan(i64),
}

impl LabelSelector {
    /// Parses a selector; an empty one matches anything.
    pub fn parse(text: &str) -> Result<Self> {
        let tokens = tokens(text).map_err(|e| invalid(text, &e))?;
        let mut parser = Parser { tokens: &tokens, at: 0 };
        let requirements = parser.requirements().map_err(|e| invalid(text, &e))?;
        Ok(Self { requirements })
    }

    /// Whether the selector is empty and matches anything.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether the labels or annotations of an object fulfil all requirements. `field` is their name in
    /// `metadata`.
    pub fn matches(&self, object: &Node, field: &str) -> bool {
        if self.requirements.is_empty() {
            return true;
        }
        let pairs = metadata(object).and_then(|m| m.get(field)).and_then(Node::as_map);
        self.requirements.iter().all(|r| r.holds(pairs))
    }
}

fn invalid(text: &str, reason: &str) -> Error {
    Error::new(format!("invalid label selector \"{text}\": {reason}"))
}

impl Requirement {
    fn holds(&self, pairs: Option<&Map>) -> bool {
        let value = pairs.and_then(|m| m.get(&self.key)).map(text_of_scalar);
        let number = || value.and_then(|v| v.parse::<i64>().ok());
        match &self.operator {
            Operator::In(values) => value.is_some_and(|v| values.iter().any(|w| w == v)),
            Operator::NotIn(values) => value.is_none_or(|v| !values.iter().any(|w| w == v)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::GreaterThan(bound) => number().is_some_and(|n| n > *bound),
            Operator::LessThan(bound) => number().is_some_and(|n| n < *bound),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Symbol(&'static str),
    Word(String),
}

const SYMBOLS: [&str; 9] = ["==", "!=", "=", "!", "(", ")", ",", ">", "<"];

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n')
}

/// Splits a selector into words and symbols. Where several symbols are possible, the longest one is taken.
fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| u8::try_from(c).is_ok_and(is_space));
        if rest.is_empty() || rest.starts_with('\0') {
            return Ok(tokens);
        }
        if let Some(symbol) = SYMBOLS.iter().find(|s| rest.starts_with(**s)) {
            tokens.push(Token::Symbol(symbol));
            rest = &rest[symbol.len()..];
            continue;
        }
        let is_end = |c: char| "=!(),><".contains(c) || u8::try_from(c).is_ok_and(is_space);
        let end = rest.find(is_end).unwrap_or(rest.len());
        tokens.push(Token::Word(rest[..end].to_owned()));
        rest = &rest[end..];
    }
}

struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<&Token> {
        self.at += 1;
        self.tokens.get(self.at - 1)
    }

    fn next_is(&mut self, symbol: &'static str) -> bool {
        let is = self.peek() == Some(&Token::Symbol(symbol));
        self.at += usize::from(is);
        is
    }

    fn peek_is(&self, symbol: &'static str) -> bool {
        self.peek() == Some(&Token::Symbol(symbol))
    }

    fn requirements(&mut self) -> Result<Vec<Requirement>, String> {
        let mut requirements = Vec::new();
        if self.peek().is_none() {
            return Ok(requirements);
        }
        loop {
            requirements.push(self.requirement()?);
            if self.peek().is_none() {
                return Ok(requirements);
            }
            if !self.next_is(",") {
                return Err(format!("found {}, expected ',' or the end", self.found()));
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let negated = self.next_is("!");
        let Some(Token::Word(key)) = self.next().cloned() else {
            self.at -= 1;
            return Err(format!("found {}, expected a key or '!'", self.found()));
        };
        check_key(&key)?;
        let is_end = self.peek().is_none() || self.peek_is(",");
        let operator = match (negated, is_end) {
            (true, _) => Operator::DoesNotExist,
            (false, true) => Operator::Exists,
            (false, false) => self.operator()?,
        };
        Ok(Requirement { key: key.into(), operator })
    }

    fn operator(&mut self) -> Result<Operator, String> {
        let token = self.next().cloned();
        match token {
            Some(Token::Symbol("=" | "==")) => Ok(Operator::In(vec![self.value()?])),
            Some(Token::Symbol("!=")) => Ok(Operator::NotIn(vec![self.value()?])),
            Some(Token::Symbol(">")) => Ok(Operator::GreaterThan(self.number()?)),
            Some(Token::Symbol("<")) => Ok(Operator::LessThan(self.number()?)),
            Some(Token::Word(word)) if word == "in" => Ok(Operator::In(self.values()?)),
            Some(Token::Word(word)) if word == "notin" => Ok(Operator::NotIn(self.values()?)),
            _ => {
                self.at -= 1;
                Err(format!("found {}, expected '=', '!=', '==', 'in' or 'notin'", self.found()))
            }
        }
    }

    /// The value behind `=`. A missing one is the empty value.
    fn value(&mut self) -> Result<Text, String> {
        if self.peek().is_none() || self.peek_is(",") {
            return Ok(Text::default());
        }
        match self.next().cloned() {
            Some(Token::Word(word)) => {
                check_value(&word)?;
                Ok(word.into())
            }
            _ => {
                self.at -= 1;
                Err(format!("found {}, expected a value", self.found()))
            }
        }
    }

    fn number(&mut self) -> Result<i64, String> {
        let value = self.value()?;
        value.parse().map_err(|_| "'>' and '<' need a whole number".to_owned())
    }

    /// A list of values, as in `(a,b)`. Nothing between two commas is the empty value.
    fn values(&mut self) -> Result<Vec<Text>, String> {
        if !self.next_is("(") {
            return Err(format!("found {}, expected '('", self.found()));
        }
        let mut values = Vec::new();
        loop {
            if let Some(Token::Word(word)) = self.peek() {
                let word = word.clone();
                check_value(&word)?;
                values.push(word.into());
                self.at += 1;
            } else {
                values.push(Text::default());
            }
            if self.next_is(")") {
                return Ok(values);
            }
            if !self.next_is(",") {
                return Err(format!("found {}, expected ',' or ')'", self.found()));
            }
        }
    }

    fn found(&self) -> String {
        match self.peek() {
            None => "the end".to_owned(),
            Some(Token::Symbol(s)) => format!("'{s}'"),
            Some(Token::Word(w)) => format!("'{w}'"),
        }
    }
}

/// Whether a text is a valid name: letters and digits at both ends; `-`, `_` and `.` between them.
fn is_name(text: &str, most: usize) -> bool {
    let bytes = text.as_bytes();
    let ends = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    !text.is_empty()
        && text.len() <= most
        && ends(bytes.first())
        && ends(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// Fails unless a key is valid: a name, which may follow a domain and `/`.
fn check_key(key: &str) -> Result<(), String> {
    let (domain, name) = match key.split_once('/') {
        Some((domain, name)) => (Some(domain), name),
        None => (None, key),
    };
    let is_label = |part: &str| {
        is_name(part, 253) && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let is_domain = |d: &str| d.len() <= 253 && d.split('.').all(is_label);
    if domain.is_none_or(is_domain) && is_name(name, 63) {
        Ok(())
    } else {
        Err(format!("invalid label key \"{key}\""))
    }
}

fn check_value(value: &str) -> Result<(), String> {
    if value.is_empty() || is_name(value, 63) {
        Ok(())
    } else {
        Err(format!("invalid label value \"{value}\""))
    }
}

#[cfg(test)]
mod tests {
    use super::LabelSelector;
    use keyfill_yaml::{Map, Node};

    fn object(pairs: &[(&str, &str)]) -> Node {
        let mut labels = Map::default();
        for (key, value) in pairs {
            labels.set(*key, Node::string(*value));
        }
        let mut metadata = Map::default();
        metadata.set("labels", Node::Map(labels));
        let mut object = Map::default();
        object.set("metadata", Node::Map(metadata));
        Node::Map(object)
    }

    #[test]
    fn selectors_match() {
        let object = object(&[("app", "web"), ("tier", "1")]);
        for (selector, expected) in [
            ("", true),
            ("app=web", true),
            ("app==web,tier", true),
            ("app!=web", false),
            ("other!=web", true),
            ("app in (db, web)", true),
            ("app notin (db,web)", false),
            ("!app", false),
            ("!other,tier>0", true),
            ("tier<1", false),
            ("other=", false),
        ] {
            let parsed = LabelSelector::parse(selector).unwrap();
            assert_eq!(parsed.matches(&object, "labels"), expected, "{selector}");
        }
    }

    #[test]
    fn malformed_selectors_are_refused() {
        for text in ["app=web db", "in (", "app in", "a=b,", "-a=b", "a=b c=d", "!=", "a=*"] {
            assert!(LabelSelector::parse(text).is_err(), "{text}");
        }
    }
}
