//! Discovery by the patterns of plugin.yaml, as argocd-cmp-server matches them.

use keyfill_files::{FileKind, Files, TreePath};
use keyfill_go::path;
use keyfill_go::regexp::Regexp;

/// Whether the path of a file or folder below `dir` matches `discover.fileName`: `*`, `?` and `[a-z]` match within
/// one name, and each `/` in the path has to be in the pattern. A pattern that cannot be parsed matches nothing.
pub fn file_name_fits(files: &dyn Files, dir: &TreePath, pattern: &str) -> bool {
    let pattern = path::clean(pattern.as_bytes());
    any_below(files, dir, "", &|name| path::matches(&pattern, name.as_bytes()).unwrap_or(false))
}

/// Whether the path of a file or folder below `dir` matches `discover.find.glob`: `*` matches within one name,
/// `**/` any number of folders; there are `{a,b}` and `[a-z]`; `?` matches only a question mark. A pattern without
/// `*` and `{` is the path of one file or folder.
pub fn glob_fits(files: &dyn Files, dir: &TreePath, pattern: &str) -> bool {
    let pattern = String::from_utf8_lossy(&path::clean(pattern.as_bytes())).into_owned();
    if !pattern.contains(['*', '{']) {
        return dir.join(&pattern).is_some_and(|path| files.resolve(&path).is_ok());
    }
    match Regexp::compile(expression(&pattern).as_bytes()) {
        Ok(expression) => any_below(files, dir, "", &|name| expression.is_match(name.as_bytes())),
        Err(_) => false,
    }
}

/// Whether the path of any file or folder matches, relative to the folder where the search began.
fn any_below(files: &dyn Files, dir: &TreePath, above: &str, fits: &dyn Fn(&str) -> bool) -> bool {
    let entries = files.list(dir).unwrap_or_default();
    entries.iter().filter(|entry| entry.name != ".git").any(|entry| {
        let name = format!("{above}{}", entry.name);
        fits(&name)
            || entry.kind == FileKind::Dir
                && !entry.is_link
                && dir
                    .join(&entry.name)
                    .is_some_and(|below| any_below(files, &below, &format!("{name}/"), fits))
    })
}

/// The regular expression of a glob.
fn expression(glob: &str) -> String {
    let mut expression = String::from("^");
    let mut rest = glob;
    while let Some(first) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("**/") {
            expression.push_str("(.*/)?");
            rest = after;
        } else if let Some((set, after)) = enclosed(rest, '[', ']') {
            expression.push_str(&format!("[{set}]"));
            rest = after;
        } else if let Some((names, after)) = enclosed(rest, '{', '}') {
            let names: Vec<String> = names.split(',').map(literal).collect();
            expression.push_str(&format!("({})", names.join("|")));
            rest = after;
        } else {
            rest = &rest[first.len_utf8()..];
            match first {
                '*' => expression.push_str("[^/]*"),
                other => expression.push_str(&literal(other.encode_utf8(&mut [0; 4]))),
            }
        }
    }
    expression.push('$');
    expression
}

/// Splits a text that begins with `open` into what comes before the next `close` and the rest; `None` if there is
/// no such part, or it is empty.
fn enclosed(text: &str, open: char, close: char) -> Option<(&str, &str)> {
    text.strip_prefix(open)?.split_once(close).filter(|(inside, _)| !inside.is_empty())
}

/// A regular expression that matches exactly this text.
fn literal(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::{file_name_fits, glob_fits};
    use keyfill_files::{MemoryFiles, TreePath};

    fn files() -> MemoryFiles {
        ["app/a.yaml", "app/sub/b.yaml", "app/sub/deep/c.txt", "other.yaml"]
            .map(|path| (path, ""))
            .into_iter()
            .collect()
    }

    #[test]
    fn file_name_patterns_match_paths_below_the_folder() {
        let (files, app) = (files(), TreePath::new("app").unwrap());
        for pattern in ["a.yaml", "./*.yaml", "*/b.yaml", "s?b/[ab].yaml", "sub", "*"] {
            assert!(file_name_fits(&files, &app, pattern), "{pattern}");
        }
        for pattern in ["b.yaml", "**/c.txt", "../other.yaml", "other.yaml", "[", ""] {
            assert!(!file_name_fits(&files, &app, pattern), "{pattern}");
        }
    }

    #[test]
    fn globs_match_paths_below_the_folder() {
        let (files, app) = (files(), TreePath::new("app").unwrap());
        for pattern in ["a.yaml", "sub", "**/c.txt", "**/a.yaml", "sub/**", "{a,x}.yaml", "**/[a-c].t*t"] {
            assert!(glob_fits(&files, &app, pattern), "{pattern}");
        }
        for pattern in ["b.yaml", "*.txt", "?.yaml", "../*.yaml", "{b,c}.yaml", "*[", "**/other.yaml"] {
            assert!(!glob_fits(&files, &app, pattern), "{pattern}");
        }
    }
}
