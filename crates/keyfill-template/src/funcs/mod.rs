//! The functions of Go, sprig and helm: a file for each family, with its table `FUNCTIONS`.
//!
//! How to write a function of your own: [`function`](crate::function).

mod builtin;
mod cast;
mod certs;
mod compare;
mod crypto;
mod dates;
mod decimal;
mod deep_equal;
mod defaults;
mod dicts;
mod durations;
mod encoding;
mod flow;
mod include;
mod json;
mod lists;
mod math;
mod merge;
mod network;
mod paths;
mod random;
mod reflection;
mod regex;
mod semver;
mod strings;
mod toml;
mod urls;
mod words;
mod yaml;
mod yaml_pretty;

pub use random::Seed;

use crate::function::{Function, Registry};

/// Go's built-in functions, which text/template has by default.
pub const GO: &[Function] = builtin::FUNCTIONS;

/// All functions of helm 3 by family: Go's built-in ones, those that execute templates, and those of sprig and helm.
pub const FAMILIES: &[&[Function]] = &[
    builtin::FUNCTIONS,
    include::FUNCTIONS,
    certs::FUNCTIONS,
    crypto::FUNCTIONS,
    dates::FUNCTIONS,
    decimal::FUNCTIONS,
    defaults::FUNCTIONS,
    dicts::FUNCTIONS,
    encoding::FUNCTIONS,
    flow::FUNCTIONS,
    json::FUNCTIONS,
    lists::FUNCTIONS,
    math::FUNCTIONS,
    merge::FUNCTIONS,
    network::FUNCTIONS,
    paths::FUNCTIONS,
    random::FUNCTIONS,
    reflection::FUNCTIONS,
    regex::FUNCTIONS,
    semver::FUNCTIONS,
    strings::FUNCTIONS,
    toml::FUNCTIONS,
    urls::FUNCTIONS,
    words::FUNCTIONS,
    yaml::FUNCTIONS,
    yaml_pretty::FUNCTIONS,
];

/// The functions that helm 4 has besides [`FAMILIES`], or instead of a function there.
pub const ADDED_BY_HELM_4: &[&[Function]] =
    &[durations::FUNCTIONS, json::OF_HELM_4, toml::ADDED_BY_HELM_4, yaml::ADDED_BY_HELM_4];

impl Registry {
    /// The functions of helm 3.
    pub fn helm_3() -> Self {
        Self::new(FAMILIES)
    }

    /// The functions of helm 4.
    pub fn helm_4() -> Self {
        let mut registry = Self::helm_3();
        ADDED_BY_HELM_4.iter().copied().flatten().for_each(|function| registry.add(*function));
        registry
    }
}
