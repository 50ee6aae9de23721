//! Printing one argument with one verb.

use super::{Arg, Items, TooLarge, View};
use crate::quote;
use crate::utf8;

/// The deepest nesting of values.
const DEPTH: u32 = 1_000;

/// The most bytes that values with parts may print. The same part may occur many times, so that the output could
/// exceed the memory.
const MOST_BYTES: usize = 64 << 20;

/// The longest output, in bytes, to which padding may add: each verb may request a million spaces.
const MOST_PADDED: usize = 256 << 20;

/// Flags, width and precision of one verb.
#[derive(Clone, Copy, Default)]
pub(super) struct Spec {
    pub width: Option<usize>,
    pub precision: Option<usize>,
    pub minus: bool,
    pub plus: bool,
    pub sharp: bool,
    pub space: bool,
    pub zero: bool,
    /// `%+v`: with field names.
    pub plus_v: bool,
    /// `%#v`: in Go syntax.
    pub sharp_v: bool,
}

/// Writes formatted values to a buffer.
pub struct Printer<'a> {
    pub(super) out: &'a mut Vec<u8>,
    pub(super) spec: Spec,
    /// Whether an error text is being printed, for which `String` and `Error` methods are not used.
    erroring: bool,
    too_large: bool,
    /// The length of `out` above which values with parts are too large.
    most: usize,
}

impl<'a> Printer<'a> {
    /// A printer that appends to `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        let most = out.len() + MOST_BYTES;
        Self { out, spec: Spec::default(), erroring: false, too_large: false, most }
    }

    /// Fails if a value was too large to be printed.
    pub fn finish(self) -> Result<(), TooLarge> {
        if self.too_large { Err(TooLarge) } else { Ok(()) }
    }

    /// Appends bytes without formatting.
    pub fn raw(&mut self, text: &[u8]) {
        self.out.extend_from_slice(text);
    }

    /// Prints an argument with a verb and the current flags.
    pub fn arg(&mut self, arg: &dyn Arg, verb: char) {
        let view = arg.view();
        match (verb, &view) {
            ('T' | 'v', View::Nil) => self.pad(b"<nil>"),
            ('T', _) => self.string(arg.type_name().as_bytes(), 's', arg),
            ('p', _) if !matches!(view, View::Nil) => self.pointer_verb(&view, arg),
            _ => self.view(&view, arg, verb, 0),
        }
    }

    fn pointer_verb(&mut self, view: &View<'_>, arg: &dyn Arg) {
        match address(view) {
            Some(address) => {
                let sharp = !self.spec.sharp;
                self.hexadecimal(address as u64, sharp);
            }
            None => self.bad_verb('p', arg),
        }
    }

    fn view(&mut self, view: &View<'_>, arg: &dyn Arg, verb: char, depth: u32) {
        let most = if depth > 0 { self.most } else { MOST_PADDED };
        if depth > DEPTH || self.out.len() > most {
            self.too_large = true;
            return;
        }
        match view {
            // A nil inside of another value.
            View::Nil if depth > 0 && self.spec.sharp_v => self.raw(b"interface {}(nil)"),
            View::Nil if depth > 0 => self.raw(b"<nil>"),
            View::Nil => self.bad_verb(verb, arg),
            View::Bool(b) => match verb {
                't' | 'v' => self.pad(if *b { b"true" } else { b"false" }),
                _ => self.bad_verb(verb, arg),
            },
            View::Int(n) => self.integer(n.unsigned_abs(), *n < 0, true, verb, arg),
            View::Uint(n) => self.integer(*n, false, false, verb, arg),
            View::Float(f) => self.float(*f, verb, arg),
            View::Complex(re, im) => self.complex(*re, *im, verb, arg),
            View::Str(text) => self.string(text, verb, arg),
            View::Bytes(bytes, nil) => self.bytes(bytes, *nil, verb, arg, depth),
            View::Text(text, plain) => self.text(text, plain, arg, verb, depth),
            View::List(items) => self.list(*items, arg, verb, depth),
            View::Map(items) => self.map(*items, arg, verb, depth),
            View::Struct(items) => self.fields(*items, arg, verb, depth),
            View::StructPointer(items) if depth == 0 => {
                self.raw(b"&");
                self.fields(*items, arg, verb, depth + 1);
            }
            View::StructPointer(_) | View::Pointer(_) => self.pointer(view, arg, verb),
        }
    }

    fn text(&mut self, text: &[u8], plain: &View<'_>, arg: &dyn Arg, verb: char, depth: u32) {
        let usable = matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') && !self.erroring && !self.spec.sharp_v;
        if usable { self.string(text, verb, arg) } else { self.view(plain, arg, verb, depth) }
    }

    fn nested(&mut self, arg: &dyn Arg, verb: char, depth: u32) {
        // If the output is too large already, the remaining parts are skipped.
        if !self.too_large {
            self.view(&arg.view(), arg, verb, depth + 1);
        }
    }

    fn separator(&mut self, first: &mut bool) {
        if !std::mem::take(first) {
            self.raw(if self.spec.sharp_v { b", " } else { b" " });
        }
    }

    fn list(&mut self, items: &dyn Items, arg: &dyn Arg, verb: char, depth: u32) {
        if verb == 'p' {
            return self.pointer(&View::List(items), arg, verb);
        }
        if self.spec.sharp_v && self.go_type(arg, items.is_nil()) {
            return;
        }
        self.raw(if self.spec.sharp_v { b"{" } else { b"[" });
        let mut first = true;
        items.each(&mut |_, item| {
            self.separator(&mut first);
            self.nested(item, verb, depth);
        });
        self.raw(if self.spec.sharp_v { b"}" } else { b"]" });
    }

    fn map(&mut self, items: &dyn Items, arg: &dyn Arg, verb: char, depth: u32) {
        if self.spec.sharp_v && self.go_type(arg, items.is_nil()) {
            return;
        }
        self.raw(if self.spec.sharp_v { b"{" } else { b"map[" });
        let mut first = true;
        items.each(&mut |key, item| {
            self.separator(&mut first);
            if let Some(key) = key {
                self.nested(key, verb, depth);
            }
            self.raw(b":");
            self.nested(item, verb, depth);
        });
        self.raw(if self.spec.sharp_v { b"}" } else { b"]" });
    }

    fn fields(&mut self, items: &dyn Items, arg: &dyn Arg, verb: char, depth: u32) {
        if self.spec.sharp_v {
            let name = arg.type_name();
            self.raw(name.trim_start_matches('*').as_bytes());
        }
        self.raw(b"{");
        let mut first = true;
        items.each(&mut |name, item| {
            self.separator(&mut first);
            if self.spec.plus_v || self.spec.sharp_v {
                if let Some(View::Str(name)) = name.map(Arg::view) {
                    self.raw(name);
                }
                self.raw(b":");
            }
            self.nested(item, verb, depth);
        });
        self.raw(b"}");
    }

    /// Prints the type before a `%#v` literal. Returns true if the value is nil, so that nothing follows.
    fn go_type(&mut self, arg: &dyn Arg, nil: bool) -> bool {
        self.raw(arg.type_name().as_bytes());
        if nil {
            self.raw(b"(nil)");
        }
        nil
    }

    /// Prints the error `%!verb(type=value)`.
    pub(super) fn bad_verb(&mut self, verb: char, arg: &dyn Arg) {
        let before = std::mem::replace(&mut self.erroring, true);
        self.raw(b"%!");
        utf8::push(self.out, verb);
        self.raw(b"(");
        let view = arg.view();
        if matches!(view, View::Nil) {
            self.raw(b"<nil>");
        } else {
            self.raw(arg.type_name().as_bytes());
            self.raw(b"=");
            self.view(&view, arg, 'v', 0);
        }
        self.raw(b")");
        self.erroring = before;
    }

    fn pointer(&mut self, view: &View<'_>, arg: &dyn Arg, verb: char) {
        let Some(address) = address(view) else { return self.bad_verb(verb, arg) };
        match verb {
            'v' if self.spec.sharp_v => {
                self.raw(b"(");
                self.raw(arg.type_name().as_bytes());
                self.raw(b")(");
                if address == 0 {
                    self.raw(b"nil");
                } else {
                    self.hexadecimal(address as u64, true);
                }
                self.raw(b")");
            }
            'v' if address == 0 => self.pad(b"<nil>"),
            'v' | 'p' => {
                let sharp = !self.spec.sharp;
                self.hexadecimal(address as u64, sharp);
            }
            'b' | 'o' | 'd' | 'x' | 'X' => self.integer(address as u64, false, false, verb, arg),
            _ => self.bad_verb(verb, arg),
        }
    }

    fn string(&mut self, text: &[u8], verb: char, arg: &dyn Arg) {
        match verb {
            'v' if self.spec.sharp_v => self.quoted(text),
            'v' | 's' => {
                let text = self.truncated(text);
                self.pad(text);
            }
            'x' | 'X' => self.hex_text(text, verb == 'X'),
            'q' => self.quoted(text),
            _ => self.bad_verb(verb, arg),
        }
    }

    fn bytes(&mut self, bytes: &[u8], nil: bool, verb: char, arg: &dyn Arg, depth: u32) {
        match verb {
            's' | 'q' | 'x' | 'X' => self.string(bytes, verb, arg),
            'v' | 'd' if self.spec.sharp_v => {
                // At the top level Go prints the alias `byte`.
                self.raw(if depth == 0 { b"[]byte" } else { b"[]uint8" });
                if nil {
                    return self.raw(b"(nil)");
                }
                self.raw(b"{");
                for (index, byte) in bytes.iter().enumerate() {
                    self.raw(if index > 0 { b", " } else { b"" });
                    self.hexadecimal(u64::from(*byte), true);
                }
                self.raw(b"}");
            }
            _ => {
                self.raw(b"[");
                for (index, byte) in bytes.iter().enumerate() {
                    self.raw(if index > 0 { b" " } else { b"" });
                    self.integer(u64::from(*byte), false, false, verb, &Byte(*byte));
                }
                self.raw(b"]");
            }
        }
    }

    fn quoted(&mut self, text: &[u8]) {
        let text = self.truncated(text);
        let mut out = Vec::with_capacity(text.len() + 2);
        if self.spec.sharp && quote::can_backquote(text) {
            out.push(b'`');
            out.extend_from_slice(text);
            out.push(b'`');
        } else {
            let ascii = if self.spec.plus { quote::Escape::NonAscii } else { quote::Escape::Unprintable };
            quote::append(&mut out, text, ascii);
        }
        self.pad(&out);
    }

    fn truncated<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        let Some(precision) = self.spec.precision else { return text };
        let end: usize = utf8::runes(text).take(precision).map(|rune| rune.len).sum();
        &text[..end]
    }

    fn hex_text(&mut self, text: &[u8], upper: bool) {
        let text = &text[..self.spec.precision.unwrap_or(text.len()).min(text.len())];
        let (sharp, space) = (self.spec.sharp, self.spec.space);
        let mut out = Vec::new();
        for (index, byte) in text.iter().enumerate() {
            if space && index > 0 {
                out.push(b' ');
            }
            if sharp && (index == 0 || space) {
                out.extend_from_slice(if upper { b"0X" } else { b"0x" });
            }
            let digits = if upper { format!("{byte:02X}") } else { format!("{byte:02x}") };
            out.extend_from_slice(digits.as_bytes());
        }
        self.pad(&out);
    }

    pub(super) fn pad(&mut self, text: &[u8]) {
        let fill = match self.spec.width {
            Some(width) => width.saturating_sub(utf8::runes(text).count()),
            None => 0,
        };
        if self.spec.minus {
            self.raw(text);
            self.padding(fill);
        } else {
            self.padding(fill);
            self.raw(text);
        }
    }

    /// Whether `count` bytes of padding may be added. If not, the whole output counts as too large.
    pub(super) fn may_grow(&mut self, count: usize) -> bool {
        self.too_large |= self.out.len().saturating_add(count) > MOST_PADDED;
        !self.too_large
    }

    pub(super) fn padding(&mut self, count: usize) {
        if !self.may_grow(count) {
            return;
        }
        let byte = if self.spec.zero && !self.spec.minus { b'0' } else { b' ' };
        self.out.resize(self.out.len() + count, byte);
    }
}

/// The address of a pointer, slice, map or byte slice; `None` for other values.
fn address(view: &View<'_>) -> Option<usize> {
    match view {
        View::Pointer(address) => Some(*address),
        View::List(items) | View::Map(items) | View::StructPointer(items) => {
            let address = std::ptr::from_ref::<dyn Items>(*items).cast::<u8>() as usize;
            Some(if items.is_nil() { 0 } else { address })
        }
        View::Bytes(bytes, nil) => Some(if *nil { 0 } else { bytes.as_ptr() as usize }),
        View::Text(_, plain) => address(plain),
        _ => None,
    }
}

/// An item of a byte slice.
struct Byte(u8);

impl Arg for Byte {
    fn view(&self) -> View<'_> {
        View::Uint(u64::from(self.0))
    }

    fn type_name(&self) -> std::borrow::Cow<'_, str> {
        "uint8".into()
    }
}
