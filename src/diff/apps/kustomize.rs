//! Applies an Application's `kustomize` settings to its kustomization.

use crate::cli::render_args::RenderArgs;
use crate::render::edits::Edits;
use crate::settings::Env;
use anyhow::{Context as _, Result};
use keyfill_diag::Cx;
use keyfill_yaml::Node;
use serde_json::Value;

/// The text of a kustomization as Argo CD changes it before it is built.
pub fn edited(text: &[u8], name: &str, spec: &Value, cx: &Cx) -> Result<Vec<u8>> {
    let images: Vec<String> = strings(spec.get("images"));
    let mut text = text.to_vec();
    if !images.is_empty() {
        // An image without a tag, a digest or a new name changes nothing.
        let set_image = images.into_iter().filter(|image| image.contains(['=', ':', '@'])).collect();
        let args = RenderArgs { set_image, ..RenderArgs::default() };
        text = Edits::resolve(&args, &Env::default())?.apply(&text, name, cx)?;
    }
    let limits = keyfill_yaml::Limits::from(cx);
    let documents =
        keyfill_yaml::load_nodes(&text, &limits).with_context(|| format!("cannot read {name}"))?;
    let mut document = documents.into_iter().next().unwrap_or_else(Node::map);
    let map = document.as_map_mut().with_context(|| format!("{name} is not a map"))?;
    for field in ["namePrefix", "nameSuffix", "namespace"] {
        if let Some(value) = spec.get(field).and_then(Value::as_str).filter(|value| !value.is_empty()) {
            map.set(field, Node::string(value));
        }
    }
    for field in ["commonLabels", "commonAnnotations"] {
        let pairs = spec.get(field).and_then(Value::as_object);
        let Some(pairs) = pairs.filter(|pairs| !pairs.is_empty()) else { continue };
        if field == "commonLabels" && spec.get("labelWithoutSelector") == Some(&Value::Bool(true)) {
            let label = serde_json::json!({
                "pairs": pairs,
                "includeSelectors": false,
                "includeTemplates": spec.get("labelIncludeTemplates").unwrap_or(&Value::Bool(false)),
            });
            append(map, "labels", &[label], &limits)?;
            continue;
        }
        let held = map.get_or_insert_with(field, Node::map);
        if held.as_map().is_none() {
            *held = Node::map();
        }
        if let Some(held) = held.as_map_mut() {
            for (key, value) in pairs {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                held.set(key.as_str(), Node::string(value.as_str()));
            }
        }
    }
    for field in ["replicas", "patches", "components"] {
        if let Some(Value::Array(items)) = spec.get(field) {
            append(map, field, items, &limits)?;
        }
    }
    Ok(keyfill_yaml::to_yaml(&document))
}

fn strings(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Adds items to a list of the kustomization.
fn append(
    map: &mut keyfill_yaml::Map,
    field: &'static str,
    items: &[Value],
    limits: &keyfill_yaml::Limits,
) -> Result<()> {
    let nodes = keyfill_yaml::load_nodes(serde_json::to_string(items)?.as_bytes(), limits)?;
    let added = nodes.into_iter().next().unwrap_or_else(Node::seq);
    let list = map.get_or_insert_with(field, Node::seq);
    if list.as_seq().is_none() {
        *list = Node::seq();
    }
    if let (Some(list), Some(added)) = (list.as_seq_mut(), added.as_seq()) {
        list.items.extend(added.items.iter().cloned());
    }
    Ok(())
}
