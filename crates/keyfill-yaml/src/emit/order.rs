//! The order of keys in yaml.v2: letters by code point, runs of digits by their number.

use keyfill_go::unicode::{is_digit, is_letter};
use std::cmp::Ordering;

/// Compares two keys as yaml.v2 does. It is not transitive: see [`crate::Sink::sort_keys`].
pub(super) fn natural(a: &str, b: &str) -> Ordering {
    let same = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    // Back to where the character begins that is the first to differ.
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
    // Zeros in the middle of a number count.
    let zero = x == '0' || y == '0';
    let inside = zero && a[..at].chars().rev().take_while(|c| is_digit(*c)).any(|c| c != '0');
    let start = i64::from(inside);
    let ((number_x, len_x), (number_y, len_y)) = (number(rest_a, start), number(rest_b, start));
    number_x.cmp(&number_y).then(len_x.cmp(&len_y)).then(x.cmp(&y))
}

/// The number at the start of a text and how many digits it has; it wraps as Go's integers do.
fn number(text: &str, start: i64) -> (i64, usize) {
    text.chars().take_while(|c| is_digit(*c)).fold((start, 0), |(n, len), c| {
        let digit = i64::from(u32::from(c)) - i64::from(u32::from('0'));
        (n.wrapping_mul(10).wrapping_add(digit), len + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::natural;

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
}
