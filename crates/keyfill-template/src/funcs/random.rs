//! Random values: strings, numbers, shuffling, UUIDs.
//!
//! The numbers come from the operating system's entropy, or from a [`Seed`] that the host sets with
//! [`Run::provide`], which makes the output repeatable.

use crate::function::{FuncError, Function, int, text};
use crate::run::Run;
use crate::value::{Type, Value};
use keyfill_go::{base, utf8};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const I: Type = Type::Int;

/// The functions of this family.
pub const FUNCTIONS: &[Function] = &[
    Function::fixed("randAlphaNum", &[I], |run, args| letters(run, args, u8::is_ascii_alphanumeric)),
    Function::fixed("randAlpha", &[I], |run, args| letters(run, args, u8::is_ascii_alphabetic)),
    Function::fixed("randNumeric", &[I], |run, args| letters(run, args, u8::is_ascii_digit)),
    Function::fixed("randAscii", &[I], |run, args| letters(run, args, |b| (b' '..0x7f).contains(b))),
    Function::fixed("randBytes", &[I], bytes),
    Function::fixed("randInt", &[I, I], number),
    Function::fixed("shuffle", &[Type::String], shuffle),
    Function::fixed("uuidv4", &[], uuid),
];

/// The seed of the random numbers, for output that can be repeated.
#[derive(Clone, Copy, Debug)]
pub struct Seed(pub u64);

/// The random numbers of a run.
#[derive(Default)]
struct Source(Option<ChaCha20Rng>);

/// The random numbers of the run, which are created on first use.
pub(super) fn source(run: &mut Run) -> Result<&mut ChaCha20Rng, FuncError> {
    let seed = run.provided::<Seed>().copied();
    let Source(source) = run.state();
    match source {
        Some(rng) => Ok(rng),
        empty => {
            let rng = match seed {
                Some(Seed(seed)) => ChaCha20Rng::seed_from_u64(seed),
                None => {
                    let mut entropy = [0; 32];
                    getrandom::fill(&mut entropy)
                        .map_err(|error| format!("the system gives no random numbers: {error}"))?;
                    ChaCha20Rng::from_seed(entropy)
                }
            };
            Ok(empty.insert(rng))
        }
    }
}

/// A random number below `bound`, which is not 0. All numbers are equally likely.
fn below(rng: &mut ChaCha20Rng, bound: u64) -> u64 {
    // Numbers above the last whole multiple would make small results more likely.
    let most = u64::MAX - u64::MAX % bound;
    loop {
        let number = rng.next_u64();
        if number < most {
            return number % bound;
        }
    }
}

/// The count in argument 0. A negative count is 0, since sprig ignores the error.
fn count(run: &mut Run, args: &[Value]) -> Result<usize, FuncError> {
    let count = u64::try_from(int(args, 0)).unwrap_or(0);
    run.spend(count)?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

fn letters(run: &mut Run, args: &[Value], accept: fn(&u8) -> bool) -> Result<Value, FuncError> {
    let count = count(run, args)?;
    let alphabet: Vec<u8> = (0..0x80).filter(accept).collect();
    let rng = source(run)?;
    let letter = |_| alphabet[below(rng, alphabet.len() as u64) as usize];
    Ok(Value::str((0..count).map(letter).collect::<Vec<u8>>()))
}

fn bytes(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    if int(args, 0) < 0 {
        return Err("runtime error: makeslice: len out of range".into());
    }
    let count = count(run, args)?;
    run.spend(count as u64 / 3 * 4)?;
    let mut bytes = vec![0; count];
    source(run)?.fill_bytes(&mut bytes);
    Ok(Value::str(base::encode64(&bytes)))
}

fn number(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let (from, to) = (int(args, 0), int(args, 1));
    let bound = to.wrapping_sub(from);
    if bound <= 0 {
        return Err("invalid argument to Intn".into());
    }
    Ok(Value::Int(from.wrapping_add_unsigned(below(source(run)?, bound.unsigned_abs()))))
}

fn shuffle(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let mut runes: Vec<char> = utf8::runes(text(args, 0)).map(|rune| rune.char).collect();
    run.spend(4 * runes.len() as u64)?;
    let rng = source(run)?;
    for last in (1..runes.len()).rev() {
        runes.swap(last, below(rng, last as u64 + 1) as usize);
    }
    Ok(runes.into_iter().collect::<String>().into())
}

/// A random UUID, of version 4 and the variant of RFC 9562.
fn uuid(run: &mut Run, _: &[Value]) -> Result<Value, FuncError> {
    let mut id = [0; 16];
    source(run)?.fill_bytes(&mut id);
    id[6] = id[6] & 0x0f | 0x40;
    id[8] = id[8] & 0x3f | 0x80;
    let mut out = String::with_capacity(36);
    for (place, byte) in id.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        out.push_str(&format!("{byte:02x}"));
    }
    Ok(out.into())
}
