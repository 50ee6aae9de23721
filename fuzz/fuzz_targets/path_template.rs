//! No path template makes the reader or minijinja panic, and an accepted template never makes a large text.
#![no_main]

// The module of the root package that is fuzzed: a binary cannot be a dependency.
#[allow(dead_code)]
#[path = "../../src/fill/path_template.rs"]
mod path_template;

use libfuzzer_sys::fuzz_target;
use minijinja::{Environment, UndefinedBehavior, context};

fuzz_target!(|template: &str| {
    let Ok(names) = path_template::names(template) else { return };
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let values = context! { app => context! { name => "shop", namespace => "team", project => "blue" } };
    if let Ok(rendered) = environment.render_str(template, values) {
        assert!(rendered.len() <= template.len() + 16 * names.len(), "nothing multiplies a text");
    }
});
