//! Templates in paths: text with `{{ app.name }}` and the like, optionally with filters.
//!
//! A template comes from an author, so it is validated here before minijinja renders it: only names and the listed
//! filters are allowed, no statements, operators or calls. The size is bounded before and after.

use std::fmt;

/// Why a path is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathError {
    /// The error message.
    pub message: String,
    /// The path is forbidden for security, not merely malformed.
    pub forbidden: bool,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The error for a malformed path.
pub fn wrong(message: String) -> PathError {
    PathError { message, forbidden: false }
}

/// The error for a path that is not allowed.
pub fn forbidden(message: String) -> PathError {
    PathError { message, forbidden: true }
}

/// The longest path template, in bytes.
pub const MOST_WRITTEN: usize = 1 << 10;
/// The longest rendered path, in bytes.
pub const MOST_RENDERED: usize = 4 << 10;

/// The allowed filters, each with the number of its arguments.
///
/// None of them makes a text much longer, even in a long chain.
const FILTERS: [(&str, usize); 4] = [("lower", 0), ("upper", 0), ("trim", 0), ("default", 1)];

/// Whether a text contains template syntax, valid or not.
pub fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|open| text.contains(open))
}

/// Checks that a template contains nothing but names and filters, and returns the names, for example `app.name`.
pub fn names(template: &str) -> Result<Vec<&str>, PathError> {
    if template.len() > MOST_WRITTEN {
        return Err(wrong(format!("a path with a template takes at most {MOST_WRITTEN} bytes")));
    }
    let mut names = Vec::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        rest = &rest[open..];
        if rest.starts_with("{%") || rest.starts_with("{#") {
            return Err(wrong(format!(
                "the path template {template} holds {}; only {{{{ name }}}} may stand in a path",
                &rest[..2]
            )));
        }
        let Some(inside) = rest.strip_prefix("{{") else {
            rest = &rest[1..];
            continue;
        };
        let unreadable = || {
            wrong(format!(
                "the path template {template} cannot be read: {{{{ }}}} holds a name such as app.name, \
                 perhaps with filters ({})",
                FILTERS.map(|(name, _)| name).join(", ")
            ))
        };
        let mut reader = Reader { rest: inside };
        names.push(reader.expression().ok_or_else(unreadable)?);
        rest = reader.rest;
    }
    Ok(names)
}

struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn blank(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, token: &str) -> bool {
        self.blank();
        self.rest.strip_prefix(token).map(|rest| self.rest = rest).is_some()
    }

    /// Parses a name and its filters, up to the closing braces.
    fn expression(&mut self) -> Option<&'t str> {
        self.blank();
        let start = self.rest;
        self.word()?;
        while self.rest.starts_with('.') {
            self.rest = &self.rest[1..];
            self.word()?;
        }
        // A name without a dot (`app`, `env`) would print a whole mapping of any size.
        let name = Some(&start[..start.len() - self.rest.len()]).filter(|name| name.contains('.'))?;
        while self.take("|") {
            self.blank();
            let filter = self.word()?;
            let (_, texts) = FILTERS.iter().find(|(name, _)| *name == filter)?;
            self.texts(*texts)?;
        }
        self.take("}}").then_some(name)
    }

    /// Parses a word: letters, digits and underscores, not beginning with a digit.
    fn word(&mut self) -> Option<&'t str> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.starts_with(|c: char| !c.is_ascii_digit()).then_some(word)
    }

    /// Parses the arguments of a filter: quoted texts without escapes.
    fn texts(&mut self, count: usize) -> Option<()> {
        if count == 0 {
            return Some(());
        }
        self.take("(").then_some(())?;
        for number in 0..count {
            if number > 0 {
                self.take(",").then_some(())?;
            }
            self.blank();
            let quote = self.rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let end = self.rest[1..].find(quote)?;
            if self.rest[1..=end].contains('\\') {
                return None;
            }
            self.rest = &self.rest[end + 2..];
        }
        self.take(")").then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_WRITTEN, is_template, names};

    #[test]
    fn names_with_listed_filters_are_a_template() {
        for (template, expected) in [
            ("kv/{{ app.name }}/{{env.CLUSTER}}", vec!["app.name", "env.CLUSTER"]),
            ("{{ app.name | lower | default( \"-\" ) }}", vec!["app.name"]),
            ("a/{{ app.project|default('none') }}/{x}", vec!["app.project"]),
            ("plain", vec![]),
        ] {
            assert_eq!(names(template).ok(), Some(expected), "{template}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let deep = format!("{{{{ {}1 }}}}", "-".repeat(900));
        for template in [
            "{% set a = 1 %}",
            "{# note #}",
            "{{ a ~ b }}",
            "{{ a * 9 }}",
            "{{ 2 ** 99 }}",
            "{{ app['name'] }}",
            "{{ range(9) }}",
            "{{ app.name",
            "{{ }}",
            "{{ app. }}",
            "{{ app }}",
            "{{ env | lower }}",
            "{{ .name }}",
            "{{ 'text' }}",
            "{{ 1 }}",
            "{{ app.name | safe }}",
            "{{ app.name | replace('a', 'b') }}",
            "{{ app.name | default('\\n') }}",
            "{{ app.name | default(app.project) }}",
            "{{ app.name }",
            "{{{{ app.name }}}}",
            "{{ app.name if x }}",
            "{{ app.name | lower() }}",
            "{{- app.name -}}",
            &deep,
        ] {
            assert!(is_template(template) && names(template).is_err(), "{template}");
        }
        let long = format!("{}{{{{ app.name }}}}", "a".repeat(MOST_WRITTEN));
        assert!(names(&long).is_err());
    }
}
