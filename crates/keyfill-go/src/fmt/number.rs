//! Printing numbers: digits, signs, prefixes, padding with zeros.

use super::{Arg, Printer};
use crate::quote;
use crate::strconv::{Bits, Layout, format_float};
use crate::utf8;

impl Printer<'_> {
    pub(super) fn integer(&mut self, n: u64, negative: bool, signed: bool, verb: char, arg: &dyn Arg) {
        let bits = if negative { n.wrapping_neg() } else { n };
        match verb {
            'v' if self.spec.sharp_v && !signed => self.hexadecimal(n, true),
            'v' | 'd' => self.digits(n, negative, 10, verb),
            'b' => self.digits(n, negative, 2, verb),
            'o' | 'O' => self.digits(n, negative, 8, verb),
            'x' | 'X' => self.digits(n, negative, 16, verb),
            'c' => self.pad(as_char(bits).encode_utf8(&mut [0; 4]).as_bytes()),
            'q' => {
                let escape =
                    if self.spec.plus { quote::Escape::NonAscii } else { quote::Escape::Unprintable };
                let mut out = Vec::new();
                quote::append_char(&mut out, as_char(bits), escape);
                self.pad(&out);
            }
            'U' => self.code_point(bits),
            _ => self.bad_verb(verb, arg),
        }
    }

    /// Prints hexadecimal digits, with or without `0x`.
    pub(super) fn hexadecimal(&mut self, n: u64, prefix: bool) {
        let sharp = std::mem::replace(&mut self.spec.sharp, prefix);
        self.digits(n, false, 16, 'v');
        self.spec.sharp = sharp;
    }

    fn digits(&mut self, n: u64, negative: bool, base: u32, verb: char) {
        let spec = self.spec;
        if spec.precision == Some(0) && n == 0 {
            self.spec.zero = false;
            self.padding(spec.width.unwrap_or(0));
            self.spec.zero = spec.zero;
            return;
        }
        let mut digits = match (base, verb) {
            (2, _) => format!("{n:b}"),
            (8, _) => format!("{n:o}"),
            (16, 'X') => format!("{n:X}"),
            (16, _) => format!("{n:x}"),
            _ => n.to_string(),
        };
        let room_for_sign = usize::from(negative || spec.plus || spec.space);
        let least = match (spec.precision, spec.width) {
            (Some(precision), _) => precision,
            (None, Some(width)) if spec.zero && !spec.minus => width.saturating_sub(room_for_sign),
            _ => 0,
        };
        if digits.len() < least {
            if !self.may_grow(least) {
                return;
            }
            digits.insert_str(0, &"0".repeat(least - digits.len()));
        }
        let prefix = match (base, verb) {
            (8, 'O') if spec.sharp && !digits.starts_with('0') => "0o0",
            (8, 'O') => "0o",
            (2, _) if spec.sharp => "0b",
            (8, _) if spec.sharp && !digits.starts_with('0') => "0",
            (16, 'X') if spec.sharp => "0X",
            (16, _) if spec.sharp => "0x",
            _ => "",
        };
        let sign = match () {
            () if negative => "-",
            () if spec.plus => "+",
            () if spec.space => " ",
            () => "",
        };
        self.without_zero(format!("{sign}{prefix}{digits}").as_bytes());
    }

    /// Pads with spaces even if the flag for zeros is set.
    fn without_zero(&mut self, text: &[u8]) {
        let zero = std::mem::take(&mut self.spec.zero);
        self.pad(text);
        self.spec.zero = zero;
    }

    fn code_point(&mut self, n: u64) {
        let least = self.spec.precision.unwrap_or(4).max(4);
        let mut text = format!("U+{n:0>least$X}").into_bytes();
        let shown = u32::try_from(n).ok().and_then(char::from_u32).filter(|c| quote::is_print(*c));
        if let Some(c) = shown.filter(|_| self.spec.sharp) {
            text.extend_from_slice(b" '");
            utf8::push(&mut text, c);
            text.push(b'\'');
        }
        self.without_zero(&text);
    }

    pub(super) fn float(&mut self, value: f64, verb: char, arg: &dyn Arg) {
        match verb {
            'v' => self.float_as(value, 'g', None),
            'b' | 'g' | 'G' | 'x' | 'X' => self.float_as(value, verb, None),
            'f' | 'e' | 'E' => self.float_as(value, verb, Some(6)),
            'F' => self.float_as(value, 'f', Some(6)),
            _ => self.bad_verb(verb, arg),
        }
    }

    pub(super) fn complex(&mut self, re: f64, im: f64, verb: char, arg: &dyn Arg) {
        if !matches!(verb, 'v' | 'b' | 'g' | 'G' | 'x' | 'X' | 'f' | 'F' | 'e' | 'E') {
            return self.bad_verb(verb, arg);
        }
        self.raw(b"(");
        self.float(re, verb, arg);
        let plus = std::mem::replace(&mut self.spec.plus, true);
        self.float(im, verb, arg);
        self.spec.plus = plus;
        self.raw(b"i)");
    }

    fn float_as(&mut self, value: f64, verb: char, default: Option<usize>) {
        let spec = self.spec;
        let precision = spec.precision.or(default);
        let text = float_text(value, verb, precision);
        let (sign, mut body) = match text.strip_prefix(['-', '+']) {
            Some(body) if text.starts_with('-') => ("-", body.to_owned()),
            Some(body) => ("+", body.to_owned()),
            None => ("+", text),
        };
        let sign = if spec.space && sign == "+" && !spec.plus { " " } else { sign };
        if !value.is_finite() {
            // The sign of an infinity is always printed.
            let shown = value.is_infinite() || spec.space || spec.plus;
            let text = if shown { format!("{sign}{body}") } else { body };
            return self.without_zero(text.as_bytes());
        }
        if spec.sharp && verb != 'b' {
            body = with_point(&body, verb, precision);
        }
        if !spec.plus && sign == "+" {
            return self.pad(body.as_bytes());
        }
        let text = format!("{sign}{body}");
        match spec.width {
            Some(width) if spec.zero && !spec.minus && width > text.len() => {
                self.raw(sign.as_bytes());
                self.padding(width - text.len());
                self.raw(body.as_bytes());
            }
            _ => self.pad(text.as_bytes()),
        }
    }
}

/// The character with a code point; U+FFFD if there is none.
fn as_char(code: u64) -> char {
    u32::try_from(code).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// `strconv.FormatFloat`, including the layouts of `%b` and `%x`.
fn float_text(value: f64, verb: char, precision: Option<usize>) -> String {
    let layout = match verb {
        'e' | 'E' => Layout::Exponent,
        'f' => Layout::Fixed,
        'b' if value.is_finite() => return binary_text(value),
        'x' | 'X' if value.is_finite() => {
            let text = hex_text(value, precision);
            return if verb == 'X' { text.to_uppercase() } else { text };
        }
        _ => Layout::General,
    };
    let text = format_float(value, layout, precision, Bits::B64);
    if matches!(verb, 'E' | 'G') && value.is_finite() { text.to_uppercase() } else { text }
}

/// Mantissa and exponent of a finite number: value = mantissa * 2^exponent.
fn parts(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i32;
    let mantissa = bits & ((1 << 52) - 1);
    if exponent == 0 { (mantissa, 1 - 1075) } else { (mantissa | 1 << 52, exponent - 1075) }
}

/// The layout of `%b`: `4503599627370496p-52`.
fn binary_text(value: f64) -> String {
    let (mantissa, exponent) = parts(value);
    let sign = if value.is_sign_negative() { "-" } else { "" };
    format!("{sign}{mantissa}p{exponent:+}")
}

/// The layout of `%x`: `0x1.8p+01`.
fn hex_text(value: f64, precision: Option<usize>) -> String {
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let (mut mantissa, mut exponent) = parts(value);
    if mantissa == 0 {
        exponent = 0;
    } else {
        let shift = mantissa.leading_zeros() - 11;
        mantissa <<= shift;
        exponent += 52 - shift as i32;
    }
    // The leading one is bit 60 now, with 15 hexadecimal digits after it.
    mantissa <<= 8;
    if let Some(digits) = precision.filter(|p| *p < 15) {
        let shift = digits as u32 * 4;
        let extra = (mantissa << shift) & ((1 << 60) - 1);
        mantissa >>= 60 - shift;
        if extra | (mantissa & 1) > 1 << 59 {
            mantissa += 1;
        }
        mantissa <<= 60 - shift;
        if mantissa & (1 << 61) != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let fraction = format!("{:015x}", mantissa & ((1 << 60) - 1));
    let digits = match precision {
        Some(precision) if precision <= 15 => fraction[..precision].to_owned(),
        Some(precision) => format!("{fraction:0<precision$}"),
        None => fraction.trim_end_matches('0').to_owned(),
    };
    let point = if digits.is_empty() { "" } else { "." };
    let (e_sign, e) = if exponent < 0 { ('-', -exponent) } else { ('+', exponent) };
    format!("{sign}0x{}{point}{digits}p{e_sign}{e:02}", mantissa >> 60)
}

/// The `#` flag: always prints a decimal point, and trailing zeros up to the precision.
fn with_point(body: &str, verb: char, precision: Option<usize>) -> String {
    let wanted = match verb {
        'g' | 'G' | 'x' => precision.unwrap_or(6) as i64,
        _ => 0,
    };
    let exponent_at = match verb {
        'x' | 'X' => body.find(['p', 'P']),
        _ => body.find(['e', 'E']),
    };
    let (mantissa, tail) = body.split_at(exponent_at.unwrap_or(body.len()));
    let significant = mantissa.bytes().filter(|b| *b != b'.').skip_while(|b| *b == b'0').count() as i64;
    let mut missing = wanted - significant;
    let mut out = mantissa.to_owned();
    if !mantissa.contains('.') {
        if mantissa == "0" {
            missing -= 1;
        }
        out.push('.');
    }
    out.extend(std::iter::repeat_n('0', usize::try_from(missing).unwrap_or(0)));
    out + tail
}
