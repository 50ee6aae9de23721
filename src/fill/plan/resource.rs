//! One object while it is planned: a document, or an item of a `List`.

use super::super::annotations::{self, Annotations};
use super::super::locate::Key;
use super::super::options::FillOptions;
use super::{SitePlace, object_of};
use keyfill_diag::ObjectRef;
use keyfill_yaml::{Document, Value};
use std::sync::Arc;

/// An object.
pub struct Resource<'a> {
    /// The index of its document.
    pub number: usize,
    /// Its document.
    pub document: &'a Document,
    /// The settings in its annotations.
    pub annotations: Annotations,
    /// Whether it is a Secret, in which the type of a value depends on its position.
    pub is_secret: bool,
    /// Whether it is a ConfigMap, in which the type of a value depends on its position too.
    pub is_config_map: bool,
    /// Index of the secret for key placeholders in [`super::Plan::wanted`]. `None`: not resolved yet;
    /// `Some(None)`: it must not be read.
    pub keys_from: Option<Option<usize>>,
    /// Whether the annotation problems that matter only if a secret is read were reported.
    pub told_when_read: bool,
    /// The path of the object in its document.
    pub root: Vec<Key>,
    /// The number of strings of the document before it.
    pub first_string: usize,
    /// The object's kind and name.
    pub object: Arc<ObjectRef>,
}

impl<'a> Resource<'a> {
    /// Makes the object from its decoded value.
    pub fn new(
        number: usize,
        document: &'a Document,
        value: &Value,
        root: Vec<Key>,
        first_string: usize,
    ) -> Self {
        let object = object_of(value);
        Self {
            number,
            document,
            annotations: annotations::read(value),
            is_secret: object.kind == "Secret",
            is_config_map: object.kind == "ConfigMap",
            keys_from: None,
            told_when_read: false,
            root,
            first_string,
            object: Arc::new(object),
        }
    }

    /// Whether key placeholders (`<key>`) are filled: there is a path annotation.
    pub fn has_keys(&self) -> bool {
        self.annotations.path.is_some()
    }

    /// Whether entries are removed whose keys are missing in the store.
    pub fn removes_missing(&self, options: &FillOptions) -> bool {
        let any = self.annotations.remove_missing_any || options.remove_missing_any;
        let asked = self.annotations.remove_missing || self.annotations.remove_missing_any;
        asked && (any || self.is_secret || self.is_config_map)
    }

    /// The path of an annotation in the document.
    pub fn annotation_path(&self, name: &str) -> Vec<Key> {
        let steps = ["metadata", "annotations", name].map(|key| Key::Name(key.into()));
        self.root.iter().cloned().chain(steps).collect()
    }

    /// The type of value that is allowed at a path. AVP makes all values of a ConfigMap strings, but leaves
    /// numbers in a Secret, which Kubernetes refuses.
    pub fn site_place(&self, path: &[Key], is_key: bool, avp: bool) -> SitePlace {
        let depth = self.root.len();
        let section = match path.get(depth) {
            Some(Key::Name(name)) => name.as_str(),
            _ => "",
        };
        let is_section = path.len() == depth + 1;
        if is_key {
            return SitePlace::Text;
        }
        match section {
            "data" if self.is_secret && is_section && !avp => SitePlace::Base64Section,
            "data" if self.is_secret => SitePlace::Base64,
            "binaryData" if self.is_config_map && !is_section && !avp => SitePlace::Base64,
            "data" if self.is_config_map && is_section && !avp => SitePlace::TextSection,
            "stringData" if self.is_secret && is_section && !avp => SitePlace::TextSection,
            "stringData" if self.is_secret && !avp => SitePlace::Text,
            _ if self.is_config_map => SitePlace::Text,
            _ => SitePlace::Any,
        }
    }
}
