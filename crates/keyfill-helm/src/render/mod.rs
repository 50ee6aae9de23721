//! Executes the templates of a chart.

mod explain;
mod missing;
mod prepare;
mod scope;

use crate::chart;
use crate::error::{Error, Result};
use crate::order::{self, Printed, Rendered};
use crate::request::{HelmCompat, TemplateRequest};
use explain::Explain;
use keyfill_diag::Cx;
use keyfill_files::{Fetch, Files};
use keyfill_template::funcs::Seed;
use keyfill_template::function::Registry;
use keyfill_template::value::{Str, Value};
use keyfill_template::{Execution, MissingKey, Templates};
use missing::Wanted;
use prepare::Prepared;
use scope::Template;
use std::sync::{Arc, OnceLock};

/// helm's name for the set of all templates. `tpl` gives the same name to the text that it executes.
const SET: &str = "gotpl";
/// The ending of files whose output helm shows to users after installation. They are executed, but not part of the
/// output.
const NOTES: &str = "NOTES.txt";

/// Renders a chart. Returns the pieces of the output in order, and the warnings that helm would log.
pub(crate) fn run(
    files: &dyn Files,
    request: &TemplateRequest,
    fetch: &dyn Fetch,
    cx: &Cx,
) -> Result<(Vec<Printed>, Vec<String>)> {
    let mut prepared = prepare::prepare(files, request, fetch, cx)?;
    let mut warnings = std::mem::take(&mut prepared.warnings);
    let rendered = execute(&prepared, request, cx)?;
    let sorted = order::sort(rendered, request.helm, cx, &mut warnings)?;
    let pieces = order::text(&prepared.crds(request)?, &sorted, request, cx)?;
    Ok((pieces, warnings))
}

/// Loads a chart with all its dependencies. Returns the warnings that helm would log.
pub(crate) fn resolve(
    files: &dyn Files,
    request: &TemplateRequest,
    fetch: &dyn Fetch,
    anew: bool,
    cx: &Cx,
) -> Result<Vec<String>> {
    let (mut charts, root) = chart::load_root(files, request, cx)?;
    let mut warnings = std::mem::take(&mut charts.warnings);
    let wanted = Wanted { files, request, fetch, anew };
    missing::add(&mut charts, root, &wanted, cx, &mut warnings)?;
    Ok(warnings)
}

/// The functions of helm, created once.
fn registry(helm: HelmCompat) -> Arc<Registry> {
    static HELM_3: OnceLock<Arc<Registry>> = OnceLock::new();
    static HELM_4: OnceLock<Arc<Registry>> = OnceLock::new();
    let registry = match helm {
        HelmCompat::V3 => HELM_3.get_or_init(|| Arc::new(Registry::helm_3())),
        HelmCompat::V4 => HELM_4.get_or_init(|| Arc::new(Registry::helm_4())),
    };
    Arc::clone(registry)
}

/// Executes a template that prints a release name. It has no values.
pub(crate) fn release_name(text: &str, cx: &Cx) -> Result<String> {
    const NAME: &str = "name-template";
    let failed =
        |error: &keyfill_template::Error| Error::usage(format!("the name template {text:?} fails: {error}"));
    let mut templates = Templates::new(NAME, registry(HelmCompat::V3));
    templates.parse_in(NAME, text.as_bytes(), cx).map_err(|e| failed(&e))?;
    let printed =
        Execution::new(cx).render(&Arc::new(templates), NAME, &Value::Nil).map_err(|e| failed(&e))?;
    String::from_utf8(printed)
        .map_err(|_| Error::usage(format!("the name template {text:?} does not print UTF-8")))
}

/// Parses all templates, then executes those that are not partials, in helm's order.
fn execute(prepared: &Prepared, request: &TemplateRequest, cx: &Cx) -> Result<Vec<Rendered>> {
    let found = scope::templates(&prepared.charts, prepared.root, &prepared.top, request.helm)?;
    let registry = registry(request.helm);
    let mut templates = Templates::new(SET, Arc::clone(&registry)).with_missing_key(MissingKey::Zero);
    let explain = Explain { templates: &found, registry: &registry, top: &prepared.top };
    for template in &found {
        cx.check().map_err(Error::stopped)?;
        let text = Str::lent(template.text.clone());
        templates.parse_in(&template.name, text, cx).map_err(|e| explain.failed(&e))?;
    }
    let templates = Arc::new(templates);
    let mut execution = Execution::new(cx);
    if let Some(seed) = request.seed {
        execution.provide(Seed(seed));
    }
    let mut rendered = Vec::with_capacity(found.len());
    let mut left = cx.limits.output_bytes;
    for template in found.iter().filter(|t| !t.is_partial()) {
        cx.check().map_err(Error::stopped)?;
        let dot = template.dot();
        let printed = execution
            .render(&templates, &template.name, &Value::Map(dot.clone()))
            .map_err(|e| explain.failed(&e))?;
        left = left.checked_sub(printed.len() as u64).ok_or_else(|| too_much(cx, template))?;
        if !template.name.ends_with(NOTES) {
            let content = without_no_value(printed).into();
            rendered.push(Rendered { name: template.name.clone(), file: template.file.clone(), content });
        }
    }
    prepared.charts.check_read()?;
    Ok(rendered)
}

fn too_much(cx: &Cx, template: &Template) -> Error {
    let most = cx.limits.output_bytes;
    Error::render(format!("the chart renders to more than {most} bytes")).in_file(&*template.file)
}

/// Removes `<no value>` as helm does. Go prints it for values that are missing.
fn without_no_value(printed: Vec<u8>) -> Vec<u8> {
    const WORDS: &[u8] = b"<no value>";
    let mut found = memchr::memmem::find_iter(&printed, WORDS).peekable();
    if found.peek().is_none() {
        return printed;
    }
    let mut out = Vec::with_capacity(printed.len());
    let mut from = 0;
    for at in found {
        out.extend_from_slice(&printed[from..at]);
        from = at + WORDS.len();
    }
    out.extend_from_slice(&printed[from..]);
    out
}
