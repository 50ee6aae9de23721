//! Selecting resources: regular expressions for type, name and namespace, selectors for labels and annotations.

mod labels;

pub use labels::LabelSelector;

use crate::Gvk;
use crate::error::{Error, Result};
use crate::load::Selector;
use crate::resource::{Id, Resource};
use keyfill_go::regexp::Regexp;
use keyfill_yaml::Text;

/// One part of a selector.
#[derive(Debug)]
enum Pattern {
    /// An empty pattern, which matches anything.
    Any,
    /// A pattern without special characters.
    Literal(Text),
    /// A regular expression that must match the whole text.
    Regexp(Box<Regexp>),
}

impl Pattern {
    fn new(pattern: &Text) -> Result<Self> {
        if pattern.is_empty() {
            return Ok(Self::Any);
        }
        let is_literal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | ':' | '~');
        if pattern.chars().all(is_literal) {
            return Ok(Self::Literal(pattern.clone()));
        }
        match Regexp::compile(format!("^(?:{pattern})$").as_bytes()) {
            Ok(regexp) => Ok(Self::Regexp(Box::new(regexp))),
            Err(e) => Err(Error::new(format!("\"{pattern}\" is not a regular expression: {e}"))),
        }
    }

    fn is_match(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Literal(literal) => literal == text,
            Self::Regexp(regexp) => regexp.is_match(text.as_bytes()),
        }
    }
}

/// A selector whose patterns are compiled.
#[derive(Debug)]
pub struct Matcher {
    group: Pattern,
    version: Pattern,
    kind: Pattern,
    name: Pattern,
    namespace: Pattern,
    /// Whether all patterns for type, name and namespace are empty.
    is_empty: bool,
    labels: LabelSelector,
    annotations: LabelSelector,
}

impl Matcher {
    /// Compiles a selector.
    pub fn new(selector: &Selector) -> Result<Self> {
        let id = &selector.gvk;
        Ok(Self {
            group: Pattern::new(&id.group)?,
            version: Pattern::new(&id.version)?,
            kind: Pattern::new(&id.kind)?,
            name: Pattern::new(&selector.name)?,
            namespace: Pattern::new(&selector.namespace)?,
            is_empty: *id == Gvk::default() && selector.name.is_empty() && selector.namespace.is_empty(),
            labels: LabelSelector::parse(&selector.labels)?,
            annotations: LabelSelector::parse(&selector.annotations)?,
        })
    }

    /// The name, if it is a pattern without special characters.
    pub fn literal_name(&self) -> Option<&Text> {
        if let Pattern::Literal(name) = &self.name { Some(name) } else { None }
    }

    /// Whether the selector has requirements for labels or annotations only.
    pub fn has_no_id(&self) -> bool {
        self.is_empty
    }

    /// Whether the selector has no requirements for labels and annotations.
    pub fn has_no_labels(&self) -> bool {
        self.labels.is_empty() && self.annotations.is_empty()
    }

    fn matches_gvk(&self, gvk: &Gvk) -> bool {
        self.kind.is_match(&gvk.kind)
            && self.group.is_match(&gvk.group)
            && self.version.is_match(&gvk.version)
    }

    /// Whether a patch with this selector applies to a resource. Name and namespace may each be the original or
    /// the current one; the namespace is the effective one.
    pub fn matches(&self, resource: &Resource) -> bool {
        let current = resource.id();
        if !self.matches_gvk(&current.gvk) {
            return false;
        }
        let original = resource.memory.previous.first();
        let name = |pattern: &Pattern| {
            original.is_some_and(|p| pattern.is_match(&p.name)) || pattern.is_match(&current.name)
        };
        let namespace = |pattern: &Pattern| {
            original.is_some_and(|p| pattern.is_match(&p.namespace))
                || pattern.is_match(current.effective_namespace())
        };
        name(&self.name) && namespace(&self.namespace) && self.matches_labels(resource)
    }

    /// Whether a replacement with this selector applies to an id. All parts must match that id; the namespace is
    /// the written one.
    pub fn matches_id(&self, id: &Id) -> bool {
        self.matches_gvk(&id.gvk) && self.name.is_match(&id.name) && self.namespace.is_match(&id.namespace)
    }

    /// Whether labels and annotations of a resource match.
    pub fn matches_labels(&self, resource: &Resource) -> bool {
        self.labels.matches(&resource.node, "labels")
            && self.annotations.matches(&resource.node, "annotations")
    }
}
