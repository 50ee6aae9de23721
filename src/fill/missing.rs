//! Diagnostics about secrets that could not be read and keys that are missing.

use super::plan::{Use, Wanted, of_object, shown};
use super::problems::{MOST_SHOWN, Precision, Problems};
use keyfill_diag::{Class, Diagnostic, Report as _, nearest};
use keyfill_secrets::{Error, SecretData, SecretRef, SecretValue};
use keyfill_yaml::Document;
use std::sync::Arc;

/// The store's response to one read.
pub type Answer = Result<Arc<SecretData>, Error>;

/// The most different reasons of failed reads that are compared with each other.
const MOST_DISTINCT: usize = 10 * MOST_SHOWN;

/// Reports the failed reads, each at the first placeholder that needs it. Reads that failed for the same reason
/// (the store is down) are reported once. An absent secret is no problem if every use of it has a default or is to
/// be removed.
pub fn failed_reads(documents: &[Document], wanted: &[Wanted], answers: &[Answer], problems: &mut Problems) {
    let mut distinct: Vec<(Diagnostic, &Use, usize)> = Vec::new();
    for (wanted, answer) in wanted.iter().zip(answers) {
        let Err(error) = answer else { continue };
        let first = match &wanted.required {
            Some(required) => required,
            None if error.is_absent() => continue,
            None => &wanted.first,
        };
        for diagnostic in error.diagnostics() {
            if let Some((_, _, more)) =
                distinct.iter_mut().find(|(known, ..)| known.message == diagnostic.message)
            {
                *more += 1;
            } else if distinct.len() < MOST_DISTINCT {
                distinct.push((diagnostic, first, 0));
            } else {
                problems.add(first.order, diagnostic.class, |exact| at(documents, first, diagnostic, exact));
            }
        }
    }
    for (mut diagnostic, first, more) in distinct {
        if more > 0 {
            let secrets = if more == 1 { "secret" } else { "secrets" };
            diagnostic.message.push_str(&format!(" (and the same for {more} more {secrets})"));
        }
        problems.add(first.order, diagnostic.class, |exact| at(documents, first, diagnostic, exact));
    }
}

fn at(documents: &[Document], first: &Use, diagnostic: Diagnostic, exact: Precision<'_>) -> Diagnostic {
    let place = first.place(&documents[first.order.0], exact);
    of_object(diagnostic.at(place), &first.object)
}

/// The error for a key that is missing in the secret or has the value null; the caller adds the position.
pub fn missing_key(token: &[u8], key: &str, secret: &SecretRef, data: &SecretData) -> Diagnostic {
    let token = shown(token);
    let message = match data.get(key) {
        Some(SecretValue::Null) => {
            format!("{token}: the value is missing: the key {key} of the secret {secret} is null")
        }
        _ => format!("{token}: the key {key} is missing in the secret {secret}"),
    };
    Diagnostic::error(Class::Missing, message).hint(near_keys(key, data))
}

/// A hint with the most similar key, or with the keys that exist. Names of keys are not secret.
fn near_keys(key: &str, data: &SecretData) -> String {
    const MOST: usize = 12;
    // Comparing two names costs the product of their lengths.
    if key.len() < 256
        && let Some(near) = nearest(key, data.keys().filter(|other| *other != key && other.len() < 256))
    {
        return format!("did you mean {near}?");
    }
    let mut names: Vec<&str> = data.keys().collect();
    names.sort_unstable();
    match names.len() {
        0 => "the secret has no keys".to_owned(),
        n if n > MOST => format!("the secret has {} and {} more", names[..MOST].join(", "), n - MOST),
        _ => format!("the secret has {}", names.join(", ")),
    }
}
