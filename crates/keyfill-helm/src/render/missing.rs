//! Adds the required charts that are not in `charts/`: from folders of the tree, or fetched.

use crate::chart::{self, ChartId, Charts, Dependency};
use crate::error::{Error, Result};
use crate::request::TemplateRequest;
use crate::versions;
use keyfill_diag::{Class, Cx, Report as _, without_users};
use keyfill_files::{ChartRef, Fetch, FetchError, FetchedChart, Files};
use keyfill_yaml::Step;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// The most missing charts that an error names.
const MOST_NAMED: usize = 50;
/// How many charts are fetched at once.
const AT_ONCE: usize = 8;

/// A requirement without a chart in `charts/`, with its index in the list of requirements.
struct Missing {
    index: usize,
    dependency: Dependency,
}

/// What is rendered, and where missing charts are fetched.
pub(super) struct Wanted<'a> {
    pub(super) files: &'a dyn Files,
    pub(super) request: &'a TemplateRequest,
    pub(super) fetch: &'a dyn Fetch,
    /// Whether a dependency that has a repository is fetched even if `charts/` has an archive of it.
    pub(super) anew: bool,
}

impl Wanted<'_> {
    /// Sets the place of an error to the requirement that it is about.
    fn mark(&self, error: Error, place: &str, file: &str, index: usize) -> Error {
        // An error in the dependency's own files keeps its place.
        let error = error.in_file(place);
        if error.place_file() != Some(place) {
            return error;
        }
        let text = self.request.root.join(file).and_then(|path| self.files.read(&path).ok());
        let steps = [Step::Key("dependencies"), Step::Index(index)];
        match text.and_then(|text| Some((keyfill_yaml::locate(&text, &steps)?, text))) {
            Some((mark, text)) => {
                let at = usize::try_from(mark.line).unwrap_or(1).saturating_sub(1);
                let line = text.split(|b| *b == b'\n').nth(at);
                // An author may have written a password into an address.
                let shown = |line| without_users(String::from_utf8_lossy(line).trim_end_matches('\r'));
                let line = line.map(shown);
                error.at(mark.line, Some(mark.column)).source_line(line)
            }
            None => error,
        }
    }
}

/// Adds the missing charts. One error names all that cannot be added. Only names are compared, as in helm: a chart
/// in `charts/` is used whatever its version.
pub(super) fn add(
    charts: &mut Charts,
    root: ChartId,
    wanted: &Wanted<'_>,
    cx: &Cx,
    warnings: &mut Vec<String>,
) -> Result<()> {
    let Wanted { files, request, fetch, anew } = *wanted;
    let missing = missing(charts, root, anew);
    if missing.is_empty() {
        return Ok(());
    }
    let file = charts.chart(root).metadata.dependencies_file();
    let place = charts.chart(root).place_of(file);
    let at = |error: Error, index: usize| wanted.mark(error, &place, file, index);
    let locked = locked(charts, root, fetch, warnings);
    let (mut absent, mut remote, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for Missing { index, dependency } in missing {
        if let Some(folder) = dependency.repository.strip_prefix("file://") {
            let added = in_tree(charts, files, request, &dependency, folder, cx).and_then(|child| {
                charts.add_child(root, child);
                if fetch.wants_packed() {
                    place_packed(charts.chart(child), wanted, folder, cx)?;
                }
                Ok(())
            });
            failed.extend(added.map_err(|e| at(e, index)).err());
        } else if dependency.repository.is_empty() {
            absent.push((index, dependency));
        } else {
            let version = locked.as_ref().and_then(|versions| versions.get(index).cloned());
            match want(&dependency, version) {
                Ok(want) => remote.push((index, dependency, want)),
                Err(error) => failed.push(at(error, index)),
            }
        }
    }
    let answers = fetch_all(remote.iter().map(|(.., want)| want).collect(), fetch, cx);
    let mut fetched = Vec::new();
    let mut advice = None;
    for ((index, dependency, _), answer) in remote.into_iter().zip(answers) {
        match answer {
            Ok(chart) => fetched.push((index, dependency, chart)),
            Err(error) if error.is_off() => {
                advice = advice.or_else(|| error.help().map(str::to_owned));
                absent.push((index, dependency));
            }
            // The repository does not answer here, but `helm dependency build` may reach it from elsewhere.
            Err(error) if error.class() == Class::Store && error.help().is_none() => {
                failed.push(at(Error::fetch(&error).hint(build_advice(request)), index));
            }
            Err(error) => failed.push(at(Error::fetch(&error), index)),
        }
    }
    absent.sort_by_key(|(index, _)| *index);
    if let Some((first, _)) = absent.first() {
        let advice = advice.unwrap_or_else(|| build_advice(request));
        failed.insert(0, at(absent_error(&absent).hint(advice), *first));
    }
    match failed.into_iter().reduce(Error::and) {
        Some(error) => Err(error),
        None => place_all(charts, root, request, fetch, fetched, cx, &at),
    }
}

fn build_advice(request: &TemplateRequest) -> String {
    format!("run `helm dependency build {}` and commit the charts/ folder", request.root)
}

/// The requirements whose name no chart in `charts/` has. With `anew` also those that have a repository and are
/// archives in `charts/`.
fn missing(charts: &Charts, root: ChartId, anew: bool) -> Vec<Missing> {
    let chart = charts.chart(root);
    let children = chart.children.iter().map(|child| charts.chart(*child));
    let present: HashMap<&str, bool> =
        children.map(|child| (child.metadata.name.as_str(), child.origin.ends_with(".tgz"))).collect();
    let is_missing = |dependency: &Dependency| match present.get(dependency.name.as_str()) {
        Some(is_archive) => anew && *is_archive && !dependency.repository.is_empty(),
        None => true,
    };
    let required = chart.metadata.dependencies.iter().flatten().enumerate();
    let required = required.map(|(index, id)| Missing { index, dependency: charts.dependency(*id).clone() });
    required.filter(|missing| is_missing(&missing.dependency)).collect()
}

/// The versions of the chart's lock file; none if it has no lock file, or one for other requirements.
fn locked(
    charts: &Charts,
    root: ChartId,
    fetch: &dyn Fetch,
    warnings: &mut Vec<String>,
) -> Option<Vec<String>> {
    let chart = charts.chart(root);
    let lock = chart.lock.as_ref()?;
    let required: Vec<Dependency> =
        chart.metadata.dependencies.iter().flatten().map(|id| charts.dependency(*id).clone()).collect();
    let mut aliased = required.clone();
    for dependency in &mut aliased {
        if let Some(address) = fetch.repository(&dependency.repository) {
            dependency.repository = address;
        }
    }
    let versions = lock.versions(&required, &aliased, chart.metadata.api_version == "v1");
    if versions.is_none() {
        let file = chart.metadata.dependencies_file();
        let lock = if file == "Chart.yaml" { "Chart.lock" } else { "requirements.lock" };
        warnings.push(format!(
            "{} is out of sync with {file} and is not used: write it anew with `helm dependency update`",
            chart.place_of(lock)
        ));
    }
    versions
}

fn want(dependency: &Dependency, locked: Option<String>) -> Result<ChartRef> {
    let version = locked.unwrap_or_else(|| dependency.version.clone());
    if version.is_empty() {
        return Err(Error::render(format!("the dependency {} has no version", dependency.name))
            .hint("give it a version or a range of versions; `*` is any"));
    }
    Ok(ChartRef { repository: dependency.repository.clone(), name: dependency.name.clone(), version })
}

/// Loads the chart of a `file://` repository, which is in the tree.
fn in_tree(
    charts: &mut Charts,
    files: &dyn Files,
    request: &TemplateRequest,
    dependency: &Dependency,
    folder: &str,
    cx: &Cx,
) -> Result<ChartId> {
    let Some(path) = request.root.join(folder) else {
        let message = format!(
            "dependency {:?} has the repository {:?}, which lies outside the tree",
            dependency.name, dependency.repository
        );
        return Err(Error::render(message));
    };
    if files.resolve(&path).is_err() {
        let message = format!(
            "dependency {:?} has the repository {:?}, but there is no folder {path}",
            dependency.name, dependency.repository
        );
        return Err(Error::render(message).hint("the path counts from the folder of the chart that names it"));
    }
    let id = chart::load_into(charts, files, &path, request.helm, cx)?;
    check(charts, id, dependency, &dependency.repository)?;
    Ok(id)
}

/// Packs the chart of a `file://` repository, and reports the path at which the official tool would put the
/// archive.
fn place_packed(chart: &chart::Chart, wanted: &Wanted<'_>, folder: &str, cx: &Cx) -> Result<()> {
    let Wanted { files, request, fetch, .. } = *wanted;
    let (name, version) = (&chart.metadata.name, &chart.metadata.version);
    let file_name = format!("{name}-{version}.tgz");
    let (Some(path), Some(place)) =
        (request.root.join(folder), request.root.join(&format!("charts/{file_name}")))
    else {
        return Err(Error::render(format!("{file_name} is not a path in the tree")));
    };
    let archive = chart::pack(files, &path, name, request.helm, cx)?.into();
    fetch.placed(&place, &FetchedChart { version: version.clone(), file_name, archive });
    Ok(())
}

/// Checks that a chart is the one that was requested. helm would accept another version, and then not render the
/// chart, without a message.
fn check(charts: &Charts, id: ChartId, dependency: &Dependency, place: &str) -> Result<()> {
    let found = &charts.chart(id).metadata;
    if found.name == dependency.name && versions::is_compatible(&dependency.version, &found.version) {
        return Ok(());
    }
    Err(Error::render(format!(
        "dependency {} {} is not what lies at {place}: that is {} {}",
        dependency.name, dependency.version, found.name, found.version
    )))
}

/// Fetches all charts, several at a time. The results are in the order of `wanted`.
fn fetch_all(
    wanted: Vec<&ChartRef>,
    fetch: &dyn Fetch,
    cx: &Cx,
) -> Vec<std::result::Result<FetchedChart, FetchError>> {
    if wanted.len() < 2 {
        return wanted.into_iter().map(|want| fetch.chart(want, cx)).collect();
    }
    let (next, answers) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(wanted.len())));
    std::thread::scope(|scope| {
        for _ in 0..wanted.len().min(AT_ONCE) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(want) = wanted.get(at) else { return };
                    let answer = fetch.chart(want, cx);
                    answers.lock().unwrap_or_else(PoisonError::into_inner).push((at, answer));
                }
            });
        }
    });
    let mut answers = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
    answers.sort_by_key(|(at, _)| *at);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// Loads fetched archives as if they were in `charts/`, in the order of their names: of two versions of one chart
/// the first that satisfies a requirement is used.
fn place_all(
    charts: &mut Charts,
    root: ChartId,
    request: &TemplateRequest,
    fetch: &dyn Fetch,
    fetched: Vec<(usize, Dependency, FetchedChart)>,
    cx: &Cx,
    at: &dyn Fn(Error, usize) -> Error,
) -> Result<()> {
    let mut by_name: BTreeMap<String, (usize, Dependency, FetchedChart)> = BTreeMap::new();
    for (index, dependency, chart) in fetched {
        let name = format!("charts/{}", chart.file_name);
        if let Some(place) = request.root.join(&name) {
            fetch.placed(&place, &chart);
        }
        let place = charts.chart(root).place_of(&name);
        match by_name.get(&place) {
            Some((_, other, known)) if known.archive != chart.archive => {
                let message = format!(
                    "the archives of the dependencies {} and {} are both called {}",
                    other.name, dependency.name, chart.file_name
                );
                return Err(at(Error::render(message), index));
            }
            Some(_) => {}
            None => drop(by_name.insert(place, (index, dependency, chart))),
        }
    }
    let archives = by_name.iter().map(|(place, (.., chart))| (place.as_str(), &chart.archive[..]));
    let ids = chart::load_archives(charts, archives, request.helm, cx)?;
    for ((place, (index, dependency, _)), id) in by_name.iter().zip(ids) {
        check(charts, id, dependency, place).map_err(|e| at(e, *index))?;
        charts.add_child(root, id);
    }
    Ok(())
}

fn absent_error(missing: &[(usize, Dependency)]) -> Error {
    let mut names: Vec<String> = missing.iter().take(MOST_NAMED).map(|(_, missing)| named(missing)).collect();
    if missing.len() > MOST_NAMED {
        names.push(format!("{} more", missing.len() - MOST_NAMED));
    }
    let what = if missing.len() == 1 { "which is missing" } else { "which are missing" };
    let message = format!("the chart needs {}, {what} in its charts/ folder", names.join(", "));
    Error::render(message).fetched_first()
}

fn named(dependency: &Dependency) -> String {
    let from = match dependency.repository.as_str() {
        "" => "no repository".to_owned(),
        repository => format!("repository {}", without_users(repository)),
    };
    format!("{} {} ({from})", dependency.name, dependency.version)
}
