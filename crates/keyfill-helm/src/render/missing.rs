//! Adds the charts that a chart requires and `charts/` does not hold, as far as they can be had without a download.

use crate::chart::{ChartId, Charts, Dependencies, Dependency, Vendored};
use crate::error::{Error, Result};
use crate::request::TemplateRequest;
use keyfill_diag::Cx;
use keyfill_files::{Files, TreePath};
use keyfill_yaml::Step;
use std::collections::HashSet;

/// How many missing charts are named.
const MOST_NAMED: usize = 50;

/// Adds what is missing; one error names all that cannot be had.
pub(super) fn add(
    charts: &mut Charts,
    root: ChartId,
    files: &dyn Files,
    request: &TemplateRequest,
    cx: &Cx,
) -> Result<()> {
    let required = charts.chart(root).metadata.dependencies.clone().unwrap_or_default();
    let present: HashSet<String> =
        charts.chart(root).children.iter().map(|child| charts.chart(*child).metadata.name.clone()).collect();
    let mut missing: Vec<(usize, Dependency)> = Vec::new();
    for (place, id) in required.into_iter().enumerate() {
        let dependency = charts.dependency(id).clone();
        if present.contains(&dependency.name) {
            continue;
        }
        let file = charts.chart(root).place_of(charts.chart(root).metadata.dependencies_file());
        match Vendored.load(charts, files, request, &dependency, cx).map_err(|e| e.in_file(file))? {
            Some(child) => charts.add_child(root, child),
            None => missing.push((place, dependency)),
        }
    }
    match missing.first() {
        None => Ok(()),
        Some((place, _)) => Err(error(charts, root, files, &request.root, *place, &missing)),
    }
}

fn error(
    charts: &Charts,
    root: ChartId,
    files: &dyn Files,
    folder: &TreePath,
    first: usize,
    missing: &[(usize, Dependency)],
) -> Error {
    let mut names: Vec<String> = missing.iter().take(MOST_NAMED).map(|(_, missing)| named(missing)).collect();
    if missing.len() > MOST_NAMED {
        names.push(format!("{} more", missing.len() - MOST_NAMED));
    }
    let what = if missing.len() == 1 { "which is missing" } else { "which are missing" };
    let message = format!("the chart needs {}, {what} in its charts/ folder", names.join(", "));
    let name = charts.chart(root).metadata.dependencies_file();
    let error = Error::render(message)
        .in_file(charts.chart(root).place_of(name))
        .hint(format!("run `helm dependency build {folder}` and commit the charts/ folder"))
        .unsupported();
    let text = folder.join(name).and_then(|path| files.read(&path).ok());
    let steps = [Step::Key("dependencies"), Step::Index(first)];
    match text.and_then(|text| Some((keyfill_yaml::locate(&text, &steps)?, text))) {
        Some((mark, text)) => {
            let at = usize::try_from(mark.line).unwrap_or(1).saturating_sub(1);
            let line = text.split(|b| *b == b'\n').nth(at);
            let line = line.map(|line| String::from_utf8_lossy(line).trim_end_matches('\r').to_owned());
            error.at(mark.line, Some(mark.column)).source_line(line)
        }
        None => error,
    }
}

fn named(dependency: &Dependency) -> String {
    let from = match dependency.repository.as_str() {
        "" => "no repository".to_owned(),
        repository => format!("repository {repository}"),
    };
    format!("{} {} ({from})", dependency.name, dependency.version)
}
