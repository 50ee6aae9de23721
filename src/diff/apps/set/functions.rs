//! The functions of Argo CD's Go templates: those of sprig, and a few of its own.

use keyfill_template::function::{FuncError, Function, Registry, any, int, text};
use keyfill_template::value::{Type, Value};
use keyfill_template::{Run, funcs};

/// Functions that charts have but ApplicationSets do not.
const OF_CHARTS: &[&str] = &[
    "include",
    "tpl",
    "required",
    "lookup",
    "getHostByName",
    "toToml",
    "fromToml",
    "toYamlPretty",
    "fromJsonArray",
];

/// Functions that Argo CD adds to sprig, or that differ from the functions with the same name in charts.
const OWN: &[Function] = &[
    Function::fixed("normalize", &[Type::String], |run, args| {
        run.spend(text(args, 0).len() as u64)?;
        Ok(Value::str(normalized(&String::from_utf8_lossy(text(args, 0)))))
    }),
    Function::variadic("slugify", &[], Type::Any, slugify),
    Function::fixed("fromYaml", &[Type::String], |run, args| checked(call("fromYaml", run, args)?)),
    Function::fixed("fromYamlArray", &[Type::String], |run, args| checked(call("fromYamlArray", run, args)?)),
    Function::fixed("fromJson", &[Type::String], |run, args| match call("mustFromJson", run, args) {
        Err(error) if !error.is_limit() => Ok(Value::Nil),
        other => other,
    }),
];

/// All functions.
pub fn registry() -> Registry {
    let mut registry = Registry::default();
    let all = funcs::FAMILIES.iter().copied().flatten();
    all.filter(|function| !OF_CHARTS.contains(&function.name)).for_each(|function| registry.add(*function));
    OWN.iter().for_each(|function| registry.add(*function));
    registry
}

fn call(name: &str, run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let mut all = funcs::FAMILIES.iter().copied().flatten();
    let function = all.find(|function| function.name == name);
    let function = function.ok_or_else(|| FuncError::new(format!("there is no function {name}")))?;
    (function.call)(run, args)
}

/// Turns an error value into an error: in charts `fromYaml` returns errors as values, in ApplicationSets they fail
/// the template.
fn checked(value: Value) -> Result<Value, FuncError> {
    let error = value.as_map().filter(|map| map.len() == 1).and_then(|map| map.get(b"Error"));
    if let Some(error) = error {
        return Err(FuncError::new(String::from_utf8_lossy(error.as_bytes().unwrap_or_default())));
    }
    Ok(value)
}

/// A name that is valid in Kubernetes: lower case, other characters than letters, digits, dashes and dots become
/// dashes.
pub fn normalized(name: &str) -> String {
    let clean =
        |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c) { c } else { '-' };
    let clean: String = name.to_lowercase().chars().map(clean).take(253).collect();
    clean.trim_matches(['-', '.']).to_owned()
}

/// `slugify [LENGTH [SMART]] NAME`: by default at most 50 characters, and no word is cut.
fn slugify(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let last = args.len().checked_sub(1).ok_or_else(|| FuncError::new("slugify needs a name"))?;
    let name = any(args, last).as_bytes();
    let name = name.ok_or_else(|| FuncError::new("the last argument of slugify has to be a text"))?;
    run.spend(name.len() as u64)?;
    let name = normalized(&String::from_utf8_lossy(name));
    let length = if last > 0 { int(args, 0).max(0) as usize } else { 50 };
    let smart = if last > 1 { any(args, 1).as_bool().unwrap_or(false) } else { true };
    Ok(Value::str(slug(&name, length, smart)))
}

/// The slug of a normalized name.
fn slug(name: &str, length: usize, smart: bool) -> String {
    let name = if !smart && name.len() >= length { &name[..length] } else { name };
    let mut slug = String::new();
    for c in name.chars() {
        let c = if c == '.' { '-' } else { c };
        if c != '-' || !slug.ends_with('-') {
            slug.push(c);
        }
    }
    let slug = slug.trim_matches('-');
    if !smart || length == 0 || slug.len() <= length {
        return slug.to_owned();
    }
    // It is cut at the last dash before the limit, if there is one.
    let cut = slug[..=length].rfind('-').unwrap_or(length);
    slug[..cut].to_owned()
}

#[cfg(test)]
mod tests {
    use super::{normalized, registry, slug};
    use keyfill_template::Templates;
    use std::collections::BTreeMap;

    fn made(text: &str) -> Result<String, keyfill_template::Error> {
        let mut templates = Templates::new("t", registry());
        templates.parse("text", text)?;
        templates.render("text", &BTreeMap::from([("branch", "Feature/One Two")]))
    }

    #[test]
    fn names_are_made_fit_for_kubernetes() {
        assert_eq!(normalized("Über_Web.yaml-"), "ber-web.yaml");
        assert_eq!(normalized(&"a".repeat(300)).len(), 253);
        for (name, length, smart, want) in [
            ("feat/a_really+awesome_feature_to_test", 50, true, "feat-a-really-awesome-feature-to-test"),
            ("feat/areallylongbranchname", 10, true, "feat"),
            ("feat/areallylongbranchname", 10, false, "feat-areal"),
            ("Größe.1", 50, true, "gr-e-1"),
            ("word", 2, true, "wo"),
        ] {
            assert_eq!(slug(&normalized(name), length, smart), want, "{name}");
        }
    }

    #[test]
    fn templates_have_argo_cds_functions_and_not_those_of_charts() {
        for (text, want) in [
            ("{{ .branch | normalize }}", "feature-one-two"),
            ("{{ .branch | slugify }}", "feature-one-two"),
            ("{{ .branch | slugify 9 }}", "feature"),
            ("{{ .branch | slugify 9 false }}", "feature-o"),
            ("{{ dict \"a\" 1 | toYaml }}", "a: 1"),
            ("{{ (fromYaml \"a: {b: c}\").a.b }}", "c"),
            ("{{ index (fromYamlArray \"[x]\") 0 }}", "x"),
            ("{{ fromJson \"[1, 2]\" | len }}", "2"),
            ("{{ dig \"no\" \"none\" . }}", "none"),
        ] {
            assert_eq!(made(text).unwrap_or_else(|e| panic!("{text}: {e}")), want, "{text}");
        }
        for text in
            ["{{ env \"HOME\" }}", "{{ tpl \"x\" . }}", "{{ getHostByName \"x\" }}", "{{ fromYaml \"[1]\" }}"]
        {
            assert!(made(text).is_err(), "{text}");
        }
    }
}
