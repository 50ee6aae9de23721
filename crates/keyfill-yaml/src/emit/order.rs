//! The order of keys in yaml.v2: letters are compared by code point, runs of digits as numbers.

use keyfill_go::unicode::{is_digit, is_letter};
use std::cmp::Ordering;

/// Compares two keys as yaml.v2 does. The order is not transitive: see [`crate::Sink::sort_keys`].
pub(super) fn natural(a: &str, b: &str) -> Ordering {
    let same = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    // Go back to the start of the first character that differs.
    let at = (0..=same).rev().find(|i| a.is_char_boundary(*i) && b.is_char_boundary(*i)).unwrap_or(0);
    let (rest_a, rest_b) = (&a[at..], &b[at..]);
    let (Some(x), Some(y)) = (rest_a.chars().next(), rest_b.chars().next()) else {
        return a.len().cmp(&b.len());
    };
    match (is_letter(x), is_letter(y)) {
        (true, true) => return x.cmp(&y),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    // A zero behind other digits is a part of the number; a leading zero is not.
    let zero = x == '0' || y == '0';
    let inside = zero && a[..at].chars().rev().take_while(|c| is_digit(*c)).any(|c| c != '0');
    let start = i64::from(inside);
    let ((number_x, len_x), (number_y, len_y)) = (number(rest_a, start), number(rest_b, start));
    number_x.cmp(&number_y).then(len_x.cmp(&len_y)).then(x.cmp(&y))
}

/// Mappings up to this size are sorted by insertion, whose time is quadratic.
pub(super) const SHORT: usize = 256;

/// Merge sort that works with any `in_order`. The standard library's sort may panic if `in_order` is no total
/// order.
pub(super) fn merge_sort<T>(entries: &mut [T], in_order: impl Fn(&T, &T) -> bool) {
    let mut from: Vec<usize> = (0..entries.len()).collect();
    let mut merged = Vec::with_capacity(entries.len());
    let mut width = 1;
    while width < entries.len() {
        for two in from.chunks(2 * width) {
            let (mut left, mut right) = two.split_at(width.min(two.len()));
            while let (Some(l), Some(r)) = (left.first(), right.first()) {
                let side = if in_order(&entries[*l], &entries[*r]) { &mut left } else { &mut right };
                merged.extend(side.split_off_first());
            }
            merged.extend(left.iter().chain(right));
        }
        std::mem::swap(&mut from, &mut merged);
        merged.clear();
        width *= 2;
    }
    put_in_order(entries, &mut from);
}

/// Moves the entry at `from[i]` to position `i`, for each `i`.
fn put_in_order<T>(entries: &mut [T], from: &mut [usize]) {
    for start in 0..entries.len() {
        let mut at = start;
        loop {
            let next = std::mem::replace(&mut from[at], at);
            if next == start {
                break;
            }
            entries.swap(at, next);
            at = next;
        }
    }
}

/// The number at the start of a text, and its count of digits. It overflows as Go's integers do.
fn number(text: &str, start: i64) -> (i64, usize) {
    text.chars().take_while(|c| is_digit(*c)).fold((start, 0), |(n, len), c| {
        let digit = i64::from(u32::from(c)) - i64::from(u32::from('0'));
        (n.wrapping_mul(10).wrapping_add(digit), len + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::{SHORT, merge_sort, natural};
    use crate::{Value, to_yaml};
    use std::time::{Duration, Instant};

    #[test]
    fn runs_of_digits_are_compared_as_numbers() {
        for sorted in [
            &["b9", "b10", "ba"][..],
            &["1", "2", "10", "a"],
            &["", "a", "aB", "aa"],
            &["a-b", "a.b", "a/b", "ab"],
            &["a1", "a01", "a2", "a002"],
            &["v1", "v1.2", "v1.10", "v1alpha1"],
            &["A", "Z", "a", "é"],
        ] {
            for pair in sorted.windows(2) {
                assert!(natural(pair[0], pair[1]).is_lt(), "{pair:?}");
                assert!(natural(pair[1], pair[0]).is_gt(), "{pair:?}");
            }
            assert!(natural(sorted[0], sorted[0]).is_eq());
        }
    }

    #[test]
    fn merge_sort_puts_keys_in_natural_order() {
        for count in [0, 1, 2, 3, SHORT, SHORT + 1, 1_000] {
            let mut keys: Vec<String> = (0..count).map(|n| format!("k{}", n * 7_919 % 1_009)).collect();
            keys.sort_unstable();
            let mut sorted = keys.clone();
            sorted.sort_by_key(|key| key[1..].parse::<u32>().expect("a number"));
            merge_sort(&mut keys, |a, b| natural(a, b).is_le());
            assert_eq!(keys, sorted);
        }
    }

    #[test]
    fn an_order_that_is_not_transitive_loses_no_key() {
        let mut keys: Vec<String> =
            ["a10", "a1b", "a9"].iter().flat_map(|k| vec![(*k).to_owned(); 99]).collect();
        let mut before = keys.clone();
        merge_sort(&mut keys, |a, b| natural(a, b).is_le());
        keys.sort_unstable();
        before.sort_unstable();
        assert_eq!(keys, before);
    }

    #[test]
    fn a_mapping_of_200_000_keys_takes_no_quadratic_time() {
        let entries: Vec<_> = (0..200_000).map(|n| (format!("k{n}").into(), Value::Null)).collect();
        let start = Instant::now();
        let text = to_yaml(&Value::Map(entries));
        assert!(text.starts_with(b"k0: null\nk1: null\nk2: null\n"));
        // With insertion sort this would take hours.
        assert!(start.elapsed() < Duration::from_secs(60), "it took {:?}", start.elapsed());
    }
}
