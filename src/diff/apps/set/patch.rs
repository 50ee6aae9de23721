//! `templatePatch`: a strategic merge patch or a JSON patch of an app.

use super::super::application::go_on;
use anyhow::{Context as _, Result, bail};
use keyfill_diag::Cx;
use keyfill_kustomize::json6902;
use keyfill_yaml::{Limits, Node, TextPlace};
use serde_json::{Map, Value};

/// Applies a patch, YAML or JSON, to an app. The patch cannot change the app's project.
pub fn applied(app: Value, patch: &str, cx: &Cx) -> Result<Value> {
    let limits = Limits::from(cx);
    let node = keyfill_yaml::load_nodes(patch.as_bytes(), &limits)?.into_iter().next();
    let project = app.pointer("/spec/project").cloned();
    let mut app = match node.as_ref().map(json).transpose()? {
        None | Some(Value::Null) => return Ok(app),
        Some(operations @ Value::Array(_)) => by_operations(&app, &operations, &limits, cx)?,
        Some(Value::Object(patch)) => {
            let Value::Object(mut app) = app else { bail!("the template is no map") };
            merge(&mut app, patch, cx)?;
            app.into()
        }
        Some(_) => bail!("it is neither a map nor a list of operations"),
    };
    if let Some(spec) = app.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("project");
        spec.extend(project.map(|project| ("project".to_owned(), project)));
    }
    Ok(app)
}

fn json(node: &Node) -> Result<Value> {
    Ok(serde_json::from_slice(&keyfill_yaml::to_json(&keyfill_yaml::resolve(node)?))?)
}

fn by_operations(app: &Value, operations: &Value, limits: &Limits, cx: &Cx) -> Result<Value> {
    let patch = json6902::Patch::parse_at(operations.to_string().as_bytes(), TextPlace::default(), limits)?;
    let nodes = keyfill_yaml::load_nodes(app.to_string().as_bytes(), limits)?;
    let mut node = nodes.into_iter().next().context("the template is no map")?;
    patch.apply(&mut node, cx)?;
    json(&node)
}

/// A strategic merge: maps are merged, `null` removes, everything else is replaced, since no list in an
/// Application has a merge key.
fn merge(into: &mut Map<String, Value>, mut patch: Map<String, Value>, cx: &Cx) -> Result<()> {
    go_on(cx)?;
    match patch.remove("$patch").as_ref().map(|kind| kind.as_str().unwrap_or_default()) {
        None | Some("merge") => {}
        Some("replace") => into.clear(),
        Some("delete") => {
            into.clear();
            return Ok(());
        }
        Some(other) => bail!("$patch cannot be {other:?}"),
    }
    if let Some(Value::Array(kept)) = patch.remove("$retainKeys") {
        into.retain(|key, _| kept.iter().any(|kept| kept == key.as_str()));
    }
    for (key, value) in patch {
        if key.starts_with("$setElementOrder/") {
            continue;
        }
        if let Some(list) = key.strip_prefix("$deleteFromPrimitiveList/") {
            if let (Some(Value::Array(held)), Value::Array(gone)) = (into.get_mut(list), &value) {
                held.retain(|item| !gone.contains(item));
            }
            continue;
        }
        match value {
            Value::Null => drop(into.remove(&key)),
            Value::Object(patch) => {
                let held = into.entry(key).or_insert(Value::Null);
                let mut map = if let Value::Object(map) = held.take() { map } else { Map::new() };
                merge(&mut map, patch, cx)?;
                *held = map.into();
            }
            other => drop(into.insert(key, other)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::applied;
    use keyfill_diag::Cx;
    use serde_json::{Value, json};

    fn app() -> Value {
        json!({"metadata": {"name": "a"}, "spec": {
            "project": "own", "source": {"path": "p", "helm": {"valueFiles": ["a", "b"], "releaseName": "r"}},
        }})
    }

    #[test]
    fn maps_are_merged_and_lists_replaced() {
        for (patch, path, want) in [
            ("", "/spec", app()["spec"].clone()),
            ("# nothing", "/spec", app()["spec"].clone()),
            (
                "spec: {source: {helm: {valueFiles: [c]}}}",
                "/spec/source/helm",
                json!({"valueFiles": ["c"], "releaseName": "r"}),
            ),
            (
                "spec: {source: {helm: {releaseName: null}}}",
                "/spec/source/helm",
                json!({"valueFiles": ["a", "b"]}),
            ),
            (
                "spec: {source: {helm: {$patch: replace, version: v3}}}",
                "/spec/source/helm",
                json!({"version": "v3"}),
            ),
            ("spec: {source: {helm: {$patch: delete}}}", "/spec/source/helm", json!({})),
            (
                "spec: {source: {helm: {$retainKeys: [releaseName]}}}",
                "/spec/source/helm",
                json!({"releaseName": "r"}),
            ),
            (
                "spec: {source: {helm: {$deleteFromPrimitiveList/valueFiles: [a]}}}",
                "/spec/source/helm/valueFiles",
                json!(["b"]),
            ),
            (
                "spec: {source: {kustomize: {images: [x], none: null}}}",
                "/spec/source/kustomize",
                json!({"images": ["x"]}),
            ),
            ("spec: {project: other}", "/spec/project", json!("own")),
            ("spec:\n", "/spec", Value::Null),
            (
                "[{op: replace, path: /spec/source/helm/valueFiles/0, value: z}]",
                "/spec/source/helm/valueFiles",
                json!(["z", "b"]),
            ),
            (r#"[{"op": "add", "path": "/spec/project", "value": "other"}]"#, "/spec/project", json!("own")),
        ] {
            let made = applied(app(), patch, &Cx::default()).unwrap_or_else(|e| panic!("{patch}: {e:#}"));
            assert_eq!(made.pointer(path).cloned().unwrap_or_default(), want, "{patch}");
        }
    }

    #[test]
    fn what_is_no_patch_is_refused() {
        for (patch, words) in [
            ("just a text", "neither a map nor a list of operations"),
            ("spec: {$patch: remove}", "$patch cannot be"),
            ("spec: {a", ""),
            ("[{op: replace, path: /spec/nowhere/x, value: 1}]", ""),
            ("[{op: turn, path: /spec}]", ""),
            ("[1]", ""),
        ] {
            let error = applied(app(), patch, &Cx::default()).expect_err(patch);
            assert!(format!("{error:#}").contains(words), "{patch}: {error:#}");
        }
    }
}
