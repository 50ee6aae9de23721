//! `.helmignore`: which files of a chart's folder are not part of the chart.

use crate::error::{Error, Result};
use keyfill_go::path;

/// The rules of a `.helmignore` in their order, and helm's built-in rule `templates/.?*`.
#[derive(Debug)]
pub(crate) struct Rules(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    pattern: String,
    /// Whether the pattern has no wildcards, classes and escapes.
    is_literal: bool,
    /// `!` in front: every path that does *not* match is ignored.
    negate: bool,
    /// `/` at the end: only folders match.
    only_dirs: bool,
    /// A pattern with `/` is matched against the whole path, one without against the last part.
    whole_path: bool,
}

impl Rules {
    /// Parses a `.helmignore`. An empty text gives only the built-in rule.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut rules = Vec::new();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (line, number) in text.lines().zip(1..) {
            if let Some(rule) = Rule::parse(line).map_err(|e| e.at(number, None))? {
                rules.push(rule);
            }
        }
        // The built-in rule: hidden files in `templates/` are no templates.
        rules.extend(Rule::parse("templates/.?*")?);
        Ok(Self(rules))
    }

    /// Whether a path, relative to the chart's folder, is ignored.
    pub(crate) fn ignores(&self, path: &str, is_dir: bool) -> bool {
        for rule in &self.0 {
            if rule.negate {
                if (rule.only_dirs && !is_dir) || !rule.matches(path) {
                    return true;
                }
            } else if (!rule.only_dirs || is_dir) && rule.matches(path) {
                return true;
            }
        }
        false
    }
}

impl Rule {
    fn parse(line: &str) -> Result<Option<Self>> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(None);
        }
        if line.contains("**") {
            return Err(Error::render("double-star (**) syntax is not supported in .helmignore"));
        }
        if path::matches(line.as_bytes(), b"abc").is_err() {
            return Err(Error::render(format!("syntax error in the .helmignore pattern {line:?}")));
        }
        let (negate, rest) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
        let (only_dirs, rest) = rest.strip_suffix('/').map_or((false, rest), |rest| (true, rest));
        let whole_path = rest.contains('/');
        let pattern = rest.strip_prefix('/').unwrap_or(rest).to_owned();
        let is_literal = !pattern.contains(['*', '?', '[', '\\']);
        Ok(Some(Self { pattern, is_literal, negate, only_dirs, whole_path }))
    }

    fn matches(&self, name: &str) -> bool {
        let subject = if self.whole_path { name } else { name.rsplit('/').next().unwrap_or(name) };
        if self.is_literal {
            return self.pattern == subject;
        }
        path::matches(self.pattern.as_bytes(), subject.as_bytes()).unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::Rules;

    fn ignored(rules: &str, path: &str, is_dir: bool) -> bool {
        Rules::parse(rules).unwrap().ignores(path, is_dir)
    }

    #[test]
    fn patterns_match_as_in_helm() {
        assert!(ignored("*.txt", "a/b/c.txt", false));
        assert!(ignored("/a.txt", "a.txt", false) && !ignored("/a.txt", "b/a.txt", false));
        assert!(ignored("b/*.txt", "b/a.txt", false) && !ignored("b/*.txt", "c/b/a.txt", false));
        assert!(ignored("ci/", "ci", true) && !ignored("ci/", "ci", false));
        assert!(ignored("", "templates/.x", false) && !ignored("", "templates/x", false));
        assert!(ignored("# note\n\n!keep*", "other", false) && !ignored("!keep*", "keep.me", false));
        assert!(Rules::parse("a/**").is_err() && Rules::parse("[a").is_err());
    }
}
