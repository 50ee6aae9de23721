//! Random files that SOPS encrypts: keyfill must decrypt them to the same bytes as SOPS.
//!
//! SOPS runs as a library in one process (`tests/oracles/sops`); the first files are also decrypted with the program
//! `sops`. `KEYFILL_SOPS_FILES` is the number of files for each of the five formats; the default is 200. This
//! compares 10,000 files in all, and prints how many of them SOPS accepted:
//!
//! `KEYFILL_SOPS_FILES=2000 cargo test --workspace --test sops generated -- --nocapture`

use crate::{data, decrypt, keys};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const RECIPIENT: &str = "age1gkgw9kx67f0vkujkht6qs9xpqhzxkhh9r0qffald9p6aajuwnp3sse5tzl";
/// The number of files of each format that are also decrypted with the program `sops`.
const BY_PROGRAM: u64 = 5;

fn count() -> u64 {
    std::env::var("KEYFILL_SOPS_FILES").ok().and_then(|n| n.parse().ok()).unwrap_or(200)
}

/// A process with SOPS' library, which is killed when this is dropped.
struct Sops {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Sops {
    fn start() -> Option<Self> {
        let mut child = Command::new(keyfill_testkit::oracle("sops-batch")?)
            .env_clear()
            .env("SOPS_AGE_KEY_FILE", data().join("key.txt"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // SOPS warns about each comment that is not encrypted.
            .stderr(Stdio::null())
            .spawn()
            .expect("it can be started");
        let requests = child.stdin.take().expect("a pipe");
        let answers = BufReader::new(child.stdout.take().expect("a pipe"));
        Some(Self { child, requests, answers })
    }

    /// Encrypts a text, and decrypts the result. `None` where SOPS refuses.
    fn ask(&mut self, name: &str, rule: &[&str], text: &str) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
        let request =
            json!({ "name": name, "recipient": RECIPIENT, "rule": rule, "text": STANDARD.encode(text) });
        writeln!(self.requests, "{request}").expect("it listens");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("it answers");
        let answer: Value = serde_json::from_str(&line).expect("JSON");
        let bytes = |field: &str| Some(STANDARD.decode(answer[field].as_str()?).expect("base64"));
        (bytes("sealed"), bytes("plain"))
    }
}

impl Drop for Sops {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Decrypts a file with the program `sops`.
fn by_program(program: &Path, folder: &Path, name: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    std::fs::write(folder.join(name), sealed).expect("it can be written");
    let out = Command::new(program)
        .env_clear()
        .env("SOPS_AGE_KEY_FILE", data().join("key.txt"))
        .env("HOME", folder)
        .current_dir(folder)
        .args(["decrypt", name])
        .output()
        .expect("sops can be started");
    out.status.success().then_some(out.stdout)
}

/// Encrypts and decrypts random texts with SOPS, and compares what keyfill decrypts.
fn check(make: fn(&mut fastrand::Rng) -> String, ending: &str) {
    let (Some(program), Some(mut sops)) = (keyfill_testkit::oracle("sops"), Sops::start()) else { return };
    let folder = tempfile::tempdir().expect("a folder can be made");
    let name = format!("file.{ending}");
    let rules = [
        &["--unencrypted-suffix", "a"][..],
        &["--encrypted-regex", "^[a-d]"],
        &["--encrypted-suffix", "b"],
        &["--unencrypted-regex", "x"],
        &[],
    ];
    let mut compared = 0;
    for seed in 0..count() {
        let mut random = fastrand::Rng::with_seed(seed);
        let text = make(&mut random);
        // A text that SOPS refuses to encrypt is skipped.
        let (Some(sealed), expected) = sops.ask(&name, rules[random.usize(..rules.len())], &text) else {
            continue;
        };
        if seed < BY_PROGRAM {
            assert_eq!(
                by_program(&program, folder.path(), &name, &sealed),
                expected,
                "seed {seed} of\n{text}"
            );
        }
        let ours = decrypt(&sealed, &name, &keys()).and_then(|decrypted| decrypted.text());
        match (&expected, &ours) {
            (Some(expected), Ok(ours)) => assert_eq!(
                String::from_utf8_lossy(ours.bytes()),
                String::from_utf8_lossy(expected),
                "seed {seed} of\n{text}\nencrypted\n{}",
                String::from_utf8_lossy(&sealed)
            ),
            (None, Err(_)) => {}
            (Some(_), Err(error)) => {
                panic!("seed {seed}: {error}\n{text}\n{}", String::from_utf8_lossy(&sealed))
            }
            (None, Ok(_)) => panic!("seed {seed}: sops does not decrypt\n{text}"),
        }
        compared += 1;
    }
    assert!(compared * 2 > count(), "only {compared} files could be compared");
    // Shown with `--nocapture`. An error in printing is ignored.
    drop(writeln!(std::io::stdout(), "{ending}: {compared} of {} files are the same", count()));
}

const KEYS: [&str; 14] =
    ["a", "b", "c", "data", "key b", "xa", "x", "y", "no", "k.e", "ü", "user_unencrypted", "0", "a:b"];

const TEXTS: [&str; 24] = [
    "plain",
    "",
    "yes",
    "0x1F",
    "1:30",
    "~",
    "null",
    "a: b",
    "- x",
    "#no",
    "tail ",
    " head",
    "two\nlines",
    "end\n",
    "\n",
    "tab\tx",
    "\"quoted\"",
    "it's",
    "üñ€😀",
    "1.10",
    "<<",
    "a #b",
    "\u{7}bell",
    "{x}",
];

fn yaml_scalar(random: &mut fastrand::Rng) -> String {
    match random.u8(..8) {
        0 => ["1", "-7", "0", "9007199254740993", "0o17", "12345678901234"][random.usize(..6)].into(),
        1 => ["1.5", "1e3", "-0.25", "1.0", ".5", "123456789.125", "1e-9"][random.usize(..7)].into(),
        2 => ["true", "false", "null", "~", "2024-01-02", "2024-01-02T03:04:05.5Z"][random.usize(..6)].into(),
        _ => serde_json::to_string(TEXTS[random.usize(..TEXTS.len())]).expect("a text is JSON"),
    }
}

fn pick_keys(random: &mut fastrand::Rng, most: usize) -> Vec<&'static str> {
    let mut keys = KEYS.to_vec();
    random.shuffle(&mut keys);
    keys.truncate(random.usize(1..=most));
    keys
}

fn comment(random: &mut fastrand::Rng, out: &mut String, indent: usize) {
    if random.u8(..5) == 0 {
        for _ in 0..random.u8(1..3) {
            let _ = writeln!(out, "{:indent$}# note {}", "", random.u8(..9));
        }
        if random.u8(..4) == 0 {
            out.push('\n');
        }
    }
}

fn line_end(random: &mut fastrand::Rng, out: &mut String) {
    if random.u8(..6) == 0 {
        let _ = write!(out, " # behind {}", random.u8(..9));
    }
    out.push('\n');
}

fn yaml_map(random: &mut fastrand::Rng, out: &mut String, indent: usize) {
    for key in pick_keys(random, 5) {
        comment(random, out, indent);
        let key = serde_json::to_string(key).expect("a text is JSON");
        match random.u8(..8) {
            0 | 1 if indent < 6 => {
                let _ = write!(out, "{:indent$}{key}:", "");
                line_end(random, out);
                yaml_map(random, out, indent + 2);
            }
            2 if indent < 6 => {
                let _ = write!(out, "{:indent$}{key}:", "");
                line_end(random, out);
                yaml_list(random, out, indent + 2);
            }
            3 => {
                let (first, second) = (yaml_scalar(random), yaml_scalar(random));
                let _ = write!(out, "{:indent$}{key}: [{first}, {{k: {second}}}, [], {{}}]", "");
                line_end(random, out);
            }
            4 => {
                let _ = writeln!(out, "{:indent$}{key}: |\n{:indent$}  one\n\n{:indent$}   two", "", "", "");
            }
            _ => {
                let _ = write!(out, "{:indent$}{key}: {}", "", yaml_scalar(random));
                line_end(random, out);
            }
        }
    }
    comment(random, out, indent);
}

fn yaml_list(random: &mut fastrand::Rng, out: &mut String, indent: usize) {
    for _ in 0..random.u8(1..4) {
        comment(random, out, indent);
        if random.u8(..4) == 0 {
            let _ = write!(out, "{:indent$}- k: {}", "", yaml_scalar(random));
            line_end(random, out);
            let _ = writeln!(out, "{:indent$}  l: {}", "", yaml_scalar(random));
        } else {
            let _ = write!(out, "{:indent$}- {}", "", yaml_scalar(random));
            line_end(random, out);
        }
    }
}

fn yaml(random: &mut fastrand::Rng) -> String {
    let mut out = String::new();
    for number in 0..random.u8(1..3) {
        if number > 0 {
            out.push_str("---\n");
        }
        yaml_map(random, &mut out, 0);
    }
    out
}

fn json_value(random: &mut fastrand::Rng, depth: u8) -> Value {
    match random.u8(..8) {
        0 if depth < 3 => json_map(random, depth + 1),
        1 if depth < 3 => (0..random.u8(..4)).map(|_| json_value(random, depth + 1)).collect(),
        2 => random.i64(..).into(),
        3 => (f64::from(random.i32(..)) / 64.0).into(),
        4 => random.bool().into(),
        5 => Value::Null,
        _ => TEXTS[random.usize(..TEXTS.len())].into(),
    }
}

fn json_map(random: &mut fastrand::Rng, depth: u8) -> Value {
    let keys = pick_keys(random, 6);
    keys.into_iter().map(|key| (key.to_owned(), json_value(random, depth))).collect()
}

fn json(random: &mut fastrand::Rng) -> String {
    json_map(random, 0).to_string()
}

fn dotenv(random: &mut fastrand::Rng) -> String {
    let mut out = String::new();
    for key in pick_keys(random, 8) {
        comment(random, &mut out, 0);
        let _ = writeln!(out, "{key}={}", TEXTS[random.usize(..TEXTS.len())].replace('\n', "\\n"));
    }
    out
}

fn ini(random: &mut fastrand::Rng) -> String {
    let mut out = String::new();
    for section in pick_keys(random, 4) {
        comment(random, &mut out, 0);
        let _ = writeln!(out, "[{section}]");
        for key in pick_keys(random, 5) {
            comment(random, &mut out, 0);
            let key = if key.contains(':') { format!("`{key}`") } else { key.to_owned() };
            let value = TEXTS[random.usize(..TEXTS.len())];
            let value = if value.contains('\n') { format!("\"\"\"{value}\"\"\"") } else { value.to_owned() };
            let _ = write!(out, "{key} = {value}");
            line_end(random, &mut out);
        }
    }
    out
}

#[test]
fn yaml_files_are_decrypted_to_the_bytes_of_sops() {
    check(yaml, "yaml");
}

#[test]
fn json_files_are_decrypted_to_the_bytes_of_sops() {
    check(json, "json");
}

#[test]
fn dotenv_files_are_decrypted_to_the_bytes_of_sops() {
    check(dotenv, "env");
}

#[test]
fn ini_files_are_decrypted_to_the_bytes_of_sops() {
    check(ini, "ini");
}

#[test]
fn other_files_are_decrypted_to_the_bytes_of_sops() {
    check(yaml, "bin");
}
