//! The store `sops`: a path is an encrypted file of the tree, relative to the app's folder, and the file's
//! top-level keys are the secret's keys.

use super::{Encrypted, Sops};
use keyfill_diag::{Class, Cx, Report as _};
use keyfill_files::{FileErrorKind, Files, TreePath};
use keyfill_secrets::{
    BoxFuture, Error, Keys, Secret, SecretBytes, SecretData, SecretRef, SecretValue, Source,
};
use keyfill_sops::{Format, Item, Value};
use std::sync::Arc;

/// A source of secrets that reads encrypted files.
pub struct SopsSource {
    files: Arc<dyn Files>,
    /// The app's folder.
    dir: TreePath,
    sops: Sops,
}

impl SopsSource {
    /// Reads the files of a tree, relative to the app's folder. The values are not recorded, since they are filled
    /// in after rendering.
    pub fn new(encrypted: Encrypted) -> Self {
        let Encrypted { files, dir, service } = encrypted;
        Self { files, dir, sops: Sops::new(service, Arc::default()) }
    }

    fn open(&self, path: &str, cx: &Cx) -> Result<Arc<SecretData>, Error> {
        let outside = || {
            Error::new(Class::Forbidden, format!("the encrypted file {path} lies outside the tree"))
                .hint("a path of the store sops is a file of the repository, relative to the app's folder")
        };
        let file = self.dir.join(path).ok_or_else(outside)?;
        let text = self.files.read(&file).map_err(|error| match error.kind() {
            FileErrorKind::NotFound => {
                let near = file.parent().and_then(|dir| self.files.list(&dir).ok()).unwrap_or_default();
                let missing = Error::relayed(Class::Missing, format!("there is no file {file}"), None, true);
                match keyfill_diag::nearest(file.name(), near.iter().map(|entry| entry.name.as_str())) {
                    Some(name) => missing.hint(format!("did you mean {name}?")),
                    None => missing.hint("a path is relative to the app's folder"),
                }
            }
            FileErrorKind::Escapes => outside(),
            _ => Error::new(error.class(), error.to_string()),
        })?;
        // As in argocd-vault-plugin, a file without a known extension is YAML.
        let format = match Format::of_path(file.as_str()) {
            Format::Binary => Format::Yaml,
            format => format,
        };
        let decrypted = self.sops.open(file.as_str(), format, &text, cx).map_err(|error| {
            let shown = Error::new(error.class(), error.to_string());
            match error.advice() {
                Some(advice) => shown.hint(advice),
                None => shown,
            }
        })?;
        let Some(document) = decrypted.documents().first() else { return Ok(Arc::default()) };
        Ok(Arc::new(document.entries().map(|(key, value)| (key.to_owned(), secret(value))).collect()))
    }
}

impl Source for SopsSource {
    fn read_keys<'a>(
        &'a self,
        secret: &'a SecretRef,
        _: &'a Keys,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Arc<SecretData>, Error>> {
        Box::pin(async move { self.open(&secret.path, cx) })
    }
}

/// Converts a value of a file to a value of a store. Numbers keep their digits.
fn secret(value: &Value) -> SecretValue {
    match value {
        Value::Null | Value::Comment(_) => SecretValue::Null,
        Value::Bool(flag) => SecretValue::Bool(*flag),
        Value::Int(n) => SecretValue::Number(Secret::new(n.to_string())),
        Value::Float(n) => SecretValue::Number(Secret::new(keyfill_sops::float_text(*n))),
        Value::Time(text) => SecretValue::Str(Secret::new(text.as_str())),
        Value::Str(text) => match text.text() {
            Some(text) => SecretValue::Str(Secret::new(text)),
            None => SecretValue::Bytes(SecretBytes::new(text.bytes())),
        },
        Value::List(items) => {
            let items = items.iter().filter(|item| !matches!(item, Value::Comment(_)));
            SecretValue::List(items.map(secret).collect())
        }
        Value::Map(branch) => SecretValue::Map(
            branch
                .0
                .iter()
                .filter_map(|item| match item {
                    Item::Entry(key, value) => Some((key.clone(), secret(value))),
                    Item::Comment(_) => None,
                })
                .collect(),
        ),
    }
}
