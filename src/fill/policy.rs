//! Which paths a run may read: the administrator's globs and expressions, and the expressions with which an author
//! narrows them.

use super::path_template;
use super::paths::{self, PathError};
use super::stores::{self, StoreKinds};
use crate::app::App;
use crate::report::Failure;
use crate::settings::SourceKind;
use keyfill_diag::{Class, Diagnostic};
use keyfill_go::regexp::Regexp;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The setting with the globs of allowed paths.
pub const ALLOWED_PATHS: &str = "KEYFILL_ALLOWED_PATHS";

/// The setting with the globs of allowed Vault namespaces.
pub const APP_NAMESPACES: &str = "KEYFILL_APP_NAMESPACES";

/// The parts of an application that a glob may use in `{{ }}`.
const NAMES: [&str; 3] = ["app.name", "app.namespace", "app.project"];

/// Paths of Vault that hold no secrets of an app: they are read only if a glob begins with them literally.
const RESERVED: [&str; 4] = ["auth", "cubbyhole", "identity", "sys"];

/// Paths that show data about keyfill's own Vault token: they are read only if a glob is the full path.
const OWN_TOKEN: [&str; 5] =
    ["auth/token", "cubbyhole", "identity/oidc/token", "sys/internal/ui/resultant-acl", "sys/wrapping"];

/// The longest expression of an author, in bytes.
const MOST_EXPRESSION: usize = 1 << 10;

/// The most bytes of an author's compiled expression. Repetitions make it much larger than its source.
const MOST_COMPILED: usize = 256 << 10;

/// Which paths may be read. The default allows all paths except reserved ones.
///
/// A path must match one of the globs, if there are any, and every expression. A reserved path of Vault (`auth/`,
/// `sys/`, `cubbyhole/`, `identity/`) also needs a glob that begins with its first segment, and a path that shows
/// data about keyfill's own token needs a glob without wildcards.
///
/// A glob applies to the default store; `prod::team/*` applies to the store `prod`. A lone `*` applies to all
/// stores, except that Secrets of the cluster need a glob with their namespace.
#[derive(Clone, Default)]
pub struct PathPolicy {
    globs: Option<Vec<Glob>>,
    /// Globs of the Vault namespaces that manifests may use; without globs none are allowed.
    namespaces: Vec<Glob>,
    patterns: Vec<Pattern>,
}

/// A glob, rendered for this application, or the reason why it could not be rendered.
#[derive(Clone)]
struct Glob {
    /// The store to which it applies; `None` for the default store.
    store: Option<String>,
    /// It is the lone `*` that allows everything.
    is_everything: bool,
    rendered: Result<String, PathError>,
    /// Whether its first segment is literal, not from a template.
    names_first: bool,
}

/// A regular expression and the setting that it comes from.
#[derive(Clone)]
struct Pattern {
    setting: String,
    expression: String,
    /// `None` if the expression is not valid.
    regexp: Option<Arc<Regexp>>,
}

impl PathPolicy {
    /// Adds the globs of a setting, in the form of `KEYFILL_ALLOWED_PATHS`: separated by commas or white space;
    /// `*` matches any text without a slash, `**` any text, `?` one character; `{{ app.project }}` and the like
    /// are replaced with values of the application. A glob with a value that is unknown, or that contains a slash,
    /// `..` or wildcard characters, allows nothing. A lone `*` allows everything that is not reserved.
    ///
    /// It fails if a template contains more than names, or if a lone `*` is combined with other globs: the
    /// intention is unclear, and a mistake must not allow more paths.
    pub fn allow(self, setting: &str, globs: &str, app: &App) -> Result<Self, Failure> {
        check_globs(setting, globs)?;
        Ok(self.allow_checked(globs, app))
    }

    /// Like [`PathPolicy::allow`], for globs that were already checked.
    #[must_use]
    pub fn allow_checked(mut self, globs: &str, app: &App) -> Self {
        self.globs.get_or_insert_default().extend(split_globs(globs).map(|glob| Glob::new(glob, app)));
        self
    }

    /// Adds the globs of the Vault namespaces that manifests may use. They were already checked.
    #[must_use]
    pub fn allow_namespaces(mut self, globs: &str, app: &App) -> Self {
        self.namespaces.extend(split_globs(globs).map(|glob| Glob::new(glob, app)));
        self
    }

    /// Adds an administrator's regular expression in Go's syntax that every path must match
    /// (`AVP_PATH_VALIDATION`). Errors name the setting. [`PathPolicy::verify`] reports whether the expression is
    /// valid.
    #[must_use]
    pub fn require(self, setting: &str, expression: &str) -> Self {
        self.with(setting, expression, Regexp::compile(expression.as_bytes()).ok())
    }

    fn with(mut self, setting: &str, expression: &str, regexp: Option<Regexp>) -> Self {
        self.patterns.push(Pattern {
            setting: setting.to_owned(),
            expression: expression.to_owned(),
            regexp: regexp.map(Arc::new),
        });
        self
    }

    /// Adds an author's expression: it can only forbid more paths, and its size is bounded.
    pub fn narrow(self, setting: &str, expression: &str) -> Result<Self, Failure> {
        let refused = |why: &str| {
            let message = format!("{setting} is refused: {why}");
            Failure::from(Diagnostic::error(Class::Forbidden, message))
        };
        if expression.len() > MOST_EXPRESSION {
            return Err(refused(&format!("an app's expression takes at most {MOST_EXPRESSION} bytes")));
        }
        match Regexp::compile_within(expression.as_bytes(), MOST_COMPILED) {
            Ok(regexp) => Ok(self.with(setting, expression, Some(regexp))),
            Err(error) => Err(refused(&error.to_string())),
        }
    }

    /// Returns an error if an expression is not valid.
    pub fn verify(&self) -> Result<(), Failure> {
        if let Some(pattern) = self.patterns.iter().find(|pattern| pattern.regexp.is_none()) {
            let (setting, expression) = (&pattern.setting, &pattern.expression);
            let why =
                Regexp::compile(expression.as_bytes()).err().map(|e| format!(": {e}")).unwrap_or_default();
            let message = format!("{setting}: {expression} is not a valid regular expression{why}");
            return Err(Diagnostic::error(Class::Usage, message).into());
        }
        Ok(())
    }

    /// Whether one of the globs matches, without the rules for reserved paths.
    pub fn matches(&self, path: &str) -> bool {
        self.matches_in(None, path)
    }

    fn matches_in(&self, store: Option<&str>, path: &str) -> bool {
        let about = |glob: &Glob| glob.is_everything || glob.store.as_deref() == store;
        let fits =
            |glob: &Glob| about(glob) && glob.rendered.as_ref().is_ok_and(|text| glob.is_match(text, path));
        self.globs.as_ref().is_none_or(|globs| globs.iter().any(fits))
    }

    /// Like [`PathPolicy::check`], for a path in a Vault namespace from a manifest. Globs and expressions are
    /// matched against Vault's full path, which begins with the namespace: `team/kv/data/app`.
    pub fn check_in(
        &self,
        stores: &StoreKinds,
        store: Option<&str>,
        namespace: Option<&str>,
        path: &str,
    ) -> Result<(), String> {
        let Some(namespace) = namespace else { return self.check(stores, store, path) };
        if !matches!(stores.kind(store), None | Some(SourceKind::Vault)) {
            return Err(format!("the namespace {namespace} is asked for, and only Vault has namespaces"));
        }
        let fits = |glob: &Glob| glob.rendered.as_ref().is_ok_and(|text| is_match(text, namespace));
        if !self.namespaces.iter().any(fits) {
            return Err(format!("the namespace {namespace} is not among those that {APP_NAMESPACES} allows"));
        }
        let first = path.split('/').next().unwrap_or_default();
        if RESERVED.contains(&first) {
            return Err(format!(
                "the path {path} is a part of Vault's own, which is not read in a namespace of a manifest's"
            ));
        }
        self.check(stores, store, &format!("{namespace}/{path}"))
    }

    /// Checks whether a canonical path of a store may be read; the error says why not.
    pub fn check(&self, stores: &StoreKinds, store: Option<&str>, path: &str) -> Result<(), String> {
        match stores.kind(store) {
            // A file source replaces Vault, so that the same rules apply.
            None | Some(SourceKind::Vault | SourceKind::File) => self.check_reserved(store, path)?,
            Some(SourceKind::KubernetesSecret) => self.check_namespace(store, path)?,
            Some(_) => {}
        }
        if let Some(globs) = &self.globs
            && !self.matches_in(store, path)
        {
            let path = shown(store, path);
            let reasons: Vec<String> = globs
                .iter()
                .filter_map(|glob| glob.rendered.as_ref().err().map(PathError::to_string))
                .collect();
            let because =
                if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join("; ")) };
            return Err(format!("the path {path} is not among those that {ALLOWED_PATHS} allows{because}"));
        }
        let found = |pattern: &Pattern| pattern.regexp.as_ref().is_some_and(|r| r.is_match(path.as_bytes()));
        match self.patterns.iter().find(|pattern| !found(pattern)) {
            Some(pattern) => Err(format!(
                "the path {} is disallowed by the {} restriction",
                shown(store, path),
                pattern.setting
            )),
            None => Ok(()),
        }
    }

    /// Checks that a glob names the namespace of a cluster's Secret. The sidecar may read more namespaces than any
    /// one app should.
    fn check_namespace(&self, store: Option<&str>, path: &str) -> Result<(), String> {
        let names_namespace = |glob: &Glob| {
            let rendered = glob.rendered.as_deref().unwrap_or_default();
            let namespace = rendered.split_once(':').map_or("*", |(namespace, _)| namespace);
            glob.store.as_deref() == store && !namespace.contains(['*', '?']) && is_match(rendered, path)
        };
        if self.globs.iter().flatten().any(names_namespace) {
            return Ok(());
        }
        Err(format!(
            "the path {} is a Secret of the cluster: it is read only where a glob of {ALLOWED_PATHS} names its \
             namespace, as in team-a:*",
            shown(store, path)
        ))
    }

    /// Checks that a reserved path is named by a glob, whatever else allows it.
    fn check_reserved(&self, store: Option<&str>, path: &str) -> Result<(), String> {
        let below = |path: &str, part: &str| {
            path.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        // The path may begin with a namespace.
        let tail = |path: &str, part: &str| {
            let mut rest = path;
            loop {
                if below(rest, part) {
                    return true;
                }
                match rest.split_once('/') {
                    Some((_, behind)) => rest = behind,
                    None => return false,
                }
            }
        };
        let of_store = |glob: &&Glob| glob.store.as_deref() == store;
        let globs = || self.globs.iter().flatten().filter(of_store);
        let rendered = || globs().filter_map(|g| Some((g, g.rendered.as_ref().ok()?)));
        let tells_of_token =
            OWN_TOKEN.iter().any(|part| below(path, part)) || TOKEN_SELF.iter().any(|part| tail(path, part));
        if tells_of_token && !rendered().any(|(_, glob)| glob == path) {
            return Err(format!(
                "the path {path} tells of keyfill's own token: it is read only where {ALLOWED_PATHS} holds \
                 its full name"
            ));
        }
        let first = path.split('/').next().unwrap_or_default();
        let names = |glob: &Glob, text: &str| glob.names_first && text.split('/').next() == Some(first);
        if RESERVED.contains(&first) && !rendered().any(|(glob, text)| names(glob, text)) {
            return Err(format!(
                "the path {path} is a part of Vault's own: it is read only where a glob of {ALLOWED_PATHS} \
                 begins with {first}/"
            ));
        }
        Ok(())
    }
}

impl Glob {
    fn new(glob: &str, app: &App) -> Self {
        let is_everything = glob == "*";
        let (store, glob) = stores::named(glob);
        let rendered = if path_template::is_template(glob) {
            paths::render(glob, app, &BTreeMap::new())
        } else {
            Ok(glob.to_owned())
        };
        let glob = glob.trim_matches('/');
        let first = glob.split('/').next().unwrap_or_default();
        Self {
            store: store.map(str::to_owned),
            is_everything,
            rendered: rendered.map(|glob| glob.trim_matches('/').to_owned()),
            names_first: !path_template::is_template(first),
        }
    }

    fn is_match(&self, rendered: &str, path: &str) -> bool {
        // After a store's name even a lone `*` does not match a slash.
        let stops = rendered == "*" && !self.is_everything;
        if stops { !path.contains('/') } else { is_match(rendered, path) }
    }
}

/// A path as errors name it.
fn shown(store: Option<&str>, path: &str) -> String {
    store.map_or_else(|| path.to_owned(), |store| format!("{store}::{path}"))
}

/// Paths that show data about keyfill's own token, in every namespace.
const TOKEN_SELF: [&str; 2] = ["auth/token/lookup-self", "auth/token/renew-self"];

/// Returns an error for globs whose meaning is unclear.
pub fn check_globs(setting: &str, globs: &str) -> Result<(), Failure> {
    let refused = |why: String| {
        Failure::from(Diagnostic::error(Class::Usage, format!("{setting} cannot be followed: {why}")).hint(
            format!("it holds globs such as secret/data/{{{{ app.project }}}}/*, with {}", NAMES.join(", ")),
        ))
    };
    for statement in ["{%", "{#"] {
        if globs.contains(statement) {
            return Err(refused(format!(
                "it holds {statement}, and only names in {{{{ }}}} may stand in it"
            )));
        }
    }
    let all: Vec<&str> = split_globs(globs).collect();
    for glob in &all {
        if *glob == "*" && all.len() > 1 {
            return Err(refused(
                "a lone * allows everything, so that no other glob may stand beside it".to_owned(),
            ));
        }
        let names = path_template::names(glob).map_err(|error| refused(error.to_string()))?;
        if let Some(name) = names.iter().find(|name| !NAMES.contains(name)) {
            return Err(refused(format!("{name} is not known in {glob}")));
        }
        if glob.contains('|') {
            return Err(refused(format!("{glob} holds a filter, and only names may stand in {{{{ }}}}")));
        }
    }
    Ok(())
}

/// Splits the value of a setting into its globs. White space inside `{{ }}` does not separate.
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

/// Whether a glob matches the whole path. A lone `*` matches every path.
///
/// The crate globset is not used: there `**` inside a name means `*`, `**/x` also matches `x`, and `{}`, `[]` and
/// `\\` have a meaning. It would change what existing settings allow.
pub fn is_match(glob: &str, path: &str) -> bool {
    if glob == "*" {
        return true;
    }
    let (glob, path): (Vec<char>, Vec<char>) = (glob.chars().collect(), path.chars().collect());
    // For each offset of the path: whether the glob so far matches the path up to it.
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
        fn texts(globs: &[Glob]) -> Vec<(Option<&str>, &str)> {
            globs.iter().map(|g| (g.store.as_deref(), g.rendered.as_deref().unwrap_or("-"))).collect()
        }
        let settings: Vec<&str> = self.patterns.iter().map(|p| p.setting.as_str()).collect();
        f.debug_struct("PathPolicy")
            .field("globs", &self.globs.as_deref().map(texts))
            .field("namespaces", &texts(&self.namespaces))
            .field("patterns", &settings)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{ALLOWED_PATHS, PathPolicy, is_match, split_globs};
    use crate::app::App;
    use crate::fill::StoreKinds;
    use crate::settings::SourceKind;

    fn allowing(globs: &str, app: &App) -> PathPolicy {
        PathPolicy::default().allow(ALLOWED_PATHS, globs, app).expect("globs")
    }

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
        let policy = allowing("kv/data/{{ app.project }}/*, /shared/*/", &app);
        assert_eq!(policy.check(&StoreKinds::default(), None, "kv/data/blue/db"), Ok(()));
        assert_eq!(policy.check(&StoreKinds::default(), None, "shared/x"), Ok(()));
        let why =
            policy.check(&StoreKinds::default(), None, "kv/data/red/db").expect_err("another project's");
        assert!(why.contains("kv/data/red/db") && why.contains("KEYFILL_ALLOWED_PATHS"), "{why}");
    }

    #[test]
    fn a_hostile_project_name_opens_nothing() {
        for project in ["*", "**", "../..", "a/b", "", "{{x}}"] {
            let app = App { project: Some(project.into()), ..App::default() };
            let policy = allowing("kv/{{ app.project }}/*", &app);
            let why = policy.check(&StoreKinds::default(), None, "kv/any/x").expect_err(project);
            assert!(why.contains("app.project"), "{why}");
        }
        assert!(allowing("", &App::default()).check(&StoreKinds::default(), None, "a").is_err());
    }

    #[test]
    fn what_more_than_names_means_is_not_guessed() {
        for globs in [
            "a/{{ app.project }}/*, {% if app.project == 'infra' %} * {% endif %}",
            "a/*, {# all #} *",
            "a/*, *",
            "* *",
            "a/{{ app.project | lower }}",
            "a/{{ app.nmae }}",
            "a/{{ env.HOME }}",
            "a/{{ app['project'] }}",
            "a/{{ app.project ~ '*' }}",
            "a/{{ app.project",
        ] {
            let error = PathPolicy::default().allow(ALLOWED_PATHS, globs, &App::default());
            assert!(error.is_err_and(|e| e.to_string().contains(ALLOWED_PATHS)), "{globs}");
        }
        for globs in ["*", " * ", "**", "a/*, b/**", "a/{{app.name}}/{{ app.namespace }}"] {
            assert!(PathPolicy::default().allow(ALLOWED_PATHS, globs, &App::default()).is_ok(), "{globs}");
        }
    }

    #[test]
    fn what_is_vaults_own_needs_to_be_named() {
        let app = App { project: Some("auth".into()), ..App::default() };
        let check =
            |globs: &str, path: &str| allowing(globs, &app).check(&StoreKinds::default(), None, path).is_ok();
        for path in
            ["auth/approle/role/x", "sys/mounts", "identity/entity/id/x", "sys", "identity/oidc/key/x"]
        {
            let first = path.split('/').next().expect("a part");
            assert!(
                PathPolicy::default().check(&StoreKinds::default(), None, path).is_err(),
                "{path} without any glob"
            );
            for globs in ["*", "**", "*/**", "s*/**", "a*/**", "i*/**, **", "{{ app.project }}/**"] {
                assert!(!check(globs, path), "{globs} {path}");
            }
            assert!(check(&format!("{first}, {first}/**"), path), "{path}");
        }
        assert!(check("**", "secret/data/auth/x") && check("*", "kv/sys/x") && check("*", "author/x"));
    }

    #[test]
    fn what_tells_of_the_own_token_needs_its_full_name() {
        let app = App::default();
        for path in [
            "auth/token/lookup-self",
            "auth/token/create",
            "cubbyhole/x",
            "cubbyhole",
            "sys/internal/ui/resultant-acl",
            "sys/wrapping/lookup",
            "identity/oidc/token/x",
            "team/auth/token/lookup-self",
            "a/b/auth/token/renew-self/x",
        ] {
            assert!(PathPolicy::default().check(&StoreKinds::default(), None, path).is_err(), "{path}");
            let first = path.split('/').next().expect("a part");
            for globs in ["*", "**", &format!("{first}/**"), &format!("{first}/**, {path}*")] {
                assert!(
                    allowing(globs, &app).check(&StoreKinds::default(), None, path).is_err(),
                    "{globs} {path}"
                );
            }
            assert_eq!(allowing(path, &app).check(&StoreKinds::default(), None, path), Ok(()), "{path}");
        }
    }

    #[test]
    fn a_manifest_names_a_namespace_only_where_it_is_allowed() {
        let app = App { project: Some("blue".into()), ..App::default() };
        let check = |globs: &str, namespace: &str, path: &str| {
            let policy = PathPolicy::default().allow_namespaces(globs, &app);
            policy.check_in(&StoreKinds::default(), None, Some(namespace), path)
        };
        let globs = "teams/{{ app.project }}, shared";
        assert_eq!(check(globs, "teams/blue", "kv/data/x"), Ok(()));
        assert_eq!(check(globs, "shared", "kv/data/x"), Ok(()));
        for other in ["teams/red", "teams/blue/x", "root", ""] {
            let why = check(globs, other, "kv/data/x").expect_err(other);
            assert!(why.contains("KEYFILL_APP_NAMESPACES"), "{why}");
        }
        assert!(check("", "a", "kv/x").is_err(), "none is allowed by itself");
        assert!(check("**", "a", "sys/mounts").is_err(), "Vault's own is not read there");
        assert!(check("**", "a", "auth/token/lookup-self").is_err());
        let stores = StoreKinds { default: Some(SourceKind::AwsSsm), ..StoreKinds::default() };
        let policy = PathPolicy::default().allow_namespaces("**", &app);
        assert!(
            policy.check_in(&stores, None, Some("a"), "kv/x").is_err_and(|why| why.contains("only Vault"))
        );
    }

    #[test]
    fn paths_of_a_namespace_are_judged_behind_its_name() {
        let stores = StoreKinds::default();
        let policy =
            allowing("kv/data/*, team/kv/data/app", &App::default()).allow_namespaces("**", &App::default());
        assert_eq!(policy.check_in(&stores, None, None, "kv/data/x"), Ok(()));
        assert!(
            policy.check_in(&stores, None, Some("team"), "kv/data/x").is_err(),
            "its own namespace is meant"
        );
        assert_eq!(policy.check_in(&stores, None, Some("team"), "kv/data/app"), Ok(()));
        let pattern = PathPolicy::default()
            .require("AVP_PATH_VALIDATION", "^team/")
            .allow_namespaces("**", &App::default());
        assert!(pattern.check_in(&stores, None, None, "kv/data/x").is_err());
        assert_eq!(pattern.check_in(&stores, None, Some("team"), "kv/data/x"), Ok(()));
    }

    #[test]
    fn every_expression_must_be_found() {
        let policy = PathPolicy::default()
            .require("AVP_PATH_VALIDATION", "^secret/")
            .narrow("ARGOCD_ENV_AVP_PATH_VALIDATION", "data")
            .expect("both are expressions");
        assert_eq!(policy.check(&StoreKinds::default(), None, "secret/data/app"), Ok(()));
        let why = policy
            .check(&StoreKinds::default(), None, "other/data/app")
            .expect_err("the first one is not met");
        assert_eq!(why, "the path other/data/app is disallowed by the AVP_PATH_VALIDATION restriction");
        assert!(
            policy
                .check(&StoreKinds::default(), None, "secret/app")
                .is_err_and(|why| why.contains("ARGOCD_ENV_AVP_PATH_VALIDATION"))
        );
        let broken = PathPolicy::default().require("AVP_PATH_VALIDATION", "[");
        let error = broken.verify().expect_err("no expression");
        assert!(error.to_string().contains("[ is not a valid regular expression"), "{error}");
        assert!(broken.check(&StoreKinds::default(), None, "a").is_err(), "it allows nothing");
    }

    #[test]
    fn an_authors_expression_is_bounded() {
        for expression in
            ["(a?){1000}".repeat(50), "a".repeat(2_000), "[".to_owned(), "\\pL{1000}".to_owned()]
        {
            assert!(PathPolicy::default().narrow("X", &expression).is_err(), "{expression}");
        }
    }

    #[test]
    fn globs_are_about_one_store_and_a_lone_star_about_all() {
        let named = [("prod", SourceKind::AwsSsm), ("cluster", SourceKind::KubernetesSecret)];
        let stores = StoreKinds {
            default: Some(SourceKind::Vault),
            named: named.map(|(name, kind)| (name.to_owned(), kind)).into(),
            any_name: false,
        };
        let app = App { namespace: Some("shop".into()), ..App::default() };
        let may = |globs: &str, store: &str, path: &str| {
            let store = Some(store).filter(|store| !store.is_empty());
            allowing(globs, &app).check(&stores, store, path).is_ok()
        };
        assert!(may("team/*,prod::blue/*", "prod", "blue/db") && may("team/*,prod::blue/*", "", "team/db"));
        assert!(!may("team/*,prod::blue/*", "prod", "team/db") && !may("team/*,prod::blue/*", "", "blue/db"));
        assert!(!may("**", "prod", "x") && !may("prod::**", "", "x") && may("prod::**", "prod", "x/y"));
        assert!(may("prod::*", "prod", "x") && !may("prod::*", "prod", "x/y") && !may("prod::*", "", "x"));
        assert!(
            !may("default::*", "prod", "x") && may("default::*", "", "x") && !may("default::*", "", "x/y")
        );
        assert!(may("*", "prod", "x/y") && may("*", "", "x/y"));
        // Names that are reserved in Vault are ordinary names in other stores.
        assert!(may("*", "prod", "sys/db") && !may("*", "", "sys/db"));
        assert!(!may("*", "cluster", "kube-system:x") && !may("cluster::**", "cluster", "kube-system:x"));
        assert!(!may("cluster::*:x", "cluster", "kube-system:x") && !may("", "cluster", "shop:x"));
        assert!(may("cluster::{{ app.namespace }}:*", "cluster", "shop:x"));
        assert!(!may("cluster::{{ app.namespace }}:*", "cluster", "other:x"));
        assert!(PathPolicy::default().check(&stores, Some("cluster"), "shop:x").is_err());
    }
}
