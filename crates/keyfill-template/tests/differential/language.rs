//! Generates templates that use the whole language.

use super::case::Case;
use super::source::Source;

/// Data with every type that JSON has, nested. Some of the keys that templates use exist, others do not.
const DATA: &[&str] = &[
    r#"{"a":{"b":{"c":1,"d":"x"},"n":null},"l":[1,"two",null,{"k":"v"},[3]],"s":"text","f":1.5,"i":3,"t":true,"z":0,"e":"","m":{},"el":[],"n":null}"#,
    r#"{"a":"str","l":["b","a","c"],"s":"<a href='x'>&\"</a>","f":-0.25,"i":1000000,"t":false,"m":{"z":1,"a":2,"m":{"x":"é😀"}},"n":[]}"#,
    r#"{"a":{"b":[{"c":{"d":[]}}]},"l":{},"s":"line\nline\t\u0000","f":1e21,"i":-7,"t":null,"e":{"":"empty"}}"#,
    r#"{"l":[[1,2],[3,4]],"m":{"k 1":1,"k":{"k":{"k":"deep"}}},"a":[],"s":"日本語","f":123456789.125,"i":2}"#,
];

const FIELDS: &[&str] =
    &["a", "b", "c", "d", "l", "s", "f", "i", "t", "z", "e", "m", "n", "el", "k", "missing"];

const CONSTANTS: &[&str] = &[
    "1",
    "0",
    "-3",
    "2",
    "1.5",
    "1e3",
    "0x1F",
    "0b11",
    "0o17",
    "017",
    "1_000",
    "'a'",
    "'\\n'",
    "'\\u00e9'",
    "true",
    "false",
    "nil",
    "\"q\\\"s\\n\"",
    "\"\"",
    "`raw\\n`",
    "\"é\\xff\"",
    "\"text\"",
    "18446744073709551615",
    "1i",
    "1+2i",
    "1e-7",
    "3.0",
    "0x1p-2",
    "-0",
    "\"two\"",
    "\"k\"",
    "\"%v\"",
];

const FORMATS: &[&str] = &[
    "%v",
    "%+v",
    "%#v",
    "%T",
    "%d",
    "%s",
    "%q",
    "%x",
    "%X",
    "%o",
    "%b",
    "%e",
    "%f",
    "%g",
    "%t",
    "%c",
    "%U",
    "%%",
    "%5d|%-5d|%05d",
    "%+d",
    "%6.2f",
    "%-10s|",
    "%.2s",
    "%10.3v",
    "%[2]v %[1]v",
    "%d %d",
    "%!",
    "%",
    "%z",
    "% x",
    "%#x",
    "%#q",
    "%+q",
    "%*d",
    "%.*f",
    "%[3]v",
    "%[x]d",
    "%08.3f",
    "%+.2e",
    "%G",
    "%E",
    "%#U",
    "%O",
    "%#o",
    "%#b",
    "%x %X",
    "%v %v %v",
    "%-+8d|",
    "% d",
    "%.0f",
    "%.3d",
    "%5t",
    "%05s",
    "%6q",
    "%w",
    "%#g",
    "%#v %#v",
    "%.1q",
    "%F",
];

/// A case with one to three templates, and data.
pub fn case(source: &mut Source) -> Case {
    let mut writer =
        Writer { source, out: String::new(), variables: vec!["$".to_owned()], ranges: 0, names: 0 };
    if writer.source.one_in(4) {
        writer.definition();
    }
    for _ in 0..=writer.source.below(3) {
        writer.statement(3);
    }
    let text = writer.out;
    let text = if source.one_in(12) { damaged(source, &text) } else { text.into_bytes() };
    let mut case = Case::one(text, source.pick(DATA));
    case.missing_key = source.pick(&["zero", "default", "error"]);
    case
}

/// A text with a piece cut out, doubled or changed: mostly a parse error.
fn damaged(source: &mut Source, text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    if bytes.is_empty() {
        return bytes;
    }
    let at = source.below(bytes.len());
    match source.below(3) {
        0 => drop(bytes.drain(at..(at + 1 + source.below(3)).min(bytes.len()))),
        1 => bytes.insert(
            at,
            source.pick(&[b"{", b"}", b"(", b")", b"|", b"\"", b".", b"$", b" ", b"-", b"\xff", b"="])[0],
        ),
        _ => bytes.truncate(at),
    }
    bytes
}

struct Writer<'a> {
    source: &'a mut Source,
    out: String,
    variables: Vec<String>,
    ranges: usize,
    names: usize,
}

impl Writer<'_> {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn open(&mut self) {
        let open = self.source.pick(&["{{", "{{", "{{", "{{- ", "{{ "]);
        self.put(open);
    }

    fn close(&mut self) {
        let close = self.source.pick(&["}}", "}}", "}}", " -}}", " }}"]);
        self.put(close);
    }

    fn definition(&mut self) {
        let variables = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
        self.open();
        let name = self.source.pick(&["t1", "t2", "main"]);
        self.put(&format!("define \"{name}\""));
        self.close();
        self.list(2);
        self.end();
        self.variables = variables;
    }

    fn end(&mut self) {
        self.open();
        self.put("end");
        self.close();
    }

    fn list(&mut self, depth: usize) {
        let height = self.variables.len();
        for _ in 0..=self.source.below(2) {
            self.statement(depth);
        }
        self.variables.truncate(height);
    }

    fn statement(&mut self, depth: usize) {
        let kinds = if depth == 0 { 6 } else { 14 };
        match self.source.below(kinds) {
            0 => {
                let text = self.source.pick(&["text ", "\n", " \t\n x \n", "é", "<>", "}}", " - "]);
                self.put(text);
            }
            1 => {
                let comment = self.source.pick(&["{{/* c */}}", "{{- /* c\n */ -}}", "{{/*c*/ -}}"]);
                self.put(comment);
            }
            2 => self.declaration(depth),
            3 if self.ranges > 0 && self.source.one_in(2) => {
                let word = self.source.pick(&["break", "continue"]);
                self.open();
                self.put(word);
                self.close();
            }
            3..=7 => {
                self.open();
                self.pipeline(depth);
                self.close();
            }
            8 | 9 => self.control("if", depth),
            10 => self.control("with", depth),
            11 | 12 => self.range(depth),
            _ => self.template(depth),
        }
    }

    fn declaration(&mut self, depth: usize) {
        self.open();
        if self.variables.len() > 1 && self.source.one_in(2) {
            let variable = self.variable();
            self.put(&format!("{variable} = "));
            self.pipeline(depth);
        } else {
            let name = self.fresh();
            self.put(&format!("{name} := "));
            self.pipeline(depth);
            self.variables.push(name);
        }
        self.close();
    }

    fn fresh(&mut self) -> String {
        self.names += 1;
        if self.source.one_in(3) { "$x".to_owned() } else { format!("$v{}", self.names) }
    }

    fn variable(&mut self) -> String {
        let at = self.source.below(self.variables.len());
        self.variables[at].clone()
    }

    fn control(&mut self, word: &str, depth: usize) {
        let height = self.variables.len();
        self.open();
        self.put(&format!("{word} "));
        if self.source.one_in(4) {
            let name = self.fresh();
            self.put(&format!("{name} := "));
            self.pipeline(depth - 1);
            self.variables.push(name);
        } else {
            self.pipeline(depth - 1);
        }
        self.close();
        self.list(depth - 1);
        while self.source.one_in(3) {
            self.open();
            self.put(&format!("else {word} "));
            self.pipeline(depth - 1);
            self.close();
            self.list(depth - 1);
        }
        if self.source.one_in(2) {
            self.open();
            self.put("else");
            self.close();
            self.list(depth - 1);
        }
        self.end();
        self.variables.truncate(height);
    }

    fn range(&mut self, depth: usize) {
        let height = self.variables.len();
        self.open();
        self.put("range ");
        let declared = match self.source.below(4) {
            0 => vec![self.fresh()],
            1 => vec![self.fresh(), self.fresh()],
            _ => vec![],
        };
        if !declared.is_empty() {
            let names = declared.join(", ");
            self.put(&format!("{names} := "));
        }
        if self.source.one_in(3) {
            let what = self.source.pick(&[".l", "$.l", "$.m", "3", ".", "(index $.l 0)", "$.el", "2"]);
            self.put(what);
        } else {
            self.pipeline(depth - 1);
        }
        self.variables.extend(declared);
        self.close();
        self.ranges += 1;
        self.list(depth - 1);
        self.ranges -= 1;
        if self.source.one_in(2) {
            self.open();
            self.put("else");
            self.close();
            self.list(depth - 1);
        }
        self.end();
        self.variables.truncate(height);
    }

    fn template(&mut self, depth: usize) {
        self.open();
        if self.source.one_in(3) {
            self.put("block \"bl\" ");
            self.pipeline(depth - 1);
            self.close();
            let variables = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
            let ranges = std::mem::take(&mut self.ranges);
            self.list(depth - 1);
            (self.variables, self.ranges) = (variables, ranges);
            self.end();
        } else {
            let name = self.source.pick(&["t1", "t2", "missing"]);
            self.put(&format!("template \"{name}\" "));
            if self.source.one_in(2) {
                self.pipeline(depth - 1);
            }
            self.close();
        }
    }

    fn pipeline(&mut self, depth: usize) {
        self.command(depth);
        while self.source.one_in(4) {
            let function = self.source.pick(&[
                "len",
                "not",
                "print",
                "html",
                "js",
                "urlquery",
                "printf \"%v\"",
                "index $.l",
                "and 1",
                "or 0",
                "eq 1",
                "println",
                "slice",
                "lt 2",
                "ne nil",
            ]);
            self.put(" | ");
            self.put(function);
        }
    }

    fn command(&mut self, depth: usize) {
        if depth == 0 || self.source.one_in(2) {
            return self.operand(depth);
        }
        match self.source.below(20) {
            0..=5 => {
                let format = self.source.pick(FORMATS);
                self.put(&format!("printf {format:?}"));
                if self.source.one_in(4) {
                    // This would be too large for a range, so it occurs only where no range gets it.
                    self.put(" 9223372036854775807");
                }
                self.operands(depth - 1, 0, 3);
            }
            6 | 7 => {
                let word = self.source.pick(&["eq", "ne", "lt", "le", "gt", "ge"]);
                self.put(word);
                self.operands(depth - 1, 1, 3);
            }
            8..=11 => {
                let word = self.source.pick(&["and", "or", "not"]);
                self.put(word);
                self.operands(depth - 1, 1, 3);
            }
            12 => {
                self.put("index");
                self.operands(depth - 1, 1, 3);
            }
            13 => {
                self.put("slice");
                self.operands(depth - 1, 1, 4);
            }
            14..=17 => {
                let word = self.source.pick(&["print", "println", "html", "js", "urlquery"]);
                self.put(word);
                self.operands(depth - 1, 0, 3);
            }
            18 if self.source.one_in(2) => {
                let word = self.source.pick(&["len", "call"]);
                self.put(word);
                self.operands(depth - 1, 0, 2);
            }
            18 => {
                let good = [
                    "index .l 0",
                    "index $.l 1",
                    "index .m \"k 1\"",
                    "len $.l",
                    "slice $.s 1 3",
                    "len .s",
                    "index $ \"a\"",
                    "eq .s \"text\"",
                    "ne .f 1.5",
                    "lt .f 2.0",
                    "ge .i 3.0",
                    "eq .i .f .z",
                    "slice $.l 1",
                    "index .s 2",
                ];
                let good = self.source.pick(&good);
                self.put(good);
            }
            _ if self.source.one_in(2) => self.operand(depth - 1),
            _ => {
                // Arguments for an operand that accepts none.
                self.operand(depth - 1);
                self.operands(depth - 1, 0, 1);
            }
        }
    }

    fn operands(&mut self, depth: usize, least: usize, most: usize) {
        for _ in 0..least + self.source.below(most - least + 1) {
            self.put(" ");
            self.operand(depth);
        }
    }

    fn operand(&mut self, depth: usize) {
        match self.source.below(if depth == 0 { 8 } else { 10 }) {
            0 | 1 => {
                let constant = self.source.pick(CONSTANTS);
                self.put(constant);
            }
            2 => self.put("."),
            3 => {
                let variable = self.variable();
                self.put(&variable);
                self.fields(0);
            }
            4..=7 => self.fields(1),
            _ => {
                self.put("(");
                if self.source.one_in(20) {
                    let name = self.fresh();
                    self.put(&format!("{name} := "));
                    self.pipeline(depth - 1);
                    self.variables.push(name);
                } else {
                    self.pipeline(depth - 1);
                }
                self.put(")");
                self.fields(0);
            }
        }
    }

    fn fields(&mut self, least: usize) {
        let more = if self.source.one_in(6) { self.source.below(3) } else { 0 };
        for _ in 0..least + more {
            let field = self.source.pick(FIELDS);
            self.put(&format!(".{field}"));
        }
    }
}
