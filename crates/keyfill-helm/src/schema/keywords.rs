//! The keywords of JSON Schema: which drafts have them, and which values they may have. The table says what the
//! metaschemas of the drafts say. A schema is checked with it before it is used, and its subschemas are found by
//! it.

use super::value::Json;
use keyfill_go::regexp::Regexp;
use std::collections::HashSet;

/// A draft of JSON Schema, by its number or year.
pub(super) type Draft = u16;

/// The draft of a schema without `$schema`.
pub(super) const LATEST: Draft = 2020;

/// The draft that `$schema` names.
pub(super) fn draft_of(url: &str) -> Option<Draft> {
    let url = url.strip_suffix('#').unwrap_or(url);
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")).unwrap_or(url);
    Some(match rest {
        "json-schema.org/schema" | "json-schema.org/draft/2020-12/schema" => 2020,
        "json-schema.org/draft/2019-09/schema" => 2019,
        "json-schema.org/draft-07/schema" => 7,
        "json-schema.org/draft-06/schema" => 6,
        "json-schema.org/draft-04/schema" => 4,
        _ => return None,
    })
}

/// What the value of a keyword must be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    Schema,
    /// A schema or a boolean, for draft 4, where `true` and `false` are schemas in two places only.
    SchemaOrBool,
    /// At least one schema.
    Schemas,
    SchemaOrSchemas,
    SchemaMap,
    /// A map. Each value is a schema, or a list of names.
    Dependencies,
    Text,
    /// A URL without a fragment.
    Id,
    /// The name of an anchor.
    Anchor,
    Regex,
    Bool,
    Number,
    Positive,
    /// A whole number that is not negative.
    Count,
    List,
    /// At least one item, none twice.
    Choices,
    /// Names, none twice.
    Names,
    /// At least one name, none twice.
    SomeNames,
    NamesMap,
    Types,
}

/// A keyword, and the first and last draft that has it.
pub(super) struct Keyword {
    pub(super) name: &'static str,
    since: Draft,
    until: Draft,
    pub(super) rule: Rule,
}

const fn all(name: &'static str, rule: Rule) -> Keyword {
    Keyword { name, since: 4, until: LATEST, rule }
}

const fn since(since: Draft, name: &'static str, rule: Rule) -> Keyword {
    Keyword { name, since, until: LATEST, rule }
}

const fn only(since: Draft, until: Draft, name: &'static str, rule: Rule) -> Keyword {
    Keyword { name, since, until, rule }
}

const KEYWORDS: &[Keyword] = &[
    all("$schema", Rule::Text),
    all("title", Rule::Text),
    all("description", Rule::Text),
    all("format", Rule::Text),
    only(4, 4, "id", Rule::Text),
    only(6, 7, "$id", Rule::Text),
    since(2019, "$id", Rule::Id),
    since(6, "$ref", Rule::Text),
    since(6, "examples", Rule::List),
    since(7, "$comment", Rule::Text),
    since(7, "readOnly", Rule::Bool),
    since(7, "writeOnly", Rule::Bool),
    since(7, "contentMediaType", Rule::Text),
    since(7, "contentEncoding", Rule::Text),
    since(2019, "$anchor", Rule::Anchor),
    since(2019, "deprecated", Rule::Bool),
    only(2019, 2019, "$recursiveRef", Rule::Text),
    only(2019, 2019, "$recursiveAnchor", Rule::Bool),
    since(2020, "$dynamicRef", Rule::Text),
    since(2020, "$dynamicAnchor", Rule::Anchor),
    all("multipleOf", Rule::Positive),
    all("maximum", Rule::Number),
    all("minimum", Rule::Number),
    only(4, 4, "exclusiveMaximum", Rule::Bool),
    only(4, 4, "exclusiveMinimum", Rule::Bool),
    since(6, "exclusiveMaximum", Rule::Number),
    since(6, "exclusiveMinimum", Rule::Number),
    all("maxLength", Rule::Count),
    all("minLength", Rule::Count),
    all("pattern", Rule::Regex),
    all("maxItems", Rule::Count),
    all("minItems", Rule::Count),
    all("uniqueItems", Rule::Bool),
    all("maxProperties", Rule::Count),
    all("minProperties", Rule::Count),
    only(4, 4, "required", Rule::SomeNames),
    since(6, "required", Rule::Names),
    only(4, 7, "enum", Rule::Choices),
    since(2019, "enum", Rule::List),
    all("type", Rule::Types),
    since(2019, "minContains", Rule::Count),
    since(2019, "maxContains", Rule::Count),
    since(2019, "dependentRequired", Rule::NamesMap),
    all("definitions", Rule::SchemaMap),
    all("properties", Rule::SchemaMap),
    all("patternProperties", Rule::SchemaMap),
    all("dependencies", Rule::Dependencies),
    all("allOf", Rule::Schemas),
    all("anyOf", Rule::Schemas),
    all("oneOf", Rule::Schemas),
    all("not", Rule::Schema),
    only(4, 4, "additionalProperties", Rule::SchemaOrBool),
    only(4, 4, "additionalItems", Rule::SchemaOrBool),
    since(6, "additionalProperties", Rule::Schema),
    only(6, 2019, "additionalItems", Rule::Schema),
    only(4, 2019, "items", Rule::SchemaOrSchemas),
    since(2020, "items", Rule::Schema),
    since(2020, "prefixItems", Rule::Schemas),
    since(6, "contains", Rule::Schema),
    since(6, "propertyNames", Rule::Schema),
    since(7, "if", Rule::Schema),
    since(7, "then", Rule::Schema),
    since(7, "else", Rule::Schema),
    since(2019, "$defs", Rule::SchemaMap),
    since(2019, "dependentSchemas", Rule::SchemaMap),
    since(2019, "unevaluatedItems", Rule::Schema),
    since(2019, "unevaluatedProperties", Rule::Schema),
    since(2019, "contentSchema", Rule::Schema),
];

/// The keywords that a draft has.
pub(super) fn keywords(draft: Draft) -> impl Iterator<Item = &'static Keyword> {
    KEYWORDS.iter().filter(move |keyword| (keyword.since..=keyword.until).contains(&draft))
}

/// An error in a schema.
pub(super) struct Wrong {
    /// The place of the error, as a JSON pointer.
    pub(super) pointer: String,
    pub(super) what: String,
}

/// Checks that a value is a schema of the draft. Returns the first error, or the subschemas with their JSON
/// pointers. The caller has to check these.
pub(super) fn check<'a>(
    schema: &'a Json,
    pointer: &str,
    draft: Draft,
) -> Result<Vec<(String, &'a Json)>, Wrong> {
    let entries = match schema {
        Json::Object(entries) => entries,
        Json::Bool(_) if draft > 4 => return Ok(Vec::new()),
        other => {
            let wanted = if draft > 4 { "boolean or object" } else { "object" };
            return Err(wrong(pointer, other, wanted));
        }
    };
    let mut inner = Vec::new();
    for keyword in keywords(draft) {
        let Some(value) = entries.get(keyword.name) else { continue };
        let at = format!("{pointer}/{}", escaped(keyword.name));
        check_keyword(keyword, value, &at, draft, &mut inner)?;
        if keyword.name == "patternProperties" {
            for expression in value.as_object().into_iter().flat_map(|map| map.keys()) {
                check_regex(expression, &at)?;
            }
        }
    }
    for (exclusive, bound) in [("exclusiveMaximum", "maximum"), ("exclusiveMinimum", "minimum")] {
        if draft == 4 && entries.contains_key(exclusive) && !entries.contains_key(bound) {
            let what = format!("property '{bound}' is required, if '{exclusive}' exists");
            return Err(Wrong { pointer: pointer.to_owned(), what });
        }
    }
    Ok(inner)
}

fn check_keyword<'a>(
    keyword: &Keyword,
    value: &'a Json,
    at: &str,
    draft: Draft,
    inner: &mut Vec<(String, &'a Json)>,
) -> Result<(), Wrong> {
    let is_count = |v: &Json| matches!(v, Json::Number(n) if n.is_integer() && !n.is_negative());
    let fits = match (keyword.rule, value) {
        (Rule::SchemaOrBool, Json::Bool(_)) => true,
        (Rule::Schema | Rule::SchemaOrBool, schema) => {
            inner.push((at.to_owned(), schema));
            true
        }
        (Rule::SchemaOrSchemas, Json::Array(_)) | (Rule::Schemas, Json::Array(_)) => {
            let schemas = value.as_array().unwrap_or_default();
            if schemas.is_empty() {
                return Err(too_few(at));
            }
            inner.extend(schemas.iter().enumerate().map(|(n, schema)| (format!("{at}/{n}"), schema)));
            true
        }
        (Rule::SchemaOrSchemas, schema) => {
            inner.push((at.to_owned(), schema));
            true
        }
        (Rule::SchemaMap, Json::Object(map)) => {
            inner.extend(map.iter().map(|(k, schema)| (format!("{at}/{}", escaped(k)), schema)));
            true
        }
        (Rule::Dependencies, Json::Object(map)) => {
            for (key, value) in map {
                let at = format!("{at}/{}", escaped(key));
                match value {
                    Json::Array(_) => check_names(value, &at, draft == 4)?,
                    schema => inner.push((at, schema)),
                }
            }
            true
        }
        (Rule::NamesMap, Json::Object(map)) => {
            map.iter().try_for_each(|(k, v)| check_names(v, &format!("{at}/{}", escaped(k)), false))?;
            true
        }
        (Rule::Regex, Json::Str(expression)) => {
            check_regex(expression, at)?;
            true
        }
        (Rule::Id, Json::Str(id)) => {
            check_id(id, at)?;
            true
        }
        (Rule::Anchor, Json::Str(anchor)) => {
            check_anchor(anchor, at, draft)?;
            true
        }
        (Rule::Text, Json::Str(_)) | (Rule::Bool, Json::Bool(_)) | (Rule::List, Json::Array(_)) => true,
        (Rule::Number, Json::Number(_)) => true,
        (Rule::Positive, Json::Number(n)) if n.is_positive() => true,
        (Rule::Positive, Json::Number(n)) => {
            let what = format!("exclusiveMinimum: got {}, want 0", n.written);
            return Err(Wrong { pointer: at.to_owned(), what });
        }
        (Rule::Count, count) if is_count(count) => true,
        (Rule::Count, Json::Number(n)) if n.is_integer() => {
            return Err(Wrong {
                pointer: at.to_owned(),
                what: format!("minimum: got {}, want 0", n.written),
            });
        }
        (Rule::Choices, Json::Array(items)) => {
            check_unique(items, at)?;
            if items.is_empty() {
                return Err(too_few(at));
            }
            true
        }
        (Rule::Names, _) => {
            check_names(value, at, false)?;
            true
        }
        (Rule::SomeNames, _) => {
            check_names(value, at, true)?;
            true
        }
        (Rule::Types, _) => {
            check_types(value, at)?;
            true
        }
        _ => false,
    };
    if fits { Ok(()) } else { Err(wrong(at, value, wanted(keyword.rule))) }
}

fn wanted(rule: Rule) -> &'static str {
    match rule {
        Rule::Schema | Rule::SchemaOrBool | Rule::SchemaOrSchemas => "boolean or object",
        Rule::Schemas | Rule::List | Rule::Choices | Rule::Names | Rule::SomeNames => "array",
        Rule::SchemaMap | Rule::Dependencies | Rule::NamesMap => "object",
        Rule::Text | Rule::Id | Rule::Anchor | Rule::Regex | Rule::Types => "string",
        Rule::Bool => "boolean",
        Rule::Number | Rule::Positive => "number",
        Rule::Count => "integer",
    }
}

fn wrong(pointer: &str, value: &Json, wanted: &str) -> Wrong {
    Wrong { pointer: pointer.to_owned(), what: format!("got {}, want {wanted}", value.type_name()) }
}

fn too_few(at: &str) -> Wrong {
    Wrong { pointer: at.to_owned(), what: "minItems: got 0, want 1".to_owned() }
}

/// Checks that an `$id` has no fragment.
fn check_id(id: &str, at: &str) -> Result<(), Wrong> {
    if id.strip_suffix('#').unwrap_or(id).contains('#') {
        let what = format!("'{id}' does not match pattern '^[^#]*#?$'");
        return Err(Wrong { pointer: at.to_owned(), what });
    }
    Ok(())
}

/// Checks that an anchor is a valid name.
fn check_anchor(anchor: &str, at: &str, draft: Draft) -> Result<(), Wrong> {
    let (first, others, pattern) = if draft >= 2020 {
        ("_", "-._", "^[A-Za-z_][-A-Za-z0-9._]*$")
    } else {
        ("", "-.:_", "^[A-Za-z][-A-Za-z0-9.:_]*$")
    };
    let mut chars = anchor.chars();
    let begins = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || first.contains(c));
    if begins && chars.all(|c| c.is_ascii_alphanumeric() || others.contains(c)) {
        return Ok(());
    }
    let what = format!("'{anchor}' does not match pattern '{pattern}'");
    Err(Wrong { pointer: at.to_owned(), what })
}

fn check_regex(expression: &str, at: &str) -> Result<(), Wrong> {
    Regexp::compile(expression.as_bytes()).map(drop).map_err(|error| Wrong {
        pointer: at.to_owned(),
        what: format!("'{expression}' is not a regular expression of Go: {error}"),
    })
}

fn check_names(value: &Json, at: &str, some: bool) -> Result<(), Wrong> {
    let Json::Array(items) = value else { return Err(wrong(at, value, "array")) };
    if let Some((n, other)) = items.iter().enumerate().find(|(_, item)| item.as_str().is_none()) {
        return Err(wrong(&format!("{at}/{n}"), other, "string"));
    }
    if some && items.is_empty() {
        return Err(too_few(at));
    }
    check_unique(items, at)
}

fn check_unique(items: &[Json], at: &str) -> Result<(), Wrong> {
    match duplicates(items) {
        None => Ok(()),
        Some((first, second)) => {
            let what = format!("items at {first} and {second} are equal");
            Err(Wrong { pointer: at.to_owned(), what })
        }
    }
}

/// The indexes of two items that are equal.
pub(super) fn duplicates(items: &[Json]) -> Option<(usize, usize)> {
    let mut seen = std::collections::HashMap::new();
    items.iter().enumerate().find_map(|(place, item)| {
        let mut text = String::new();
        item.canonical(&mut text);
        seen.insert(text, place).map(|first| (first, place))
    })
}

const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

fn check_types(value: &Json, at: &str) -> Result<(), Wrong> {
    let known = |value: &Json, at: &str| match value.as_str() {
        Some(name) if TYPES.contains(&name) => Ok(()),
        Some(_) => {
            let what = format!("value must be one of '{}'", TYPES.join("', '"));
            Err(Wrong { pointer: at.to_owned(), what })
        }
        None => Err(wrong(at, value, "string")),
    };
    match value {
        Json::Array(items) if items.is_empty() => Err(too_few(at)),
        Json::Array(items) => {
            items.iter().enumerate().try_for_each(|(n, item)| known(item, &format!("{at}/{n}")))?;
            check_unique(items, at)
        }
        other => known(other, at),
    }
}

/// Whether a value is a schema of the draft, all subschemas included.
pub(super) fn is_schema(value: &Json, draft: Draft) -> bool {
    let mut waiting = vec![value];
    while let Some(schema) = waiting.pop() {
        match check(schema, "", draft) {
            Ok(inner) => waiting.extend(inner.into_iter().map(|(_, schema)| schema)),
            Err(_) => return false,
        }
    }
    true
}

/// Escapes a part of a JSON pointer.
pub(super) fn escaped(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}

/// The types that `type` names.
pub(super) fn types_of(value: &Json) -> HashSet<&'static str> {
    let names: Vec<&str> = match value {
        Json::Array(items) => items.iter().filter_map(Json::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    };
    TYPES.into_iter().filter(|known| names.contains(known)).collect()
}
