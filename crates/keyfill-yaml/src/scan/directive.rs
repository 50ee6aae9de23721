//! Scanning directives, anchors, aliases and tags.

use super::chars::is_word;
use super::{Mark, Scanner, TokenKind};
use crate::Error;
use std::borrow::Cow;

impl<'a> Scanner<'a> {
    pub(super) fn fetch_directive(&mut self) -> Result<(), Error> {
        let scan = self.comment_scan();
        self.unroll(-1, scan);
        self.forget_key()?;
        self.key_allowed = false;
        let mark = self.mark();
        self.pos += 1;
        let kind = match self.scan_word() {
            "" => return Err(problem(mark, "could not find expected directive name")),
            _ if !self.is_blank_or_end(0) => {
                return Err(problem(mark, "found unexpected non-alphabetical character in a directive"));
            }
            "YAML" => self.scan_version(mark)?,
            "TAG" => self.scan_tag_directive(mark)?,
            name => return Err(problem(mark, &format!("found unknown directive name %{name}"))),
        };
        self.pass_blanks();
        if self.byte(0) == b'#' {
            self.pass_comment();
        }
        match self.break_len(0) {
            0 if self.byte(0) != 0 => {
                return Err(problem(mark, "did not find expected comment or line break after a directive"));
            }
            0 => {}
            len => self.pass_break(len),
        }
        self.push(kind, mark);
        Ok(())
    }

    fn pass_blanks(&mut self) {
        while super::is_blank(self.byte(0)) {
            self.pos += 1;
        }
    }

    fn scan_word(&mut self) -> &'a str {
        let start = self.pos;
        while is_word(self.byte(0)) {
            self.pos += 1;
        }
        &self.text[start..self.pos]
    }

    fn scan_version(&mut self, mark: Mark) -> Result<TokenKind<'a>, Error> {
        self.pass_blanks();
        let major = self.scan_version_number(mark)?;
        if self.byte(0) != b'.' {
            return Err(problem(mark, "did not find expected digit or '.' character in a %YAML directive"));
        }
        self.pos += 1;
        Ok(TokenKind::Version(major, self.scan_version_number(mark)?))
    }

    fn scan_version_number(&mut self, mark: Mark) -> Result<u8, Error> {
        let start = self.pos;
        while self.byte(0).is_ascii_digit() {
            self.pos += 1;
        }
        match self.pos - start {
            0 => Err(problem(mark, "did not find expected version number in a %YAML directive")),
            1 | 2 => Ok(self.text[start..self.pos].parse().unwrap_or(0)),
            _ => Err(problem(mark, "found extremely long version number in a %YAML directive")),
        }
    }

    fn scan_tag_directive(&mut self, mark: Mark) -> Result<TokenKind<'a>, Error> {
        self.pass_blanks();
        let handle = self.scan_tag_handle(mark)?;
        if handle != "!" && !handle.ends_with('!') {
            return Err(problem(mark, "did not find expected '!' in a %TAG directive"));
        }
        if !super::is_blank(self.byte(0)) {
            return Err(problem(mark, "did not find expected whitespace in a %TAG directive"));
        }
        self.pass_blanks();
        let prefix = self.scan_tag_uri("", mark)?;
        if !self.is_blank_or_end(0) {
            return Err(problem(mark, "did not find expected whitespace or line break in a %TAG directive"));
        }
        Ok(TokenKind::TagDirective(Box::new((handle, prefix))))
    }

    pub(super) fn fetch_anchor(&mut self, sign: u8) -> Result<(), Error> {
        self.save_key()?;
        self.key_allowed = false;
        let mark = self.mark();
        self.pos += 1;
        let name = self.scan_word();
        let ends = self.is_blank_or_end(0)
            || matches!(self.byte(0), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        if name.is_empty() || !ends {
            let what = if sign == b'&' { "an anchor" } else { "an alias" };
            let message =
                format!("did not find expected alphabetic or numeric character while scanning {what}");
            return Err(problem(mark, &message).hint("text that begins with & or * is put into quotes"));
        }
        self.push(if sign == b'&' { TokenKind::Anchor(name) } else { TokenKind::Alias(name) }, mark);
        Ok(())
    }

    pub(super) fn fetch_tag(&mut self) -> Result<(), Error> {
        self.save_key()?;
        self.key_allowed = false;
        let mark = self.mark();
        let kind = self.scan_tag(mark)?;
        if !self.is_blank_or_end(0) {
            return Err(problem(mark, "did not find expected whitespace or line break after a tag")
                .hint("text that begins with ! is put into quotes"));
        }
        self.push(kind, mark);
        Ok(())
    }

    fn scan_tag(&mut self, mark: Mark) -> Result<TokenKind<'a>, Error> {
        if self.byte(1) == b'<' {
            self.pos += 2;
            let whole = self.scan_tag_uri("", mark)?;
            if self.byte(0) != b'>' {
                return Err(problem(mark, "did not find the expected '>' at the end of a tag"));
            }
            self.pos += 1;
            return Ok(TokenKind::Tag(Box::new(("", whole))));
        }
        let handle = self.scan_tag_handle(mark)?;
        if handle.len() > 1 && handle.ends_with('!') {
            let suffix = self.scan_tag_uri("", mark)?;
            return Ok(TokenKind::Tag(Box::new((handle, suffix))));
        }
        // The `!` was no handle: the tag is `!suffix` or `!`.
        let suffix = self.scan_tag_uri(handle, mark)?;
        Ok(TokenKind::Tag(Box::new(if suffix.is_empty() { ("", Cow::Borrowed("!")) } else { ("!", suffix) })))
    }

    /// `!`, `!word` or `!word!`.
    fn scan_tag_handle(&mut self, mark: Mark) -> Result<&'a str, Error> {
        if self.byte(0) != b'!' {
            return Err(problem(mark, "did not find expected '!' of a tag"));
        }
        let start = self.pos;
        self.pos += 1;
        self.scan_word();
        if self.byte(0) == b'!' {
            self.pos += 1;
        }
        Ok(&self.text[start..self.pos])
    }

    /// Scans the rest of a tag behind `head`. The `!` in `head` is not part of the result.
    fn scan_tag_uri(&mut self, head: &'a str, mark: Mark) -> Result<Cow<'a, str>, Error> {
        let start = self.pos;
        let known = head.get(1..).unwrap_or("");
        let mut unescaped: Option<String> = None;
        let mut plain_from = start - known.len();
        while is_uri(self.byte(0)) {
            if self.byte(0) == b'%' {
                let out = unescaped.get_or_insert_default();
                out.push_str(&self.text[plain_from..self.pos]);
                out.push(self.scan_uri_escape(mark)?);
                plain_from = self.pos;
            } else {
                self.pos += 1;
            }
        }
        if head.is_empty() && self.pos == start {
            return Err(problem(mark, "did not find expected tag URI"));
        }
        let rest = &self.text[plain_from..self.pos];
        Ok(match unescaped {
            None => Cow::Borrowed(rest),
            Some(mut out) => {
                out.push_str(rest);
                Cow::Owned(out)
            }
        })
    }

    /// Scans one character, written as `%XX` for each byte of its UTF-8 form.
    fn scan_uri_escape(&mut self, mark: Mark) -> Result<char, Error> {
        let mut bytes = [0u8; 4];
        let mut len = 0;
        loop {
            let hex = |b: u8| char::from(b).to_digit(16);
            let octet = match (self.byte(0), hex(self.byte(1)), hex(self.byte(2))) {
                (b'%', Some(high), Some(low)) => u8::try_from(high << 4 | low).unwrap_or(0),
                _ => return Err(problem(mark, "did not find URI escaped octet in a tag")),
            };
            bytes[len] = octet;
            len += 1;
            self.pos += 3;
            let bytes = &bytes[..len];
            match std::str::from_utf8(bytes) {
                Ok(text) => return Ok(text.chars().next().unwrap_or_default()),
                Err(e) if e.error_len().is_none() => {}
                Err(_) => return Err(problem(mark, "found an incorrect UTF-8 octet in a tag")),
            }
        }
    }
}

fn is_uri(b: u8) -> bool {
    is_word(b)
        || matches!(
            b,
            b';' | b'/'
                | b'?'
                | b':'
                | b'@'
                | b'&'
                | b'='
                | b'+'
                | b'$'
                | b','
                | b'.'
                | b'!'
                | b'~'
                | b'*'
                | b'\''
                | b'('
                | b')'
                | b'['
                | b']'
                | b'%'
        )
}

fn problem(mark: Mark, message: &str) -> Error {
    Error::at(mark.line + 1, mark.column + 1, message)
}
