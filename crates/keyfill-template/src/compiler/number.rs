//! Number and character constants, by Go's rules for untyped constants.

use super::ast::{Ideal, Number};
use keyfill_go::quote::{quote, unquote_char};
use keyfill_go::strconv::{parse_float, parse_int, parse_uint};

impl Number {
    /// A character constant with its quotes.
    pub fn character(text: &str) -> Result<Self, String> {
        let bytes = text.as_bytes();
        let (code, rest) =
            unquote_char(bytes.get(1..).unwrap_or_default(), b'\'').map_err(|error| error.to_string())?;
        if rest != b"'" {
            return Err(format!("malformed character constant: {text}"));
        }
        Ok(Self {
            text: text.to_owned(),
            int: Some(i64::from(code)),
            uint: Some(u64::from(code)),
            float: Some(f64::from(code)),
            ideal: Ideal::Int(i64::from(code)),
        })
    }

    /// A complex constant such as `1+2i`.
    pub fn complex(text: &str) -> Result<Self, String> {
        // The sign of the imaginary part is the last one that does not belong to an exponent.
        let bytes = text.as_bytes();
        let is_exponent = |at: usize| {
            let hexadecimal = text.trim_start_matches(['+', '-']).starts_with(['x', 'X'])
                || text.contains("0x")
                || text.contains("0X");
            matches!(bytes[at - 1], b'p' | b'P') || !hexadecimal && matches!(bytes[at - 1], b'e' | b'E')
        };
        let sign = (1..bytes.len()).rev().find(|&at| matches!(bytes[at], b'+' | b'-') && !is_exponent(at));
        let parts = sign.and_then(|at| {
            let imaginary = text[at..].strip_suffix('i')?;
            Some((parse_float(&text[..at]).ok()?, parse_float(imaginary).ok()?))
        });
        let (re, im) = parts.ok_or_else(|| "syntax error scanning complex number".to_owned())?;
        Ok(Self::from_complex(text, re, im))
    }

    /// Any other number.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(Ok(imaginary)) = text.strip_suffix('i').map(parse_float) {
            return Ok(Self::from_complex(text, 0.0, imaginary));
        }
        let mut number = Self { text: text.to_owned(), ..Self::default() };
        number.uint = parse_uint(text, 0).ok();
        number.int = parse_int(text, 0).ok();
        if number.int == Some(0) {
            number.uint = Some(0); // -0
        }
        match (number.int, number.uint) {
            (Some(n), _) => number.float = Some(n as f64),
            (None, Some(n)) => number.float = Some(n as f64),
            (None, None) => number.set_float()?,
        }
        number.ideal = number.ideal_type();
        Ok(number)
    }

    fn set_float(&mut self) -> Result<(), String> {
        let Ok(value) = parse_float(&self.text) else {
            return Err(format!("illegal number syntax: {}", quote(self.text.as_bytes())));
        };
        if !self.text.contains(['.', 'e', 'E', 'p', 'P']) {
            return Err(format!("integer overflow: {}", quote(self.text.as_bytes())));
        }
        self.float = Some(value);
        self.set_integers(value);
        Ok(())
    }

    /// An integral float is also an integer constant.
    fn set_integers(&mut self, value: f64) {
        const TWO_63: f64 = 9_223_372_036_854_775_808.0;
        if value.fract() == 0.0 {
            self.int = (-TWO_63..TWO_63).contains(&value).then_some(value as i64);
            self.uint = (0.0..2.0 * TWO_63).contains(&value).then_some(value as u64);
        }
    }

    fn from_complex(text: &str, re: f64, im: f64) -> Self {
        let mut number = Self { text: text.to_owned(), ideal: Ideal::Complex(re, im), ..Self::default() };
        if im == 0.0 {
            number.float = Some(re);
            number.set_integers(re);
        }
        number
    }

    fn ideal_type(&self) -> Ideal {
        let text = self.text.as_bytes();
        let hexadecimal = matches!(text, [b'0', b'x' | b'X', _, ..]) && !self.text.contains(['p', 'P']);
        match (self.float, self.int) {
            (Some(float), _) if !hexadecimal && self.text.contains(['.', 'e', 'E', 'p', 'P']) => {
                Ideal::Float(float)
            }
            (_, Some(int)) => Ideal::Int(int),
            _ => Ideal::Overflow,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Ideal, Number};

    fn ideal(text: &str) -> Option<Ideal> {
        Number::parse(text).ok().map(|n| n.ideal)
    }

    #[test]
    fn the_syntax_of_a_constant_decides_its_type() {
        assert_eq!(ideal("1"), Some(Ideal::Int(1)));
        assert_eq!(ideal("0x1F"), Some(Ideal::Int(31)));
        assert_eq!(ideal("-0b11"), Some(Ideal::Int(-3)));
        assert_eq!(ideal("1_000"), Some(Ideal::Int(1000)));
        assert_eq!(ideal("0o17"), Some(Ideal::Int(15)));
        assert_eq!(ideal("017"), Some(Ideal::Int(15)));
        assert_eq!(ideal("1e3"), Some(Ideal::Float(1000.0)));
        assert_eq!(ideal("0x1p-2"), Some(Ideal::Float(0.25)));
        assert_eq!(ideal("0xe"), Some(Ideal::Int(14)));
        assert_eq!(ideal("18446744073709551615"), Some(Ideal::Overflow));
        assert_eq!(ideal("2i"), Some(Ideal::Complex(0.0, 2.0)));
        assert_eq!(ideal("99999999999999999999"), None);
        assert_eq!(ideal("1x"), None);
        assert_eq!(Number::parse("3.0").ok().and_then(|n| n.int), Some(3));
        assert_eq!(Number::character("'\\n'").ok().and_then(|n| n.int), Some(10));
        assert_eq!(Number::complex("1e+2-3i").ok().map(|n| n.ideal), Some(Ideal::Complex(100.0, -3.0)));
        assert!(Number::character("'ab'").is_err());
    }
}
