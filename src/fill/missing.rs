//! Diagnostics about secrets that could not be read and keys that are not there.

use super::locate::{self, Token};
use super::plan::{Part, Plan, Site, Wanted, shown};
use keyfill_diag::{Class, Diagnostic, Place, nearest};
use keyfill_secrets::{Error, SecretData, SecretRef, SecretValue};
use keyfill_yaml::Document;
use std::sync::Arc;

/// What the store said to one read.
pub type Answer = Result<Arc<SecretData>, Error>;

/// The reads that failed, each at the first placeholder that needs it. Reads that failed for the same
/// reason (the store is down) are told once.
pub fn failed_reads(documents: &[Document], plan: &Plan, answers: &[Answer]) -> Vec<Diagnostic> {
    let mut told: Vec<(Diagnostic, usize)> = Vec::new();
    for (wanted, answer) in plan.wanted.iter().zip(answers) {
        let Err(error) = answer else { continue };
        for diagnostic in error.diagnostics() {
            match told.iter_mut().find(|(known, _)| known.message == diagnostic.message) {
                Some((_, more)) => *more += 1,
                None => {
                    let place = place_of(documents, wanted, told.len());
                    told.push((diagnostic.at(place), 0));
                }
            }
        }
    }
    told.into_iter()
        .map(|(mut diagnostic, more)| {
            if more > 0 {
                let secrets = if more == 1 { "secret" } else { "secrets" };
                diagnostic.message.push_str(&format!(" (and the same for {more} more {secrets})"));
            }
            diagnostic
        })
        .collect()
}

fn place_of(documents: &[Document], wanted: &Wanted, told: usize) -> Place {
    let token = wanted.token.as_deref().map(|text| Token { text, nth: 0 });
    locate::place(&documents[wanted.document], &wanted.path, token, told)
}

/// A key that the secret does not have, or has with the value null; the caller adds the place.
pub fn missing_key(site: &Site, part: &Part, secret: &SecretRef, data: &SecretData) -> Diagnostic {
    let token = shown(&site.text[part.span.clone()]);
    let key = &part.key;
    let message = match data.get(key) {
        Some(SecretValue::Null) => {
            format!("{token}: the value is missing: the key {key} of the secret {secret} is null")
        }
        _ => format!("{token}: the key {key} is missing in the secret {secret}"),
    };
    Diagnostic::error(Class::Missing, message).hint(near_keys(key, data))
}

/// Which key was meant, or which there are. Names of keys are no secret.
fn near_keys(key: &str, data: &SecretData) -> String {
    const MOST: usize = 12;
    if let Some(near) = nearest(key, data.keys().filter(|other| *other != key)) {
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
