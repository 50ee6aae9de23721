//! Renders charts with keyfill-helm.

use crate::outside::Outside;
use crate::render::Rendered;
use crate::render::options::{HelmOptions, ValuesFile};
use crate::report::Failure;
use bytes::Bytes;
use keyfill_diag::{Class, Cx, Diagnostic, Place};
use keyfill_files::{Decrypt, Files, TreePath};
use keyfill_helm::{TemplateRequest, Templated, ValuesSource};
use keyfill_yaml::{Body, Document, Origin};

/// Converts the engine's result. For a chart without output helm prints an empty line.
pub fn rendered(templated: Templated) -> Rendered {
    let mut documents = templated.documents;
    if documents.is_empty() {
        let line = Body::Raw(Bytes::from_static(b"\n"));
        documents.push(Document { before: Bytes::new(), body: line, origin: Origin::default() });
    }
    Rendered { documents, warnings: templated.warnings, engine: "helm" }
}

/// Makes the engine's request. Encrypted values files are decrypted first.
pub fn request(
    files: &dyn Files,
    dir: &TreePath,
    options: &HelmOptions,
    outside: &Outside,
    cx: &Cx,
) -> Result<TemplateRequest, Failure> {
    let plain = Plain { files, decrypt: &*outside.decrypt, cx };
    let read = options.values.iter().map(|file| plain.values(file));
    let mut values = read.collect::<Result<Vec<ValuesSource>, Failure>>()?;
    values.extend(options.set_json.iter().cloned().map(ValuesSource::SetJson));
    values.extend(options.set.iter().cloned().map(ValuesSource::Set));
    values.extend(options.set_string.iter().cloned().map(ValuesSource::SetString));
    for (name, file) in &options.set_file {
        values.push(match plain.values(file)? {
            ValuesSource::File(path) => ValuesSource::SetFile { name: name.clone(), path },
            ValuesSource::Text { text, .. } => ValuesSource::SetFileText { name: name.clone(), text },
            other => other,
        });
    }
    values.extend(options.set_literal.iter().cloned().map(ValuesSource::SetLiteral));
    Ok(TemplateRequest {
        release_name: options.release_name.clone(),
        namespace: options.namespace.clone(),
        values,
        kube_version: options.kube_version.clone(),
        api_versions: options.api_versions.clone(),
        include_crds: options.include_crds,
        show_only: options.show_only.clone(),
        no_hooks: options.no_hooks,
        skip_tests: options.skip_tests,
        is_upgrade: options.is_upgrade,
        skip_schema_validation: options.skip_schema_validation,
        seed: options.seed,
        helm: options.compat,
        fill: outside.filler(options.fills_values),
        ..TemplateRequest::new(dir.clone())
    })
}

/// Reads values files, and decrypts encrypted ones.
struct Plain<'a> {
    files: &'a dyn Files,
    decrypt: &'a dyn Decrypt,
    cx: &'a Cx,
}

impl Plain<'_> {
    /// Converts a values file to the engine's form. A file that is not encrypted is left for the engine to read.
    fn values(&self, file: &ValuesFile) -> Result<ValuesSource, Failure> {
        Ok(match file {
            ValuesFile::InTree(path) => {
                // A file that cannot be read is reported by the engine.
                let encrypted = self.decrypt.is_on().then(|| self.files.read(path).ok()).flatten();
                match encrypted.filter(|text| self.decrypt.is_encrypted(path.as_str(), text)) {
                    Some(text) => {
                        ValuesSource::Text { name: path.to_string(), text: self.text(path.as_str(), &text)? }
                    }
                    None => ValuesSource::File(path.clone()),
                }
            }
            ValuesFile::Text { name, text } => ValuesSource::Text {
                name: name.clone(),
                text: match self.decrypt.is_encrypted(name, text.as_bytes()) {
                    true => self.text(name, text.as_bytes())?,
                    false => text.clone(),
                },
            },
        })
    }

    fn text(&self, name: &str, encrypted: &[u8]) -> Result<String, Failure> {
        let plain = self.decrypt.decrypt(name, encrypted, self.cx).map_err(|e| Failure::of(&e))?;
        String::from_utf8(plain.to_vec()).map_err(|_| {
            let place = Place::file(name, None);
            Diagnostic::error(Class::Render, "the decrypted values are no UTF-8 text").at(place).into()
        })
    }
}
