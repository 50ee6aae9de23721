//! A set of parsed templates that can call each other.

use crate::compiler::{Tree, parse};
use crate::error::Error;
use crate::function::Registry;
use crate::value::Str;
use keyfill_diag::Cx;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// The value of a key that a map does not have: Go's `missingkey` option.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingKey {
    /// No value; printed as `<no value>`.
    #[default]
    Default,
    /// The zero value of the map's element type. For `interface {}` this is a nil, printed as `<no value>`, and
    /// accessing its fields is an error.
    Zero,
    /// An error.
    Error,
}

/// Templates by name, with the functions that they may call.
///
/// They are parsed once and executed any number of times, also by several threads. A clone shares all templates
/// that were parsed so far.
#[derive(Clone)]
pub struct Templates {
    name: Str,
    registry: Arc<Registry>,
    missing_key: MissingKey,
    trees: Arc<HashMap<Str, Arc<Tree>>>,
    /// The set that this one extends. So the definitions in a text of `tpl` are added without copying the set.
    base: Option<Arc<Templates>>,
}

impl Templates {
    /// An empty set. `tpl` uses the name of the set for the texts that it parses, and errors show it.
    pub fn new(name: impl Into<Str>, registry: impl Into<Arc<Registry>>) -> Self {
        Self {
            name: name.into(),
            registry: registry.into(),
            missing_key: MissingKey::Default,
            trees: Arc::default(),
            base: None,
        }
    }

    /// Sets the value of missing keys.
    #[must_use]
    pub fn with_missing_key(mut self, missing_key: MissingKey) -> Self {
        self.missing_key = missing_key;
        self
    }

    /// Parses a text as the template `name`. Adds it and its definitions.
    ///
    /// A later definition replaces an earlier one of the same name, unless it is empty. So the order of these
    /// calls matters.
    pub fn parse(&mut self, name: &str, text: impl Into<Str>) -> Result<(), Error> {
        self.parse_with(name, &text.into(), None)
    }

    /// As [`Templates::parse`], but stops with an error when the run of `cx` has to stop.
    pub fn parse_in(&mut self, name: &str, text: impl Into<Str>, cx: &Cx) -> Result<(), Error> {
        self.parse_with(name, &text.into(), Some(cx))
    }

    fn parse_with(&mut self, name: &str, text: &Str, cx: Option<&Cx>) -> Result<(), Error> {
        for tree in parse(name, text, &self.registry, cx)? {
            self.add(Arc::new(tree));
        }
        Ok(())
    }

    /// Whether there is a template of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.find(name.as_bytes()).is_some()
    }

    /// The names of all templates, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.trees.keys().map(|name| name.to_text().into_owned()).collect();
        names.extend(self.base.iter().flat_map(|base| base.names()));
        names.sort();
        names.dedup();
        names
    }

    /// The functions that the templates may call.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The name of the set.
    pub fn name(&self) -> &Str {
        &self.name
    }

    pub(crate) fn missing_key(&self) -> MissingKey {
        self.missing_key
    }

    pub(crate) fn find(&self, name: &[u8]) -> Option<&Arc<Tree>> {
        self.trees.get(name).or_else(|| self.base.as_ref()?.find(name))
    }

    pub(crate) fn add(&mut self, tree: Arc<Tree>) {
        if tree.is_empty() && self.find(tree.name.as_bytes()).is_some() {
            return;
        }
        Arc::make_mut(&mut self.trees).insert(tree.name.clone(), tree);
    }

    /// A set that extends `base` without changing it.
    pub(crate) fn over(base: &Arc<Self>) -> Self {
        Self {
            name: base.name.clone(),
            registry: Arc::clone(&base.registry),
            missing_key: base.missing_key,
            trees: Arc::default(),
            base: Some(Arc::clone(base)),
        }
    }
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
