//! `keyfill doctor`: reports which parts of a set-up work, with reasons and the next step. The report can be
//! pasted into an issue: it contains no secret and no token.

mod binaries;
#[cfg(unix)]
mod sidecar;
mod vault;

use super::{Caller, refs};
use crate::cli::args::{DoctorArgs, DoctorFormat};
use crate::escape;
use crate::fetch;
use crate::fill::policy::{ALLOWED_PATHS, split_globs};
use crate::report::{self, AlreadyReported, Failure};
use crate::run::Run;
use crate::settings::authority::SetBy;
use crate::settings::table::setting;
use crate::settings::{Given, Purpose, Settings, SourceKind};
use crate::values;
use anyhow::{Context as _, Result};
use keyfill_diag::{Class, Diagnostic, without_users};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::Write as _;

/// The state of a part of the set-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// It works, or the line is only information.
    Ok,
    /// It works, but something should be checked.
    Warning,
    /// It does not work.
    Error,
}

/// One line of the report.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    area: &'static str,
    name: String,
    state: State,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// The lines of the report.
#[derive(Debug, Default)]
struct Report(Vec<Finding>);

impl Report {
    fn add(&mut self, area: &'static str, name: impl Into<String>, state: State, found: impl Into<String>) {
        // A URL may contain a password.
        let found: String = found.into();
        let found = without_users(&found);
        self.0.push(Finding { area, name: name.into(), state, found, next: None });
    }

    fn ok(&mut self, area: &'static str, name: impl Into<String>, found: impl Into<String>) {
        self.add(area, name, State::Ok, found);
    }

    fn warn(
        &mut self,
        area: &'static str,
        name: impl Into<String>,
        found: impl Into<String>,
        next: impl Into<String>,
    ) {
        self.add(area, name, State::Warning, found);
        self.next(next);
    }

    /// Sets the next step of the last line.
    fn next(&mut self, next: impl Into<String>) {
        if let Some(last) = self.0.last_mut() {
            last.next = Some(next.into());
        }
    }

    /// Adds a line for a problem, with its hint as the next step.
    fn problem(&mut self, area: &'static str, name: &str, problem: &Diagnostic) {
        let state = match problem.severity {
            keyfill_diag::Severity::Error => State::Error,
            keyfill_diag::Severity::Warning => State::Warning,
        };
        self.add(area, name, state, problem.message.clone());
        if let Some(hint) = &problem.hint {
            self.next(hint.clone());
        }
    }

    fn failure(&mut self, area: &'static str, name: &str, error: &anyhow::Error) {
        for problem in report::problems(error) {
            self.problem(area, name, &problem);
        }
    }

    fn worst(&self) -> State {
        let has = |state: State| self.0.iter().any(|finding| finding.state == state);
        match (has(State::Error), has(State::Warning)) {
            (true, _) => State::Error,
            (false, true) => State::Warning,
            (false, false) => State::Ok,
        }
    }
}

/// Runs the command. The exit code is 0 without problems, 1 with warnings, 2 with errors.
pub fn run(caller: &Caller<'_>, args: &DoctorArgs) -> Result<()> {
    let mut report = Report::default();
    report.ok("version", "keyfill", env!("CARGO_PKG_VERSION"));
    binaries::look(&mut report, &caller.env);
    let given = Given { fill: &args.fill, run: &args.run, ..caller.given(Purpose::Check) };
    match Run::of_command(&given, &args.render, &args.dir) {
        Ok(run) => look(&mut report, &run, args),
        Err(error) => report.failure("settings", "settings", &error),
    }
    #[cfg(unix)]
    sidecar::look(&mut report, &args.config_dir_path, &caller.env);
    fetching(&mut report, &given);
    let text = match args.format {
        DoctorFormat::Table => table(&report),
        DoctorFormat::Json => format!("{}\n", escape::json(&serde_json::to_string_pretty(&report.0)?)),
    };
    std::io::stdout().lock().write_all(text.as_bytes()).context("cannot write the report")?;
    let class = match report.worst() {
        State::Ok => return Ok(()),
        State::Warning => Class::Other,
        State::Error => Class::Usage,
    };
    Err(AlreadyReported(Failure::new(vec![Diagnostic::error(class, "the set-up has problems")])).into())
}

fn look(report: &mut Report, run: &Run, args: &DoctorArgs) {
    settings(report, &run.settings);
    policy(report, &run.settings);
    let secrets = refs::secrets(run, &args.exclude);
    let secrets = secrets.unwrap_or_else(|error| {
        report.failure("tree", "references", &error);
        Vec::new()
    });
    report.ok("tree", "references", format!("{} secrets are named", secrets.len()));
    stores(report, run, &secrets);
}

/// Adds the effective settings and who set them, and unknown names.
fn settings(report: &mut Report, settings: &Settings) {
    for (name, set) in settings.effective.iter() {
        let by = match set.set_by {
            SetBy::Administrator => "administrator",
            SetBy::AppSecret => "Secret of the app",
            SetBy::Author => "app",
        };
        let is_open = setting(name).is_some_and(|var| !var.is_secret());
        let value = if is_open { set.value.as_str() } else { "(secret)" };
        report.ok("settings", name, format!("{value} (set by {by})"));
    }
    for warning in &settings.warnings {
        report.problem("settings", "warning", warning);
    }
    if let Err(failure) = settings.refuse_authors_choice() {
        for problem in failure.into_problems() {
            report.problem("settings", "app", &problem);
        }
    }
}

/// Adds each glob with an example of a path that it allows.
fn policy(report: &mut Report, settings: &Settings) {
    let Some(globs) = settings.effective.get(ALLOWED_PATHS) else {
        let next = "serve needs it: set it to the paths that apps may read";
        report.warn("policy", ALLOWED_PATHS, "not set: every path may be read that is not reserved", next);
        return;
    };
    for glob in split_globs(globs) {
        if glob == "*" {
            report.warn("policy", glob, "allows every path", "name the paths of each project");
        } else {
            report.ok("policy", glob, format!("allows {}", example(glob)));
        }
    }
}

/// An example of a path that a glob allows.
fn example(glob: &str) -> String {
    let mut path = String::new();
    let mut rest = glob;
    while let Some(c) = rest.chars().next() {
        if let Some((name, after)) = rest.strip_prefix("{{").and_then(|inside| inside.split_once("}}")) {
            path.push_str(&name.trim().replace('.', "-"));
            rest = after;
            continue;
        }
        let (put, length) = match c {
            '*' if rest.starts_with("**") => ("any/depth", 2),
            '*' => ("any", 1),
            '?' => ("x", 1),
            _ => (&rest[..c.len_utf8()], c.len_utf8()),
        };
        path.push_str(put);
        rest = &rest[length..];
    }
    path
}

fn stores(report: &mut Report, run: &Run, secrets: &[keyfill_secrets::SecretRef]) {
    match run.settings.source() {
        Ok(SourceKind::Vault) => vault::look(report, run, secrets),
        Ok(kind) => report.ok("stores", "default", kind.name()),
        Err(error) if run.settings.stores.is_empty() => report.failure("stores", "default", &error),
        Err(_) => report.ok("stores", "default", "none"),
    }
    for (name, store) in &run.settings.stores {
        report.ok("stores", name.as_str(), store.kind.name());
    }
    if let Err(error) = crate::store::open(&run.settings) {
        for problem in report::problems(&error) {
            // Vault's part of the report may already contain the problem.
            if !report.0.iter().any(|finding| finding.found == problem.message) {
                report.problem("stores", "settings", &problem);
            }
        }
    }
}

/// Adds the allowed hosts and the fetch cache.
fn fetching(report: &mut Report, given: &Given<'_>) {
    match given.env.get("KEYFILL_FETCH_HOSTS") {
        Some(hosts) => report.ok("fetching", "KEYFILL_FETCH_HOSTS", hosts),
        None => report.ok("fetching", "KEYFILL_FETCH_HOSTS", "not set: inside Argo CD nothing is fetched"),
    }
    let Some(folder) = fetch::cache_folder(given.env) else {
        report.warn("cache", "folder", "no home folder: nothing is kept", "set HOME or XDG_CACHE_HOME");
        return;
    };
    match std::fs::metadata(&folder) {
        Ok(meta) if meta.permissions().readonly() => {
            report.warn("cache", "folder", format!("{} is read-only", folder.display()), "make it writable");
        }
        Ok(_) => report.ok("cache", "folder", folder.display().to_string()),
        Err(_) => report.ok("cache", "folder", format!("{} is made when it is needed", folder.display())),
    }
}

fn table(report: &Report) -> String {
    let width =
        |text: fn(&Finding) -> &str| report.0.iter().map(|f| text(f).chars().count()).max().unwrap_or(0);
    let (areas, names) = (width(|f| f.area), width(|f| f.name.as_str()).min(40));
    let mut text = String::new();
    for finding in &report.0 {
        let state = match finding.state {
            State::Ok => "ok     ",
            State::Warning => "warning",
            State::Error => "error  ",
        };
        let (name, found) = (escape::one_line(&finding.name), escape::one_line(&finding.found));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{state}  {:<areas$}  {name:<names$}  {found}", finding.area);
        if let Some(next) = &finding.next {
            let _ =
                writeln!(text, "         {:<areas$}  {:<names$}  next: {}", "", "", escape::one_line(next));
        }
    }
    let count = |state: State| report.0.iter().filter(|finding| finding.state == state).count();
    let all = |state: State, what: &str| values::count(count(state), what);
    let _ = writeln!(text, "\n{}, {}", all(State::Error, "error"), all(State::Warning, "warning"));
    text
}

#[cfg(test)]
mod tests {
    use super::example;
    use crate::fill::policy::is_match;

    #[test]
    fn an_example_is_allowed_by_its_glob() {
        for glob in ["kv/data/*", "kv/data/team-?/**", "a/b", "kv/*/x*"] {
            assert!(is_match(glob, &example(glob)), "{glob}: {}", example(glob));
        }
        assert_eq!(example("kv/{{ app.project }}/*"), "kv/app-project/any");
    }
}
