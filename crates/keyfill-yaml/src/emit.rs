//! How a tree of any kind is handed to a writer: [`Emit`] walks, a [`Sink`] writes.

use std::cmp::Ordering;

/// A tree that can be written. Keys of a mapping must come in the sink's order and each once:
/// [`Sink::sort_keys`] sorts them.
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

/// What a tree is written to: YAML text or JSON text.
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
    /// Begins a sequence; its items follow.
    fn begin_seq(&mut self);
    /// Ends the innermost sequence.
    fn end_seq(&mut self);
    /// Begins a mapping; pairs of [`Sink::key`] and a value follow.
    fn begin_map(&mut self);
    /// A key of the innermost mapping; its value follows.
    fn key(&mut self, key: &str);
    /// Ends the innermost mapping.
    fn end_map(&mut self);

    /// The order in which keys of one mapping are written.
    fn key_order(a: &str, b: &str) -> Ordering;

    /// Sorts the entries of a mapping into the order of [`Sink::key_order`].
    ///
    /// Go's natural order is no order in the strict sense (`a10 < a1b < a9 < a10`), so the library's own
    /// sort must not be used with it. This one takes the entries in byte order first, which makes its result the same
    /// whatever order they come in.
    fn sort_keys<T>(entries: &mut [T], key: impl Fn(&T) -> &str) {
        if entries.is_sorted_by(|a, b| Self::key_order(key(a), key(b)).is_le()) {
            return;
        }
        entries.sort_unstable_by(|a, b| key(a).cmp(key(b)));
        // Merge sort by halves done in place by insertion: mappings are short, and nearly sorted by now.
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
