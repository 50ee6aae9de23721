//! Machine-readable reports: JSON lines, GitHub's workflow commands, SARIF.

use crate::escape;
use anyhow::Result;
use keyfill_diag::{Diagnostic, Severity};
use serde_json::{Value, json};
use std::fmt::Write as _;

fn severity(diagnostic: &Diagnostic) -> &'static str {
    match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// One JSON object per line.
pub fn json_lines(found: &[Diagnostic]) -> Result<String> {
    let mut text = String::new();
    for d in found {
        let object = json!({
            "severity": severity(d),
            "class": d.class.name(),
            "rule": d.rule,
            "message": d.message,
            "file": d.place.file,
            "document": d.place.document,
            "line": d.place.line,
            "column": d.place.column,
            "path": d.place.path,
            "object": d.object.as_ref().map(|o| json!({
                "kind": o.kind, "namespace": o.namespace, "name": o.name,
            })),
            "trail": d.trail,
            "hint": d.hint,
        });
        writeln!(text, "{}", escape::json(&serde_json::to_string(&object)?))?;
    }
    Ok(text)
}

/// GitHub Actions' workflow commands: `::error file=...,line=...::message`.
pub fn github(found: &[Diagnostic]) -> String {
    let data = |text: &str| {
        let escaped = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
        escape::one_line(&escaped).into_owned()
    };
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let mut text = String::new();
    for d in found {
        let mut properties = Vec::new();
        if let Some(file) = &d.place.file {
            properties.push(format!("file={}", property(file)));
        }
        for (name, number) in [("line", d.place.line), ("col", d.place.column)] {
            properties.extend(number.map(|n| format!("{name}={n}")));
        }
        properties.push(format!("title=keyfill {}", d.rule_name()));
        let hint = d.hint.as_ref().map(|h| format!("\nhelp: {h}")).unwrap_or_default();
        let path = d.place.path.as_ref().map(|p| format!(" ({p})")).unwrap_or_default();
        let object = d.object.as_ref().map(|o| format!("{o}: ")).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "::{} {}::{}",
            severity(d),
            properties.join(","),
            data(&format!("{object}{}{path}{hint}", d.message))
        );
    }
    text
}

/// SARIF 2.1.0, for code scanning.
pub fn sarif(found: &[Diagnostic]) -> Result<String> {
    let results: Vec<Value> = found.iter().map(result).collect();
    let mut rules: Vec<&str> = found.iter().map(Diagnostic::rule_name).collect();
    rules.sort_unstable();
    rules.dedup();
    let rules: Vec<Value> = rules.iter().map(|id| json!({"id": id, "name": id})).collect();
    let driver = json!({"name": "keyfill", "version": env!("CARGO_PKG_VERSION"), "rules": rules});
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    });
    Ok(format!("{}\n", escape::json(&serde_json::to_string_pretty(&log)?)))
}

fn result(d: &Diagnostic) -> Value {
    let mut result = json!({"ruleId": d.rule_name(), "level": severity(d)});
    let hint = d.hint.as_ref().map(|h| format!(" Help: {h}")).unwrap_or_default();
    let object = d.object.as_ref().map(|o| format!("{o}: ")).unwrap_or_default();
    result["message"] = json!({"text": format!("{object}{}{hint}", d.message)});
    if let Some(file) = &d.place.file {
        let mut place = json!({"artifactLocation": {"uri": relative_uri(file)}});
        if let Some(line) = d.place.line {
            place["region"] = json!({"startLine": line, "startColumn": d.place.column.unwrap_or(1)});
        }
        let logical: Vec<Value> = d.place.path.iter().map(|p| json!({"fullyQualifiedName": p})).collect();
        result["locations"] = json!([{"physicalLocation": place, "logicalLocations": logical}]);
    }
    result
}

/// A path as a relative reference of RFC 3986. A colon is written as `%3A`, since text before a colon would be a
/// URI scheme.
fn relative_uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::{github, json_lines, relative_uri, sarif};
    use keyfill_diag::{Class, Diagnostic, ObjectRef, Place};

    fn found() -> Vec<Diagnostic> {
        let place =
            Place { column: Some(4), path: Some("data.a".into()), ..Place::file("a,b.yaml", Some(3)) };
        vec![Diagnostic::error(Class::Missing, "no key\nhere").at(place).hint("100% sure?")]
    }

    #[test]
    fn every_format_holds_the_place() {
        let line: serde_json::Value = serde_json::from_str(&json_lines(&found()).unwrap()).unwrap();
        assert_eq!((line["line"].as_u64(), line["class"].as_str()), (Some(3), Some("missing")));
        let want = "::error file=a%2Cb.yaml,line=3,col=4,title=keyfill missing::no key%0Ahere (data.a)%0Ahelp: 100%25 sure?\n";
        assert_eq!(github(&found()), want);
        let log: serde_json::Value = serde_json::from_str(&sarif(&found()).unwrap()).unwrap();
        let place = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(
            (place["region"]["startLine"].as_u64(), place["artifactLocation"]["uri"].as_str()),
            (Some(3), Some("a,b.yaml"))
        );
    }

    #[test]
    fn a_files_name_is_a_uri_in_sarif() {
        for (path, uri) in
            [("apps/web/a,b.yaml", "apps/web/a,b.yaml"), ("a b%#?.yaml", "a%20b%25%23%3F.yaml")]
        {
            assert_eq!(relative_uri(path), uri);
        }
        assert_eq!(relative_uri("c:ä"), "c%3A%C3%A4");
    }

    #[test]
    fn every_format_names_the_object() {
        let found = found().into_iter().map(|d| d.about(ObjectRef::new("Secret", "prod", "db")));
        let found: Vec<Diagnostic> = found.collect();
        let line: serde_json::Value = serde_json::from_str(&json_lines(&found).unwrap()).unwrap();
        let object = |name: &str| line["object"][name].as_str();
        assert_eq!(
            (object("kind"), object("namespace"), object("name")),
            (Some("Secret"), Some("prod"), Some("db"))
        );
        let named = "Secret \"db\" in namespace \"prod\": no key";
        assert!(github(&found).contains(named));
        let log: serde_json::Value = serde_json::from_str(&sarif(&found).unwrap()).unwrap();
        assert!(log["runs"][0]["results"][0]["message"]["text"].as_str().unwrap().contains(named));
    }

    #[test]
    fn names_reach_no_format_raw() {
        let hostile = "a\n::warning file=x::forged\n\u{1b}[31m\u{85}\u{202e}.yaml";
        let place = Place { path: Some(hostile.into()), ..Place::file(hostile, Some(1)) };
        let found = [Diagnostic::error(Class::Render, hostile).at(place).hint(hostile).via(hostile)];
        for text in [json_lines(&found).unwrap(), github(&found), sarif(&found).unwrap()] {
            assert!(!text.contains(['\u{1b}', '\u{85}', '\u{202e}']), "{text:?}");
            assert!(text.lines().all(|line| !line.starts_with("::warning")), "{text}");
        }
        assert_eq!(github(&found).lines().count(), 1);
        let line: serde_json::Value = serde_json::from_str(&json_lines(&found).unwrap()).unwrap();
        assert_eq!(line["file"].as_str(), Some(hostile));
    }

    #[test]
    fn nothing_found_is_still_valid() {
        assert_eq!((json_lines(&[]).unwrap().as_str(), github(&[]).as_str()), ("", ""));
        assert!(sarif(&[]).unwrap().contains("\"results\": []"));
    }
}
