//! Writing: [`Emit`] walks a tree of any kind, a [`Sink`] writes it.
//!
//! - `writer`: the layout of libyaml's emitter; a [`form`] holds the differences between yaml.v2 and yaml.v3.
//! - `scalar`: strings in each style. `analysis`: the styles that a text allows. `escape`: quotes and blocks.
//!
//! The writer of `edit`, which writes comments and keeps styles, shares `analysis` and `escape`.

pub(crate) mod analysis;
pub(crate) mod escape;
pub(crate) mod form;
mod order;
mod scalar;
mod within;
mod writer;

use crate::binary;
use form::{Sigs, V3};
use std::cmp::Ordering;
use writer::Writer;

pub use form::style_of_line;
pub use within::Within;

/// Writes a tree as `sigs.k8s.io/yaml` does.
///
/// `sigs.k8s.io/yaml` converts a value to JSON, parses that with yaml.v2 and writes it with yaml.v2's emitter.
/// Both steps affect the result: numbers are written as in JSON, the layout is libyaml's.
pub fn to_yaml(value: &impl Emit) -> Vec<u8> {
    let mut out = Vec::new();
    append_yaml(&mut out, value);
    out
}

/// As [`to_yaml`], appending to `out`.
pub fn append_yaml(out: &mut Vec<u8>, value: &impl Emit) {
    let mut writer = Writer::<Sigs>::new(std::mem::take(out));
    value.emit(&mut writer);
    *out = writer.finish();
}

/// Writes a tree as yaml.v3 writes Go values with an indentation of two columns: sequences are indented below
/// their keys, no line is folded, strings of several lines are blocks.
///
/// ```
/// use keyfill_yaml::{Limits, load_value, to_yaml_pretty};
///
/// let value = load_value(b"{a: [1, \"yes\"]}", &Limits::default())?;
/// assert_eq!(to_yaml_pretty(&value), b"a:\n  - 1\n  - \"yes\"\n");
/// # Ok::<(), keyfill_yaml::Error>(())
/// ```
pub fn to_yaml_pretty(value: &impl Emit) -> Vec<u8> {
    let mut writer = Writer::<V3>::new(Vec::new());
    value.emit(&mut writer);
    writer.finish()
}

/// The order of keys in the output of both libraries: natural, with `b9` before `b10`. It is not transitive, so
/// sort with [`Sink::sort_keys`].
pub fn key_order(a: &str, b: &str) -> Ordering {
    order::natural(a, b)
}

/// A tree that can be written. The keys of a mapping must be unique and in the sink's order: [`Sink::sort_keys`]
/// sorts them.
///
/// ```
/// use keyfill_yaml::{Emit, Sink, to_yaml};
///
/// struct Ports(Vec<i64>);
///
/// impl Emit for Ports {
///     fn emit<S: Sink>(&self, sink: &mut S) {
///         sink.begin_map();
///         sink.key("ports");
///         sink.begin_seq();
///         self.0.iter().for_each(|port| sink.int(*port));
///         sink.end_seq();
///         sink.end_map();
///     }
/// }
///
/// assert_eq!(to_yaml(&Ports(vec![80, 443])), b"ports:\n- 80\n- 443\n");
/// ```
pub trait Emit {
    /// Walks the tree and calls the sink for each part.
    fn emit<S: Sink>(&self, sink: &mut S);
}

/// The output of a tree: YAML text or JSON text.
pub trait Sink {
    /// `null`
    fn null(&mut self);
    /// `true`, `false`
    fn bool(&mut self, value: bool);
    /// An integer.
    fn int(&mut self, value: i64);
    /// An integer above `i64::MAX`.
    fn uint(&mut self, value: u64);
    /// A floating point number.
    fn float(&mut self, value: f64);
    /// A number by its JSON text (Go's `json.Number`).
    fn number(&mut self, text: &str);
    /// A string.
    fn str(&mut self, text: &str);
    /// Bytes that are not UTF-8. A format without a type for bytes gets their base64 text.
    fn bytes(&mut self, bytes: &[u8]) {
        self.str(&binary::encode(bytes));
    }
    /// A timestamp as RFC 3339. A format without a type for timestamps gets a string.
    fn time(&mut self, text: &str) {
        self.str(text);
    }
    /// Begins a sequence; its items follow.
    fn begin_seq(&mut self);
    /// Ends the innermost sequence.
    fn end_seq(&mut self);
    /// Begins a mapping; pairs of [`Sink::key`] and a value follow.
    fn begin_map(&mut self);
    /// A key of the innermost mapping; its value follows.
    fn key(&mut self, key: &str);
    /// A key that is not UTF-8, treated as in [`Sink::bytes`].
    fn key_bytes(&mut self, key: &[u8]) {
        self.key(&binary::encode(key));
    }
    /// Ends the innermost mapping.
    fn end_map(&mut self);

    /// Whether the sink accepts more. Before each item of a large tree, [`Emit::emit`] may ask this and stop.
    fn goes_on(&self) -> bool {
        true
    }

    /// The order in which keys of one mapping are written.
    fn key_order(a: &str, b: &str) -> Ordering;

    /// Sorts the entries of a mapping into the order of [`Sink::key_order`].
    ///
    /// Go's natural order is not a total order (`a10 < a1b < a9 < a10`), so the sort of the standard library must
    /// not be used with it. This function first sorts the entries by bytes, so that the result does not depend on
    /// their original order.
    fn sort_keys<T>(entries: &mut [T], key: impl Fn(&T) -> &str) {
        if entries.is_sorted_by(|a, b| Self::key_order(key(a), key(b)).is_le()) {
            return;
        }
        entries.sort_unstable_by(|a, b| key(a).cmp(key(b)));
        if entries.len() > order::SHORT {
            order::merge_sort(entries, |a, b| Self::key_order(key(a), key(b)).is_le());
            return;
        }
        // Insertion sort: mappings are short, and almost sorted at this point.
        for i in 1..entries.len() {
            let place = entries[..i]
                .iter()
                .rposition(|e| Self::key_order(key(e), key(&entries[i])).is_le())
                .map_or(0, |at| at + 1);
            entries[place..=i].rotate_right(1);
        }
    }
}

impl<T: Emit + ?Sized> Emit for &T {
    fn emit<S: Sink>(&self, sink: &mut S) {
        (**self).emit(sink);
    }
}

#[cfg(test)]
mod tests;
