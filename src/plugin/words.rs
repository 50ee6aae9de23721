//! Words of a shell's command, as they are expanded: text, variables, and `<(echo ...)` as a file.

use keyfill_go::path;
use serde::{Deserialize, Serialize};

/// A word, and how it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// What it is made of.
    pub pieces: Vec<Piece>,
    /// Its own text, for messages.
    pub source: String,
}

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Piece {
    /// Text that stands for itself.
    Text {
        /// The text.
        text: String,
        /// Whether `*`, `?` and `[` in it are signs like others.
        quoted: bool,
    },
    /// A variable.
    Variable {
        /// Its name.
        name: String,
        /// Whether its value stays one word.
        quoted: bool,
        /// What is done with its value.
        form: Form,
    },
    /// `<(...)`: a file with this content.
    File(Box<Content>),
    /// `$(...)`: what these commands print. No word of a plan holds one.
    Printed {
        /// The commands.
        script: String,
        /// Their first line.
        line: usize,
    },
}

/// What a variable's braces say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// `$A`, `${A}`
    Plain,
    /// `${A:-...}`: used where the value is empty.
    Default(Vec<Piece>),
    /// `${A:+...}`: used where it is not.
    Alternative(Vec<Piece>),
    /// `${A#*x}` and `${A##*x}`: what stands behind the first or the last `x`.
    Behind {
        /// The text.
        text: String,
        /// Whether it is the last one.
        last: bool,
    },
    /// `${A%x*}` and `${A%%x*}`: what stands before the last or the first `x`.
    Before {
        /// The text.
        text: String,
        /// Whether it is the last one.
        last: bool,
    },
    /// `${A#x}` and `${A%x}`: without an `x` that it begins or ends with.
    Without {
        /// The text.
        text: String,
        /// Whether it is the end.
        end: bool,
    },
    /// `${A/x/y}` and `${A//x/y}`: with `y` in the place of the first `x`, or of each.
    Replaced {
        /// What is replaced.
        old: String,
        /// By what.
        new: String,
        /// Whether each is.
        all: bool,
    },
    /// `${A:0:53}`: some of its characters.
    Cut {
        /// How many stand before them.
        from: usize,
        /// How many they are.
        count: usize,
    },
}

impl Form {
    /// What becomes of a value, where the form only cuts it or replaces a part.
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

/// A text that `echo`, `printf` or a file of its own gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// What is printed, with a space between two.
    pub words: Vec<Word>,
    /// Whether a line break stands behind it.
    pub line_break: bool,
    /// Whether it goes through `base64 -d`.
    pub from_base64: bool,
}

/// Where variables have their values.
pub trait Variables {
    /// The value of a variable; nothing where it is not set.
    fn value(&self, name: &str) -> Option<&str>;

    /// The name of a file with this text, for a command that reads it.
    fn file(&mut self, name: String, content: &Content) -> String;
}

impl Word {
    /// A word of a command that no shell has read.
    pub fn literal(text: &str) -> Self {
        let piece = Piece::Text { text: text.to_owned(), quoted: true };
        Self { pieces: vec![piece], source: text.to_owned() }
    }

    /// Its text, when it holds no variable.
    pub fn text(&self) -> Option<String> {
        self.pieces
            .iter()
            .map(|piece| if let Piece::Text { text, .. } = piece { Some(text.as_str()) } else { None })
            .collect()
    }

    /// Whether the shell would take it for a pattern of file names.
    pub fn is_pattern(&self) -> bool {
        self.pieces.iter().any(
            |piece| matches!(piece, Piece::Text { text, quoted: false } if text.contains(['*', '?', '[']) && text != "["),
        )
    }

    /// The variable that is all of the word, when its value may become several words, or none.
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

    /// The variable that is all of the word.
    pub fn variable(&self) -> Option<&str> {
        match self.filled().as_slice() {
            [Piece::Variable { name, form: Form::Plain, .. }] => Some(name),
            _ => None,
        }
    }

    /// The commands whose output is all of the word, and their first line.
    pub fn printed(&self) -> Option<(&str, usize)> {
        match self.filled().as_slice() {
            [Piece::Printed { script, line }] => Some((script, *line)),
            _ => None,
        }
    }

    /// Whether the output of commands is a part of the word.
    pub fn holds_printed(&self) -> bool {
        holds_printed(&self.pieces)
    }

    /// Its pieces, but for the empty text of quotes.
    fn filled(&self) -> Vec<&Piece> {
        let is_filled = |piece: &&Piece| !matches!(piece, Piece::Text { text, .. } if text.is_empty());
        self.pieces.iter().filter(is_filled).collect()
    }

    /// One text, as in an assignment or in quotes.
    pub fn expand(&self, variables: &mut dyn Variables) -> String {
        let mut fields = Fields { whole: true, ..Fields::default() };
        fields.add(&self.pieces, variables, false);
        fields.open.unwrap_or_default()
    }

    /// The words that it becomes: a value without quotes is split at white space.
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

    /// What a file with this content is called.
    pub fn name(&self) -> String {
        let mut names = Vec::new();
        self.variables(&mut |name| names.push(name.to_owned()));
        format!("<{}>", if names.is_empty() { "text of plugin.yaml".to_owned() } else { names.join(" ") })
    }

    /// The text. The error says why it cannot be had.
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

/// Words on their way.
#[derive(Default)]
struct Fields {
    done: Vec<String>,
    open: Option<String>,
    /// Nothing is split.
    whole: bool,
}

impl Fields {
    /// Adds pieces. `in_braces` says that they are the text of a variable without quotes, which is split as its value.
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

/// Where a shell splits a value.
const SPACE: [char; 3] = [' ', '\t', '\n'];

/// A name's pattern as a shell and `find -name` read it, in the form that Go reads.
pub fn name_pattern(pattern: &str) -> String {
    pattern.replace("[!", "[^")
}

/// Whether a name fits a pattern of one name. A pattern that cannot be read fits nothing.
pub fn fits(pattern: &str, name: &str) -> bool {
    path::matches(name_pattern(pattern).as_bytes(), name.as_bytes()).unwrap_or(false)
}
