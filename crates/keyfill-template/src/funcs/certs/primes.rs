//! Numbers for new keys. Finding large primes may take seconds, so the deadline is checked between candidates.

use crate::function::FuncError;
use crypto_primes::hazmat::SmallFactorsSieve;
use crypto_primes::{Flavor, is_prime};
use keyfill_diag::{Cx, Stopped};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, TryCryptoRng, TryRng};
use rsa::BoxedUint;
use std::num::NonZeroU32;

/// The exponent of every public RSA key.
const EXPONENT: u64 = 65_537;

/// A new RSA key with this number of bits.
pub(super) fn rsa_key(rng: &mut ChaCha20Rng, bits: u32, cx: &Cx) -> Result<rsa::PrivateKey, FuncError> {
    loop {
        let (p, q) = (prime(rng, bits / 2, cx)?, prime(rng, bits / 2, cx)?);
        match rsa::PrivateKey::from_p_q(p, q, BoxedUint::from(EXPONENT)) {
            Ok(key) => return Ok(key),
            // About one in 30,000 pairs of primes does not fit the exponent.
            Err(rsa::Error::InvalidPrime) => {}
            Err(error) => return Err(format!("error generating rsa key: {error}").into()),
        }
    }
}

fn over(stopped: Stopped) -> FuncError {
    FuncError::limit(stopped.to_string())
}

/// A random prime whose two highest bits are set, so that the product of two such primes has all its bits.
fn prime(rng: &mut ChaCha20Rng, bits: u32, cx: &Cx) -> Result<BoxedUint, FuncError> {
    let failed = |_| FuncError::from("error generating rsa key: no prime of this size");
    let length = NonZeroU32::new(bits).unwrap_or(NonZeroU32::MIN);
    let mut bytes = vec![0; (bits / 8) as usize];
    loop {
        rng.fill_bytes(&mut bytes);
        if let Some(first) = bytes.first_mut() {
            *first |= 0xc0;
        }
        if let Some(last) = bytes.last_mut() {
            *last |= 1;
        }
        let start = BoxedUint::from_be_slice(&bytes, bits).map_err(|_| "the number has too many bits")?;
        for candidate in SmallFactorsSieve::new(start, length, false).map_err(failed)? {
            cx.check().map_err(over)?;
            if is_prime(Flavor::Any, &candidate) {
                return Ok(candidate);
            }
        }
    }
}

/// A new DSA key of 2048 bits.
pub(super) fn dsa_key(rng: &mut ChaCha20Rng, cx: &Cx) -> Result<dsa::SigningKey, FuncError> {
    let size = dsa::KeySize::DSA_2048_256;
    let parts = dsa::Components::try_generate_from_rng_with_key_size(&mut Asking { rng, cx }, size);
    let parts = parts.map_err(|error| over(error.0))?;
    let Ok(key) = dsa::SigningKey::try_generate_from_rng_with_components(rng, parts);
    Ok(key)
}

/// A source of random bytes. When the run has to stop, requests for many bytes fail, but those for few do not: the
/// large prime is requested again for each candidate, the small prime once, and that request must not fail.
struct Asking<'a> {
    rng: &'a mut ChaCha20Rng,
    cx: &'a Cx,
}

/// The most bytes of a request that does not fail: somewhat more than the small prime has.
const SMALL: usize = 64;

#[derive(Debug)]
struct Over(Stopped);

impl std::fmt::Display for Over {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Over {}

impl TryRng for Asking<'_> {
    type Error = Over;

    fn try_next_u32(&mut self) -> Result<u32, Over> {
        Ok(self.rng.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Over> {
        Ok(self.rng.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Over> {
        if bytes.len() > SMALL {
            self.cx.check().map_err(Over)?;
        }
        self.rng.fill_bytes(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Asking<'_> {}

#[cfg(test)]
mod tests {
    use super::{dsa_key, rsa_key};
    use keyfill_diag::Cx;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng as _;
    use rsa::traits::PublicKeyParts as _;
    use std::time::{Duration, Instant};

    #[test]
    fn a_key_has_the_requested_number_of_bits() {
        let mut rng = ChaCha20Rng::from_seed([7; 32]);
        for bits in [512, 1024] {
            let key = rsa_key(&mut rng, bits, &Cx::default()).unwrap();
            assert_eq!(key.n().bit_width(), bits);
        }
    }

    #[test]
    fn creating_a_key_ends_at_the_deadline() {
        let mut rng = ChaCha20Rng::from_seed([7; 32]);
        let start = Instant::now();
        let cx = Cx::with_time(Duration::from_millis(50));
        assert!(rsa_key(&mut rng, 1 << 13, &cx).is_err());
        assert!(dsa_key(&mut rng, &Cx::with_time(Duration::ZERO)).is_err());
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    }
}
