//! Telling remote addresses from paths, by the official tool's rules. Nothing is fetched.

/// Whether a path is the address of a remote file.
pub fn is_remote_file(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    (lower.starts_with("http:") || lower.starts_with("https:")) && !path.contains(char::is_control)
}

/// Whether a path is the address of a git repository.
pub fn is_repository(path: &str) -> bool {
    if path.starts_with('/') {
        return false;
    }
    let address = path.split_once('?').map_or(path, |(address, _)| address);
    let Some((is_file, rest)) = after_host(address) else { return false };
    has_repository_path(rest, is_file)
}

/// What stands behind the host, and whether the scheme is `file://`; `None` when there is no host.
fn after_host(address: &str) -> Option<(bool, &str)> {
    let address = strip_ignoring_case(address, "git::").unwrap_or(address);
    let schemes = ["ssh://", "https://", "http://", "file://"];
    let (scheme, rest) = schemes
        .iter()
        .find_map(|s| strip_ignoring_case(address, s).map(|rest| (Some(*s), rest)))
        .unwrap_or((None, address));
    if scheme == Some("file://") {
        return Some((true, rest));
    }
    let (has_user, rest) = match rest.split_once('@') {
        Some((user, rest)) if is_user_name(user) => (true, rest),
        _ => (false, rest),
    };
    let lower = rest.to_ascii_lowercase();
    let is_github = lower.starts_with("github.com/") || lower.starts_with("github.com:");
    let may_be_scp = scheme.is_none() && (has_user || is_github);
    if scheme.is_none() && !may_be_scp {
        return None;
    }
    let slash = rest.find('/');
    let colon = rest.find(':');
    let end = match (slash, colon) {
        (None, colon) if may_be_scp => colon,
        (Some(slash), Some(colon)) if may_be_scp && colon > 0 && colon < slash => Some(colon),
        (slash, _) => slash,
    };
    let (host, path) = end.map_or((rest, ""), |at| rest.split_at(at + 1));
    (!host.is_empty()).then_some((false, path))
}

fn has_repository_path(path: &str, is_file: bool) -> bool {
    let split = if let Some(at) = path.find("_git/") {
        let below = &path[at + 5..];
        Some((&path[..at + 5], below.split_once('/').map_or("", |(_, rest)| rest)))
    } else if let Some(at) = path.find("//") {
        Some((&path[..at], &path[at + 2..]))
    } else if let Some(at) = path.find(".git") {
        Some(path.split_at(at + 4))
    } else if is_file {
        Some((path, ""))
    } else {
        // An owner and a repository, as on GitHub.
        let second = path.match_indices('/').nth(1).map(|(at, _)| at);
        match (path.contains('/'), second) {
            (false, _) => None,
            (true, None) => Some((path, "")),
            (true, Some(at)) => Some((&path[..at], &path[at + 1..])),
        }
    };
    split.is_some_and(|(repository, below)| !repository.is_empty() && !climbs_out(below))
}

/// Whether a path below the repository leaves it.
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
    use super::{is_remote_file, is_repository};

    #[test]
    fn addresses_of_repositories() {
        for address in [
            "https://github.com/org/repo",
            "https://github.com/org/repo//path?ref=v1",
            "github.com/org/repo/path",
            "git@github.com:org/repo.git",
            "ssh://git@host.example/org/repo.git/sub",
            "git::https://host.example/org/repo.git",
            "file:///srv/repo",
            "https://host.example/org/_git/repo/path",
        ] {
            assert!(is_repository(address), "{address}");
        }
        for path in
            ["../base", "base/sub", "/abs/path", "github.com", "https://github.com/org", "a.git/b", "x:y/z"]
        {
            assert!(!is_repository(path), "{path}");
        }
    }

    #[test]
    fn addresses_of_files() {
        assert!(is_remote_file("https://host.example/a.yaml"));
        assert!(is_remote_file("HTTP://host.example/a.yaml"));
        assert!(!is_remote_file("httpd/a.yaml") && !is_remote_file("git@host:a/b"));
    }
}
