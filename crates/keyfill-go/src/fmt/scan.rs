//! Parsing a format string: flags, argument indexes, width, precision, verb.

use super::printer::Spec;
use super::{Arg, Printer, View};
use crate::utf8;

/// The largest width or precision. Larger ones are errors.
const MAX: i64 = 1_000_000;

/// The state of parsing a format string.
struct Scan<'a> {
    format: &'a [u8],
    at: usize,
    args: &'a [&'a dyn Arg],
    next: usize,
    /// Whether an explicit index was used. Then extra arguments are not reported.
    reordered: bool,
    /// Whether the index of the current verb is valid.
    good: bool,
    /// Whether an index precedes the current position directly.
    after_index: bool,
}

impl Printer<'_> {
    /// `Printf`.
    pub fn printf(&mut self, format: &[u8], args: &[&dyn Arg]) {
        let mut scan =
            Scan { format, at: 0, args, next: 0, reordered: false, good: true, after_index: false };
        loop {
            let rest = &format[scan.at..];
            let text = memchr::memchr(b'%', rest).unwrap_or(rest.len());
            self.raw(&rest[..text]);
            scan.at += text + 1;
            if scan.at > format.len() {
                break;
            }
            self.spec = Spec::default();
            scan.good = true;
            if !self.directive(&mut scan) {
                break;
            }
        }
        if !scan.reordered && scan.next < args.len() {
            self.extra(&args[scan.next..]);
        }
    }

    /// Parses and prints one verb with the literal text before it; false at the end of the format.
    fn directive(&mut self, scan: &mut Scan<'_>) -> bool {
        self.flags(scan);
        scan.index();
        self.width(scan);
        self.precision(scan);
        if !scan.after_index {
            scan.index();
        }
        let Some(rune) = utf8::decode(&scan.format[scan.at..]) else {
            self.raw(b"%!(NOVERB)");
            return false;
        };
        scan.at += rune.len;
        let verb = rune.char;
        match scan.args.get(scan.next) {
            _ if verb == '%' => self.raw(b"%"),
            _ if !scan.good => self.complaint(verb, b"(BADINDEX)"),
            None => self.complaint(verb, b"(MISSING)"),
            Some(arg) => {
                if verb == 'v' || verb == 'w' {
                    self.spec.sharp_v = std::mem::take(&mut self.spec.sharp);
                    self.spec.plus_v = std::mem::take(&mut self.spec.plus);
                }
                scan.next += 1;
                if verb == 'w' { self.bad_verb('w', *arg) } else { self.arg(*arg, verb) }
            }
        }
        true
    }

    fn flags(&mut self, scan: &mut Scan<'_>) {
        while let Some(byte) = scan.format.get(scan.at) {
            match byte {
                b'#' => self.spec.sharp = true,
                b'0' => self.spec.zero = true,
                b'+' => self.spec.plus = true,
                b'-' => self.spec.minus = true,
                b' ' => self.spec.space = true,
                _ => return,
            }
            scan.at += 1;
        }
    }

    fn width(&mut self, scan: &mut Scan<'_>) {
        if scan.format.get(scan.at) != Some(&b'*') {
            self.spec.width = scan.number();
            scan.good &= !(scan.after_index && self.spec.width.is_some());
            return;
        }
        scan.at += 1;
        match scan.int_arg() {
            Some(width) => {
                if width < 0 {
                    self.spec.minus = true;
                    self.spec.zero = false;
                }
                self.spec.width = usize::try_from(width.unsigned_abs()).ok();
            }
            None => self.raw(b"%!(BADWIDTH)"),
        }
        scan.after_index = false;
    }

    fn precision(&mut self, scan: &mut Scan<'_>) {
        // A point at the end of the format is a verb.
        if scan.at + 1 >= scan.format.len() || scan.format[scan.at] != b'.' {
            return;
        }
        scan.at += 1;
        scan.good &= !scan.after_index;
        scan.index();
        if scan.format.get(scan.at) != Some(&b'*') {
            self.spec.precision = Some(scan.number().unwrap_or(0));
            return;
        }
        scan.at += 1;
        self.spec.precision = scan.int_arg().and_then(|n| usize::try_from(n).ok());
        if self.spec.precision.is_none() {
            self.raw(b"%!(BADPREC)");
        }
        scan.after_index = false;
    }

    fn complaint(&mut self, verb: char, what: &[u8]) {
        self.raw(b"%!");
        utf8::push(self.out, verb);
        self.raw(what);
    }

    fn extra(&mut self, args: &[&dyn Arg]) {
        self.spec = Spec::default();
        self.raw(b"%!(EXTRA ");
        for (index, arg) in args.iter().enumerate() {
            if index > 0 {
                self.raw(b", ");
            }
            if matches!(arg.view(), View::Nil) {
                self.raw(b"<nil>");
            } else {
                self.raw(arg.type_name().as_bytes());
                self.raw(b"=");
                self.arg(*arg, 'v');
            }
        }
        self.raw(b")");
    }
}

impl Scan<'_> {
    /// Parses `[n]`, if it is at the current position.
    fn index(&mut self) {
        self.after_index = false;
        if self.format.get(self.at) != Some(&b'[') {
            return;
        }
        self.reordered = true;
        let rest = &self.format[self.at..];
        let Some(close) = memchr::memchr(b']', rest).filter(|_| rest.len() >= 3) else {
            self.good = false;
            self.at += 1;
            return;
        };
        self.at += close + 1;
        let number = parse(&rest[1..close]).filter(|(_, len)| *len == close - 1).map(|(n, _)| n);
        // A number without an argument still counts as an index; other text does not.
        self.after_index = number.is_some();
        match number.and_then(|n| n.checked_sub(1)).filter(|n| *n < self.args.len()) {
            Some(index) => self.next = index,
            None => self.good = false,
        }
    }

    /// Parses a decimal number, if one is at the current position.
    fn number(&mut self) -> Option<usize> {
        let rest = &self.format[self.at..];
        if !rest.first().is_some_and(u8::is_ascii_digit) {
            return None;
        }
        match parse(rest) {
            Some((number, len)) => {
                self.at += len;
                Some(number)
            }
            None => {
                self.at = self.format.len();
                None
            }
        }
    }

    /// Uses the next argument as a width or precision.
    fn int_arg(&mut self) -> Option<i64> {
        let arg = self.args.get(self.next)?;
        self.next += 1;
        let number = match arg.view() {
            View::Int(n) => n,
            View::Uint(n) => i64::try_from(n).ok()?,
            View::Text(_, plain) => match *plain {
                View::Int(n) => n,
                _ => return None,
            },
            _ => return None,
        };
        (-MAX..=MAX).contains(&number).then_some(number)
    }
}

/// The number at the start of a text, and its length; `None` if there is none, or if it is far too large.
fn parse(text: &[u8]) -> Option<(usize, usize)> {
    let mut number = 0_i64;
    let mut len = 0;
    for byte in text.iter().take_while(|b| b.is_ascii_digit()) {
        if number > MAX {
            return None;
        }
        number = number * 10 + i64::from(byte - b'0');
        len += 1;
    }
    (len > 0).then_some((usize::try_from(number).ok()?, len))
}
