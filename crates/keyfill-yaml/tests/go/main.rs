//! Differential tests against the Go libraries: results must have the same bytes, and the same texts must be
//! refused.
//!
//! The files are `testdata/` of this crate, and all YAML and JSON files below the folder `KEYFILL_CORPUS`.

mod compare;
mod generate;
mod oracle;

use compare::{OPERATIONS, difference, stable};
use generate::Random;
use oracle::Oracle;
use std::path::{Path, PathBuf};

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            files_below(&path, found);
        } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml" || e == "json") {
            found.push(path);
        }
    }
}

fn corpus() -> Vec<PathBuf> {
    let mut found = Vec::new();
    files_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata"), &mut found);
    if let Some(folder) = std::env::var_os("KEYFILL_CORPUS") {
        files_below(Path::new(&folder), &mut found);
    }
    found.sort();
    found
}

#[test]
fn files_are_parsed_and_printed_as_in_go() {
    let Some(mut oracle) = Oracle::start() else { return };
    let files = corpus();
    let mut differences = Vec::new();
    for file in &files {
        let text = std::fs::read(file).expect("a file of the corpus can be read");
        for operation in OPERATIONS {
            if let Some(d) = difference(&mut oracle, operation, &text) {
                differences.push(format!("{}: {d}", file.display()));
            }
        }
        for part in keyfill_yaml::split_stream(&text).skip(1) {
            for operation in *b"ym" {
                if let Some(d) = difference(&mut oracle, operation, &text[part.body.clone()]) {
                    differences.push(format!("{} line {}: {d}", file.display(), part.line));
                }
            }
        }
    }
    println!("{} files", files.len());
    let shown: Vec<&str> = differences.iter().take(40).map(String::as_str).collect();
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), shown.join("\n"));
}

/// The number of generated texts and values: `KEYFILL_CASES`, or a number that takes a second or two.
fn cases() -> u64 {
    std::env::var("KEYFILL_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(3_000)
}

fn report(differences: &[String]) {
    let shown: Vec<&str> = differences.iter().take(12).map(String::as_str).collect();
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), shown.join("\n\n"));
}

#[test]
fn generated_texts_are_parsed_as_in_go() {
    let Some(mut oracle) = Oracle::start() else { return };
    let (mut differences, mut valid) = (Vec::new(), 0);
    for seed in 0..cases() {
        let random = &mut Random::new(seed);
        let mut text = generate::text(random);
        if seed % 3 == 0 {
            text = generate::mutated(random, &text);
        }
        for operation in OPERATIONS {
            if let Some(d) = difference(&mut oracle, operation, text.as_bytes()) {
                differences.push(format!("seed {seed} {text:?}\n{d}"));
                break;
            }
        }
        valid += u32::from(matches!(compare::ours(b'y', text.as_bytes()), Some(Ok(_))));
    }
    println!("{valid} of {} texts are valid", cases());
    report(&differences);
}

#[test]
fn generated_texts_are_written_again_as_in_go() {
    let Some(mut oracle) = Oracle::start() else { return };
    let (mut differences, mut valid) = (Vec::new(), 0);
    for seed in 0..cases() {
        let random = &mut Random::new(seed ^ 0xC0FFEE);
        let mut text = generate::text(random);
        text = generate::commented(random, &text);
        if seed % 5 == 0 {
            text = generate::mutated(random, &text);
        }
        if let Some(d) = difference(&mut oracle, b'w', text.as_bytes()) {
            differences.push(format!("seed {seed} {text:?}\n{d}"));
        }
        valid += u32::from(matches!(compare::ours(b'w', text.as_bytes()), Some(Ok(_))));
    }
    println!("{valid} of {} texts are valid", cases());
    report(&differences);
}

#[test]
fn generated_values_are_printed_as_in_go() {
    let Some(mut oracle) = Oracle::start() else { return };
    let mut differences = Vec::new();
    for seed in 0..cases() {
        let value = generate::value_tree(&mut Random::new(seed), 0);
        if !stable(&value) {
            continue;
        }
        let json = keyfill_yaml::to_json(&value);
        let ours = keyfill_yaml::to_yaml(&value);
        match oracle.ask(b'e', &json) {
            Ok(theirs) if theirs == ours => {}
            Ok(theirs) => {
                let d = compare::first_lines_that_differ(&ours, &theirs);
                differences.push(format!("seed {seed} {}\n{d}", String::from_utf8_lossy(&json)));
            }
            Err(e) => differences.push(format!("seed {seed}: Go refuses it: {e}")),
        }
    }
    report(&differences);
}
