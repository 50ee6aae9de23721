//! git's configuration files, such as `.git/config` and `.gitmodules`: sections, keys and values of one file. Files
//! that it includes are not read.

/// Pairs of a name and a value. A name is section and key, in lower case except for a subsection in quotes.
#[derive(Debug, Default)]
pub(super) struct Config(Vec<(String, String)>);

impl Config {
    pub(super) fn parse(text: &str) -> Self {
        let (mut section, mut found) = (String::new(), Vec::new());
        for line in text.lines().map(str::trim) {
            if let Some(head) = line.strip_prefix('[') {
                let head = head.split(']').next().unwrap_or_default();
                section = match head.split_once('"') {
                    Some((name, sub)) => {
                        let sub = sub.rsplit_once('"').map_or(sub, |(sub, _)| sub);
                        format!("{}.{sub}", name.trim().to_ascii_lowercase())
                    }
                    None => head.trim().to_ascii_lowercase(),
                };
            } else if !line.is_empty() && !line.starts_with(['#', ';']) {
                let (key, value) = line.split_once('=').unwrap_or((line, "true"));
                let key = format!("{section}.{}", key.trim().to_ascii_lowercase());
                found.push((key, unquoted(value)));
            }
        }
        Self(found)
    }

    /// The value of `section.key`. If it is set several times, the last one.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The values of a key in all sections of a kind, such as `url` of each `[remote "NAME"]`.
    pub(super) fn all(&self, section: &str, key: &str) -> Vec<&str> {
        let of_kind = |name: &str| {
            let below = name.strip_prefix(section).and_then(|rest| rest.strip_prefix('.'));
            below.and_then(|below| below.rsplit_once('.')).is_some_and(|(_, last)| last == key)
        };
        self.0.iter().filter(|(name, _)| of_kind(name)).map(|(_, value)| value.as_str()).collect()
    }

    /// The NAME of the section `[section "NAME"]` in which `key` has this value.
    pub(super) fn section_with(&self, section: &str, key: &str, value: &str) -> Option<&str> {
        self.0.iter().filter(|(_, held)| held == value).find_map(|(name, _)| {
            let below = name.strip_prefix(section)?.strip_prefix('.')?;
            below.rsplit_once('.').filter(|(_, last)| *last == key).map(|(name, _)| name)
        })
    }
}

/// A value without its quotes and comment.
fn unquoted(value: &str) -> String {
    let (mut text, mut quoted, mut escaped) = (String::new(), false, false);
    for c in value.trim().chars() {
        match c {
            _ if escaped => {
                text.push(match c {
                    'n' => '\n',
                    't' => '\t',
                    other => other,
                });
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '#' | ';' if !quoted => break,
            c => text.push(c),
        }
    }
    text.trim_end().to_owned()
}
