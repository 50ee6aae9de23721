//! Charts, by keyfill-helm.

use crate::render::Rendered;
use crate::render::options::{HelmOptions, ValuesFile};
use bytes::Bytes;
use keyfill_files::TreePath;
use keyfill_helm::{TemplateRequest, Templated, ValuesSource};
use keyfill_yaml::{Body, Document, Origin};

/// What the engine gave. For a chart that renders to nothing helm prints an empty line.
pub fn rendered(templated: Templated) -> Rendered {
    let mut documents = templated.documents;
    if documents.is_empty() {
        let line = Body::Raw(Bytes::from_static(b"\n"));
        documents.push(Document { before: Bytes::new(), body: line, origin: Origin::default() });
    }
    Rendered { documents, warnings: templated.warnings, engine: "helm" }
}

/// What the engine is asked for.
pub fn request(dir: &TreePath, options: &HelmOptions) -> TemplateRequest {
    let mut values: Vec<ValuesSource> = options.values.iter().map(values_source).collect();
    values.extend(options.set_json.iter().cloned().map(ValuesSource::SetJson));
    values.extend(options.set.iter().cloned().map(ValuesSource::Set));
    values.extend(options.set_string.iter().cloned().map(ValuesSource::SetString));
    values.extend(options.set_file.iter().map(|(name, file)| match file {
        ValuesFile::InTree(path) => ValuesSource::SetFile { name: name.clone(), path: path.clone() },
        ValuesFile::Text { text, .. } => ValuesSource::SetFileText { name: name.clone(), text: text.clone() },
    }));
    values.extend(options.set_literal.iter().cloned().map(ValuesSource::SetLiteral));
    TemplateRequest {
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
        ..TemplateRequest::new(dir.clone())
    }
}

fn values_source(file: &ValuesFile) -> ValuesSource {
    match file {
        ValuesFile::InTree(path) => ValuesSource::File(path.clone()),
        ValuesFile::Text { name, text } => ValuesSource::Text { name: name.clone(), text: text.clone() },
    }
}
