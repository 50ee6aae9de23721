//! `render -o FOLDER`: a file for each object, named as `kustomize build -o FOLDER` names them.
//!
//! `apps_v1_deployment_web.yaml`: group, version, kind and name in lower case. If the objects are in several
//! namespaces, the name begins with the namespace, which is `default` for objects without one. Names of
//! cluster-scoped objects never have a namespace.

use crate::emit::Output;
use crate::overrun;
use anyhow::{Context as _, Result, anyhow};
use bytes::Bytes;
use keyfill_diag::Cx;
use keyfill_kustomize::{Gvk, schema::Schema};
use keyfill_yaml::{Body, Document, Limits, Value};
use std::collections::BTreeSet;
use std::path::Path;

/// The parts of a file's name.
struct Named {
    gvk: Gvk,
    name: String,
    /// `None` for cluster-scoped objects.
    namespace: Option<String>,
}

/// Writes the documents into a folder. Empty documents get no file. If two objects have the same file name, the
/// later one overwrites the other, as in kustomize.
pub fn write(folder: &Path, documents: &[Document], cx: &Cx) -> Result<()> {
    let schema = Schema::builtin();
    let named: Vec<Option<Named>> = documents.iter().map(|d| named(d, &schema, cx)).collect::<Result<_>>()?;
    let namespaces: BTreeSet<&str> =
        named.iter().flatten().filter_map(|named| named.namespace.as_deref()).collect();
    let is_split = namespaces.len() > 1;
    for (document, named) in documents.iter().zip(&named) {
        let Some(named) = named else { continue };
        let path = folder.join(named.file_name(is_split));
        let alone = Document { before: Bytes::new(), ..document.clone() };
        let output = Output::of(&[alone], cx)?.to_bytes();
        overrun::ends_no_more();
        std::fs::write(&path, output).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn named(document: &Document, schema: &Schema, cx: &Cx) -> Result<Option<Named>> {
    cx.check().map_err(|stopped| anyhow!("stopped while naming files: {stopped}"))?;
    let value = match &document.body {
        Body::Raw(text) => {
            keyfill_yaml::load_exact(&keyfill_yaml::with_last_line_ended(text), &Limits::from(cx))?
        }
        Body::Tree(node) => keyfill_yaml::resolve(node)?,
    };
    if value == Value::Null {
        return Ok(None);
    }
    let text = |path: &[&str]| value.at(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let gvk = Gvk::from_api_version(&text(&["apiVersion"]), &text(&["kind"]));
    let namespace = (!schema.is_cluster_scoped(&gvk)).then(|| {
        let namespace = text(&["metadata", "namespace"]);
        if namespace.is_empty() { "default".to_owned() } else { namespace }
    });
    Ok(Some(Named { gvk, name: text(&["metadata", "name"]), namespace }))
}

impl Named {
    fn file_name(&self, with_namespace: bool) -> String {
        let namespace = self.namespace.as_deref().filter(|_| with_namespace).unwrap_or_default();
        let parts = [namespace, &self.gvk.group, &self.gvk.version, &self.gvk.kind, &self.name];
        // An object's name comes from an author: it must not name a path outside of the folder.
        let parts = parts.iter().filter(|part| !part.is_empty());
        let parts: Vec<String> = parts.map(|part| part.to_lowercase().replace(['/', '\\'], "_")).collect();
        format!("{}.yaml", parts.join("_"))
    }
}

#[cfg(test)]
mod tests {
    use super::Named;
    use keyfill_kustomize::Gvk;

    #[test]
    fn the_namespace_stands_first_when_there_are_several() {
        let named = |gvk, name: &str, namespace: Option<&str>| Named {
            gvk,
            name: name.into(),
            namespace: namespace.map(str::to_owned),
        };
        let web = named(Gvk::new("apps", "v1", "Deployment"), "Web", Some("shop"));
        assert_eq!(web.file_name(false), "apps_v1_deployment_web.yaml");
        assert_eq!(web.file_name(true), "shop_apps_v1_deployment_web.yaml");
        let namespace = named(Gvk::new("", "v1", "Namespace"), "shop", None);
        assert_eq!(namespace.file_name(true), "v1_namespace_shop.yaml");
        let hostile = named(Gvk::new("", "v1", "ConfigMap"), "../../x", Some("a"));
        assert_eq!(hostile.file_name(false), "v1_configmap_.._.._x.yaml");
    }
}
