//! Parsing addresses of files and repositories by the official tool's rules. Nothing is fetched here.

use keyfill_files::GitRef;

/// Whether a path is an http or https address.
pub fn is_remote_file(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    (lower.starts_with("http:") || lower.starts_with("https:")) && !path.contains(char::is_control)
}

/// Whether an address ends like a manifest file, so that no repository is looked for at it. The official tool
/// fetches every address as a file first.
pub fn names_a_manifest(address: &str) -> bool {
    let path = address.split(['?', '#']).next().unwrap_or(address).to_ascii_lowercase();
    [".yaml", ".yml", ".json"].iter().any(|ending| path.ends_with(ending))
}

/// A folder of a git repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// The repository to clone, and its reference.
    pub git: GitRef,
    /// The folder in the repository; empty for its root.
    pub path: String,
    /// Whether submodules are read, too.
    pub submodules: bool,
}

impl Repository {
    /// Parses an address; `None` if it is not one of a repository, for example a path.
    pub fn parse(text: &str) -> Option<Self> {
        if text.starts_with('/') {
            return None;
        }
        let (address, query) = text.split_once('?').unwrap_or((text, ""));
        let (host, rest, is_file) = host(address)?;
        let (repository, below) = split(rest, is_file)?;
        if repository.is_empty() || climbs_out(&below) {
            return None;
        }
        let path = below.strip_prefix('/').unwrap_or(&below).to_owned();
        let url = format!("{host}{repository}");
        let Query { reference, submodules } = Query::parse(query);
        Some(Self { git: GitRef { url, reference }, path, submodules })
    }
}

/// The scheme, user and host as git gets them, the rest of the address, and whether the scheme is `file://`.
fn host(address: &str) -> Option<(String, &str, bool)> {
    let address = strip_ignoring_case(address, "git::").unwrap_or(address);
    let schemes = ["ssh://", "https://", "http://", "file://"];
    let (scheme, rest) = schemes
        .iter()
        .find_map(|s| strip_ignoring_case(address, s).map(|rest| (*s, rest)))
        .unwrap_or(("", address));
    if scheme == "file://" {
        return Some((scheme.to_owned(), rest, true));
    }
    let (user, rest) = match rest.split_once('@') {
        Some((user, _)) if is_user_name(user) => rest.split_at(user.len() + 1),
        _ => ("", rest),
    };
    let lower = rest.to_ascii_lowercase();
    let is_github = lower.starts_with("github.com/") || lower.starts_with("github.com:");
    let may_be_scp = scheme.is_empty() && (!user.is_empty() || is_github);
    if scheme.is_empty() && !may_be_scp {
        return None;
    }
    let slash = rest.find('/');
    let colon = rest.find(':');
    let end = match (slash, colon) {
        (None, colon) if may_be_scp => colon,
        (Some(slash), Some(colon)) if may_be_scp && colon > 0 && colon < slash => Some(colon),
        (slash, _) => slash,
    };
    let (name, path) = end.map_or((rest, ""), |at| rest.split_at(at + 1));
    if name.is_empty() {
        return None;
    }
    let host = match (is_github, scheme == "ssh://" || !user.is_empty()) {
        (true, true) => format!("{user}github.com:"),
        (true, false) => "https://github.com/".to_owned(),
        (false, _) => format!("{scheme}{user}{name}"),
    };
    Some((host, path, false))
}

/// The path of the repository, and the folder in it.
fn split(path: &str, is_file: bool) -> Option<(&str, String)> {
    if let Some(at) = path.find("_git/") {
        let below = &path[at + 5..];
        let (name, below) = below.split_once('/').unwrap_or((below, ""));
        return Some((&path[..at + 5 + name.len()], below.to_owned()));
    }
    if let Some(at) = path.find("//") {
        return Some((&path[..at], path[at + 2..].to_owned()));
    }
    if let Some(at) = path.find(".git") {
        return Some((&path[..at + 4], path[at + 4..].to_owned()));
    }
    if is_file {
        return Some((path, String::new()));
    }
    // The path of a repository has two parts, owner and name, as on GitHub.
    let second = path.match_indices('/').nth(1).map(|(at, _)| at);
    match (path.contains('/'), second) {
        (false, _) => None,
        (true, None) => Some((path, String::new())),
        (true, Some(at)) => Some((&path[..at], path[at + 1..].to_owned())),
    }
}

/// The settings in an address's query.
struct Query {
    /// The value of `ref`, or else of `version`.
    reference: String,
    submodules: bool,
}

impl Query {
    /// Parses a query. One that is malformed sets nothing.
    fn parse(query: &str) -> Self {
        let mut found = [None, None, None];
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (unescaped(name), unescaped(value)) else {
                return Self { reference: String::new(), submodules: true };
            };
            let at = ["ref", "version", "submodules"].iter().position(|known| *known == name);
            if let Some(place) = at.and_then(|at| found.get_mut(at)) {
                place.get_or_insert(value);
            }
        }
        let [of_ref, version, submodules] = found;
        let reference = [of_ref, version].into_iter().flatten().find(|value| !value.is_empty());
        // The words that Go parses as false. Any other word has no effect.
        let no = ["0", "f", "F", "false", "FALSE", "False"];
        let submodules = !submodules.is_some_and(|value| no.contains(&&*value));
        Self { reference: reference.unwrap_or_default(), submodules }
    }
}

/// A part of a query with its escapes decoded; `None` if Go refuses it.
fn unescaped(text: &str) -> Option<String> {
    if text.contains(';') {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                bytes.push(u8::try_from(high * 16 + low).ok()?);
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

/// Whether a path has more `..` than parts before them, so that it leaves the repository.
fn climbs_out(path: &str) -> bool {
    let mut depth = 0_i32;
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => depth -= 1,
            _ => depth += 1,
        }
        if depth < 0 {
            return true;
        }
    }
    false
}

fn is_user_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

fn strip_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

#[cfg(test)]
mod tests {
    use super::{Repository, is_remote_file, names_a_manifest};

    /// Address, repository to clone, folder and reference.
    #[test]
    fn addresses_of_repositories_are_parsed() {
        for (address, url, path, reference) in [
            ("https://github.com/org/repo", "https://github.com/org/repo", "", ""),
            ("https://github.com/org/repo//a/b?ref=v1", "https://github.com/org/repo", "a/b", "v1"),
            ("http://GitHub.com/org/repo/a", "https://github.com/org/repo", "a", ""),
            ("github.com/org/repo/a?version=v2", "https://github.com/org/repo", "a", "v2"),
            ("github.com:org/repo", "https://github.com/org/repo", "", ""),
            ("github.com/org/repo.git/a?ref=x&version=y", "https://github.com/org/repo.git", "a", "x"),
            ("git@github.com:org/repo.git", "git@github.com:org/repo.git", "", ""),
            ("https://git@github.com/org/repo", "git@github.com:org/repo", "", ""),
            ("ssh://git@github.com/org/repo/a", "git@github.com:org/repo", "a", ""),
            ("ssh://git@host.example/org/repo.git/sub", "ssh://git@host.example/org/repo.git", "sub", ""),
            ("git::https://host.example/org/repo.git", "https://host.example/org/repo.git", "", ""),
            ("HTTPS://host.example/org/repo", "https://host.example/org/repo", "", ""),
            ("me@host.example:org/repo//a", "me@host.example:org/repo", "a", ""),
            ("file:///srv/repo", "file:///srv/repo", "", ""),
            ("file:///srv/repo//base", "file:///srv/repo", "base", ""),
            ("https://host/a/_git/repo/path", "https://host/a/_git/repo", "path", ""),
            ("https://host/a/b/c/d", "https://host/a/b", "c/d", ""),
            ("https://host:8443/a/b.git//c/../d", "https://host:8443/a/b.git", "c/../d", ""),
            ("https://host/a/b?ref=refs%2Fheads%2Fmain", "https://host/a/b", "", "refs/heads/main"),
            ("https://host/a/b?timeout=90&submodules=false&ref=v1", "https://host/a/b", "", "v1"),
            ("https://host/a/b?ref=%zz", "https://host/a/b", "", ""),
            ("https://host/a/b?ref=&version=v3", "https://host/a/b", "", "v3"),
        ] {
            let found = Repository::parse(address).unwrap_or_else(|| panic!("{address} is a repository"));
            let git = &found.git;
            assert_eq!((&*git.url, &*found.path, &*git.reference), (url, path, reference), "{address}");
        }
    }

    #[test]
    fn a_query_may_leave_submodules_out() {
        for (query, submodules) in [
            ("", true),
            ("?submodules=false", false),
            ("?ref=v1&submodules=0", false),
            ("?submodules=true&submodules=false", true),
            ("?submodules=no", true),
            ("?submodules=false&ref=%zz", true),
        ] {
            let found = Repository::parse(&format!("https://host/a/b{query}")).expect("a repository");
            assert_eq!(found.submodules, submodules, "{query}");
        }
    }

    #[test]
    fn paths_and_malformed_addresses_are_no_repositories() {
        for path in [
            "../base",
            "base/sub",
            "/abs/path",
            "github.com",
            "https://github.com/org",
            "a.git/b",
            "x:y/z",
            "https://host/a/b//../..",
            "",
        ] {
            assert_eq!(Repository::parse(path), None, "{path}");
        }
    }

    #[test]
    fn addresses_of_files_are_recognized() {
        assert!(is_remote_file("https://host.example/a.yaml"));
        assert!(is_remote_file("HTTP://host.example/a.yaml"));
        assert!(!is_remote_file("httpd/a.yaml") && !is_remote_file("git@host:a/b"));
        for manifest in ["https://h/a/b.yaml", "https://h/a.YML?x=1", "https://h/a.json#b"] {
            assert!(names_a_manifest(manifest), "{manifest}");
        }
        assert!(!names_a_manifest("https://h/a/b?ref=x.yaml"));
    }
}
