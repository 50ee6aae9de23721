//! Paths of secrets: rendering of templates in them, and the canonical form in which they are compared, checked by
//! the policy and read.

use super::options::FillOptions;
pub use super::path_template::PathError;
use super::path_template::{self, MOST_RENDERED, forbidden, wrong};
use crate::app::App;
use crate::settings::SourceKind;
use minijinja::{Environment, UndefinedBehavior, Value, context};
use std::collections::BTreeMap;

/// The most steps (minijinja's fuel) of one template: plenty for a path, too few to cost much time.
const FUEL: u64 = 20_000;

/// The store and the path that a placeholder or an annotation refers to. The path's template is rendered, and the
/// path is canonical. `of_manifest` is the store in the manifest's annotation.
pub fn resolve(
    written: &str,
    of_manifest: Option<&str>,
    options: &FillOptions,
) -> Result<(Option<String>, String), PathError> {
    let (store, written) = options.stores.split(written.trim(), of_manifest, options.compat_avp)?;
    let canonical = match options.stores.kind(store.as_deref()) {
        Some(SourceKind::Sops) => canonical_file,
        _ => canonical,
    };
    let path = written_as(canonical, written, options)?;
    let path = options.stores.canonical(store.as_deref(), path)?;
    Ok((store, path))
}

/// Renders the template in a path or a namespace, and makes the result canonical.
pub fn rendered(written: &str, options: &FillOptions) -> Result<String, PathError> {
    written_as(canonical, written, options)
}

fn written_as(
    canonical: fn(&str) -> Result<String, PathError>,
    written: &str,
    options: &FillOptions,
) -> Result<String, PathError> {
    if path_template::is_template(written) {
        canonical(&render(written, &options.app, &options.env)?)
    } else {
        canonical(written)
    }
}

/// The canonical form of a path: no slash at either end, no double slashes. A path with `..`, plain or
/// percent-encoded, is refused.
pub fn canonical(path: &str) -> Result<String, PathError> {
    let path = path.trim();
    if path.len() > MOST_RENDERED {
        return Err(wrong(format!("the path is longer than {MOST_RENDERED} bytes")));
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/').filter(|s| !s.is_empty()) {
        if matches!(segment, "." | "..") {
            return Err(forbidden(format!(
                "the path {path} holds {segment}, which is not allowed in a path"
            )));
        }
        if hides_separator(segment) {
            return Err(forbidden(format!(
                "the path {path} holds an encoded dot or slash, which is not allowed"
            )));
        }
        segments.push(segment);
    }
    if path.contains(char::is_control) {
        return Err(forbidden(format!("the path {path:?} holds a control character")));
    }
    if segments.is_empty() {
        return Err(wrong("the path is empty".to_owned()));
    }
    Ok(segments.join("/"))
}

/// The canonical form of a file's path, relative to the app's folder: `..` is only at its beginning. Whether the
/// path leaves the source tree is checked where the file is read.
fn canonical_file(path: &str) -> Result<String, PathError> {
    let path = path.trim();
    if path.starts_with('/') {
        return Err(forbidden(format!("the path {path} is absolute: write it relative to the app's folder")));
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/').filter(|s| !matches!(*s, "" | ".")) {
        match segments.last() {
            Some(last) if segment == ".." && *last != ".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    let above = segments.iter().take_while(|segment| **segment == "..").count();
    let below = canonical(&segments[above..].join("/"))?;
    Ok("../".repeat(above) + &below)
}

/// Whether a segment becomes `.` or `..`, or contains a slash or backslash, once a server has decoded its percent
/// escapes.
fn hides_separator(segment: &str) -> bool {
    let lower = segment.to_ascii_lowercase();
    let decoded = lower.replace("%2e", ".");
    lower.contains("%2f") || lower.contains("%5c") || (decoded != lower && matches!(&*decoded, "." | ".."))
}

/// Renders a template that uses the application and the environment. Errors do not show the values of either.
pub fn render(template: &str, app: &App, env: &BTreeMap<String, String>) -> Result<String, PathError> {
    let names = path_template::names(template)?;
    let size = |name: &str| name.strip_prefix("env.").and_then(|name| env.get(name)).map_or(0, String::len);
    if names.iter().map(|name| size(name)).sum::<usize>() > MOST_RENDERED {
        return Err(wrong(format!("the path template {template} makes more than {MOST_RENDERED} bytes")));
    }
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    let (values, refused) = app_values(app);
    // The filter `default` replaces values that are unknown, but not values that are unsafe.
    if let Some(refused) =
        refused.iter().find(|refused| refused.unsafe_value && names.contains(&refused.name))
    {
        return Err(forbidden(format!("the path template {template} cannot be rendered: {}", refused.why)));
    }
    let context = context! { app => Value::from(values), env => Value::from(env.clone()) };
    let rendered =
        environment.render_str(template, context).map_err(|error| explain(template, &error, &refused))?;
    if rendered.len() > MOST_RENDERED {
        return Err(wrong(format!("the path template {template} makes more than {MOST_RENDERED} bytes")));
    }
    Ok(rendered)
}

/// A part of the application that cannot be used in a path.
struct Refused {
    /// Its name in templates.
    name: &'static str,
    /// Why it cannot be used.
    why: String,
    /// `true` if the value is known but unsafe in a path, `false` if it is unknown.
    unsafe_value: bool,
}

/// The parts of the application that can be used in a path, and the reasons why others cannot.
fn app_values(app: &App) -> (BTreeMap<&'static str, Value>, Vec<Refused>) {
    let parts = [("app.name", &app.name), ("app.namespace", &app.namespace), ("app.project", &app.project)];
    let mut values = BTreeMap::new();
    let mut refused = Vec::new();
    for (name, value) in parts {
        match value.as_deref().map(|value| (value, unsafe_part(value))) {
            None => {
                let why = format!("{name} is not known here");
                refused.push(Refused { name, why, unsafe_value: false });
            }
            Some((_, Some(why))) => {
                refused.push(Refused { name, why: format!("{name} {why}"), unsafe_value: true });
            }
            Some((value, None)) => {
                let short = name.strip_prefix("app.").unwrap_or(name);
                values.insert(short, Value::from(value));
            }
        }
    }
    (values, refused)
}

/// Why a value is unsafe as a part of a path or of a pattern; `None` if it is safe.
fn unsafe_part(value: &str) -> Option<&'static str> {
    if value.is_empty() {
        Some("is empty")
    } else if value.contains('/') {
        Some("holds a slash")
    } else if value.contains("..") || value == "." {
        Some("holds ..")
    } else if value.contains(['*', '?', '[', ']', '{', '}', '\\', '%']) || value.contains(char::is_control) {
        Some("holds a character that patterns or addresses give a meaning to")
    } else {
        None
    }
}

fn explain(template: &str, error: &minijinja::Error, refused: &[Refused]) -> PathError {
    let about: Vec<&str> =
        refused.iter().filter(|r| template.contains(r.name)).map(|r| r.why.as_str()).collect();
    if about.is_empty() {
        let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
        wrong(format!("the path template {template} cannot be rendered: {}{detail}", error.kind()))
    } else {
        forbidden(format!("the path template {template} cannot be rendered: {}", about.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::{canonical, render, resolve};
    use crate::app::App;
    use crate::fill::FillOptions;
    use std::collections::BTreeMap;

    fn app(name: &str) -> App {
        App { name: Some(name.into()), namespace: Some("team-a".into()), project: None }
    }

    #[test]
    fn a_path_has_one_spelling() {
        for written in ["kv/data/app", "/kv/data/app", "kv//data/app/", " kv/data/app "] {
            assert_eq!(canonical(written).as_deref(), Ok("kv/data/app"), "{written}");
        }
        assert_eq!(canonical("kv/my app/a..b").as_deref(), Ok("kv/my app/a..b"));
        for hostile in ["kv/../x", "..", "kv/./x", "kv/%2e%2e/x", "kv/.%2E/x", "kv%2fx", "kv/a%5Cb", "a\nb"] {
            assert!(canonical(hostile).is_err_and(|e| e.forbidden), "{hostile}");
        }
        for empty in ["", " ", "/", "//"] {
            assert!(canonical(empty).is_err_and(|e| !e.forbidden), "{empty:?}");
        }
    }

    #[test]
    fn templates_name_the_application() {
        let options = FillOptions {
            app: app("shop"),
            env: BTreeMap::from([("CLUSTER".into(), "eu-1".into())]),
            ..FillOptions::default()
        };
        let resolved = |written| resolve(written, None, &options).map(|(_, path)| path);
        assert_eq!(
            resolved("kv/data/{{ app.namespace }}/{{ app.name }}").as_deref(),
            Ok("kv/data/team-a/shop")
        );
        assert_eq!(resolved("kv/{{env.CLUSTER}}/{{ app.name | upper }}").as_deref(), Ok("kv/eu-1/SHOP"));
        assert!(resolved("kv/{{ env.HOME }}").is_err());
        assert!(resolved("kv/{{ app.nmae }}").is_err());
        assert!(
            resolved("kv/{{ app.project }}")
                .is_err_and(|e| e.to_string().contains("app.project is not known"))
        );
        assert!(resolved("kv/{{ app.name").is_err());
        assert_eq!(resolved("kv/{{ app.project | default('all') }}").as_deref(), Ok("kv/all"));
        assert!(resolved("{% for i in range(100000) %}{% endfor %}a").is_err());
        assert!(resolved("kv/{# note #}a").is_err());
    }

    #[test]
    fn a_rendered_path_is_bounded() {
        let env = BTreeMap::from([("LONG".to_owned(), "x".repeat(3_000))]);
        assert!(render("{{ env.LONG }}", &App::default(), &env).is_ok());
        assert!(render("{{ env.LONG }}{{ env.LONG }}", &App::default(), &env).is_err());
        assert!(render(&"{{ app.name }}".repeat(70), &app(&"x".repeat(200)), &BTreeMap::new()).is_err());
        assert!(canonical(&"a/".repeat(3_000)).is_err());
    }

    #[test]
    fn hostile_application_names_are_refused() {
        for name in ["a/b", "..", "", "a*", "a?", "[a]", "{a,b}", "a%2fb", "a\nb"] {
            let error = render("kv/{{ app.name }}", &app(name), &BTreeMap::new()).expect_err(name);
            assert!(error.forbidden && error.message.contains("app.name"), "{error}");
            let hidden = render("kv/{{ app.name | default('x') }}", &app(name), &BTreeMap::new());
            assert!(hidden.is_err(), "a default does not hide what is refused");
            assert!(render("kv/{{ app.namespace }}", &app(name), &BTreeMap::new()).is_ok());
        }
    }
}
