//! The words of a shell's command and how they are expanded: text, variables, and `<(echo ...)` as a file.

use keyfill_go::path;
use serde::{Deserialize, Serialize};

/// A word, and how it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// The parts of the word, in their order.
    pub pieces: Vec<Piece>,
    /// The word as it is written, for messages.
    pub source: String,
}

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Piece {
    /// Text that stands for itself.
    Text {
        /// The text.
        text: String,
        /// Whether the text is in quotes, so that `*`, `?` and `[` are ordinary characters.
        quoted: bool,
    },
    /// A variable.
    Variable {
        /// The variable's name.
        name: String,
        /// Whether the variable is in quotes, so that its value is not split into several words.
        quoted: bool,
        /// What the braces do with the value.
        form: Form,
    },
    /// `<(...)`: the name of a file with this content.
    File(Box<Content>),
    /// `$(...)`: the output of these commands. The compiled plan holds no such piece.
    Printed {
        /// The commands.
        script: String,
        /// The line of the first command in the text, from 0.
        line: usize,
    },
}

/// What the braces around a variable do with its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// `$A`, `${A}`
    Plain,
    /// `${A:-...}`: these pieces, if the value is empty.
    Default(Vec<Piece>),
    /// `${A:+...}`: these pieces, if the value is not empty.
    Alternative(Vec<Piece>),
    /// `${A#*x}` and `${A##*x}`: the text after the first or the last `x`.
    Behind {
        /// The text.
        text: String,
        /// Whether the last `x` counts.
        last: bool,
    },
    /// `${A%x*}` and `${A%%x*}`: the text before the last or the first `x`.
    Before {
        /// The text.
        text: String,
        /// Whether the last `x` counts.
        last: bool,
    },
    /// `${A#x}` and `${A%x}`: the value without an `x` at its beginning or end.
    Without {
        /// The text.
        text: String,
        /// Whether `x` is removed from the end.
        end: bool,
    },
    /// `${A/x/y}` and `${A//x/y}`: the value with the first `x`, or every `x`, replaced by `y`.
    Replaced {
        /// The text that is replaced.
        old: String,
        /// The new text.
        new: String,
        /// Whether every occurrence is replaced.
        all: bool,
    },
    /// `${A:0:53}`: a part of the value.
    Cut {
        /// The number of characters before the part.
        from: usize,
        /// The most characters of the part.
        count: usize,
    },
}

impl Form {
    /// Applies a form that cuts the value or replaces a part of it.
    fn of(&self, value: &str) -> String {
        match self {
            Self::Plain | Self::Default(_) | Self::Alternative(_) => value.to_owned(),
            Self::Behind { text, last } => {
                let at = if *last { value.rfind(text.as_str()) } else { value.find(text.as_str()) };
                at.map_or(value, |at| &value[at + text.len()..]).to_owned()
            }
            Self::Before { text, last } => {
                let at = if *last { value.rfind(text.as_str()) } else { value.find(text.as_str()) };
                at.map_or(value, |at| &value[..at]).to_owned()
            }
            Self::Without { text, end } => {
                let rest =
                    if *end { value.strip_suffix(text.as_str()) } else { value.strip_prefix(text.as_str()) };
                rest.unwrap_or(value).to_owned()
            }
            Self::Replaced { old, new, all } => {
                if *all {
                    value.replace(old.as_str(), new)
                } else {
                    value.replacen(old.as_str(), new, 1)
                }
            }
            Self::Cut { from, count } => value.chars().skip(*from).take(*count).collect(),
        }
    }
}

/// A text that `echo`, `printf` or `<<<` gives to a command or a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The words that are printed, with a space between them.
    pub words: Vec<Word>,
    /// Whether a line break ends the text.
    pub line_break: bool,
    /// Whether the text is decoded with `base64 -d`.
    pub from_base64: bool,
}

/// The values of variables, and the files of `<(...)`.
pub trait Variables {
    /// The value of a variable; `None` if it is not set.
    fn value(&self, name: &str) -> Option<&str>;

    /// Stores a file with this content. Returns its name, which is `name` or like it.
    fn file(&mut self, name: String, content: &Content) -> String;
}

impl Word {
    /// A word that a shell does not expand.
    pub fn literal(text: &str) -> Self {
        let piece = Piece::Text { text: text.to_owned(), quoted: true };
        Self { pieces: vec![piece], source: text.to_owned() }
    }

    /// The text of a word without variables; `None` for other words.
    pub fn text(&self) -> Option<String> {
        self.pieces
            .iter()
            .map(|piece| if let Piece::Text { text, .. } = piece { Some(text.as_str()) } else { None })
            .collect()
    }

    /// Whether a shell would expand the word as a pattern of file names.
    pub fn is_pattern(&self) -> bool {
        self.pieces.iter().any(
            |piece| matches!(piece, Piece::Text { text, quoted: false } if text.contains(['*', '?', '[']) && text != "["),
        )
    }

    /// The variable of a word like `$ARGS`, whose value may become several words, or none.
    pub fn list(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Variable { name, quoted: false, form: Form::Plain | Form::Alternative(_) }] => Some(name),
            _ => None,
        }
    }

    /// Calls `see` with the name of each variable.
    pub fn variables(&self, see: &mut dyn FnMut(&str)) {
        of_pieces(&self.pieces, see);
    }

    /// The variable of a word that is nothing but a variable, with or without quotes.
    pub fn variable(&self) -> Option<&str> {
        match self.filled().as_slice() {
            [Piece::Variable { name, form: Form::Plain, .. }] => Some(name),
            _ => None,
        }
    }

    /// The commands of a word that is nothing but `$(...)`, and the line of the first one.
    pub fn printed(&self) -> Option<(&str, usize)> {
        match self.filled().as_slice() {
            [Piece::Printed { script, line }] => Some((script, *line)),
            _ => None,
        }
    }

    /// Whether the word holds `$(...)`.
    pub fn holds_printed(&self) -> bool {
        holds_printed(&self.pieces)
    }

    /// The pieces of the word without empty text, which quotes leave.
    fn filled(&self) -> Vec<&Piece> {
        let is_filled = |piece: &&Piece| !matches!(piece, Piece::Text { text, .. } if text.is_empty());
        self.pieces.iter().filter(is_filled).collect()
    }

    /// Expands the word to one string, as in an assignment.
    pub fn expand(&self, variables: &mut dyn Variables) -> String {
        let mut fields = Fields { whole: true, ..Fields::default() };
        fields.add(&self.pieces, variables, false);
        fields.open.unwrap_or_default()
    }

    /// Expands the word to words: values without quotes are split at white space.
    pub fn fields(&self, variables: &mut dyn Variables) -> Vec<String> {
        let mut fields = Fields::default();
        fields.add(&self.pieces, variables, false);
        fields.done.extend(fields.open);
        fields.done
    }
}

impl Content {
    /// Calls `see` with the name of each variable.
    pub fn variables(&self, see: &mut dyn FnMut(&str)) {
        self.words.iter().for_each(|word| word.variables(see));
    }

    /// A name for a file with this content, made of the variables in it.
    pub fn name(&self) -> String {
        let mut names = Vec::new();
        self.variables(&mut |name| names.push(name.to_owned()));
        format!("<{}>", if names.is_empty() { "text of plugin.yaml".to_owned() } else { names.join(" ") })
    }

    /// Expands the content to a text. The error is for base64 that cannot be decoded.
    pub fn expand(&self, variables: &mut dyn Variables) -> Result<String, String> {
        let words: Vec<String> = self.words.iter().flat_map(|word| word.fields(variables)).collect();
        let mut text = words.join(" ");
        if self.from_base64 {
            use base64::Engine as _;
            let bytes: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
            let decoded = base64::engine::general_purpose::STANDARD.decode(bytes);
            return decoded
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(|| format!("{} is not base64 of a text", self.name()));
        }
        if self.line_break {
            text.push('\n');
        }
        Ok(text)
    }
}

fn holds_printed(pieces: &[Piece]) -> bool {
    pieces.iter().any(|piece| match piece {
        Piece::Printed { .. } => true,
        Piece::Variable { form: Form::Default(inner) | Form::Alternative(inner), .. } => holds_printed(inner),
        _ => false,
    })
}

fn of_pieces(pieces: &[Piece], see: &mut dyn FnMut(&str)) {
    for piece in pieces {
        match piece {
            Piece::Text { .. } | Piece::Printed { .. } => {}
            Piece::Variable { name, form, .. } => {
                see(name);
                if let Form::Default(inner) | Form::Alternative(inner) = form {
                    of_pieces(inner, see);
                }
            }
            Piece::File(content) => content.variables(see),
        }
    }
}

/// Words while a word is expanded.
#[derive(Default)]
struct Fields {
    done: Vec<String>,
    open: Option<String>,
    /// Whether values are not split.
    whole: bool,
}

impl Fields {
    /// Adds pieces. With `in_braces` they come from the braces of a variable without quotes, so their text is split
    /// like a value.
    fn add(&mut self, pieces: &[Piece], variables: &mut dyn Variables, in_braces: bool) {
        for piece in pieces {
            match piece {
                Piece::Text { text, quoted } if in_braces => self.value(text, *quoted),
                Piece::Text { text, .. } => self.push(text),
                Piece::Printed { .. } => {}
                Piece::File(content) => {
                    let name = variables.file(content.name(), content);
                    self.push(&name);
                }
                Piece::Variable { name, quoted, form } => {
                    let value = variables.value(name).unwrap_or_default().to_owned();
                    match form {
                        Form::Default(inner) if value.is_empty() => self.add(inner, variables, !quoted),
                        Form::Alternative(inner) if !value.is_empty() => self.add(inner, variables, !quoted),
                        Form::Alternative(_) => {}
                        form => self.value(&form.of(&value), *quoted),
                    }
                }
            }
        }
    }

    fn push(&mut self, text: &str) {
        self.open.get_or_insert_default().push_str(text);
    }

    fn value(&mut self, value: &str, quoted: bool) {
        if quoted || self.whole {
            return self.push(value);
        }
        for (index, part) in value.split(SPACE).enumerate() {
            if index > 0 {
                self.done.extend(self.open.take());
            }
            if !part.is_empty() {
                self.push(part);
            }
        }
    }
}

/// The characters at which a shell splits a value.
const SPACE: [char; 3] = [' ', '\t', '\n'];

/// Translates a pattern of a name from the syntax of a shell or `find -name` to that of Go's `path.Match`.
pub fn name_pattern(pattern: &str) -> String {
    pattern.replace("[!", "[^")
}

/// Whether a name matches a pattern. A pattern that cannot be parsed matches nothing.
pub fn fits(pattern: &str, name: &str) -> bool {
    path::matches(name_pattern(pattern).as_bytes(), name.as_bytes()).unwrap_or(false)
}
