//! Prints differences as one JSON object.

use crate::diff::secrets::Reference;
use crate::diff::{FieldChange, ObjectDiff, Report, RootDiff};
use crate::escape;
use anyhow::{Context as _, Result};
use keyfill_diag::Diagnostic;
use serde_json::{Value, json};

/// The version of the JSON format. It is increased by incompatible changes.
const VERSION: u32 = 1;

/// The whole report.
pub fn text(report: &Report) -> Result<String> {
    let roots = report.roots.iter().map(root).collect::<Result<Vec<_>>>()?;
    let counts = report.counts();
    let object = json!({
        "version": VERSION,
        "base": report.base,
        "head": report.head,
        "different": !report.is_empty(),
        "changedFiles": report.files,
        "rootsRendered": report.roots.len() + report.same,
        "objects": {
            "added": counts.added, "removed": counts.removed, "changed": counts.changed, "replaced": counts.replaced,
        },
        "roots": roots,
        "notes": report.notes,
    });
    let text = serde_json::to_string_pretty(&object).context("cannot write JSON")?;
    Ok(format!("{}\n", escape::json(&text)))
}

fn root(root: &RootDiff) -> Result<Value> {
    let failures = root.failures.iter().map(|failure| {
        json!({ "side": failure.side, "problems": failure.problems.iter().map(problem).collect::<Vec<_>>() })
    });
    let images = root
        .images
        .iter()
        .map(|image| json!({ "before": image.before, "after": image.after, "usedBy": image.used_by }));
    let secrets = root.secrets.iter().map(|change| {
        json!({
            "change": change.kind.name(),
            "before": change.before.as_ref().map(reference),
            "after": change.after.as_ref().map(reference),
            "usedBy": change.used_by,
        })
    });
    Ok(json!({
        "name": root.name,
        "change": root.presence.name(),
        "objects": root.objects.iter().map(object).collect::<Result<Vec<_>>>()?,
        "images": images.collect::<Vec<_>>(),
        "secrets": secrets.collect::<Vec<_>>(),
        "failures": failures.collect::<Vec<_>>(),
        "warnings": root.warnings.iter().map(problem).collect::<Vec<_>>(),
    }))
}

fn reference(reference: &Reference) -> Value {
    let secret = &reference.secret;
    json!({
        "store": secret.store, "namespace": secret.namespace, "path": secret.path, "key": reference.key,
        "version": secret.version,
    })
}

fn object(object: &ObjectDiff) -> Result<Value> {
    Ok(json!({
        "group": object.id.group,
        "kind": object.id.kind,
        "namespace": object.id.namespace,
        "name": object.id.name,
        "change": object.presence.name(),
        "renamedFrom": object.renamed_from,
        "hooks": object.hooks,
        "replacedBy": object.replaced_by,
        "fields": object.fields.iter().map(field).collect::<Result<Vec<_>>>()?,
        "content": value(object.content.as_ref())?,
    }))
}

fn field(change: &FieldChange) -> Result<Value> {
    let mut object = json!({ "path": change.path.to_string(), "order": change.is_order });
    // An absent field differs from one that is null.
    for (name, side) in [("before", &change.before), ("after", &change.after)] {
        if side.is_some() {
            object[name] = value(side.as_ref())?;
        }
    }
    Ok(object)
}

fn value(value: Option<&keyfill_yaml::Value>) -> Result<Value> {
    let Some(value) = value else { return Ok(Value::Null) };
    serde_json::from_slice(&keyfill_yaml::to_json(value)).context("cannot write a field as JSON")
}

fn problem(problem: &Diagnostic) -> Value {
    json!({
        "class": problem.class.name(),
        "message": problem.message,
        "file": problem.place.file,
        "line": problem.place.line,
        "object": problem.object.as_ref().map(ToString::to_string),
        "hint": problem.hint,
    })
}
