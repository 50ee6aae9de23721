//! Parses Go's syntax (RE2's, with the Perl classes) into the tree that the matcher compiles.

use super::class;
use super::error::Error;
use crate::utf8;
use regex_syntax::hir::{Capture, Class, ClassUnicode, ClassUnicodeRange, Dot, Hir, Look, Repetition};

/// The deepest nesting of groups, as in Go.
const MAX_DEPTH: usize = 1000;
/// The most repetitions of a part, in which nested repetitions are multiplied.
const MAX_REPEAT: u32 = 1000;

/// An expression as a tree, and the names of its groups.
pub(super) struct Parsed {
    pub(super) hir: Hir,
    pub(super) names: Vec<Option<String>>,
}

pub(super) fn parse(expression: &[u8]) -> Result<Parsed, Error> {
    let mut parser = Parser::new(expression);
    while parser.at < expression.len() {
        parser.term()?;
    }
    parser.finish()
}

#[derive(Clone, Copy, Default)]
struct Flags {
    fold: bool,
    many_lines: bool,
    dot_takes_newline: bool,
    lazy: bool,
}

/// A part that a repetition can follow.
struct Item {
    hir: Hir,
    /// The number of repetitions of its innermost part.
    repeats: u32,
}

enum Group {
    Whole,
    Plain,
    Capture(u32),
}

/// An open group.
struct Frame {
    group: Group,
    outer_flags: Flags,
    branches: Vec<Hir>,
    items: Vec<Item>,
    repeats: u32,
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    flags: Flags,
    current: Frame,
    outer: Vec<Frame>,
    names: Vec<Option<String>>,
    /// Start of a repetition that ends at the current position.
    last_repeat: Option<usize>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self {
            text,
            at: 0,
            flags: Flags::default(),
            current: Frame::new(Group::Whole, Flags::default()),
            outer: Vec::new(),
            names: vec![None],
            last_repeat: None,
        }
    }

    fn finish(mut self) -> Result<Parsed, Error> {
        if !self.outer.is_empty() {
            return Err(Error::new("missing closing )", self.text));
        }
        let (hir, _) = self.current.close();
        Ok(Parsed { hir, names: self.names })
    }

    fn rest(&self) -> &'a [u8] {
        &self.text[self.at..]
    }

    /// The text from `start` to the current position, for an error.
    fn since(&self, start: usize) -> &'a [u8] {
        &self.text[start..self.at]
    }

    fn rune(&mut self) -> Result<char, Error> {
        match utf8::decode(self.rest()) {
            Some(rune) if rune.valid => {
                self.at += rune.len;
                Ok(rune.char)
            }
            _ => Err(Error::new("invalid UTF-8", self.text)),
        }
    }

    fn push(&mut self, hir: Hir) {
        self.current.items.push(Item { hir, repeats: 1 });
    }

    fn push_class(&mut self, mut class: ClassUnicode, negated: bool) {
        // Each part of the class was folded before it was negated, so it need not be folded again.
        if negated {
            class.negate();
        }
        self.push(Hir::class(Class::Unicode(class)));
    }

    fn literal(&mut self, c: u32) {
        let hir = match char::from_u32(c) {
            None => Hir::fail(), // half of a surrogate pair: no text holds it
            Some(c) if self.flags.fold => {
                let mut class = class::ranges(&[(c, c)]);
                class.case_fold_simple();
                Hir::class(Class::Unicode(class))
            }
            Some(c) => Hir::literal(c.encode_utf8(&mut [0; 4]).as_bytes().to_vec()),
        };
        self.push(hir);
    }

    /// Parses one term: a character, a class, the start or end of a group, a repetition.
    fn term(&mut self) -> Result<(), Error> {
        let (start, last_repeat) = (self.at, self.last_repeat.take());
        let byte = self.text[self.at];
        self.at += 1;
        match byte {
            b'(' => self.open(start)?,
            b')' => self.close()?,
            b'|' => self.current.end_branch(),
            b'^' => self.push(Hir::look(if self.flags.many_lines { Look::StartLF } else { Look::Start })),
            b'$' => self.push(Hir::look(if self.flags.many_lines { Look::EndLF } else { Look::End })),
            b'.' if self.flags.dot_takes_newline => self.push(Hir::dot(Dot::AnyChar)),
            b'.' => self.push(Hir::dot(Dot::AnyCharExceptLF)),
            b'[' => self.class(start)?,
            b'*' => self.repeat(0, None, start, last_repeat, false)?,
            b'+' => self.repeat(1, None, start, last_repeat, false)?,
            b'?' => self.repeat(0, Some(1), start, last_repeat, false)?,
            b'{' => match self.counts() {
                None => self.literal(u32::from(b'{')),
                Some(counts) => self.counted(counts, start, last_repeat)?,
            },
            b'\\' => self.escape(start)?,
            _ => {
                self.at = start;
                let c = self.rune()?;
                self.literal(u32::from(c));
            }
        }
        Ok(())
    }

    fn open(&mut self, start: usize) -> Result<(), Error> {
        if self.rest().first() == Some(&b'?') {
            return self.open_perl(start);
        }
        self.names.push(None);
        self.enter_capture()
    }

    fn enter_capture(&mut self) -> Result<(), Error> {
        let index = u32::try_from(self.names.len() - 1).unwrap_or(u32::MAX);
        self.enter(Group::Capture(index))
    }

    fn enter(&mut self, group: Group) -> Result<(), Error> {
        if self.outer.len() >= MAX_DEPTH {
            return Err(Error::new("expression nests too deeply", self.text));
        }
        let frame = Frame::new(group, self.flags);
        self.outer.push(std::mem::replace(&mut self.current, frame));
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        let Some(outer) = self.outer.pop() else {
            return Err(Error::new("unexpected )", self.text));
        };
        let mut inner = std::mem::replace(&mut self.current, outer);
        self.flags = inner.outer_flags;
        let (hir, repeats) = inner.close();
        let hir = match inner.group {
            Group::Capture(index) => Hir::capture(Capture { index, name: None, sub: Box::new(hir) }),
            Group::Plain | Group::Whole => hir,
        };
        self.current.items.push(Item { hir, repeats });
        Ok(())
    }

    /// Parses what follows `(?`: a named group, a group without a number, or a change of flags.
    fn open_perl(&mut self, start: usize) -> Result<(), Error> {
        let rest = self.rest();
        let name_at = if rest.starts_with(b"?P<") && rest.len() > 3 {
            Some(3)
        } else if rest.starts_with(b"?<") && rest.len() > 2 {
            Some(2)
        } else {
            None
        };
        if let Some(name_at) = name_at {
            let Some(end) = rest.iter().position(|&b| b == b'>') else {
                return Err(Error::new("invalid named capture", &self.text[start..]));
            };
            let name = &rest[name_at..end];
            self.at += end + 1;
            if name.is_empty() || !name.iter().all(|&b| b == b'_' || b.is_ascii_alphanumeric()) {
                return Err(Error::new("invalid named capture", self.since(start)));
            }
            self.names.push(Some(String::from_utf8_lossy(name).into_owned()));
            return self.enter_capture();
        }
        self.at += 1;
        self.flag_group(start)
    }

    fn flag_group(&mut self, start: usize) -> Result<(), Error> {
        let (mut flags, mut on, mut saw_flag) = (self.flags, true, false);
        while !self.rest().is_empty() {
            match self.rune()? {
                'i' => flags.fold = on,
                'm' => flags.many_lines = on,
                's' => flags.dot_takes_newline = on,
                'U' => flags.lazy = on,
                '-' if on => {
                    on = false;
                    saw_flag = false;
                    continue;
                }
                end @ (':' | ')') if on || saw_flag => {
                    if end == ':' {
                        self.enter(Group::Plain)?;
                    }
                    self.flags = flags;
                    return Ok(());
                }
                _ => break,
            }
            saw_flag = true;
        }
        Err(Error::new("invalid or unsupported Perl syntax", self.since(start)))
    }

    /// Parses the two numbers of `{n}`, `{n,}` or `{n,m}` after the brace; `None` if it is not a repetition.
    fn counts(&mut self) -> Option<(Option<u32>, Option<Option<u32>>)> {
        let start = self.at;
        let found = self.counts_inner();
        if found.is_none() {
            self.at = start;
        }
        found
    }

    fn counts_inner(&mut self) -> Option<(Option<u32>, Option<Option<u32>>)> {
        let min = self.number()?;
        let max = match self.rest().first()? {
            b',' => {
                self.at += 1;
                if self.rest().first()? == &b'}' { None } else { Some(self.number()?) }
            }
            _ => Some(min),
        };
        if self.rest().first()? != &b'}' {
            return None;
        }
        self.at += 1;
        Some((min, max))
    }

    /// Parses a decimal number without leading zeros; the inner `None` stands for a number that is too large.
    fn number(&mut self) -> Option<Option<u32>> {
        let len = self.rest().iter().take_while(|b| b.is_ascii_digit()).count();
        let digits = &self.rest()[..len];
        if len == 0 || len > 1 && digits[0] == b'0' {
            return None;
        }
        self.at += len;
        let value = std::str::from_utf8(digits).ok()?.parse::<u32>().ok();
        Some(value.filter(|&v| v < 1_000_000_000))
    }

    fn counted(
        &mut self,
        (min, max): (Option<u32>, Option<Option<u32>>),
        start: usize,
        last_repeat: Option<usize>,
    ) -> Result<(), Error> {
        let refused = Error::new("invalid repeat count", self.since(start));
        let (Some(min), max) = (min, max) else { return Err(refused) };
        let max = match max {
            None => None,
            Some(None) => return Err(refused),
            Some(Some(max)) => Some(max),
        };
        if min > MAX_REPEAT || max.is_some_and(|max| max > MAX_REPEAT || min > max) {
            return Err(refused);
        }
        self.repeat(min, max, start, last_repeat, true)
    }

    fn repeat(
        &mut self,
        min: u32,
        max: Option<u32>,
        start: usize,
        last_repeat: Option<usize>,
        counted: bool,
    ) -> Result<(), Error> {
        let mut greedy = !self.flags.lazy;
        if self.rest().first() == Some(&b'?') {
            self.at += 1;
            greedy = !greedy;
        }
        if let Some(last) = last_repeat {
            return Err(Error::new("invalid nested repetition operator", self.since(last)));
        }
        let Some(item) = self.current.items.pop() else {
            return Err(Error::new("missing argument to repetition operator", self.since(start)));
        };
        let mut repeats = item.repeats;
        if counted {
            repeats = match max {
                Some(0) => 1,
                _ => repeats.saturating_mul(max.unwrap_or(min).max(1)),
            };
            if repeats > MAX_REPEAT && (min >= 2 || max.is_some_and(|m| m >= 2)) {
                return Err(Error::new("invalid repeat count", self.since(start)));
            }
        }
        let hir = Hir::repetition(Repetition { min, max, greedy, sub: Box::new(item.hir) });
        self.current.items.push(Item { hir, repeats });
        self.last_repeat = Some(start);
        Ok(())
    }

    /// Parses what follows a backslash outside of a class.
    fn escape(&mut self, start: usize) -> Result<(), Error> {
        let look = match self.rest().first() {
            Some(b'A') => Some(Look::Start),
            Some(b'z') => Some(Look::End),
            Some(b'b') => Some(Look::WordAscii),
            Some(b'B') => Some(Look::WordAsciiNegate),
            Some(b'C') => {
                self.at += 1;
                return Err(Error::new("invalid escape sequence", self.since(start)));
            }
            Some(b'Q') => return self.quoted(),
            _ => None,
        };
        if let Some(look) = look {
            self.at += 1;
            self.push(Hir::look(look));
            return Ok(());
        }
        if let Some(class) = self.class_escape(start)? {
            self.push_class(class, false);
            return Ok(());
        }
        let c = self.character_escape(start)?;
        self.literal(c);
        Ok(())
    }

    /// Parses `\Q...\E`, between which all characters are literal.
    fn quoted(&mut self) -> Result<(), Error> {
        self.at += 1;
        let len = memchr::memmem::find(self.rest(), br"\E");
        let end = self.at + len.unwrap_or(self.rest().len());
        while self.at < end {
            let c = self.rune()?;
            self.literal(u32::from(c));
        }
        if len.is_some() {
            self.at += 2;
        }
        Ok(())
    }

    /// Parses a class such as `\d`, `\pL` or `\p{Greek}`, after the backslash. `None` if it is none; then nothing
    /// is consumed.
    fn class_escape(&mut self, start: usize) -> Result<Option<ClassUnicode>, Error> {
        let Some(&letter) = self.rest().first() else { return Ok(None) };
        if let Some(class) = class::perl(letter) {
            self.at += 1;
            return Ok(Some(self.folded_group(class, letter.is_ascii_uppercase())));
        }
        if !matches!(letter, b'p' | b'P') {
            return Ok(None);
        }
        self.at += 1;
        let name = if self.rest().first() == Some(&b'{') {
            let Some(end) = self.rest().iter().position(|&b| b == b'}') else {
                return Err(Error::new("invalid character class range", &self.text[start..]));
            };
            let name = &self.rest()[1..end];
            self.at += end + 1;
            std::str::from_utf8(name).map_err(|_| Error::new("invalid UTF-8", self.text))?.to_owned()
        } else {
            self.rune()?.to_string()
        };
        let (inverted, name) = match name.strip_prefix('^') {
            Some(name) => (true, name),
            None => (false, name.as_str()),
        };
        let mut class = class::unicode(name, self.since(start))?;
        if self.flags.fold {
            class.case_fold_simple();
        }
        if inverted != (letter == b'P') {
            class.negate();
        }
        Ok(Some(class))
    }

    /// Adds the other case of each character if the flags ask for it. As in Go, this is done before negation.
    fn folded_group(&self, mut class: ClassUnicode, negated: bool) -> ClassUnicode {
        if self.flags.fold {
            if negated {
                class.negate();
            }
            class.case_fold_simple();
            if negated {
                class.negate();
            }
        }
        class
    }

    /// Parses an escaped character, after the backslash.
    fn character_escape(&mut self, start: usize) -> Result<u32, Error> {
        if self.rest().is_empty() {
            return Err(Error::new("trailing backslash at end of expression", b""));
        }
        let c = self.rune()?;
        let octal = |b: Option<&u8>| b.filter(|b| (b'0'..=b'7').contains(b)).map(|b| u32::from(b - b'0'));
        let found = match c {
            // A single digit other than 0 would be a back reference, which Go does not support.
            '1'..='7' if octal(self.rest().first()).is_none() => None,
            '0'..='7' => {
                let mut value = u32::from(c) - u32::from('0');
                for _ in 0..2 {
                    let Some(digit) = octal(self.rest().first()) else { break };
                    value = value * 8 + digit;
                    self.at += 1;
                }
                Some(value)
            }
            'x' => self.hexadecimal()?,
            'a' => Some(7),
            'f' => Some(12),
            'n' => Some(10),
            'r' => Some(13),
            't' => Some(9),
            'v' => Some(11),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(u32::from(c)),
            _ => None,
        };
        found.ok_or_else(|| Error::new("invalid escape sequence", self.since(start)))
    }

    /// Parses `\x41` or `\x{41}`, after the `x`.
    fn hexadecimal(&mut self) -> Result<Option<u32>, Error> {
        if self.rest().is_empty() {
            return Ok(None);
        }
        let first = self.rune()?;
        if first != '{' {
            let second = self.rune()?;
            return Ok(first.to_digit(16).and_then(|a| Some(a * 16 + second.to_digit(16)?)));
        }
        let (mut value, mut digits) = (0_u32, 0);
        while !self.rest().is_empty() {
            let c = self.rune()?;
            if c == '}' {
                return Ok((digits > 0).then_some(value));
            }
            let Some(digit) = c.to_digit(16) else { return Ok(None) };
            value = value * 16 + digit;
            digits += 1;
            if value > u32::from(char::MAX) {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// Parses a class in brackets, after the opening one.
    fn class(&mut self, start: usize) -> Result<(), Error> {
        let negated = self.rest().first() == Some(&b'^');
        if negated {
            self.at += 1;
        }
        let (mut class, mut first) = (ClassUnicode::empty(), true);
        while first || self.rest().first() != Some(&b']') {
            first = false;
            self.class_item(&mut class, start)?;
        }
        self.at += 1;
        self.push_class(class, negated);
        Ok(())
    }

    fn class_item(&mut self, class: &mut ClassUnicode, class_start: usize) -> Result<(), Error> {
        let (rest, start) = (self.rest(), self.at);
        if rest.starts_with(b"[:")
            && let Some(end) = memchr::memmem::find(&rest[2..], b":]")
        {
            let name = &rest[2..2 + end];
            self.at += end + 4;
            let Some(group) = class::posix(name) else {
                return Err(Error::new("invalid character class range", self.since(start)));
            };
            class.union(&self.folded_group(group, name.starts_with(b"^")));
            return Ok(());
        }
        if rest.first() == Some(&b'\\') {
            self.at += 1;
            if let Some(group) = self.class_escape(start)? {
                class.union(&group);
                return Ok(());
            }
            self.at = start;
        }
        let low = self.class_character(class_start)?;
        let mut high = low;
        let rest = self.rest();
        if rest.len() >= 2 && rest[0] == b'-' && rest[1] != b']' {
            self.at += 1;
            high = self.class_character(class_start)?;
            if high < low {
                return Err(Error::new("invalid character class range", self.since(start)));
            }
        }
        self.add_range(class, low, high);
        Ok(())
    }

    fn class_character(&mut self, class_start: usize) -> Result<u32, Error> {
        match self.rest().first() {
            None => Err(Error::new("missing closing ]", &self.text[class_start..])),
            Some(b'\\') => {
                let start = self.at;
                self.at += 1;
                self.character_escape(start)
            }
            Some(_) => self.rune().map(u32::from),
        }
    }

    /// Adds a range of code points. Surrogates are left out, since no text contains them.
    fn add_range(&self, class: &mut ClassUnicode, low: u32, high: u32) {
        let mut added = ClassUnicode::empty();
        for (low, high) in [(low, high.min(0xD7FF)), (low.max(0xE000), high)] {
            if low <= high
                && let (Some(low), Some(high)) = (char::from_u32(low), char::from_u32(high))
            {
                added.push(ClassUnicodeRange::new(low, high));
            }
        }
        if self.flags.fold {
            added.case_fold_simple();
        }
        class.union(&added);
    }
}

impl Frame {
    fn new(group: Group, outer_flags: Flags) -> Self {
        Self { group, outer_flags, branches: Vec::new(), items: Vec::new(), repeats: 1 }
    }

    fn end_branch(&mut self) {
        let items = std::mem::take(&mut self.items);
        self.repeats = items.iter().map(|i| i.repeats).max().unwrap_or(1).max(self.repeats);
        self.branches.push(Hir::concat(items.into_iter().map(|i| i.hir).collect()));
    }

    fn close(&mut self) -> (Hir, u32) {
        self.end_branch();
        (Hir::alternation(std::mem::take(&mut self.branches)), self.repeats)
    }
}
