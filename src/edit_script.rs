//! The edit script between two lists.

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};
use std::collections::HashMap;
use std::hash::Hash;
use std::time::Instant;

/// The operations that turn `old` into `new`, by Myers' algorithm. After the deadline the result is correct but
/// not minimal.
///
/// Items are replaced by numbers, so that the algorithm is compiled once and not for each type of item.
pub fn operations<T: Eq + Hash>(old: &[T], new: &[T], deadline: Instant) -> Vec<DiffOp> {
    let mut numbers: HashMap<&T, usize> = HashMap::with_capacity(old.len());
    let mut number = |item| {
        let next = numbers.len();
        *numbers.entry(item).or_insert(next)
    };
    let (old, new): (Vec<usize>, Vec<usize>) =
        (old.iter().map(&mut number).collect(), new.iter().map(&mut number).collect());
    capture_diff_slices_deadline(Algorithm::Myers, &old, &new, Some(deadline))
}
