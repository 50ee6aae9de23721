//! Writing a tree within a run: writing stops at the deadline and at the memory limit of the run.

use super::{Emit, Sink};
use keyfill_diag::{Cx, Stopped};
use std::cmp::Ordering;

/// The number of tree parts that are written between two checks of the run.
const PARTS: u32 = 1_024;

/// A tree that is written completely, or not at all if the run is stopped.
///
/// ```
/// use keyfill_diag::Cx;
/// use keyfill_yaml::{Limits, Within, load_value, to_json};
///
/// let value = load_value(b"{a: 1}", &Limits::default())?;
/// let cx = Cx::default();
/// assert_eq!(Within::run(&cx, &value).written(to_json).unwrap(), b"{\"a\":1}");
/// # Ok::<(), keyfill_yaml::Error>(())
/// ```
pub struct Within<'a, E: ?Sized> {
    cx: &'a Cx,
    value: &'a E,
    stopped: std::cell::Cell<Option<Stopped>>,
}

impl<'a, E: Emit + ?Sized> Within<'a, E> {
    /// Prepares a tree for being written within a run.
    pub fn run(cx: &'a Cx, value: &'a E) -> Self {
        Self { cx, value, stopped: std::cell::Cell::new(None) }
    }

    /// The result of `write`, which gets the tree; an error if the run was stopped.
    pub fn written<T>(&self, write: impl FnOnce(&Self) -> T) -> Result<T, Stopped> {
        let written = write(self);
        match self.stopped.take() {
            None => Ok(written),
            Some(stopped) => Err(stopped),
        }
    }
}

impl<E: Emit + ?Sized> Emit for Within<'_, E> {
    fn emit<S: Sink>(&self, sink: &mut S) {
        let mut guarded = Guarded { sink, cx: self.cx, parts: 0, stopped: None };
        self.value.emit(&mut guarded);
        self.stopped.set(guarded.stopped);
    }
}

/// A sink that ignores all parts once the run is stopped.
struct Guarded<'a, S> {
    sink: &'a mut S,
    cx: &'a Cx,
    parts: u32,
    stopped: Option<Stopped>,
}

impl<S: Sink> Guarded<'_, S> {
    fn pass(&mut self, part: impl FnOnce(&mut S)) {
        self.parts = self.parts.wrapping_add(1);
        if self.parts.is_multiple_of(PARTS) && self.stopped.is_none() {
            self.stopped = self.cx.check().err();
        }
        if self.stopped.is_none() {
            part(self.sink);
        }
    }

    /// Checks that the memory limit allows a long text.
    fn pass_text(&mut self, length: usize, part: impl FnOnce(&mut S)) {
        if length > 1 << 16 && self.stopped.is_none() {
            self.stopped = self.cx.room(length as u64).err();
        }
        self.pass(part);
    }
}

impl<S: Sink> Sink for Guarded<'_, S> {
    fn null(&mut self) {
        self.pass(S::null);
    }

    fn bool(&mut self, value: bool) {
        self.pass(|sink| sink.bool(value));
    }

    fn int(&mut self, value: i64) {
        self.pass(|sink| sink.int(value));
    }

    fn uint(&mut self, value: u64) {
        self.pass(|sink| sink.uint(value));
    }

    fn float(&mut self, value: f64) {
        self.pass(|sink| sink.float(value));
    }

    fn number(&mut self, text: &str) {
        self.pass_text(text.len(), |sink| sink.number(text));
    }

    fn str(&mut self, text: &str) {
        self.pass_text(text.len(), |sink| sink.str(text));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.pass_text(bytes.len(), |sink| sink.bytes(bytes));
    }

    fn time(&mut self, text: &str) {
        self.pass(|sink| sink.time(text));
    }

    fn begin_seq(&mut self) {
        self.pass(S::begin_seq);
    }

    fn end_seq(&mut self) {
        self.pass(S::end_seq);
    }

    fn begin_map(&mut self) {
        self.pass(S::begin_map);
    }

    fn key(&mut self, key: &str) {
        self.pass_text(key.len(), |sink| sink.key(key));
    }

    fn key_bytes(&mut self, key: &[u8]) {
        self.pass_text(key.len(), |sink| sink.key_bytes(key));
    }

    fn end_map(&mut self) {
        self.pass(S::end_map);
    }

    fn goes_on(&self) -> bool {
        self.stopped.is_none()
    }

    fn key_order(a: &str, b: &str) -> Ordering {
        S::key_order(a, b)
    }

    fn sort_keys<T>(entries: &mut [T], key: impl Fn(&T) -> &str) {
        S::sort_keys(entries, key);
    }
}

#[cfg(test)]
mod tests {
    use super::Within;
    use crate::{Emit, Value, to_json, to_json_plain, to_yaml};
    use keyfill_diag::{Cx, Memory, Stopped};
    use std::time::Duration;

    fn large() -> Value {
        Value::Map(vec![("a".into(), Value::Seq(vec![Value::Map(vec![("b".into(), Value::Int(1))]); 2_000]))])
    }

    #[test]
    fn writing_within_a_run_gives_the_same_bytes() {
        let (cx, value) = (Cx::default(), large());
        let within = Within::run(&cx, &value);
        assert_eq!(within.written(to_yaml), Ok(to_yaml(&value)));
        assert_eq!(within.written(to_json_plain), Ok(to_json_plain(&value)));
    }

    #[test]
    fn writing_ends_at_the_deadline_and_at_the_memory_limit() {
        let written = |value: &Value, cx: &Cx| Within::run(cx, value).written(to_json).err();
        let over = Cx::with_time(Duration::ZERO);
        assert_eq!(written(&large(), &over), Some(Stopped::Deadline));
        let full = Cx::default().with_memory(Memory::limited(1 << 20, || 1 << 20));
        let text = Value::Str("x".repeat(1 << 17).into());
        assert_eq!(written(&text, &full), Some(Stopped::Memory { limit: 1 << 20 }));
    }

    /// A tree that writes items without end until the sink accepts no more.
    struct Endless;

    impl Emit for Endless {
        fn emit<S: crate::Sink>(&self, sink: &mut S) {
            sink.begin_seq();
            while sink.goes_on() {
                sink.null();
            }
            sink.end_seq();
        }
    }

    #[test]
    fn an_endless_tree_can_stop_when_the_sink_accepts_no_more() {
        let over = Cx::with_time(Duration::ZERO);
        assert_eq!(Within::run(&over, &Endless).written(to_yaml), Err(Stopped::Deadline));
    }
}
