//! Compares one root on both sides: it is rendered without being filled, and its objects are matched and compared.

use super::fields::{self, FieldChange, Path, Step};
use super::object::{Object, Pair, objects, pairs, without_same};
use super::reach::{Job, Part};
use super::{ObjectDiff, Presence, RootDiff, SideFailure, hidden, images, replaced, secrets};
use crate::discover::RootKind;
use crate::fill::{FillOptions, uses};
use crate::references;
use crate::render::edits::Edited;
use crate::render::{self, Rendered};
use crate::report::Failure;
use keyfill_diag::{Class, Cx, Diagnostic, Severity};
use keyfill_kustomize::schema::FieldType;
use keyfill_yaml::{Document, Value};

/// The names of the two sides.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    /// The name of the older side.
    pub base: &'a str,
    /// The name of the newer side.
    pub head: &'a str,
}

/// The result of rendering one side.
#[derive(Default)]
struct Outcome {
    documents: Vec<Document>,
    warnings: Vec<Diagnostic>,
    /// Why the side cannot be rendered here, although it has no errors.
    not_rendered: Vec<Diagnostic>,
}

/// Renders and compares both sides. The notes say what could not be compared.
pub fn compare(job: &Job, names: Names<'_>, fill: &FillOptions, cx: &Cx) -> (RootDiff, Vec<String>) {
    let presence = match (job.before.is_empty(), job.after.is_empty()) {
        (true, false) => Presence::Added,
        (false, true) => Presence::Removed,
        _ => Presence::Changed,
    };
    let mut diff = RootDiff { name: job.name.clone(), presence, ..RootDiff::default() };
    let mut side = |parts: &[Part], name: &str| match render_all(parts, cx) {
        Ok(outcome) => Some(outcome),
        Err(failure) => {
            let problems = failure.into_problems();
            diff.failures.push(SideFailure { side: name.to_owned(), problems });
            None
        }
    };
    let (before, after) = (side(&job.before, names.base), side(&job.after, names.head));
    let (Some(before), Some(after)) = (before, after) else { return (diff, Vec::new()) };
    let mut notes = Vec::new();
    match (before.not_rendered.first(), after.not_rendered.first()) {
        (None, None) => {}
        // If only one side were rendered, all objects would look added or removed.
        (Some(_), None) if !job.after.is_empty() => fail(&mut diff, names.base, before.not_rendered),
        (None, Some(_)) if !job.before.is_empty() => fail(&mut diff, names.head, after.not_rendered),
        (_, Some(why)) | (Some(why), None) => {
            notes.push(format!("{} is not compared: {}", job.name, why.message));
        }
    }
    if !diff.failures.is_empty() || !notes.is_empty() {
        return (diff, notes);
    }
    diff.warnings = after.warnings;
    if let Err(failure) = add_differences(&mut diff, before.documents, after.documents, fill, cx) {
        fail(&mut diff, names.head, failure.into_problems());
    }
    (diff, notes)
}

fn fail(diff: &mut RootDiff, side: &str, problems: Vec<Diagnostic>) {
    let as_error = |problem| Diagnostic { severity: Severity::Error, ..problem };
    let problems = problems.into_iter().map(as_error).collect();
    diff.failures.push(SideFailure { side: side.to_owned(), problems });
}

fn render_all(parts: &[Part], cx: &Cx) -> Result<Outcome, Failure> {
    let mut all = Outcome::default();
    for part in parts {
        let mut rendered = render_part(part, cx)?;
        if rendered.engine == "none" {
            all.not_rendered.append(&mut rendered.warnings);
        }
        all.documents.append(&mut rendered.documents);
        all.warnings.append(&mut rendered.warnings);
    }
    all.warnings.extend(parts.first().map(|part| part.outside.fetch.take_warnings()).unwrap_or_default());
    Ok(all)
}

fn render_part(part: &Part, cx: &Cx) -> Result<Rendered, Failure> {
    let Part { root, files, options, outside } = part;
    let file = references::kustomization_file(&**files, &root.dir);
    let Some(file) = file.filter(|_| root.kind == RootKind::Kustomization && !options.edits.is_empty())
    else {
        return render::for_check(&**files, root, options, outside, cx);
    };
    let failed = |error: anyhow::Error| Failure::of_any(&error);
    let text = files.read(&file).map_err(|e| failed(e.into()))?;
    let text = options.edits.apply(&text, file.as_str(), cx).map_err(failed)?;
    render::for_check(&Edited::new(&**files, file, text), root, options, outside, cx)
}

fn add_differences(
    diff: &mut RootDiff,
    before: Vec<Document>,
    after: Vec<Document>,
    fill: &FillOptions,
    cx: &Cx,
) -> Result<(), Failure> {
    let (before, after) = without_same(before, after);
    diff.secrets = secrets::changes(uses::uses(&before, fill, cx)?, uses::uses(&after, fill, cx)?);
    let broken = |e: keyfill_yaml::Error| Failure::from(Diagnostic::error(Class::Render, e.to_string()));
    let before = objects(&before, cx).map_err(broken)?;
    let after = objects(&after, cx).map_err(broken)?;
    diff.images = images::changes(&images::containers(&before), &images::containers(&after));
    for pair in pairs(before, after) {
        let stopped = |e: keyfill_diag::Stopped| {
            Failure::from(Diagnostic::error(Class::Other, format!("stopped while comparing objects: {e}")))
        };
        diff.objects.extend(object_diff(pair, cx).map_err(stopped)?);
    }
    Ok(())
}

/// The differences of an object; `None` if only its text differs.
fn object_diff(pair: Pair, cx: &Cx) -> Result<Option<ObjectDiff>, keyfill_diag::Stopped> {
    let alone = |object: Object, presence| {
        let Object { id, mut value } = object;
        hidden::cover(&mut value, None);
        let hooks = hooks(&value);
        ObjectDiff {
            id,
            renamed_from: None,
            presence,
            hooks,
            replaced_by: Vec::new(),
            fields: Vec::new(),
            content: Some(value),
        }
    };
    let (mut before, mut after) = match (pair.before, pair.after) {
        (Some(before), Some(after)) => (before, after),
        (Some(before), None) => return Ok(Some(alone(before, Presence::Removed))),
        (None, Some(after)) => return Ok(Some(alone(after, Presence::Added))),
        (None, None) => return Ok(None),
    };
    let uncovered = before.value.clone();
    hidden::cover(&mut before.value, None);
    hidden::cover(&mut after.value, Some(&uncovered));
    let text = |key: &str| after.value.get(key).and_then(Value::as_str).unwrap_or_default();
    let of = FieldType::of(text("apiVersion"), text("kind"));
    let is_renamed = before.id.name != after.id.name;
    let mut fields = fields::compare(&before.value, &after.value, of, cx)?;
    // The changed name is reported separately.
    fields.retain(|change| !(is_renamed && is_name(change)));
    if fields.is_empty() && !is_renamed {
        return Ok(None);
    }
    let hooks =
        Some(hooks(&after.value)).filter(|hooks| !hooks.is_empty()).unwrap_or_else(|| hooks(&before.value));
    // An object with another name is another object, so that nothing is changed in place.
    let replaced_by =
        if is_renamed { Vec::new() } else { replaced::fields(&after.id, &before.value, &fields) };
    Ok(Some(ObjectDiff {
        renamed_from: is_renamed.then_some(before.id.name),
        id: after.id,
        presence: Presence::Changed,
        hooks,
        replaced_by,
        fields,
        content: None,
    }))
}

fn is_name(change: &FieldChange) -> bool {
    change.path == Path(vec![Step::Key("metadata".to_owned()), Step::Key("name".to_owned())])
}

/// The hooks of Argo CD or Helm in an object's annotations.
fn hooks(object: &Value) -> Vec<String> {
    const ANNOTATIONS: [&str; 2] = ["argocd.argoproj.io/hook", "helm.sh/hook"];
    let annotation = |name: &str| object.at(&["metadata", "annotations"])?.get(name)?.as_str();
    let all = ANNOTATIONS.iter().filter_map(|name| annotation(name)).flat_map(|hooks| hooks.split(','));
    all.map(|hook| hook.trim().to_owned()).filter(|hook| !hook.is_empty()).collect()
}
