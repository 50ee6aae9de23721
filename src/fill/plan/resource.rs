//! One resource while it is planned: a document, or an item of a `List`.

use super::super::annotations::{self, Annotations};
use super::super::locate::Key;
use super::super::options::FillOptions;
use super::{SitePlace, object_of};
use keyfill_diag::ObjectRef;
use keyfill_yaml::{Document, Value};
use std::sync::Arc;

/// A resource.
pub struct Resource<'a> {
    /// The number of its document.
    pub number: usize,
    /// Its document.
    pub document: &'a Document,
    /// What its annotations say.
    pub annotations: Annotations,
    /// Whose strings are distinguished by their place.
    pub is_secret: bool,
    /// The same.
    pub is_config_map: bool,
    /// The secret of the key placeholders, once it was asked for: its number among the wanted ones.
    pub keys_from: Option<Option<usize>>,
    /// A wrong annotation that counts only where something is read was reported.
    pub told_when_read: bool,
    /// Where the resource stands in its document.
    pub root: Vec<Key>,
    /// How many strings of the document stand before it.
    pub first_string: usize,
    /// What it is.
    pub object: Arc<ObjectRef>,
}

impl<'a> Resource<'a> {
    /// A resource as its value describes it.
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

    /// Whether the key form counts.
    pub fn has_keys(&self) -> bool {
        self.annotations.path.is_some()
    }

    /// Whether entries go whose keys are missing.
    pub fn removes_missing(&self, options: &FillOptions) -> bool {
        let any = self.annotations.remove_missing_any || options.remove_missing_any;
        let asked = self.annotations.remove_missing || self.annotations.remove_missing_any;
        asked && (any || self.is_secret || self.is_config_map)
    }

    /// Where an annotation stands.
    pub fn annotation_path(&self, name: &str) -> Vec<Key> {
        let steps = ["metadata", "annotations", name].map(|key| Key::Name(key.into()));
        self.root.iter().cloned().chain(steps).collect()
    }

    /// What may stand at a path. AVP makes all values of a ConfigMap strings, and leaves numbers in a Secret,
    /// which Kubernetes refuses.
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
