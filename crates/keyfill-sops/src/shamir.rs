//! Shamir's secret sharing: a secret is split into shares, and a certain number of them is enough to compute it.
//!
//! Each byte of the secret is the value at 0 of a polynomial over the field of 256 elements that AES uses. A share
//! holds the values of all polynomials at one point, and that point as its last byte.

use crate::Hidden;

/// Computes the secret from shares. `None` if there are fewer than two, or if they do not belong together: different
/// lengths, or the same point twice. Too few shares give a wrong secret, which is noticed only when it is used.
pub(crate) fn combine(shares: &[Hidden]) -> Option<Hidden> {
    let length = shares.first()?.bytes().len();
    if shares.len() < 2 || length < 2 || shares.iter().any(|share| share.bytes().len() != length) {
        return None;
    }
    let points: Vec<u8> = shares.iter().map(|share| share.bytes()[length - 1]).collect();
    if points.iter().enumerate().any(|(i, point)| *point == 0 || points[..i].contains(point)) {
        return None;
    }
    // The weights of the points in Lagrange's formula for the value at 0 are the same for each byte.
    let weights: Vec<u8> = points.iter().map(|point| weight(*point, &points)).collect();
    let byte = |at: usize| {
        shares.iter().zip(&weights).fold(0, |sum, (share, weight)| sum ^ multiply(share.bytes()[at], *weight))
    };
    Some(Hidden::new((0..length - 1).map(byte).collect::<Vec<u8>>()))
}

fn weight(point: u8, points: &[u8]) -> u8 {
    let others = points.iter().filter(|other| **other != point);
    others.fold(1, |product, other| multiply(product, multiply(*other, inverse(point ^ other))))
}

/// Multiplies two elements. No branch depends on them, so that the time reveals nothing.
fn multiply(a: u8, b: u8) -> u8 {
    let mut product: u8 = 0;
    for bit in (0..8).rev() {
        let carry = (product >> 7).wrapping_neg() & 0x1B;
        product = (product << 1) ^ carry ^ ((b >> bit & 1).wrapping_neg() & a);
    }
    product
}

/// The inverse is the 254th power, since the multiplicative group has 255 elements.
fn inverse(a: u8) -> u8 {
    let mut power: u8 = 1;
    for _ in 0..254 {
        power = multiply(power, a);
    }
    power
}

#[cfg(test)]
mod tests {
    use super::{combine, inverse, multiply};
    use crate::Hidden;

    /// Splits a secret into shares at the points 1, 2, ..., with the same coefficients for each byte.
    fn split(secret: &[u8], coefficients: &[u8], count: u8) -> Vec<Hidden> {
        let share = |x: u8| {
            let value = |byte: &u8| {
                let tail = coefficients.iter().rev().fold(0, |sum, c| multiply(sum ^ c, x));
                byte ^ tail
            };
            secret.iter().map(value).chain([x]).collect::<Vec<u8>>()
        };
        (1..=count).map(|x| Hidden::new(share(x))).collect()
    }

    #[test]
    fn every_element_has_its_inverse() {
        assert!((1..=255).all(|a| multiply(a, inverse(a)) == 1));
    }

    #[test]
    fn enough_shares_give_the_secret_and_fewer_another() {
        let shares = split(b"hush hush", &[0x53, 0xCA], 5);
        let of = |picked: &[usize]| {
            combine(&picked.iter().map(|i| shares[*i].clone()).collect::<Vec<_>>()).expect("they fit")
        };
        assert_eq!(of(&[0, 1, 2]).bytes(), b"hush hush");
        assert_eq!(of(&[4, 1, 3]).bytes(), b"hush hush");
        assert_eq!(of(&[0, 1, 2, 3, 4]).bytes(), b"hush hush");
        assert_ne!(of(&[0, 1]).bytes(), b"hush hush");
    }

    #[test]
    fn shares_that_do_not_belong_together_are_refused() {
        let shares = split(b"hush", &[7], 2);
        assert!(combine(&shares[..1]).is_none());
        assert!(combine(&[shares[0].clone(), shares[0].clone()]).is_none());
        assert!(combine(&[shares[0].clone(), Hidden::new("ab")]).is_none());
        assert!(combine(&[Hidden::new([1, 0]), Hidden::new([1, 2])]).is_none());
        assert!(combine(&[]).is_none());
    }
}
