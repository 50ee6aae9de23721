//! Which paths a run may read: the administrator's globs and expressions, and what an author narrows.

use super::paths::{self, PathError};
use crate::app::App;
use crate::report::Failure;
use keyfill_diag::{Class, Diagnostic};
use keyfill_go::regexp::Regexp;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The setting that holds the globs.
const ALLOWED_PATHS: &str = "KEYFILL_ALLOWED_PATHS";

/// Which paths may be read. The default allows all.
///
/// A path must match one of the globs, when there are some, and every expression.
#[derive(Clone, Default)]
pub struct PathPolicy {
    globs: Option<Vec<Glob>>,
    patterns: Vec<Pattern>,
}

/// A glob of `KEYFILL_ALLOWED_PATHS`, rendered for this application; or why it could not be.
#[derive(Clone)]
struct Glob {
    rendered: Result<String, PathError>,
}

/// An expression and the setting that it comes from.
#[derive(Clone)]
struct Pattern {
    setting: String,
    regexp: Arc<Regexp>,
}

impl PathPolicy {
    /// Sets the globs, in the form of `KEYFILL_ALLOWED_PATHS`: separated by commas or white space, `*` for
    /// any text without a slash, `**` for any text, `?` for a character; `{{ app.project }}` and its like
    /// stand for the application's. A glob that names a part of the application that is not known, or that
    /// holds a slash, `..` or the characters of a pattern, allows nothing.
    #[must_use]
    pub fn allow(mut self, globs: &str, app: &App) -> Self {
        let render = |glob: &str| {
            let rendered = if glob.contains("{{") {
                paths::render(glob, app, &BTreeMap::new())
            } else {
                Ok(glob.to_owned())
            };
            Glob { rendered: rendered.map(|glob| glob.trim_matches('/').to_owned()) }
        };
        self.globs.get_or_insert_default().extend(split_globs(globs).map(render));
        self
    }

    /// Adds an expression in Go's syntax that must be found in every path (`AVP_PATH_VALIDATION`). The name
    /// of the setting goes into errors.
    pub fn require(mut self, setting: &str, expression: &str) -> Result<Self, Failure> {
        let regexp = Regexp::compile(expression.as_bytes()).map_err(|error| {
            let message = format!("{setting}: {expression} is not a valid regular expression: {error}");
            Failure::from(Diagnostic::error(Class::Usage, message))
        })?;
        self.patterns.push(Pattern { setting: setting.to_owned(), regexp: Arc::new(regexp) });
        Ok(self)
    }

    /// Whether a canonical path may be read; if not, why.
    pub fn check(&self, path: &str) -> Result<(), String> {
        if let Some(globs) = &self.globs
            && !globs.iter().any(|glob| glob.rendered.as_ref().is_ok_and(|glob| is_match(glob, path)))
        {
            let reasons: Vec<String> = globs
                .iter()
                .filter_map(|glob| glob.rendered.as_ref().err().map(PathError::to_string))
                .collect();
            let because =
                if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join("; ")) };
            return Err(format!("the path {path} is not among those that {ALLOWED_PATHS} allows{because}"));
        }
        match self.patterns.iter().find(|pattern| !pattern.regexp.is_match(path.as_bytes())) {
            Some(pattern) => {
                Err(format!("the path {path} is disallowed by the {} restriction", pattern.setting))
            }
            None => Ok(()),
        }
    }
}

/// The single globs of such a setting. White space inside `{{ }}` does not separate.
pub fn split_globs(globs: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    let mut last = ' ';
    globs
        .split(move |c: char| {
            match (last, c) {
                ('{', '{') => inside = true,
                ('}', '}') => inside = false,
                _ => {}
            }
            last = c;
            !inside && (c == ',' || c.is_whitespace())
        })
        .filter(|glob| !glob.is_empty())
}

/// Whether a glob matches the whole of a path. `*` alone matches every path.
pub fn is_match(glob: &str, path: &str) -> bool {
    if glob == "*" {
        return true;
    }
    let (glob, path): (Vec<char>, Vec<char>) = (glob.chars().collect(), path.chars().collect());
    // Which places of the path can be reached with the glob read so far.
    let mut reached = vec![false; path.len() + 1];
    reached[0] = true;
    let mut at = 0;
    while at < glob.len() {
        let stars = glob[at..].iter().take_while(|c| **c == '*').count();
        let mut next = vec![false; path.len() + 1];
        if stars > 0 {
            let crosses = stars > 1;
            let mut open = false;
            for place in 0..=path.len() {
                open |= reached[place];
                next[place] = open;
                open &= place < path.len() && (crosses || path[place] != '/');
            }
            at += stars;
        } else {
            for place in 0..path.len() {
                let fits = path[place] == glob[at] || (glob[at] == '?' && path[place] != '/');
                next[place + 1] = reached[place] && fits;
            }
            at += 1;
        }
        reached = next;
    }
    reached[path.len()]
}

impl fmt::Debug for PathPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let globs: Option<Vec<_>> = self
            .globs
            .as_ref()
            .map(|globs| globs.iter().map(|g| g.rendered.as_deref().unwrap_or("-")).collect());
        let settings: Vec<&str> = self.patterns.iter().map(|p| p.setting.as_str()).collect();
        f.debug_struct("PathPolicy").field("globs", &globs).field("patterns", &settings).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{PathPolicy, is_match, split_globs};
    use crate::app::App;

    #[test]
    fn a_star_stops_at_a_slash() {
        for (glob, path, expected) in [
            ("secret/data/*", "secret/data/app", true),
            ("secret/data/*", "secret/data/app/db", false),
            ("secret/data/**", "secret/data/app/db", true),
            ("secret/data/**", "secret/data", false),
            ("secret/*/app", "secret/data/app", true),
            ("secret/d?ta/app", "secret/data/app", true),
            ("secret?data", "secret/data", false),
            ("secret/data/app", "secret/data/apple", false),
            ("*", "any/thing/at/all", true),
            ("a*b*c", "aXbbYc", true),
            ("", "a", false),
        ] {
            assert_eq!(is_match(glob, path), expected, "{glob} {path}");
        }
    }

    #[test]
    fn globs_are_separated_by_commas_or_space() {
        let globs: Vec<&str> = split_globs("a/*, b/{{ app.name }}/* \n c").collect();
        assert_eq!(globs, ["a/*", "b/{{ app.name }}/*", "c"]);
    }

    #[test]
    fn a_path_must_match_a_glob_of_its_application() {
        let app = App { project: Some("blue".into()), ..App::default() };
        let policy = PathPolicy::default().allow("kv/data/{{ app.project }}/*, /shared/*/", &app);
        assert_eq!(policy.check("kv/data/blue/db"), Ok(()));
        assert_eq!(policy.check("shared/x"), Ok(()));
        let why = policy.check("kv/data/red/db").expect_err("another project's");
        assert!(why.contains("kv/data/red/db") && why.contains("KEYFILL_ALLOWED_PATHS"), "{why}");
    }

    #[test]
    fn a_hostile_project_name_opens_nothing() {
        for project in ["*", "**", "../..", "a/b", "", "{{x}}"] {
            let app = App { project: Some(project.into()), ..App::default() };
            let policy = PathPolicy::default().allow("kv/{{ app.project }}/*", &app);
            let why = policy.check("kv/any/x").expect_err(project);
            assert!(why.contains("app.project"), "{why}");
        }
        assert!(PathPolicy::default().allow("", &App::default()).check("a").is_err());
    }

    #[test]
    fn every_expression_must_be_found() {
        let policy = PathPolicy::default()
            .require("AVP_PATH_VALIDATION", "^secret/")
            .and_then(|p| p.require("ARGOCD_ENV_AVP_PATH_VALIDATION", "data"))
            .expect("both are expressions");
        assert_eq!(policy.check("secret/data/app"), Ok(()));
        let why = policy.check("other/data/app").expect_err("the first one is not met");
        assert_eq!(why, "the path other/data/app is disallowed by the AVP_PATH_VALIDATION restriction");
        assert!(policy.check("secret/app").is_err_and(|why| why.contains("ARGOCD_ENV_AVP_PATH_VALIDATION")));
        let error = PathPolicy::default().require("AVP_PATH_VALIDATION", "[").expect_err("no expression");
        assert!(error.to_string().contains("[ is not a valid regular expression"), "{error}");
    }
}
