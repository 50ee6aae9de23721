//! No script of a plugin.yaml makes its reader panic or run too long, and the value of a variable never adds
//! anything but words to a command. The input is a script, a NUL byte, and a value.
#![no_main]

// The modules of the root package that are fuzzed: a binary cannot be a dependency.
#[allow(dead_code)]
#[path = "../../src/plugin/content.rs"]
mod content;
#[allow(dead_code)]
#[path = "../../src/plugin/lex.rs"]
mod lex;
#[allow(dead_code)]
#[path = "../../src/plugin/looking.rs"]
mod looking;
#[allow(dead_code)]
#[path = "../../src/plugin/parse.rs"]
mod parse;
#[allow(dead_code)]
#[path = "../../src/plugin/pattern.rs"]
mod pattern;
#[allow(dead_code)]
#[path = "../../src/plugin/plan.rs"]
mod plan;
#[allow(dead_code)]
#[path = "../../src/plugin/words.rs"]
mod words;

/// The other items of the root package that a plan uses.
#[allow(dead_code)]
mod render {
    pub mod edits {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum Edit {
            Image,
        }
    }
}

use libfuzzer_sys::fuzz_target;
use parse::{Command, Script};
use words::{Content, Variables};

struct Same(String);

impl Variables for Same {
    fn value(&self, _: &str) -> Option<&str> {
        Some(&self.0)
    }

    fn file(&mut self, name: String, _: &Content) -> String {
        name
    }
}

/// Looks into a word as those who explain a command do.
fn look_at(word: &words::Word, values: &mut Same) {
    let fields = word.fields(values);
    if word.text().is_some() {
        assert!(fields.len() <= 1, "text is one word");
    }
    let _ = word.expand(values);
}

fn look(script: &Script, values: &mut Same) {
    for command in script.statements.iter().flat_map(|statement| &statement.commands) {
        match command {
            Command::Group(inner) => look(inner, values),
            Command::If(branches, otherwise) => {
                for (condition, body) in branches {
                    look(condition, values);
                    look(body, values);
                }
                look(otherwise, values);
            }
            Command::For(repeated) => {
                repeated.words.iter().for_each(|word| look_at(word, values));
                look(&repeated.body, values);
            }
            Command::Simple(simple) => {
                simple.words.iter().for_each(|word| look_at(word, values));
                simple.captures.iter().for_each(|(_, script)| look(script, values));
                if let Some(program) = simple.words.first().and_then(words::Word::text) {
                    let _ = looking::source(&program, &simple.words[1..]);
                }
                let _ = looking::filter(&simple.words);
                let _ = looking::test(&simple.words);
            }
        }
    }
}

fuzz_target!(|text: &str| {
    let (script, value) = text.split_once('\0').unwrap_or((text, "a b"));
    if let Ok(script) = parse::script(script, 0) {
        look(&script, &mut Same(value.to_owned()));
    }
});
