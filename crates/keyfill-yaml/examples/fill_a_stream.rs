//! Puts values into a stream of manifests, as the tool keyfill does, with values from the command line:
//! `kustomize build . | cargo run --example fill_a_stream -- password=s3cret`.
//!
//! `<password>` in a string becomes the value. Documents without a placeholder leave byte for byte.

use keyfill_yaml::{Limits, Value, append_yaml, load_exact, split_stream};
use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Read as _, Write as _};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let values: BTreeMap<&str, &str> = arguments.iter().filter_map(|value| value.split_once('=')).collect();
    let mut stream = Vec::new();
    std::io::stdin().read_to_end(&mut stream)?;

    // Nothing is printed unless all documents can be filled.
    let mut filled = Vec::with_capacity(stream.len());
    for part in split_stream(&stream) {
        filled.extend_from_slice(&stream[part.before]);
        let body = &stream[part.body];
        if !body.contains(&b'<') {
            filled.extend_from_slice(body);
            continue;
        }
        let mut document = load_exact(body, &Limits::default())
            .map_err(|error| format!("line {}: {}", part.line + error.line() - 1, error.message()))?;
        fill(&mut document, &values);
        append_yaml(&mut filled, &document);
    }
    std::io::stdout().write_all(&filled)?;
    Ok(())
}

/// The limits of the loader bound how deep this goes.
fn fill(value: &mut Value, values: &BTreeMap<&str, &str>) {
    match value {
        Value::Str(text) => {
            for (name, value) in values {
                *text = text.replace(&format!("<{name}>"), value).into();
            }
        }
        Value::Seq(items) => items.iter_mut().for_each(|item| fill(item, values)),
        Value::Map(entries) => entries.iter_mut().for_each(|(_, value)| fill(value, values)),
        _ => {}
    }
}
