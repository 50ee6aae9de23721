//! Random texts and values for the comparison: from a grammar of YAML with its special cases, and by mutation.

use keyfill_yaml::{Text, Value};

/// A small random number generator (xorshift). The same seed yields the same numbers.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % n
    }

    fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}

const WORDS: &[&str] = &[
    "a",
    "b",
    "key",
    "yes",
    "No",
    "on",
    "y",
    "n",
    "true",
    "null",
    "~",
    "1",
    "-1",
    "0777",
    "08",
    "0x1F",
    "0b11",
    "0o17",
    "1_000",
    "1.5",
    "1e3",
    "-.5",
    ".inf",
    "1e999",
    "2001-12-14",
    "2001-12-14t21:59:43.10-05:00",
    "2001-12-14 21:59:43",
    "1:20",
    "18446744073709551615",
    "9223372036854775808",
    "x:y",
    "a#b",
    "é",
    "\u{1F600}",
    "-a",
    "?b",
    ":c",
    "<<",
    "=",
    "foo bar",
    "it's",
    "say \"x\"",
    "a, b",
    "{x}",
    "[y]",
    "&z",
    "*z",
    "!t",
    "%d",
    "@e",
    "`f",
    "|g",
    ">h",
    "#i",
    "- j",
    "k: l",
    "m:",
    " n",
    "o ",
    "---",
    "...",
    "--- p",
    "\u{A0}",
    "\u{2028}",
    "\u{FEFF}q",
    "a\u{85}b",
    "+",
    "-",
    ".",
    "0",
    "-0",
    "0.0",
    "12e03",
    "+1",
    "1e",
    "_1",
    "1__0",
    "0b2",
    "-0b1",
];

const BREAKS: &[&str] = &["\n", "\n", "\n", "\n", "\r\n", "\n\n", "\r", "\u{85}", "\u{2028}"];

/// A text that resembles YAML; in most cases it is valid.
pub fn text(random: &mut Random) -> String {
    let mut out = String::new();
    if random.below(12) == 0 {
        out.push_str(random.pick(&[
            "%YAML 1.1\n---\n",
            "%TAG !e! tag:x,1:\n---\n",
            "---\n",
            "\u{FEFF}",
            "# c\n",
        ]));
    }
    match random.below(6) {
        0 => flow(random, &mut out, 0),
        1 => block_seq(random, &mut out, 0, 0),
        2 => scalar(random, &mut out, 2),
        _ => block_map(random, &mut out, 0, 0),
    }
    if random.below(8) == 0 {
        out.push_str(random.pick(&[
            "\n---\nx: y\n",
            "\n...\n",
            "\n...\nz",
            "\n--- # c\n",
            "\n---\n---\n- 1\n",
            "\n# end",
        ]));
    }
    out
}

fn end_line(random: &mut Random, out: &mut String) {
    if random.below(10) == 0 {
        out.push_str(random.pick(&[" # comment", "  ", " #", "\t", "\t# c"]));
    }
    let last = if random.below(12) == 0 { random.pick(BREAKS) } else { "\n" };
    out.push_str(last);
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

fn properties(random: &mut Random, out: &mut String) {
    if random.below(14) == 0 {
        out.push_str(random.pick(&[
            "&a ",
            "&b ",
            "!!str ",
            "!!int ",
            "!!float ",
            "!x ",
            "! ",
            "!!binary ",
            "!!null ",
            "&a !!str ",
            "!!bool ",
            "!!timestamp ",
            "!<tag:yaml.org,2002:str> ",
            "!e!f ",
        ]));
    }
}

fn block_map(random: &mut Random, out: &mut String, indent: usize, depth: usize) {
    for n in 0..=random.below(4) {
        if n > 0 {
            pad(out, indent);
        }
        match random.below(20) {
            0 => out.push_str("<<"),
            1 => out.push_str("? k"),
            2 => quoted(random, out),
            _ => {
                out.push_str(random.pick(&WORDS[..4]));
                out.push_str(&random.below(9).to_string());
            }
        }
        out.push_str(if random.below(30) == 0 { " :" } else { ":" });
        value(random, out, indent, depth, true);
    }
}

fn block_seq(random: &mut Random, out: &mut String, indent: usize, depth: usize) {
    for n in 0..=random.below(4) {
        if n > 0 {
            pad(out, indent);
        }
        out.push('-');
        value(random, out, indent, depth, false);
    }
}

/// Appends a node, which follows a `:` or a `-`.
fn value(random: &mut Random, out: &mut String, indent: usize, depth: usize, in_map: bool) {
    let deeper = indent + 1 + random.below(3);
    match random.below(if depth > 4 { 6 } else { 10 }) {
        0 => end_line(random, out),
        1..=4 => {
            out.push(' ');
            properties(random, out);
            scalar(random, out, deeper);
        }
        5 => {
            out.push(' ');
            properties(random, out);
            flow(random, out, depth + 1);
            end_line(random, out);
        }
        6 if !in_map => {
            out.push(' ');
            block_map(random, out, indent + 2, depth + 1);
        }
        6 | 7 => {
            end_line(random, out);
            let own = if in_map && random.below(2) == 0 { indent } else { deeper };
            pad(out, own);
            block_seq(random, out, own, depth + 1);
        }
        _ => {
            if random.below(10) == 0 {
                out.push(' ');
                properties(random, out);
            }
            end_line(random, out);
            pad(out, deeper);
            block_map(random, out, deeper, depth + 1);
        }
    }
}

fn scalar(random: &mut Random, out: &mut String, indent: usize) {
    match random.below(10) {
        0 | 1 => {
            out.push_str(random.pick(&["|", ">", "|-", ">-", "|+", ">+", "|2", ">1-", "|-2"]));
            out.push_str(random.pick(&["\n", "\n", "\n", " # c\n"]));
            for _ in 0..=random.below(5) {
                match random.below(8) {
                    0 => {}
                    1 => {
                        pad(out, indent + random.below(3));
                        out.push('\t');
                    }
                    2 => pad(out, indent + random.below(4)),
                    n => {
                        pad(out, indent + usize::from(n == 3));
                        out.push_str(random.pick(WORDS));
                    }
                }
                out.push_str(random.pick(BREAKS));
            }
        }
        2 | 3 => {
            quoted(random, out);
            end_line(random, out);
        }
        4 => out.push_str(random.pick(&["*a\n", "*b\n"])),
        5 => {
            out.push_str(random.pick(&WORDS[..12]));
            for _ in 0..random.below(4) {
                out.push_str(random.pick(&["\n", "\n", " ", "\n\n", " #c\n"]));
                pad(out, indent);
                out.push_str(random.pick(&WORDS[..50]));
            }
            end_line(random, out);
        }
        _ => {
            out.push_str(random.pick(WORDS));
            end_line(random, out);
        }
    }
}

fn quoted(random: &mut Random, out: &mut String) {
    let quote = random.pick(&["'", "\""]);
    out.push_str(quote);
    for _ in 0..random.below(4) {
        out.push_str(random.pick(WORDS));
        out.push_str(
            random.pick(&[
                " ", "  ", "\n ", "\n\n  ", "\t", "", "''", "\\n", "\\x41", "\\\n  ", "\\u00e9", "\\ ",
            ]),
        );
    }
    out.push_str(quote);
}

fn flow(random: &mut Random, out: &mut String, depth: usize) {
    let map = random.below(2) == 0;
    out.push(if map { '{' } else { '[' });
    for n in 0..random.below(4) {
        if n > 0 {
            out.push_str(random.pick(&[", ", ",", ",\n  ", " , "]));
        }
        if map || random.below(6) == 0 {
            out.push_str(random.pick(&["k", "\"q\"", "l", "? m", "1", "*a "]));
            out.push_str(&n.to_string());
            out.push_str(random.pick(&[": ", ":", " : ", ""]));
        }
        match random.below(if depth > 4 { 4 } else { 6 }) {
            0 => quoted(random, out),
            1 => out.push_str(random.pick(WORDS)),
            2 | 3 => out.push_str(random.pick(&WORDS[..12])),
            _ => flow(random, out, depth + 1),
        }
    }
    out.push(if map { '}' } else { ']' });
}

/// A text with some characters removed, doubled or inserted.
pub fn mutated(random: &mut Random, text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=random.below(3) {
        let at = random.below(chars.len() + 1);
        match random.below(3) {
            0 if at < chars.len() => {
                chars.remove(at);
            }
            1 if at < chars.len() => chars.insert(at, chars[at]),
            _ => {
                let more = random.pick(&[
                    " ", "\n", "\t", ":", "-", "#", "'", "\"", "[", "]", "{", "}", ",", "&", "*", "!", "|",
                    ">", "%", "?", "\\", "\r", ": ", "- ", "\n---\n", "<<: ", "\u{85}", "\u{7f}",
                ]);
                for c in more.chars().rev() {
                    chars.insert(at, c);
                }
            }
        }
    }
    chars.into_iter().collect()
}

/// A text with comments and empty lines inserted.
pub fn commented(random: &mut Random, text: &str) -> String {
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        let mut indent = line.len() - line.trim_start_matches(' ').len();
        if random.below(4) == 0 {
            for _ in 0..=random.below(3) {
                match random.below(5) {
                    0 => {}
                    1 => indent = random.below(7),
                    _ => {}
                }
                if random.below(4) > 0 {
                    pad(&mut out, indent);
                    out.push_str(random.pick(&["# c", "# d", "#", "# e f", "## g"]));
                }
                out.push('\n');
            }
        }
        match line.strip_suffix('\n') {
            Some(start) if random.below(5) == 0 => {
                out.push_str(start);
                out.push_str(random.pick(&[" # line\n", "  # line\n", " #\n"]));
            }
            _ => out.push_str(line),
        }
    }
    if random.below(6) == 0 {
        out.push_str(random.pick(&["# end\n", "\n# end\n", "  # end", "\n\n# one\n\n# two\n"]));
    }
    out
}

/// A value of random shape.
pub fn value_tree(random: &mut Random, depth: usize) -> Value {
    match random.below(if depth > 4 { 7 } else { 10 }) {
        0 => Value::Null,
        1 => Value::Bool(random.below(2) == 0),
        2 => Value::Int(number(random)),
        3 => Value::Float(float(random)),
        4..=6 => Value::Str(string(random)),
        7 => Value::Seq((0..random.below(4)).map(|_| value_tree(random, depth + 1)).collect()),
        _ => {
            let mut entries: Vec<(Text, Value)> = Vec::new();
            for _ in 0..random.below(5) {
                let key = string(random);
                if !entries.iter().any(|(k, _)| *k == key) {
                    entries.push((key, value_tree(random, depth + 1)));
                }
            }
            Value::Map(entries)
        }
    }
}

fn number(random: &mut Random) -> i64 {
    let n = i64::try_from(random.below(1 << 30)).expect("30 bits");
    match random.below(4) {
        0 => n % 100,
        1 => -n,
        2 => n.wrapping_mul(n).wrapping_mul(9_999),
        _ => i64::MAX - n,
    }
}

fn float(random: &mut Random) -> f64 {
    let n = f64::from(u32::try_from(random.below(1 << 24)).expect("24 bits"));
    let power = i32::try_from(random.below(60)).expect("small") - 30;
    let value = n * 10f64.powi(power) / if random.below(2) == 0 { 3.0 } else { 1.0 };
    if random.below(4) == 0 { -value } else { value }
}

fn string(random: &mut Random) -> Text {
    let mut out = String::new();
    let most = if random.below(6) == 0 { 40 } else { 4 };
    for _ in 0..random.below(most) {
        out.push_str(random.pick(WORDS));
        out.push_str(random.pick(&[
            " ", " ", " ", "", "  ", "\n", "\n\n", "\n  ", " \n", "\t", "-", "'", "\"", "\\", "/", "\u{2029}",
        ]));
    }
    if random.below(3) > 0 { Text::new(out.trim_end()) } else { Text::from(out) }
}
